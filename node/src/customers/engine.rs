//! Which engine a group of customers runs, and whether it can go on from what the disk holds.

use replication::contract::{Engine, Incarnation, Recovered};
use replication::raft;
use replication::rotating_sequencer::{self, RotatingSequencer};
use replication::solo::Solo;

use super::config::{CustomersConfig, Protocol};
use crate::catalog::StartError;
use crate::process::Now;

/// The engine that the settings ask for. `boot` is greater at every start of this disk.
pub(super) fn start(
    config: &CustomersConfig,
    now: Now,
    boot: u64,
    incarnation: Incarnation,
    recovered: Recovered,
) -> Result<Box<dyn Engine>, StartError> {
    let members = config.members.iter().copied().chain([config.id]);
    Ok(match config.protocol {
        Protocol::Solo if !recovered.mark.is_empty() => return Err(StartError::OfAGroup),
        Protocol::Solo => Box::new(Solo::new(recovered)),
        Protocol::Raft => {
            let mut settings = raft::Config::new(config.id, members, incarnation, config.seed);
            settings.joining = config.joining;
            settings.limits = config.raft.clone();
            #[cfg(feature = "mutants")]
            {
                settings.mutant = config.engine_mutant;
            }
            Box::new(raft::Raft::new(settings, recovered, now.time).map_err(StartError::Raft)?)
        }
        Protocol::RotatingSequencer => {
            let settings =
                rotating_sequencer::Config::new(config.id, members, incarnation, boot, config.seed);
            #[cfg(feature = "mutants")]
            let settings = {
                let mut settings = settings;
                settings.mutant = config.engine_mutant;
                settings
            };
            let engine = RotatingSequencer::new(settings, recovered, now.time);
            Box::new(engine.map_err(StartError::RotatingSequencer)?)
        }
    })
}
