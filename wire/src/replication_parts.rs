//! What replicas of one group say to each other.

use bytes::Bytes;
use replication::contract::{Entry, Message};
use replication::{primary_backup, rotating_sequencer};

use crate::convert::{
    bits_of_hash, chain_hash, each, incarnation, no_longer, out_of_range, required,
};
use crate::error::DecodeError;
use crate::limits::{MAX_COMMAND_BYTES, MAX_ENTRIES};
use crate::v1;

impl From<Entry> for v1::Entry {
    fn from(entry: Entry) -> Self {
        v1::Entry {
            position: entry.position,
            hash: bits_of_hash(entry.hash.0),
            command: entry.command,
        }
    }
}

impl TryFrom<v1::Entry> for Entry {
    type Error = DecodeError;

    fn try_from(entry: v1::Entry) -> Result<Self, DecodeError> {
        if entry.position == 0 {
            return Err(out_of_range("position", entry.position));
        }
        no_longer(entry.command.len(), MAX_COMMAND_BYTES, "a command")?;
        Ok(Entry {
            position: entry.position,
            hash: chain_hash(entry.hash, "hash of an entry")?,
            // A copy, because entries stay in memory for long: a slice would keep the whole receive buffer alive.
            command: Bytes::copy_from_slice(&entry.command),
        })
    }
}

impl From<primary_backup::Message> for v1::PrimaryBackup {
    fn from(message: primary_backup::Message) -> Self {
        use primary_backup::Message as Pure;
        use v1::primary_backup::Message as Wire;
        let message = match message {
            Pure::Append { epoch, previous, previous_hash, entries, commit } => {
                let previous_hash = bits_of_hash(previous_hash.0);
                let entries = entries.into_iter().map(Into::into).collect();
                Wire::Append(v1::Append { epoch, previous, previous_hash, entries, commit })
            }
            Pure::Ack { epoch, incarnation, matched } => {
                Wire::Ack(v1::Ack { epoch, incarnation, matched })
            }
            Pure::Nack { epoch, hint } => Wire::Nack(v1::Nack { epoch, hint }),
        };
        v1::PrimaryBackup { message: Some(message) }
    }
}

impl TryFrom<v1::PrimaryBackup> for primary_backup::Message {
    type Error = DecodeError;

    fn try_from(message: v1::PrimaryBackup) -> Result<Self, DecodeError> {
        use primary_backup::Message as Pure;
        use v1::primary_backup::Message as Wire;
        Ok(match required(message.message, "primary-backup message")? {
            Wire::Append(append) => Pure::Append {
                epoch: append.epoch,
                previous: append.previous,
                previous_hash: chain_hash(append.previous_hash, "hash of a prefix")?,
                entries: each(append.entries, MAX_ENTRIES, "entries", Entry::try_from)?,
                commit: append.commit,
            },
            Wire::Ack(ack) => Pure::Ack {
                epoch: ack.epoch,
                incarnation: incarnation(ack.incarnation)?,
                matched: ack.matched,
            },
            Wire::Nack(nack) => Pure::Nack { epoch: nack.epoch, hint: nack.hint },
        })
    }
}

impl From<Message> for v1::Replication {
    fn from(message: Message) -> Self {
        use v1::replication::Engine as Wire;
        let engine = match message {
            Message::PrimaryBackup(message) => Wire::PrimaryBackup(message.into()),
            Message::Raft(message) => Wire::Raft(message.into()),
            Message::RotatingSequencer(message) => Wire::RotatingSequencer(message.encode()),
        };
        v1::Replication { engine: Some(engine) }
    }
}

impl TryFrom<v1::Replication> for Message {
    type Error = DecodeError;

    fn try_from(message: v1::Replication) -> Result<Self, DecodeError> {
        use v1::replication::Engine as Wire;
        Ok(match required(message.engine, "engine of a replication message")? {
            Wire::PrimaryBackup(message) => Message::PrimaryBackup(message.try_into()?),
            Wire::Raft(message) => Message::Raft(message.try_into()?),
            Wire::RotatingSequencer(bytes) => {
                Message::RotatingSequencer(rotating_sequencer::Message::decode(&bytes)?)
            }
        })
    }
}
