//! `bazaar broadcast`: load for the customers' group, and the truth about it afterwards.
//!
//! It opens accounts at random members, repeats under the same key what was not answered, and remembers what was acknowledged.
//! At the end it waits until all members hold the same, and looks for every account.

mod args;
mod check;
mod client;
mod group;
mod report;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

pub use args::BroadcastArgs;
pub use report::Report;

use crate::config::ConfigError;
use crate::links::StartError;
use client::{Run, Seen};
use group::Group;

/// Why a run could not take place.
#[derive(Debug, thiserror::Error)]
pub enum BroadcastError {
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is nobody to ask.
    #[error("the deployment has no customers' group")]
    NoGroup,
    /// No links.
    #[error(transparent)]
    Links(#[from] StartError),
    /// The system gave no entropy.
    #[error("no entropy for names and keys: {0}")]
    Entropy(#[from] std::io::Error),
    /// A client stopped for a reason of its own: a bug.
    #[error("a client failed: {0}")]
    Client(#[from] tokio::task::JoinError),
}

/// Runs the command and shows the result. Succeeds only if everything is as it must be.
pub async fn command(args: BroadcastArgs) -> Result<ExitCode, BroadcastError> {
    let report = run(&args).await?;
    match args.json {
        true => println!("{}", report.json()),
        false => println!("{}", report.text()),
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens accounts, then checks.
pub async fn run(args: &BroadcastArgs) -> Result<Report, BroadcastError> {
    let config = args.config.load()?.config;
    if config.customers.replicas.is_empty() {
        return Err(BroadcastError::NoGroup);
    }
    let drawn = crate::rest::entropy()?;
    let run = Arc::new(Run {
        group: Group::link(&config).await?,
        tag: drawn[..8].iter().fold(0, |tag, byte| tag << 8 | u64::from(*byte)),
        seed: args.seed,
        count: args.count.unwrap_or(u64::MAX),
        next: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let began = Instant::now();
    let mut seen = load(&run, args).await?;
    let mut report = Report::new(began.elapsed(), &seen);
    let patience = args.patience.duration();
    (report.level, report.standing) = check::level(&config, patience).await;
    let opened = seen.iter_mut().flat_map(|seen| std::mem::take(&mut seen.opened)).collect();
    report.faults.extend(check::missing(&run, opened, patience).await);
    run.group.leave().await;
    Ok(report)
}

async fn load(run: &Arc<Run>, args: &BroadcastArgs) -> Result<Vec<Seen>, BroadcastError> {
    let mut clients = JoinSet::new();
    for number in 0..u64::from(args.clients) {
        clients.spawn(run.clone().client(number));
    }
    let time = tokio::time::sleep(args.duration.duration());
    tokio::pin!(time);
    let mut seen = Vec::new();
    loop {
        tokio::select! {
            client = clients.join_next() => match client {
                Some(client) => seen.push(client?),
                None => return Ok(seen),
            },
            () = &mut time, if !run.stop.load(Ordering::Relaxed) => {
                run.stop.store(true, Ordering::Relaxed);
            }
        }
    }
}
