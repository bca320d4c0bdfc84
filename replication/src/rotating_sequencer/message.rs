//! What the members of a group say to each other.

use serde::{Deserialize, Serialize};

use super::view::{Frontier, Life, Run, View};
use crate::contract::{ChainHash, Command, Incarnation, Position, ReplicaId, SnapshotName};
use bytes::Bytes;

/// Names a view and the attempt to install it. Compared field by field: the incarnation is part of it because a proposer that
/// lost its disk must not use a ballot again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ballot {
    /// Grows with every attempt. 0: no view at all.
    pub round: u64,
    /// Whose attempt.
    pub proposer: ReplicaId,
    /// The proposer's disk.
    pub incarnation: Incarnation,
}

impl Ballot {
    /// The ballot of a member that never was in a view.
    pub const NONE: Ballot = Ballot { round: 0, proposer: 0, incarnation: 0 };
}

/// What a member holds in its view; part of every message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Per member, in the sequence of their ids: every Request of its present life numbered below this is here.
    pub requests: Vec<u64>,
    /// Every Sequence up to this one is here.
    pub sequences: u64,
    /// Every Sequence up to this one, and every Request it covers, is on this member's disk.
    pub durable: u64,
    /// Every Sequence up to this one was delivered here.
    pub delivered: u64,
}

/// Whether a member takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Installed in its view: sequences, acknowledges, delivers.
    Member,
    /// Has stopped in its view: promised a newer one, or was started again.
    #[default]
    Wedged,
    /// Never was in a view with this disk: what it says counts for nothing.
    Blank,
}

/// A message, with what every message says of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender's disk and start.
    pub life: Life,
    /// The sender's view.
    pub view: Ballot,
    /// The highest round the sender knows of: whoever wants a view needs a greater one.
    pub round: u64,
    /// Whether the sender takes part in its view.
    pub phase: Phase,
    /// Whom the sender heard lately: bit i stands for the i-th id.
    pub hears: u64,
    /// What the sender holds.
    pub holds: Holds,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Commands of the sender, numbered gapless from `first`, per sender and life.
    Request {
        /// Number of the first one.
        first: u64,
        /// The commands.
        commands: Vec<Command>,
    },
    /// The sender's number in its turn: it covers, for every member, all Requests below `upto` that no Sequence before covers.
    Sequence {
        /// The number.
        number: u64,
        /// Per member, in the sequence of their ids.
        upto: Vec<u64>,
    },
    /// Nothing but what the sender holds.
    Status,
    /// The sender misses these: a negative acknowledgement (the assignment's Retransmit).
    Nack {
        /// Requests.
        requests: Vec<Run>,
        /// Sequences, both ends included.
        numbers: Option<(u64, u64)>,
        /// The Requests of those Sequences, too.
        whole: bool,
    },
    /// What somebody missed, as far as the sender has it.
    Repair {
        /// Requests.
        parts: Vec<Part>,
        /// Sequences, each with its number and what it covers.
        sequences: Vec<(u64, Vec<Run>)>,
    },
    /// Stop in every view below this ballot, and say what you hold.
    Gather {
        /// The ballot.
        ballot: Ballot,
    },
    /// The promise that a Gather asks for.
    State(Box<State>),
    /// The new view.
    Install(Box<Install>),
    /// The sender has no view with this disk: take note of the disk, and name your ballot.
    Recover,
    /// The disk was noted.
    RecoverOk {
        /// Of which life the question was.
        life: Life,
        /// The sender's ballot.
        ballot: Ballot,
    },
    /// The sender has recovered and is level: take it into a view.
    Join,
    /// Which Sequences do you hold? (A barrier's question.)
    Ask {
        /// Names the question.
        round: u64,
    },
    /// `holds` is the answer.
    Answer {
        /// The question.
        round: u64,
    },
    /// Take the rows that you have staged under this name.
    Offer(Offer),
}

/// Some Requests of one life of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Whose: index among the sorted ids.
    pub member: u8,
    /// Of which life.
    pub life: Life,
    /// Number of the first one.
    pub first: u64,
    /// The commands.
    pub commands: Vec<Command>,
}

/// What a member that promised a ballot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What it promised.
    pub ballot: Ballot,
    /// The newest disk it knows of every member.
    pub disks: Vec<Incarnation>,
    /// The disks its group was founded with; empty if it never was in a view.
    pub founders: Vec<Incarnation>,
    /// Every Sequence up to this one, and all its Requests, is on its disk.
    pub durable: u64,
    /// The position that the last command of that one has.
    pub position: Position,
    /// How far every member's Requests are covered by Sequences up to that one.
    pub frontier: Frontier,
    /// Per member, every Request of the frontier's (or the view's) life below this is here.
    pub has: Vec<u64>,
    /// The Sequences after that one, whose Requests are not all here.
    pub tail: Vec<Vec<Run>>,
}

/// A new view, and what was recovered for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// The view.
    pub view: View,
    /// The view that its list was recovered from.
    pub parent: Ballot,
    /// Up to here one member of that view had everything.
    pub reach: u64,
    /// The Sequences after that one, up to the view's base.
    pub tail: Vec<Vec<Run>>,
}

/// The name of a snapshot, as a message says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Position that its rows reflect.
    pub position: Position,
    /// Hash of the prefix that ends there.
    pub hash: ChainHash,
    /// The mark beside those rows.
    pub mark: Bytes,
}

impl From<&SnapshotName> for Offer {
    fn from(name: &SnapshotName) -> Self {
        Offer { position: name.position, hash: name.hash, mark: name.mark.clone() }
    }
}

impl From<Offer> for SnapshotName {
    fn from(offer: Offer) -> Self {
        SnapshotName { position: offer.position, hash: offer.hash, mark: offer.mark }
    }
}

/// Bytes that the rotating sequencer did not write, or that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// They have no such shape.
    #[error("the rotating sequencer did not write this: {0}")]
    Bytes(postcard::Error),
    /// They cannot all be true.
    #[error("what the rotating sequencer wrote cannot be true: {0}")]
    Contradiction(&'static str),
}

impl Message {
    /// The message in bytes, without a length or a checksum of its own.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes any message")
    }

    /// Reads what [`Message::encode`] wrote. Total: any bytes give a message or an error, and no more memory is asked for
    /// than the bytes account for.
    pub fn decode(bytes: &[u8]) -> Result<Message, Unreadable> {
        decode(bytes)
    }
}

/// Reads one value that fills all the bytes.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Unreadable> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(Unreadable::Bytes(postcard::Error::DeserializeBadEncoding)),
        Err(error) => Err(Unreadable::Bytes(error)),
    }
}
