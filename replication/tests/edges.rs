//! Corners of primary-backup that neither a play nor a world is sure to reach.

mod group;

use group::{Group, Packet, primary_backup};
use replication::contract::*;
use replication::primary_backup::{Config, Message as Word, cause};
use replication::register::RegisterCommand;
use replication::time::Span;

fn led(adjust: impl Fn(&mut Config) + 'static) -> Group {
    let mut group = Group::new(3, primary_backup(3, adjust));
    group.lead(3);
    group
}

fn command(text: &str) -> Command {
    Command::copy_from_slice(text.as_bytes())
}

fn calm(group: &mut Group, ms: u64) {
    for _ in 0..ms / 10 {
        group.tick(Span::millis(10));
        group.settle();
    }
    assert_eq!(group.checker.violations, Vec::<String>::new());
}

/// An append of somebody who claims to lead a far later epoch.
fn foreign_append(hash: impl Fn(&Command) -> ChainHash) -> Message {
    let command = command("foreign");
    let entries = vec![Entry { position: 1, hash: hash(&command), command }];
    Message::PrimaryBackup(Word::Append {
        epoch: 9,
        previous: 0,
        previous_hash: ChainHash::EMPTY,
        entries,
        commit: 1,
    })
}

fn traced(group: &mut Group, from: ReplicaId, to: ReplicaId, message: Message) -> Vec<String> {
    group.trace = Some(Vec::new());
    group.arrive(Packet { from, to, message });
    group.persist_one(to);
    group.trace.take().unwrap_or_default()
}

#[test]
fn what_is_committed_is_never_cut_whoever_asks() {
    let mut group = led(|_| {});
    group.propose(3, vec![command("mine")]);
    calm(&mut group, 20);
    let append = foreign_append(|command| ChainHash::EMPTY.extend(command));
    let trace = traced(&mut group, 2, 1, append);
    assert!(trace.iter().any(|line| line.contains(cause::DIVERGED)), "it must be loud: {trace:?}");
    assert!(!trace.iter().any(|line| line.contains("ack epoch 9 disk")), "nothing acknowledged");
    assert!(!trace.iter().any(|line| line.contains("cut")), "nothing cut: {trace:?}");
    assert_eq!(group.replicas[&1].disk.entries[0].command, command("mine"));
}

#[test]
fn a_hash_that_does_not_follow_from_the_commands_is_not_stored() {
    let mut group = led(|_| {});
    let trace = traced(&mut group, 2, 1, foreign_append(|_| ChainHash([7; 16])));
    assert_eq!(group.status(1).map(|status| status.end), Some(0), "{trace:?}");
    assert!(!trace.iter().any(|line| line.contains("-> 2 ack")));
}

#[test]
fn numbers_at_the_edge_are_survived() {
    let mut group = led(|_| {});
    let (epoch, previous_hash) = (1, ChainHash::EMPTY);
    for id in 1..=3 {
        for position in [0, 1, u64::MAX - 1, u64::MAX] {
            let entry = Entry { position, hash: previous_hash, command: Command::new() };
            for word in [
                Word::Append {
                    epoch,
                    previous: position,
                    previous_hash,
                    entries: vec![entry],
                    commit: u64::MAX,
                },
                Word::Append {
                    epoch,
                    previous: position,
                    previous_hash,
                    entries: vec![],
                    commit: u64::MAX,
                },
                Word::Ack { epoch, incarnation: 1, matched: position },
                Word::Nack { epoch, hint: position },
            ] {
                let from = id % 3 + 1;
                group.arrive(Packet { from, to: id, message: Message::PrimaryBackup(word) });
            }
        }
    }
    group.propose(3, vec![command("still here")]);
    calm(&mut group, 400);
    assert_eq!(group.checker.acknowledged, 1);
}

#[test]
fn a_leader_that_was_paused_blames_nobody() {
    let mut group = led(|_| {});
    group.tick(Span::millis(5_000));
    assert_eq!(group.asks, Vec::new(), "the silence was its own");
    for _ in 0..60 {
        group.tick(Span::millis(10));
    }
    let everybody = [3].into();
    let shrinks = |command: &RegisterCommand| matches!(command, RegisterCommand::AlterInSync { in_sync, .. } if *in_sync == everybody);
    assert!(group.asks.iter().any(|(_, command)| shrinks(command)), "{:?}", group.asks);
}

#[test]
fn a_guest_that_does_not_arrive_delays_the_commit_only_for_a_moment() {
    let mut group = led(|_| {});
    group.crash(1, 0);
    calm(&mut group, 600);
    group.propose(3, vec![command("a"), command("b")]);
    calm(&mut group, 20);
    group.start(1);
    let disk = 1;
    // 1 says that it holds the first of two: near enough for an invitation. Then it falls silent.
    let register = group.register.clone();
    group.configure(1, &register);
    let word = Word::Ack { epoch: 1, incarnation: disk, matched: 1 };
    group.arrive(Packet { from: 1, to: 3, message: Message::PrimaryBackup(word) });
    group.crash(1, 0);
    group.propose(3, vec![command("c")]);
    calm(&mut group, 50);
    assert_eq!(group.checker.acknowledged, 2, "the commit waits for the guest");
    calm(&mut group, 60);
    assert_eq!(group.checker.acknowledged, 3, "and then no longer");
    assert_eq!(group.register.in_sync, [2, 3].into());
}

/// Appends with entries now on their way to a replica.
fn appends(group: &Group, id: ReplicaId) -> Vec<usize> {
    let to = group.net.iter().filter(|packet| packet.to == id);
    let entries = to.filter_map(|packet| match &packet.message {
        Message::PrimaryBackup(Word::Append { entries, .. }) => Some(entries.len()),
        _ => None,
    });
    entries.filter(|count| *count > 0).collect()
}

#[test]
fn an_append_is_bounded_in_entries_and_bytes() {
    let mut group = led(|config| {
        config.limits.append_entries = 4;
        config.limits.append_bytes = 100;
    });
    group.propose(3, vec![command("x"); 6]);
    assert_eq!(appends(&group, 1), [4, 2]);
    group.settle();
    group.propose(3, vec![command(&"y".repeat(60)), command(&"z".repeat(60))]);
    assert_eq!(appends(&group, 1), [1, 1]);
    group.settle();
    group.propose(3, vec![command(&"w".repeat(500)), command("x")]);
    assert_eq!(appends(&group, 1), [1, 1], "a command beyond the limit goes alone");
}

#[test]
fn what_is_on_the_way_is_bounded_in_messages_and_bytes() {
    let mut group = led(|config| {
        config.limits.window_messages = 3;
        config.limits.window_bytes = 100;
    });
    for number in 0..8 {
        group.propose(3, vec![command(&number.to_string())]);
    }
    assert_eq!(appends(&group, 1), [1, 1, 1]);
    group.settle();
    calm(&mut group, 20);
    for number in 8..16 {
        group.propose(3, vec![command(&format!("{number:>60}"))]);
    }
    assert_eq!(appends(&group, 1), [1, 1], "the second goes over the bytes, the third waits");
    calm(&mut group, 50);
    assert_eq!(group.checker.acknowledged, 16);
}

#[test]
fn a_hand_over_without_a_successor_is_given_up() {
    let mut group = led(|_| {});
    group.crash(1, 0);
    group.crash(2, 0);
    group.propose(3, vec![command("a")]);
    group.drive(3, |engine, now| engine.hand_over(now));
    assert!(matches!(
        group.propose(3, vec![command("b")]),
        Some(Err(ProposeError::NotLeader { .. }))
    ));
    calm(&mut group, 2_100);
    assert_eq!(group.register.leader, Some(3));
    assert_eq!(group.propose(3, vec![command("b")]), Some(Ok(Some(2..3))));
    calm(&mut group, 20);
    assert_eq!(group.checker.acknowledged, 2, "alone, and at work again");
}
