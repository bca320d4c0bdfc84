//! A catalog replica: the place where trades are decided.
//!
//! # Guarantees
//! - A trade is decided in one entry of the group's log: key, stock, number and order together, or nothing.
//! - Nothing leaves before it is durable and *open* (see [`gate`](self)): successes, refusals, pages and reads alike.
//! - The register of the orders group changes by compare-and-set, durably, in the same log.
//!
//! # A walk through one batch
//! 1. [`Decide`](crate::message::Decide) comes in; a batch from an epoch that is over is answered `Fenced` at once.
//! 2. At the end of the burst everything gathered is proposed; at the same moment every gateway with a lease is sent an
//!    invalidation of what the burst touches (`propose.rs`).
//! 3. The engine delivers what is durable; the law decides; the answer is handed to the gate (`deliver.rs`).
//! 4. Confirmations come in, or leases run out; the gate opens; the answers go.
//!
//! Freshness: a listing read here reflects every trade answered before; an outbox page too.

mod command;
mod config;
mod deliver;
mod gate;
mod law_clock;
mod lease;
mod liveness;
mod mutants;
mod propose;
mod reads;
mod state;
#[cfg(test)]
mod tests;

use market::listing::NewListing;
use market::rows::Row;
use market::trade::WallTime;
use replication::contract::{Engine, Position, Recovered, Status};
use replication::solo::Solo;
use replication::time::{Span, Time};

pub use command::{Command, UnreadableCommand};
pub use config::{CatalogConfig, RestockConfig, StartError};
#[cfg(feature = "mutants")]
pub use mutants::Mutant;
pub use state::{Applied, State};

use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::Message;
use crate::process::{Effect, Input, Now, Process};
use crate::service::{ServiceId, ServiceKind};
use gate::Gate;
use law_clock::LawClock;
use lease::Leases;
use liveness::Liveness;
use mutants::Mutants;
use propose::Proposals;

/// One catalog replica.
pub struct CatalogProcess {
    config: CatalogConfig,
    engine: Box<dyn Engine>,
    state: State,
    applied: Position,
    leases: Leases,
    gate: Gate,
    liveness: Liveness,
    proposals: Proposals,
    clock: LawClock,
    next_restock: Time,
    /// What the start itself brought about, for the first flush.
    backlog: Vec<Effect>,
    drain: Drain,
    mutants: Mutants,
}

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    No,
    Wanted,
    Done,
}

impl CatalogProcess {
    /// A replica from what its disk holds. `boot` never repeats in this catalog's life and stays below 2^32.
    /// `first_listings` fill a catalog that has none.
    pub fn start(
        config: CatalogConfig,
        now: Now,
        boot: u64,
        mut recovered: Recovered,
        rows: Vec<Row>,
        first_listings: Vec<NewListing>,
    ) -> Result<Self, StartError> {
        if let Some(hash) = crate::replica::stored_hash(&rows)? {
            recovered.applied_hash = hash;
        }
        for entry in &recovered.entries {
            Command::decode(&entry.command).map_err(StartError::Entry)?;
        }
        let applied = recovered.applied;
        let mut process = CatalogProcess {
            next_restock: now.time + config.restock.map_or(Span(0), |restock| restock.interval),
            config,
            state: State::load(rows)?,
            gate: Gate::new(applied, opens_at(now.time, &recovered)),
            engine: Box::new(Solo::new(recovered)),
            applied,
            leases: Leases::new(boot),
            liveness: Liveness::new(now.time),
            proposals: Proposals::default(),
            clock: LawClock::new(now, WallTime::default()),
            backlog: Vec::new(),
            drain: Drain::No,
            mutants: Mutants::default(),
        };
        process.replay(now, first_listings);
        Ok(process)
    }

    /// Applies what the log holds above the store *before* anything is answered: a question that comes in the very first burst
    /// must not see the store's older state.
    fn replay(&mut self, now: Now, first_listings: Vec<NewListing>) {
        let mut effects = Vec::new();
        self.perform(now, &mut effects);
        self.backlog = effects;
        self.clock = LawClock::new(now, self.state.law.time());
        if self.state.law.listings().next().is_none() && !first_listings.is_empty() {
            self.proposals.load(first_listings);
        }
    }

    /// The replicated state, as applied here.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Last position applied.
    pub fn applied(&self) -> Position {
        self.applied
    }

    /// The engine's state.
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// Gateways whose caches hold a lease now.
    pub fn leased_gateways(&self, now: Time) -> usize {
        self.leases.gateways(now).len()
    }

    /// Answers held back by the gate now.
    pub fn answers_held(&self) -> usize {
        self.gate.held()
    }

    /// Turns a deliberate bug on; right after the start, before any input.
    #[cfg(feature = "mutants")]
    pub fn mutate(&mut self, mutant: Mutant) {
        self.mutants.chosen = Some(mutant);
        self.state.mutants = self.mutants;
        if mutant == Mutant::ForgetOldLeases {
            self.gate = Gate::new(self.applied, Time(0));
        }
    }

    fn receive(&mut self, now: Now, from: ServiceId, message: Message, effects: &mut Vec<Effect>) {
        match (from.kind, message) {
            (ServiceKind::Gateway, Message::Renew(renew)) => self.renew(now, from, &renew, effects),
            (ServiceKind::Gateway, Message::Invalidated(done)) => self.invalidated(from, &done),
            (ServiceKind::Gateway, Message::Fill(fill)) => self.fill(now, from, fill, effects),
            (_, Message::Heartbeat(beat)) => self.heartbeat(now, from, &beat, effects),
            (_, Message::Configure(wish)) => self.configure(now, from, wish, effects),
            (ServiceKind::Orders, Message::Decide(decide)) => {
                self.decide(now, from, decide, effects)
            }
            (ServiceKind::Orders, Message::ReadOutbox(read)) => {
                self.read_outbox(from, &read, effects)
            }
            (ServiceKind::Orders, Message::Trim(trim)) => self.trim(&trim),
            (ServiceKind::Catalog, Message::Replication(message)) => {
                self.engine.receive(now.time, from.id, message);
            }
            // Anything else is a message for another kind of service: a bug of the sender, harmless here.
            _ => {}
        }
    }

    fn is_draining(&self) -> bool {
        self.drain != Drain::No
    }

    fn tick(&mut self, now: Now) {
        self.engine.tick(now.time);
        for session in self.leases.expire(now.time) {
            self.gate.session_over(session);
        }
        self.restock(now);
    }
}

/// From when on answers may leave: an earlier life may have granted leases. One that left nothing behind had no listing to be
/// cached.
fn opens_at(start: Time, recovered: &Recovered) -> Time {
    let fresh = recovered.applied == 0 && recovered.entries.is_empty();
    if fresh { start } else { start + LEASE + LEASE_MARGIN }
}

impl Process for CatalogProcess {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Received { from, message } => self.receive(now, from, message, effects),
            Input::LinkUp(peer) => {
                self.liveness.link(peer, true);
                if peer.kind == ServiceKind::Catalog {
                    self.engine.link(now.time, peer.id, true);
                }
            }
            Input::LinkDown(peer) => {
                self.liveness.link(peer, false);
                if peer.kind == ServiceKind::Catalog {
                    self.engine.link(now.time, peer.id, false);
                }
            }
            Input::Persisted(ticket) => self.engine.persisted(now.time, ticket),
            Input::Stored(position) => self.engine.stored(now.time, position),
            Input::History { entries, .. } => self.engine.history(now.time, entries),
            Input::Tick => self.tick(now),
            Input::Drain if self.drain == Drain::No => self.drain = Drain::Wanted,
            Input::Drain => {}
            Input::SnapshotRows { .. } | Input::Replaced(_) => {}
            // Clients talk to gateways.
            Input::Client { .. } | Input::ClientGone(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        effects.append(&mut self.backlog);
        self.propose_gathered(now, effects);
        self.engine.flush(now.time);
        self.perform(now, effects);
        self.open(now, effects);
        if self.drain == Drain::Wanted && self.proposals.idle() && self.gate.held() == 0 {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
    }
}
