//! A store in place of law and store, and a start from a store.

use replication::contract::{Effect as EngineEffect, Incarnation, Recovered, SnapshotName};

use super::harness::*;
use crate::catalog::StartError;
use crate::customers::{CustomersConfig, CustomersProcess, Protocol};
use crate::message::{CustomerReply, Message, SnapshotPart};
use crate::process::{Effect, Input};
use crate::replica::stored_hash;
use crate::service::ServiceId;

/// A member that has a cart, and the name of the snapshot that its store is.
fn rich() -> (Bench, SnapshotName) {
    let mut bench = Bench::serving();
    bench.wish(3, add(1, 3));
    bench.then(|script| script.say(EngineEffect::Mark(b"mark"[..].into())));
    bench.agree();
    bench.replies();
    let (position, hash) = bench.member.applied();
    assert_eq!(stored_hash(&bench.stored()).unwrap(), Some(hash), "the store knows its hash");
    (bench, SnapshotName { position, hash, mark: b"mark"[..].into() })
}

fn part(bench: &Bench, name: &SnapshotName) -> Input {
    let part = SnapshotPart { transfer: 1, part: 0, rows: bench.stored(), end: Some(name.clone()) };
    Input::Received { from: ServiceId::customers(2), message: Message::SnapshotPart(part) }
}

#[test]
fn a_member_that_missed_much_takes_anothers_store() {
    let (rich, name) = rich();
    let mut bench = Bench::fresh(config(3));
    bench.input(part(&rich, &name));
    bench.then(|script| script.say(EngineEffect::Restore(name.clone())));
    assert_eq!(bench.member.law(), rich.member.law());
    assert_eq!(bench.member.applied(), rich.member.applied());
    let replaced = bench.others.iter().any(|effect| {
        matches!(effect, Effect::Replace { position, rows } if *position == name.position && *rows == rich.stored())
    });
    assert!(replaced, "{:?}", bench.others);
    assert_eq!(bench.engine.script().restored, 0, "not before it is durable");
    bench.input(Input::Replaced(name.position));
    assert_eq!(bench.engine.script().restored, 1);
}

#[test]
fn whoever_waits_at_a_member_that_takes_anothers_store_is_told_unknown() {
    let (rich, name) = rich();
    let mut bench = Bench::serving_as(3);
    bench.wish(10, add(1, 1));
    bench.input(part(&rich, &name));
    bench.then(|script| script.say(EngineEffect::Restore(name)));
    assert_eq!(bench.replies(), [(10, CustomerReply::Unknown)]);
}

#[test]
fn rows_that_are_not_here_are_not_taken() {
    let (_, name) = rich();
    let mut bench = Bench::serving_as(3);
    let before = bench.member.applied();
    bench.then(|script| script.say(EngineEffect::Restore(name)));
    assert_eq!((bench.engine.script().refused, bench.member.applied()), (1, before));
}

#[test]
fn rows_that_are_no_customers_stop_the_member() {
    let (rich, name) = rich();
    let mut bench = Bench::fresh(config(3));
    let mut rows = rich.stored();
    let damaged = rows.iter_mut().find(|row| row.table == market::rows::Table::Accounts).unwrap();
    damaged.value.pop();
    let part = SnapshotPart { transfer: 1, part: 0, rows, end: Some(name.clone()) };
    let from = ServiceId::customers(2);
    bench.input(Input::Received { from, message: Message::SnapshotPart(part) });
    bench.then(|script| script.say(EngineEffect::Restore(name)));
    assert!(bench.others.iter().any(|effect| matches!(effect, Effect::Halt(_))));
}

#[test]
fn the_store_of_one_member_is_read_and_sent_to_another() {
    let mut bench = Bench::serving();
    bench.then(|script| script.say(EngineEffect::SendSnapshot { to: 3 }));
    let [Effect::ReadSnapshot { transfer, .. }] = bench.others[..] else {
        panic!("the store is to be read: {:?}", bench.others);
    };
    let (position, rows) = (bench.member.applied().0, bench.stored());
    bench.input(Input::SnapshotRows { transfer, position, rows, end: true });
    let sent = bench.others.iter().find_map(|effect| match effect {
        Effect::Send { to, message: Message::SnapshotPart(part) } => Some((*to, part.clone())),
        _ => None,
    });
    let (to, part) = sent.expect("a part is sent");
    assert_eq!(to, ServiceId::customers(3));
    let taken = crate::message::SnapshotTaken { transfer: part.transfer, next: Some(1) };
    bench.input(Input::Received { from: to, message: Message::SnapshotTaken(taken) });
    assert_eq!(bench.engine.script().staged, [(3, part.end.unwrap())]);
    bench.then(|script| script.lose_view(9));
}

#[test]
fn a_start_goes_on_from_the_store() {
    let (rich, name) = rich();
    let alone = |mark| {
        let recovered =
            Recovered { applied: name.position, applied_hash: name.hash, ..Recovered::default() };
        let mut rows = rich.stored();
        rows.retain(|row| mark || row.key != b"mark");
        let config =
            CustomersConfig { protocol: Protocol::Solo, ..CustomersConfig::new(1, vec![1]) };
        let incarnation: Incarnation = 11;
        CustomersProcess::start(config, now(rich.time), 8, incarnation, recovered, rows)
    };
    let member = alone(false).expect("it starts");
    assert_eq!((member.law(), member.applied()), (rich.member.law(), rich.member.applied()));
    assert!(matches!(alone(true).err(), Some(StartError::OfAGroup)), "its mark is a group's");
}
