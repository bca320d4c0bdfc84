//! The gateway's side towards catalog and orders: links, messages, and the watch over the leader.

use replication::contract::Epoch;
use replication::register::Configuration;
use replication::time::Time;

use super::GatewayProcess;
use super::leader::{Cause, Verdict};
use super::limits::{HURRY_MIN_GAP, URGENT_HEARTBEAT};
use super::routing::Taken;
use super::selection::{Step, View};
use crate::message::{Heartbeat, Message, OrderReply, TradeReply};
use crate::process::{Effect, Event};
use crate::service::{ServiceId, ServiceKind};

impl GatewayProcess {
    pub(super) fn link_up(&mut self, now: Time, service: ServiceId, effects: &mut Vec<Effect>) {
        let asks_again = self.links.up(service);
        match service.kind {
            ServiceKind::Catalog if asks_again => self.catalog_changed(now),
            // It may lead unheard of; if so, it says so.
            ServiceKind::Catalog => self.ask_configuration(now, effects),
            ServiceKind::Orders => {
                self.health.ping(now, &self.links, effects);
                self.selection.hurry(now);
            }
            ServiceKind::Customers | ServiceKind::Gateway => {}
        }
    }

    pub(super) fn link_down(&mut self, now: Time, service: ServiceId, effects: &mut Vec<Effect>) {
        if self.links.down(service) {
            self.catalog_changed(now);
        }
        if service.kind != ServiceKind::Orders {
            return;
        }
        self.health.down(service.id);
        if self.belief.link_broke(service.id) {
            self.errands.recall();
            self.ask_configuration(now, effects);
        }
    }

    pub(super) fn receive(
        &mut self,
        now: Time,
        from: ServiceId,
        message: Message,
        effects: &mut Vec<Effect>,
    ) {
        match from.kind {
            ServiceKind::Catalog => self.catalog_says(now, from, message, effects),
            ServiceKind::Orders => self.orders_say(now, from.id, message, effects),
            ServiceKind::Customers | ServiceKind::Gateway => {}
        }
    }

    fn catalog_says(
        &mut self,
        now: Time,
        from: ServiceId,
        message: Message,
        effects: &mut Vec<Effect>,
    ) {
        match message {
            Message::Leads(leads) => self.catalog_leads(now, from, leads.term),
            Message::Lease(grant) => self.cache.granted(now, &grant, effects),
            Message::Invalidate(invalidate) => self.cache.invalidate(&invalidate, effects),
            Message::Filled(filled) => {
                let readers = self.cache.filled(now, &filled, effects);
                Self::answer_readers(readers, filled.listing.as_ref(), effects);
            }
            Message::Configuration(configuration) => {
                self.belief.heard_from_catalog(now, self.config.health_interval);
                self.adopt(now, &configuration, effects);
                self.selection.told(now, configuration.version);
            }
            Message::Refused { configuration, .. } => {
                self.belief.heard_from_catalog(now, self.config.health_interval);
                self.adopt(now, &configuration, effects);
                self.selection.refused(now);
            }
            _ => {}
        }
    }

    fn catalog_leads(&mut self, now: Time, from: ServiceId, term: Epoch) {
        if self.links.leads(now, from, term) {
            self.catalog_changed(now);
        }
    }

    /// Another catalog leads, or the same one anew, or over a new link: what it was asked may be lost, and the leases of the one
    /// before it are to be had from it again, the sooner the less its answers wait. When this burst ends it is asked for all of it.
    fn catalog_changed(&mut self, now: Time) {
        self.cache.catalog_up(now);
        self.asked = None;
    }

    fn orders_say(&mut self, now: Time, from: u8, message: Message, effects: &mut Vec<Effect>) {
        match message {
            Message::Pong(pong) => {
                if pong.version > self.belief.configuration().version {
                    self.ask_soon(now, effects);
                }
                self.health.pong(from, pong);
            }
            Message::Traded(replies) => {
                for (name, reply) in replies {
                    let taken = self.errands.traded(now, from, (name, &reply), effects);
                    let told = match reply {
                        TradeReply::NotLeader(configuration) => Some(configuration),
                        _ => None,
                    };
                    self.answered(now, from, taken, told, effects);
                }
            }
            Message::OrdersRead(replies) => {
                for (name, reply) in replies {
                    let told = match &reply {
                        OrderReply::NotLeader(configuration) => Some(configuration.clone()),
                        _ => None,
                    };
                    let taken = self.errands.read(now, from, (name, reply), effects);
                    self.answered(now, from, taken, told, effects);
                }
            }
            _ => {}
        }
    }

    /// Draws the conclusions about a replica from its answer to one request.
    fn answered(
        &mut self,
        now: Time,
        from: u8,
        taken: Taken,
        told: Option<Configuration>,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(configuration) = told {
            self.adopt(now, &configuration, effects);
        }
        if self.belief.leader() != Some(from) {
            return;
        }
        match taken {
            Taken::Works => self.belief.answered(now, self.errands.sent() > 0),
            // It should lead and says it does not. Find out at once, but only once per burst of such answers.
            Taken::NotLeader => {
                self.belief.answered(now, self.errands.sent() > 0);
                self.health.hurry(now);
                self.ask_soon(now, effects);
            }
            Taken::Stray => {}
        }
    }

    fn adopt(&mut self, now: Time, configuration: &Configuration, effects: &mut Vec<Effect>) {
        let (newer, other_reign) = self.belief.adopt(now, configuration);
        if newer {
            self.selection.hurry(now);
            effects.push(Effect::Event(Event::Configuration(configuration.clone())));
        }
        if other_reign {
            self.errands.recall();
            self.health.hurry(now);
        }
    }

    /// Asks all linked catalogs for the configuration (of a group, the leader answers, and says that it leads). At most once
    /// per point in time.
    pub(super) fn ask_configuration(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.asked == Some(now) || self.links.catalog().is_none() {
            return;
        }
        self.asked = Some(now);
        let version = self.belief.configuration().version;
        for to in self.links.catalogs() {
            let message = Message::Heartbeat(Heartbeat { version, leads: None });
            effects.push(Effect::Send { to, message });
        }
    }

    /// The same on the word of a replica, of which there may be many at once: not more often than [`HURRY_MIN_GAP`].
    fn ask_soon(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.asked.is_none_or(|asked| now >= asked + HURRY_MIN_GAP) {
            self.ask_configuration(now, effects);
        }
    }

    pub(super) fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.errands.tick(now, effects);
        for id in self.cache.tick(now) {
            let reason = "the catalog did not answer in time";
            let response = super::ClientResponse::Unavailable { reason };
            effects.push(Effect::Reply { id, response });
        }
    }

    /// Watches the leader, and selects another when it must be and is this gateway's business; says how it stands.
    pub(super) fn supervise(&mut self, now: Time, effects: &mut Vec<Effect>) -> Verdict {
        if self.errands.sent() == 0 {
            self.belief.owes_nothing();
        }
        let verdict = self.verdict(now);
        if verdict == Verdict::Live {
            self.belief.has_served();
        }
        let urgent = verdict != Verdict::Live;
        let owed = self.belief.is_owed(now);
        self.health.tick(now, urgent || owed, &self.links, effects);
        let pause = if urgent { URGENT_HEARTBEAT } else { self.config.health_interval };
        if self.asked.is_none_or(|asked| now >= asked + pause) {
            self.ask_configuration(now, effects);
        }
        if self.config.proposes_leaders {
            self.select(now, verdict, effects);
        }
        verdict
    }

    /// Goes on with the selection of a leader, if one is under way or due.
    fn select(&mut self, now: Time, verdict: Verdict, effects: &mut Vec<Effect>) {
        let (belief, links, health) = (&self.belief, &self.links, &self.health);
        match self.selection.step(now, &View { verdict, belief, links, health }) {
            Step::Nothing => {}
            Step::Ask => {
                self.health.ping(now, &self.links, effects);
                self.ask_configuration(now, effects);
                self.note_lost(verdict, effects);
            }
            Step::Propose(command) => {
                if let Some(to) = self.links.catalog() {
                    effects.push(Effect::Send { to, message: Message::Configure(command) });
                }
            }
        }
    }

    fn note_lost(&self, verdict: Verdict, effects: &mut Vec<Effect>) {
        let Verdict::Lost(cause) = verdict else { return };
        let epoch = self.belief.configuration().epoch;
        let leader = self.belief.leader();
        let detail = match (leader, cause) {
            (Some(leader), _) => format!("orders-{leader} in epoch {epoch}: {}", cause.slug()),
            (None, Cause::Nobody) => format!("epoch {epoch} is over and nobody leads"),
            (None, _) => cause.slug().to_owned(),
        };
        effects.push(Effect::Event(Event::Note { slug: "leader_selection", detail }));
    }

    /// Sends what goes to the catalogs: renewals to all that are linked, so that no new leader is waited for; confirmations and
    /// questions to the one believed to lead.
    pub(super) fn send_to_catalogs(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let Some(to) = self.links.catalog() else { return };
        while let Some(confirmation) = self.cache.confirmations() {
            effects.push(Effect::Send { to, message: Message::Invalidated(confirmation) });
        }
        if let Some(renew) = self.cache.renewal(now) {
            for to in self.links.catalogs() {
                effects.push(Effect::Send { to, message: Message::Renew(renew.clone()) });
            }
        }
        for question in self.cache.questions(now) {
            effects.push(Effect::Send { to, message: Message::Fill(question) });
        }
    }
}
