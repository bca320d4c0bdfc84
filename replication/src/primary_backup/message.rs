//! What primary-backup replicas say to each other.

use crate::contract::{ChainHash, Entry, Epoch, Incarnation, Position};

/// What primary-backup replicas say to each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Leader: take these entries; also the heartbeat when empty.
    Append {
        /// Leader's epoch.
        epoch: Epoch,
        /// Position before the first entry.
        previous: Position,
        /// Hash of the prefix that ends there.
        previous_hash: ChainHash,
        /// Contiguous from `previous + 1`.
        entries: Vec<Entry>,
        /// Leader's commit.
        commit: Position,
    },
    /// Follower: my log equals yours up to here, durably.
    Ack {
        /// Epoch of the append.
        epoch: Epoch,
        /// The disk that holds it.
        incarnation: Incarnation,
        /// The matched prefix, not the log's length.
        matched: Position,
    },
    /// Follower: cannot take it.
    Nack {
        /// Epoch this follower knows; greater than the append's means "fenced".
        epoch: Epoch,
        /// Send from the position after this one.
        hint: Position,
    },
}
