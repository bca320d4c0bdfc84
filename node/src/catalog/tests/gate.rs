//! What may leave, and when.

use market::trade::TradeRefusal;
use replication::time::Span;

use super::harness::*;
use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::{Message, Outcome, ReadOutbox};

/// A gateway with a lease.
fn leased(bench: &mut Bench) -> u64 {
    bench.renew(1, 0).unwrap().session
}

#[test]
fn an_answer_waits_for_the_disk() {
    let mut bench = Bench::serving();
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    bench.run(50);
    assert_eq!(bench.decisions(), [], "not durable");
    bench.sync();
    let decided = bench.decisions().pop().unwrap();
    assert_eq!((decided.epoch, decided.batch), (1, 7));
    assert_eq!(decided.outcomes, [Outcome::Order(0)]);
    assert_eq!(decided.orders[0].number, 0);
}

#[test]
fn the_invalidation_goes_out_at_once_and_the_answer_waits_for_it() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4), buy(2, "Nobody", 1), buy(3, "Tux", 1)]);
    let sent = bench.invalidations().pop().expect("sent in parallel with the write");
    assert_eq!((sent.session, &sent.names[..]), (session, &[name("Tux")][..]));
    bench.sync();
    assert_eq!(bench.decisions(), []);
    bench.confirm(2, session, &[sent.number]);
    bench.confirm(1, session + 1, &[sent.number]);
    bench.confirm(1, session, &[sent.number + 1]);
    assert_eq!(bench.decisions(), [], "not by another gateway, session or number");
    bench.confirm(1, session, &[sent.number]);
    assert_eq!(bench.decisions().len(), 1);
}

#[test]
fn a_silent_gateway_holds_an_answer_up_until_its_lease_is_surely_over() {
    let mut bench = Bench::serving();
    leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    bench.sync();
    bench.run((LEASE.0 + LEASE_MARGIN.0) / 1_000);
    assert_eq!(bench.decisions(), [], "the gateway may still believe in its lease");
    bench.run(1);
    assert_eq!(bench.decisions().len(), 1);
}

#[test]
fn positions_open_in_order() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 1)]);
    bench.decide(8, vec![buy(2, "Gnu", 1)]);
    bench.sync();
    let numbers: Vec<u64> = bench.invalidations().iter().map(|sent| sent.number).collect();
    bench.confirm(1, session, &numbers[1..]);
    assert_eq!(bench.decisions(), [], "the later one waits for the earlier one");
    bench.confirm(1, session, &numbers[..1]);
    let batches: Vec<u64> = bench.decisions().iter().map(|decided| decided.batch).collect();
    assert_eq!(batches, [7, 8]);
}

#[test]
fn a_refusal_is_an_observation_too() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Gnu", 1)]);
    bench.decide(8, vec![buy(2, "Gnu", 1)]);
    bench.sync();
    let numbers: Vec<u64> = bench.invalidations().iter().map(|sent| sent.number).collect();
    bench.confirm(1, session, &numbers[1..]);
    assert_eq!(bench.decisions(), [], "sold out says that the other trade happened");
    bench.confirm(1, session, &numbers);
    let refused = Outcome::Refused(TradeRefusal::InsufficientQuantity { available: 0 });
    assert_eq!(bench.decisions()[1].outcomes, [refused]);
}

#[test]
fn a_read_is_never_ahead_of_the_caches_and_not_kept_while_a_write_is_on_its_way() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    let number = bench.invalidations()[0].number;
    bench.fill(session, 1, "Tux");
    let before = bench.filled().pop().expect("the old value is still the one that counts");
    assert_eq!((before.listing.unwrap().quantity, before.cacheable), (10, false));
    bench.sync();
    bench.fill(session, 2, "Tux");
    assert_eq!(bench.filled(), [], "the new value waits");
    bench.fill(session, 3, "Gnu");
    assert!(bench.filled()[0].cacheable, "others do not");
    bench.confirm(1, session, &[number]);
    let after = bench.filled().pop().unwrap();
    assert_eq!((after.token, after.listing.unwrap().quantity, after.cacheable), (2, 6, false));
    bench.fill(session, 4, "Tux");
    assert!(bench.filled()[0].cacheable);
}

#[test]
fn what_no_lease_stands_for_is_not_kept() {
    let mut bench = Bench::serving();
    bench.fill(0, 1, "Tux");
    assert!(!bench.filled()[0].cacheable, "no session");
    let session = leased(&mut bench);
    bench.run(LEASE.0 / 1_000 + 20);
    bench.fill(session, 2, "Tux");
    assert!(!bench.filled()[0].cacheable, "its lease is over");
}

#[test]
fn a_page_of_the_outbox_waits_as_well() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    bench.sync();
    let number = bench.invalidations()[0].number;
    let read = ReadOutbox { epoch: 1, question: 5, from: 0 };
    bench.receive(LEADER, Message::ReadOutbox(read));
    assert!(bench.take().is_empty());
    bench.confirm(1, session, &[number]);
    let Some(Message::Outbox(page)) = bench.take().pop() else { panic!("the page comes") };
    assert_eq!((page.question, page.first, page.next, page.orders.len()), (5, 0, 1, 1));
}

#[test]
fn unconfirmed_invalidations_come_again_with_a_renewal() {
    let mut bench = Bench::serving();
    let session = leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    let first = bench.invalidations();
    bench.time = bench.time + Span::millis(20);
    bench.renew(1, session).unwrap();
    assert_eq!(bench.invalidations(), [], "too early");
    bench.time = bench.time + Span::millis(20);
    bench.renew(1, session).unwrap();
    assert_eq!(bench.invalidations(), first);
}

#[cfg(feature = "mutants")]
#[test]
fn the_mutant_does_not_wait() {
    let mut bench = Bench::serving();
    bench.catalog.mutate(crate::catalog::Mutant::VisibleBeforeConfirmed);
    leased(&mut bench);
    bench.decide(7, vec![buy(1, "Tux", 4)]);
    bench.sync();
    assert_eq!(bench.decisions().len(), 1);
}
