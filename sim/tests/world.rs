//! The world itself, with toy processes: time, links, disks, crashes and repeatability, before any real protocol is judged.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use node::gateway::{ClientRequest, ClientResponse};
use node::message::Message;
use node::process::{Effect, Input, Now, Process};
use node::service::{ServiceId, ServiceKind};
use replication::contract::{ChainHash, Entry, LogWrite, Recovered};
use sim::scenario::Scenario;
use sim::trace::Keep;
use sim::world::World;
use sim::world::machine::Machine;
use sim::world::maker::{Maker, Part};

/// What all toys of a world went through.
#[derive(Default)]
struct Seen {
    pongs: u64,
    ups: u64,
    downs: u64,
    starts: u64,
    recovered: u64,
    longest_silence: u64,
    bursts: u64,
    unsynced_acks: u64,
}

/// Pings everybody it is linked to, and writes a log entry now and then.
struct Toy {
    me: ServiceId,
    linked: Vec<ServiceId>,
    last: Option<Now>,
    end: u64,
    hash: ChainHash,
    asked: u64,
    durable: u64,
    seen: Arc<Mutex<Seen>>,
}

impl Process for Toy {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let shared = self.seen.clone();
        let mut seen = shared.lock().expect("no toy panicked");
        if let Some(last) = self.last {
            assert!(now.time >= last.time, "the monotonic clock never goes back");
            seen.longest_silence = seen.longest_silence.max(now.time.since(last.time).0);
        }
        self.last = Some(now);
        match input {
            Input::LinkUp(peer) => {
                assert!(!self.linked.contains(&peer), "a link goes down before it goes up again");
                seen.ups += 1;
                self.linked.push(peer);
            }
            Input::LinkDown(peer) => {
                assert!(self.linked.contains(&peer));
                seen.downs += 1;
                self.linked.retain(|known| *known != peer);
            }
            Input::Received { from, message } => match message {
                Message::Ping { .. } => {
                    let pong = Message::Ping { nonce: u64::MAX };
                    if let Message::Ping { nonce: 0..100 } = message {
                        effects.push(Effect::Send { to: from, message: pong });
                    } else {
                        seen.pongs += 1;
                    }
                }
                other => panic!("nobody sent {other:?}"),
            },
            Input::Persisted(ticket) => {
                seen.unsynced_acks += u64::from(ticket > self.asked);
                self.durable = ticket;
            }
            Input::Client { id, request } => {
                assert!(matches!(request, ClientRequest::Listing { .. } | ClientRequest::Order(_)));
                let response = ClientResponse::Unavailable { reason: "only a toy" };
                effects.push(Effect::Reply { id, response });
            }
            Input::Tick => self.tick(effects),
            Input::Drain => effects.push(Effect::Drained),
            _ => {}
        }
    }

    fn flush(&mut self, _now: Now, _effects: &mut Vec<Effect>) {
        self.seen.lock().expect("no toy panicked").bursts += 1;
    }
}

impl Toy {
    fn tick(&mut self, effects: &mut Vec<Effect>) {
        for peer in &self.linked {
            effects.push(Effect::Send { to: *peer, message: Message::Ping { nonce: 1 } });
        }
        if self.me.kind == ServiceKind::Orders && self.end < 50 {
            self.end += 1;
            self.asked += 1;
            let command = Bytes::from_static(b"toy");
            self.hash = self.hash.extend(&command);
            let hash = self.hash;
            let entry = Entry { position: self.end, hash, command };
            effects.push(Effect::Persist {
                ticket: self.asked,
                writes: vec![LogWrite::Append(entry)],
            });
        }
    }
}

impl Machine for Toy {}

struct Toys(Arc<Mutex<Seen>>);

impl Maker for Toys {
    fn make(&self, _: &Scenario, part: Part, _: Now) -> Result<Box<dyn Machine>, String> {
        let (me, found) = match part {
            Part::Catalog { id, recovered, .. } => (ServiceId::catalog(id), recovered),
            Part::Orders { id, recovered, .. } => (ServiceId::orders(id), recovered),
            Part::Gateway { id } => (ServiceId::gateway(id), Recovered::default()),
        };
        let mut seen = self.0.lock().expect("no toy panicked");
        seen.starts += 1;
        let end = found.entries.last().map_or(found.applied, |entry| entry.position);
        let hash = found.entries.last().map_or(found.applied_hash, |entry| entry.hash);
        seen.recovered += end;
        let seen = self.0.clone();
        let (linked, last) = (Vec::new(), None);
        Ok(Box::new(Toy { me, linked, last, end, hash, asked: 0, durable: 0, seen }))
    }
}

fn play(seed: u64) -> (Seen, sim::world::Outcome) {
    let mut scenario = Scenario::draw(seed);
    scenario.clients_knobs.trades = 0.0;
    scenario.clients_knobs.order_reads = 1.0;
    scenario.listings.clear();
    // Toys elect nobody, and no operator could ask them to.
    scenario.group.elects = false;
    scenario.orders_group = None;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let maker = Toys(seen.clone());
    let outcome = World::new(&scenario, &maker, Keep::Nothing).run();
    (std::mem::take(&mut *seen.lock().expect("no toy panicked")), outcome)
}

#[test]
fn toys_live_through_forty_worlds() {
    let mut total = Seen::default();
    for seed in 0..40 {
        let (seen, outcome) = play(seed);
        assert_eq!(outcome.violation, None, "seed {seed}");
        total.pongs += seen.pongs;
        total.starts += seen.starts;
        total.recovered += seen.recovered;
        total.downs += seen.downs;
        total.unsynced_acks += seen.unsynced_acks;
        assert!(seen.ups > seen.downs && seen.bursts > 1_000, "seed {seed}");
    }
    assert!(total.pongs > 10_000);
    assert!(total.starts > 40 * 6, "processes were restarted");
    assert!(total.recovered > 100, "and found their logs");
    assert!(total.downs > 50);
    assert_eq!(total.unsynced_acks, 0, "a ticket of an earlier life never comes back");
}

#[test]
fn a_seed_is_one_story() {
    for seed in 100..110 {
        let ((_, first), (_, second)) = (play(seed), play(seed));
        assert_eq!((first.hash, first.events), (second.hash, second.events), "seed {seed}");
        let (_, other) = play(seed + 50);
        assert_ne!(first.hash, other.hash);
    }
}

#[test]
fn ticks_come_at_least_every_ten_milliseconds_when_nothing_is_wrong() {
    let quiet = (0..400).filter(|seed| {
        let scenario = Scenario::draw(*seed);
        scenario.faults.classes() == 0 && scenario.directed.is_none()
    });
    let mut checked = 0;
    for seed in quiet.take(5) {
        let (seen, _) = play(seed);
        assert!(seen.longest_silence <= 10_000, "seed {seed}: {} µs", seen.longest_silence);
        checked += 1;
    }
    assert_eq!(checked, 5);
}
