//! Snapshots whose receiver does not hold still.

mod group;

use bytes::Bytes;
use group::{Group, Packet, raft};
use replication::contract::Message;
use replication::raft::Kind;
use replication::time::Span;

fn is_offer(packet: &Packet) -> bool {
    matches!(&packet.message, Message::Raft(message) if message.kind == Kind::Snapshot)
}

/// The leader of three, and a third replica that missed all it holds no more.
fn third_left_behind() -> Group {
    let mut group = Group::new(3, raft(3, 1, |config| config.limits.tail_entries = 0));
    group.elect_first(1);
    group.crash(3, 0);
    for command in 0..5 {
        group.propose(1, vec![Bytes::from(vec![command])]);
        group.settle();
    }
    group.store(1, 100);
    group.start(3);
    group
}

/// Lets time pass until the word to take a snapshot is on its way.
fn until_offered(group: &mut Group) {
    for _ in 0..200 {
        group.tick(Span::millis(10));
        while !group.net.iter().any(is_offer) && group.transfer_one(false) {}
        if group.net.iter().any(is_offer) {
            return;
        }
        for packet in std::mem::take(&mut group.net) {
            group.arrive(packet);
        }
        for id in group.ids() {
            group.persist_one(id);
        }
    }
    panic!("no snapshot was offered within two seconds");
}

#[test]
fn a_peer_that_was_started_again_with_the_rows_staged_is_sent_them_anew() {
    let mut group = third_left_behind();
    until_offered(&mut group);
    group.net.retain(|packet| !is_offer(packet));
    group.crash(3, 0);
    group.start(3);
    for up in [false, true] {
        group.drive(1, |engine, now| engine.link(now, 3, up));
    }
    for _ in 0..100 {
        group.tick(Span::millis(10));
        group.settle();
    }
    let (leader, peer) = (group.status(1), group.status(3));
    assert_eq!(peer.map(|status| status.commit), leader.map(|status| status.commit));
    assert!(group.checker.violations.is_empty(), "{:?}", group.checker.violations);
}
