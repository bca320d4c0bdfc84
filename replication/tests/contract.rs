//! The contract, as one suite that every engine passes: groups of any size, any way to have somebody lead.
//!
//! [`suite`] knows nothing of an engine but the trait; a new engine adds one test that calls it.

mod group;

use group::{Group, primary_backup, raft, rotating_sequencer, solo};
use replication::contract::*;
use replication::time::Span;

/// A group of an engine, at rest, with replica 1 leading (or taking commands as all do).
type Make = dyn Fn() -> Group;

/// Every promise that does not depend on how an engine works.
fn suite(make: &Make) {
    positions_are_gapless_and_everybody_delivers_the_same(make());
    nothing_is_delivered_before_its_disk_has_it(make());
    several_writes_may_be_under_way(make());
    a_crash_loses_nothing_delivered_and_repeats_nothing_stored(make());
    too_much_at_once_is_refused(make());
    an_idle_engine_writes_and_delivers_nothing(make());
    odd_input_is_survived(make());
    the_same_inputs_give_the_same_effects(make(), make());
}

fn commands(range: std::ops::Range<u32>) -> Vec<Command> {
    range.map(|number| Command::from(format!("command {number}"))).collect()
}

/// Time passes until everything proposed is delivered everywhere.
fn calm(group: &mut Group) {
    for _ in 0..30 {
        group.tick(Span::millis(10));
        group.settle();
    }
    assert_eq!(group.checker.violations, Vec::<String>::new());
}

/// What a replica delivered, without what is the engine's own business.
fn delivered(group: &Group, id: ReplicaId) -> Vec<Command> {
    let commands = group.replicas[&id].delivered.iter().map(|entry| entry.command.clone());
    commands.filter(|command| !command.is_empty()).collect()
}

/// Where the log of the leader ends: some engines begin with entries of their own.
fn end(group: &Group) -> Position {
    group.status(1).map_or(0, |status| status.end)
}

type Answer = Option<Result<Option<std::ops::Range<Position>>, ProposeError>>;

/// Taken at these places; where nobody leads, the places come later.
fn taken(group: &Group, places: std::ops::Range<Position>) -> Answer {
    Some(Ok((!group.leaderless()).then_some(places)))
}

fn positions_are_gapless_and_everybody_delivers_the_same(mut group: Group) {
    let end = end(&group);
    assert_eq!(group.propose(1, commands(0..3)), taken(&group, end + 1..end + 4));
    assert_eq!(group.propose(1, commands(3..4)), taken(&group, end + 4..end + 5));
    assert_eq!(group.propose(1, Vec::new()), taken(&group, end + 5..end + 5));
    calm(&mut group);
    for id in group.ids() {
        assert_eq!(delivered(&group, id), commands(0..4), "replica {id}");
        let status = group.status(id).expect("it runs");
        assert_eq!((status.end, status.durable, status.commit), (end + 4, end + 4, end + 4));
    }
    // The chain hash covers the whole prefix, of what the log holds for each command.
    let mut hash = ChainHash::EMPTY;
    if group.leaderless() {
        for entry in &group.replicas[&1].delivered {
            hash = hash.extend(&entry.command);
            assert_eq!(entry.hash, hash);
        }
        return;
    }
    for (entry, logged) in group.replicas[&1].delivered.iter().zip(&group.replicas[&1].disk.entries)
    {
        hash = hash.extend(&logged.command);
        assert_eq!((entry.hash, logged.hash), (hash, hash));
        assert!(logged.command.ends_with(&entry.command));
    }
}

fn nothing_is_delivered_before_its_disk_has_it(mut group: Group) {
    let end = end(&group);
    group.propose(1, commands(0..2));
    for packet in std::mem::take(&mut group.net) {
        group.arrive(packet);
    }
    for id in group.ids() {
        assert!(delivered(&group, id).is_empty(), "replica {id} promised too early");
        assert_eq!(group.status(id).map(|status| status.durable), Some(end));
    }
    calm(&mut group);
    assert_eq!(delivered(&group, 1), commands(0..2));
}

fn several_writes_may_be_under_way(mut group: Group) {
    for number in 0..5 {
        group.propose(1, commands(number..number + 1));
        if group.leaderless() {
            // A command that has no number yet waits a little, so that one write takes both.
            group.tick(Span::millis(5));
        }
    }
    assert_eq!(group.replicas[&1].disk.pending.len(), 5, "no write waits for another");
    let tickets: Vec<_> =
        group.replicas[&1].disk.pending.iter().map(|(ticket, _)| *ticket).collect();
    assert!(tickets.is_sorted(), "tickets ascend");
    // One word about the last ticket speaks for all before it.
    while group.replicas.get_mut(&1).and_then(|r| r.disk.complete_one()).is_some() {}
    group.drive(1, |engine, now| engine.persisted(now, tickets[4]));
    calm(&mut group);
    assert_eq!(delivered(&group, 1), commands(0..5));
}

fn a_crash_loses_nothing_delivered_and_repeats_nothing_stored(mut group: Group) {
    let end = end(&group);
    group.propose(1, commands(0..4));
    calm(&mut group);
    for id in group.ids() {
        group.store(id, end + 2);
        group.crash(id, 0);
    }
    for id in group.ids() {
        group.start(id);
    }
    for _ in 0..20 {
        group.push_all();
        calm(&mut group);
    }
    for id in group.ids() {
        assert_eq!(delivered(&group, id), commands(2..4), "replica {id}: from the store on");
    }
    let takes = |id: &ReplicaId| group.leaderless() || group.status(*id).is_some_and(|s| s.leads);
    let leader = group.ids().into_iter().find(takes).expect("somebody leads again");
    let end = group.status(leader).map_or(0, |status| status.end);
    let answer = group.propose(leader, commands(4..5));
    assert_eq!(answer, taken(&group, end + 1..end + 2));
    calm(&mut group);
    assert_eq!(delivered(&group, 1), commands(2..5));
}

fn too_much_at_once_is_refused(mut group: Group) {
    let end = end(&group);
    let most = vec![Command::from_static(b"x"); 65_536];
    let answer = taken(&group, end + 1..end + 65_537);
    group.drive(1, |engine, now| {
        assert_eq!(Some(engine.propose(now, most)), answer);
        let refused = engine.propose(now, vec![Command::from_static(b"y")]);
        assert_eq!(refused, Err(ProposeError::Full { undelivered: 65_536, limit: 65_536 }));
    });
}

fn an_idle_engine_writes_and_delivers_nothing(mut group: Group) {
    group.propose(1, commands(0..1));
    calm(&mut group);
    group.trace = Some(Vec::new());
    calm(&mut group);
    let trace = group.trace.take().unwrap_or_default();
    let busy = trace.iter().find(|line| line.contains("persist") || line.contains("deliver"));
    assert_eq!(busy, None);
}

fn odd_input_is_survived(mut group: Group) {
    let entry = Entry { position: 9, hash: ChainHash::EMPTY, command: Command::new() };
    for id in group.ids() {
        group.drive(id, |engine, now| {
            engine.persisted(now, 0);
            engine.persisted(now, 99);
            engine.stored(now, 99);
            engine.history(now, Vec::new());
            engine.history(now, vec![entry.clone()]);
            engine.link(now, 200, false);
            engine.link(now, id, true);
            engine.configured(now, &Default::default());
        });
    }
    group.propose(1, commands(0..2));
    calm(&mut group);
    assert_eq!(delivered(&group, 1), commands(0..2));
}

fn the_same_inputs_give_the_same_effects(mut one: Group, mut other: Group) {
    for group in [&mut one, &mut other] {
        group.trace = Some(Vec::new());
        group.propose(1, commands(0..7));
        calm(group);
    }
    assert!(one.trace.is_some() && one.trace == other.trace);
}

#[test]
fn solo_keeps_the_contract() {
    suite(&|| {
        let mut group = Group::unstarted(solo());
        group.checker.alone = true;
        group.grow_to(1);
        group
    });
}

#[test]
fn primary_backup_keeps_the_contract() {
    for size in 1..=5 {
        suite(&move || {
            let mut group = Group::new(size, primary_backup(size, |_| {}));
            group.lead(1);
            group
        });
    }
}

#[test]
fn raft_keeps_the_contract() {
    for size in [1, 3, 5] {
        suite(&move || {
            let mut group = Group::new(size, raft(size, 1, |_| {}));
            group.elect_first(1);
            group
        });
    }
}

#[test]
fn rotating_sequencer_keeps_the_contract() {
    for size in [1, 3, 5] {
        suite(&move || {
            let mut group = Group::new(size, rotating_sequencer(size, 1, |_| {}));
            group.found();
            group
        });
    }
}
