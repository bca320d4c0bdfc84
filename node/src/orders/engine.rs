//! Which engine an orders group runs, and whether it can go on from what the disk holds.

use market::codec::decode_order;
use replication::contract::{Engine, Incarnation, Recovered};
use replication::primary_backup::PrimaryBackup;
use replication::raft;

use super::config::{OrdersConfig, Protocol};
use crate::catalog::StartError;
use crate::process::Now;

/// The engine that the settings ask for. `count` is how many orders the store has.
pub(super) fn start(
    config: &OrdersConfig,
    now: Now,
    incarnation: Incarnation,
    recovered: Recovered,
    count: u64,
) -> Result<Box<dyn Engine>, StartError> {
    let position = recovered.applied;
    let counted = match config.protocol {
        Protocol::PrimaryBackup if is_rafts(&recovered) => return Err(StartError::ElectsItself),
        Protocol::PrimaryBackup => count == position,
        // The engine's own entries, and epochs, have positions as well.
        Protocol::Raft => count <= position,
    };
    if !counted {
        return Err(StartError::OrderCount { count, position });
    }
    Ok(match config.protocol {
        Protocol::PrimaryBackup => {
            Box::new(PrimaryBackup::new(config.primary_backup(incarnation), recovered, now.time))
        }
        Protocol::Raft => {
            let engine = raft::Raft::new(config.raft(incarnation), recovered, now.time);
            Box::new(engine.map_err(StartError::Raft)?)
        }
    })
}

/// Raft leaves a mark beside a store, and its own envelopes in a log: no order's bytes.
fn is_rafts(recovered: &Recovered) -> bool {
    let foreign = recovered.entries.first().is_some_and(|entry| {
        raft::read_entry(&entry.command).is_some() && decode_order(&entry.command).is_err()
    });
    !recovered.mark.is_empty() || foreign
}
