//! What a member is told at its start, and every limit with its reason.

use std::collections::BTreeSet;

use super::view::Life;
use crate::contract::{Incarnation, ReplicaId};
use crate::time::Span;

/// What one member is told at its start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// This member.
    pub id: ReplicaId,
    /// The universe: every member that the group ever has, at most 64. Majorities are of it, never of a view.
    pub members: BTreeSet<ReplicaId>,
    /// This member's disk.
    pub incarnation: Incarnation,
    /// This member's start: greater than at every earlier start of the same disk, and durable before this one.
    pub boot: u64,
    /// Where this member's jitter comes from.
    pub seed: u64,
    /// One Request per Sequence, as the textbook has it. All members alike.
    pub assignment_mode: bool,
    /// When to act.
    pub timing: Timing,
    /// How much at most.
    pub limits: Limits,
    /// A mistake to make on purpose.
    #[cfg(feature = "mutants")]
    pub mutant: Option<crate::mutants::Mutant>,
}

impl Config {
    /// The usual timing and limits.
    pub fn new(
        id: ReplicaId,
        members: impl IntoIterator<Item = ReplicaId>,
        incarnation: Incarnation,
        boot: u64,
        seed: u64,
    ) -> Self {
        Config {
            id,
            members: members.into_iter().collect(),
            incarnation,
            boot,
            seed,
            assignment_mode: false,
            timing: Timing::default(),
            limits: Limits::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    pub(super) fn life(&self) -> Life {
        #[cfg(feature = "mutants")]
        if self.errs(crate::mutants::Mutant::NumbersUsedAgain) {
            return Life { incarnation: self.incarnation, boot: 0 };
        }
        Life { incarnation: self.incarnation, boot: self.boot }
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
    /// What others do not know yet is said this long after it came about, if nothing else was said. 5 ms: one Status then
    /// speaks for everything that arrived meanwhile. What others wait for (something became durable) is said at once: a disk
    /// paces that by itself.
    pub tell: Span,
    /// Requests that no Sequence covers yet wait so long for their way to the disk, so that one write takes both. 5 ms: turns pass
    /// within one, and only where nobody numbers anything does a Request go alone.
    pub gather_writes: Span,
    /// Somebody who has nothing to say says so this often. 10 ms: fifteen fit into `silence`, so that a network which
    /// loses four datagrams of ten makes nobody seem dead more than once in some minutes.
    pub heartbeat: Span,
    /// A gap older than this is asked for. 2 ms: datagrams that were merely reordered have arrived by then.
    pub gap: Span,
    /// And asked for again, of somebody else, after this. 8 ms: a round trip and a tick.
    pub gap_again: Span,
    /// A member of the view that was silent for so long is taken for dead. 150 ms: see `heartbeat`.
    pub silence: Span,
    /// A member whose turn was due for so long is taken for slow. 60 ms: five rounds of asking for what it may lack.
    pub turn: Span,
    /// Patience differs from member to member by a quarter of this, so that one of them acts first. 80 ms: 20 ms from one
    /// to the next, two ticks, in which a Gather reaches everybody.
    pub jitter: Span,
    /// A proposer with a majority of States waits so long for the other members that it heard lately. 100 ms: ten
    /// repetitions, so that loss leaves nobody out who lives.
    pub grace: Span,
    /// What nobody answered is said again after this: Gather, Install, Recover, Join, Offer. 10 ms: a tick.
    pub again: Span,
    /// An attempt at a new view that takes longer than this has failed. 300 ms: three times `grace`.
    pub attempt: Span,
    /// Whoever was left out of a view, or was started again, waits this long before it gathers: the Install may be on its
    /// way. 60 ms. Doubles with every time, up to `rejoin_most`, until a view lasted for `steady`.
    pub rejoin: Span,
    /// Most of that. 2 s: a link that is broken in one direction costs one view change in two seconds.
    pub rejoin_most: Span,
    /// A view that lasted this long was no failure. 2 s.
    pub steady: Span,
    /// A member that was taken for slow gets its turn back after this. 5 s.
    pub penalty: Span,
    /// Not ticked for so long, this member was itself paused and blames nobody. 100 ms: ten missed ticks.
    pub own_pause: Span,
    /// A peer's need for a snapshot is repeated this often. 200 ms.
    pub ask_snapshot: Span,
    /// Rows offered for so long and asked for all the same are sent anew. 2 s: taking a small store's.
    pub offer: Span,
    /// What follows a snapshot is kept this long for its receiver. 30 s: longer than replacing a large store takes.
    pub feed: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            tell: Span::millis(5),
            gather_writes: Span::millis(5),
            heartbeat: Span::millis(10),
            gap: Span::millis(2),
            gap_again: Span::millis(8),
            silence: Span::millis(150),
            turn: Span::millis(60),
            jitter: Span::millis(80),
            grace: Span::millis(100),
            again: Span::millis(10),
            attempt: Span::millis(300),
            rejoin: Span::millis(60),
            rejoin_most: Span::millis(2_000),
            steady: Span::millis(2_000),
            penalty: Span::millis(5_000),
            own_pause: Span::millis(100),
            ask_snapshot: Span::millis(200),
            offer: Span::millis(2_000),
            feed: Span::millis(30_000),
        }
    }
}

/// How much at most.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Own commands waiting for delivery. 65,536: about a second of the fastest group; more only adds latency.
    pub undelivered: usize,
    /// Bytes of commands in one Request (a single greater one goes alone). 1,200: one datagram of an ordinary network.
    pub request_bytes: usize,
    /// Commands in one Request. 256.
    pub request_commands: usize,
    /// Own Requests sent and not delivered. 256: with 16 commands each, a round of 5 ms carries 800,000 a second.
    pub request_window: usize,
    /// How far (in numbers) a Request may be ahead of what is covered here to be kept. 131,072: twice all that a member
    /// may have under way.
    pub request_ahead: u64,
    /// Commands of one member that one Sequence covers. 1,024: nobody's burst makes the others wait for long.
    pub sequence_commands: u64,
    /// How far the numbers run ahead of the slowest disk of the rotation. 16,384 Sequences.
    pub sequence_ahead: u64,
    /// How far ahead of the last gapless one a Sequence may be to be kept. 1,024: the rest is asked for later.
    pub early: u64,
    /// Bytes of commands in one Repair (a single greater one goes alone). 32 KiB: a few dozen datagrams.
    pub repair_bytes: usize,
    /// Sequences in one Repair, and runs in one Nack. 256.
    pub repair_entries: usize,
    /// Bytes of Repairs that one peer is given at once, refilled within a second's eighth. 1 MiB: 8 MiB/s to each.
    pub repair_burst: u64,
    /// Sequences without all their Requests that a State names. 1,024. What a State leaves out was never delivered.
    pub state_tail: usize,
    /// Bytes of notes before a digest replaces them. 4 MiB: read in a few milliseconds at start.
    pub notes_bytes: usize,
    /// Sequences kept in memory below what everybody has, for members that were away. 4,096.
    pub tail_sequences: u64,
    /// Bytes of commands of them. 16 MiB.
    pub tail_bytes: usize,
    /// Bytes of commands kept in memory for anybody at all: members that lag, snapshots under way. 256 MiB.
    pub held_bytes: usize,
    /// How far (in Sequences) a member may be behind to enter a view. 64: fetched within a round trip.
    pub level: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            undelivered: 65_536,
            request_bytes: 1_200,
            request_commands: 256,
            request_window: 256,
            request_ahead: 131_072,
            sequence_commands: 1_024,
            sequence_ahead: 16_384,
            early: 1_024,
            repair_bytes: 32 << 10,
            repair_entries: 256,
            repair_burst: 1 << 20,
            state_tail: 1_024,
            notes_bytes: 4 << 20,
            tail_sequences: 4_096,
            tail_bytes: 16 << 20,
            held_bytes: 256 << 20,
            level: 64,
        }
    }
}

/// Most members of a group: the width of [`Message::hears`](super::Message::hears).
pub const MOST_MEMBERS: usize = 64;

/// Greatest number a message may speak of (rounds, Requests, Sequences, positions). 2^56: above it sums could overflow.
pub(super) const MOST: u64 = 1 << 56;
