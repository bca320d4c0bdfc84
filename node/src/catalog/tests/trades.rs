//! Batches, fences, the outbox, restocks.

use market::catalog::Command as Law;
use market::trade::TradeRefusal;
use replication::time::Span;

use super::harness::*;
use crate::catalog::{CatalogConfig, Command, RestockConfig};
use crate::limits::{COMMANDS_UNDER_WAY, DECIDE_BATCH, OUTBOX_PAGE};
use crate::message::{Decide, Message, Outbox, Outcome, ReadOutbox, Trim};
use crate::service::ServiceId;

fn outbox(bench: &mut Bench, epoch: u64, from: u64) -> Option<Outbox> {
    bench.take();
    bench.receive(LEADER, Message::ReadOutbox(ReadOutbox { epoch, question: 0, from }));
    match bench.take().pop()? {
        Message::Outbox(page) => Some(page),
        _ => None,
    }
}

fn trim(bench: &mut Bench, epoch: u64, version: u64, keep_from: u64) -> u64 {
    bench.receive(LEADER, Message::Trim(Trim { epoch, version, keep_from }));
    bench.sync();
    bench.catalog.state().law.outbox_first()
}

#[test]
fn a_batch_is_one_entry_and_its_answer_tells_trades_apart() {
    let mut bench = Bench::serving();
    let entries = bench.log.len();
    let trades = vec![buy(1, "Tux", 4), buy(2, "Gnu", 2), buy(1, "Tux", 4), buy(1, "Tux", 5)];
    bench.decide(1, trades);
    bench.sync();
    assert_eq!(bench.log.len(), entries + 1);
    let decided = bench.decisions().pop().unwrap();
    assert_eq!(
        decided.outcomes,
        [
            Outcome::Order(0),
            Outcome::Refused(TradeRefusal::InsufficientQuantity { available: 1 }),
            Outcome::Order(0),
            Outcome::Refused(TradeRefusal::KeyReused),
        ]
    );
    assert_eq!(decided.orders.len(), 1, "only what was minted now");
}

#[test]
fn a_burst_is_one_write() {
    let mut bench = Bench::serving();
    let receive = |batch, key| {
        let decide = Decide { epoch: 1, batch, trades: vec![buy(key, "Tux", 1)] };
        crate::process::Input::Received { from: LEADER, message: Message::Decide(decide) }
    };
    bench.burst(vec![receive(1, 1), receive(2, 2), receive(3, 3)]);
    bench.sync();
    assert_eq!(bench.decisions().len(), 3);
}

#[test]
fn a_batch_that_comes_again_is_taken_once_until_it_was_answered() {
    let mut bench = Bench::serving();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    let entries = bench.log.len();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.sync();
    assert_eq!((bench.log.len(), bench.decisions().len()), (entries, 1));
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.sync();
    let again = bench.decisions().pop().expect("the first answer may be lost");
    assert_eq!((again.outcomes, again.orders.len()), (vec![Outcome::Order(0)], 0));
    assert_eq!(bench.quantity("Tux"), 6);
}

#[test]
fn another_epoch_is_fenced_at_the_door() {
    let mut bench = Bench::serving();
    for epoch in [0, 2] {
        let decide = Decide { epoch, batch: 1, trades: vec![buy(1, "Tux", 4)] };
        bench.receive(LEADER, Message::Decide(decide));
        assert!(matches!(bench.take()[..], [Message::Fenced(_)]));
        assert_eq!(outbox(&mut bench, epoch, 0), None);
    }
}

#[test]
fn a_batch_that_an_election_overtakes_changes_nothing() {
    let mut bench = Bench::serving();
    bench.receive(ServiceId::orders(2), Message::Configure(elect(4, 2)));
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.sync();
    assert!(bench.take().iter().any(|m| matches!(m, Message::Fenced(c) if c.epoch == 2)));
    assert_eq!((bench.quantity("Tux"), bench.catalog.state().law.next_number()), (10, 0));
}

#[test]
fn a_batch_before_an_election_is_seen_by_whoever_leads_then() {
    let mut bench = Bench::serving();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.receive(ServiceId::orders(2), Message::Configure(elect(4, 2)));
    bench.sync();
    let page = outbox(&mut bench, 2, 0).unwrap();
    assert_eq!((page.next, page.orders.len()), (1, 1));
}

#[test]
fn too_large_a_batch_and_too_many_are_not_taken() {
    let mut bench = Bench::serving();
    let entries = bench.log.len();
    bench.decide(1, (0..=DECIDE_BATCH as u128).map(|key| buy(key, "Tux", 1)).collect());
    assert_eq!(bench.log.len(), entries);
    for batch in 0..2 * COMMANDS_UNDER_WAY as u64 {
        bench.decide(batch, vec![buy(u128::from(batch), "Tux", 1)]);
    }
    assert_eq!(bench.log.len(), entries + COMMANDS_UNDER_WAY);
    bench.sync();
    bench.take();
    bench.decide(9_999, vec![buy(9_999, "Gnu", 1)]);
    bench.sync();
    assert_eq!(bench.decisions().len(), 1, "room again");
}

#[test]
fn the_outbox_comes_in_pages_and_beyond_its_end_it_is_a_mere_barrier() {
    let mut bench = Bench::serving();
    let mut key = 0;
    for batch in 0..5 {
        let trades = (0..250).map(|_| {
            key += 1;
            let mut trade = buy(key, "Tux", 1);
            trade.side = market::trade::Side::Sell;
            trade
        });
        bench.decide(batch, trades.collect());
        bench.sync();
    }
    let page = outbox(&mut bench, 1, 3).unwrap();
    assert_eq!((page.first, page.next, page.orders.len()), (0, 1_250, OUTBOX_PAGE));
    assert_eq!((page.orders[0].number, page.orders[1_023].number), (3, 1_026));
    for from in [1_250, u64::MAX] {
        let page = outbox(&mut bench, 1, from).unwrap();
        assert_eq!((page.next, page.orders.len()), (1_250, 0));
    }
}

#[test]
fn a_cut_counts_only_for_the_configuration_whose_set_was_counted() {
    let mut bench = Bench::serving();
    bench.decide(1, (0..5).map(|key| buy(key, "Tux", 1)).collect());
    bench.sync();
    assert_eq!(trim(&mut bench, 0, 4, 3), 0, "epoch");
    assert_eq!(trim(&mut bench, 1, 3, 3), 0, "version");
    assert_eq!(trim(&mut bench, 1, 4, 3), 3);
    let entries = bench.log.len();
    assert_eq!(trim(&mut bench, 1, 4, 3), 3);
    assert_eq!(bench.log.len(), entries, "a repeated cut costs nothing");
    bench.receive(ServiceId::orders(2), Message::Configure(elect(4, 2)));
    assert_eq!(trim(&mut bench, 1, 4, 5), 3, "an election came first");
}

#[test]
fn a_log_that_the_outbox_does_not_reach_may_not_lead_unless_in_sync() {
    let mut bench = Bench::serving();
    bench.decide(1, (0..5).map(|key| buy(key, "Tux", 1)).collect());
    bench.sync();
    trim(&mut bench, 1, 4, 3);
    let disk =
        replication::register::RegisterCommand::Enrol { replica: 1, incarnation: 12, epoch: 0 };
    bench.receive(ServiceId::orders(1), Message::Configure(disk));
    bench.sync();
    for (log_end, epoch) in [(2, 1), (3, 2)] {
        bench.receive(
            ServiceId::orders(1),
            Message::Configure(replication::register::RegisterCommand::Elect {
                expect: 5,
                candidate: 1,
                incarnation: 12,
                log_end,
                drop: None,
            }),
        );
        bench.sync();
        assert_eq!(bench.catalog.state().register.epoch, epoch);
    }
}

#[test]
fn what_is_sold_out_is_refilled_and_the_caches_hear_of_it() {
    let restock = Some(RestockConfig { interval: Span::millis(100), level: 20 });
    let mut bench = Bench::serving_with(CatalogConfig { restock, ..config() });
    bench.decide(1, vec![buy(1, "Gnu", 1)]);
    bench.sync();
    let session = bench.renew(1, 0).unwrap().session;
    bench.take();
    let entries = bench.log.len();
    bench.run(100);
    assert!(matches!(bench.commands(entries)[..], [Command::Law(Law::Restock { level: 20, .. })]));
    assert_eq!(bench.invalidations()[0].names, [name("Gnu")]);
    bench.sync();
    assert_eq!(bench.quantity("Gnu"), 20);
    bench.fill(session, 1, "Gnu");
    assert_eq!(bench.filled(), [], "gated like any other write");
    bench.confirm(1, session, &[1]);
    assert_eq!(bench.filled().len(), 1);
    let entries = bench.log.len();
    bench.run(300);
    assert_eq!(bench.log.len(), entries, "nothing is empty, nothing is written");
}

#[test]
fn the_laws_time_follows_the_wall_clock_but_not_its_jumps() {
    let mut bench = Bench::serving();
    bench.decide(1, vec![buy(1, "Tux", 1)]);
    bench.run(1_000);
    bench.decide(2, vec![buy(2, "Tux", 1)]);
    bench.sync();
    let page = outbox(&mut bench, 1, 0).unwrap();
    assert_eq!(page.orders[1].decided_at.0 - page.orders[0].decided_at.0, 1_000);
}
