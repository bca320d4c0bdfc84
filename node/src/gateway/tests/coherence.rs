//! The cache against a small model of the catalog, over a network that loses, doubles, delays and overtakes: a hit always equals
//! what the catalog would answer at that moment, and no read is older than what was visible when it was asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use market::listing::Kind;
use market::trade::WallTime;
use proptest::prelude::*;
use replication::time::{Span, Time};

use super::harness::{CATALOG, config, listing, name};
use crate::gateway::{ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use crate::message::{Fill, Filled, Invalidate, Invalidated, Lease, Message, Renew};
use crate::process::{Effect, Input, Now, Process, RequestId};

const TTL: Span = Span::millis(300);
const NAMES: [&str; 3] = ["Tux", "Whale", "Fox"];

/// A catalog of three listings with one gateway. A listing's quantity is its version.
struct Model {
    time: Time,
    session: u64,
    /// The gateway's lease as the catalog sees it: never shorter than the gateway does.
    lease_until: Time,
    next_number: u64,
    last_version: u64,
    /// What reads see: the last write of each listing that is open.
    visible: BTreeMap<usize, u64>,
    /// Writes that are not open: version, listing, number of the invalidation that is awaited.
    pending: VecDeque<(u64, usize, u64)>,
    confirmed: BTreeSet<u64>,
}

impl Model {
    fn new() -> Self {
        Model {
            time: Time(0),
            session: 0,
            lease_until: Time(0),
            next_number: 1,
            last_version: 1,
            visible: (0..NAMES.len()).map(|index| (index, 1)).collect(),
            pending: VecDeque::new(),
            confirmed: BTreeSet::new(),
        }
    }

    fn invalidation(&self, index: usize, number: u64) -> Message {
        let names = vec![name(NAMES[index])];
        Message::Invalidate(Invalidate { session: self.session, number, names })
    }

    fn renew(&mut self, renew: &Renew) -> Vec<Message> {
        let leased = self.time <= self.lease_until;
        if renew.session != self.session || renew.session == 0 || !leased {
            // A new session joins all pending writes; the old lease is waited for as well.
            self.session += 1;
            self.confirmed.clear();
            for write in &mut self.pending {
                write.2 = self.next_number;
                self.next_number += 1;
            }
        }
        self.lease_until = self.lease_until.max(self.time + Span(TTL.0 * 101 / 100 + 5_000));
        let lease = Lease { session: self.session, sent_at: renew.sent_at, ttl: TTL };
        let mut answers = vec![Message::Lease(lease)];
        let awaited = self.pending.iter().filter(|write| !self.confirmed.contains(&write.2));
        answers.extend(awaited.map(|(_, index, number)| self.invalidation(*index, *number)));
        answers
    }

    fn fill(&self, fill: &Fill) -> Message {
        let index = NAMES.iter().position(|text| name(text) == fill.name).unwrap();
        let version = self.visible[&index];
        let leased = self.time <= self.lease_until && fill.session == self.session;
        let quiet = self.pending.iter().all(|write| write.1 != index);
        Message::Filled(Filled {
            session: self.session,
            token: fill.token,
            name: fill.name.clone(),
            listing: Some(listing(NAMES[index], version, version)),
            cacheable: leased && quiet && self.session != 0,
        })
    }

    fn confirm(&mut self, invalidated: &Invalidated) {
        if invalidated.session == self.session {
            self.confirmed.extend(&invalidated.numbers);
        }
    }

    fn write(&mut self, index: usize) -> Option<Message> {
        self.last_version += 1;
        let number = self.next_number;
        self.next_number += 1;
        self.pending.push_back((self.last_version, index, number));
        (self.time <= self.lease_until).then(|| self.invalidation(index, number))
    }

    /// Opens writes in their sequence, as far as confirmations or the lease's end allow.
    fn open(&mut self) {
        while let Some((version, index, number)) = self.pending.front().copied()
            && (self.confirmed.contains(&number) || self.time > self.lease_until)
        {
            self.pending.pop_front();
            self.visible.insert(index, version);
        }
    }
}

/// Model, gateway, and what is under way between them.
struct World {
    model: Model,
    gateway: GatewayProcess,
    to_catalog: Vec<Message>,
    to_gateway: Vec<Message>,
    /// Reads under way: the listing, and what was visible when they were asked.
    reads: BTreeMap<RequestId, (usize, u64)>,
    next_read: RequestId,
    hits: u64,
}

impl World {
    fn new() -> Self {
        let config = GatewayConfig { cache_size: 2, ..config() };
        let mut world = World {
            model: Model::new(),
            gateway: GatewayProcess::new(config, now(Time(0))),
            to_catalog: Vec::new(),
            to_gateway: Vec::new(),
            reads: BTreeMap::new(),
            next_read: 0,
            hits: 0,
        };
        world.input(Input::LinkUp(CATALOG)).unwrap();
        world
    }

    fn input(&mut self, input: Input) -> Result<(), String> {
        let mut effects = Vec::new();
        let now = now(self.model.time);
        self.gateway.handle(now, input, &mut effects);
        self.gateway.flush(now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Send { message, .. } => self.to_catalog.push(message),
                Effect::Reply { id, response } => self.check_read(id, &response)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn check_read(&mut self, id: RequestId, response: &ClientResponse) -> Result<(), String> {
        let Some((index, visible)) = self.reads.remove(&id) else {
            return Err(format!("read {id} was answered twice"));
        };
        match response {
            ClientResponse::Listing(it) if it.version < visible => Err(format!(
                "read {id} of {} saw version {}, {visible} was visible when it was asked",
                NAMES[index], it.version
            )),
            ClientResponse::Listing(_) | ClientResponse::Unavailable { .. } => Ok(()),
            other => Err(format!("read {id}: {other:?}")),
        }
    }

    fn check_hits(&mut self) -> Result<(), String> {
        self.model.open();
        for (index, text) in NAMES.iter().enumerate() {
            let (now, visible) = (now(self.model.time), self.model.visible[&index]);
            let hit = self.gateway.try_hit(now, &name(text), Kind::Stock, &mut Vec::new());
            let Some(hit) = hit else { continue };
            self.hits += 1;
            if hit.version != visible {
                return Err(format!("hit {text} at {}, {visible} is visible", hit.version));
            }
        }
        Ok(())
    }

    fn deliver_to_catalog(&mut self, message: &Message) {
        let answers = match message {
            Message::Renew(renew) => self.model.renew(renew),
            Message::Fill(fill) => vec![self.model.fill(fill)],
            Message::Invalidated(invalidated) => {
                self.model.confirm(invalidated);
                Vec::new()
            }
            _ => Vec::new(),
        };
        self.to_gateway.extend(answers);
    }

    /// One step, named by two numbers.
    fn step(&mut self, action: u8, choice: u8) -> Result<(), String> {
        let pick = |len: usize| (len > 0).then(|| usize::from(choice) % len.max(1));
        match action {
            0..=79 => {
                if let Some(at) = pick(self.to_catalog.len()) {
                    let message = self.to_catalog.swap_remove(at);
                    self.deliver_to_catalog(&message);
                }
            }
            80..=169 => {
                if let Some(at) = pick(self.to_gateway.len()) {
                    let message = self.to_gateway.swap_remove(at);
                    self.input(Input::Received { from: CATALOG, message })?;
                }
            }
            170..=219 => self.read(usize::from(choice) % NAMES.len())?,
            220..=227 => {
                let invalidation = self.model.write(usize::from(choice) % NAMES.len());
                self.to_gateway.extend(invalidation);
            }
            228..=247 => self.pass(Span::millis(u64::from(choice % 16)))?,
            248..=249 => self.pass(Span::millis(250 + u64::from(choice)))?,
            250..=252 => lose(&mut self.to_catalog, &mut self.to_gateway, choice),
            _ => double(&mut self.to_catalog, &mut self.to_gateway, choice),
        }
        self.check_hits()
    }

    fn read(&mut self, index: usize) -> Result<(), String> {
        self.model.open();
        let id = self.next_read;
        self.next_read += 1;
        self.reads.insert(id, (index, self.model.visible[&index]));
        let request = ClientRequest::Listing { name: name(NAMES[index]), kind: Kind::Stock };
        self.input(Input::Client { id, request })
    }

    fn pass(&mut self, span: Span) -> Result<(), String> {
        self.model.time = self.model.time + span;
        self.input(Input::Tick)
    }
}

fn now(time: Time) -> Now {
    // The gateway's clock started elsewhere.
    Now { time: time + Span::millis(77_000), wall: WallTime(time.0 / 1_000) }
}

fn lose(a: &mut Vec<Message>, b: &mut Vec<Message>, choice: u8) {
    let bag = if choice.is_multiple_of(2) { a } else { b };
    if !bag.is_empty() {
        bag.swap_remove(usize::from(choice / 2) % bag.len());
    }
}

fn double(a: &mut Vec<Message>, b: &mut Vec<Message>, choice: u8) {
    let bag = if choice.is_multiple_of(2) { a } else { b };
    if let Some(message) = bag.get(usize::from(choice / 2) % bag.len().max(1)).cloned() {
        bag.push(message);
    }
}

fn play(mut world: World, script: &[(u8, u8)]) -> Result<World, String> {
    for (at, (action, choice)) in script.iter().enumerate() {
        world.step(*action, *choice).map_err(|why| format!("step {at}: {why}"))?;
    }
    Ok(world)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_stale_hit_and_no_stale_read(script in prop::collection::vec(any::<(u8, u8)>(), 0..1_500)) {
        let played = play(World::new(), &script);
        prop_assert!(played.is_ok(), "{}", played.err().unwrap_or_default());
    }
}

/// Scripts without a framework: the same on every run.
fn scripts(count: u64) -> impl Iterator<Item = Vec<(u8, u8)>> {
    (1..=count).map(|seed| {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()
        };
        (0..1_500).map(|_| next()).map(|bytes| (bytes[0], bytes[1])).collect()
    })
}

/// The property is not empty: hits and fills do happen in such worlds.
#[test]
fn the_worlds_are_lively() {
    let mut hits = 0;
    let mut fills = 0;
    let mut versions = 0;
    for script in scripts(50) {
        let world = play(World::new(), &script).unwrap();
        hits += world.hits;
        fills += world.gateway.status(now(world.model.time)).cache.fills;
        versions += world.model.visible.values().sum::<u64>();
    }
    assert!(hits > 5_000 && fills > 500 && versions > 1_000, "{hits} {fills} {versions}");
}

#[cfg(feature = "mutants")]
mod mutants {
    use super::{World, play, scripts};
    use crate::gateway::Mutant;

    fn is_found(mutant: Mutant) -> bool {
        scripts(500).any(|script| {
            let mut world = World::new();
            world.gateway.mutate(mutant);
            play(world, &script).is_err()
        })
    }

    #[test]
    fn each_mutant_is_found() {
        assert!(is_found(Mutant::FillWithoutToken));
        assert!(is_found(Mutant::ServeAfterLease));
    }
}
