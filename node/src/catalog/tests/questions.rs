//! What only a proven leader may answer.

use replication::time::Span;

use super::harness::*;
use super::scripted::*;
use crate::limits::{BARRIERS_UNDER_WAY, LEASE, QUESTIONS_WAITING};
use crate::message::{Fill, Message, ReadOutbox, Renew};
use crate::process::Input;

fn all_three(group: &Group) -> Vec<Input> {
    let renew = Renew { session: 0, sent_at: group.bench.time };
    let fill = Fill { session: 0, token: 1, name: name("Tux") };
    let read = ReadOutbox { epoch: 1, question: 1, from: 0 };
    vec![
        Input::Received { from: GATEWAY, message: Message::Renew(renew) },
        Input::Received { from: GATEWAY, message: Message::Fill(fill) },
        Input::Received { from: LEADER, message: Message::ReadOutbox(read) },
    ]
}

#[test]
fn a_burst_of_questions_is_answered_after_one_barrier() {
    let mut group = Group::leading();
    let burst = all_three(&group);
    group.bench.burst(burst);
    assert_eq!(group.bench.sent, []);
    assert_eq!(group.open_barriers(), 1);
    group.pass();
    let sent = group.bench.take();
    assert!(
        matches!(sent[..], [Message::Lease(_), Message::Filled(_), Message::Outbox(_)]),
        "{sent:?}"
    );
}

#[test]
fn a_leader_that_no_majority_confirms_grants_and_reads_nothing() {
    let mut group = Group::leading();
    let burst = all_three(&group);
    group.bench.burst(burst);
    group.bench.run(2_000);
    assert_eq!(group.bench.sent, []);
    assert_eq!(group.bench.catalog.leased_gateways(group.bench.time), 0);
    group.follow(2);
    group.pass();
    group.bench.run(10);
    assert_eq!(group.bench.sent, [], "nor when it has noticed");
}

#[test]
fn a_barrier_asked_for_earlier_says_nothing_about_later_questions() {
    let mut group = Group::leading();
    group.bench.fill(0, 1, "Tux");
    let first = group.engine.script().open.clone();
    group.bench.fill(0, 2, "Gnu");
    group.then(|script| {
        for barrier in first {
            script.say(replication::contract::Effect::Passed(barrier));
        }
    });
    let tokens: Vec<u64> = group.bench.filled().iter().map(|filled| filled.token).collect();
    assert_eq!(tokens, [1]);
    group.pass();
    let tokens: Vec<u64> = group.bench.filled().iter().map(|filled| filled.token).collect();
    assert_eq!(tokens, [2]);
}

#[test]
fn an_answer_reflects_what_was_applied_while_it_waited() {
    let mut group = Group::leading();
    group.bench.decide(1, vec![buy(1, "Tux", 4)]);
    group.bench.fill(0, 1, "Tux");
    group.agree();
    group.pass();
    let filled = group.bench.filled().pop().unwrap();
    assert_eq!(filled.listing.unwrap().quantity, 6);
}

#[test]
fn a_lease_counts_from_its_renewal_here_and_from_its_grant_at_the_catalog() {
    let mut group = Group::leading();
    let asked = group.bench.time;
    group.bench.renew(1, 0);
    group.bench.run(100);
    group.pass();
    let Some(Message::Lease(lease)) = group.bench.take().pop() else { panic!("granted") };
    assert_eq!((lease.sent_at, lease.ttl), (asked, LEASE));
    group.bench.time = asked + LEASE + Span::millis(100);
    assert_eq!(group.bench.catalog.leased_gateways(group.bench.time), 1);
}

#[test]
fn only_so_many_barriers_are_under_way_and_the_rest_shares_the_next() {
    let mut group = Group::leading();
    for token in 0..20 {
        group.bench.fill(0, token, "Tux");
    }
    assert_eq!(group.open_barriers(), BARRIERS_UNDER_WAY);
    group.pass();
    assert_eq!(group.bench.filled().len(), BARRIERS_UNDER_WAY);
    assert_eq!(group.open_barriers(), 1);
    group.pass();
    assert_eq!(group.bench.filled().len(), 20 - BARRIERS_UNDER_WAY);
}

#[test]
fn questions_that_wait_are_bounded() {
    let mut group = Group::leading();
    let fill = |token| {
        let message = Message::Fill(Fill { session: 0, token, name: name("Tux") });
        Input::Received { from: GATEWAY, message }
    };
    group.bench.burst((0..QUESTIONS_WAITING as u64 + 10).map(fill).collect());
    group.pass();
    assert_eq!(group.bench.filled().len(), QUESTIONS_WAITING);
}

#[test]
fn a_gateway_that_the_next_leader_would_not_wait_for_gets_no_lease() {
    let mut group = Group::leading();
    assert_eq!(group.renew(3, 0), None);
    assert_eq!(group.bench.catalog.leased_gateways(group.bench.time), 0);
    assert!(group.renew(2, 0).is_some());
}
