//! The volume lease: one per gateway, over everything in its cache.
//!
//! The lease counts from the moment the renewal was *sent*, on this gateway's clock, so the catalog, which counts from the moment
//! it answers, always believes it to last longer. A session names one unbroken stretch of being invalidated.
//!
//! # Several catalogs
//! Renewals go to all of them and whoever leads answers. A leader that was deposed without knowing it can do no harm:
//! - It grants only what a majority confirmed to it, still in its own term, after the renewal had come. So whoever leads next was
//!   elected after the renewal was *sent*, and lets nothing out before every such lease is over, or all gateways have
//!   adopted sessions of its own.
//! - A session's upper half is the reign of the catalog that opened it (its term, or the number of its start). Once a session is
//!   adopted, no grant of an earlier reign replaces it: the later leader may rely on having been adopted and wait no longer.
//!   Without this a grant that was under way for long could bring back a lease that nobody waits for.
//!
//! The second rule gives way when nothing was heard of the session for [`SESSION_SILENCE`]: a catalog whose disk was replaced
//! begins to count anew. Whatever an earlier reign granted was sent before the later one began, thus before its session was heard
//! of last, and has been over for long by then.

use std::collections::VecDeque;

use replication::time::Time;

use crate::gateway::limits::{
    MAX_CONFIRMATIONS_PER_MESSAGE, MAX_RENEWALS, RENEW_INTERVAL, RENEW_MIN_GAP, SESSION_SILENCE,
};
use crate::message::{Invalidated, Lease as Grant, Renew};

/// The lease as this gateway holds it.
#[derive(Debug)]
pub(super) struct Lease {
    /// Session held; 0 for none.
    session: u64,
    /// Hits may be served before this.
    until: Time,
    /// When the latest granted renewal was sent. A grant of another session must be of a later one.
    granted: Time,
    /// When the session held was granted or renewed last.
    heard: Time,
    /// Renewals sent: only what was asked for in this life of the process counts as granted.
    sent: VecDeque<Time>,
    /// When to renew next.
    next: Time,
    /// Invalidations of this session carried out and not confirmed yet.
    confirm: Vec<u64>,
}

/// What a grant did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    /// Nothing: late, unasked for or empty.
    Ignored,
    /// The session goes on.
    Renewed,
    /// A new session: whatever was cached or is under way belongs to the old one and is void.
    NewSession,
}

impl Lease {
    pub(super) fn new(now: Time) -> Self {
        Lease {
            session: 0,
            until: Time(0),
            granted: Time(0),
            heard: Time(0),
            sent: VecDeque::new(),
            next: now,
            confirm: Vec::new(),
        }
    }

    pub(super) fn session(&self) -> u64 {
        self.session
    }

    pub(super) fn until(&self) -> Time {
        self.until
    }

    pub(super) fn stands(&self, now: Time) -> bool {
        self.session != 0 && now < self.until
    }

    /// Renew as soon as possible.
    pub(super) fn hurry(&mut self, now: Time) {
        let soonest = self.sent.back().map_or(now, |last| *last + RENEW_MIN_GAP);
        self.next = self.next.min(soonest.max(now));
    }

    /// The renewal to send now, if one is due.
    pub(super) fn renew(&mut self, now: Time) -> Option<Renew> {
        if now < self.next {
            return None;
        }
        if self.sent.len() >= MAX_RENEWALS {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
        self.next = now + RENEW_INTERVAL;
        Some(Renew { session: self.session, sent_at: now })
    }

    /// Takes a grant; `late` is a deliberate bug.
    pub(super) fn grant(&mut self, now: Time, grant: &Grant, late: bool) -> Adopted {
        if grant.session == 0 || !self.sent.contains(&grant.sent_at) {
            return Adopted::Ignored;
        }
        let until = if late { now } else { grant.sent_at } + grant.ttl;
        if grant.session == self.session {
            self.heard = now;
            self.until = self.until.max(until);
            self.granted = self.granted.max(grant.sent_at);
            return Adopted::Renewed;
        }
        if self.session != 0 && grant.sent_at <= self.granted {
            return Adopted::Ignored; // a late grant of a session that was replaced since
        }
        if reign(grant.session) < reign(self.session) && now < self.heard + SESSION_SILENCE {
            return Adopted::Ignored; // of a catalog that leads no more
        }
        self.session = grant.session;
        self.until = until;
        self.granted = grant.sent_at;
        self.heard = now;
        self.confirm.clear();
        self.hurry(now); // tells the catalog that the new session is adopted
        Adopted::NewSession
    }

    /// Notes that an invalidation was carried out. Only called for the session held.
    pub(super) fn carried_out(&mut self, number: u64) {
        self.confirm.push(number);
    }

    /// The confirmations to send now.
    pub(super) fn confirmations(&mut self) -> Option<Invalidated> {
        if self.confirm.is_empty() {
            return None;
        }
        let rest = self.confirm.split_off(self.confirm.len().min(MAX_CONFIRMATIONS_PER_MESSAGE));
        let numbers = std::mem::replace(&mut self.confirm, rest);
        Some(Invalidated { session: self.session, numbers })
    }
}

/// The reign in which a session was opened; grows with every leader of the catalog.
const fn reign(session: u64) -> u64 {
    session >> 32
}
