//! Reads of orders by number.

use super::harness::*;
use crate::limits::{READS_WAITING, RECENT_ORDERS};
use crate::message::{Message, OrderReply};
use crate::process::{HistoryPurpose, Input};

fn found(number: u64) -> (u64, OrderReply) {
    (number, OrderReply::Found(order(number)))
}

/// A leader that delivered so many orders.
fn with(count: u64) -> Bench {
    let mut bench = Bench::open(&[3]);
    bench.page(1, 99, 0, count, orders(0..count));
    bench.sync();
    assert_eq!(bench.orders.law().count(), count);
    bench.question();
    bench
}

fn history(bench: &mut Bench, read: u64, entries: Vec<replication::contract::Entry>) {
    bench.input(Input::History { purpose: HistoryPurpose::Order { read }, entries });
}

#[test]
fn a_delivered_order_is_answered_at_once_by_anybody() {
    let mut bench = with(3);
    bench.reads(GATEWAY, [0, 2]);
    assert_eq!(bench.found(), [found(0), found(2)]);
    bench.configure(configuration(5, 2, Some(2), &[2]));
    bench.reads(GATEWAY, [1]);
    assert_eq!(bench.found(), [found(1)], "a follower too");
    bench.reads(GATEWAY, [3]);
    assert!(matches!(&bench.found()[..], [(3, OrderReply::NotLeader(c))] if c.version == 5));
}

#[test]
fn no_such_order_needs_the_catalogs_word() {
    let mut bench = with(3);
    bench.reads(GATEWAY, [3]);
    assert_eq!(bench.found(), []);
    let read = bench.question().unwrap();
    bench.page(1, read.question, 3, 3, Vec::new());
    assert_eq!(bench.found(), [(3, OrderReply::NotFound)]);
}

#[test]
fn a_question_that_was_under_way_is_too_old() {
    let mut bench = with(3);
    bench.reads(GATEWAY, [3]);
    let first = bench.question().unwrap();
    bench.reads(GATEWAY, [4]);
    assert_eq!(bench.question(), None, "one at a time");
    bench.page(1, first.question, 3, 3, Vec::new());
    assert_eq!(bench.found(), [(3, OrderReply::NotFound)]);
    let second = bench.question().expect("the later read has its own");
    bench.page(1, first.question, 3, 3, Vec::new());
    assert_eq!(bench.found(), [], "a copy of the first answer does not count");
    bench.page(1, second.question, 3, 5, orders(3..5));
    bench.sync();
    assert_eq!(bench.found(), [found(4)]);
}

#[test]
fn a_decided_order_is_waited_for() {
    let mut bench = with(3);
    bench.reads(GATEWAY, [3]);
    let read = bench.question().unwrap();
    bench.page(1, read.question, 3, 4, orders(3..4));
    assert_eq!(bench.found(), [], "not on disk yet");
    bench.sync();
    assert_eq!(bench.found(), [found(3)]);
}

#[test]
fn a_lost_question_keeps_its_readers() {
    let mut bench = with(1);
    bench.reads(GATEWAY, [1]);
    let read = bench.question().unwrap();
    bench.run(200);
    assert_eq!(bench.question(), Some(read.clone()));
    bench.page(1, read.question, 1, 1, Vec::new());
    assert_eq!(bench.found(), [(1, OrderReply::NotFound)]);
}

#[test]
fn old_orders_come_from_the_store() {
    let count = RECENT_ORDERS as u64 + 10;
    let mut bench = with(count);
    bench.reads(GATEWAY, [0]);
    assert_eq!(bench.found(), [found(0)], "all that is not stored is in memory");
    bench.input(Input::Stored(count));
    bench.reads(GATEWAY, [0, 9, 10]);
    assert_eq!(bench.found(), [found(10)]);
    let reads = bench.disk_reads();
    assert_eq!(reads.iter().map(|(_, from)| *from).collect::<Vec<_>>(), [1, 10]);
    history(&mut bench, reads[1].0, entries(10).split_off(9));
    history(&mut bench, reads[0].0, entries(1));
    history(&mut bench, reads[0].0, Vec::new());
    assert_eq!((bench.found(), bench.halts()), (vec![found(9), found(0)], 0));
}

#[test]
fn a_store_without_a_delivered_order_stops_the_replica() {
    let mut bench = with(RECENT_ORDERS as u64 + 10);
    bench.input(Input::Stored(RECENT_ORDERS as u64 + 10));
    bench.reads(GATEWAY, [0]);
    let read = bench.disk_reads()[0].0;
    history(&mut bench, read, Vec::new());
    assert_eq!((bench.found(), bench.halts()), (Vec::new(), 1));
}

#[test]
fn readers_of_one_number_are_counted_one_by_one() {
    let mut bench = Bench::open(&[2, 3]);
    bench.page(1, 99, 0, 1, orders(0..1));
    bench.question();
    let reads = (0..READS_WAITING as u64).map(|name| (name, 0)).collect();
    bench.receive(GATEWAY, Message::ReadOrders { epoch: 1, reads });
    let read = bench.question().unwrap();
    bench.page(1, read.question, 0, 1, Vec::new());
    assert_eq!(bench.found(), [], "all wait for one delivery");
    bench.reads(OTHER_GATEWAY, [0]);
    assert_eq!(bench.found(), [(0, OrderReply::Busy)]);
    bench.sync();
    bench.acknowledge(2, 1, 1);
    assert_eq!(bench.found().len(), READS_WAITING);
}

#[test]
fn readers_of_a_lost_gateway_are_forgotten() {
    let mut bench = with(1);
    bench.reads(GATEWAY, [1, 2]);
    bench.reads(OTHER_GATEWAY, [3]);
    bench.input(Input::LinkDown(GATEWAY));
    for _ in 0..2 {
        let read = bench.question().unwrap();
        bench.page(1, read.question, 1, 1, Vec::new());
    }
    assert_eq!(bench.found(), [(3, OrderReply::NotFound)]);
}
