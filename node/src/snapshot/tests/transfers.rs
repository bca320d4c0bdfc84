//! Whole transfers, with one thing at a time going wrong.

use replication::time::Span;

use super::net::{Flight, Leader, Net, PEER, almost, name, state};
use crate::limits::{SNAPSHOT_RESEND, SNAPSHOT_SILENCE};
use crate::message::SnapshotTaken;

/// A part of leader 1 was read and is on its way.
fn one_under_way(parts_before: usize) -> Net {
    let mut net = Net::new();
    net.wish(1);
    for _ in 0..parts_before {
        net.read(1, 1);
        net.deliver(0);
        net.deliver(0);
    }
    net.read(1, 1);
    assert_eq!(net.flying.len(), 1);
    net
}

#[test]
fn part_by_part_everything_gets_there() {
    let mut net = Net::new();
    net.wish(3);
    net.settle();
    assert_eq!(net.told, [name(14)]);
    assert!(net.leaders[&3].pinned.is_empty(), "the store's rows are let go");
    assert_eq!(net.receiver.take(&name(13)), None);
    assert_eq!(net.receiver.take(&name(14)), Some(state(14)));
    assert_eq!(net.receiver.take(&name(14)), None, "handed over");
}

#[test]
fn a_store_that_goes_on_changes_nothing() {
    let mut net = one_under_way(1);
    net.leaders.get_mut(&1).unwrap().position = 12;
    net.settle();
    assert_eq!((&net.told[..], net.receiver.take(&name(9))), (&[name(9)][..], Some(state(9))));
}

#[test]
fn a_lost_part_is_sent_again() {
    let mut net = one_under_way(1);
    let lost = net.flying.pop();
    net.pass(almost(SNAPSHOT_RESEND));
    assert_eq!(net.flying, []);
    net.pass(Span(1));
    assert_eq!(net.flying.last(), lost.as_ref());
    net.settle();
    assert_eq!(net.told, [name(9)]);
}

#[test]
fn a_lost_answer_is_given_again() {
    for parts in [1, 4] {
        let mut net = one_under_way(parts - 1);
        net.deliver(0);
        net.flying.clear();
        net.pass(SNAPSHOT_RESEND);
        net.settle();
        assert_eq!(net.told, [name(9)], "part {parts} of four");
        assert_eq!(net.receiver.take(&name(9)), Some(state(9)));
    }
}

#[test]
fn doubled_and_late_parts_and_answers_are_harmless() {
    let mut net = one_under_way(0);
    let first = net.flying[0].clone();
    net.arrive(first.clone());
    net.deliver(0);
    let early = net.flying[0].clone();
    assert_eq!(net.flying, [early.clone(), early.clone()], "answered twice, the same");
    net.deliver(0);
    net.read(1, 1);
    net.arrive(early);
    assert!(net.leaders[&1].reads.is_empty(), "the second part was not taken yet");
    net.arrive(first);
    net.settle();
    assert_eq!((&net.told[..], net.receiver.take(&name(9))), (&[name(9)][..], Some(state(9))));
}

#[test]
fn a_part_that_comes_too_early_is_not_taken() {
    let mut net = one_under_way(1);
    let Flight::Part(from, mut part) = net.flying.pop().unwrap() else { panic!("a part") };
    let transfer = part.transfer;
    part.part = 2;
    net.arrive(Flight::Part(from, part));
    let answer = SnapshotTaken { transfer, next: Some(1) };
    assert_eq!(net.flying, [Flight::Taken(1, answer)]);
}

#[test]
fn a_peer_that_was_restarted_gets_a_transfer_from_the_start() {
    let mut net = one_under_way(2);
    net.restart_peer();
    net.settle();
    assert_eq!((&net.told[..], net.leaders[&1].pinned.len()), (&[][..], 0), "given up");
    net.wish(1);
    net.settle();
    assert_eq!(net.receiver.take(&name(9)), Some(state(9)));
}

#[test]
fn a_leader_that_was_restarted_begins_anew_at_once() {
    let mut net = one_under_way(2);
    net.restart(1);
    net.leaders.get_mut(&1).unwrap().position = 10;
    net.wish(1);
    net.settle();
    assert_eq!((&net.told[..], net.receiver.take(&name(10))), (&[name(10)][..], Some(state(10))));
}

#[test]
fn a_later_leader_replaces_an_earlier_one_in_the_middle() {
    let mut net = one_under_way(2);
    net.wish(3);
    net.read(3, 2);
    net.deliver(1);
    net.settle();
    assert_eq!(net.told, [name(14)]);
    assert!(net.leaders[&1].pinned.is_empty(), "the earlier one was told");
    assert_eq!(net.receiver.take(&name(14)), Some(state(14)));
}

#[test]
fn an_earlier_leader_waits_until_the_later_one_is_silent() {
    let mut net = Net::new();
    net.wish(3);
    net.read(3, 1);
    net.deliver(0);
    net.flying.clear();
    net.at(3, |sender, _, effects| sender.clear(effects));
    net.wish(1);
    net.settle();
    assert_eq!(net.told, []);
    net.pass(SNAPSHOT_SILENCE);
    net.wish(1);
    net.settle();
    assert_eq!(net.told, [name(9)]);
}

#[test]
fn what_is_staged_stays_while_another_transfer_comes_in() {
    let mut net = Net::new();
    net.wish(1);
    net.settle();
    net.leaders.get_mut(&1).unwrap().position = 11;
    net.wish(1); // the engine wished once more before it heard
    net.read(1, 2);
    net.deliver(0);
    assert_eq!(net.receiver.take(&name(9)), Some(state(9)));
    net.settle();
    assert_eq!(net.receiver.take(&name(11)), Some(state(11)));
}

#[test]
fn answers_to_something_else_count_for_nothing() {
    let mut net = one_under_way(3);
    let transfer = 1 << 32;
    let mut answer = |from, transfer, next| {
        let taken = SnapshotTaken { transfer, next };
        net.at(1, |sender, now, out| sender.taken(now, from, taken, out))
    };
    assert_eq!(answer(PEER + 5, transfer, Some(4)), None, "of another replica");
    assert_eq!(answer(PEER, transfer - 1, Some(4)), None, "to an earlier transfer");
    assert_eq!(answer(PEER, transfer - 1, None), None);
    assert_eq!(answer(PEER, transfer, Some(5)), None, "to more than was sent");
    assert_eq!(net.leaders[&1].pinned.len(), 1);
    net.settle();
    assert_eq!(net.told, [name(9)]);
}

/// As two starts of one clock might give them, if leaders did not count from their terms.
#[test]
fn transfers_of_two_leaders_with_one_number_are_not_mixed() {
    let mut net = one_under_way(1);
    net.leaders.insert(3, Leader::new(1 << 32, 14));
    net.wish(3);
    net.settle();
    assert_eq!(net.told, [name(9)], "the first one goes on");
    net.pass(SNAPSHOT_SILENCE);
    net.wish(3);
    net.settle();
    assert_eq!(net.told, [name(9), name(14)]);
    assert_eq!(net.receiver.take(&name(14)), Some(state(14)));
}
