//! Several catalogs: which one is talked to, and what happens when another leads.

use replication::register::{Configuration, RegisterCommand};
use replication::time::Span;

use super::harness::*;
use crate::limits::CATALOG_SILENCE;
use crate::message::{Leads, Message};
use crate::orders::{OrdersConfig, Standing};
use crate::process::Input;
use crate::service::ServiceId;

const SECOND: ServiceId = ServiceId::catalog(2);
const THIRD: ServiceId = ServiceId::catalog(3);

/// A leader that is linked to three catalogs of which the first leads its group.
fn bench() -> Bench {
    let mut bench = Bench::open_with(OrdersConfig::new(3, vec![1, 2, 3], vec![1, 2, 3]), &[2, 3]);
    for catalog in [SECOND, THIRD] {
        bench.input(Input::LinkUp(catalog));
    }
    leads(&mut bench, CATALOG, 4);
    if let Some(read) = bench.question() {
        bench.page(1, read.question, 0, 0, Vec::new());
    }
    bench.run(1);
    bench.sent.clear();
    bench
}

fn leads(bench: &mut Bench, catalog: ServiceId, term: u64) {
    bench.receive(catalog, Message::Leads(Leads { term }));
}

/// To whom batches went.
fn deciders(bench: &mut Bench) -> Vec<(ServiceId, u64)> {
    bench.take(|to, message| match message {
        Message::Decide(decide) => Some((*to, decide.batch)),
        _ => None,
    })
}

/// To whom questions for the outbox went.
fn asked(bench: &mut Bench) -> Vec<(ServiceId, u64)> {
    bench.take(|to, message| match message {
        Message::ReadOutbox(read) => Some((*to, read.question)),
        _ => None,
    })
}

fn beats(bench: &mut Bench) -> Vec<ServiceId> {
    bench.take(|to, message| matches!(message, Message::Heartbeat(_)).then_some(*to))
}

fn enrols(bench: &mut Bench) -> Vec<ServiceId> {
    bench.take(|to, message| {
        matches!(message, Message::Configure(RegisterCommand::Enrol { .. })).then_some(*to)
    })
}

#[test]
fn the_catalog_of_the_highest_term_decides() {
    let mut bench = bench();
    bench.trades(GATEWAY, [1]);
    assert_eq!(deciders(&mut bench), [(CATALOG, 0)]);
    bench.done(0, 0, 1);
    leads(&mut bench, THIRD, 6);
    leads(&mut bench, SECOND, 5);
    bench.trades(GATEWAY, [2]);
    assert_eq!(deciders(&mut bench), [(THIRD, 1)]);
    leads(&mut bench, SECOND, 7);
    assert_eq!(deciders(&mut bench), [(SECOND, 1)]);
}

#[test]
fn only_a_catalog_can_say_that_it_leads() {
    let mut bench = bench();
    leads(&mut bench, ServiceId::orders(2), 9);
    leads(&mut bench, ServiceId::gateway(2), 9);
    bench.trades(GATEWAY, [1]);
    assert_eq!(deciders(&mut bench), [(CATALOG, 0)]);
}

#[test]
fn a_new_leader_is_asked_everything_at_once() {
    let mut bench = bench();
    bench.trades(GATEWAY, [1]);
    bench.reads(GATEWAY, [7]);
    let question = asked(&mut bench)[0].1;
    bench.sent.clear();
    bench.run(1);
    // Another one, and the same one that led anew: it forgot what it had in hand.
    for (leader, term) in [(SECOND, 5), (SECOND, 6)] {
        leads(&mut bench, leader, term);
        assert_eq!(deciders(&mut bench), [(leader, 0)]);
        assert_eq!(asked(&mut bench), [(leader, question)]);
        assert_eq!(beats(&mut bench), [CATALOG, SECOND, THIRD]);
        bench.run(1);
    }
    leads(&mut bench, SECOND, 6);
    leads(&mut bench, THIRD, 5);
    assert_eq!((deciders(&mut bench), asked(&mut bench)), (vec![], vec![]), "nothing new");
    assert_eq!(beats(&mut bench), []);
    bench.done(0, 0, 1);
    bench.page(1, question, 0, 1, Vec::new());
    assert_eq!(asked(&mut bench).len(), 1, "what was asked of the one before may be too old");
}

#[test]
fn without_a_link_to_the_leader_another_is_tried() {
    let mut bench = bench();
    leads(&mut bench, THIRD, 6);
    bench.trades(GATEWAY, [1]);
    bench.sent.clear();
    bench.input(Input::LinkDown(THIRD));
    assert_eq!(deciders(&mut bench), [(CATALOG, 0)], "at once");
    bench.input(Input::LinkUp(THIRD));
    assert_eq!(deciders(&mut bench), [(THIRD, 0)]);
    leads(&mut bench, SECOND, 5);
    bench.run(CATALOG_SILENCE.0 / 1_000);
    assert!(deciders(&mut bench).iter().all(|(to, _)| *to == THIRD), "an earlier term");
    leads(&mut bench, SECOND, 5);
    let anew = [(SECOND, 0)];
    assert_eq!(deciders(&mut bench), anew, "the group was set up anew, since nobody else leads");
}

#[test]
fn a_followers_link_costs_the_leader_nothing() {
    let mut bench = bench();
    bench.trades(GATEWAY, [1]);
    bench.reads(GATEWAY, [7]);
    bench.sent.clear();
    bench.input(Input::LinkDown(THIRD));
    bench.input(Input::LinkUp(THIRD));
    assert_eq!((deciders(&mut bench), asked(&mut bench)), (vec![], vec![]));
    assert_eq!(beats(&mut bench), [CATALOG, SECOND, THIRD], "it is told who is there");
}

#[test]
fn heartbeats_go_to_every_catalog_that_is_linked() {
    let mut bench = bench();
    bench.input(Input::LinkDown(SECOND));
    bench.sent.clear();
    bench.run(200);
    assert_eq!(beats(&mut bench), [CATALOG, THIRD, CATALOG, THIRD]);
}

#[test]
fn cuts_go_to_the_leader() {
    let mut bench = bench();
    leads(&mut bench, THIRD, 6);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 0, 1);
    bench.sync();
    bench.acknowledge(2, 1, 1);
    bench.run(100);
    let cuts = bench.take(|to, message| matches!(message, Message::Trim(_)).then_some(*to));
    assert_eq!(cuts, [THIRD]);
}

/// A leader that was deposed without knowing it tells an old configuration. Whether the register lost its data is for the
/// group to say, through whoever leads it now.
#[test]
fn an_old_word_of_a_deposed_catalog_changes_nothing_and_asks_the_leader() {
    let mut bench = bench();
    leads(&mut bench, THIRD, 6);
    bench.sent.clear();
    bench.receive(CATALOG, Message::Configuration(Configuration::default()));
    assert_eq!(enrols(&mut bench), [THIRD]);
    let before = configuration(3, 0, None, &[2, 3]);
    bench.receive(CATALOG, Message::Fenced(before));
    assert_eq!(enrols(&mut bench), [THIRD]);
    assert_eq!(bench.orders.standing(), Standing::Open { epoch: 1 });
    assert_eq!((bench.orders.configuration().version, bench.halts()), (4, 0));
    // The leader knows better, and that is that.
    bench.receive(THIRD, Message::Configuration(configuration(4, 1, Some(3), &[2, 3])));
    bench.time = bench.time + Span::millis(1);
    assert_eq!(enrols(&mut bench), []);
}

#[test]
fn a_decision_of_a_catalog_that_leads_no_more_was_made_all_the_same() {
    let mut bench = bench();
    bench.trades(GATEWAY, [1]);
    leads(&mut bench, THIRD, 6);
    bench.done(0, 0, 1); // by the first
    bench.sync();
    bench.acknowledge(2, 1, 1);
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(0))]);
}
