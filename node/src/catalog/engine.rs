//! Which engine a catalog's group runs, and whether it can go on from what the disk holds.

use replication::contract::{Engine, Incarnation, Recovered};
use replication::raft;
use replication::solo::Solo;

use super::command::Command;
use super::config::{CatalogConfig, Protocol, StartError};
use crate::process::Now;

/// The engine that the settings ask for.
pub(super) fn start(
    config: &CatalogConfig,
    now: Now,
    incarnation: Incarnation,
    recovered: Recovered,
) -> Result<Box<dyn Engine>, StartError> {
    match config.protocol {
        Protocol::Solo => alone(recovered),
        Protocol::Raft => {
            let mut settings = raft::Config::new(
                config.id,
                config.catalogs.iter().copied(),
                incarnation,
                config.seed,
            );
            settings.joining = config.joining;
            settings.limits = config.limits.clone();
            #[cfg(feature = "mutants")]
            {
                settings.mutant = config.engine_mutant;
            }
            // What its log holds is the engine's until it is delivered; entries that cannot be read are found then.
            let engine =
                raft::Raft::new(settings, recovered, now.time).map_err(StartError::Raft)?;
            Ok(Box::new(engine))
        }
    }
}

fn alone(recovered: Recovered) -> Result<Box<dyn Engine>, StartError> {
    if !recovered.mark.is_empty() {
        return Err(StartError::OfAGroup);
    }
    for entry in &recovered.entries {
        Command::decode(&entry.command).map_err(StartError::Entry)?;
    }
    Ok(Box::new(Solo::new(recovered)))
}
