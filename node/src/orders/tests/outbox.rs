//! Cutting the outbox.

use super::harness::*;
use crate::limits::TRIM_INTERVAL;

/// Orders in the log and on the disks of 2 and 3.
fn safe(bench: &mut Bench, batch: u64, first: u64, count: u64) {
    bench.trades(GATEWAY, first..first + count);
    bench.done(batch, first, count);
    bench.sync();
    bench.acknowledge(2, 1, first + count);
}

#[test]
fn what_two_disks_hold_need_not_be_kept() {
    let mut bench = Bench::open(&[2, 3]);
    bench.trades(GATEWAY, 0..5);
    bench.done(0, 0, 5);
    bench.sync();
    bench.acknowledge(2, 1, 3);
    bench.run(TRIM_INTERVAL.0 / 1_000);
    assert_eq!(bench.trims(), [(4, 3)], "the least that every in-sync disk holds");
    bench.acknowledge(2, 1, 5);
    bench.run(TRIM_INTERVAL.0 / 1_000);
    assert_eq!(bench.trims(), [(4, 5)]);
}

#[test]
fn one_disk_is_not_two() {
    let mut bench = Bench::open(&[3]);
    bench.trades(GATEWAY, 0..5);
    bench.done(0, 0, 5);
    bench.sync();
    bench.run(2_000);
    assert_eq!(bench.trims(), []);
}

#[test]
fn cuts_are_rare_and_not_made_for_nothing() {
    let mut bench = Bench::open(&[2, 3]);
    for batch in 0..20 {
        safe(&mut bench, batch, batch, 1);
        bench.run(5);
    }
    assert!(bench.trims().len() <= 3, "at most one in 50 ms");
    let mut idle = Bench::open(&[2, 3]);
    for _ in 0..200 {
        idle.acknowledge(2, 1, 0);
        idle.run(10);
    }
    assert_eq!(idle.trims(), []);
}

#[test]
fn a_cut_that_may_be_lost_is_told_again() {
    let mut bench = Bench::open(&[2, 3]);
    safe(&mut bench, 0, 0, 5);
    for _ in 0..25 {
        bench.acknowledge(2, 1, 5);
        bench.run(100);
    }
    assert_eq!(bench.trims(), [(4, 5), (4, 5), (4, 5)], "once a second");
}
