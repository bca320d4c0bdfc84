//! Trades on their way to the catalog.

use super::harness::*;
use crate::limits::{DECIDE_BATCH, DECIDE_EAGER, DECIDE_IN_FLIGHT, TRADES_IN_HAND, TRADES_WAITING};
use crate::message::TradeReply;
use crate::process::Input;

fn sizes(bench: &mut Bench) -> Vec<(u64, usize)> {
    bench.batches().iter().map(|decide| (decide.batch, decide.trades.len())).collect()
}

#[test]
fn the_first_goes_at_once_and_few_wait_for_it() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    assert_eq!(sizes(&mut bench), [(0, 1)]);
    bench.trades(GATEWAY, 2..DECIDE_EAGER as u64 + 1);
    assert_eq!(sizes(&mut bench), [], "one short of being worth a write of its own");
    bench.trades(GATEWAY, [900]);
    assert_eq!(sizes(&mut bench), [(1, DECIDE_EAGER)]);
    bench.trades(GATEWAY, [901]);
    bench.done(0, 0, 1);
    assert_eq!(sizes(&mut bench), [], "still one under way");
    bench.done(1, 1, DECIDE_EAGER as u64);
    assert_eq!(sizes(&mut bench), [(2, 1)]);
}

#[test]
fn batches_and_their_number_are_bounded() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, 0..2_000);
    assert_eq!(sizes(&mut bench), [(0, 256), (1, 256), (2, 256), (3, 256)]);
    assert_eq!((DECIDE_BATCH, DECIDE_IN_FLIGHT), (256, 4));
    bench.done(0, 0, 256);
    assert_eq!(sizes(&mut bench), [(4, 256)]);
}

#[test]
fn trades_of_several_gateways_share_a_batch_and_get_their_own_answers() {
    let mut bench = Bench::open(&[3]);
    let trades = |from, key| Input::Received {
        from,
        message: crate::message::Message::Trades { epoch: 1, trades: vec![(key, trade(key))] },
    };
    bench.burst(vec![trades(GATEWAY, 1), trades(OTHER_GATEWAY, 1)]);
    assert_eq!(sizes(&mut bench), [(0, 2)]);
    bench.done(0, 0, 2);
    bench.sync();
    assert_eq!(bench.answers(), [(GATEWAY, 1, traded(0)), (OTHER_GATEWAY, 1, traded(1))]);
}

#[test]
fn an_unanswered_batch_is_sent_again_under_its_name() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1, 2]);
    let first = bench.batches();
    bench.run(249);
    assert_eq!(bench.batches(), []);
    bench.run(1);
    assert_eq!(bench.batches(), first);
    bench.done(0, 0, 2);
    bench.run(600);
    assert_eq!(bench.batches(), [], "it was answered");
}

#[test]
fn a_new_link_to_the_catalog_sends_everything_again_at_once() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    let first = bench.batches();
    bench.run(10);
    bench.input(Input::LinkDown(CATALOG));
    bench.input(Input::LinkUp(CATALOG));
    assert_eq!(bench.batches(), first);
}

#[test]
fn a_trade_that_is_in_hand_is_not_taken_again() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1, 2]);
    bench.trades(GATEWAY, [2, 3]);
    bench.batches();
    bench.done(0, 0, 2);
    assert_eq!(sizes(&mut bench), [(1, 1)]);
    bench.trades(GATEWAY, [1]);
    assert_eq!(bench.answers(), [], "decided, not on disk: in hand");
    bench.sync();
    assert_eq!(bench.answers().len(), 2);
    bench.done(1, 2, 1);
    bench.sync();
    bench.trades(GATEWAY, [1]);
    assert_eq!(sizes(&mut bench), [(2, 1)], "the answer may be lost: asked again");
}

#[test]
fn too_many_are_told_to_come_back() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, 0..1_024);
    let most = 1_024 + TRADES_WAITING as u64;
    bench.trades(GATEWAY, 1_024..most);
    assert_eq!(bench.answers(), []);
    bench.trades(OTHER_GATEWAY, [1, 2]);
    let busy = TradeReply::Busy;
    assert_eq!(bench.answers(), [(OTHER_GATEWAY, 1, busy.clone()), (OTHER_GATEWAY, 2, busy)]);
}

#[test]
fn decided_trades_that_wait_for_disks_are_bounded_too() {
    let mut bench = Bench::open(&[2, 3]);
    let (mut name, mut number) = (0, 0);
    while name < TRADES_IN_HAND as u64 {
        bench.trades(GATEWAY, name..name + 1_024);
        name += 1_024;
        for decide in bench.batches() {
            let count = decide.trades.len() as u64;
            bench.done(decide.batch, number, count);
            number += count;
        }
        assert_eq!(bench.answers(), []);
    }
    bench.trades(GATEWAY, [name]);
    assert_eq!(bench.answers(), [(GATEWAY, name, TradeReply::Busy)]);
}

#[test]
fn what_a_lost_gateway_waits_with_is_dropped() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, [1]);
    bench.trades(GATEWAY, [2]);
    bench.trades(OTHER_GATEWAY, [3]);
    bench.input(Input::LinkDown(GATEWAY));
    bench.batches();
    bench.done(0, 0, 1);
    let next = bench.batches();
    assert_eq!(next[0].trades, [trade(3)], "what was under way went on, what waited did not");
}
