//! One catalog, three order replicas, one gateway, wired together in memory over a network that loses nothing and disks that
//! answer at once: the path of a trade from end to end, and what a client is told.

use std::collections::{BTreeMap, VecDeque};

use market::listing::{Kind, NewListing};
use market::name::Name;
use market::rows::{Row, Table};
use market::trade::{Key, Side, Trade, TradeRefusal, WallTime};
use node::catalog::{CatalogConfig, CatalogProcess};
use node::gateway::{ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use node::orders::{OrdersConfig, OrdersProcess};
use node::process::{Effect, Input, Now, Process};
use node::service::ServiceId;
use replication::contract::{ChainHash, Entry, LogWrite, Recovered};
use replication::time::Time;

/// A disk that syncs at once.
#[derive(Default)]
struct Disk {
    writes: Vec<LogWrite>,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    stored: u64,
}

impl Disk {
    fn recovered(&self) -> Recovered {
        let mut recovered = Recovered { applied: self.stored, ..Recovered::default() };
        for write in &self.writes {
            match write {
                LogWrite::Append(entry) => recovered.entries.push(entry.clone()),
                LogWrite::Truncate(from) => recovered.entries.retain(|e| e.position < *from),
                LogWrite::State(state) => recovered.state = *state,
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
}

struct World {
    now: u64,
    processes: BTreeMap<ServiceId, Box<dyn Process>>,
    disks: BTreeMap<ServiceId, Disk>,
    inbox: VecDeque<(ServiceId, Input)>,
    replies: BTreeMap<u64, ClientResponse>,
    next_request: u64,
}

const GATEWAY: ServiceId = ServiceId::gateway(1);

fn gateway_config() -> GatewayConfig {
    GatewayConfig::new(1, vec![1, 2, 3], vec![1])
}

impl World {
    fn new() -> Self {
        let mut world = World {
            now: 1_000_000,
            processes: BTreeMap::new(),
            disks: BTreeMap::new(),
            inbox: VecDeque::new(),
            replies: BTreeMap::new(),
            next_request: 0,
        };
        for service in world.everybody() {
            world.disks.insert(service, Disk::default());
        }
        for service in world.everybody() {
            world.start(service);
        }
        world
    }

    fn everybody(&self) -> Vec<ServiceId> {
        let mut all = vec![ServiceId::catalog(1), GATEWAY];
        all.extend((1..=3).map(ServiceId::orders));
        all
    }

    fn now(&self) -> Now {
        Now { time: Time(self.now), wall: WallTime(1_700_000_000_000 + self.now / 1_000) }
    }

    fn start(&mut self, service: ServiceId) {
        let disk = &self.disks[&service];
        let process: Box<dyn Process> = match service.kind {
            node::service::ServiceKind::Catalog => Box::new(
                CatalogProcess::start(
                    CatalogConfig { id: 1, restock: None, orders: vec![1, 2, 3] },
                    self.now(),
                    self.now,
                    disk.recovered(),
                    disk.rows(),
                    vec![listing("GameStart", 100), listing("RottenFishCo", 1)],
                )
                .expect("the disk is sound"),
            ),
            node::service::ServiceKind::Orders => Box::new(
                OrdersProcess::start(
                    OrdersConfig::new(service.id, vec![1, 2, 3], vec![1]),
                    self.now(),
                    u64::from(service.id) + 10,
                    disk.recovered(),
                    disk.rows(),
                )
                .expect("the disk is sound"),
            ),
            node::service::ServiceKind::Gateway => {
                Box::new(GatewayProcess::new(gateway_config(), self.now()))
            }
        };
        self.processes.insert(service, process);
        for peer in self.everybody() {
            if peer != service && self.processes.contains_key(&peer) {
                self.inbox.push_back((service, Input::LinkUp(peer)));
                self.inbox.push_back((peer, Input::LinkUp(service)));
            }
        }
    }

    fn kill(&mut self, service: ServiceId) {
        self.processes.remove(&service);
        self.inbox.retain(|(to, _)| *to != service);
        for peer in self.everybody() {
            self.inbox.push_back((peer, Input::LinkDown(service)));
        }
    }

    fn drain(&mut self) {
        while let Some((to, input)) = self.inbox.pop_front() {
            let now = self.now();
            let Some(process) = self.processes.get_mut(&to) else { continue };
            let mut effects = Vec::new();
            process.handle(now, input, &mut effects);
            process.flush(now, &mut effects);
            for effect in effects {
                self.perform(to, effect);
            }
        }
    }

    fn perform(&mut self, who: ServiceId, effect: Effect) {
        let disk = self.disks.get_mut(&who).expect("everybody has a disk");
        match effect {
            Effect::Send { to, message } => {
                self.inbox.push_back((to, Input::Received { from: who, message }));
            }
            Effect::Persist { ticket, writes } => {
                disk.writes.extend(writes);
                self.inbox.push_back((who, Input::Persisted(ticket)));
            }
            Effect::Store { position, changes } => {
                for change in changes {
                    match change.value {
                        Some(value) => disk.rows.insert((change.table, change.key), value),
                        None => disk.rows.remove(&(change.table, change.key)),
                    };
                }
                disk.stored = position;
                self.inbox.push_back((who, Input::Stored(position)));
            }
            Effect::ReadHistory { purpose, from, max } => {
                let entries = disk.history(from, max);
                self.inbox.push_back((who, Input::History { purpose, entries }));
            }
            Effect::Reply { id, response } => {
                self.replies.insert(id, response);
            }
            Effect::Halt(text) => panic!("{who} halts: {text}"),
            Effect::Event(_) | Effect::Drained => {}
        }
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(5) {
            self.now += 5_000;
            for service in self.everybody() {
                self.inbox.push_back((service, Input::Tick));
            }
            self.drain();
        }
    }

    fn ask(&mut self, request: ClientRequest) -> ClientResponse {
        let id = self.next_request;
        self.next_request += 1;
        self.inbox.push_back((GATEWAY, Input::Client { id, request }));
        self.drain();
        for _ in 0..2_000 {
            if let Some(response) = self.replies.remove(&id) {
                return response;
            }
            self.run(5);
        }
        panic!("no answer within ten seconds");
    }

    fn quantity(&mut self, name: &str) -> u64 {
        let request = ClientRequest::Listing { name: named(name), kind: Kind::Stock };
        match self.ask(request) {
            ClientResponse::Listing(listing) => listing.quantity,
            other => panic!("{other:?}"),
        }
    }
}

fn named(name: &str) -> Name {
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

fn buy(key: u128, name: &str, quantity: u64) -> ClientRequest {
    ClientRequest::Trade(Trade {
        key: Key(key),
        born: None,
        name: named(name),
        side: Side::Buy,
        quantity,
    })
}

#[test]
fn a_trade_goes_through_and_is_found_again() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.quantity("GameStart"), 100);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(1));
    assert_eq!(world.quantity("GameStart"), 96);
    let ClientResponse::Order(order) = world.ask(ClientRequest::Order(0)) else { panic!() };
    assert_eq!((order.number, order.quantity, order.name.as_str()), (0, 3, "GameStart"));
    assert_eq!(world.ask(ClientRequest::Order(2)), ClientResponse::NoOrder);
}

#[test]
fn the_same_key_trades_once_and_short_stock_is_refused() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(7, "RottenFishCo", 1)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(7, "RottenFishCo", 1)), ClientResponse::Traded(0));
    assert_eq!(
        world.ask(buy(8, "RottenFishCo", 1)),
        ClientResponse::Refused(TradeRefusal::InsufficientQuantity { available: 0 })
    );
    assert_eq!(world.quantity("RottenFishCo"), 0);
    assert_eq!(
        world.ask(buy(9, "Nobody", 1)),
        ClientResponse::Refused(TradeRefusal::UnknownListing)
    );
}

#[test]
fn killing_the_leader_loses_nothing_and_the_next_highest_leads() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    let ClientResponse::Leader(before) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(before.leader, Some(3));
    world.kill(ServiceId::orders(3));
    assert_eq!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(1));
    let ClientResponse::Leader(after) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(after.leader, Some(2));
    assert!(after.epoch > before.epoch);
    world.kill(ServiceId::orders(2));
    assert_eq!(world.ask(buy(3, "GameStart", 1)), ClientResponse::Traded(2));
    world.start(ServiceId::orders(3));
    world.start(ServiceId::orders(2));
    world.run(2_000);
    let ClientResponse::Leader(healed) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(healed.leader, Some(1), "nobody is deposed because a higher id came back");
    assert_eq!(healed.in_sync.len(), 3);
    for number in 0..3 {
        assert!(matches!(world.ask(ClientRequest::Order(number)), ClientResponse::Order(_)));
    }
}

#[test]
fn the_catalog_comes_back_with_everything() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    world.kill(ServiceId::catalog(1));
    world.run(100);
    world.start(ServiceId::catalog(1));
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(2, "GameStart", 3)), ClientResponse::Traded(1));
    assert_eq!(world.quantity("GameStart"), 94);
}
