//! Marks: how often an interesting situation came up. A run that never met one of the required
//! situations proves nothing about it and fails as vacuous.

use std::collections::BTreeMap;

/// Situations that any run of [`VACUOUS_FROM`] seeds or more must have met.
pub const REQUIRED: &[&str] = &[
    "acked trades",
    "barriers asked for",
    "cached reads",
    "catalog crashes",
    "catalog disks lost",
    "catalog elections",
    "catalog elections under load",
    "catalog hand-overs",
    "catalog leader crashes",
    "catalogs split one way",
    "catch-up through history",
    "disks lost",
    "drains",
    "early openings",
    "elections",
    "elections outside the in-sync set",
    "fenced leaders",
    "fills poisoned",
    "gateway crashes",
    "growths of the in-sync set",
    "hand-overs",
    "leader crashes",
    "members added",
    "members removed",
    "one-way partitions",
    "order snapshots installed",
    "partitions",
    "pauses",
    "power cuts",
    "raft orders disks lost",
    "raft orders elections",
    "raft orders leader crashes",
    "raft orders registrations",
    "raft orders split",
    "refused trades",
    "registrations contested",
    "replays by key",
    "restarts",
    "restocks",
    "shrinks of the in-sync set",
    "slow disks",
    "snapshots installed",
    "split catalogs",
    "stale catalog leaders resumed",
    "torn tails kept in part",
    "trades delayed by a dead gateway",
    "trims",
    "trims while a replica is down",
    "waited-out openings",
    "wall clock jumps",
];

/// From how many seeds on a missing mark is a failure.
pub const VACUOUS_FROM: u64 = 500;

/// Counters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<&'static str, u64>);

impl Marks {
    /// Counts one.
    pub fn hit(&mut self, mark: &'static str) {
        self.add(mark, 1);
    }

    /// Counts several.
    pub fn add(&mut self, mark: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(mark).or_default() += count;
        }
    }

    /// How often.
    pub fn count(&self, mark: &str) -> u64 {
        self.0.get(mark).copied().unwrap_or(0)
    }

    /// Adds another run's counters.
    pub fn merge(&mut self, other: &Marks) {
        for (mark, count) in &other.0 {
            *self.0.entry(mark).or_default() += count;
        }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(mark, count)| (*mark, *count))
    }

    /// Those of the required marks that were never met.
    pub fn missing(&self, required: &[&'static str]) -> Vec<&'static str> {
        required.iter().copied().filter(|mark| self.count(mark) == 0).collect()
    }
}
