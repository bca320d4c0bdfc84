//! An orderly stop within a group.

use bytes::Bytes;

use super::harness::*;
use super::scripted::*;
use crate::limits::{DRAIN_PATIENCE, HAND_OVER_SETTLE, SUCCESSION};
use crate::message::Message;
use crate::process::{Effect, Input};

fn drained(group: &Group) -> usize {
    group.bench.others.iter().filter(|effect| matches!(effect, Effect::Drained)).count()
}

fn hand_overs(group: &Group) -> usize {
    group.engine.script().hand_overs
}

#[test]
fn a_follower_may_stop_at_once() {
    let mut group = Group::following();
    group.bench.input(Input::Drain);
    assert_eq!((drained(&group), hand_overs(&group)), (1, 0));
}

#[test]
fn a_leader_hands_over_and_stops_when_another_one_leads() {
    let mut group = Group::leading();
    group.bench.input(Input::Drain);
    group.bench.run(10);
    assert!(hand_overs(&group) > 0);
    assert_eq!(drained(&group), 0, "it leads still");
    group.follow(2);
    assert_eq!(drained(&group), 0, "somebody campaigns, and may need its voice");
    group.then(|script| script.leader = Some(2));
    assert_eq!(drained(&group), 0, "somebody leads, and may need its disk");
    group.then(|script| script.deliver(Bytes::new()));
    assert_eq!(drained(&group), 1);
    group.bench.run(100);
    assert_eq!(drained(&group), 1, "said once");
}

#[test]
fn what_is_nearly_done_is_answered_first_and_nothing_new_begins() {
    let mut group = Group::leading();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.bench.input(Input::Drain);
    group.bench.decide(2, vec![buy(2, "Tux", 4)]);
    assert_eq!(group.renew(1, 0), None);
    assert_eq!(group.proposed(), 1);
    group.bench.run(1);
    assert_eq!(hand_overs(&group), 0);
    group.agree();
    assert_eq!(group.bench.decisions().len(), 1);
    group.bench.run(1);
    assert!(hand_overs(&group) > 0);
}

#[test]
fn what_takes_long_is_left_to_the_next_leader() {
    let mut group = Group::leading();
    group.renew(1, 0).unwrap();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    group.bench.input(Input::Drain);
    group.bench.run(HAND_OVER_SETTLE.0 / 1_000 - 1);
    assert_eq!(hand_overs(&group), 0, "a gateway still owes its confirmation");
    group.bench.run(1);
    assert_eq!(hand_overs(&group), 1);
    group.bench.run(1);
    assert_eq!(hand_overs(&group), 2, "asked again: the engine may have found nobody");
}

#[test]
fn nobody_to_hand_over_to_does_not_keep_it_for_ever() {
    let mut group = Group::leading();
    group.bench.input(Input::Drain);
    group.bench.run(DRAIN_PATIENCE.0 / 1_000 - 1);
    assert_eq!(drained(&group), 0);
    group.bench.run(1);
    assert_eq!(drained(&group), 1);
}

#[test]
fn a_campaign_without_an_end_does_not_keep_it_for_ever() {
    let mut group = Group::leading();
    group.bench.input(Input::Drain);
    group.follow(2);
    group.bench.run(SUCCESSION.0 / 1_000 - 1);
    assert_eq!(drained(&group), 0);
    group.bench.run(1);
    assert_eq!(drained(&group), 1);
}

#[test]
fn a_leader_that_lost_its_majority_waits_for_nobody() {
    let mut group = Group::leading();
    group.bench.input(Input::Drain);
    assert_eq!(drained(&group), 0);
    group.follow(1);
    assert_eq!(drained(&group), 1, "the term is the same: nobody campaigns");
}

#[test]
fn the_next_leader_opens_as_soon_as_the_gateways_have_gone_over() {
    let mut group = Group::following();
    group.link();
    group.lead(2);
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.agree();
    for gateway in [1, 2] {
        let session = group.renew(gateway, 1 << 32).unwrap();
        group.renew(gateway, session).unwrap();
    }
    let decided = |(_, message): &(_, Message)| matches!(message, Message::Decided(_));
    assert_eq!(group.bench.sent.iter().filter(|sent| decided(sent)).count(), 1, "in no time");
}
