//! What the catalog decided: into the log, and back to whoever waits.

use market::trade::TradeRefusal;

use super::harness::*;
use crate::limits::OUTBOX_PAUSE;
use crate::message::{Outcome, TradeReply};
use crate::orders::{Ack, OrdersConfig, Standing};
use crate::process::Input;

#[test]
fn refusals_go_at_once_and_orders_when_they_are_on_disk() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1, 2]);
    let refused = Outcome::Refused(TradeRefusal::UnknownListing);
    bench.decided(1, 0, vec![refused.clone(), Outcome::Order(0)], orders(0..1));
    assert_eq!(bench.answers(), [(GATEWAY, 1, TradeReply::Done(refused))]);
    bench.sync();
    assert_eq!(bench.answers(), [(GATEWAY, 2, traded(0))]);
    assert_eq!((bench.orders.law().count(), bench.stored), (1, 1));
}

#[test]
fn in_sync_means_every_disk_of_the_set() {
    let mut bench = Bench::open(&[2, 3]);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 0, 1);
    bench.sync();
    assert_eq!(bench.answers(), []);
    bench.acknowledge(1, 1, 1);
    assert_eq!(bench.answers(), [], "a replica outside the set");
    bench.acknowledge(2, 1, 1);
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(0))]);
}

/// Simulator, seed 2035561: a replica outside the set was elected, took this one in, and handed over before it had read the
/// outbox. Every order is delivered here, and the other disk of the present set holds none of them.
#[test]
fn an_answer_under_a_known_key_waits_for_the_present_set() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, 1..4);
    bench.done(0, 0, 3);
    bench.sync();
    assert_eq!((bench.answers().len(), bench.orders.law().count()), (3, 3));

    bench.configure(configuration(5, 2, Some(2), &[2]));
    bench.configure(configuration(6, 2, Some(2), &[2, 3]));
    bench.elect(7, 3, &[2, 3]);
    let question = bench.question().unwrap().question;
    bench.page(3, question, 3, 3, Vec::new());
    assert_eq!(bench.orders.standing(), Standing::Open { epoch: 3 });

    bench.batches();
    bench.trades(GATEWAY, [2]);
    let batch = bench.batches().pop().expect("asked again").batch;
    bench.decided(3, batch, vec![Outcome::Order(1)], Vec::new());
    bench.sync();
    assert_eq!(bench.answers(), [], "delivered here in epoch 1, and on no other disk of the set");
    bench.acknowledge(2, 3, 1);
    assert_eq!(bench.answers(), [], "it holds order 0, not order 1");
    bench.acknowledge(2, 3, 2);
    assert_eq!(bench.answers(), [(GATEWAY, 2, traded(1))]);
}

#[test]
fn with_ledger_the_catalogs_log_is_enough() {
    let mut bench = Bench::open_with(OrdersConfig { ack: Ack::Ledger, ..config() }, &[2, 3]);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 0, 1);
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(0))]);
}

#[test]
fn a_gap_is_filled_from_the_outbox() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 5, 1);
    bench.sync();
    assert_eq!((bench.orders.status().end, bench.answers().len()), (0, 0), "nothing in between");
    let read = bench.question().expect("the gap is asked for");
    assert_eq!(read.from, 0);
    bench.page(1, read.question, 0, 6, orders(0..6));
    bench.sync();
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(5))]);
}

#[test]
fn a_number_decided_before_and_not_yet_here_is_asked_for() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    bench.decided(1, 0, vec![Outcome::Order(2)], Vec::new());
    let read = bench.question().unwrap();
    bench.page(1, read.question, 0, 3, orders(0..3));
    bench.sync();
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(2))]);
}

#[test]
fn batches_decided_out_of_turn_find_their_places() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, 0..512);
    bench.done(1, 256, 256);
    bench.done(0, 0, 256);
    let read = bench.question().unwrap();
    bench.page(1, read.question, 0, 512, orders(0..512));
    bench.sync();
    assert_eq!(bench.orders.law().count(), 512);
    assert_eq!(bench.answers().len(), 512);
}

#[test]
fn copies_and_foreign_answers_change_nothing() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1, 2]);
    bench.decided(0, 0, vec![Outcome::Order(0)], orders(0..1));
    bench.decided(2, 0, vec![Outcome::Order(0)], orders(0..1));
    bench.decided(1, 9, vec![Outcome::Order(0)], Vec::new());
    assert_eq!(bench.orders.status().end, 0, "other epochs bring no orders");
    bench.decided(1, 0, vec![Outcome::Order(0)], Vec::new());
    bench.sync();
    assert_eq!(bench.answers(), [], "one outcome for two trades is no answer to them");
    bench.done(0, 0, 2);
    bench.done(0, 0, 2);
    bench.sync();
    assert_eq!((bench.answers().len(), bench.orders.law().count()), (2, 2));
}

#[test]
fn a_hole_inside_an_answer_never_reaches_the_log() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1, 2]);
    let outcomes = vec![Outcome::Order(0), Outcome::Order(2)];
    bench.decided(1, 0, outcomes, vec![order(0), order(2)]);
    bench.sync();
    assert_eq!((bench.orders.status().end, bench.halts()), (1, 0));
    let read = bench.question().unwrap();
    bench.page(1, read.question, 0, 3, orders(1..3));
    bench.sync();
    assert_eq!(bench.answers().len(), 2);
}

#[test]
fn an_engine_that_takes_nothing_is_not_offered_pages_in_a_loop() {
    let mut config = config();
    config.engine.limits.undelivered = 4;
    let mut bench = Bench::open_with(config, &[2, 3]);
    bench.trades(GATEWAY, 0..5);
    for decide in bench.batches() {
        bench.done(decide.batch, 0, 5);
    }
    assert_eq!(bench.question(), None, "the outbox keeps them");
    bench.run(OUTBOX_PAUSE.0 / 1_000 - 1);
    assert_eq!(bench.question(), None);
    bench.run(1);
    let read = bench.question().expect("asked again after a pause");
    bench.page(1, read.question, 0, 5, orders(0..5));
    assert_eq!(bench.question(), None);
    bench.page(1, read.question, 0, 5, orders(0..3));
    bench.sync();
    bench.acknowledge(2, 1, 3);
    assert_eq!(bench.answers().len(), 3, "what fits goes on");
    bench.run(OUTBOX_PAUSE.0 / 1_000);
    let read = bench.question().unwrap();
    assert_eq!(read.from, 3);
    bench.page(1, read.question, 0, 5, orders(3..5));
    bench.sync();
    bench.acknowledge(2, 1, 5);
    assert_eq!(bench.answers().len(), 2);
}

#[test]
fn answers_for_a_gateway_that_went_are_not_kept() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    bench.done(0, 0, 1);
    bench.input(Input::LinkDown(GATEWAY));
    bench.sync();
    assert_eq!(bench.answers(), []);
}
