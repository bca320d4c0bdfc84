//! The engines under test, and what makes them.

use std::collections::BTreeSet;

use replication::contract::*;
use replication::primary_backup::{Config, PrimaryBackup};
use replication::raft::{self, Raft};
use replication::rotating_sequencer::{self, RotatingSequencer};
use replication::solo::Solo;
use replication::time::Time;

/// An engine under test, and what only some engines have.
pub(crate) trait Subject: Engine {
    fn maximal(&self) -> Option<&BTreeSet<ReplicaId>> {
        None
    }
}

impl Subject for Solo {}

impl Subject for PrimaryBackup {
    fn maximal(&self) -> Option<&BTreeSet<ReplicaId>> {
        self.maximal_in_sync()
    }
}

impl Subject for Raft {}

impl Subject for RotatingSequencer {}

/// Makes an engine for a replica whose disk held something.
pub(crate) type Factory = Box<dyn Fn(ReplicaId, Incarnation, Recovered, Time) -> Box<dyn Subject>>;

/// A factory of primary-backup replicas `1..=size`; `adjust` may change timing, limits, mutant.
pub(crate) fn primary_backup(size: u8, adjust: impl Fn(&mut Config) + 'static) -> Factory {
    Box::new(move |id, incarnation, recovered, now| {
        let mut config = Config::new(id, 1..=size, incarnation);
        adjust(&mut config);
        Box::new(PrimaryBackup::new(config, recovered, now))
    })
}

pub(crate) fn solo() -> Factory {
    Box::new(|_, _, recovered, _| Box::new(Solo::new(recovered)))
}

/// A factory of Raft replicas that begin as `1..=size`; greater ids wait to be added.
pub(crate) fn raft(size: u8, seed: u64, adjust: impl Fn(&mut raft::Config) + 'static) -> Factory {
    Box::new(move |id, incarnation, recovered, now| {
        let seed = seed.wrapping_mul(257).wrapping_add(u64::from(id));
        let mut config = raft::Config::new(id, 1..=size, incarnation, seed);
        config.joining = id > size;
        adjust(&mut config);
        Box::new(Raft::new(config, recovered, now).expect("the disk is one of Raft's"))
    })
}

/// A factory of members `1..=size` of a rotating sequencer. Every start is a greater boot than all before.
pub(crate) fn rotating_sequencer(
    size: u8,
    seed: u64,
    adjust: impl Fn(&mut rotating_sequencer::Config) + 'static,
) -> Factory {
    let boots = std::cell::Cell::new(0);
    Box::new(move |id, incarnation, recovered, now| {
        boots.set(boots.get() + 1);
        let seed = seed.wrapping_mul(257).wrapping_add(u64::from(id));
        let members = 1..=size;
        let mut config =
            rotating_sequencer::Config::new(id, members, incarnation, boots.get(), seed);
        adjust(&mut config);
        let engine = RotatingSequencer::new(config, recovered, now);
        Box::new(engine.expect("the disk is one of the rotating sequencer's"))
    })
}
