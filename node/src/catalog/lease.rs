//! Volume leases of the gateways' caches, as the catalog keeps them.
//!
//! Source: Yin, Alvisi, Dahlin and Lin, "Volume leases for consistency in large-scale systems" (1999): one lease per cache
//! covers all its entries. A session is one uninterrupted stretch of leases of one gateway; it starts with an empty cache.
//!
//! Invariant: while a gateway may still believe in a session's lease, that session is in the table, and every write proposed
//! meanwhile has put an unconfirmed invalidation into it or was confirmed by the gateway.
//!
//! # Another leader's leases
//! A new leader knows nothing of the leases that earlier ones granted. It waits until the last of them is surely over, or until every
//! gateway has *adopted* one of its own sessions: the gateway renewed in a session that it was given in place of an earlier one, so
//! it has emptied its cache and will not go back. A gateway that named no earlier session when it was given one has begun anew; the
//! life before it may only be paused and believe in its lease, so nothing but time helps.
//!
//! This rests on a gateway's id meaning one life at a time: two that run side by side, both with leases of the last leader, would be
//! taken for one. So would one that is paused and replaced if leader and life change within the length of one lease.

use std::collections::{BTreeMap, BTreeSet};

use market::name::Name;
use replication::time::Time;

use crate::limits::{INVALIDATION_PATIENCE, INVALIDATION_RESEND, LEASE, LEASE_MARGIN, SESSIONS};
use crate::message::{Invalidate, Lease, Renew};

/// Names a session; never repeats, whoever leads and however often.
pub(super) type SessionId = u64;

#[derive(Debug)]
struct Session {
    gateway: u8,
    /// The session that the gateway named when this one was opened for it, 0 for none.
    instead_of: SessionId,
    /// When the renewal that opened this session was sent, on the gateway's clock.
    opened_by: Time,
    /// The same of the latest renewal that was granted.
    renewed_by: Time,
    lease_until: Time,
    next_number: u64,
    unconfirmed: BTreeMap<u64, (Time, Vec<Name>)>,
}

/// What a renewal is about.
enum Whose {
    /// A session that stands.
    Standing(SessionId),
    /// One that was replaced since.
    Late,
    /// None that is known.
    Nobodys,
}

/// All sessions of all gateways.
#[derive(Debug)]
pub(super) struct Leases {
    sessions: BTreeMap<SessionId, Session>,
    next_id: SessionId,
    /// Gateways that went over from an earlier session to one of these.
    adopted: BTreeSet<u8>,
}

impl Leases {
    /// No sessions yet. Their ids are counted up from `first_id`.
    pub(super) fn new(first_id: SessionId) -> Self {
        Leases { sessions: BTreeMap::new(), next_id: first_id, adopted: BTreeSet::new() }
    }

    /// Whether each of these gateways has adopted a session, so that no earlier one counts any more. Of nobody that is not said.
    pub(super) fn adopted_by_all(&self, gateways: &[u8]) -> bool {
        !gateways.is_empty() && gateways.iter().all(|gateway| self.adopted.contains(gateway))
    }

    /// Handles a renewal: `None` says nothing (it came late, or the table is full). A session that owes a confirmation is
    /// granted no time. Also says which invalidations to send again.
    pub(super) fn renew(
        &mut self,
        now: Time,
        gateway: u8,
        renew: &Renew,
    ) -> Option<(Lease, Vec<Invalidate>)> {
        let id = match self.whose(now, gateway, renew) {
            Whose::Standing(id) => id,
            Whose::Late => return None,
            Whose::Nobodys => self.open(gateway, renew)?,
        };
        let session = self.sessions.get_mut(&id).expect("the session was found or opened above");
        if renew.session == id && session.instead_of != 0 {
            self.adopted.insert(gateway);
        }
        let resend = session.overdue(now, id);
        if session.owes(now) {
            // Without a renewal the lease runs out, and the writes that wait for this gateway go on.
            return Some((
                Lease { session: id, sent_at: renew.sent_at, ttl: Default::default() },
                resend,
            ));
        }
        session.lease_until = session.lease_until.max(now + LEASE + LEASE_MARGIN);
        session.renewed_by = session.renewed_by.max(renew.sent_at);
        Some((Lease { session: id, sent_at: renew.sent_at, ttl: LEASE }, resend))
    }

    /// Which session a renewal is about.
    ///
    /// Every session opened needlessly is one that its gateway never confirms anything in, so that writes wait until its lease
    /// is over. Renewals sent while the first grant was under way (they name the same session that is gone), and copies of
    /// the renewal that opened a session, are therefore answered with that session; a renewal older than one that was
    /// granted is late, and its grant would be ignored. What names no session at all may be another life of the gateway while
    /// the earlier one is only paused, so only the very same renewal counts as a copy then.
    fn whose(&self, now: Time, gateway: u8, renew: &Renew) -> Whose {
        if self.stands(now, gateway, renew.session) {
            return Whose::Standing(renew.session);
        }
        let of_gateway = |(_, session): &(&SessionId, &Session)| {
            session.gateway == gateway && now <= session.lease_until
        };
        for (&id, session) in self.sessions.iter().rev().filter(of_gateway) {
            if renew.sent_at < session.renewed_by {
                return Whose::Late;
            }
            let copy = renew.session != 0 || renew.sent_at == session.opened_by;
            if copy && session.instead_of == renew.session {
                return Whose::Standing(id);
            }
        }
        Whose::Nobodys
    }

    fn open(&mut self, gateway: u8, renew: &Renew) -> Option<SessionId> {
        if self.sessions.len() >= SESSIONS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let session = Session {
            gateway,
            instead_of: renew.session,
            opened_by: renew.sent_at,
            renewed_by: renew.sent_at,
            lease_until: Time(0),
            next_number: 1,
            unconfirmed: BTreeMap::new(),
        };
        self.sessions.insert(id, session);
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
