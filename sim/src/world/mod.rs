//! A world: one thread, virtual time, an event queue; a function of its seed.

pub mod clock;
pub mod disk;
pub mod faults;
pub mod host;
pub mod layout;
pub mod machine;
pub mod maker;
pub mod network;
pub mod queue;

mod actions;
mod life;
mod operator;
mod perform;
mod snapshots;
mod traffic;

use std::panic::{AssertUnwindSafe, catch_unwind};

use market::rows::Table;
use node::gateway::{ClientRequest, ClientResponse};
use node::message::Message;
use node::process::{Effect, HistoryPurpose, Input, RequestId};
use node::service::ServiceKind;
use replication::contract::Position;

use crate::clients::Clients;
use crate::invariants::{self, Ends, Violation, progress_after_healing};
use crate::marks::Marks;
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::trace::{Keep, Trace};
use crate::watch::Watch;
use clock::Clock;
use disk::Disk;
use host::Host;
use layout::Layout;
use maker::Maker;
use network::Network;
use operator::Operator;
use queue::Queue;

/// Something that happens at a moment.
enum Event {
    /// A process takes its inbox in one burst.
    Wake { host: usize, instance: u32 },
    /// Time passes for a process.
    Tick { host: usize, instance: u32 },
    /// A message arrives.
    Arrive { from: usize, to: usize, instance: u32, generation: u32, message: Message },
    /// Somebody tries to connect a pair.
    Dial { a: usize, b: usize },
    /// A process hears that a link broke.
    LinkDown { host: usize, instance: u32, peer: usize },
    /// A link breaks if it is still blocked.
    Break { a: usize, b: usize, generation: u32 },
    /// The oldest log write of a disk is durable.
    LogDone { host: usize, instance: u32 },
    /// A store commits.
    StoreDone { host: usize, instance: u32 },
    /// History is read.
    History { host: usize, instance: u32, purpose: HistoryPurpose, from: Position, max: usize },
    /// Rows of a snapshot are read.
    Snapshot {
        host: usize,
        instance: u32,
        transfer: u64,
        after: Option<(Table, Vec<u8>)>,
        max_bytes: usize,
    },
    /// The operator looks after the catalog's group.
    Operate,
    /// A client may do something.
    Turn { client: usize },
    /// A client's request reaches a gateway.
    Request { host: usize, id: RequestId, request: ClientRequest },
    /// An answer reaches its client.
    Response { id: RequestId, response: ClientResponse },
    /// Impatient clients are looked for.
    Patience,
    /// A random fault.
    Fault,
    /// A step of the script.
    Step(usize),
    /// A process starts again.
    Restart { host: usize, instance: u32 },
    /// A pause ends.
    Resume { host: usize, instance: u32 },
    /// A block ends.
    Unblock { from: usize, to: usize },
    /// A disk is as fast as before.
    DiskNormal { host: usize },
    /// A process that was asked to stop has had its time.
    DrainOver { host: usize, instance: u32 },
    /// All troubles end.
    Heal,
    /// Clients come to an end.
    Close,
    /// Is everything done?
    Check,
}

/// How a world ended.
pub struct Outcome {
    /// What was violated, if anything.
    pub violation: Option<Violation>,
    /// Events processed.
    pub events: u64,
    /// Virtual time at the end, in µs.
    pub ended_at: u64,
    /// Interesting situations.
    pub marks: Marks,
    /// Hash of the story.
    pub hash: u64,
    /// The story's last lines, if they were kept, and how many were not.
    pub story: (u64, Vec<String>),
}

/// Everything there is.
pub struct World<'a> {
    scenario: &'a Scenario,
    layout: Layout,
    operator: Operator,
    maker: &'a dyn Maker,
    rng: Rng,
    now: u64,
    queue: Queue<Event>,
    hosts: Vec<Host>,
    net: Network,
    clients: Clients,
    watch: Watch,
    marks: Marks,
    trace: Trace,
    events: u64,
    healed: bool,
    over: bool,
    scratch: Vec<Effect>,
}

impl<'a> World<'a> {
    /// A world at its beginning.
    pub fn new(scenario: &'a Scenario, maker: &'a dyn Maker, keep: Keep) -> Self {
        let mut rng = Rng::new(scenario.seed, 2);
        let layout = Layout::of(scenario);
        let hosts = make_hosts(scenario, layout, &mut rng);
        let net = Network::new(hosts.len(), scenario.net.clone());
        let clients = Clients::new(
            scenario.clients_knobs.clone(),
            scenario.listings.clone(),
            scenario.hot,
            scenario.gateways,
            scenario.clients,
        );
        let watch = Watch::new(hosts.len(), scenario);
        World {
            scenario,
            layout,
            operator: Operator::default(),
            maker,
            rng,
            now: 0,
            queue: Queue::default(),
            hosts,
            net,
            clients,
            watch,
            marks: Marks::default(),
            trace: Trace::new(keep),
            events: 0,
            healed: false,
            over: false,
            scratch: Vec::new(),
        }
    }

    /// Runs to the end and judges. A panic anywhere in a process is a failure of this world, not of the whole run.
    pub fn run(mut self) -> Outcome {
        let lived = catch_unwind(AssertUnwindSafe(|| self.play().and_then(|()| self.judge())));
        let result = lived.unwrap_or_else(|payload| {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without words");
            Err(self.violation("never_panics", text.to_owned()))
        });
        if let Some(digest) = result.as_ref().err() {
            let text = digest.to_string();
            self.trace.line(self.now, || format!("VIOLATION {text}"));
        }
        Outcome {
            violation: result.err(),
            events: self.events,
            ended_at: self.now,
            marks: self.marks,
            hash: self.trace.hash(),
            story: self.trace.into_lines(),
        }
    }

    fn play(&mut self) -> Result<(), Violation> {
        self.begin()?;
        while !self.over {
            let Some((at, event)) = self.queue.pop() else { break };
            self.now = at;
            self.events += 1;
            self.trace.fold(at);
            self.happen(event)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Violation> {
        for host in 0..self.hosts.len() {
            self.start(host)?;
        }
        for client in 0..self.clients.len() {
            let at = 20_000 + self.rng.below(200_000);
            self.queue.push(at, Event::Turn { client });
        }
        for (index, step) in self.scenario.steps.iter().enumerate() {
            self.queue.push(step.at, Event::Step(index));
        }
        if self.scenario.faults.classes() > 0 {
            self.queue.push(self.scenario.faults.from, Event::Fault);
        }
        self.queue.push(self.scenario.heal_at, Event::Heal);
        self.queue.push(250_000, Event::Patience);
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Wake { host, instance } => self.wake(host, instance)?,
            Event::Tick { host, instance } => self.tick(host, instance),
            Event::Arrive { from, to, instance, generation, message } => {
                self.arrive(from, to, instance, generation, message)?;
            }
            Event::Dial { a, b } => self.dial(a, b),
            Event::LinkDown { host, instance, peer } => self.link_down(host, instance, peer),
            Event::Break { a, b, generation } => self.break_link(a, b, generation),
            Event::LogDone { host, instance } => self.log_done(host, instance)?,
            Event::StoreDone { host, instance } => self.store_done(host, instance)?,
            Event::History { host, instance, purpose, from, max } => {
                self.read_history(host, instance, purpose, from, max);
            }
            Event::Snapshot { host, instance, transfer, after, max_bytes } => {
                self.read_snapshot(host, instance, transfer, after.as_ref(), max_bytes);
            }
            Event::Operate => self.operate()?,
            Event::Turn { client } => self.turn(client),
            Event::Request { host, id, request } => self.request(host, id, request),
            Event::Response { id, response } => self.response(id, response)?,
            Event::Patience => self.patience(),
            Event::Fault => self.fault()?,
            Event::Step(index) => self.act(self.scenario.steps[index].action.clone())?,
            Event::Restart { host, instance } => self.restart(host, instance)?,
            Event::Resume { host, instance } => self.resume(host, instance),
            Event::Unblock { from, to } => self.net.unblock(from, to),
            Event::DiskNormal { host } => self.slow_disk(host, 1),
            Event::DrainOver { host, instance } => self.drain_over(host, instance)?,
            Event::Heal => self.heal(),
            Event::Close => self.clients.close(),
            Event::Check => self.check()?,
        }
        Ok(())
    }

    /// Is everything answered and every replica level? Ends the world, or asks again soon.
    fn check(&mut self) -> Result<(), Violation> {
        if self.clients.finished() && self.level() {
            self.over = true;
            return Ok(());
        }
        if self.now > self.scenario.heal_at + progress_after_healing::WITHIN {
            return Err(self.violation(progress_after_healing::NAME, self.standstill()));
        }
        self.queue.push(self.now + 50_000, Event::Check);
        Ok(())
    }

    fn level(&self) -> bool {
        let ends = self.ends();
        let (Some((_, catalog)), Some((_, orders))) = (ends.catalogs.first(), ends.orders.first())
        else {
            return false;
        };
        // A group that has not begun is not level but empty. Cheap tests first: reading the catalog's rows back is not.
        (catalog.stored() > 0 || !self.scenario.group.elects)
            && self.hosts.iter().all(|host| host.retired || host.is_well())
            && self.operator.idle()
            && ends.catalogs.iter().all(|(_, disk)| {
                disk.idle()
                    && disk.stored() == catalog.stored()
                    && disk.stored() == disk.durable_end()
            })
            && ends.orders.iter().all(|(_, disk)| {
                let settled = disk.idle() && disk.stored() == disk.durable_end();
                disk.stored() == orders.stored() && (settled || self.watch.orders.is_none())
            })
            && progress_after_healing::next_number(catalog)
                == progress_after_healing::orders_held(orders)
    }

    fn standstill(&self) -> String {
        let mut text = format!("after healing: {}", self.clients.pending());
        for host in &self.hosts {
            let disk = host.disk.as_ref().map(|disk| (disk.durable_end(), disk.stored()));
            let group = host.process.as_ref().and_then(|process| process.group());
            text.push_str(&format!("; {} up {} disk {disk:?}", host.service, host.is_up()));
            if let Some(group) = group {
                text.push_str(&format!(" {group:?}"));
            }
        }
        let catalog = self.ends().catalogs.into_iter().max_by_key(|(_, disk)| disk.stored());
        let next = catalog.and_then(|(_, disk)| progress_after_healing::next_number(disk));
        format!("{text}; catalog's next number {next:?}; {:?}", self.watch.configuration())
    }

    fn judge(&mut self) -> Result<(), Violation> {
        let verdict = invariants::judge(self.clients.history(), &self.ends(), self.scenario);
        let digest =
            verdict.map_err(|(invariant, detail)| Violation { invariant, at: self.now, detail })?;
        for word in digest.words {
            self.trace.fold(word);
        }
        self.marks.add("restocks", digest.restocks);
        self.marks.add("orders", digest.orders);
        Ok(())
    }

    /// The disks that count at the end: of catalogs only those of members.
    fn ends(&self) -> Ends<'_> {
        let of = |kind| {
            let hosts = self.hosts.iter().filter(move |host| host.service.kind == kind);
            hosts.filter_map(|host| Some((host.service.id, host.disk.as_ref()?)))
        };
        let member = |(id, _): &(u8, &Disk)| self.watch.catalogs.is_member(*id);
        Ends {
            catalogs: of(ServiceKind::Catalog).filter(member).collect(),
            orders: of(ServiceKind::Orders).collect(),
        }
    }

    fn violation(&self, invariant: &'static str, detail: String) -> Violation {
        Violation { invariant, at: self.now, detail }
    }

    fn push_input(&mut self, host: usize, input: Input) {
        let target = &mut self.hosts[host];
        if target.process.is_none() || target.inbox.len() >= host::INBOX_LIMIT {
            return;
        }
        target.inbox.push(input);
        self.schedule_wake(host);
    }

    fn schedule_wake(&mut self, host: usize) {
        let target = &mut self.hosts[host];
        if target.waking || !target.is_well() || target.inbox.is_empty() {
            return;
        }
        target.waking = true;
        let instance = target.instance;
        let at = self.now + self.rng.between(4, 60);
        self.queue.push(at, Event::Wake { host, instance });
    }
}

fn make_hosts(scenario: &Scenario, layout: Layout, rng: &mut Rng) -> Vec<Host> {
    let services = layout.services();
    let count = services.len();
    services
        .into_iter()
        .map(|service| {
            let clock = Clock::draw(rng, scenario.drift_ppm);
            let durable = service.kind != ServiceKind::Gateway;
            let incarnation = 1 + rng.below(1 << 40);
            let disk = durable.then(|| Disk::new(scenario.disk.clone(), incarnation));
            let mut host = Host::new(service, clock, disk, count);
            host.joining = host.is_catalog() && service.id > scenario.group.members;
            host
        })
        .collect()
}
