//! The library's messages as ours, and back. Nothing is decided here.

use bytes::Bytes;
use raft::eraftpb::{self, MessageType, Snapshot};

use super::config::Limits;
use super::facts::{self, Facts};
use super::log::{self, Log};
use super::message::{Kind, LogEntry, Message};
use super::{envelope, envelope::Envelope};
use crate::contract::{ChainHash, Incarnation, ReplicaId, SnapshotName};

fn kind_of(message_type: MessageType) -> Option<Kind> {
    Some(match message_type {
        MessageType::MsgAppend => Kind::Append,
        MessageType::MsgAppendResponse => Kind::AppendAnswer,
        MessageType::MsgRequestVote => Kind::Vote,
        MessageType::MsgRequestVoteResponse => Kind::VoteAnswer,
        MessageType::MsgRequestPreVote => Kind::PreVote,
        MessageType::MsgRequestPreVoteResponse => Kind::PreVoteAnswer,
        MessageType::MsgHeartbeat => Kind::Heartbeat,
        MessageType::MsgHeartbeatResponse => Kind::HeartbeatAnswer,
        MessageType::MsgSnapshot => Kind::Snapshot,
        MessageType::MsgTimeoutNow => Kind::CampaignNow,
        _ => return None,
    })
}

fn type_of(kind: Kind) -> MessageType {
    match kind {
        Kind::Append => MessageType::MsgAppend,
        Kind::AppendAnswer => MessageType::MsgAppendResponse,
        Kind::Vote => MessageType::MsgRequestVote,
        Kind::VoteAnswer => MessageType::MsgRequestVoteResponse,
        Kind::PreVote => MessageType::MsgRequestPreVote,
        Kind::PreVoteAnswer => MessageType::MsgRequestPreVoteResponse,
        Kind::Heartbeat => MessageType::MsgHeartbeat,
        Kind::HeartbeatAnswer => MessageType::MsgHeartbeatResponse,
        Kind::Snapshot => MessageType::MsgSnapshot,
        Kind::CampaignNow => MessageType::MsgTimeoutNow,
    }
}

/// Must a candidate's words, or those to one, name only disks that the group agreed on?
pub(super) fn is_campaign(message_type: MessageType) -> bool {
    matches!(message_type, MessageType::MsgRequestVote | MessageType::MsgRequestPreVote)
}

/// What the library wants said, in messages that keep to the limits. The disks are the caller's to know.
pub(super) fn from_library(
    message: eraftpb::Message,
    log: &Log,
    limits: &Limits,
    (own, peer): (Incarnation, Incarnation),
) -> Vec<Message> {
    let Some(kind) = kind_of(message.get_msg_type()) else { return Vec::new() };
    let whole = Message {
        kind,
        incarnation: own,
        to_incarnation: peer,
        term: message.term,
        log_term: message.log_term,
        index: message.index,
        commit: message.commit,
        commit_term: message.commit_term,
        entries: Vec::new(),
        reject: message.reject,
        reject_hint: message.reject_hint,
        context: message.context.clone(),
        snapshot: (kind == Kind::Snapshot).then(|| name(message.get_snapshot())),
    };
    split(whole, &message.entries, log, limits)
}

/// One message for each stretch of entries that keeps to the limits.
fn split(whole: Message, entries: &[eraftpb::Entry], log: &Log, limits: &Limits) -> Vec<Message> {
    let mut parts = vec![whole];
    let mut bytes = 0;
    for entry in entries {
        let last = parts.last_mut().expect("there is always one");
        let size = entry.data.len() + entry.context.len();
        let full =
            last.entries.len() >= limits.append_entries || bytes + size > limits.append_bytes;
        let sealed = LogEntry { position: entry.index, envelope: seal(entry, log) };
        if full && !last.entries.is_empty() {
            let before = &entries[(entry.index - entries[0].index) as usize - 1];
            let next = Message {
                index: before.index,
                log_term: before.term,
                entries: vec![sealed],
                ..last.clone()
            };
            parts.push(next);
            bytes = size;
        } else {
            last.entries.push(sealed);
            bytes += size;
        }
    }
    parts
}

/// The envelope of an entry: the log's own, if it is that entry.
fn seal(entry: &eraftpb::Entry, log: &Log) -> Bytes {
    match log.get(entry.index) {
        Some((_, opened)) if opened.term == entry.term => {
            log.envelope(entry.index).expect("just seen")
        }
        _ => log::seal(entry),
    }
}

/// One of our messages as the library takes it; `None` if an entry is no envelope.
pub(super) fn to_library(
    from: ReplicaId,
    to: ReplicaId,
    message: &Message,
) -> Option<eraftpb::Message> {
    let mut library = eraftpb::Message::default();
    library.set_msg_type(type_of(message.kind));
    (library.from, library.to) = (u64::from(from), u64::from(to));
    library.term = message.term;
    library.log_term = message.log_term;
    library.index = message.index;
    library.commit = message.commit;
    library.commit_term = message.commit_term;
    library.reject = message.reject;
    library.reject_hint = message.reject_hint;
    library.context = message.context.clone();
    let opened: Option<Vec<Envelope>> =
        message.entries.iter().map(|entry| envelope::open(&entry.envelope)).collect();
    let entries = message.entries.iter().zip(opened?);
    let packed: Vec<_> = entries.map(|(entry, open)| log::pack(entry.position, &open)).collect();
    library.set_entries(packed.into());
    if let Some(name) = &message.snapshot {
        library.set_snapshot(snapshot(name)?);
    }
    Some(library)
}

/// A snapshot as the library knows it: without rows. `None` if its mark is none.
pub(super) fn snapshot(name: &SnapshotName) -> Option<Snapshot> {
    let facts = Facts::decode(&name.mark)?;
    let mut snapshot = Snapshot::default();
    let metadata = snapshot.mut_metadata();
    (metadata.index, metadata.term) = (name.position, facts.term);
    metadata.set_conf_state(facts.conf_state());
    snapshot.data = Bytes::from(facts::encode(&(name.hash, &name.mark[..])));
    Some(snapshot)
}

/// Its name.
pub(super) fn name(snapshot: &Snapshot) -> SnapshotName {
    let parts: Option<(ChainHash, Vec<u8>)> = facts::decode(&snapshot.data);
    let (hash, mark) = parts.unwrap_or_default();
    SnapshotName { position: snapshot.get_metadata().index, hash, mark: Bytes::from(mark) }
}
