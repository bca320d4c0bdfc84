//! `bazaar audit`: reads every replica's orders and the catalog, and says whether they agree and add up to the last unit.
//!
//! Online (the default) it asks running services, also while trades go on: the most advanced catalog replica says how many orders
//! there are at one position of the group's log, and every order replica is read up to exactly there; the other catalog
//! replicas are compared with it as soon as they have come as far. Offline it opens the data folders of a deployment that is
//! stopped.

mod catalogs;
mod offline;
mod offline_catalogs;
mod online;
mod online_catalogs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use market::audit::Report;
use serde::Serialize;

pub use catalogs::{CatalogLine, Disagreement, Weight};

use crate::config::{ConfigArgs, ConfigError};
use crate::links::InspectError;
use crate::storage::StorageError;

/// Arguments of `bazaar audit`.
#[derive(Args, Clone, Debug)]
pub struct AuditArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Open the data folders instead of asking services; they must be stopped
    #[arg(long)]
    pub offline: bool,
    /// How long to wait for a replica that is not level yet
    #[arg(long, default_value = "10", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: u64,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// What an audit says.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What was found in what could be read.
    #[serde(flatten)]
    pub report: Report,
    /// The catalog replicas that were read.
    pub catalogs: Vec<CatalogLine>,
    /// Where they differ from one another, or are not level.
    pub disagreements: Vec<Disagreement>,
    /// Who could not be read, and why.
    pub unreachable: Vec<Unreachable>,
}

/// A replica that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreachable {
    /// Which service.
    pub service: String,
    /// Why.
    pub reason: String,
}

/// Why there is no audit at all.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The deployment has no catalog.
    #[error("the configuration names no catalog replica")]
    NoCatalog,
    /// The catalog cannot be asked, so there is nothing to compare with.
    #[error(
        "the catalog at {address} cannot be asked: {source}. Is it running? For a stopped deployment use --offline"
    )]
    Catalog {
        /// Where it should be.
        address: String,
        /// Why not.
        source: InspectError,
    },
    /// Too few catalog replicas can be read to know what was decided.
    #[error(
        "{read} of {voters} catalog replicas can be read, which is no majority: what the others decided is not known ({why})"
    )]
    NoMajority {
        /// How many can be read.
        read: usize,
        /// Of how many.
        voters: usize,
        /// What is the matter with the others.
        why: String,
    },
    /// A data folder cannot be opened.
    #[error("{service}: {source}")]
    Storage {
        /// Whose.
        service: String,
        /// Why not.
        source: StorageError,
    },
    /// A data folder opens, but what it holds makes no sense.
    #[error("{service}: {reason}")]
    Contents {
        /// Whose.
        service: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no data folder.
    #[error("{0} does not exist: nothing was ever started there")]
    NoData(String),
}

impl Outcome {
    /// Everything was read, everything adds up, everybody is level.
    pub fn passes(&self) -> bool {
        let settled = self.report.is_settled() && self.worst() <= Weight::Note;
        settled && self.unreachable.is_empty()
    }

    /// The worst that was found among catalog replicas.
    fn worst(&self) -> Weight {
        self.disagreements.iter().map(Disagreement::weight).max().unwrap_or(Weight::Note)
    }
}

/// Runs the command. Exit code 0: everything adds up; 1: it does not, or not everything could be read; 2: no audit was possible.
pub async fn run(args: AuditArgs) -> ExitCode {
    let json = args.json;
    match audit(args).await {
        Ok(outcome) => {
            print(&outcome, json);
            if outcome.passes() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("bazaar audit: {error}");
            ExitCode::from(2)
        }
    }
}

/// Audits a deployment.
pub async fn audit(args: AuditArgs) -> Result<Outcome, AuditError> {
    let config = args.config.load()?.config;
    if args.offline {
        offline::audit(&config)
    } else {
        online::audit(&config, Duration::from_secs(args.wait)).await
    }
}

fn print(outcome: &Outcome, json: bool) {
    if json {
        let text = serde_json::to_string_pretty(outcome).expect("an outcome is plain data");
        return println!("{text}");
    }
    for gone in &outcome.unreachable {
        println!("gone   {} could not be read: {}", gone.service, gone.reason);
    }
    if outcome.catalogs.len() > 1 {
        outcome.catalogs.iter().for_each(|line| println!("{line}"));
    }
    for disagreement in &outcome.disagreements {
        let mark = match disagreement.weight() {
            Weight::Note => "note ",
            Weight::Lag => "lag  ",
            Weight::Violation => "WRONG",
        };
        println!("{mark}  {disagreement}");
    }
    println!("{}", outcome.report);
    match outcome.worst() {
        Weight::Note => {}
        Weight::Lag => println!("audit: not every catalog replica is level yet"),
        Weight::Violation => println!("audit: FAILED, catalog replicas differ"),
    }
    let missing = outcome.unreachable.len();
    if missing > 0 {
        println!("audit: INCOMPLETE, {missing} of {} replicas could not be read", {
            missing + outcome.report.replicas.len() + outcome.catalogs.len()
        });
    }
}
