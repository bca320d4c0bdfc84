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
    /// The other replicas of the group.
    pub peers: BTreeSet<ReplicaId>,
    /// This replica's disk.
    pub incarnation: Incarnation,
    /// When to act.
    pub timing: Timing,
    /// How much at most.
    pub limits: Limits,
    /// A mistake to make on purpose.
    #[cfg(feature = "mutants")]
    pub mutant: Option<crate::mutants::Mutant>,
}

impl Config {
    /// The usual timing and limits. `members` may contain `id` itself.
    pub fn new(
        id: ReplicaId,
        members: impl IntoIterator<Item = ReplicaId>,
        incarnation: Incarnation,
    ) -> Self {
        Config {
            id,
            peers: members.into_iter().filter(|member| *member != id).collect(),
            incarnation,
            timing: Timing::default(),
            limits: Limits::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

/// When to act. Every span is measured on this process's own clock, never compared between processes, and decides
/// only how soon something happens: safety rests on none of them.
#[derive(Clone, Debug)]
pub struct Timing {
    /// A follower that was sent nothing for so long gets an empty append. 50 ms: ten fit into `silence`.
    pub heartbeat: Span,
    /// A commit that no append carried is told in an empty one, at most this often. 2 ms: followers serve reads up to
    /// their commit, so this bounds how far those lag; yet it is at most 500 small messages a second and follower.
    pub tell_commit: Span,
    /// Unacknowledged appends are sent again after this, unanswered reads of the store repeated. 200 ms: several slow disk flushes, well below `lag`.
    pub resend: Span,
    /// An in-sync follower silent for so long is proposed for removal. 500 ms: ten heartbeats; until then trades wait.
    pub silence: Span,
    /// So is one whose acknowledgements do not move for so long although it is behind. 1 s: a disk stall is no death.
    pub lag: Span,
    /// So is one whose link has been down for so long. 100 ms: a restarted process needs longer, a broken and
    /// redialled stream does not.
    pub link_down: Span,
    /// A question to the register that got no answer is asked again after this. 200 ms: a catalog election takes
    /// about as long; the question is a compare-and-set, so asking twice does no harm.
    pub ask_again: Span,
    /// How long the commit waits for a nearly caught-up follower to close the gap (see `in_sync`). 100 ms: fifty
    /// round trips inside a data centre.
    pub invitation: Span,
    /// After a failed invitation, none to anybody for so long: a follower that never quite makes it costs at most
    /// a tenth of the time. 1 s.
    pub between_invitations: Span,
    /// A leader that was not ticked for so long was itself paused and blames no follower. 250 ms: 25 missed ticks.
    pub own_pause: Span,
    /// A hand-over that found no successor for so long is given up, and the leader goes on. 2 s: longer than `lag`,
    /// after which every follower that counts has either caught up or left the set.
    pub hand_over: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            heartbeat: Span::millis(50),
            tell_commit: Span::millis(2),
            resend: Span::millis(200),
            silence: Span::millis(500),
            lag: Span::millis(1_000),
            link_down: Span::millis(100),
            ask_again: Span::millis(200),
            invitation: Span::millis(100),
            between_invitations: Span::millis(1_000),
            own_pause: Span::millis(250),
            hand_over: Span::millis(2_000),
        }
    }
}

/// How much at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Commands waiting for delivery. 65,536: about a second of the fastest group; beyond it waiting only adds
    /// latency, so the proposer is told to hold back.
    pub undelivered: usize,
    /// Entries in one append. 1,024: one message stays below a few milliseconds of work for its receiver.
    pub append_entries: usize,
    /// Bytes of commands in one append (a single greater command still goes, alone). 1 MiB: a quarter of the usual
    /// limit of a gRPC message.
    pub append_bytes: usize,
    /// Appends on the way to one follower. 64: a round trip of 20 ms still carries 3,200 batches a second.
    pub window_messages: usize,
    /// Bytes on the way to one follower. 8 MiB: one gigabit for 64 ms.
    pub window_bytes: usize,
    /// Entries kept in memory below what the store holds, for followers that lag a little. 8,192: some megabytes,
    /// and a follower back from a short pause needs no read of the store.
    pub memory_below_stored: Position,
    /// Entries asked from the store at once. 1,024: one append.
    pub history_read: usize,
    /// How far (in positions) a follower may be behind the commit to be invited. 1,024: one append.
    pub invitation_gap: Position,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            undelivered: 65_536,
            append_entries: 1_024,
            append_bytes: 1 << 20,
            window_messages: 64,
            window_bytes: 8 << 20,
            memory_below_stored: 8_192,
            history_read: 1_024,
            invitation_gap: 1_024,
        }
    }
}
