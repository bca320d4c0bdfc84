//! What this gateway believes about the leader of the orders, and when it stops believing.
//!
//! A belief is never authority: the register decides who leads, and every trade carries the epoch.

use replication::register::Configuration;
use replication::time::{Span, Time};

use super::health::Health;
use super::limits::{
    FIRST_PATIENCE, LINK_PATIENCE, OWING, PING_TIMEOUT, PING_WINDOW, STALL, TAKEOVER_PATIENCE,
};
use super::links::Links;
use crate::service::ServiceId;

/// The believed configuration and the history of its leader.
#[derive(Debug)]
pub(super) struct Belief {
    configuration: Configuration,
    /// When a catalog last told the configuration.
    told: Option<Time>,
    /// When the first one was told.
    first_told: Option<Time>,
    /// Since when this leader is believed in, in this epoch.
    since: Time,
    /// The link to the leader broke in this epoch.
    broke: bool,
    /// Since when the leader owes an answer to a trade or read.
    owes: Option<Time>,
    /// The leader was open for business at least once in this epoch.
    served: bool,
    /// Reigns in a row that ended before the leader was open for business.
    fruitless: u32,
}

/// Whether the leader can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It leads, is open for business, and answered lately.
    Live,
    /// Too early to say.
    Wait,
    /// Somebody should lead instead.
    Lost(Cause),
}

/// Why a leader is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The register names none.
    Nobody,
    /// No link to it.
    Unlinked,
    /// It does not answer pings.
    Silent,
    /// It answers, but with another disk than the one enrolled.
    OtherDisk,
    /// It answers, but does not lead.
    NotLeading,
    /// It answers pings, but no request.
    Stalled,
}

impl Cause {
    /// A stable name.
    pub(super) const fn slug(self) -> &'static str {
        match self {
            Cause::Nobody => "nobody leads",
            Cause::Unlinked => "the link to the leader is down",
            Cause::Silent => "the leader does not answer",
            Cause::OtherDisk => "the leader speaks for another disk",
            Cause::NotLeading => "the leader does not lead",
            Cause::Stalled => "the leader answers pings but no requests",
        }
    }
}

impl Belief {
    pub(super) fn new(now: Time) -> Self {
        Belief {
            configuration: Configuration::default(),
            told: None,
            first_told: None,
            since: now,
            broke: false,
            owes: None,
            served: false,
            fruitless: 0,
        }
    }

    pub(super) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// When a catalog last told the configuration.
    pub(super) fn told(&self) -> Option<Time> {
        self.told
    }

    pub(super) fn leader(&self) -> Option<u8> {
        self.configuration.leader
    }

    /// A catalog told the configuration.
    pub(super) fn heard_from_catalog(&mut self, now: Time, interval: Span) {
        let was_away = self.told.is_none_or(|told| now > told + interval + interval);
        if was_away && self.owes.is_some() {
            self.owes = Some(now); // while the catalog was away, the leader could not have answered
        }
        self.told = Some(now);
        self.first_told.get_or_insert(now);
    }

    /// Adopts a configuration if it is newer; says whether it is, and whether the reign changed with it.
    pub(super) fn adopt(&mut self, now: Time, configuration: &Configuration) -> (bool, bool) {
        if configuration.version <= self.configuration.version {
            return (false, false);
        }
        let reign = (configuration.epoch, configuration.leader);
        let changed = reign != (self.configuration.epoch, self.configuration.leader);
        self.configuration = configuration.clone();
        if changed {
            self.since = now;
            self.broke = false;
            self.owes = None;
            self.fruitless = if self.served { 0 } else { self.fruitless.saturating_add(1) };
            self.served = false;
        }
        (true, changed)
    }

    /// A link to an order replica broke; whether it was the leader's.
    pub(super) fn link_broke(&mut self, id: u8) -> bool {
        let leads = self.leader() == Some(id);
        if leads {
            self.broke = true;
            self.owes = None;
        }
        leads
    }

    /// Requests went to the leader.
    pub(super) fn asked(&mut self, now: Time) {
        self.owes.get_or_insert(now);
    }

    /// The leader answered a request; `more` says whether it still owes others.
    pub(super) fn answered(&mut self, now: Time, more: bool) {
        self.owes = more.then_some(now);
    }

    /// Nothing is with the leader any more.
    pub(super) fn owes_nothing(&mut self) {
        self.owes = None;
    }

    /// The leader is open for business.
    pub(super) fn has_served(&mut self) {
        self.served = true;
    }

    /// The leader has owed an answer for a while: worth a ping.
    pub(super) fn is_owed(&self, now: Time) -> bool {
        self.owes.is_some_and(|since| now >= since + OWING)
    }

    /// Judges the leader.
    pub(super) fn judge(
        &self,
        now: Time,
        links: &Links,
        health: &Health,
        replicas: usize,
    ) -> Verdict {
        let Some(leader) = self.leader() else { return self.judge_nobody(now, replicas) };
        if !links.stands(ServiceId::orders(leader)) {
            let patient = !self.broke && now < self.since + LINK_PATIENCE;
            return if patient { Verdict::Wait } else { Verdict::Lost(Cause::Unlinked) };
        }
        if health.silence(now, leader) >= PING_TIMEOUT {
            return Verdict::Lost(Cause::Silent);
        }
        let Some(heard) = health.heard(leader) else { return Verdict::Wait };
        if self.configuration.incarnations.get(&leader) != Some(&heard.pong.incarnation) {
            return Verdict::Lost(Cause::OtherDisk);
        }
        if !heard.pong.leads || heard.pong.epoch != self.configuration.epoch {
            let patience = Span(TAKEOVER_PATIENCE.0 << self.fruitless.saturating_sub(1).min(4));
            let patient = !self.broke && now < self.since + patience;
            return if patient { Verdict::Wait } else { Verdict::Lost(Cause::NotLeading) };
        }
        if self.owes.is_some_and(|since| now >= since + STALL) && self.catalog_answers(now, health)
        {
            return Verdict::Lost(Cause::Stalled);
        }
        let interval = health.interval();
        let fresh = heard.at + interval + interval + PING_WINDOW >= now;
        if fresh { Verdict::Live } else { Verdict::Wait }
    }

    /// At the very first start, waits a little for all replicas to enrol, so that the highest can be chosen.
    fn judge_nobody(&self, now: Time, replicas: usize) -> Verdict {
        let Some(first) = self.first_told else { return Verdict::Wait };
        let configuration = &self.configuration;
        let all = configuration.in_sync.len() >= replicas;
        if configuration.epoch == 0 && !all && now < first + FIRST_PATIENCE {
            return Verdict::Wait;
        }
        Verdict::Lost(Cause::Nobody)
    }

    /// Without the catalog no leader can answer, and none can be replaced.
    fn catalog_answers(&self, now: Time, health: &Health) -> bool {
        let interval = health.interval();
        self.told.is_some_and(|told| told + interval + interval >= now)
    }
}
