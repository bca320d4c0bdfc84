//! `bazaar up`: the whole system on this machine, each service a process of its own, supervised.
//!
//! A service that crashes is started again, at once the first time, with growing pauses when it keeps crashing. Children
//! die with their supervisor, however it ends: each watches a pipe whose other end the supervisor holds
//! ([`lifeline`]). An orderly stop goes from the outside in: gateways, then orders, then the catalog.

mod args;
mod backoff;
mod chaos;
mod files;
mod keeper;
pub mod lifeline;
mod logs;
mod overview;
pub mod probe;
mod supervisor;
mod tally;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::config::{Config, ConfigError, Loaded};

pub use args::UpArgs;
pub use keeper::{Launch, Notice};
pub use supervisor::Supervisor;
pub use tally::Tally;

/// How long to wait for the first service to serve before saying that something may be wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the system did not come up.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The configuration cannot work.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A file or folder of the supervisor cannot be used.
    #[error("{what}: {source}")]
    Files {
        /// What was tried, with its path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Another supervisor uses the data.
    #[error(
        "{folder} is in use by another `bazaar up`; stop it, or choose another folder with --data"
    )]
    InUse {
        /// The folder.
        folder: String,
    },
    /// A port is taken.
    #[error(
        "{address} (for {service}) is taken: {source}; choose other ports with --port and --grpc-port, or stop who uses it"
    )]
    Port {
        /// The address.
        address: String,
        /// Who wants it.
        service: String,
        /// Why it is not free.
        source: std::io::Error,
    },
    /// The binary's own path or runtime is not to be had.
    #[error("cannot start processes: {0}")]
    Start(std::io::Error),
    /// The flags contradict what is there.
    #[error("{0}")]
    Flags(String),
}

/// Runs `bazaar up` until it is told to stop.
pub async fn run(args: &UpArgs) -> ExitCode {
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &UpArgs) -> Result<(), UpError> {
    let started = Instant::now();
    let prepared = files::prepare(args)?;
    let Loaded { config, warnings } = &prepared.loaded;
    warnings.iter().for_each(|warning| println!("{warning}"));
    supervisor::check_ports(config)?;
    let binary = std::env::current_exe().map_err(UpError::Start)?;
    let mut supervisor = Supervisor::new(config.logs());
    for service in config.services() {
        supervisor
            .start(service, Launch::service(&binary, &prepared.file, service, &prepared.overrides));
    }
    println!("{}", overview::table(config, &prepared.file));
    let stop = lifeline::shutdown(false);
    tokio::pin!(stop);
    tokio::select! {
        reason = &mut stop => println!("{reason}: stopping"),
        never = watch(config, args, &supervisor, started) => match never {},
    }
    stop_in_order(&mut supervisor).await;
    Ok(())
}

/// Says when the system serves, then kills services if asked to. Ends only by being dropped.
async fn watch(
    config: &Config,
    args: &UpArgs,
    supervisor: &Supervisor,
    started: Instant,
) -> std::convert::Infallible {
    let ready = overview::until_ready(config);
    if tokio::time::timeout(PATIENCE, ready).await.is_ok() {
        let seconds = started.elapsed().as_secs_f64();
        println!("serving after {seconds:.2} s; stop with Ctrl-C");
    } else {
        println!("not serving yet; the logs in {} say why", config.logs().display());
        overview::until_ready(config).await;
        println!("serving; stop with Ctrl-C");
    }
    match args.kill_every {
        Some(period) => chaos::run(config, supervisor, &args.chaos(period)).await,
        None => std::future::pending().await,
    }
}

/// Stops everything from the outside in; a second signal stops it the hard way.
async fn stop_in_order(supervisor: &mut Supervisor) {
    let started = Instant::now();
    let hard = lifeline::shutdown(false);
    let killed = tokio::select! {
        killed = supervisor.stop() => killed,
        reason = hard => {
            println!("{reason} again: killing what is left");
            supervisor.kill_all().await
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if killed.is_empty() {
        println!("stopped in {seconds:.1} s");
    } else {
        let names: Vec<String> = killed.iter().map(ToString::to_string).collect();
        println!("stopped in {seconds:.1} s; had to kill {}", names.join(", "));
    }
    println!("{}", supervisor.summary());
}
