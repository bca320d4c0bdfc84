//! Raft, snapshots and changes of members: what is too much, or cannot be, is refused.

mod support;

use bytes::Bytes;
use market::rows::{Row, Table};
use node::message::{Message, SnapshotPart};
use proptest::prelude::*;
use replication::contract::{MemberChange, MemberError, Message as Replication, SnapshotName};
use replication::raft::{self, LogEntry};
use support::{any_of, raft_message};
use v1::message::Kind;
use wire::{DecodeError, admin, decode_batch, encode_batch, fits, limits, v1};

fn raft_with(alter: impl FnOnce(&mut raft::Message)) -> Message {
    let mut message = raft::Message {
        entries: Vec::new(),
        context: Bytes::new(),
        snapshot: None,
        ..any_of(raft_message())
    };
    alter(&mut message);
    Message::Replication(Replication::Raft(message))
}

fn envelopes(count: usize, size: usize) -> Message {
    let entry = LogEntry { position: 1, envelope: Bytes::from(vec![7; size]) };
    raft_with(|message| message.entries = vec![entry; count])
}

fn snapshot_with_mark(size: usize) -> SnapshotName {
    SnapshotName { mark: Bytes::from(vec![7; size]), ..SnapshotName::default() }
}

fn part(rows: Vec<Row>, end: Option<SnapshotName>) -> Message {
    Message::SnapshotPart(SnapshotPart { transfer: 1, part: 0, rows, end })
}

fn rows(count: usize, key: usize, value: usize) -> Message {
    let row = Row { table: Table::Listings, key: vec![7; key], value: vec![7; value] };
    part(vec![row; count], None)
}

/// The sender's judgement and the receiver's are the same.
fn taken(message: Message) -> bool {
    let fitting = fits(&message);
    assert_eq!(decode_batch(encode_batch([message])).is_ok(), fitting);
    fitting
}

#[test]
fn the_largest_of_each_list_fits_and_one_more_does_not() {
    assert!(taken(envelopes(limits::MAX_ENTRIES, 10)));
    assert!(!taken(envelopes(limits::MAX_ENTRIES + 1, 10)));
    assert!(taken(envelopes(1, limits::MAX_ENVELOPE_BYTES)));
    assert!(!taken(envelopes(1, limits::MAX_ENVELOPE_BYTES + 1)));
    assert!(taken(rows(limits::MAX_ROWS, 8, 8)));
    assert!(!taken(rows(limits::MAX_ROWS + 1, 8, 8)));
    assert!(taken(rows(1, limits::MAX_ROW_KEY_BYTES, limits::MAX_ROW_VALUE_BYTES)));
    assert!(!taken(rows(1, limits::MAX_ROW_KEY_BYTES + 1, 1)));
    assert!(!taken(rows(1, 1, limits::MAX_ROW_VALUE_BYTES + 1)));
}

#[test]
fn marks_and_contexts_have_limits() {
    let context = |size| raft_with(|message| message.context = Bytes::from(vec![7; size]));
    assert!(taken(context(limits::MAX_CONTEXT_BYTES)));
    assert!(!taken(context(limits::MAX_CONTEXT_BYTES + 1)));
    for size in [limits::MAX_MARK_BYTES, limits::MAX_MARK_BYTES + 1] {
        let fitting = size <= limits::MAX_MARK_BYTES;
        let name = || Some(snapshot_with_mark(size));
        assert_eq!(taken(raft_with(|message| message.snapshot = name())), fitting);
        assert_eq!(taken(part(Vec::new(), name())), fitting);
    }
}

/// Each part within its own limit, all of them together above that of a message: only the sender can tell before it is sent.
#[test]
fn what_is_too_long_as_a_whole_is_not_sent() {
    assert!(!fits(&envelopes(2, limits::MAX_ENVELOPE_BYTES)));
    assert!(!fits(&rows(5, 1, limits::MAX_ROW_VALUE_BYTES)));
}

fn one(kind: Kind) -> Result<wire::Received, DecodeError> {
    decode_batch(v1::Batch { hello: None, messages: vec![v1::Message { kind: Some(kind) }] })
}

fn raft(alter: impl FnOnce(&mut v1::Raft)) -> Result<wire::Received, DecodeError> {
    let mut message = v1::Raft::from(any_of(raft_message()));
    alter(&mut message);
    let engine = Some(v1::replication::Engine::Raft(message));
    one(Kind::Replication(v1::Replication { engine }))
}

#[test]
fn kinds_disks_positions_and_tables_that_cannot_be_are_refused() {
    assert!(raft(|_| ()).is_ok());
    for kind in [0, -1, 11, i32::MAX] {
        let expected =
            DecodeError::OutOfRange { what: "kind of a Raft message", value: kind.into() };
        assert_eq!(raft(|message| message.kind = kind), Err(expected));
    }
    let expected = DecodeError::OutOfRange { what: "incarnation", value: 0 };
    assert_eq!(raft(|message| message.incarnation = 0), Err(expected));
    let expected = DecodeError::OutOfRange { what: "position", value: 0 };
    let entry = v1::RaftEntry { position: 0, envelope: Bytes::new() };
    assert_eq!(raft(|message| message.entries = vec![entry]), Err(expected));
    let name = v1::SnapshotName { hash: None, ..Default::default() };
    let expected = DecodeError::Missing("hash of a snapshot");
    assert_eq!(raft(|message| message.snapshot = Some(name)), Err(expected));
    let past = Table::ALL.len() as u32 + 1;
    for table in [0, past, 256 + 1, u32::MAX] {
        let row = v1::Row { table, key: Vec::new(), value: Vec::new() };
        let refused = one(Kind::SnapshotPart(v1::SnapshotPart {
            transfer: 1,
            part: 0,
            rows: vec![row],
            end: None,
        }));
        assert_eq!(refused, Err(DecodeError::OutOfRange { what: "table", value: table.into() }));
    }
}

fn member_error() -> impl Strategy<Value = MemberError> {
    let id = || 1..=u8::MAX;
    prop_oneof![
        proptest::option::of(id()).prop_map(|leader| MemberError::NotLeader { leader }),
        Just(MemberError::UnderWay),
        id().prop_map(MemberError::IsMember),
        id().prop_map(MemberError::NoMember),
        id().prop_map(MemberError::LastVoter),
        id().prop_map(MemberError::NotHeard),
        Just(MemberError::Fixed),
    ]
}

fn member_change() -> impl Strategy<Value = MemberChange> {
    prop_oneof![
        (1..=u8::MAX, 1..=u64::MAX).prop_map(|(id, disk)| MemberChange::Add(id, disk)),
        (1..=u8::MAX).prop_map(MemberChange::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn changes_of_members_and_their_refusals_survive(
        change in member_change(),
        refusal in proptest::option::of(member_error()),
    ) {
        let request = v1::MemberRequest::from(change);
        prop_assert_eq!(MemberChange::try_from(request), Ok(change));
        let outcome = refusal.map_or(Ok(()), Err);
        let reply = v1::MemberReply::from(outcome.clone());
        prop_assert_eq!(admin::decode_reply(reply), Ok(outcome));
    }
}

#[test]
fn changes_of_members_that_cannot_be_are_refused() {
    use v1::member_request::Change;
    let decode = |change| MemberChange::try_from(v1::MemberRequest { change });
    assert_eq!(decode(None), Err(DecodeError::Missing("change of members")));
    for id in [0, 256] {
        let expected = Err(DecodeError::OutOfRange { what: "replica", value: id.into() });
        assert_eq!(decode(Some(Change::Remove(id))), expected);
        let disk = v1::Disk { replica: id, incarnation: 1 };
        assert_eq!(decode(Some(Change::Add(disk))), expected);
    }
    let unnamed = v1::Disk { replica: 1, incarnation: 0 };
    let expected = DecodeError::OutOfRange { what: "incarnation", value: 0 };
    assert_eq!(decode(Some(Change::Add(unnamed))), Err(expected));
}
