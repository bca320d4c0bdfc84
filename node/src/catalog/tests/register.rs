//! Elections and other changes of the register: who may cause them, and when.

use std::collections::BTreeSet;

use replication::register::{Refusal, RegisterCommand};
use replication::time::Span;

use super::harness::*;
use crate::limits::{LEADER_SILENCE, SUSPICION};
use crate::message::{Heartbeat, Message};
use crate::process::Input;
use crate::service::ServiceId;

fn leader(bench: &Bench) -> (u64, Option<u8>) {
    let register = &bench.catalog.state().register;
    (register.epoch, register.leader)
}

/// The leader is heard every 100 ms, and these gateways complain, for so long.
fn complain(bench: &mut Bench, gateways: &[u8], span: Span) {
    for _ in 0..span.0 / 100_000 {
        bench.run(100);
        bench.receive(LEADER, Message::Heartbeat(Heartbeat { version: 4, leads: Some(1) }));
        for &gateway in gateways {
            bench.receive(ServiceId::gateway(gateway), Message::Configure(elect(4, 2)));
        }
        bench.sync();
    }
}

#[test]
fn a_change_is_told_to_everybody_linked_once_it_is_durable() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkUp(GATEWAY));
    bench.receive(LEADER, Message::Configure(elect(4, 2)));
    assert!(bench.take().is_empty());
    bench.sync();
    let told: BTreeSet<ServiceId> = bench
        .sent
        .drain(..)
        .filter(|(_, message)| matches!(message, Message::Configuration(c) if c.epoch == 2))
        .map(|(to, _)| to)
        .collect();
    let linked = [GATEWAY].into_iter().chain((1..=3).map(ServiceId::orders));
    assert_eq!(told, linked.collect());
}

#[test]
fn a_leader_that_is_heard_is_not_deposed_by_one_gateway() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkUp(GATEWAY));
    bench.input(Input::LinkUp(ServiceId::gateway(2)));
    let entries = bench.log.len();
    complain(&mut bench, &[1], Span(SUSPICION.0 * 2));
    assert_eq!(leader(&bench), (1, Some(3)));
    assert_eq!(bench.log.len(), entries, "nor does the wish cost a write");
    assert!(bench.take().iter().any(|m| matches!(m, Message::Configuration(_))), "it is answered");
}

#[test]
fn a_majority_of_gateways_deposes_it_after_a_while() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkUp(GATEWAY));
    bench.input(Input::LinkUp(ServiceId::gateway(2)));
    complain(&mut bench, &[1, 2], Span(SUSPICION.0 - 100_000));
    assert_eq!(leader(&bench), (1, Some(3)));
    complain(&mut bench, &[1, 2], Span::millis(300));
    assert_eq!(leader(&bench), (2, Some(2)));
}

#[test]
fn complaints_long_ago_do_not_add_up() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkUp(GATEWAY));
    complain(&mut bench, &[1], Span::millis(1_000));
    complain(&mut bench, &[], Span::millis(2_500));
    complain(&mut bench, &[1], Span::millis(1_500));
    assert_eq!(leader(&bench), (1, Some(3)));
}

#[test]
fn a_silent_leader_is_replaced_at_once() {
    let mut bench = Bench::serving();
    bench.run(LEADER_SILENCE.0 / 1_000 - 1);
    bench.receive(GATEWAY, Message::Configure(elect(4, 2)));
    bench.sync();
    assert_eq!(leader(&bench), (1, Some(3)));
    bench.run(1);
    bench.receive(GATEWAY, Message::Configure(elect(4, 2)));
    bench.sync();
    assert_eq!(leader(&bench), (2, Some(2)));
}

#[test]
fn a_leader_whose_link_broke_is_replaced_at_once() {
    let mut bench = Bench::serving();
    bench.input(Input::LinkDown(LEADER));
    bench.receive(GATEWAY, Message::Configure(elect(4, 1)));
    bench.sync();
    assert_eq!(leader(&bench), (2, Some(1)));
}

#[test]
fn only_an_election_shows_that_a_leader_may_live() {
    let mut bench = Bench::serving();
    bench.run(LEADER_SILENCE.0 / 1_000 - 10);
    let newer = RegisterCommand::Enrol { replica: 1, incarnation: 12, epoch: 1 };
    bench.receive(ServiceId::orders(1), Message::Configure(newer));
    bench.sync();
    assert_eq!(bench.catalog.state().register.version, 5);
    bench.run(10);
    bench.receive(GATEWAY, Message::Configure(elect(5, 2)));
    bench.sync();
    assert_eq!(leader(&bench), (2, Some(2)), "the leader was silent all the time");
}

#[test]
fn order_replicas_are_not_damped() {
    let mut bench = Bench::serving();
    bench.receive(LEADER, Message::Configure(elect(4, 1)));
    bench.sync();
    assert_eq!(leader(&bench), (2, Some(1)), "a hand-over");
    bench.receive(ServiceId::orders(1), Message::Configure(elect(5, 1)));
    bench.sync();
    assert_eq!(leader(&bench), (3, Some(1)), "a restarted leader takes a new epoch");
}

#[test]
fn wishes_that_cannot_come_true_cost_no_write() {
    let mut bench = Bench::serving();
    let entries = bench.log.len();
    bench.receive(LEADER, Message::Configure(elect(3, 2)));
    bench.receive(ServiceId::orders(2), Message::Configure(enrol(2)));
    bench.receive(ServiceId::orders(9), Message::Configure(enrol(9)));
    let sent = bench.take();
    let stale = Refusal::Stale { version: 4, expected: 3 };
    assert!(matches!(&sent[0], Message::Refused { refusal, .. } if *refusal == stale));
    assert!(matches!(sent[1..], [Message::Configuration(_), Message::Configuration(_)]));
    assert_eq!(bench.log.len(), entries);
}

#[test]
fn of_two_wishes_for_one_version_the_later_is_refused() {
    let mut bench = Bench::serving();
    bench.receive(LEADER, Message::Configure(elect(4, 2)));
    bench.receive(ServiceId::orders(1), Message::Configure(elect(4, 1)));
    bench.sync();
    assert_eq!(leader(&bench), (2, Some(2)));
    let refused = |(to, message): &(ServiceId, Message)| {
        *to == ServiceId::orders(1)
            && matches!(message, Message::Refused { configuration, .. } if configuration.epoch == 2)
    };
    assert_eq!(bench.sent.iter().filter(|sent| refused(sent)).count(), 1);
}

#[test]
fn a_replica_that_remembers_more_than_the_register_is_told_so() {
    let mut bench = Bench::serving();
    let wish = RegisterCommand::Enrol { replica: 2, incarnation: 22, epoch: 9 };
    bench.receive(ServiceId::orders(2), Message::Configure(wish));
    bench.sync();
    let Some(Message::Refused { refusal, .. }) = bench.take().pop() else { panic!("refused") };
    assert_eq!(refusal, Refusal::RegisterLostData { replica: 2, epoch: 9, current: 1 });
}
