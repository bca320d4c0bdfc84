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
mod propose;
mod reads;
mod state;
#[cfg(test)]
mod tests;

use market::listing::NewListing;
use market::rows::Row;
use replication::contract::{Engine, Position, Recovered, Status};
use replication::solo::Solo;
use replication::time::{Span, Time};

pub use command::{Command, UnreadableCommand};
pub use config::{CatalogConfig, RestockConfig, StartError};
pub use state::{Applied, State};

use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::Message;
use crate::process::{Effect, Input, Now, Process};
use crate::service::{ServiceId, ServiceKind};
use gate::Gate;
use law_clock::LawClock;
use lease::Leases;
use liveness::Liveness;
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
    draining: bool,
}

impl CatalogProcess {
    /// A replica from what its disk holds. `boot` never repeats in this catalog's life. `first_listings` fill a catalog that has none.
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
        let fresh = recovered.applied == 0 && recovered.entries.is_empty();
        let wait = if fresh { Span(0) } else { Span(LEASE.0 + LEASE_MARGIN.0) };
        let applied = recovered.applied;
        let mut process = CatalogProcess {
            next_restock: now.time + config.restock.map_or(Span(0), |restock| restock.interval),
            config,
            state: State::load(rows)?,
            engine: Box::new(Solo::new(recovered)),
            applied,
            leases: Leases::new(boot),
            gate: Gate::new(applied, now.time + wait),
            liveness: Liveness::new(now.time),
            proposals: Proposals::default(),
            clock: LawClock::default(),
            draining: false,
        };
        if fresh && !first_listings.is_empty() {
            process.proposals.load(first_listings);
        }
        Ok(process)
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

    fn tick(&mut self, now: Now) {
        self.engine.tick(now.time);
        for session in self.leases.expire(now.time) {
            self.gate.session_over(session);
        }
        self.restock(now);
    }
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
            Input::Drain => self.draining = true,
            // Clients talk to gateways.
            Input::Client { .. } | Input::ClientGone(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.propose_gathered(now, effects);
        self.engine.flush(now.time);
        self.perform(now, effects);
        for (to, message) in self.gate.advance(now.time) {
            effects.push(Effect::Send { to, message });
        }
        if self.draining && self.proposals.idle() && self.gate.held() == 0 {
            effects.push(Effect::Drained);
        }
    }
}
