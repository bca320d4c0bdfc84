//! What replicas say to each other under the Raft engine.

use bytes::Bytes;
use replication::contract::SnapshotName;
use replication::raft::{Kind, LogEntry, Message};

use crate::convert::{bits_of_hash, chain_hash, each, incarnation, no_longer, out_of_range};
use crate::error::DecodeError;
use crate::limits::{MAX_CONTEXT_BYTES, MAX_ENTRIES, MAX_ENVELOPE_BYTES, MAX_MARK_BYTES};
use crate::v1;

fn encode_kind(kind: Kind) -> v1::RaftKind {
    match kind {
        Kind::Append => v1::RaftKind::Append,
        Kind::AppendAnswer => v1::RaftKind::AppendAnswer,
        Kind::Vote => v1::RaftKind::Vote,
        Kind::VoteAnswer => v1::RaftKind::VoteAnswer,
        Kind::PreVote => v1::RaftKind::PreVote,
        Kind::PreVoteAnswer => v1::RaftKind::PreVoteAnswer,
        Kind::Heartbeat => v1::RaftKind::Heartbeat,
        Kind::HeartbeatAnswer => v1::RaftKind::HeartbeatAnswer,
        Kind::Snapshot => v1::RaftKind::Snapshot,
        Kind::CampaignNow => v1::RaftKind::CampaignNow,
    }
}

fn decode_kind(kind: i32) -> Result<Kind, DecodeError> {
    let known = v1::RaftKind::try_from(kind).ok();
    let found = Kind::ALL.into_iter().find(|candidate| Some(encode_kind(*candidate)) == known);
    found.ok_or_else(|| out_of_range("kind of a Raft message", kind))
}

impl From<LogEntry> for v1::RaftEntry {
    fn from(entry: LogEntry) -> Self {
        v1::RaftEntry { position: entry.position, envelope: entry.envelope }
    }
}

impl TryFrom<v1::RaftEntry> for LogEntry {
    type Error = DecodeError;

    fn try_from(entry: v1::RaftEntry) -> Result<Self, DecodeError> {
        if entry.position == 0 {
            return Err(out_of_range("position", entry.position));
        }
        no_longer(entry.envelope.len(), MAX_ENVELOPE_BYTES, "an entry")?;
        // A copy, for the same reason as that of an entry of the other engines.
        let envelope = Bytes::copy_from_slice(&entry.envelope);
        Ok(LogEntry { position: entry.position, envelope })
    }
}

impl From<SnapshotName> for v1::SnapshotName {
    fn from(name: SnapshotName) -> Self {
        v1::SnapshotName {
            position: name.position,
            hash: bits_of_hash(name.hash.0),
            mark: name.mark,
        }
    }
}

impl TryFrom<v1::SnapshotName> for SnapshotName {
    type Error = DecodeError;

    fn try_from(name: v1::SnapshotName) -> Result<Self, DecodeError> {
        no_longer(name.mark.len(), MAX_MARK_BYTES, "a mark")?;
        Ok(SnapshotName {
            position: name.position,
            hash: chain_hash(name.hash, "hash of a snapshot")?,
            mark: Bytes::copy_from_slice(&name.mark),
        })
    }
}

impl From<Message> for v1::Raft {
    fn from(message: Message) -> Self {
        v1::Raft {
            kind: encode_kind(message.kind).into(),
            incarnation: message.incarnation,
            to_incarnation: message.to_incarnation,
            term: message.term,
            log_term: message.log_term,
            index: message.index,
            commit: message.commit,
            commit_term: message.commit_term,
            entries: message.entries.into_iter().map(Into::into).collect(),
            reject: message.reject,
            reject_hint: message.reject_hint,
            context: message.context,
            snapshot: message.snapshot.map(Into::into),
        }
    }
}

impl TryFrom<v1::Raft> for Message {
    type Error = DecodeError;

    fn try_from(message: v1::Raft) -> Result<Self, DecodeError> {
        no_longer(message.context.len(), MAX_CONTEXT_BYTES, "a context")?;
        Ok(Message {
            kind: decode_kind(message.kind)?,
            incarnation: incarnation(message.incarnation)?,
            to_incarnation: message.to_incarnation,
            term: message.term,
            log_term: message.log_term,
            index: message.index,
            commit: message.commit,
            commit_term: message.commit_term,
            entries: each(message.entries, MAX_ENTRIES, "entries", LogEntry::try_from)?,
            reject: message.reject,
            reject_hint: message.reject_hint,
            context: Bytes::copy_from_slice(&message.context),
            snapshot: message.snapshot.map(TryInto::try_into).transpose()?,
        })
    }
}
