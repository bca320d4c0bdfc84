//! A replica that misses more than the log holds takes its leader's store.

use bytes::Bytes;
use market::rows::{Row, Table};
use replication::contract::{ChainHash, Effect as EngineEffect, SnapshotName};

use super::harness::*;
use super::scripted::*;
use crate::catalog::State;
use crate::message::{Message, SnapshotPart, SnapshotTaken};
use crate::process::{Effect, Input};
use crate::service::ServiceId;

const PEER: ServiceId = ServiceId::catalog(2);

/// The store of a leader that sold 4 Tux: all its rows, and their name.
fn store() -> (Vec<Row>, SnapshotName) {
    let mut group = Group::leading();
    group.engine.script().say(EngineEffect::Mark("members".into()));
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    let position = group.bench.catalog.applied();
    let rows = group.bench.rows(position);
    let value = |key: &[u8]| {
        let row = rows.iter().find(|row| row.table == Table::Facts && row.key == key);
        row.unwrap().value.clone()
    };
    let hash = ChainHash(value(b"chain").try_into().unwrap());
    let mark = Bytes::from(value(b"mark"));
    (rows, SnapshotName { position, hash, mark })
}

fn part(rows: &[Row], name: &SnapshotName) -> Message {
    let (rows, end) = (rows.to_vec(), Some(name.clone()));
    Message::SnapshotPart(SnapshotPart { transfer: 1 << 32, part: 0, rows, end })
}

fn replaced(group: &mut Group) -> Option<(u64, Vec<Row>)> {
    let replace = |effect| match effect {
        Effect::Replace { position, rows } => Some((position, rows)),
        _ => None,
    };
    group.bench.others.drain(..).find_map(replace)
}

#[test]
fn a_leader_reads_its_store_sends_it_and_tells_its_engine_when_the_peer_has_it() {
    let (rows, name) = store();
    let mut group = Group::leading();
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    let Some(Effect::ReadSnapshot { transfer, after: None, .. }) = group.bench.others.pop() else {
        panic!("the store is read")
    };
    let position = name.position;
    group.bench.input(Input::SnapshotRows { transfer, position, rows: rows.clone(), end: true });
    let Some(Message::SnapshotPart(part)) = group.bench.take().pop() else { panic!("it is sent") };
    assert_eq!((part.rows, part.end), (rows, Some(name.clone())));
    let taken = SnapshotTaken { transfer, next: Some(1) };
    group.bench.receive(PEER, Message::SnapshotTaken(taken));
    assert_eq!(group.engine.script().staged, [(2, name)]);
}

/// Of two replicas that run, one may have to bring the other level before they can agree on anything.
#[test]
fn a_peer_is_brought_level_before_the_first_entry_of_a_term_is_agreed_on() {
    let mut group = Group::following();
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    assert!(matches!(group.bench.others[..], [Effect::ReadSnapshot { .. }]));
}

#[test]
fn transfers_have_other_names_in_another_term() {
    let mut group = Group::leading();
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    group.lead(2);
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    let transfers = |effect: &Effect| match effect {
        Effect::ReadSnapshot { transfer, .. } => Some(*transfer),
        _ => None,
    };
    let transfers: Vec<u64> = group.bench.others.iter().filter_map(transfers).collect();
    assert_eq!(transfers, [(1 << 32) + 1, (2 << 32) + 1]);
}

#[test]
fn a_reign_ends_and_its_transfers_with_it() {
    let mut group = Group::leading();
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    let Some(Effect::ReadSnapshot { transfer, .. }) = group.bench.others.pop() else {
        panic!("the store is read")
    };
    group.follow(2);
    let closed = |effect: &Effect| matches!(effect, Effect::CloseSnapshot { transfer: closed } if *closed == transfer);
    assert_eq!(group.bench.others.iter().filter(|effect| closed(effect)).count(), 1);
    let (rows, name) = store();
    let position = name.position;
    group.bench.input(Input::SnapshotRows { transfer, position, rows, end: true });
    assert_eq!(group.bench.take(), [], "an answer that comes late goes nowhere");
}

#[test]
fn a_lost_peer_costs_no_further_reads() {
    let mut group = Group::leading();
    group.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    group.bench.others.clear();
    group.bench.input(Input::LinkDown(PEER));
    assert!(matches!(group.bench.others[..], [Effect::CloseSnapshot { .. }]));
}

#[test]
fn a_peer_takes_law_and_store_when_its_engine_says_so() {
    let (rows, name) = store();
    let mut group = Group::fresh(group_config());
    group.bench.receive(PEER, part(&rows, &name));
    assert_eq!(group.bench.take().len(), 1, "taken");
    assert_eq!(group.bench.catalog.applied(), 0, "but only staged");
    group.then(|script| script.say(EngineEffect::Restore(name.clone())));
    assert_eq!(replaced(&mut group), Some((name.position, rows.clone())));
    let law = State::load(rows).unwrap().law;
    assert_eq!(group.bench.catalog.state().law.state_hash(), law.state_hash());
    assert_eq!(group.bench.catalog.state().register.leader, Some(3));
    assert_eq!(group.bench.catalog.applied(), name.position);
    assert_eq!(group.engine.script().restored, 0, "not before it is durable");
    group.bench.input(Input::Replaced(name.position));
    assert_eq!(group.engine.script().restored, 1);
    group.bench.input(Input::Replaced(name.position));
    assert_eq!(group.engine.script().restored, 1);
}

#[test]
fn it_goes_on_from_there_and_may_lead() {
    let (rows, name) = store();
    let mut group = Group::fresh(group_config());
    group.bench.receive(PEER, part(&rows, &name));
    group.then(|script| {
        script.say(EngineEffect::Restore(name.clone()));
        script.begin_after(name.position, name.hash);
    });
    group.bench.input(Input::Replaced(name.position));
    group.lead(9);
    assert_eq!(group.bench.catalog.applied(), name.position + 1);
    assert_eq!(group.proposed(), 0, "it has listings");
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    group.bench.run(400);
    let decided = group.bench.decisions().pop().unwrap();
    assert_eq!(decided.orders, [], "known by its key");
    assert_eq!(group.bench.quantity("Tux"), 6);
}

#[test]
fn a_mark_from_before_the_restore_is_not_stored_after_it() {
    let (rows, name) = store();
    let mut group = Group::fresh(group_config());
    group.bench.receive(PEER, part(&rows, &name));
    group.then(|script| {
        script.say(EngineEffect::Mark("older".into()));
        script.say(EngineEffect::Restore(name.clone()));
        script.begin_after(name.position, name.hash);
    });
    group.bench.input(Input::Replaced(name.position));
    group.then(|script| script.deliver(Bytes::new()));
    let (_, changes) = group.bench.stored.last().unwrap();
    assert!(changes.iter().all(|change| change.key != b"mark"), "{changes:?}");
}

#[test]
fn a_snapshot_that_is_not_here_changes_nothing() {
    let (rows, name) = store();
    let mut group = Group::following();
    let hash = group.bench.catalog.state().law.state_hash();
    group.bench.receive(PEER, part(&rows, &name));
    let other = SnapshotName { position: name.position + 1, ..name };
    group.then(|script| script.say(EngineEffect::Restore(other)));
    assert_eq!(replaced(&mut group), None);
    assert_eq!(group.engine.script().refused, 1, "the engine waits for the one word or the other");
    assert_eq!(group.bench.catalog.state().law.state_hash(), hash);
}

#[test]
fn rows_that_are_no_catalog_stop_the_replica_before_anything_is_thrown_away() {
    let (mut rows, name) = store();
    let row = rows.iter_mut().find(|row| row.table == Table::Listings).unwrap();
    row.value = vec![0xff; 3];
    let mut group = Group::fresh(group_config());
    group.bench.receive(PEER, part(&rows, &name));
    group.then(|script| script.say(EngineEffect::Restore(name)));
    assert!(matches!(&group.bench.others[..], [Effect::Halt(_)]), "{:?}", group.bench.others);
}
