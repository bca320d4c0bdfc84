//! Another life of the catalog.

use replication::contract::{Entry, Recovered};
use replication::time::Span;

use super::harness::*;
use crate::catalog::{CatalogConfig, CatalogProcess, Protocol, StartError};
use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::{Fill, Heartbeat, Message, ReadOutbox};
use crate::process::Input;

#[test]
fn the_first_listings_are_loaded_once() {
    let mut bench = Bench::fresh(config());
    bench.fill(0, 1, "Tux");
    assert!(bench.take().is_empty(), "nobody can say yet what there is");
    bench.sync();
    bench.fill(0, 2, "Tux");
    bench.fill(0, 3, "Nobody");
    let filled = bench.filled();
    assert_eq!(filled[0].listing.as_ref().unwrap().quantity, 10, "at once: no older lease");
    assert_eq!(filled[1].listing, None);
    let mut next = bench.restarted(0, Span(0));
    next.step();
    assert_eq!(next.log.len(), 1, "no second load");
    assert_eq!(next.quantity("Tux"), 10);
}

#[test]
fn nothing_that_was_written_before_is_seen_before_older_leases_are_over() {
    let mut bench = Bench::serving();
    bench.renew(1, 0).unwrap();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    let mut next = bench.restarted(0, Span::millis(20));
    next.step();
    next.fill(0, 1, "Tux");
    next.decide(1, vec![buy(1, "Tux", 4)]);
    next.sync();
    next.run((LEASE.0 + LEASE_MARGIN.0) / 1_000 - 1);
    assert!(next.take().iter().all(|m| !matches!(m, Message::Filled(_) | Message::Decided(_))));
    next.run(1);
    let sent = next.take();
    let Some(Message::Filled(filled)) = sent.iter().find(|m| matches!(m, Message::Filled(_)))
    else {
        panic!("the read is answered")
    };
    assert_eq!((filled.listing.as_ref().unwrap().quantity, filled.cacheable), (6, false));
    assert!(sent.iter().any(|m| matches!(m, Message::Decided(d) if d.orders.is_empty())));
}

#[test]
fn the_very_first_burst_sees_everything_the_log_holds() {
    let mut bench = Bench::serving();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.sync();
    let mut next = bench.restarted(1, Span(0));
    assert_eq!(next.catalog.applied(), bench.catalog.applied());
    let receive = |from, message| Input::Received { from, message };
    next.burst(vec![
        receive(GATEWAY, Message::Heartbeat(Heartbeat { version: 0, leads: None })),
        receive(GATEWAY, Message::Fill(Fill { session: 0, token: 1, name: name("Tux") })),
        receive(LEADER, Message::ReadOutbox(ReadOutbox { epoch: 1, question: 1, from: 0 })),
    ]);
    next.run(400);
    let sent = next.take();
    assert!(matches!(&sent[0], Message::Configuration(c) if c.version == 4));
    assert!(matches!(&sent[1], Message::Filled(f) if f.listing.as_ref().unwrap().quantity == 6));
    assert!(matches!(&sent[2], Message::Outbox(page) if page.next == 1));
}

#[test]
fn a_life_after_any_stored_position_is_the_same() {
    let mut bench = Bench::serving();
    for batch in 0..5 {
        bench.decide(batch, vec![buy(u128::from(batch), "Tux", 1)]);
        bench.sync();
    }
    let whole = bench.catalog.state();
    for stored in 0..=bench.catalog.applied() {
        let next = bench.restarted(stored, Span(0));
        assert_eq!(next.catalog.state().law.state_hash(), whole.law.state_hash(), "{stored}");
        assert_eq!(next.catalog.state().register, whole.register);
    }
}

#[test]
fn sessions_do_not_repeat_over_lives() {
    let mut bench = Bench::serving();
    let session = bench.renew(1, 0).unwrap().session;
    let mut next = bench.restarted(0, Span::millis(50));
    let other = next.renew(1, session).unwrap().session;
    assert_ne!(session, other, "the gateway empties its cache");
    next.fill(session, 1, "Tux");
    next.run(400);
    assert!(!next.filled()[0].cacheable);
}

#[test]
fn an_entry_of_a_newer_version_is_refused_at_the_start() {
    let mut bench = Bench::serving();
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    let mut entries = bench.log.clone();
    let last: &mut Entry = entries.last_mut().unwrap();
    last.command = vec![9, 1, 2].into();
    let recovered = Recovered { entries, ..Recovered::default() };
    let started =
        CatalogProcess::start(config(), bench.now(), 9, 11, recovered, Vec::new(), Vec::new());
    assert!(matches!(started, Err(StartError::Entry(_))));
}

/// A group that one voter is enough for.
fn raft() -> CatalogConfig {
    CatalogConfig { protocol: Protocol::Raft, ..config() }
}

/// Until it leads.
fn elected(mut bench: Bench) -> Bench {
    for _ in 0..100 {
        bench.run(10);
        bench.sync();
        if bench.catalog.leads().is_some() {
            return bench;
        }
    }
    panic!("nobody leads");
}

/// A trade in batch 1, decided.
fn traded() -> Bench {
    let mut bench = elected(Bench::fresh(raft()));
    for wish in [enrol(1), enrol(2), enrol(3), elect(3, 3)] {
        bench.receive(LEADER, Message::Configure(wish));
        bench.sync();
    }
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.sync();
    assert_eq!(bench.decisions().len(), 1);
    bench
}

#[test]
fn a_replica_of_a_group_comes_back_from_any_stored_position() {
    let bench = traded();
    let whole = bench.catalog.state();
    for stored in 0..=bench.catalog.applied() {
        let mut next = elected(bench.restarted(stored, Span(0)));
        assert!(next.catalog.leads() > bench.catalog.leads(), "in a term of its own");
        assert_eq!(next.catalog.state().law.state_hash(), whole.law.state_hash(), "{stored}");
        assert_eq!(next.catalog.state().register, whole.register);
        next.decide(1, vec![buy(1, "Tux", 4)]);
        next.sync();
        next.run(400);
        assert_eq!(next.decisions().pop().unwrap().orders, [], "known by its key");
    }
}

#[test]
fn its_engine_finds_its_mark_again() {
    let bench = traded();
    let (recovered, mut rows) = bench.disk(bench.catalog.applied());
    rows.retain(|row| row.key != b"mark");
    let started = CatalogProcess::start(raft(), bench.now(), 9, 11, recovered, rows, Vec::new());
    assert!(matches!(started, Err(StartError::Raft(_))), "a store without one is another's");
}

#[test]
fn a_catalog_that_is_alone_does_not_take_up_the_disk_of_a_group() {
    let bench = traded();
    let (recovered, rows) = bench.disk(bench.catalog.applied());
    let started = CatalogProcess::start(config(), bench.now(), 9, 11, recovered, rows, Vec::new());
    assert!(matches!(started, Err(StartError::OfAGroup)));
}

#[test]
fn sessions_of_a_group_do_not_repeat_over_lives() {
    let mut bench = traded();
    let session = bench.renew(1, 0).unwrap().session;
    let mut next = elected(bench.restarted(bench.catalog.applied(), Span(0)));
    assert!(next.renew(1, session).unwrap().session > session);
}

#[test]
fn a_new_member_says_nothing_until_it_belongs_to_a_group() {
    let mut bench = Bench::fresh(CatalogConfig { joining: true, ..raft() });
    bench.input(Input::LinkUp(GATEWAY));
    for _ in 0..200 {
        bench.run(10);
        bench.sync();
    }
    bench.renew(1, 0);
    assert_eq!((bench.catalog.leads(), bench.sent.len(), bench.leads.len()), (None, 0, 0));
}
