//! An order replica: remembers every order, and as the leader takes trades to the catalog.
//!
//! # Guarantees
//! - An order that was answered is on the disks of the whole in-sync set, or of a majority under Raft (with [`Ack::InSync`]), and in
//!   the catalog's log anyway.
//! - Every replica's orders are a prefix of the one stream of orders that the catalog decided. Under primary-backup position p of the
//!   log holds order number p - 1; under Raft other entries stand between orders, which keep their sequence.
//! - "No such order" is said only by a leader that asked the catalog after the question came.
//!
//! # A walk through one trade
//! 1. A gateway's [`Trades`](Message::Trades) are gathered (`gather.rs`); a batch goes to the catalog, stamped with the epoch.
//! 2. [`Decided`](Message::Decided) brings outcomes and new orders. Orders go to the engine in number order, refusals go
//!    back at once (`decisions.rs`). An answer whose order is not here yet waits; a gap is filled from the outbox (`outbox.rs`).
//! 3. The engine delivers an order when every in-sync replica has it on disk; the answer goes (`deliver.rs`).
//! 4. Now and then the catalog is told how much of its outbox is safe on two disks (`outbox.rs`).
//!
//! Who leads: under primary-backup the register of the catalog says so. Under Raft the group elects, and its leader registers itself
//! (`registering.rs`): the catalog decides trades for the registered replica and epoch only, whatever the protocol.
//!
//! A new leader first reads the outbox from its own log's end, and is open for business when it has caught up with what
//! the catalog had decided (`standing.rs`).

mod command;
mod config;
mod decisions;
mod deliver;
mod drain;
mod engine;
mod gather;
mod mutants;
mod outbox;
mod reads;
mod recent;
mod registering;
mod standing;
#[cfg(test)]
mod tests;
mod transfer;

use bytes::Bytes;
use market::order::OrderNumber;
use market::orders::Orders;
use market::rows::Row;
use replication::contract::{
    Engine, Epoch, Incarnation, MemberChange, MemberError, Members, Recovered, ReplicaId, Status,
};
use replication::register::{Configuration, Refusal, RegisterCommand};
use replication::time::Time;

pub use command::Command;
pub use config::{Ack, OrdersConfig, Protocol};
#[cfg(feature = "mutants")]
pub use mutants::Mutant;
pub use standing::Standing;

use crate::catalog::StartError;
use crate::catalog_route::CatalogRoute;
use crate::limits::HEARTBEAT;
use crate::message::{Heartbeat, Message, Pong};
use crate::process::{Effect, Event, HistoryPurpose, Input, Now, Process};
use crate::replica::{stored_hash, stored_mark};
use crate::service::{ServiceId, ServiceKind};
use crate::snapshot::Transfers;
use command::stored_reign;
use decisions::Waiting;
use drain::Drain;
use gather::Gather;
use mutants::Mutants;
use outbox::OutboxReader;
use reads::Reads;
use recent::Recent;
use registering::Registering;

/// One order replica.
pub struct OrdersProcess {
    config: OrdersConfig,
    incarnation: Incarnation,
    engine: Box<dyn Engine>,
    catalogs: CatalogRoute,
    law: Orders,
    configuration: Configuration,
    standing: Standing,
    gather: Gather,
    waiting: Waiting,
    outbox: OutboxReader,
    reads: Reads,
    recent: Recent,
    next_heartbeat: Time,
    drain: Drain,
    /// The last epoch in the group's log, where that has epochs.
    reign: Epoch,
    registering: Registering,
    /// When the register was last told of this disk.
    enrolled_at: Option<Time>,
    /// The number that follows the last order proposed in this reign.
    proposed: OrderNumber,
    /// The engine's mark, until the next position is stored.
    mark: Option<Bytes>,
    /// Snapshots on their way from here and to here.
    transfers: Transfers,
    mutants: Mutants,
}

impl OrdersProcess {
    /// A replica from what its disk holds. `rows` are all rows but the history's.
    pub fn start(
        config: OrdersConfig,
        now: Now,
        incarnation: Incarnation,
        mut recovered: Recovered,
        rows: Vec<Row>,
    ) -> Result<Self, StartError> {
        if let Some(hash) = stored_hash(&rows)? {
            recovered.applied_hash = hash;
        }
        recovered.mark = stored_mark(&rows).unwrap_or_default();
        let reign = stored_reign(&rows)?;
        let law = Orders::load(rows).map_err(StartError::Orders)?;
        let recent = Recent::new(law.count(), recovered.applied);
        let engine = engine::start(&config, now, incarnation, recovered, law.count())?;
        Ok(OrdersProcess::with_engine(config, now, incarnation, engine, (law, recent, reign)))
    }

    /// A replica with this engine, whose store has these orders, the last of them in memory, and reached this epoch.
    fn with_engine(
        config: OrdersConfig,
        now: Now,
        incarnation: Incarnation,
        engine: Box<dyn Engine>,
        (law, recent, reign): (Orders, Recent, Epoch),
    ) -> Self {
        OrdersProcess {
            config,
            incarnation,
            engine,
            catalogs: CatalogRoute::default(),
            law,
            configuration: Configuration::default(),
            standing: Standing::Following,
            gather: Gather::default(),
            waiting: Waiting::default(),
            outbox: OutboxReader::default(),
            reads: Reads::default(),
            recent,
            next_heartbeat: now.time,
            drain: Drain::No,
            reign,
            registering: Registering::default(),
            enrolled_at: None,
            proposed: 0,
            mark: None,
            transfers: Transfers::new(ServiceKind::Orders),
            mutants: Mutants::default(),
        }
    }

    /// Turns a deliberate bug on; right after the start, before any input.
    #[cfg(feature = "mutants")]
    pub fn mutate(&mut self, mutant: Mutant) {
        self.mutants.chosen = Some(mutant);
    }

    /// This replica's id.
    fn id(&self) -> ReplicaId {
        self.config.engine.id
    }

    /// The group elects its leader, and the register is only told.
    fn elects_itself(&self) -> bool {
        self.config.protocol == Protocol::Raft
    }

    /// Orders delivered here.
    pub fn law(&self) -> &Orders {
        &self.law
    }

    /// How many orders the store has durably.
    pub fn stored_orders(&self) -> u64 {
        self.recent.stored_orders()
    }

    /// The configuration as this replica knows it.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The disk this replica speaks for.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// What this replica is doing as a leader, if it is one.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The engine's state. Under Raft its epoch is the term of the group, not an epoch of the register ([`Standing::epoch`] is).
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Who belongs to the group, where the group itself keeps that; nobody under primary-backup.
    pub fn members(&self) -> Members {
        self.engine.status().members
    }

    /// Changes the members of a group that keeps them itself. Taken is not done: [`OrdersProcess::members`] tells when it is.
    pub fn change_members(&mut self, now: Now, change: MemberChange) -> Result<(), MemberError> {
        self.engine.change_members(now.time, change)
    }

    /// Where decisions are made, as far as this replica knows. (Without any link, what is sent goes nowhere.)
    fn catalog(&self) -> ServiceId {
        let first = || ServiceId::catalog(self.config.catalogs.first().copied().unwrap_or(1));
        self.catalogs.catalog().unwrap_or_else(first)
    }

    fn catalog_leads(&mut self, now: Now, from: ServiceId, term: Epoch) {
        if self.catalogs.leads(now.time, from.id, term) {
            self.catalog_changed(now);
        }
    }

    /// Another catalog leads, or the same one anew, or over a new link: what was under way may be lost, ask again at once.
    fn catalog_changed(&mut self, now: Now) {
        self.next_heartbeat = now.time;
        self.gather.resend_all();
        self.outbox.ask_at_once();
        self.enrolled_at = None;
        self.registering.ask_at_once();
    }

    fn receive(&mut self, now: Now, from: ServiceId, message: Message, effects: &mut Vec<Effect>) {
        match (from.kind, message) {
            (ServiceKind::Orders, Message::Replication(message)) => {
                self.engine.receive(now.time, from.id, message);
            }
            (ServiceKind::Orders, Message::SnapshotPart(part)) => {
                self.transfers.part(now.time, from.id, part, effects);
            }
            (ServiceKind::Orders, Message::SnapshotTaken(taken)) => {
                self.snapshot_taken(now, from.id, taken, effects);
            }
            (ServiceKind::Gateway, Message::Ping { nonce }) => self.pong(from, nonce, effects),
            (ServiceKind::Gateway, Message::Trades { trades, .. }) => {
                self.take_trades(from, trades, effects);
            }
            (ServiceKind::Gateway, Message::ReadOrders { reads, .. }) => {
                self.take_reads(from, reads, effects);
            }
            (ServiceKind::Catalog, Message::Leads(leads)) => {
                self.catalog_leads(now, from, leads.term);
            }
            (ServiceKind::Catalog, Message::Decided(decided)) => {
                self.decided(now, decided, effects);
            }
            (ServiceKind::Catalog, Message::Outbox(page)) => self.outbox_page(now, page, effects),
            (ServiceKind::Catalog, Message::Configuration(known) | Message::Fenced(known)) => {
                self.configured(now, known, effects);
            }
            (ServiceKind::Catalog, Message::Refused { refusal, configuration }) => {
                self.refused(now, &refusal, configuration, effects);
            }
            // Anything else is a message for another kind of service: a bug of the sender, harmless here.
            _ => {}
        }
    }

    fn pong(&self, to: ServiceId, nonce: u64, effects: &mut Vec<Effect>) {
        let end = match self.config.protocol {
            Protocol::PrimaryBackup => self.engine.status().durable,
            Protocol::Raft => self.law.count(),
        };
        let pong = Pong {
            nonce,
            incarnation: self.incarnation,
            epoch: self.standing.epoch().unwrap_or_else(|| self.known_epoch()),
            end,
            leads: matches!(self.standing, Standing::Open { .. }),
            draining: self.is_draining(),
            version: self.configuration.version,
        };
        effects.push(Effect::Send { to, message: Message::Pong(pong) });
    }

    fn configured(&mut self, now: Now, known: Configuration, effects: &mut Vec<Effect>) {
        if known.version < self.configuration.version || known.epoch < self.reign {
            return self.doubt(&known, effects);
        }
        self.engine.configured(now.time, &known);
        if known != self.configuration {
            effects.push(Effect::Event(Event::Configuration(known.clone())));
            self.configuration = known;
            self.follow_register();
        }
    }

    /// A register that stands below this replica's own epoch has lost its data, or its word was long under way, or comes from
    /// a catalog that leads no more. To enrol once more finds out: the first is refused for that very reason, and otherwise it
    /// changes nothing. The refusal is the group's own decision, taken in its log; a catalog that leads no more, and so might
    /// not know this replica's epoch yet, decides nothing. (The question goes to whoever is believed to lead, not to whoever
    /// caused the doubt.)
    fn doubt(&self, known: &Configuration, effects: &mut Vec<Effect>) {
        let epoch = self.known_epoch();
        if known.epoch < epoch {
            let (replica, incarnation) = (self.id(), self.incarnation);
            let enrol = RegisterCommand::Enrol { replica, incarnation, epoch };
            effects.push(Effect::Send { to: self.catalog(), message: Message::Configure(enrol) });
        }
    }

    fn refused(
        &mut self,
        now: Now,
        refusal: &Refusal,
        known: Configuration,
        effects: &mut Vec<Effect>,
    ) {
        if let Refusal::RegisterLostData { replica, .. } = refusal
            && *replica == self.id()
        {
            return effects.push(Effect::Halt(format!(
                "{refusal}. Restore the catalog's data, or empty this replica with --fresh."
            )));
        }
        self.configured(now, known, effects);
    }

    fn heartbeat(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if now.time < self.next_heartbeat {
            return;
        }
        self.next_heartbeat = now.time + HEARTBEAT;
        let leads = self.standing.epoch();
        let beat = Heartbeat { version: self.configuration.version, leads };
        // To all of them: a catalog that begins to lead should not take this replica for dead, and says that it leads.
        for to in self.catalogs.linked() {
            effects.push(Effect::Send { to, message: Message::Heartbeat(beat.clone()) });
        }
    }

    fn link(&mut self, now: Now, peer: ServiceId, up: bool, effects: &mut Vec<Effect>) {
        match peer.kind {
            ServiceKind::Orders => {
                self.engine.link(now.time, peer.id, up);
                self.transfers.link(peer.id, up, effects);
            }
            ServiceKind::Catalog => {
                if self.catalogs.link(peer.id, up) {
                    self.catalog_changed(now);
                } else if up {
                    self.next_heartbeat = now.time;
                }
            }
            ServiceKind::Gateway if !up => self.forget_gateway(peer),
            ServiceKind::Customers | ServiceKind::Gateway => {}
        }
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.engine.tick(now.time);
        self.transfers.tick(now.time, effects);
        self.continue_drain(now);
    }

    fn forget_gateway(&mut self, gateway: ServiceId) {
        self.gather.forget(gateway);
        self.waiting.forget(gateway);
        self.reads.forget(gateway);
    }
}

impl Process for OrdersProcess {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Received { from, message } => self.receive(now, from, message, effects),
            Input::LinkUp(peer) => self.link(now, peer, true, effects),
            Input::LinkDown(peer) => self.link(now, peer, false, effects),
            Input::Persisted(ticket) => self.engine.persisted(now.time, ticket),
            Input::Stored(position) => {
                self.engine.stored(now.time, position);
                self.recent.stored(position);
            }
            Input::History { purpose: HistoryPurpose::CatchUp, entries } => {
                self.engine.history(now.time, entries);
            }
            Input::History { purpose: HistoryPurpose::Order { read }, entries } => {
                self.history_read(read, &entries, effects);
            }
            Input::Tick => self.tick(now, effects),
            Input::Drain => self.begin_drain(now),
            Input::SnapshotRows { transfer, position, rows, end } => {
                self.transfers.rows(now.time, transfer, position, rows, end, effects);
            }
            Input::Replaced(position) => self.replaced(now, position),
            // Clients talk to gateways.
            Input::Client { .. } | Input::ClientGone(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.heartbeat(now, effects);
        self.perform(now, effects);
        self.tend_register(now, effects);
        self.send_batches(now, effects);
        self.ask_outbox(now, effects);
        self.engine.flush(now.time);
        self.perform(now, effects);
        self.settle(effects);
        self.settle_reads(effects);
        self.trim(now, effects);
        self.end_drain(now, effects);
    }
}
