//! A catalog replica: the place where trades are decided.
//!
//! # Guarantees
//! - A trade is decided in one entry of the group's log: key, stock, number and order together, or nothing.
//! - Nothing leaves before it is durable and *open* (see [`gate`](self)): successes, refusals, pages and reads alike.
//! - The register of the orders group changes by compare-and-set, durably, in the same log.
//! - A leader that was deposed and does not know it says nothing that a later one contradicts.
//!
//! # A walk through one batch
//! 1. [`Decide`](crate::message::Decide) comes in; a batch from an epoch that is over is answered `Fenced` at once.
//! 2. At the end of the burst everything gathered is proposed; at the same moment every gateway with a lease is sent an
//!    invalidation of what the burst touches (`propose.rs`).
//! 3. The engine delivers what the group has agreed on; the law decides; the answer is handed to the gate (`deliver.rs`).
//! 4. Confirmations come in, or leases run out; the gate opens; the answers go.
//!
//! # A walk through one question
//! 1. A fill, a renewal or a read of the outbox comes in and waits, with all others of its burst, for one barrier
//!    (`questions.rs`).
//! 2. The engine passes the barrier: a majority has confirmed this leader since. Only now is the question looked at (`reads.rs`).
//!
//! Freshness: a listing read here reflects every trade answered before; an outbox page too.
//!
//! # Leading and following
//! Every replica applies what is delivered and tells its store. Only a leader answers, and all that only a leader knows lives in
//! one place (`leading.rs`): made when the engine says that this replica leads, dropped when it says that it does not. A follower
//! drops what gateways and order replicas ask; they find the leader by its word (`Leads`) and ask again.
//!
//! A new leader begins with empty tables. Entries that an earlier leader proposed are applied without an answer: whoever waits for
//! one asks again, and the law answers by key. What earlier leaders promised to caches it waits out (`lease.rs`).
//!
//! A replica that misses more than the log holds takes its leader's store (`transfer.rs`). One that stops in good order hands
//! over what it leads (`drain.rs`).
//!
//! A group of one is the same with an engine that always leads and whose barriers pass at once.

mod command;
mod config;
mod deliver;
mod drain;
mod engine;
mod gate;
mod leading;
mod lease;
mod liveness;
mod members;
mod mutants;
mod prefixes;
mod propose;
mod questions;
mod reads;
mod state;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeSet;

use bytes::Bytes;
use market::listing::NewListing;
use market::rows::Row;
use replication::contract::{Engine, Incarnation, Position, Recovered};

pub use command::{Command, UnreadableCommand};
pub use config::{CatalogConfig, Protocol, RestockConfig, StartError};
#[cfg(feature = "mutants")]
pub use mutants::Mutant;
pub use state::{Applied, State};

pub use crate::replica::stored_hash;

use crate::law_clock::LawClock;
use crate::message::Message;
use crate::process::{Effect, Input, Now, Process};
use crate::replica::stored_mark;
use crate::service::{ServiceId, ServiceKind};
use crate::snapshot::Transfers;
use drain::Drain;
use leading::{Leader, Leading};
use mutants::Mutants;
use prefixes::Prefixes;
use questions::Question;

/// One catalog replica.
pub struct CatalogProcess {
    config: CatalogConfig,
    boot: u64,
    first_listings: Vec<NewListing>,
    engine: Box<dyn Engine>,
    state: State,
    applied: Position,
    prefixes: Prefixes,
    /// The engine's mark, until the next position is stored.
    mark: Option<Bytes>,
    /// Links that stand: whom to tell, once this replica leads.
    links: BTreeSet<ServiceId>,
    clock: LawClock,
    /// Everything else that a leader needs; nothing while this replica follows.
    leading: Option<Leading>,
    /// Snapshots on their way from here and to here.
    transfers: Transfers,
    /// What the start itself brought about, for the first flush.
    backlog: Vec<Effect>,
    drain: Drain,
    mutants: Mutants,
}

impl CatalogProcess {
    /// A replica from what its disk holds. `boot` never repeats in this catalog's life and stays below 2^32; `incarnation` names
    /// its disk to the group. `first_listings` fill a catalog that has none.
    pub fn start(
        config: CatalogConfig,
        now: Now,
        boot: u64,
        incarnation: Incarnation,
        mut recovered: Recovered,
        rows: Vec<Row>,
        first_listings: Vec<NewListing>,
    ) -> Result<Self, StartError> {
        if let Some(hash) = stored_hash(&rows)? {
            recovered.applied_hash = hash;
        }
        recovered.mark = stored_mark(&rows).unwrap_or_default();
        let (applied, applied_hash) = (recovered.applied, recovered.applied_hash);
        let engine = engine::start(&config, now, incarnation, recovered)?;
        let state = State::load(rows)?;
        let recovered = (applied, state);
        let mut process =
            CatalogProcess::with_engine(config, now, boot, engine, recovered, first_listings);
        process.prefixes.known_before(applied, applied_hash);
        Ok(process)
    }

    /// A replica with this engine, whose store reflects a state at a position.
    fn with_engine(
        config: CatalogConfig,
        now: Now,
        boot: u64,
        engine: Box<dyn Engine>,
        (applied, state): (Position, State),
        first_listings: Vec<NewListing>,
    ) -> Self {
        let mut process = CatalogProcess {
            config,
            boot,
            first_listings,
            engine,
            state,
            applied,
            prefixes: Prefixes::default(),
            mark: None,
            links: BTreeSet::new(),
            clock: LawClock::new(now),
            leading: None,
            transfers: Transfers::new(ServiceKind::Catalog),
            backlog: Vec::new(),
            drain: Drain::No,
            mutants: Mutants::default(),
        };
        // What the log holds above the store is applied *before* anything is answered: a question that comes in the very first
        // burst must not see the store's older state.
        let mut effects = Vec::new();
        process.perform(now, &mut effects);
        process.backlog = effects;
        process
    }

    /// The replicated state, as applied here.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Last position applied.
    pub fn applied(&self) -> Position {
        self.applied
    }

    /// Turns a deliberate bug on; right after the start, before any input.
    #[cfg(feature = "mutants")]
    pub fn mutate(&mut self, mutant: Mutant) {
        self.mutants.chosen = Some(mutant);
        self.state.mutants = self.mutants;
        if let Some(own) = self.leading.as_mut().filter(|_| mutant == Mutant::ForgetOldLeases) {
            own.gate.open_from(replication::time::Time(0));
        }
    }

    fn receive(&mut self, now: Now, from: ServiceId, message: Message, effects: &mut Vec<Effect>) {
        match (from.kind, message) {
            (ServiceKind::Catalog, Message::Replication(message)) => {
                self.engine.receive(now.time, from.id, message);
            }
            (ServiceKind::Catalog, Message::SnapshotPart(part)) => {
                self.transfers.part(now.time, from.id, part, effects);
            }
            (ServiceKind::Catalog, Message::SnapshotTaken(taken)) => {
                self.snapshot_taken(now, from.id, taken, effects);
            }
            (_, message) => {
                // A follower answers nobody: the leader's own word tells them whom to ask.
                if let Some(mut leader) = self.leader() {
                    leader.receive(now, from, message, effects);
                }
            }
        }
    }

    fn link(&mut self, now: Now, peer: ServiceId, up: bool, effects: &mut Vec<Effect>) {
        if up {
            self.links.insert(peer);
        } else {
            self.links.remove(&peer);
        }
        if peer.kind == ServiceKind::Catalog {
            self.engine.link(now.time, peer.id, up);
            self.transfers.link(peer.id, up, effects);
        }
        if let Some(leader) = self.leader().filter(|_| up) {
            leader.say_who_leads(peer, effects);
        }
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.engine.tick(now.time);
        self.clock.tick(now);
        self.transfers.tick(now.time, effects);
        if let Some(mut leader) = self.leader() {
            leader.tick(now);
        }
    }
}

impl Leader<'_> {
    fn receive(&mut self, now: Now, from: ServiceId, message: Message, effects: &mut Vec<Effect>) {
        match (from.kind, message) {
            (ServiceKind::Gateway, Message::Renew(renew)) => self.ask(from, Question::Renew(renew)),
            (ServiceKind::Gateway, Message::Invalidated(done)) => self.invalidated(from, &done),
            (ServiceKind::Gateway, Message::Fill(fill)) => self.ask(from, Question::Fill(fill)),
            (_, Message::Heartbeat(beat)) => self.heartbeat(now, from, &beat, effects),
            (_, Message::Configure(wish)) => self.configure(now, from, wish, effects),
            (ServiceKind::Orders, Message::Decide(decide)) => {
                self.decide(now, from, decide, effects)
            }
            (ServiceKind::Orders, Message::ReadOutbox(read)) => {
                self.ask(from, Question::Outbox(read));
            }
            (ServiceKind::Orders, Message::Trim(trim)) => self.trim(&trim),
            // Anything else is a message for another kind of service: a bug of the sender, harmless here.
            _ => {}
        }
    }

    fn tick(&mut self, now: Now) {
        for session in self.own.leases.expire(now.time) {
            self.own.gate.session_over(session);
        }
        self.restock(now);
    }
}

impl Process for CatalogProcess {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Received { from, message } => self.receive(now, from, message, effects),
            Input::LinkUp(peer) => self.link(now, peer, true, effects),
            Input::LinkDown(peer) => self.link(now, peer, false, effects),
            Input::Persisted(ticket) => self.engine.persisted(now.time, ticket),
            Input::Stored(position) => self.engine.stored(now.time, position),
            Input::History { entries, .. } => self.engine.history(now.time, entries),
            Input::SnapshotRows { transfer, position, rows, end } => {
                self.transfers.rows(now.time, transfer, position, rows, end, effects);
            }
            Input::Replaced(position) => self.replaced(now, position),
            Input::Tick => self.tick(now, effects),
            Input::Drain => self.begin_drain(now),
            // Clients talk to gateways.
            Input::Client { .. } | Input::ClientGone(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        effects.append(&mut self.backlog);
        // First what the engine says already: whoever does not lead any more proposes nothing on behalf of its last reign, and
        // whoever leads anew proposes nothing before its tables stand.
        self.perform(now, effects);
        if let Some(mut leader) = self.leader() {
            leader.ask_barrier(now);
            leader.propose_gathered(now, effects);
        }
        self.continue_drain(now);
        self.engine.flush(now.time);
        self.perform(now, effects);
        if let Some(mut leader) = self.leader() {
            leader.open(now, effects);
        }
        self.end_drain(now, effects);
    }
}
