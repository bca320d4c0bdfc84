//! The cache of listings, coherent with the catalog.
//!
//! The promise: *if the lease stands and a listing is in the cache, it equals what the catalog would answer now.*
//! Three rules make it so, together with the catalog, which lets no write be seen before every gateway with a live lease
//! has confirmed its invalidation:
//! - a gateway whose lease is over serves no hit ([`lease`]);
//! - an answer is kept only if the catalog called it cacheable, nothing voided its token meanwhile, and the session is the same;
//! - a new session empties the cache and voids every token *before* it is adopted.
//!
//! Versions are a backstop: a listing older than one seen before is never kept.

mod fill;
mod lease;

use std::num::NonZeroUsize;

use lru::LruCache;
use market::listing::{Kind, Listing};
use market::name::Name;
use replication::time::Time;

use self::fill::Fills;
use self::lease::{Adopted, Lease};
use super::limits::MAX_SEEN_VERSIONS;
use super::mutants::Mutants;
use super::request::{CacheAction, CacheEvent};
use super::status::CacheStatus;
use crate::message::{Fill, Filled, Invalidate, Invalidated, Lease as Grant, Renew};
use crate::process::{Effect, Event, RequestId};

/// The cache, its lease, and the fills under way.
#[derive(Debug)]
pub(super) struct Cache {
    /// `None` when the cache is off.
    entries: Option<LruCache<Name, Listing>>,
    /// Highest version seen, of names asked for lately.
    seen: LruCache<Name, u64>,
    lease: Lease,
    fills: Fills,
    counts: Counts,
    says_events: bool,
    pub(super) mutants: Mutants,
}

#[derive(Debug, Default)]
struct Counts {
    hits: u64,
    misses: u64,
    fills: u64,
    evictions: u64,
    invalidations: u64,
    sessions: u64,
}

/// An answer for clients that waited: the listing, or that there is none.
pub(super) type Answers = Vec<(RequestId, Kind)>;

impl Cache {
    pub(super) fn new(now: Time, size: usize, says_events: bool, first_token: u64) -> Self {
        let most = NonZeroUsize::new(MAX_SEEN_VERSIONS).expect("the limit is not zero");
        Cache {
            entries: NonZeroUsize::new(size).map(LruCache::sparse),
            seen: LruCache::sparse(most),
            lease: Lease::new(now),
            fills: Fills::new(first_token),
            counts: Counts::default(),
            says_events,
            mutants: Mutants::default(),
        }
    }

    /// The listing from the cache, if it may be served now. With a kind, only a listing of that kind counts.
    pub(super) fn hit(
        &mut self,
        now: Time,
        name: &Name,
        kind: Option<Kind>,
        effects: &mut Vec<Effect>,
    ) -> Option<&Listing> {
        if !self.lease.stands(now) && !self.mutants.serve_after_lease() {
            return None;
        }
        let listing = self.entries.as_mut()?.get(name)?;
        if kind.is_some_and(|kind| kind != listing.kind) {
            return None;
        }
        self.counts.hits += 1;
        if self.says_events {
            effects.push(event(CacheAction::Hit, name));
        }
        Some(listing)
    }

    /// Lets a client wait for the catalog's answer. False: too many wait already.
    pub(super) fn wait(
        &mut self,
        now: Time,
        id: RequestId,
        (name, kind): (&Name, Kind),
        deadline: Time,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let session = self.lease.stands(now).then(|| self.lease.session());
        if !self.fills.wait(id, name, kind, deadline, session) {
            return false;
        }
        self.counts.misses += 1;
        self.say(CacheAction::Miss, name, effects);
        true
    }

    /// Takes the catalog's answer; says who waited for it.
    pub(super) fn filled(
        &mut self,
        now: Time,
        filled: &Filled,
        effects: &mut Vec<Effect>,
    ) -> Answers {
        let serves_late = filled.cacheable || self.mutants.serve_late_joiners();
        let session = serves_late.then_some(filled.session);
        let Some((fill, readers)) = self.fills.answered(filled.token, &filled.name, session) else {
            return Vec::new();
        };
        let valid = filled.cacheable
            && (!fill.voided || self.mutants.fill_without_token())
            && filled.session == self.lease.session()
            && (fill.session == filled.session || self.mutants.fill_without_token())
            && self.lease.stands(now);
        if let Some(listing) = &filled.listing
            && listing.name == filled.name
            && self.is_newest(listing)
            && valid
        {
            self.install(listing.clone(), effects);
        }
        readers
    }

    /// Notes the version; whether nothing newer was seen before.
    fn is_newest(&mut self, listing: &Listing) -> bool {
        let seen = self.seen.get_or_insert_mut(listing.name.clone(), || listing.version);
        *seen = (*seen).max(listing.version);
        *seen == listing.version
    }

    fn install(&mut self, listing: Listing, effects: &mut Vec<Effect>) {
        let name = listing.name.clone();
        let Some(entries) = &mut self.entries else { return };
        let pushed_out = entries.push(name.clone(), listing);
        self.counts.fills += 1;
        if let Some((other, _)) = pushed_out.filter(|(other, _)| *other != name) {
            self.counts.evictions += 1;
            self.say(CacheAction::Evict, &other, effects);
        }
        self.say(CacheAction::Fill, &name, effects);
    }

    /// Carries an invalidation out. What belongs to another session than the one held is left alone, unconfirmed: the catalog
    /// sends it again, or waits for that session's lease to run out.
    pub(super) fn invalidate(&mut self, invalidate: &Invalidate, effects: &mut Vec<Effect>) {
        if invalidate.session != self.lease.session() || invalidate.session == 0 {
            return;
        }
        for name in &invalidate.names {
            self.remove(name, effects);
        }
        self.lease.carried_out(invalidate.number);
    }

    /// Drops one entry and voids the name's fill; whether the entry was there.
    pub(super) fn remove(&mut self, name: &Name, effects: &mut Vec<Effect>) -> bool {
        self.fills.void(name);
        let existed = self.entries.as_mut().is_some_and(|entries| entries.pop(name).is_some());
        if existed {
            self.counts.invalidations += 1;
            self.say(CacheAction::Invalidate, name, effects);
        }
        existed
    }

    /// Takes a grant of the lease.
    pub(super) fn granted(&mut self, now: Time, grant: &Grant, effects: &mut Vec<Effect>) {
        let late = self.mutants.lease_from_grant();
        if self.lease.grant(now, grant, late) == Adopted::NewSession {
            self.counts.sessions += 1;
            self.fills.void_all();
            self.empty(effects);
        }
    }

    fn empty(&mut self, effects: &mut Vec<Effect>) {
        while let Some((name, _)) = self.entries.as_mut().and_then(LruCache::pop_lru) {
            self.counts.invalidations += 1;
            self.say(CacheAction::Invalidate, &name, effects);
        }
    }

    /// A catalog can be reached (again), or leads now: renew the lease and ask everything again.
    pub(super) fn catalog_up(&mut self, now: Time) {
        self.lease.hurry(now);
        self.fills.resend_all();
    }

    /// The renewal to send now, if one is due. None ever when the cache is off: no write need wait for this gateway.
    pub(super) fn renewal(&mut self, now: Time) -> Option<Renew> {
        self.entries.as_ref()?;
        self.lease.renew(now)
    }

    /// Confirmations to send now.
    pub(super) fn confirmations(&mut self) -> Option<Invalidated> {
        self.lease.confirmations()
    }

    /// Questions to send now.
    pub(super) fn questions(&mut self, now: Time) -> Vec<Fill> {
        self.fills.questions(now, self.lease.session())
    }

    /// Time passed: marks silent questions, and says which clients waited too long.
    pub(super) fn tick(&mut self, now: Time) -> Vec<RequestId> {
        self.fills.resend_silent(now);
        self.fills.overdue(now)
    }

    /// A client does not wait any more.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.fills.forget(id);
    }

    /// Clients that wait for a listing.
    pub(super) fn readers(&self) -> usize {
        self.fills.readers()
    }

    /// Whether hits may be served now; `None` when the cache is off.
    pub(super) fn lease_stands(&self, now: Time) -> Option<bool> {
        self.entries.as_ref().map(|_| self.lease.stands(now))
    }

    /// Names in the cache, most recently used first.
    pub(super) fn keys(&self) -> Vec<Name> {
        self.entries.iter().flat_map(LruCache::iter).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn status(&self, now: Time) -> CacheStatus {
        CacheStatus {
            size: self.entries.as_ref().map_or(0, |entries| entries.cap().get()),
            len: self.entries.as_ref().map_or(0, LruCache::len),
            hits: self.counts.hits,
            misses: self.counts.misses,
            fills: self.counts.fills,
            evictions: self.counts.evictions,
            invalidations: self.counts.invalidations,
            sessions: self.counts.sessions,
            session: self.lease.session(),
            lease_left: self.lease.until().since(now),
            fills_under_way: self.fills.len(),
            readers: self.fills.readers(),
        }
    }

    fn say(&self, action: CacheAction, name: &Name, effects: &mut Vec<Effect>) {
        if self.says_events {
            effects.push(event(action, name));
        }
    }
}

fn event(action: CacheAction, name: &Name) -> Effect {
    Effect::Event(Event::Cache(CacheEvent { action, name: name.clone() }))
}
