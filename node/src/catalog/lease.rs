//! Volume leases of the gateways' caches, as the catalog keeps them.
//!
//! Source: Yin, Alvisi, Dahlin and Lin, "Volume leases for consistency in large-scale systems" (1999): one lease per cache
//! covers all its entries. A session is one uninterrupted stretch of leases of one gateway; it starts with an empty cache.
//!
//! Invariant: while a gateway may still believe in a session's lease, that session is in the table, and every write proposed
//! meanwhile has put an unconfirmed invalidation into it or was confirmed by the gateway.

use std::collections::BTreeMap;

use market::name::Name;
use replication::time::Time;

use crate::limits::{INVALIDATION_PATIENCE, INVALIDATION_RESEND, LEASE, LEASE_MARGIN, SESSIONS};
use crate::message::{Invalidate, Lease, Renew};

/// Names a session; never repeats over the catalog's lives.
pub(super) type SessionId = u64;

#[derive(Debug)]
struct Session {
    gateway: u8,
    lease_until: Time,
    next_number: u64,
    unconfirmed: BTreeMap<u64, (Time, Vec<Name>)>,
}

/// All sessions of all gateways.
#[derive(Debug)]
pub(super) struct Leases {
    sessions: BTreeMap<SessionId, Session>,
    next_id: SessionId,
}

impl Leases {
    /// No sessions yet. `boot` never repeats, so neither do session ids.
    pub(super) fn new(boot: u64) -> Self {
        Leases { sessions: BTreeMap::new(), next_id: (boot << 32) + 1 }
    }

    /// Handles a renewal: `None` grants nothing (the session owes a confirmation, or the table is full).
    /// Also says which invalidations to send again.
    pub(super) fn renew(
        &mut self,
        now: Time,
        gateway: u8,
        renew: &Renew,
    ) -> Option<(Lease, Vec<Invalidate>)> {
        let known = self
            .sessions
            .get(&renew.session)
            .is_some_and(|session| session.gateway == gateway && now <= session.lease_until);
        let id = if known { renew.session } else { self.open(gateway)? };
        let session = self.sessions.get_mut(&id).expect("the session was found or opened above");
        let resend = session.overdue(now, id);
        if session.owes(now) {
            // Without a renewal the lease runs out, and the writes that wait for this gateway go on.
            return Some((
                Lease { session: id, sent_at: renew.sent_at, ttl: Default::default() },
                resend,
            ));
        }
        session.lease_until = session.lease_until.max(now + LEASE + LEASE_MARGIN);
        Some((Lease { session: id, sent_at: renew.sent_at, ttl: LEASE }, resend))
    }

    fn open(&mut self, gateway: u8) -> Option<SessionId> {
        if self.sessions.len() >= SESSIONS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.sessions.insert(
            id,
            Session { gateway, lease_until: Time(0), next_number: 1, unconfirmed: BTreeMap::new() },
        );
        Some(id)
    }

    /// A write to these listings is being proposed: every live session gets an invalidation. Returns what to send, and
    /// with it whom the write must wait for.
    pub(super) fn invalidate(&mut self, now: Time, names: &[Name]) -> Vec<(u8, Invalidate)> {
        let mut sends = Vec::with_capacity(self.sessions.len());
        for (&id, session) in self.sessions.iter_mut().filter(|(_, s)| now <= s.lease_until) {
            let number = session.next_number;
            session.next_number += 1;
            session.unconfirmed.insert(number, (now, names.to_vec()));
            sends
                .push((session.gateway, Invalidate { session: id, number, names: names.to_vec() }));
        }
        sends
    }

    /// A gateway confirmed invalidations. Returns those that this settles.
    pub(super) fn confirm(
        &mut self,
        gateway: u8,
        id: SessionId,
        numbers: &[u64],
    ) -> Vec<(SessionId, u64)> {
        let Some(session) = self.sessions.get_mut(&id).filter(|s| s.gateway == gateway) else {
            return Vec::new();
        };
        let settled = numbers.iter().filter(|number| session.unconfirmed.remove(number).is_some());
        settled.map(|&number| (id, number)).collect()
    }

    /// Forgets sessions whose lease is surely over. Returns them: nothing needs to wait for them.
    pub(super) fn expire(&mut self, now: Time) -> Vec<SessionId> {
        let over: Vec<SessionId> =
            self.sessions.iter().filter(|(_, s)| now > s.lease_until).map(|(&id, _)| id).collect();
        for id in &over {
            self.sessions.remove(id);
        }
        over
    }

    /// Does this session's lease stand?
    pub(super) fn stands(&self, now: Time, gateway: u8, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|s| s.gateway == gateway && now <= s.lease_until)
    }

    /// Gateways with a standing lease.
    pub(super) fn gateways(&self, now: Time) -> std::collections::BTreeSet<u8> {
        self.sessions.values().filter(|s| now <= s.lease_until).map(|s| s.gateway).collect()
    }
}

impl Session {
    fn owes(&self, now: Time) -> bool {
        self.unconfirmed
            .first_key_value()
            .is_some_and(|(_, (since, _))| now.since(*since) > INVALIDATION_PATIENCE)
    }

    fn overdue(&self, now: Time, id: SessionId) -> Vec<Invalidate> {
        self.unconfirmed
            .iter()
            .take_while(|(_, (since, _))| now.since(*since) > INVALIDATION_RESEND)
            .map(|(&number, (_, names))| Invalidate { session: id, number, names: names.clone() })
            .collect()
    }
}
