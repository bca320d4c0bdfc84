//! The watcher: sees every message and event of a world as it happens, checks what can be checked at once, and counts marks.

mod group;

use std::collections::BTreeMap;

use market::name::Name;
use market::rows::RowChange;
use node::gateway::CacheAction;
use node::message::{Message, Outcome};
use node::process::Event;
use node::service::{ServiceId, ServiceKind};
use replication::contract::{self, Epoch, Position, ReplicaId, Role};
use replication::raft::Kind;
use replication::register::Configuration;
use replication::{primary_backup, raft};

use crate::invariants::acknowledged_is_in_the_ledger::Ledger;
use crate::invariants::acknowledged_is_on_a_majority::Placed;
use crate::invariants::an_epoch_has_one_life::Lives;
use crate::invariants::one_leader_per_epoch::Leaders;
use crate::invariants::one_register::Register;
use crate::invariants::replicas_agree::{self, Prefixes};
use crate::invariants::{Broken, acknowledged_is_in_sync, trimmed_is_on_two_disks};
use crate::marks::Marks;
use crate::scenario::Scenario;
use crate::world::host::Host;
pub use group::GroupWatch;

/// Longer than any undisturbed decision: then a gateway's lease was waited out. In µs.
const GATED: u64 = 100_000;

/// What the watcher may look at.
pub struct Sight<'a> {
    /// All machines.
    pub hosts: &'a [Host],
    /// Virtual time.
    pub now: u64,
}

/// The watcher.
pub struct Watch {
    /// The catalog's group.
    pub catalogs: GroupWatch,
    /// The orders' group, where it elects its leader.
    pub orders: Option<GroupWatch>,
    placed: Placed,
    lives: Lives,
    prefixes: Prefixes,
    ledger: Ledger,
    /// Trades wait for the orders' in-sync set, or for a majority of their group, too.
    waits_for_orders: bool,
    leaders: Leaders,
    register: Register,
    trimmed_below: u64,
    /// Fills under way, by gateway and token, with "an invalidation of it arrived meanwhile".
    fills: BTreeMap<(usize, u64), (Name, bool)>,
    /// Batches that reached a catalog, by host, epoch and batch.
    deciding: BTreeMap<(usize, u64, u64), u64>,
    /// Who led when it was asked to stop.
    led: Vec<bool>,
}

impl Watch {
    /// Nothing seen yet.
    pub fn new(hosts: usize, scenario: &Scenario) -> Self {
        let elects = scenario.orders_group.is_some();
        let orders = || GroupWatch::new(ServiceKind::Orders, scenario.orders);
        Watch {
            catalogs: GroupWatch::new(ServiceKind::Catalog, scenario.group.members),
            orders: elects.then(orders),
            placed: Placed::default(),
            lives: Lives::default(),
            prefixes: Prefixes::default(),
            ledger: Ledger::default(),
            waits_for_orders: !scenario.group.ledger,
            leaders: Leaders::default(),
            register: Register::default(),
            trimmed_below: 0,
            fills: BTreeMap::new(),
            deciding: BTreeMap::new(),
            led: vec![false; hosts],
        }
    }

    /// The watcher of a group, if it elects its leader (one catalog alone is watched all the same).
    pub fn group(&mut self, kind: ServiceKind) -> Option<&mut GroupWatch> {
        match kind {
            ServiceKind::Catalog => Some(&mut self.catalogs),
            ServiceKind::Orders => self.orders.as_mut(),
            ServiceKind::Customers | ServiceKind::Gateway => None,
        }
    }

    /// The same, to look at.
    pub fn seen_group(&self, kind: ServiceKind) -> Option<&GroupWatch> {
        match kind {
            ServiceKind::Catalog => Some(&self.catalogs),
            ServiceKind::Orders => self.orders.as_ref(),
            ServiceKind::Customers | ServiceKind::Gateway => None,
        }
    }

    /// The newest configuration that left a catalog.
    pub fn configuration(&self) -> &Configuration {
        self.register.newest()
    }

    /// Who leads by it.
    pub fn leader(&self) -> Option<ReplicaId> {
        self.configuration().leader
    }

    /// Below this number some leader asked the catalog to let orders go.
    pub fn trimmed_below(&self) -> u64 {
        self.trimmed_below
    }

    /// A process died.
    pub fn died(&mut self, host: usize) {
        self.fills.retain(|(gateway, _), _| *gateway != host);
        self.deciding.retain(|(catalog, ..), _| *catalog != host);
        self.catalogs.died(host);
        if let Some(orders) = &mut self.orders {
            orders.died(host);
        }
    }

    /// A process stopped in good order: did it hand over what it led?
    pub fn drained(&mut self, host: usize, service: ServiceId) -> bool {
        let led = std::mem::take(&mut self.led[host]);
        led && match service.kind {
            ServiceKind::Catalog => self.catalogs.leader() != host,
            _ => self.leader() != Some(service.id),
        }
    }

    /// A replica applied something, or took a snapshot: these are its row changes.
    pub fn applied(
        &mut self,
        sight: &Sight<'_>,
        host: usize,
        position: Position,
        changes: &[RowChange],
    ) -> Result<(), Broken> {
        let group = sight.hosts[host].service.kind;
        let hash = replicas_agree::hash_among(changes)
            .ok_or_else(|| replicas_agree::no_hash(group, position))?;
        self.prefixes.saw(group, position, hash)?;
        match group {
            ServiceKind::Catalog => {
                self.ledger.applied(changes);
                self.catalogs.applied(sight.hosts, host, position, hash)
            }
            _ => {
                let Some(orders) = &self.orders else { return Ok(()) };
                self.placed.applied(position, hash, changes);
                orders.applied(sight.hosts, host, position, hash)
            }
        }
    }

    /// A process says something about itself.
    pub fn event(
        &mut self,
        host: usize,
        service: ServiceId,
        now: u64,
        event: &Event,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        match event {
            Event::Role(changed) if service.kind == ServiceKind::Orders => {
                let leads = changed.role == Role::Leader;
                self.led[host] |= leads;
                match &mut self.orders {
                    // Its epoch is a term; what it is to the register, that says apart.
                    Some(group) => group.role(host, service.id, now, changed, marks)?,
                    None if leads => self.leaders.saw(changed.epoch, service.id)?,
                    None => {}
                }
            }
            Event::Role(changed) if service.kind == ServiceKind::Catalog => {
                let elections = marks.count("catalog elections");
                self.led[host] |= changed.role == Role::Leader;
                self.catalogs.role(host, service.id, now, changed, marks)?;
                let loaded =
                    !self.deciding.is_empty() && marks.count("catalog elections") > elections;
                marks.add("catalog elections under load", u64::from(loaded));
            }
            Event::Cache(event) => marks.hit(match event.action {
                CacheAction::Hit => "cached reads",
                CacheAction::Miss => "cache misses",
                CacheAction::Fill => "cache fills",
                CacheAction::Evict => "cache evictions",
                CacheAction::Invalidate => "cache invalidations",
            }),
            Event::Note { slug, .. } => marks.hit(slug),
            _ => {}
        }
        Ok(())
    }

    /// A process sends a message.
    pub fn sent(
        &mut self,
        sight: &Sight<'_>,
        from: usize,
        to: usize,
        message: &Message,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        let answers =
            matches!(message, Message::Decided(_) | Message::Filled(_) | Message::Outbox(_));
        if answers && sight.hosts[from].is_catalog() {
            self.catalogs.answered(from, sight.now, marks);
        }
        match message {
            Message::Configuration(configuration)
            | Message::Refused { configuration, .. }
            | Message::Fenced(configuration)
                if sight.hosts[from].is_catalog() =>
            {
                marks.add(
                    "fenced leaders",
                    u64::from(matches!(message, Message::Fenced(_)) && sight.hosts[to].is_orders()),
                );
                let refused = matches!(message, Message::Refused { .. });
                let own = self.orders.is_some() && sight.hosts[to].is_orders();
                marks.add("raft orders refused by the register", u64::from(refused && own));
                self.configured(sight, from, configuration, marks)?;
            }
            Message::Decide(decide) => self.stamped(sight, from, decide.epoch)?,
            Message::Trim(trim) => {
                self.stamped(sight, from, trim.epoch)?;
                let (hosts, newest) = (sight.hosts, self.register.newest());
                match &self.orders {
                    Some(group) => trimmed_is_on_two_disks::judge_elected(
                        hosts,
                        group,
                        &self.placed,
                        newest,
                        trim,
                    )?,
                    None => trimmed_is_on_two_disks::judge(hosts, newest, trim)?,
                }
                marks.hit("trims");
                let down = sight.hosts.iter().any(|host| host.is_orders() && !host.is_up());
                marks.add("trims while a replica is down", u64::from(down));
                self.trimmed_below = self.trimmed_below.max(trim.keep_from);
            }
            Message::Traded(replies) if sight.hosts[from].is_orders() => {
                let id = sight.hosts[from].service.id;
                self.ledger.judge(id, replies)?;
                if self.waits_for_orders && self.orders.is_some() {
                    self.placed.judge(id, replies)?;
                } else if self.waits_for_orders {
                    let newest = self.register.newest();
                    acknowledged_is_in_sync::judge(sight.hosts, id, newest, replies)?;
                }
            }
            Message::Fill(fill) => {
                self.fills.insert((from, fill.token), (fill.name.clone(), false));
            }
            Message::Decided(decided) => {
                let orders = decided
                    .outcomes
                    .iter()
                    .filter(|outcome| matches!(outcome, Outcome::Order(_)))
                    .count();
                marks.add(
                    "decisions found again",
                    orders.saturating_sub(decided.orders.len()) as u64,
                );
                self.gated(sight, (from, decided.epoch, decided.batch), marks);
            }
            Message::ReadOutbox(read) => {
                self.stamped(sight, from, read.epoch)?;
                marks.hit("reads of the outbox");
            }
            Message::Leads(leads) => {
                self.catalogs.spoke(sight.hosts[from].service.id, leads.term)?
            }
            Message::Replication(message) => {
                self.replicated(sight.hosts[from].service, message, marks)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// An order replica speaks in an epoch: it must be the one that leads in it, in the life in which it began to.
    fn stamped(&mut self, sight: &Sight<'_>, from: usize, epoch: Epoch) -> Result<(), Broken> {
        let host = &sight.hosts[from];
        self.leaders.saw(epoch, host.service.id)?;
        self.lives.saw(epoch, from, host.instance)
    }

    fn replicated(
        &mut self,
        from: ServiceId,
        message: &contract::Message,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        match message {
            contract::Message::PrimaryBackup(primary_backup::Message::Append { epoch, .. }) => {
                self.leaders.saw(*epoch, from.id)?;
            }
            contract::Message::PrimaryBackup(primary_backup::Message::Nack { .. }) => {
                marks.hit("appends not taken");
            }
            contract::Message::PrimaryBackup(primary_backup::Message::Ack { .. }) => {}
            contract::Message::Raft(message) => self.agreed(from, message, marks)?,
            contract::Message::RotatingSequencer(_) => {}
        }
        Ok(())
    }

    fn agreed(
        &mut self,
        from: ServiceId,
        message: &raft::Message,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        match message.kind {
            Kind::Append | Kind::Heartbeat | Kind::Snapshot | Kind::CampaignNow => {
                if let Some(group) = self.group(from.kind) {
                    group.spoke(from.id, message.term)?;
                }
            }
            _ => {}
        }
        if from.kind != ServiceKind::Catalog {
            let handed_over = message.kind == Kind::CampaignNow;
            marks.add("raft orders reigns handed over", u64::from(handed_over));
            return Ok(());
        }
        match message.kind {
            Kind::Heartbeat if !message.context.is_empty() => marks.hit("barriers asked for"),
            Kind::AppendAnswer if message.reject => marks.hit("catalog appends not taken"),
            Kind::VoteAnswer if message.reject => marks.hit("votes refused"),
            Kind::CampaignNow => marks.hit("reigns handed over"),
            _ => {}
        }
        Ok(())
    }

    fn configured(
        &mut self,
        sight: &Sight<'_>,
        catalog: usize,
        configuration: &Configuration,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        if let Some(leader) = configuration.leader {
            self.leaders.saw(configuration.epoch, leader)?;
        }
        let Some(before) = self.register.told(catalog, configuration)? else { return Ok(()) };
        if configuration.epoch > before.epoch {
            marks.hit("elections");
            let outside =
                configuration.leader.is_some_and(|leader| !before.in_sync.contains(&leader));
            if let Some(group) = &self.orders {
                marks.hit("raft orders registrations");
                // Its group deposed it, and it does not know that yet.
                let old = before.leader.filter(|old| Some(*old) != configuration.leader);
                let old = old.map(ServiceId::orders);
                let old = sight.hosts.iter().position(|host| Some(host.service) == old);
                let contested = old.is_some_and(|host| group.leads(host));
                marks.add("registrations contested", u64::from(contested));
            } else if outside && before.epoch > 0 {
                marks.hit("elections outside the in-sync set");
            }
        } else if self.orders.is_some() {
            // A leader that its group elected keeps the set to itself: what it says of others means nothing.
            return Ok(());
        } else if configuration.in_sync.len() < before.in_sync.len() {
            marks.hit("shrinks of the in-sync set");
        } else if configuration.in_sync.len() > before.in_sync.len() && before.epoch > 0 {
            marks.hit("growths of the in-sync set");
        }
        let alone = configuration.in_sync.len() == 1 && before.in_sync.len() > 1;
        if alone && self.orders.is_none() {
            marks.hit("sole survivors");
        }
        Ok(())
    }

    /// A decision left the catalog: was it held back for a gateway that does not answer?
    fn gated(&mut self, sight: &Sight<'_>, batch: (usize, u64, u64), marks: &mut Marks) {
        let Some(arrived) = self.deciding.remove(&batch) else { return };
        let silent = sight.hosts.iter().any(|host| host.is_gateway() && !host.is_well());
        if silent && sight.now - arrived > GATED {
            marks.hit("trades delayed by a dead gateway");
        }
    }

    /// A message reaches a process.
    pub fn arrived(&mut self, to: usize, now: u64, message: &Message, marks: &mut Marks) {
        match message {
            Message::Decide(decide) => {
                self.deciding.entry((to, decide.epoch, decide.batch)).or_insert(now);
            }
            Message::Invalidate(invalidate) => {
                for ((gateway, _), (name, poisoned)) in &mut self.fills {
                    *poisoned |= *gateway == to && invalidate.names.contains(name);
                }
            }
            Message::Filled(filled) => {
                if let Some((_, true)) = self.fills.remove(&(to, filled.token)) {
                    marks.add("fills poisoned", u64::from(filled.cacheable));
                }
            }
            _ => {}
        }
    }
}
