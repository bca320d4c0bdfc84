//! Pairs and groups on loopback, and hostile input.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::header::{HEAD, Head};
use super::limits::{PARTIAL_AGE, WINDOW};
use super::seal::SEAL;
use super::*;

/// What a sink does not understand.
const NONSENSE: &[u8] = b"nonsense";

/// Longest wait for something that must happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// Receives for all tests of this program: none of them waits for anything on its threads.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

struct ToChannel(Sender<(u8, Vec<u8>)>);

impl Sink for ToChannel {
    fn message(&mut self, from: u8, message: &[u8]) -> bool {
        // A test that has seen enough no longer listens.
        let _ = self.0.send((from, message.to_vec()));
        message != NONSENSE
    }

    fn flush(&mut self) -> usize {
        0
    }
}

fn key() -> Key {
    Key::derive("test", b"a secret of tests")
}

fn life(boot: u64) -> Life {
    Life { incarnation: 1, boot }
}

fn settings(us: u8, members: u8) -> Settings {
    Settings {
        us,
        life: life(1),
        key: key(),
        members: (1..=members).collect(),
        bytes: DATAGRAM_BYTES,
        loss: Loss::default(),
    }
}

struct Member {
    datagrams: Datagrams,
    messages: Receiver<(u8, Vec<u8>)>,
}

impl Member {
    fn next(&self) -> (u8, Vec<u8>) {
        self.messages.recv_timeout(DEADLINE).expect("a message comes in time")
    }

    fn dropped(&self, cause: Cause) -> u64 {
        self.datagrams.tally().dropped(cause)
    }

    /// Waits until something was dropped for this cause.
    fn counted(&self, cause: Cause) {
        let start = Instant::now();
        while self.dropped(cause) == 0 {
            assert!(start.elapsed() < DEADLINE, "{:?}", self.datagrams.tally());
            std::thread::yield_now();
        }
    }

    /// Waits until so many datagrams came in.
    fn received(&self, count: u64) {
        let start = Instant::now();
        while self.datagrams.tally().counts().received < count {
            assert!(start.elapsed() < DEADLINE, "{:?}", self.datagrams.tally());
            std::thread::yield_now();
        }
    }
}

/// A group on loopback.
fn group(members: u8, change: impl Fn(&mut Settings)) -> Vec<Member> {
    let local: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let bound: Vec<Bound> = (0..members).map(|_| Bound::bind(local).unwrap()).collect();
    let addresses: Vec<_> = bound.iter().map(|bound| bound.address().unwrap()).collect();
    let start = |(bound, us): (Bound, u8)| {
        let (sender, messages) = channel();
        let mut settings = settings(us, members);
        change(&mut settings);
        let _inside = RUNTIME.enter();
        let datagrams = Datagrams::start(bound, settings, ToChannel(sender)).unwrap();
        for (address, member) in addresses.iter().zip(1..).filter(|(_, member)| *member != us) {
            datagrams.reach(member, *address);
        }
        Member { datagrams, messages }
    };
    bound.into_iter().zip(1..).map(start).collect()
}

fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut message = number.to_le_bytes().to_vec();
    message.resize(4 + length, number as u8);
    message
}

#[test]
fn a_burst_for_all_is_packed_and_sent_in_one_call() {
    let group = group(5, |_| {});
    let messages: Vec<_> = (0..100).map(|number| numbered(number, 60)).collect();
    group[0].datagrams.send(messages.iter().map(|message| (To::All, &message[..])));
    for member in &group[1..] {
        let mut seen: Vec<_> = (0..100).map(|_| member.next()).collect();
        seen.sort();
        let expected: BTreeSet<_> = messages.iter().map(|message| (1, message.clone())).collect();
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    }
    let counts = group[0].datagrams.tally().counts();
    assert_eq!((counts.messages_sent, counts.send_calls), (100, 1));
    assert_eq!(counts.sent, 4 * 5, "20 of 67 bytes to a datagram, four recipients");
    assert!(group[0].messages.try_recv().is_err(), "not to itself");
}

#[test]
fn what_is_for_one_goes_to_one() {
    let group = group(3, |_| {});
    group[1].datagrams.send([(To::One(3), &b"three"[..]), (To::All, b"all"), (To::One(1), b"one")]);
    let two = |member: &Member| {
        let mut two = [member.next(), member.next()];
        two.sort();
        two.map(|(from, message)| (from, String::from_utf8(message).unwrap()))
    };
    assert_eq!(two(&group[0]), [(2, "all".into()), (2, "one".into())]);
    assert_eq!(two(&group[2]), [(2, "all".into()), (2, "three".into())]);
    group[0].datagrams.send([(To::All, NONSENSE)]);
    assert_eq!(group[1].next().1, NONSENSE);
    group[1].counted(Cause::Malformed);
    group[1].datagrams.send([(To::One(9), &b"nobody"[..])]);
    assert_eq!(group[1].dropped(Cause::Unsent), 1);
}

#[test]
fn long_messages_arrive_whole_among_short_ones() {
    for bytes in [LEAST_BYTES, DATAGRAM_BYTES, JUMBO_BYTES] {
        let group = group(2, |settings| settings.bytes = bytes);
        // One at a time: a socket of usual size does not hold them all.
        for length in [0, 10, bytes - 60, bytes, 3 * bytes, 50_000, 100_000] {
            let messages = [numbered(1, 5), numbered(2, length), numbered(3, 7)];
            group[0].datagrams.send(messages.iter().map(|message| (To::All, &message[..])));
            let mut seen: Vec<_> = (0..3).map(|_| group[1].next().1).collect();
            seen.sort();
            assert_eq!(seen, messages, "{length} bytes in datagrams of {bytes}");
        }
    }
}

#[test]
fn losses_on_purpose_lose_about_as_many_as_asked_for() {
    let group = group(2, |settings| settings.loss = Loss::new(0.2, u64::from(settings.us)));
    let sent = 2_000;
    for number in 0..sent {
        group[0].datagrams.send([(To::All, &numbered(number, 10)[..])]);
        if number % 50 == 49 {
            group[1].received(u64::from(number) + 1);
        }
    }
    let lost = group[1].dropped(Cause::Injected);
    assert!((300..500).contains(&lost), "{lost}");
    let mut seen = BTreeSet::new();
    for _ in 0..u64::from(sent) - lost {
        assert!(seen.insert(group[1].next()), "nothing twice");
    }
    assert!(group[1].messages.try_recv().is_err());
}

#[test]
fn a_message_with_a_lost_piece_is_given_up_and_counted() {
    let mut inlet = Inlet::new(2, key(), &(1..=2).collect());
    let (mut sealed, tally) = (Vec::new(), Tally::default());
    let mut outlet = Outlet::new(1, life(1), key(), DATAGRAM_BYTES);
    outlet.pack(To::All, [&vec![7; 5_000][..]], &mut sealed, &tally);
    let start = Instant::now();
    for datagram in &sealed[1..] {
        inlet.open(start, &datagram.bytes, |_, _| panic!("it is not whole")).unwrap();
    }
    inlet.expire(start + PARTIAL_AGE / 2, &tally);
    assert_eq!(tally.dropped(Cause::Incomplete), 0);
    inlet.expire(start + PARTIAL_AGE, &tally);
    assert_eq!(tally.dropped(Cause::Incomplete), 1);
}

/// A good datagram of member 1 for everybody.
fn good(number: u64, life: Life, message: &[u8]) -> Vec<u8> {
    let (mut sealed, tally) = (Vec::new(), Tally::default());
    let mut outlet = Outlet::new(1, life, key(), JUMBO_BYTES);
    for _ in 0..number {
        sealed.clear();
        outlet.pack(To::All, [message], &mut sealed, &tally);
    }
    sealed.remove(0).bytes
}

/// What a fresh member 2 says to a datagram, and what it delivers.
fn judge(inlet: &mut Inlet, datagram: &[u8]) -> (Result<(), Cause>, Vec<Vec<u8>>) {
    let mut out = Vec::new();
    let outcome = inlet.open(Instant::now(), datagram, |_, message| out.push(message.to_vec()));
    (outcome, out)
}

fn inlet() -> Inlet {
    Inlet::new(2, key(), &(1..=3).collect())
}

#[test]
fn what_is_recorded_and_repeated_is_refused() {
    let mut inlet = inlet();
    let first = good(1, life(7), b"first");
    let far = good(WINDOW + 2, life(7), b"far");
    assert_eq!(judge(&mut inlet, &first), (Ok(()), vec![b"first".to_vec()]));
    assert_eq!(judge(&mut inlet, &first), (Err(Cause::Replayed), vec![]));
    assert_eq!(judge(&mut inlet, &far).0, Ok(()));
    assert_eq!(judge(&mut inlet, &good(2, life(7), b"old")).0, Err(Cause::Replayed), "too old");
    assert_eq!(judge(&mut inlet, &good(3, life(7), b"late")).0, Ok(()), "late, not too late");
    assert_eq!(judge(&mut inlet, &good(1, life(8), b"restarted")).0, Ok(()));
    assert_eq!(judge(&mut inlet, &good(9, life(7), b"before")).0, Err(Cause::Stale));
}

#[test]
fn only_members_are_heard_and_only_what_is_for_us() {
    let seal = |head: Head, key: &Key| {
        let mut bytes = vec![0; HEAD];
        head.write(key.cluster(), &mut bytes);
        bytes.extend_from_slice(&[1, 1, 0, b'x']);
        let seal = key.seal(&bytes);
        bytes.extend_from_slice(&seal);
        bytes
    };
    let head = Head { from: 1, to: 2, life: life(1), number: 1 };
    let cases = [
        (head, Ok(())),
        (Head { to: 0, number: 2, ..head }, Ok(())),
        (Head { to: 3, number: 3, ..head }, Err(Cause::Stranger)),
        (Head { from: 2, ..head }, Err(Cause::Stranger)),
        (Head { from: 4, ..head }, Err(Cause::Stranger)),
        (Head { from: 0, ..head }, Err(Cause::Stranger)),
        (Head { number: 0, ..head }, Err(Cause::Replayed)),
    ];
    let mut inlet = inlet();
    for (head, expected) in cases {
        assert_eq!(judge(&mut inlet, &seal(head, &key())).0, expected, "{head:?}");
    }
    let head = Head { number: 9, ..head };
    let other_secret = Key::derive("test", b"another secret");
    assert_eq!(judge(&mut inlet, &seal(head, &other_secret)).0, Err(Cause::Forged));
    let other_cluster = Key::derive("other", b"a secret of tests");
    assert_eq!(judge(&mut inlet, &seal(head, &other_cluster)).0, Err(Cause::Foreign));
    assert_eq!(judge(&mut inlet, &seal(head, &key())).0, Ok(()), "what was refused left no trace");
}

#[test]
fn every_changed_bit_and_every_cut_is_refused() {
    let mut inlet = inlet();
    let whole = good(5, life(3), b"a message");
    for end in 0..whole.len() {
        assert_eq!(judge(&mut inlet, &whole[..end]).1, Vec::<Vec<u8>>::new(), "cut at {end}");
        let expected = if end < HEAD + SEAL { Cause::Size } else { Cause::Forged };
        assert_eq!(judge(&mut inlet, &whole[..end]).0, Err(expected), "cut at {end}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bad = whole.clone();
            bad[at] ^= 1 << bit;
            let (outcome, delivered) = judge(&mut inlet, &bad);
            assert!(outcome.is_err() && delivered.is_empty(), "byte {at}, bit {bit}");
        }
    }
    let mut long = whole.clone();
    long.resize(JUMBO_BYTES + 1, 0);
    assert_eq!(judge(&mut inlet, &long).0, Err(Cause::Size));
    assert_eq!(judge(&mut inlet, &whole).0, Ok(()), "what was refused left no trace");
}

#[test]
fn garbage_on_the_wire_is_counted_and_the_rest_goes_on() {
    let group = group(2, |_| {});
    let address = group[1].datagrams.shared.socket.local_addr().unwrap();
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut forged = good(1, life(9), b"forged");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let foreign = vec![b'x'; 300];
    let long = vec![0; JUMBO_BYTES + 500];
    for datagram in [&forged[..], &foreign, &long, b"", b"short"] {
        stranger.send_to(datagram, address).unwrap();
    }
    group[1].received(5);
    group[0].datagrams.send([(To::All, &b"still here"[..])]);
    assert_eq!(group[1].next(), (1, b"still here".to_vec()));
    let dropped = [Cause::Forged, Cause::Foreign, Cause::Size].map(|cause| group[1].dropped(cause));
    assert_eq!(dropped, [1, 1, 3]);
}

#[test]
fn a_socket_nobody_listens_on_holds_nobody_up() {
    let group = group(2, |_| {});
    let gone: SocketAddr = {
        let short = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        short.local_addr().unwrap()
    };
    group[0].datagrams.reach(7, gone);
    for number in 0..20 {
        group[0].datagrams.send([(To::All, &numbered(number, 5)[..])]);
    }
    let mut seen: Vec<_> = (0..20).map(|_| group[1].next().1).collect();
    seen.sort();
    assert_eq!(seen.len(), 20);
}

struct Full;

impl Sink for Full {
    fn message(&mut self, _: u8, _: &[u8]) -> bool {
        true
    }

    fn flush(&mut self) -> usize {
        1
    }
}

#[test]
fn what_the_process_does_not_take_is_counted() {
    let sender = group(2, |_| {}).remove(0);
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    sender.datagrams.reach(2, bound.address().unwrap());
    let _inside = RUNTIME.enter();
    let full = Datagrams::start(bound, settings(2, 2), Full).unwrap();
    sender.datagrams.send([(To::All, &b"a"[..]), (To::All, b"b")]);
    let start = Instant::now();
    while full.tally().counts().messages_received == 0 {
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    while full.tally().dropped(Cause::Overload) == 0 {
        assert!(start.elapsed() < DEADLINE);
        std::thread::yield_now();
    }
    assert_eq!(full.tally().counts().messages_received, 1);
}

proptest! {
    /// Nothing is delivered without a seal, and nothing panics: random bytes, behind a good head or not.
    #[test]
    fn random_bytes_deliver_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..1_500),
        number in 1u64..5,
        headed in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if headed && bytes.len() >= HEAD {
            Head { from: 1, to: 0, life: life(1), number }.write(key().cluster(), &mut bytes);
        }
        let mut inlet = inlet();
        let (outcome, delivered) = judge(&mut inlet, &bytes);
        prop_assert!(outcome.is_err());
        prop_assert_eq!(delivered, Vec::<Vec<u8>>::new());
        prop_assert_eq!(judge(&mut inlet, &good(1, life(1), b"m")).0, Ok(()));
    }

    /// Sealed nonsense, which only a bug of a member makes, does not panic either.
    #[test]
    fn sealed_nonsense_is_taken_apart_or_refused(
        bytes in prop::collection::vec(0u8..6, 0..600),
        number in 1u64..2_000,
    ) {
        let mut datagram = vec![0; HEAD];
        Head { from: 3, to: 2, life: life(1), number }.write(key().cluster(), &mut datagram);
        datagram.extend_from_slice(&bytes);
        let seal = key().seal(&datagram);
        datagram.extend_from_slice(&seal);
        let mut inlet = inlet();
        let outcome = judge(&mut inlet, &datagram).0;
        prop_assert!(matches!(outcome, Ok(()) | Err(Cause::Malformed)), "{:?}", outcome);
        prop_assert_eq!(judge(&mut inlet, &datagram).0, Err(Cause::Replayed));
    }

    /// Any messages, packed into datagrams of any size that come in any sequence, and doubled, come out once each.
    #[test]
    fn what_is_packed_comes_out(
        lengths in prop::collection::vec(0usize..4_000, 0..25),
        bytes in LEAST_BYTES..3_000,
        shuffle in any::<u64>(),
    ) {
        let messages: Vec<_> = lengths.iter().zip(0..).map(|(length, number)| numbered(number, *length)).collect();
        let (mut sealed, tally) = (Vec::new(), Tally::default());
        let mut outlet = Outlet::new(1, life(1), key(), bytes);
        outlet.pack(To::All, messages.iter().map(Vec::as_slice), &mut sealed, &tally);
        prop_assert!(sealed.iter().all(|datagram| datagram.bytes.len() <= bytes));
        sealed.sort_by_key(|datagram| blake3::hash(&[&shuffle.to_le_bytes(), &datagram.bytes[..]].concat()).as_bytes()[0]);
        let (mut inlet, mut out) = (inlet(), Vec::new());
        for datagram in &sealed {
            let (outcome, mut delivered) = judge(&mut inlet, &datagram.bytes);
            prop_assert_eq!(outcome, Ok(()));
            out.append(&mut delivered);
            prop_assert_eq!(judge(&mut inlet, &datagram.bytes).0, Err(Cause::Replayed));
        }
        out.sort();
        prop_assert_eq!(out, messages);
    }
}
