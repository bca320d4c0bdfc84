//! `bazaar trade`: the load client. Looks listings up, buys and sells, remembers every success, and compares before it leaves.
//!
//! A pause (a server that is being replaced, a shed request) is not a wrong answer: the client repeats the request, orders
//! under the same `Idempotency-Key`, until its patience ends, and counts the pause. What is wrong is an answer that
//! contradicts another one: an order that cannot be found again or reads differently, a number given twice.

mod answers;
mod args;
mod book;
mod catalog;
mod client;
mod link;
mod progress;
mod report;
mod show;

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use args::{RunType, SideChoice, TradeArgs};
pub use report::{Latency, Report};

use book::Book;
use catalog::Catalog;
use client::{Client, Plan};
use progress::Progress;

/// Why a run could not take place, or could not be told.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// The arguments contradict each other.
    #[error("{0}")]
    Arguments(String),
    /// The file of listings cannot be used.
    #[error("listings file {path}: {reason}")]
    Listings {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no entropy.
    #[error("no entropy for idempotency keys")]
    Entropy(#[source] std::io::Error),
    /// A result could not be written.
    #[error("cannot write {what}")]
    Output {
        /// Where to.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A client stopped for a reason of its own: a bug.
    #[error("a client failed")]
    Client(#[from] tokio::task::JoinError),
}

/// Exit status of a program that was interrupted, by custom.
const INTERRUPTED: i32 = 130;

/// Runs the command to its end or to Ctrl-C, and shows the result. Succeeds only without mismatch and error.
pub async fn command(args: TradeArgs) -> Result<ExitCode, TradeError> {
    let report = run_until(args.clone(), interrupted()).await?;
    show::show(&report, &args)?;
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The first Ctrl-C ends the rounds (the check still runs), the second ends the program.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        return std::future::pending().await;
    }
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED);
        }
    });
}

/// Runs the clients and tells what they saw.
pub async fn run(args: TradeArgs) -> Result<Report, TradeError> {
    run_until(args, std::future::pending()).await
}

/// As [`run`], but the clients start no further round once `stop` is ready; they still check what they did.
pub async fn run_until(
    args: TradeArgs,
    stop: impl Future<Output = ()>,
) -> Result<Report, TradeError> {
    args.validate()?;
    let plan = Arc::new(Plan {
        catalog: Catalog::of(&args)?,
        book: Book::new(args.expected_rounds()),
        entropy: crate::rest::entropy().map_err(TradeError::Entropy)?,
        args,
    });
    let progress = Progress::start(&plan.args);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..plan.args.clients {
        clients.spawn(Client::new(plan.clone(), number).run());
    }
    let mut stop = pin!(stop);
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut stopped = false;
    loop {
        tokio::select! {
            left = clients.join_next() => match left {
                Some(left) => left?,
                None => break,
            },
            () = &mut stop, if !stopped => {
                stopped = true;
                plan.book.stop.store(true, Ordering::Relaxed);
            }
            _ = ticks.tick() => progress.show(&plan.book),
        }
    }
    progress.finish();
    Ok(plan.book.report(&plan.args))
}
