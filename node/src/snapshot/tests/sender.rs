//! When a sender gives up, and what it lets go.

use market::rows::Table;
use replication::contract::{Position, ReplicaId};
use replication::time::{Span, Time};

use super::net::{Net, PEER, almost, row, state};
use crate::limits::{SNAPSHOT_PATIENCE, SNAPSHOT_PEERS, SNAPSHOT_WISH};
use crate::process::Effect;
use crate::service::ServiceKind;
use crate::snapshot::Sender;

/// Transfers that begin or end with these effects.
fn begun(effects: &[Effect]) -> Vec<u64> {
    let begun = |effect: &Effect| match effect {
        Effect::ReadSnapshot { transfer, .. } => Some(*transfer),
        _ => None,
    };
    effects.iter().filter_map(begun).collect()
}

fn closed(effects: &[Effect]) -> Vec<u64> {
    let closed = |effect: &Effect| match effect {
        Effect::CloseSnapshot { transfer } => Some(*transfer),
        _ => None,
    };
    effects.iter().filter_map(closed).collect()
}

#[test]
fn a_wish_repeated_begins_nothing_new() {
    let mut net = Net::new();
    net.wish(1);
    net.wish(1);
    net.read(1, 9);
    net.wish(1);
    assert_eq!((net.leaders[&1].reads.len(), net.flying.len()), (0, 1));
}

#[test]
fn whoever_is_silent_is_given_up() {
    for disk in [true, false] {
        let mut net = Net::new();
        net.wish(1);
        if !disk {
            net.read(1, 1);
        }
        net.pass(almost(SNAPSHOT_PATIENCE));
        assert_eq!(net.leaders[&1].pinned.len(), 1);
        net.pass(Span(1));
        assert_eq!(net.leaders[&1].pinned.len(), 0);
        net.wish(1);
        assert_eq!(net.leaders[&1].pinned.keys().collect::<Vec<_>>(), [&((1 << 32) + 1)]);
    }
}

#[test]
fn a_slow_transfer_that_gets_on_is_not_given_up() {
    let mut net = Net::new();
    net.wish(1);
    for _ in 0..4 {
        net.pass(almost(SNAPSHOT_PATIENCE));
        net.flying.clear();
        net.read(1, 1);
        net.deliver(0);
        net.pass(almost(SNAPSHOT_PATIENCE));
        while !net.flying.is_empty() {
            net.deliver(0);
        }
    }
    assert_eq!(net.told.len(), 1);
}

#[test]
fn too_many_peers_wait_until_a_wish_is_old() {
    let (mut sender, mut effects) = (Sender::new(ServiceKind::Catalog, 1), Vec::new());
    let most = SNAPSHOT_PEERS as u8;
    for peer in 1..=most + 1 {
        sender.wanted(Time(0), peer, &mut effects);
    }
    assert_eq!(begun(&effects), (1..=SNAPSHOT_PEERS as u64).collect::<Vec<_>>());
    let later = Time(0) + SNAPSHOT_WISH;
    for peer in 2..=most {
        sender.wanted(later - Span(1), peer, &mut effects);
    }
    effects.clear();
    sender.wanted(later - Span(1), most + 1, &mut effects);
    assert!(effects.is_empty());
    sender.wanted(later, most + 1, &mut effects);
    assert_eq!((closed(&effects), begun(&effects)), (vec![1], vec![u64::from(most) + 1]));
}

#[test]
fn a_broken_link_ends_that_peers_transfer_alone() {
    let (mut sender, mut effects) = (Sender::new(ServiceKind::Catalog, 1), Vec::new());
    for peer in [PEER, PEER + 1] {
        sender.wanted(Time(0), peer, &mut effects);
    }
    effects.clear();
    sender.link(PEER, true, &mut effects);
    assert!(effects.is_empty());
    sender.link(PEER, false, &mut effects);
    assert_eq!(closed(&effects), [1]);
    sender.clear(&mut effects);
    sender.clear(&mut effects);
    assert_eq!(closed(&effects), [1, 2]);
    effects.clear();
    sender.rows(Time(0), 2, 9, state(9), true, &mut effects);
    assert!(effects.is_empty(), "rows of a transfer that is over");
}

/// Answers of a store that cannot be a snapshot.
#[test]
fn a_store_that_contradicts_itself_ends_the_transfer() {
    let chain = || vec![row(Table::Facts, b"chain", &[1; 16])];
    let odd = || vec![row(Table::Facts, b"chain", &[1; 3])];
    type Answer = (Position, Vec<market::rows::Row>, bool);
    let cases: [(&str, Option<Answer>, Answer); 4] = [
        ("another position", Some((9, chain(), false)), (10, vec![], true)),
        ("nothing, and more of it", None, (9, vec![], false)),
        ("no chain hash", None, (9, vec![row(Table::Listings, b"Tux", b"1")], true)),
        ("an odd chain hash", None, (9, odd(), true)),
    ];
    for (case, before, (position, rows, end)) in cases {
        let (mut net, id): (Net, ReplicaId) = (Net::new(), 1);
        net.wish(id);
        if let Some((position, rows, end)) = before {
            net.at(id, |it, now, out| it.rows(now, 1 << 32, position, rows, end, out));
            net.deliver(0);
            net.deliver(0);
        }
        net.at(id, |it, now, out| it.rows(now, 1 << 32, position, rows, end, out));
        assert_eq!(net.notes, ["snapshot_unreadable"], "{case}");
        assert_eq!((net.flying.len(), net.leaders[&id].pinned.len()), (0, 0), "{case}");
    }
}
