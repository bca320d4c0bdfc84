//! Leases and sessions of the gateways.

use replication::time::{Span, Time};

use super::harness::*;
use crate::limits::{INVALIDATION_PATIENCE, LEASE, LEASE_MARGIN, SESSIONS};

/// Writes, and says whether the answer had to wait for somebody.
fn write_waits(bench: &mut Bench, batch: u64) -> bool {
    bench.decide(batch, vec![buy(u128::from(batch), "Tux", 1)]);
    bench.sync();
    bench.decisions().is_empty()
}

#[test]
fn a_renewed_lease_goes_on_in_its_session() {
    let mut bench = Bench::serving();
    let first = bench.renew(1, 0).unwrap();
    assert_eq!((first.sent_at, first.ttl), (bench.time, LEASE));
    for _ in 0..20 {
        bench.run(50);
        assert_eq!(bench.renew(1, first.session).unwrap().session, first.session);
    }
    assert_eq!(bench.catalog.leased_gateways(bench.time), 1);
}

#[test]
fn a_lease_that_ran_out_ends_its_session() {
    let mut bench = Bench::serving();
    let first = bench.renew(1, 0).unwrap().session;
    bench.run((LEASE.0 + LEASE_MARGIN.0) / 1_000 + 1);
    assert_eq!(bench.catalog.leased_gateways(bench.time), 0);
    assert!(!write_waits(&mut bench, 1));
    let second = bench.renew(1, first).unwrap().session;
    assert!(second > first, "whoever was not told of a write starts anew");
}

#[test]
fn who_owes_a_confirmation_gets_no_time_until_it_comes() {
    let mut bench = Bench::serving();
    let session = bench.renew(1, 0).unwrap().session;
    bench.decide(1, vec![buy(1, "Tux", 1)]);
    bench.sync();
    bench.run(100);
    assert_eq!(bench.renew(1, session).unwrap().ttl, LEASE, "patience");
    bench.run(INVALIDATION_PATIENCE.0 / 1_000 - 99);
    let owing = bench.renew(1, session).unwrap();
    assert_eq!((owing.session, owing.ttl), (session, Span(0)));
    bench.confirm(1, session, &[1]);
    assert_eq!(bench.renew(1, session).unwrap().ttl, LEASE);
    assert_eq!(bench.decisions().len(), 1);
}

#[test]
fn renewals_under_way_and_copies_open_no_further_session() {
    let mut bench = Bench::serving();
    let first_at = bench.time;
    let session = bench.renew(1, 0).unwrap().session;
    assert_eq!(bench.renew_sent_at(1, 0, first_at).unwrap().session, session, "a copy");
    bench.run(50);
    bench.renew(1, session).unwrap();
    assert_eq!(bench.renew_sent_at(1, 0, first_at), None, "a late copy");
    bench.confirm(1, session, &[]);
    bench.decide(1, vec![buy(1, "Tux", 1)]);
    bench.sync();
    bench.confirm(1, session, &[1]);
    assert_eq!(bench.decisions().len(), 1, "no other session to wait for");
}

#[test]
fn a_lost_session_is_replaced_once() {
    let mut bench = Bench::serving();
    let first = bench.renew(1, 77).unwrap().session;
    bench.run(50);
    let second = bench.renew(1, 77).unwrap().session;
    assert_eq!(second, first, "sent before the first grant came");
    bench.run(50);
    assert_eq!(bench.renew(1, first).unwrap().session, first);
}

#[test]
fn another_life_of_a_gateway_does_not_end_the_session_of_one_that_may_only_be_paused() {
    let mut bench = Bench::serving();
    bench.renew(1, 0).unwrap();
    bench.run(100);
    let second = bench.renew(1, 0).unwrap().session;
    bench.decide(1, vec![buy(1, "Tux", 1)]);
    bench.sync();
    bench.confirm(1, second, &[1]);
    assert_eq!(bench.decisions(), [], "the first life may still serve hits");
    bench.run(LEASE.0 / 1_000);
    assert_eq!(bench.decisions().len(), 1);
}

#[test]
fn a_session_belongs_to_one_gateway() {
    let mut bench = Bench::serving();
    let mine = bench.renew(1, 0).unwrap().session;
    let yours = bench.renew(2, mine).unwrap().session;
    assert_ne!(mine, yours);
    assert_eq!(bench.catalog.leased_gateways(bench.time), 2);
    bench.decide(1, vec![buy(1, "Tux", 1)]);
    bench.sync();
    bench.confirm(1, mine, &[1]);
    assert_eq!(bench.decisions(), []);
    bench.confirm(2, yours, &[1]);
    assert_eq!(bench.decisions().len(), 1);
}

#[test]
fn the_table_of_sessions_is_bounded() {
    let mut bench = Bench::serving();
    for index in 0..SESSIONS as u64 {
        assert!(bench.renew_sent_at(1, 0, Time(5_000_000 + index)).is_some());
    }
    assert_eq!(bench.renew(2, 0), None);
    bench.run(LEASE.0 / 1_000 + 20);
    assert!(bench.renew(2, 0).is_some());
}
