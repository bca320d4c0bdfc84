//! What a catalog replica keeps only while it leads its group: made when it begins to lead, dropped when it does not any more.
//!
//! Nothing here may outlive a reign. Another leader may have granted leases, decided batches and shown writes since, so tables
//! that a leader kept from an earlier reign would contradict what others have been told.

use std::collections::BTreeSet;

use replication::contract::{Engine, Epoch, Position};
use replication::time::Time;

use super::config::CatalogConfig;
use super::gate::Gate;
use super::lease::Leases;
use super::liveness::Liveness;
use super::mutants::Mutants;
use super::propose::Proposals;
use super::questions::Questions;
use super::state::State;
use super::{CatalogProcess, Drain};
use crate::law_clock::LawClock;
use crate::limits::{LEASE, LEASE_MARGIN};
use crate::message::{Leads, Message};
use crate::process::{Effect, Now};
use crate::service::{ServiceId, ServiceKind};

/// A leader's own tables.
pub(super) struct Leading {
    pub(super) term: Epoch,
    pub(super) leases: Leases,
    pub(super) gate: Gate,
    pub(super) liveness: Liveness,
    pub(super) proposals: Proposals,
    pub(super) questions: Questions,
    pub(super) next_restock: Time,
    /// It has said that it leads, and knows from when on answers may leave.
    settled: bool,
}

impl Leading {
    /// Empty tables. Ids of sessions are counted up from `first_id`, which never repeats for another reign.
    fn new(
        now: Time,
        term: Epoch,
        first_id: u64,
        applied: Position,
        config: &CatalogConfig,
    ) -> Self {
        Leading {
            term,
            leases: Leases::new(first_id),
            gate: Gate::new(applied, now + LEASE + LEASE_MARGIN),
            liveness: Liveness::new(now),
            proposals: Proposals::default(),
            questions: Questions::default(),
            next_restock: config.restock.map_or(now, |restock| now + restock.interval),
            settled: false,
        }
    }
}

/// A replica that leads, at work: its own tables, and what every replica has. All that only a leader does is done here, so none of
/// it can be done by a follower.
pub(super) struct Leader<'a> {
    pub(super) config: &'a CatalogConfig,
    pub(super) engine: &'a mut dyn Engine,
    pub(super) state: &'a State,
    pub(super) links: &'a BTreeSet<ServiceId>,
    pub(super) clock: &'a mut LawClock,
    pub(super) draining: bool,
    pub(super) mutants: Mutants,
    pub(super) own: &'a mut Leading,
}

impl CatalogProcess {
    /// The leader's view of this replica, if it leads.
    pub(super) fn leader(&mut self) -> Option<Leader<'_>> {
        Some(Leader {
            own: self.leading.as_mut()?,
            config: &self.config,
            engine: self.engine.as_mut(),
            state: &self.state,
            links: &self.links,
            clock: &mut self.clock,
            draining: self.drain != Drain::No,
            mutants: self.mutants,
        })
    }

    /// Begins a reign with nothing in hand: what was proposed, promised or held in an earlier one concerned its leader.
    pub(super) fn begin_to_lead(&mut self, now: Now, term: Epoch) {
        // The one term of a group of one comes again with every start; its starts do not.
        let reign = if self.config.is_group() { term } else { self.boot };
        let first_id = (reign << 32) + 1;
        self.leading = Some(Leading::new(now.time, term, first_id, self.applied, &self.config));
    }

    /// What a new leader does once everything is applied that its term began with.
    pub(super) fn settle(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(own) = self.leading.as_mut().filter(|own| !own.settled) else { return };
        own.settled = true;
        self.clock.reach(self.state.law.time());
        let empty = self.state.law.listings().next().is_none();
        if empty || self.mutants.forget_old_leases() {
            // Without a listing there was nothing that a cache could hold.
            own.gate.open_from(now.time);
        }
        if empty && !self.first_listings.is_empty() {
            own.proposals.load(self.first_listings.clone());
        }
        if let Some(leader) = self.leader() {
            leader.announce(effects);
        }
    }
}

impl Leader<'_> {
    fn announce(&self, effects: &mut Vec<Effect>) {
        for &peer in self.links {
            self.say_who_leads(peer, effects);
        }
        self.publish(effects);
    }

    /// Tells a service, other than this group's own replicas, whom to ask.
    pub(super) fn say_who_leads(&self, to: ServiceId, effects: &mut Vec<Effect>) {
        if self.own.settled && to.kind != ServiceKind::Catalog {
            let message = Message::Leads(Leads { term: self.own.term });
            effects.push(Effect::Send { to, message });
        }
    }

    /// Tells everybody who is linked how the register stands now.
    pub(super) fn publish(&self, effects: &mut Vec<Effect>) {
        for &to in self.links.iter().filter(|peer| peer.kind != ServiceKind::Catalog) {
            let message = Message::Configuration(self.state.register.clone());
            effects.push(Effect::Send { to, message });
        }
    }
}
