//! What a replica is told at its start, and every limit with its reason.

use std::collections::BTreeSet;

use crate::contract::{Incarnation, Position, ReplicaId};
use crate::time::Span;

/// What one replica is told at its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// This replica.
    pub id: ReplicaId,
    /// The voters of a group that begins. A disk that already knows its group ignores them.
    pub voters: BTreeSet<ReplicaId>,
    /// Where this replica's election timeouts come from.
    pub seed: u64,
    /// This replica's disk.
    pub incarnation: Incarnation,
    /// An empty disk waits until a leader adds it, instead of beginning a group with `voters`.
    pub joining: bool,
    /// When to act.
    pub timing: Timing,
    /// How much at most.
    pub limits: Limits,
    /// A mistake to make on purpose.
    #[cfg(feature = "mutants")]
    pub mutant: Option<crate::mutants::Mutant>,
}

impl Config {
    /// The usual timing and limits, for a replica that begins its group together with the others.
    pub fn new(
        id: ReplicaId,
        voters: impl IntoIterator<Item = ReplicaId>,
        incarnation: Incarnation,
        seed: u64,
    ) -> Self {
        Config {
            id,
            voters: voters.into_iter().collect(),
            seed,
            incarnation,
            joining: false,
            timing: Timing::default(),
            limits: Limits::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Is this mistake to be made?
    #[cfg(feature = "mutants")]
    pub(super) fn errs(&self, mutant: crate::mutants::Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

/// When to act. Measured on this process's own clock, never compared between processes; safety rests on none of it.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The library's unit of time. 10 ms: the caller's own ticks.
    pub tick: Span,
    /// A leader says that it is there this often, in ticks. 5 (50 ms): four fit into the shortest timeout.
    pub heartbeat_ticks: usize,
    /// Least election timeout, in ticks; for so long after a leader's word nobody votes for another, and a leader that
    /// did not hear a majority for so long steps down. 20 (200 ms): a stall of a disk or a scheduler is no death.
    pub election_ticks: usize,
    /// Timeouts are drawn from `election_ticks..election_ticks + spread`. 20: two draws of three rarely meet.
    pub election_spread: usize,
    /// After the link to the leader broke its followers campaign within so many ticks. 6 (60 ms): a process that died
    /// breaks all its links at once, and a draw keeps its followers apart.
    pub broken_link_ticks: usize,
    /// Not ticked for so long, this replica was itself paused and blames nobody. 250 ms: 25 missed ticks.
    pub own_pause: Span,
    /// A peer's need for a snapshot is repeated this often. 200 ms.
    pub ask_snapshot: Span,
    /// A snapshot offered and not acknowledged is offered again after this. 500 ms: the message is small.
    pub offer_again: Span,
    /// So long after the first offer, the rows are sent anew: the peer forgot them. 30 s: longer than replacing the
    /// store of a million orders takes.
    pub offer_given_up: Span,
    /// A hand-over that did not succeed is tried again after this. 200 ms: the library gives up after about as long.
    pub hand_over_again: Span,
    /// And given up after this; the leader leads on. 2 s: as with primary-backup.
    pub hand_over: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            tick: Span::millis(10),
            heartbeat_ticks: 5,
            election_ticks: 20,
            election_spread: 20,
            broken_link_ticks: 6,
            own_pause: Span::millis(250),
            ask_snapshot: Span::millis(200),
            offer_again: Span::millis(500),
            offer_given_up: Span::millis(30_000),
            hand_over_again: Span::millis(200),
            hand_over: Span::millis(2_000),
        }
    }
}

/// How much at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Commands waiting for delivery. 65,536: about a second of the fastest group; beyond it waiting only adds latency.
    pub undelivered: usize,
    /// Entries in one message. 1,024: a few milliseconds of work for its receiver.
    pub append_entries: usize,
    /// Bytes of entries in one message (a single greater one still goes, alone). 1 MiB: a quarter of the usual limit
    /// of a gRPC message.
    pub append_bytes: usize,
    /// Appends on the way to one follower. 64: a round trip of 20 ms still carries 3,200 batches a second.
    pub window_messages: usize,
    /// Entries kept in memory below what the store holds, for followers that lag. 65,536: a few seconds' absence
    /// needs no snapshot.
    pub tail_entries: Position,
    /// Bytes of them. 32 MiB.
    pub tail_bytes: usize,
    /// The same while a snapshot is under way, since what follows it must still be there when it arrives. 1,048,576
    /// entries: a minute at 16,384 a second.
    pub held_entries: Position,
    /// Bytes of them. 256 MiB.
    pub held_bytes: usize,
    /// How far (in positions) a new member may be behind to become a voter. 1,024: one message.
    pub promotion_gap: Position,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            undelivered: 65_536,
            append_entries: 1_024,
            append_bytes: 1 << 20,
            window_messages: 64,
            tail_entries: 65_536,
            tail_bytes: 32 << 20,
            held_entries: 1 << 20,
            held_bytes: 256 << 20,
            promotion_gap: 1_024,
        }
    }
}

/// Greatest term a message may speak of. 2^48: a term a millisecond lasts 8,900 years; above it sums could overflow.
pub(super) const MAX_TERM: u64 = 1 << 48;

/// Greatest position a message may speak of. 2^56, for the same reason.
pub(super) const MAX_POSITION: Position = 1 << 56;

/// What the library's own random timeouts begin at, in ticks: never reached, so that only the seeded draws count. 2^40.
pub(super) const NEVER_TICKS: usize = 1 << 40;
