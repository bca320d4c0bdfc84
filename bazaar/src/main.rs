//! `bazaar`: the order backend for things that sell out. Every service and every tool is a command of this one binary.

use std::process::ExitCode;
use std::time::Duration;

use bazaar::cli::{audit, broadcast, config_check, member, status, trade, up};
use bazaar::config::ServiceArgs;
use bazaar::service;
use clap::{Parser, Subcommand};
use node::service::ServiceKind;

/// The order backend for things that sell out
#[derive(Parser)]
#[command(name = "bazaar", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system on this machine, supervised
    Up(up::UpArgs),
    /// Run one catalog replica
    Catalog(ServiceArgs),
    /// Run one order replica
    Orders(ServiceArgs),
    /// Run one member of the customers' group
    Customers(ServiceArgs),
    /// Run one gateway
    Gateway(ServiceArgs),
    /// Run the payment service: a bank to try things out with, by SOAP
    Payment(service::PaymentArgs),
    /// Load a running system with clients, and check every answer
    Trade(trade::TradeArgs),
    /// Load the customers' group of a running system, and check that nothing acknowledged is missing
    Broadcast(broadcast::BroadcastArgs),
    /// Do all replicas agree, and do catalog and orders add up?
    Audit(audit::AuditArgs),
    /// Who leads what, positions, lag, cache hit rates
    Status(status::StatusArgs),
    /// Who belongs to the catalog's group, and changes of that
    Member(member::MemberCommand),
    /// Look at the configuration
    Config(config_check::ConfigCommand),
}

/// How long threads that block may hold up the end of the process. What they write is safe either way: a disk that hangs must
/// not keep a process that was told to stop.
const LAST_MOMENT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("bazaar: cannot start threads: {error}");
            return ExitCode::from(2);
        }
    };
    let code = runtime.block_on(run(command));
    runtime.shutdown_timeout(LAST_MOMENT);
    code
}

async fn run(command: Command) -> ExitCode {
    match command {
        Command::Up(args) => up::run(&args).await,
        Command::Catalog(args) => service::run(ServiceKind::Catalog, args).await,
        Command::Orders(args) => service::run(ServiceKind::Orders, args).await,
        Command::Customers(args) => service::run(ServiceKind::Customers, args).await,
        Command::Gateway(args) => service::run(ServiceKind::Gateway, args).await,
        Command::Payment(args) => service::run_payment(args).await,
        Command::Trade(args) => trade::command(args).await.unwrap_or_else(|error| {
            eprintln!("bazaar trade: {error}");
            ExitCode::from(2)
        }),
        Command::Broadcast(args) => broadcast::command(args).await.unwrap_or_else(|error| {
            eprintln!("bazaar broadcast: {error}");
            ExitCode::from(2)
        }),
        Command::Audit(args) => audit::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Member(args) => member::run(args).await,
        Command::Config(args) => config_check::run(&args),
    }
}
