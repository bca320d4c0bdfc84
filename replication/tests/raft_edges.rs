//! Corners of Raft that neither a play nor a world is sure to reach: impossible messages, odd disks, refused changes.

mod group;

use bytes::Bytes;
use group::{Group, Packet, raft};
use proptest::prelude::*;
use replication::contract::*;
use replication::raft::{Config, Kind, LogEntry, Message as Word, Raft, StartError};
use replication::time::{Span, Time};

fn led(size: u8, adjust: impl Fn(&mut Config) + 'static) -> Group {
    let mut group = Group::new(size, raft(size, 7, adjust));
    group.elect_first(1);
    group
}

fn calm(group: &mut Group, ms: u64) {
    for _ in 0..ms / 10 {
        group.tick(Span::millis(10));
        group.settle();
    }
    assert_eq!(group.checker.violations, Vec::<String>::new());
}

fn command(text: &str) -> Command {
    Command::copy_from_slice(text.as_bytes())
}

/// Numbers near those that a group has, and absurd ones.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..12, 1 => any::<u64>(), 1 => Just(u64::MAX), 1 => Just(1_u64 << 56)]
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..12).prop_map(Bytes::from)
}

/// Envelopes that open, of all kinds, and bytes that do not.
fn envelope() -> impl Strategy<Value = Bytes> {
    let sealed = (1_u8..5, 0_u8..6, prop::collection::vec(0_u8..5, 0..6)).prop_map(
        |(kind, term, payload)| {
            let payload = if kind == 2 { Vec::new() } else { payload };
            Bytes::from([vec![kind, term], payload].concat())
        },
    );
    prop_oneof![4 => sealed, 1 => bytes()]
}

/// Entries that follow `index`, mostly.
fn entries() -> impl Strategy<Value = Vec<LogEntry>> {
    let positions = prop_oneof![Just(None), number().prop_map(Some)];
    prop::collection::vec((positions, envelope()), 0..4).prop_map(|list| {
        let entry = |(odd, envelope): (Option<u64>, Bytes)| LogEntry {
            position: odd.unwrap_or(0),
            envelope,
        };
        list.into_iter().map(entry).collect()
    })
}

prop_compose! {
    fn word()(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        incarnation in 0_u64..3,
        to_incarnation in 0_u64..3,
        numbers in prop::array::uniform6(number()),
        mut entries in entries(),
        contiguous in prop::bool::weighted(0.8),
        reject: bool,
        context in prop_oneof![bytes(), Just(Bytes::from_static(b"CampaignTransfer"))],
        named in prop::option::of((number(), prop_oneof![bytes(), Just(sound_mark())])),
    ) -> Word {
        let [term, log_term, index, commit, commit_term, reject_hint] = numbers;
        if contiguous {
            for (place, entry) in entries.iter_mut().enumerate() {
                entry.position = index.wrapping_add(place as u64 + 1);
            }
        }
        let name = |(position, mark)| SnapshotName { position, hash: ChainHash::EMPTY, mark };
        Word {
            kind, incarnation, to_incarnation, term, log_term, index, commit, commit_term, entries, reject,
            reject_hint, context, snapshot: named.map(name),
        }
    }
}

/// The mark of a healthy group of three.
fn sound_mark() -> Bytes {
    static MARK: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    MARK.get_or_init(|| led(3, |_| {}).replicas[&1].mark.clone()).clone()
}

/// What may happen to one replica.
#[derive(Clone, Debug)]
enum Happening {
    Word(u8, u8, Word),
    Propose(u8),
    Persist(u8),
    Tick(u64),
    Deliver,
    Store(u8),
    Change(u8, u8, bool),
    Replace(u8),
    Stage(u8, u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let id = || 0_u8..6;
    let one = || 1_u8..4;
    prop_oneof![
        12 => (id(), one(), word()).prop_map(|(from, to, word)| Happening::Word(from, to, word)),
        2 => one().prop_map(Happening::Propose),
        4 => one().prop_map(Happening::Persist),
        2 => (1_u64..500).prop_map(Happening::Tick),
        4 => Just(Happening::Deliver),
        1 => one().prop_map(Happening::Store),
        1 => (one(), id(), any::<bool>()).prop_map(|(at, id, add)| Happening::Change(at, id, add)),
        1 => one().prop_map(Happening::Replace),
        1 => (one(), id()).prop_map(|(at, id)| Happening::Stage(at, id)),
    ]
}

fn happen(group: &mut Group, happening: Happening) {
    match happening {
        Happening::Word(from, to, word) => {
            group.arrive(Packet { from, to, message: Message::Raft(word) });
        }
        Happening::Propose(id) => drop(group.propose(id, vec![command("x")])),
        Happening::Persist(id) => drop(group.persist_one(id)),
        Happening::Tick(ms) => group.tick(Span::millis(ms)),
        Happening::Deliver => {
            for packet in std::mem::take(&mut group.net) {
                group.arrive(packet);
            }
        }
        Happening::Store(id) => group.store(id, Position::MAX),
        Happening::Change(at, id, add) => {
            let change = if add { MemberChange::Add(id, 9) } else { MemberChange::Remove(id) };
            let _ = group.drive(at, |engine, now| engine.change_members(now, change));
        }
        Happening::Replace(id) => drop(group.replace_one(id)),
        Happening::Stage(at, peer) => {
            let name = SnapshotName { position: 2, hash: ChainHash::EMPTY, mark: sound_mark() };
            group.drive(at, |engine, now| engine.staged(now, peer, name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lies may break promises, but never the process.
    #[test]
    fn no_message_stops_a_replica(
        size in prop::sample::select(vec![1_u8, 3]),
        begun: bool,
        list in prop::collection::vec(happening(), 1..120),
    ) {
        let mut group = Group::new(3, raft(size, 7, |config| config.limits.tail_entries = 1));
        if begun {
            group.elect_first(1);
        }
        for happening in list {
            happen(&mut group, happening);
        }
    }
}

#[test]
fn a_disk_of_another_protocol_is_not_taken_up() {
    let start = |recovered| Raft::new(Config::new(1, [1], 1, 0), recovered, Time(0)).err();
    let entry = |text: &str| Entry { position: 1, hash: ChainHash::EMPTY, command: command(text) };
    let recovered = Recovered { applied: 4, ..Recovered::default() };
    assert_eq!(start(recovered), Some(StartError::NoMark));
    let recovered = Recovered { mark: Bytes::from_static(b"no mark"), ..Recovered::default() };
    assert_eq!(start(recovered), Some(StartError::Mark));
    let recovered = Recovered { entries: vec![entry("no envelope")], ..Recovered::default() };
    assert_eq!(start(recovered), Some(StartError::Log));
    let back = vec![entry("\u{2}\u{5}"), Entry { position: 2, ..entry("\u{2}\u{4}") }];
    let recovered = Recovered { entries: back, ..Recovered::default() };
    assert_eq!(start(recovered), Some(StartError::Log), "terms never go back");
    assert_eq!(start(Recovered::default()), None);
}

#[test]
fn a_write_torn_before_its_term_does_not_take_the_replica_back() {
    let entry = Entry { position: 1, hash: ChainHash::EMPTY, command: command("\u{2}\u{5}") };
    let state = HardState { epoch: 3, vote: 2, commit: 0 };
    let recovered = Recovered { state, entries: vec![entry], ..Recovered::default() };
    let engine = Raft::new(Config::new(1, [1, 2, 3], 1, 0), recovered, Time(0));
    assert_eq!(engine.map(|engine| engine.status().epoch), Ok(5));
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let mut group = led(3, |_| {});
    let mut ask = |id: ReplicaId, change| {
        group.drive(id, |engine, now| engine.change_members(now, change)).expect("it runs")
    };
    use MemberChange::{Add, Remove};
    assert_eq!(ask(2, Remove(3)), Err(MemberError::NotLeader { leader: Some(1) }));
    assert_eq!(ask(1, Add(3, 9)), Err(MemberError::IsMember(3)));
    assert_eq!(ask(1, Remove(4)), Err(MemberError::NoMember(4)));
    assert_eq!(ask(1, Add(0, 9)), Err(MemberError::NoMember(0)));
    assert_eq!(ask(1, Remove(3)), Ok(()));
    assert_eq!(ask(1, Remove(2)), Err(MemberError::UnderWay));
    calm(&mut group, 200);
    let mut ask =
        |change| group.drive(1, |engine, now| engine.change_members(now, change)).expect("it runs");
    assert_eq!(ask(Add(3, 1)), Err(MemberError::IsMember(3)), "that very disk was removed");
    assert_eq!(ask(Remove(2)), Ok(()));
    calm(&mut group, 200);
    let last = group.drive(1, |engine, now| engine.change_members(now, Remove(1)));
    assert_eq!(last, Some(Err(MemberError::LastVoter(1))));
}

/// Who leads after `leader` handed over.
fn successor(group: &mut Group, leader: ReplicaId) -> ReplicaId {
    group.drive(leader, |engine, now| engine.hand_over(now));
    calm(group, 100);
    group.elected().expect("somebody leads")
}

fn link(group: &mut Group, at: ReplicaId, peer: ReplicaId, up: bool) {
    group.drive(at, |engine, now| engine.link(now, peer, up));
    calm(group, 10);
}

#[test]
fn a_leader_hands_over_to_the_one_whose_link_stands_longest() {
    for (first, second) in [(2, 3), (3, 2)] {
        let mut group = led(3, |_| {});
        link(&mut group, 1, first, true);
        link(&mut group, 1, second, true);
        assert_eq!(successor(&mut group, 1), first, "the other one was started later");
        let mut group = led(3, |_| {});
        link(&mut group, 1, first, true);
        link(&mut group, 1, second, true);
        link(&mut group, 1, first, false);
        assert_eq!(successor(&mut group, 1), second, "that one's link is broken");
    }
}

#[test]
fn a_leader_does_not_ask_the_same_one_twice_in_vain() {
    let mut group = led(3, |_| {});
    for peer in [2, 3] {
        link(&mut group, 1, peer, true);
    }
    // It hears and has everything, and cannot campaign: nobody hears it.
    group.drive(1, |engine, now| engine.hand_over(now));
    group.cut.extend([(2, 1), (2, 3)]);
    calm(&mut group, 300);
    assert_eq!(group.elected(), Some(3));
}

/// A group that began before all voters had to be heard: the roll names the disks of two.
fn begun_without_the_third() -> Group {
    let mut group = Group::new(3, raft(3, 7, |_| {}));
    let log = [vec![2, 1], vec![4, 1, 3, 1, 2, 3, 0, 2, 1, 1, 2, 1]];
    for id in 1..=3 {
        group.crash(id, 0);
    }
    for id in 1..=2 {
        let mut hash = ChainHash::EMPTY;
        let disk = &mut group.replicas.get_mut(&id).expect("it is one of three").disk;
        for (position, envelope) in (1..).zip(&log) {
            let command = Bytes::from(envelope.clone());
            hash = hash.extend(&command);
            disk.entries.push(Entry { position, hash, command });
        }
        disk.state = HardState { epoch: 1, vote: 1, commit: 2 };
    }
    group.start(1);
    group.start(2);
    calm(&mut group, 1_000);
    group
}

#[test]
fn nobody_goes_while_another_voter_was_never_heard_of() {
    let mut group = begun_without_the_third();
    let leader = group.elected().expect("two of three lead");
    let mut ask = |change| {
        group.drive(leader, |engine, now| engine.change_members(now, change)).expect("it runs")
    };
    use MemberChange::Remove;
    assert_eq!(ask(Remove(3 - leader)), Err(MemberError::NotHeard(3)));
    assert_eq!(ask(Remove(leader)), Err(MemberError::NotHeard(3)));
    assert_eq!(ask(Remove(3)), Ok(()), "it is not missed");
    let mut group = begun_without_the_third();
    let leader = group.elected().expect("two of three lead");
    group.start(3);
    calm(&mut group, 500);
    let removed = MemberChange::Remove(3 - leader);
    let taken = group.drive(leader, |engine, now| engine.change_members(now, removed));
    assert_eq!(taken, Some(Ok(())), "it was heard of since");
}

#[test]
fn a_leader_that_removes_itself_stops_and_is_followed_at_once() {
    let mut group = led(3, |_| {});
    let removed = group.drive(1, |engine, now| engine.change_members(now, MemberChange::Remove(1)));
    assert_eq!(removed, Some(Ok(())));
    calm(&mut group, 50);
    let leader = group.elected().expect("somebody follows within 50 ms");
    assert_ne!(leader, 1);
    let voters = group.status(leader).map(|status| status.members.voters);
    assert_eq!(voters, Some([2, 3].into()));
}

#[test]
fn a_hand_over_that_nobody_takes_is_given_up() {
    let mut group = led(3, |_| {});
    group.drive(1, |engine, now| engine.hand_over(now));
    for _ in 0..250 {
        group.tick(Span::millis(10));
        // The word to campaign gets lost, everything else arrives.
        group.net.retain(
            |packet| !matches!(&packet.message, Message::Raft(w) if w.kind == Kind::CampaignNow),
        );
        group.settle();
        group.net.clear();
    }
    let answer = group.propose(1, vec![command("on we go")]);
    assert!(matches!(answer, Some(Ok(_))), "{answer:?}");
}

#[test]
fn a_message_is_bounded_in_entries_and_bytes() {
    let mut group = led(3, |config| {
        config.limits.append_entries = 4;
        config.limits.append_bytes = 100;
    });
    let small = (0..10).map(|number| command(&format!("{number}")));
    let great = (b'x'..=b'z').map(|byte| Command::from(vec![byte; 80]));
    group.propose(1, small.chain(great).collect());
    let appends = group.net.iter().filter_map(|packet| match &packet.message {
        Message::Raft(word) if word.kind == Kind::Append && packet.to == 2 => {
            Some(word.entries.len())
        }
        _ => None,
    });
    assert_eq!(appends.collect::<Vec<_>>(), [4, 4, 3, 1, 1]);
    calm(&mut group, 100);
    assert_eq!(group.status(3).map(|status| status.commit), group.status(1).map(|s| s.end));
}

/// Two candidates of one term ask the same voter, which crashes in between: how often does it say yes?
fn votes_around_a_crash(adjust: impl Fn(&mut Config) + 'static) -> usize {
    let mut group = Group::new(3, raft(3, 7, adjust));
    let vote = |from: ReplicaId| Packet {
        from,
        to: 3,
        message: Message::Raft(Word {
            kind: Kind::Vote,
            incarnation: 1,
            to_incarnation: 1,
            term: 4,
            log_term: 0,
            index: 0,
            commit: 0,
            commit_term: 0,
            entries: Vec::new(),
            reject: false,
            reject_hint: 0,
            context: Bytes::new(),
            snapshot: None,
        }),
    };
    group.arrive(vote(1));
    while group.persist_one(3) {}
    group.crash(3, 0);
    group.start(3);
    group.arrive(vote(2));
    while group.persist_one(3) {}
    let yes = |packet: &&Packet| matches!(&packet.message, Message::Raft(w) if w.kind == Kind::VoteAnswer && !w.reject);
    group.net.iter().filter(yes).count()
}

#[test]
fn a_vote_outlives_a_crash() {
    assert_eq!(votes_around_a_crash(|_| {}), 1);
}

#[cfg(feature = "mutants")]
#[test]
fn a_vote_that_is_not_written_is_caught() {
    let forgets = |config: &mut Config| {
        config.mutant = Some(replication::mutants::Mutant::VoteForgotten);
    };
    assert_eq!(votes_around_a_crash(forgets), 2);
}

/// What follows a snapshot must still be in memory when it was taken, however much was proposed meanwhile, or the next one
/// would be needed at once, for ever.
#[test]
fn what_follows_a_snapshot_is_kept_until_its_peer_is_level() {
    let mut group = led(3, |config| {
        config.limits.tail_entries = 4;
        config.limits.append_entries = 2;
        config.limits.window_messages = 1;
    });
    group.crash(3, 0);
    let mut number = 0;
    let mut busy = |group: &mut Group| {
        for _ in 0..20 {
            number += 1;
            group.propose(1, vec![command(&format!("{number}"))]);
            group.settle();
            group.store(1, Position::MAX);
        }
    };
    busy(&mut group);
    group.start(3);
    group.snapshots_wait = true;
    calm(&mut group, 100);
    assert!(group.transfer_one(false), "the rows are asked for");
    busy(&mut group);
    assert!(group.transfer_one(false), "the rows are staged");
    busy(&mut group);
    assert!(
        group.replace_one(3) || {
            calm(&mut group, 100);
            group.replace_one(3)
        }
    );
    let mut rounds = 0;
    while group.status(3).map(|status| status.commit) != group.status(1).map(|status| status.commit)
    {
        rounds += 1;
        assert!(rounds < 100, "it never gets level: {:?}", group.status(3));
        group.store(1, Position::MAX);
        calm(&mut group, 10);
    }
    assert!(group.transfers.is_empty(), "one snapshot is enough");
}
