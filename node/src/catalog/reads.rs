//! A leader's answers to questions: leases, listings, the outbox, the register.

use super::leading::Leader;
use crate::limits::{ANSWERS_HELD, OUTBOX_PAGE};
use crate::message::{Fill, Filled, Heartbeat, Invalidated, Message, Outbox, ReadOutbox, Renew};
use crate::process::{Effect, Now};
use crate::service::{ServiceId, ServiceKind};

impl Leader<'_> {
    pub(super) fn renew(
        &mut self,
        now: Now,
        from: ServiceId,
        renew: &Renew,
        effects: &mut Vec<Effect>,
    ) {
        // While draining no lease is granted: whoever leads next waits the less for old ones. Nor may a gateway have one that the
        // next leader would not know to wait for.
        let known = self.config.gateways.is_empty() || self.config.gateways.contains(&from.id);
        if self.draining || !known {
            return;
        }
        let Some((lease, resend)) = self.own.leases.renew(now.time, from.id, renew) else { return };
        effects.push(Effect::Send { to: from, message: Message::Lease(lease) });
        for again in resend {
            effects.push(Effect::Send { to: from, message: Message::Invalidate(again) });
        }
    }

    pub(super) fn invalidated(&mut self, from: ServiceId, done: &Invalidated) {
        for (session, number) in self.own.leases.confirm(from.id, done.session, &done.numbers) {
            self.own.gate.confirmed(session, number);
        }
    }

    /// A read of one listing. It waits until what it saw is open; it may be cached only if no write is on its way.
    pub(super) fn fill(
        &mut self,
        now: Now,
        from: ServiceId,
        fill: Fill,
        effects: &mut Vec<Effect>,
    ) {
        if self.own.proposals.is_loading() {
            // Nothing is loaded yet, so "no such listing" would be wrong; the gateway asks again.
            return;
        }
        let listing = self.state.law.listing(&fill.name).cloned();
        let open = listing.as_ref().is_none_or(|listing| self.own.gate.is_open(listing.version));
        let stands = self.own.leases.stands(now.time, from.id, fill.session);
        let pending = self.own.gate.pending(&fill.name) && !self.mutants.cacheable_while_pending();
        let cacheable = open && stands && !pending;
        let filled = Filled {
            session: fill.session,
            token: fill.token,
            name: fill.name,
            listing,
            cacheable,
        };
        if open {
            effects.push(Effect::Send { to: from, message: Message::Filled(filled) });
        } else if self.own.gate.held() < ANSWERS_HELD {
            self.own.gate.hold(from, Message::Filled(filled));
        }
    }

    pub(super) fn read_outbox(
        &mut self,
        from: ServiceId,
        read: &ReadOutbox,
        effects: &mut Vec<Effect>,
    ) {
        if read.epoch != self.state.register.epoch {
            return self.fence(from, effects);
        }
        let law = &self.state.law;
        let page = Outbox {
            epoch: read.epoch,
            question: read.question,
            first: law.outbox_first(),
            next: law.next_number(),
            orders: law.outbox(read.from, OUTBOX_PAGE).cloned().collect(),
        };
        if self.own.gate.held() < ANSWERS_HELD {
            self.own.gate.hold(from, Message::Outbox(page));
        }
    }

    pub(super) fn heartbeat(
        &mut self,
        now: Now,
        from: ServiceId,
        beat: &Heartbeat,
        effects: &mut Vec<Effect>,
    ) {
        self.say_who_leads(from, effects);
        let register = &self.state.register;
        if from.kind == ServiceKind::Orders && beat.leads == Some(register.epoch) {
            self.own.liveness.leads(now.time, from.id);
        }
        let message = Message::Configuration(register.clone());
        effects.push(Effect::Send { to: from, message });
    }
}
