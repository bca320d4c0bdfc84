//! The engines under measurement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use clap::ValueEnum;
use replication::contract::{Engine, Incarnation, Recovered, ReplicaId};
use replication::primary_backup::{self, PrimaryBackup};
use replication::raft::{self, Raft};
use replication::register::Configuration;
use replication::rotating_sequencer::{self, Life, RotatingSequencer};
use replication::time::Time;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// A leader and an in-sync set: everybody has it on disk before it is delivered.
    PrimaryBackup,
    /// A leader and a majority.
    Raft,
    /// No leader: the right to number moves from member to member. Speaks by datagrams.
    RotatingSequencer,
    /// Not ours: Corosync's closed process group, only with --no-durability.
    Corosync,
}

impl Kind {
    /// The engines of this project.
    pub(crate) const OURS: [Kind; 3] = [Kind::PrimaryBackup, Kind::Raft, Kind::RotatingSequencer];

    /// Proposers sit at every member, not only at the leader.
    pub(crate) fn is_leaderless(self) -> bool {
        match self {
            Kind::PrimaryBackup | Kind::Raft => false,
            Kind::RotatingSequencer | Kind::Corosync => true,
        }
    }

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::PrimaryBackup => "primary-backup",
            Kind::Raft => "raft",
            Kind::RotatingSequencer => "rotating-sequencer",
            Kind::Corosync => "corosync",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Every member starts with an empty disk, and these disks are known from the start.
const DISK: Incarnation = 1;

/// And this is their first start.
pub(crate) const LIFE: Life = Life { incarnation: DISK, boot: 1 };

/// Makes the engine of one member.
pub(crate) fn start(
    kind: Kind,
    id: ReplicaId,
    members: u8,
    recovered: Recovered,
    now: Time,
) -> anyhow::Result<Box<dyn Engine>> {
    let ids = 1..=members;
    Ok(match kind {
        Kind::PrimaryBackup => {
            let mut engine =
                PrimaryBackup::new(primary_backup::Config::new(id, ids, DISK), recovered, now);
            engine.configured(now, &everybody_in_sync(members));
            Box::new(engine)
        }
        Kind::Raft => {
            let config = raft::Config::new(id, ids, DISK, u64::from(id));
            Box::new(Raft::new(config, recovered, now)?)
        }
        Kind::RotatingSequencer => {
            let Life { incarnation, boot } = LIFE;
            let seed = u64::from(id);
            let config = rotating_sequencer::Config::new(id, ids, incarnation, boot, seed);
            Box::new(RotatingSequencer::new(config, recovered, now)?)
        }
        Kind::Corosync => anyhow::bail!("corosync has members of its own"),
    })
}

/// The first member leads, all others are in sync: there is no register here, and nobody fails.
fn everybody_in_sync(members: u8) -> Configuration {
    let all: BTreeSet<ReplicaId> = (1..=members).collect();
    let incarnations: BTreeMap<ReplicaId, Incarnation> = all.iter().map(|id| (*id, DISK)).collect();
    Configuration { version: 1, epoch: 1, leader: Some(1), in_sync: all, incarnations }
}
