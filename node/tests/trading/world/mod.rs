//! Catalogs, three order replicas and some gateways, wired together in memory under virtual time.

mod clients;
mod disk;
mod network;
mod perform;
mod start;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use market::trade::WallTime;
use node::gateway::ClientResponse;
use node::orders::Protocol;
use node::process::{Input, Now, Process};
use node::service::ServiceId;
use replication::contract::Epoch;
use replication::raft::Limits;
use replication::time::Time;

pub(crate) use clients::{buy, look, named, trade};
pub(crate) use disk::Disk;
pub(crate) use network::{Network, Weather};

pub(crate) const CATALOG: ServiceId = ServiceId::catalog(1);
pub(crate) const GATEWAY: ServiceId = ServiceId::gateway(1);
pub(crate) const OTHER_GATEWAY: ServiceId = ServiceId::gateway(2);

pub(crate) struct World {
    /// Microseconds.
    pub(crate) now: u64,
    pub(crate) catalogs: Vec<u8>,
    gateways: Vec<u8>,
    processes: BTreeMap<ServiceId, Box<dyn Process>>,
    paused: BTreeSet<ServiceId>,
    disks: BTreeMap<ServiceId, Disk>,
    inbox: VecDeque<(ServiceId, Input)>,
    network: Network,
    replies: BTreeMap<u64, ClientResponse>,
    /// Answers from a cache so far.
    pub(crate) hits: usize,
    pub(crate) drained: Vec<ServiceId>,
    /// The highest term in which a catalog said that it leads.
    leads: Option<(Epoch, ServiceId)>,
    /// Catalogs that began to lead, and in which term.
    pub(crate) reigns: Vec<(Epoch, ServiceId)>,
    /// Replicas whose store was replaced by a snapshot.
    pub(crate) restored: Vec<ServiceId>,
    dice: u64,
    next_request: u64,
    starts: u64,
    /// How the order replicas agree, and how much those keep of their log that elect their leader.
    protocol: Protocol,
    keep: Limits,
    /// Positions by which stores lag behind.
    lag: usize,
    /// Most bytes of a part of a snapshot.
    part: usize,
    /// A bug that every catalog has.
    #[cfg(feature = "mutants")]
    mutant: Option<node::catalog::Mutant>,
}

impl World {
    /// One catalog, one gateway.
    pub(crate) fn new() -> Self {
        World::with(1, 0)
    }

    /// One catalog.
    pub(crate) fn with(gateways: u8, lag: usize) -> Self {
        World::of(1, gateways, lag)
    }

    pub(crate) fn of(catalogs: u8, gateways: u8, lag: usize) -> Self {
        let mut world = World::empty(catalogs, gateways, lag);
        world.start_everybody();
        world
    }

    /// With orders that elect their leader, and keep as much of their log.
    pub(crate) fn electing(catalogs: u8, gateways: u8, lag: usize, keep: Limits) -> Self {
        let mut world = World::empty(catalogs, gateways, lag);
        (world.protocol, world.keep) = (Protocol::Raft, keep);
        world.start_everybody();
        world
    }

    fn empty(catalogs: u8, gateways: u8, lag: usize) -> Self {
        World {
            now: 1_000_000,
            catalogs: (1..=catalogs).collect(),
            gateways: (1..=gateways).collect(),
            processes: BTreeMap::new(),
            paused: BTreeSet::new(),
            disks: BTreeMap::new(),
            inbox: VecDeque::new(),
            network: Network::default(),
            replies: BTreeMap::new(),
            hits: 0,
            drained: Vec::new(),
            leads: None,
            reigns: Vec::new(),
            restored: Vec::new(),
            dice: 0x9E37_79B9_7F4A_7C15,
            next_request: 0,
            starts: 0,
            protocol: Protocol::PrimaryBackup,
            keep: Limits::default(),
            lag,
            part: 256,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    fn start_everybody(&mut self) {
        for service in self.everybody() {
            self.disks.insert(service, Disk::default());
            self.start(service);
        }
    }

    pub(crate) fn seeded(mut self, seed: u64) -> Self {
        self.dice ^= seed.wrapping_mul(0xD134_2543_DE82_EF95);
        self
    }

    /// Every catalog begins anew, with a bug.
    #[cfg(feature = "mutants")]
    pub(crate) fn mutated(mut self, mutant: node::catalog::Mutant) -> Self {
        self.mutant = Some(mutant);
        for id in self.catalogs.clone() {
            self.restart(ServiceId::catalog(id));
        }
        self
    }

    pub(crate) fn everybody(&self) -> Vec<ServiceId> {
        let catalogs = self.catalogs.iter().copied().map(ServiceId::catalog);
        let gateways = self.gateways.iter().copied().map(ServiceId::gateway);
        catalogs.chain(gateways).chain((1..=3).map(ServiceId::orders)).collect()
    }

    fn others(&self, service: ServiceId) -> Vec<ServiceId> {
        self.everybody().into_iter().filter(|peer| *peer != service).collect()
    }

    /// The other replicas of a catalog's group.
    pub(crate) fn others_of(&self, catalog: ServiceId) -> Vec<ServiceId> {
        self.others(catalog).into_iter().filter(|peer| peer.kind == catalog.kind).collect()
    }

    /// The catalog that leads, as far as the world has heard.
    pub(crate) fn catalog_leader(&self) -> ServiceId {
        self.leads.map_or(CATALOG, |(_, catalog)| catalog)
    }

    /// Whether the order replicas elect their leader.
    pub(crate) fn elects(&self) -> bool {
        self.protocol == Protocol::Raft
    }

    /// How many orders a replica's store holds.
    pub(crate) fn stored_orders(&self, replica: ServiceId) -> usize {
        self.disks[&replica].history(0, usize::MAX).len()
    }

    fn now(&self) -> Now {
        Now { time: Time(self.now), wall: WallTime(1_700_000_000_000 + self.now / 1_000) }
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

    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis.div_ceil(5) {
            self.now += 5_000;
            self.arrive();
            for service in self.everybody() {
                self.tell(service, Input::Tick);
            }
            self.settle();
        }
    }
}
