//! What the members of a group say to each other.

use serde::{Deserialize, Serialize};

use crate::contract::{Command, Incarnation, Position, ReplicaId};

/// Names a view and the attempt to install it. Compared field by field: the incarnation is part of it because a proposer that
/// lost its disk must not use a ballot again.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Ballot {
    /// Grows with every attempt.
    pub round: u64,
    /// Whose attempt.
    pub proposer: ReplicaId,
    /// The proposer's disk.
    pub incarnation: Incarnation,
}

/// What a member holds in its view; part of every message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// Per member, in the sequence of their ids: every Request numbered below this is here.
    pub requests: Vec<u64>,
    /// Every Sequence up to this one is here.
    pub sequences: u64,
    /// Every Sequence up to this one, and every Request it covers, is on this member's disk.
    pub durable: u64,
    /// What this member delivered.
    pub delivered: Position,
}

/// A message, with what every message says of its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender's disk.
    pub incarnation: Incarnation,
    /// The sender's start; greater after every restart.
    pub boot: u64,
    /// The sender's view.
    pub view: Ballot,
    /// What the sender holds in that view.
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
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no message of the rotating sequencer: {0}")]
pub struct Unreadable(postcard::Error);

impl Message {
    /// The message in bytes, without a length or a checksum of its own.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("memory takes any message")
    }

    /// Reads what [`Message::encode`] wrote. Total: any bytes give a message or an error, and no more memory is asked for
    /// than the bytes account for.
    pub fn decode(bytes: &[u8]) -> Result<Message, Unreadable> {
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Ok(message),
            Ok(_) => Err(Unreadable(postcard::Error::DeserializeBadEncoding)),
            Err(error) => Err(Unreadable(error)),
        }
    }
}
