//! What the leader of a group that elects itself does besides: cutting the outbox, stopping, bringing peers level.

use bytes::Bytes;
use market::rows::{Row, Table};
use replication::contract::{ChainHash, Effect as EngineEffect, Recovered, SnapshotName};
use replication::register::RegisterCommand;

use super::elected::*;
use super::harness::*;
use crate::catalog::StartError;
use crate::limits::{DRAIN_PATIENCE, QUESTION_RESEND, TRIM_INTERVAL};
use crate::message::{Message, OrderReply, SnapshotPart, SnapshotTaken, TradeReply};
use crate::orders::{OrdersProcess, Standing};
use crate::process::{Effect, Input};
use crate::service::ServiceId;
use crate::tests::scripted::Script;

const PEER: ServiceId = ServiceId::orders(2);

/// Orders agreed on by the group, the next `count`.
fn agreed(it: &mut Elected, batch: u64, first: u64, count: u64) {
    it.bench.trades(GATEWAY, first..first + count);
    it.bench.done(batch, first, count);
    it.then(Script::agree);
}

fn wait(it: &mut Elected) {
    it.bench.run(TRIM_INTERVAL.0 / 1_000 + 1);
}

#[test]
fn what_the_group_agreed_on_need_not_be_kept() {
    let mut it = Elected::open();
    agreed(&mut it, 0, 0, 5);
    it.bench.trades(GATEWAY, [9]);
    it.bench.done(1, 5, 1);
    wait(&mut it);
    assert_eq!(it.bench.trims(), [(4, 5)], "the sixth is not agreed on");
}

#[test]
fn one_voter_is_not_two_disks() {
    let mut it = Elected::open();
    it.engine.script().voters = vec![3];
    agreed(&mut it, 0, 0, 5);
    it.bench.run(2_000);
    assert_eq!(it.bench.trims(), []);
}

#[test]
fn nothing_is_cut_while_the_register_would_take_another_without_looking() {
    let mut it = Elected::open();
    agreed(&mut it, 0, 0, 5);
    it.bench.trims();
    it.bench.configure(configuration(5, 1, Some(3), &[1, 2, 3]));
    assert_eq!(it.bench.orders.standing(), Standing::Open { epoch: 1 });
    it.bench.run(1_000);
    assert_eq!(it.bench.trims(), []);
    let alters = it.bench.take(|_, message| match message {
        Message::Configure(RegisterCommand::AlterInSync {
            expect,
            epoch,
            in_sync,
            added: None,
        }) => Some((*expect, *epoch, in_sync.iter().copied().collect::<Vec<_>>())),
        _ => None,
    });
    assert_eq!(alters[0], (5, 1, vec![3]));
    assert!((2..=8).contains(&alters.len()), "now and then: {}", alters.len());
    it.bench.configure(configuration(6, 1, Some(3), &[3]));
    agreed(&mut it, 1, 5, 1);
    it.bench.run(QUESTION_RESEND.0 / 1_000);
    assert_eq!(it.bench.trims(), [(6, 6)]);
}

#[test]
fn a_leader_that_stops_hands_its_group_over_and_waits_until_another_one_is_registered() {
    let mut it = Elected::open();
    it.bench.trades(GATEWAY, [1]);
    it.bench.input(Input::Drain);
    assert!(it.engine.script().hand_overs >= 1);
    it.bench.trades(GATEWAY, [2]);
    assert!(matches!(it.bench.answers()[..], [(GATEWAY, 2, TradeReply::NotLeader(_))]));
    it.then(|script| script.follow(8));
    assert_eq!(it.bench.drained(), 0, "its gateways would not know where to go");
    it.bench.configure(configuration(5, 2, Some(2), &[2]));
    assert_eq!(it.bench.drained(), 1);
}

#[test]
fn who_gets_ready_to_stop_is_not_registered() {
    let mut it = Elected::following();
    it.bench.configure(configuration(3, 0, None, &[1, 2, 3]));
    it.bench.input(Input::Drain);
    it.then(|script| script.lead(7));
    it.bench.run(200);
    it.then(Script::pass);
    assert_eq!(it.elects(), []);
    it.bench.run(DRAIN_PATIENCE.0 / 1_000);
    assert_eq!(it.bench.drained(), 1);
}

/// The store of a leader with four orders, all of its rows, and their name.
fn store() -> (Vec<Row>, SnapshotName) {
    let mut it = Elected::open();
    it.engine.script().say(EngineEffect::Mark("members".into()));
    agreed(&mut it, 0, 0, 4);
    let rows = it.bench.rows();
    let value = |key: &[u8]| {
        let row = rows.iter().find(|row| row.table == Table::Facts && row.key == key);
        row.unwrap().value.clone()
    };
    let hash = ChainHash(value(b"chain").try_into().unwrap());
    let mark = Bytes::from(value(b"mark"));
    assert_eq!(mark, "members");
    (rows, SnapshotName { position: it.bench.stored, hash, mark })
}

#[test]
fn a_leader_sends_its_store_to_a_peer_that_misses_too_much() {
    let (rows, name) = store();
    let mut it = Elected::open();
    it.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    let Some(Effect::ReadSnapshot { transfer, after: None, .. }) = it.bench.others.pop() else {
        panic!("the store is read")
    };
    let position = name.position;
    it.bench.input(Input::SnapshotRows { transfer, position, rows: rows.clone(), end: true });
    let parts = it.bench.take(|to, message| match message {
        Message::SnapshotPart(part) if *to == PEER => Some(part.clone()),
        _ => None,
    });
    assert_eq!((&parts[0].rows, &parts[0].end), (&rows, &Some(name.clone())));
    let taken = SnapshotTaken { transfer, next: Some(1) };
    it.bench.receive(PEER, Message::SnapshotTaken(taken));
    assert_eq!(it.engine.script().staged, [(2, name)]);
}

#[test]
fn a_replica_that_missed_too_much_has_every_order_afterwards() {
    let (rows, name) = store();
    let mut it = Elected::following();
    let part =
        SnapshotPart { transfer: 1 << 32, part: 0, rows: rows.clone(), end: Some(name.clone()) };
    it.bench.receive(PEER, Message::SnapshotPart(part));
    it.then(|script| script.say(EngineEffect::Restore(name.clone())));
    let replaces = |effect: &Effect| matches!(effect, Effect::Replace { position, rows: all } if *position == name.position && *all == rows);
    assert!(it.bench.others.iter().any(replaces));
    assert_eq!(it.bench.orders.law().count(), 4);
    // The disk may still be the old one.
    it.bench.reads(GATEWAY, [3]);
    assert!(matches!(it.bench.found()[..], [(3, OrderReply::Busy)]));
    assert_eq!(it.engine.script().restored, 0);
    it.bench.input(Input::Replaced(name.position));
    assert_eq!(it.engine.script().restored, 1);
    it.bench.reads(GATEWAY, [3]);
    assert!(matches!(it.bench.disk_reads()[..], [(_, 4)]), "order 3 is the fourth row");
    it.then(|script| {
        script.begin_after(name.position, name.hash);
        script.deliver(crate::orders::Command::Order(order(4)).encode());
    });
    assert_eq!((it.bench.orders.law().count(), it.bench.halts()), (5, 0));
}

#[test]
fn a_snapshot_that_is_not_here_is_refused() {
    let (_, name) = store();
    let mut it = Elected::following();
    it.then(|script| script.say(EngineEffect::Restore(name)));
    assert_eq!((it.engine.script().refused, it.bench.halts()), (1, 0));
}

#[test]
fn a_reign_ends_and_its_transfers_with_it() {
    let mut it = Elected::open();
    it.then(|script| script.say(EngineEffect::SendSnapshot { to: 2 }));
    it.bench.others.clear();
    it.then(|script| script.follow(8));
    assert!(matches!(it.bench.others[0], Effect::CloseSnapshot { .. }));
}

#[test]
fn a_store_with_more_orders_than_positions_is_not_started_from_and_one_with_fewer_is() {
    let (rows, name) = store();
    let bench = Bench::holding(0, config());
    let start = |applied, rows: &[Row]| {
        let recovered = Recovered { applied, ..Recovered::default() };
        OrdersProcess::start(raft_config(), bench.now(), 33, recovered, rows.to_vec()).map(|_| ())
    };
    assert!(matches!(start(3, &rows), Err(StartError::OrderCount { count: 4, position: 3 })));
    // Its mark is only a word: the count was taken, the mark is not.
    assert!(matches!(start(name.position, &rows), Err(StartError::Raft(_))));
    let recovered = Recovered { applied: name.position, ..Recovered::default() };
    let started = OrdersProcess::start(config(), bench.now(), 33, recovered, rows);
    assert!(matches!(started, Err(StartError::ElectsItself)), "nor by the other protocol");
}
