//! One catalog, three order replicas and some gateways, wired together in memory under virtual time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use market::listing::{Kind, NewListing};
use market::name::Name;
use market::rows::{Row, RowChange, Table};
use market::trade::{Key, Side, Trade, WallTime};
use node::catalog::{CatalogConfig, CatalogProcess};
use node::gateway::{CacheAction, ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use node::orders::{OrdersConfig, OrdersProcess};
use node::process::{Effect, Event, Input, Now, Process};
use node::service::{ServiceId, ServiceKind};
use replication::contract::{ChainHash, Entry, LogWrite, Position, Recovered};
use replication::register::Configuration;
use replication::time::Time;

pub(crate) const CATALOG: ServiceId = ServiceId::catalog(1);
pub(crate) const GATEWAY: ServiceId = ServiceId::gateway(1);
pub(crate) const OTHER_GATEWAY: ServiceId = ServiceId::gateway(2);

/// A disk whose log syncs at once and whose store may lag behind it.
#[derive(Default)]
pub(crate) struct Disk {
    writes: Vec<LogWrite>,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    stored: Position,
    /// Not in the store yet; lost with the process.
    unstored: VecDeque<(Position, Vec<RowChange>)>,
}

impl Disk {
    fn recovered(&self) -> Recovered {
        let mut recovered = Recovered { applied: self.stored, ..Recovered::default() };
        for write in &self.writes {
            match write {
                LogWrite::Append(entry) => recovered.entries.push(entry.clone()),
                LogWrite::Truncate(from) => recovered.entries.retain(|e| e.position < *from),
                LogWrite::State(state) => recovered.state = *state,
                LogWrite::Reset { .. } => recovered.entries.clear(),
            }
        }
        recovered.entries.retain(|entry| entry.position > self.stored);
        recovered
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter().filter(|((table, _), _)| *table != Table::History);
        rows.map(|((table, key), value)| Row {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
    }

    fn history(&self, from: u64, max: usize) -> Vec<Entry> {
        let rows = self.rows.range((Table::History, from.to_be_bytes().to_vec())..);
        rows.take(max)
            .map(|((_, key), value)| Entry {
                position: u64::from_be_bytes(key.as_slice().try_into().expect("8 bytes")),
                hash: ChainHash(value[..16].try_into().expect("16 bytes")),
                command: value[16..].to_vec().into(),
            })
            .collect()
    }

    /// Takes changes; stores those that are more than `lag` positions old.
    fn store(&mut self, position: Position, changes: Vec<RowChange>, lag: usize) {
        self.unstored.push_back((position, changes));
        while self.unstored.len() > lag {
            let (position, changes) = self.unstored.pop_front().expect("there is one");
            for change in changes {
                match change.value {
                    Some(value) => self.rows.insert((change.table, change.key), value),
                    None => self.rows.remove(&(change.table, change.key)),
                };
            }
            self.stored = position;
        }
    }
}

/// What the network does to messages: with these odds in a hundred.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
}

pub(crate) struct World {
    /// Microseconds.
    pub(crate) now: u64,
    gateways: Vec<u8>,
    processes: BTreeMap<ServiceId, Box<dyn Process>>,
    paused: BTreeSet<ServiceId>,
    pub(crate) disks: BTreeMap<ServiceId, Disk>,
    inbox: VecDeque<(ServiceId, Input)>,
    /// Messages that arrive at a later point in time.
    late: Vec<(u64, ServiceId, Input)>,
    replies: BTreeMap<u64, ClientResponse>,
    /// Answers from a cache so far.
    pub(crate) hits: usize,
    pub(crate) drained: Vec<ServiceId>,
    pub(crate) weather: Weather,
    dice: u64,
    next_request: u64,
    starts: u64,
    /// Positions by which stores lag behind.
    lag: usize,
    /// The catalog does not wait for gateways.
    #[cfg(feature = "mutants")]
    pub(crate) hasty: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        World::with(1, 0)
    }

    pub(crate) fn with(gateways: u8, lag: usize) -> Self {
        let mut world = World {
            now: 1_000_000,
            gateways: (1..=gateways).collect(),
            processes: BTreeMap::new(),
            paused: BTreeSet::new(),
            disks: BTreeMap::new(),
            inbox: VecDeque::new(),
            late: Vec::new(),
            replies: BTreeMap::new(),
            hits: 0,
            drained: Vec::new(),
            weather: Weather::default(),
            dice: 0x9E37_79B9_7F4A_7C15,
            next_request: 0,
            starts: 0,
            lag,
            #[cfg(feature = "mutants")]
            hasty: false,
        };
        for service in world.everybody() {
            world.disks.insert(service, Disk::default());
            world.start(service);
        }
        world
    }

    pub(crate) fn seeded(mut self, seed: u64) -> Self {
        self.dice ^= seed.wrapping_mul(0xD134_2543_DE82_EF95);
        self
    }

    pub(crate) fn everybody(&self) -> Vec<ServiceId> {
        let gateways = self.gateways.iter().copied().map(ServiceId::gateway);
        [CATALOG].into_iter().chain(gateways).chain((1..=3).map(ServiceId::orders)).collect()
    }

    fn now(&self) -> Now {
        Now { time: Time(self.now), wall: WallTime(1_700_000_000_000 + self.now / 1_000) }
    }

    pub(crate) fn start(&mut self, service: ServiceId) {
        self.starts += 1;
        let process = self.process(service);
        self.processes.insert(service, process);
        for peer in self.everybody() {
            if peer != service && self.processes.contains_key(&peer) {
                self.inbox.push_back((service, Input::LinkUp(peer)));
                self.inbox.push_back((peer, Input::LinkUp(service)));
            }
        }
    }

    fn process(&self, service: ServiceId) -> Box<dyn Process> {
        let (disk, now) = (&self.disks[&service], self.now());
        match service.kind {
            ServiceKind::Catalog => {
                let config = CatalogConfig::alone(1, vec![1, 2, 3]);
                let first = vec![listing("GameStart", 100), listing("RottenFishCo", 1)];
                let (recovered, rows) = (disk.recovered(), disk.rows());
                let started =
                    CatalogProcess::start(config, now, self.starts, 11, recovered, rows, first);
                #[cfg_attr(not(feature = "mutants"), expect(unused_mut, reason = "no mutants"))]
                let mut catalog = started.expect("the disk is sound");
                #[cfg(feature = "mutants")]
                if self.hasty {
                    catalog.mutate(node::catalog::Mutant::VisibleBeforeConfirmed);
                }
                Box::new(catalog)
            }
            ServiceKind::Orders => {
                let config = OrdersConfig::new(service.id, vec![1, 2, 3], vec![1]);
                let (recovered, rows) = (disk.recovered(), disk.rows());
                let incarnation = u64::from(service.id) + 10;
                let started = OrdersProcess::start(config, now, incarnation, recovered, rows);
                Box::new(started.expect("the disk is sound"))
            }
            ServiceKind::Gateway => {
                let mut config = GatewayConfig::new(service.id, vec![1, 2, 3], vec![1]);
                config.cache_events = true;
                Box::new(GatewayProcess::new(config, now))
            }
        }
    }

    pub(crate) fn kill(&mut self, service: ServiceId) {
        self.processes.remove(&service);
        self.paused.remove(&service);
        if let Some(disk) = self.disks.get_mut(&service) {
            disk.unstored.clear();
        }
        self.inbox.retain(|(to, _)| *to != service);
        self.late.retain(|(_, to, _)| *to != service);
        for peer in self.everybody() {
            self.inbox.push_back((peer, Input::LinkDown(service)));
        }
    }

    pub(crate) fn restart(&mut self, service: ServiceId) {
        self.kill(service);
        self.start(service);
    }

    /// The process stands still; what is sent to it waits.
    pub(crate) fn pause(&mut self, service: ServiceId) {
        self.paused.insert(service);
    }

    pub(crate) fn resume(&mut self, service: ServiceId) {
        self.paused.remove(&service);
    }

    pub(crate) fn tell(&mut self, service: ServiceId, input: Input) {
        self.inbox.push_back((service, input));
    }

    fn settle(&mut self) {
        let mut waiting = VecDeque::new();
        while let Some((to, input)) = self.inbox.pop_front() {
            if self.paused.contains(&to) {
                if !matches!(input, Input::Tick) {
                    waiting.push_back((to, input));
                }
                continue;
            }
            let now = self.now();
            let Some(process) = self.processes.get_mut(&to) else { continue };
            let mut effects = Vec::new();
            process.handle(now, input, &mut effects);
            process.flush(now, &mut effects);
            for effect in effects {
                self.perform(to, effect);
            }
        }
        self.inbox = waiting;
    }

    fn roll(&mut self, odds: u64) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100 < odds
    }

    fn send(&mut self, to: ServiceId, input: Input) {
        let Weather { lost, doubled, late } = self.weather;
        if self.roll(lost) {
            return;
        }
        let copies = if self.roll(doubled) { 2 } else { 1 };
        for _ in 0..copies {
            if self.roll(late) {
                let at = self.now + self.dice % 120_000;
                self.late.push((at, to, input.clone()));
            } else {
                self.inbox.push_back((to, input.clone()));
            }
        }
    }

    fn perform(&mut self, who: ServiceId, effect: Effect) {
        let lag = self.lag;
        let disk = self.disks.get_mut(&who).expect("everybody has a disk");
        match effect {
            Effect::Send { to, message } => {
                self.send(to, Input::Received { from: who, message });
            }
            Effect::Persist { ticket, writes } => {
                disk.writes.extend(writes);
                self.inbox.push_back((who, Input::Persisted(ticket)));
            }
            Effect::Store { position, changes } => {
                disk.store(position, changes, lag);
                let stored = disk.stored;
                self.inbox.push_back((who, Input::Stored(stored)));
            }
            Effect::ReadHistory { purpose, from, max } => {
                let entries = disk.history(from, max);
                self.inbox.push_back((who, Input::History { purpose, entries }));
            }
            Effect::Reply { id, response } => {
                let twice = self.replies.insert(id, response);
                assert_eq!(twice, None, "a client is answered once");
            }
            Effect::Halt(text) => panic!("{who} halts: {text}"),
            Effect::Drained => self.drained.push(who),
            Effect::Event(Event::Cache(event)) => {
                self.hits += usize::from(event.action == CacheAction::Hit);
            }
            Effect::Event(_) => {}
            Effect::ReadSnapshot { .. } | Effect::CloseSnapshot { .. } | Effect::Replace { .. } => {
                panic!("{who} has nobody to bring level")
            }
        }
    }

    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(5) {
            self.now += 5_000;
            let (due, later) = self.late.drain(..).partition(|(at, _, _)| *at <= self.now);
            self.late = later;
            let due: Vec<(u64, ServiceId, Input)> = due;
            self.inbox.extend(due.into_iter().map(|(_, to, input)| (to, input)));
            for service in self.everybody() {
                self.inbox.push_back((service, Input::Tick));
            }
            self.settle();
        }
    }

    /// A client's request begins.
    pub(crate) fn begin(&mut self, gateway: ServiceId, request: ClientRequest) -> u64 {
        let id = self.next_request;
        self.next_request += 1;
        self.inbox.push_back((gateway, Input::Client { id, request }));
        self.settle();
        id
    }

    /// The answer to a request that began.
    pub(crate) fn answer(&mut self, id: u64) -> ClientResponse {
        for _ in 0..2_000 {
            if let Some(response) = self.replies.remove(&id) {
                return response;
            }
            self.run(5);
        }
        panic!("no answer within ten seconds");
    }

    pub(crate) fn ask_at(&mut self, gateway: ServiceId, request: ClientRequest) -> ClientResponse {
        let id = self.begin(gateway, request);
        self.answer(id)
    }

    pub(crate) fn ask(&mut self, request: ClientRequest) -> ClientResponse {
        self.ask_at(GATEWAY, request)
    }

    pub(crate) fn quantity_at(&mut self, gateway: ServiceId, name: &str) -> u64 {
        let request = ClientRequest::Listing { name: named(name), kind: Kind::Stock };
        match self.ask_at(gateway, request) {
            ClientResponse::Listing(listing) => listing.quantity,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn quantity(&mut self, name: &str) -> u64 {
        self.quantity_at(GATEWAY, name)
    }

    /// The register, once a leader is live.
    pub(crate) fn leader(&mut self) -> Configuration {
        for _ in 0..100 {
            if let ClientResponse::Leader(known) = self.ask(ClientRequest::Leader) {
                return known;
            }
            self.run(50);
        }
        panic!("nobody leads within five seconds");
    }
}

pub(crate) fn named(name: &str) -> Name {
    Name::new(name).expect("a good name")
}

fn listing(name: &str, quantity: u64) -> NewListing {
    NewListing {
        name: named(name),
        kind: Kind::Stock,
        price: "15.99".parse().expect("a good price"),
        quantity,
        restock: false,
    }
}

pub(crate) fn trade(key: u128, name: &str, side: Side, quantity: u64) -> ClientRequest {
    ClientRequest::Trade(Trade { key: Key(key), born: None, name: named(name), side, quantity })
}

pub(crate) fn buy(key: u128, name: &str, quantity: u64) -> ClientRequest {
    trade(key, name, Side::Buy, quantity)
}
