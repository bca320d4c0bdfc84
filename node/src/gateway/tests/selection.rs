//! Selecting a leader: who is chosen, when, and when not.

use replication::register::{Refusal, RegisterCommand};
use replication::time::Span;

use super::harness::{Bench, CATALOG, config, configuration, pong, trade};
use crate::gateway::{ClientRequest, ClientResponse};
use crate::message::{Message, Pong};
use crate::process::{Effect, Event, Input};
use crate::service::ServiceId;

/// The replica stops answering and its link breaks.
fn kill(bench: &mut Bench, id: u8) {
    bench.replicas.remove(&id);
    bench.input(Input::LinkDown(ServiceId::orders(id)));
}

fn elect(expect: u64, candidate: u8, log_end: u64, drop: Option<u8>) -> RegisterCommand {
    let incarnation = u64::from(candidate) * 11;
    RegisterCommand::Elect { expect, candidate, incarnation, log_end, drop }
}

fn live(bench: &mut Bench) -> bool {
    bench.ask(99, ClientRequest::Leader);
    matches!(bench.reply(99), Some(ClientResponse::Leader(_)))
}

#[test]
fn a_broken_link_elects_the_highest_in_sync_at_once() {
    let mut bench = Bench::healthy(config());
    kill(&mut bench, 3);
    // All that are linked answered within the same instant: no need to wait.
    assert_eq!(bench.proposals(), [elect(4, 2, 7, Some(3))]);
    assert!(!live(&mut bench));
    bench.configuration = Some(configuration(5, 2, Some(2), &[1, 2]));
    bench.replicas.insert(2, pong(2, 2, true, 7));
    let told = bench.configuration.clone().unwrap();
    bench.receive(CATALOG, Message::Configuration(told.clone()));
    bench.run(20);
    assert!(live(&mut bench));
    assert!(bench.proposals().is_empty());
    let heard = bench
        .others
        .iter()
        .filter(|effect| matches!(effect, Effect::Event(Event::Configuration(it)) if *it == told));
    assert_eq!(heard.count(), 1);
}

#[test]
fn a_silent_leader_is_given_a_ping_and_a_window_before_it_is_replaced() {
    let mut bench = Bench::healthy(config());
    bench.replicas.remove(&3);
    bench.run(900);
    assert!(bench.proposals().is_empty(), "next ping at 500 ms, 300 ms of patience, 150 ms window");
    bench.run(100);
    assert_eq!(bench.proposals(), [elect(4, 2, 7, Some(3))]);
}

#[test]
fn an_unanswered_trade_finds_a_silent_leader_sooner() {
    let mut bench = Bench::healthy(config());
    bench.run(100);
    bench.replicas.remove(&3);
    bench.ask(1, ClientRequest::Trade(trade(1)));
    bench.run(600);
    assert_eq!(bench.proposals(), [elect(4, 2, 7, Some(3))]);
}

#[test]
fn a_leader_that_speaks_up_stays() {
    let mut bench = Bench::healthy(config());
    let leader = bench.replicas.remove(&3).unwrap();
    bench.run(850);
    assert!(bench.gateway.status(bench.now()).selecting);
    bench.replicas.insert(3, leader.clone());
    bench.run(100);
    // The ping of the selection was not answered in the bench; the next one is.
    assert!(live(&mut bench));
    assert!(!bench.gateway.status(bench.now()).selecting);
    // A broken link that comes back at once is no reason either.
    bench.replicas.remove(&1);
    bench.replicas.remove(&3);
    bench.input(Input::LinkDown(ServiceId::orders(3)));
    bench.replicas.insert(3, leader);
    bench.input(Input::LinkUp(ServiceId::orders(3)));
    bench.run(200);
    assert!(bench.proposals().is_empty());
    assert!(live(&mut bench));
}

#[test]
fn eligibility() {
    // Replica 2 speaks for another disk; 1 is chosen though its id is lower.
    let mut bench = Bench::healthy(config());
    bench.replicas.get_mut(&2).unwrap().incarnation = 99;
    bench.run(500);
    kill(&mut bench, 3);
    assert_eq!(bench.proposals(), [elect(4, 1, 7, Some(3))]);
    // Replica 2 is about to stop.
    let mut bench = Bench::healthy(config());
    bench.replicas.get_mut(&2).unwrap().draining = true;
    bench.run(500);
    kill(&mut bench, 3);
    assert_eq!(bench.proposals(), [elect(4, 1, 7, Some(3))]);
    // An in-sync replica comes before a longer log outside the set.
    let mut bench = Bench::healthy(config());
    bench.configuration = Some(configuration(5, 1, Some(3), &[1, 3]));
    bench.replicas.get_mut(&2).unwrap().end = 1_000;
    bench.run(500);
    kill(&mut bench, 3);
    assert_eq!(bench.proposals(), [elect(5, 1, 7, Some(3))]);
}

#[test]
fn outside_the_set_the_longest_log_is_proposed_after_the_whole_window() {
    let mut bench = Bench::healthy(config());
    bench.configuration = Some(configuration(5, 1, Some(3), &[3]));
    bench.replicas.get_mut(&1).unwrap().end = 20;
    bench.run(500);
    kill(&mut bench, 3);
    bench.run(140);
    assert!(bench.proposals().is_empty());
    bench.run(20);
    assert_eq!(bench.proposals(), [elect(5, 1, 20, Some(3))]);
}

#[test]
fn nobody_eligible_nobody_proposed() {
    let mut bench = Bench::healthy(config());
    for id in 1..=2 {
        bench.replicas.get_mut(&id).unwrap().incarnation = 99;
    }
    bench.run(500);
    kill(&mut bench, 3);
    bench.run(3_000);
    assert!(bench.proposals().is_empty());
    // It comes back with its disk: asked at once, and elected anew (it never resumes its epoch).
    bench.replicas.insert(3, Pong { leads: false, ..pong(3, 1, false, 7) });
    bench.input(Input::LinkUp(ServiceId::orders(3)));
    bench.run(80);
    assert_eq!(bench.proposals(), [elect(4, 3, 7, None)]);
}

#[test]
fn the_configuration_is_read_before_anything_is_proposed() {
    let mut bench = Bench::healthy(config());
    let old = bench.configuration.take();
    kill(&mut bench, 3);
    bench.run(2_000);
    assert!(bench.proposals().is_empty(), "the register does not answer");
    // Another gateway was faster; its choice is adopted.
    bench.configuration = Some(configuration(5, 2, Some(1), &[1, 2]));
    bench.replicas.insert(1, pong(1, 2, true, 7));
    bench.run(1_200);
    assert!(bench.proposals().is_empty());
    assert!(live(&mut bench));
    assert!(old.is_some());
}

#[test]
fn a_lost_race_adopts_the_winner() {
    let mut bench = Bench::healthy(config());
    kill(&mut bench, 3);
    assert_eq!(bench.proposals().len(), 1);
    bench.configuration = Some(configuration(5, 2, Some(1), &[1, 2]));
    bench.replicas.insert(1, pong(1, 2, true, 7));
    let message = Message::Refused {
        refusal: Refusal::Stale { version: 5, expected: 4 },
        configuration: bench.configuration.clone().unwrap(),
    };
    bench.receive(CATALOG, message);
    bench.run(1_000);
    assert!(live(&mut bench));
    assert!(bench.proposals().is_empty());
}

#[test]
fn refused_proposals_are_spaced_ever_wider() {
    let mut bench = Bench::healthy(config());
    bench.configuration = Some(configuration(5, 1, Some(3), &[3]));
    bench.run(500);
    kill(&mut bench, 3);
    let mut counts = Vec::new();
    for _ in 0..5 {
        let mut count = 0;
        for _ in 0..200 {
            bench.run(10);
            if !bench.proposals().is_empty() {
                count += 1;
                let refusal = Refusal::Ineligible { candidate: 2 };
                let configuration = bench.configuration.clone().unwrap();
                bench.receive(CATALOG, Message::Refused { refusal, configuration });
            }
        }
        counts.push(count);
    }
    assert!(counts[0] >= 3, "{counts:?}");
    assert!((1..=2).contains(&counts[4]), "{counts:?}");
}

#[test]
fn a_lost_or_declined_proposal_is_made_again_soon() {
    let mut bench = Bench::healthy(config());
    kill(&mut bench, 3);
    assert_eq!(bench.proposals(), [elect(4, 2, 7, Some(3))]);
    // The catalog heard the leader a moment ago: it only tells how things stand.
    let told = bench.configuration.clone().unwrap();
    for _ in 0..10 {
        bench.receive(CATALOG, Message::Configuration(told.clone()));
        assert!(bench.proposals().is_empty());
        bench.run(60);
        assert_eq!(bench.proposals(), [elect(4, 2, 7, Some(3))]);
    }
}

#[test]
fn a_new_leader_may_take_its_time_but_not_for_ever() {
    let mut bench = Bench::healthy(config());
    bench.configuration = Some(configuration(5, 2, Some(2), &[1, 2, 3]));
    bench.replicas.insert(3, pong(3, 2, false, 7));
    bench.replicas.insert(2, pong(2, 2, false, 7));
    bench.run(1_900);
    assert!(bench.proposals().is_empty());
    bench.run(400);
    assert_eq!(bench.proposals().first(), Some(&elect(5, 3, 7, Some(2))));
}

#[test]
fn a_leader_without_the_catalog_is_given_up_when_it_answers_nothing() {
    let mut patient = config();
    patient.request_deadline = Span::millis(5_000);
    let mut bench = Bench::healthy(patient);
    bench.ask(1, ClientRequest::Trade(trade(1)));
    bench.run(2_950);
    assert!(bench.proposals().is_empty());
    bench.run(200);
    assert_eq!(bench.proposals().first(), Some(&elect(4, 2, 7, Some(3))));
}

#[test]
fn without_the_catalog_a_stalled_leader_stays() {
    let mut patient = config();
    patient.request_deadline = Span::millis(20_000);
    let mut bench = Bench::healthy(patient);
    bench.ask(1, ClientRequest::Trade(trade(1)));
    let told = bench.configuration.take();
    bench.run(6_000);
    bench.configuration = told;
    bench.run(2_000);
    assert!(bench.proposals().is_empty());
    bench.run(2_500);
    assert!(!bench.proposals().is_empty(), "but from then on its time runs");
}

#[test]
fn the_first_leader_is_the_highest_when_all_enrol_in_time() {
    let mut bench = Bench::new(config());
    bench.replicas = (1..=3).map(|id| (id, pong(id, 0, false, 0))).collect();
    bench.configuration = Some(configuration(1, 0, None, &[1]));
    bench.input(Input::LinkUp(CATALOG));
    bench.input(Input::LinkUp(ServiceId::orders(1)));
    bench.run(200);
    assert!(bench.proposals().is_empty());
    for id in 2..=3 {
        bench.input(Input::LinkUp(ServiceId::orders(id)));
    }
    bench.configuration = Some(configuration(3, 0, None, &[1, 2, 3]));
    bench.run(120);
    assert_eq!(bench.proposals(), [elect(3, 3, 0, None)]);
}

#[test]
fn the_first_leader_does_not_wait_for_ever() {
    let mut bench = Bench::new(config());
    bench.replicas.insert(1, pong(1, 0, false, 0));
    bench.configuration = Some(configuration(1, 0, None, &[1]));
    bench.input(Input::LinkUp(CATALOG));
    bench.input(Input::LinkUp(ServiceId::orders(1)));
    bench.run(490);
    assert!(bench.proposals().is_empty());
    bench.run(30);
    assert_eq!(bench.proposals(), [elect(1, 1, 0, None)]);
}

#[test]
fn readiness_and_leader_go_with_the_leader() {
    let mut bench = Bench::new(config());
    bench.ask(1, ClientRequest::Ready);
    bench.ask(2, ClientRequest::Leader);
    assert!(matches!(bench.reply(1), Some(ClientResponse::Unavailable { .. })));
    assert!(matches!(bench.reply(2), Some(ClientResponse::Unavailable { .. })));
    let mut bench = Bench::healthy(config());
    bench.ask(1, ClientRequest::Ready);
    assert_eq!(bench.reply(1), Some(ClientResponse::Ready));
    bench.ask(2, ClientRequest::Leader);
    assert_eq!(
        bench.reply(2),
        Some(ClientResponse::Leader(configuration(4, 1, Some(3), &[1, 2, 3])))
    );
    bench.input(Input::LinkDown(CATALOG));
    bench.ask(3, ClientRequest::Ready);
    assert!(matches!(bench.reply(3), Some(ClientResponse::Unavailable { .. })));
}
