//! The gateway: where clients come in. Holds no authority and no data that is not a copy.
//!
//! # One read
//! `GET /stocks/GameStart`: the surface calls [`GatewayProcess::try_hit`]. If the lease stands and the listing is in the
//! cache, that is the answer. Otherwise the client waits in a *fill*: one question to the catalog, shared by all clients
//! that ask for the same listing meanwhile. The answer goes to everybody who waits, and into the cache if nothing voided it.
//! A lost question is asked again; at the deadline the client is told 503.
//!
//! # One trade
//! `POST /orders`: the surface has put an idempotency key in. The trade becomes an *errand*; when the burst ends, all errands that
//! are ready go to the leader of the orders in batches. If the leader is silent, says it does not lead, or its link breaks,
//! the same trade with the same key goes out again, to whoever leads then. The first definite answer is the client's.
//!
//! # What is promised
//! - A trade happens at most once per key, however often it is sent (the catalog sees to that; this gateway always sends the same key).
//! - A client is told that nothing happened only when that is certain, and is always answered by its deadline.
//! - Every table is bounded; beyond the bound a client is told to come back.
//! - Any number of gateways may run: they propose leaders, the register decides.
//!
//! # How fresh the answers are
//! | call | freshness |
//! |---|---|
//! | a listing | linearizable with trades: from the cache only under a standing lease, else from the catalog after the question |
//! | an order | as of the leader's barrier: everything decided before the question is found |
//! | the leader | what the register said last; its leader answered a ping sent within two health intervals |
//! | readiness | the same, and the catalog is linked |
//!
//! Rooms: `routing` (errands), `cache` (lease, fills, LRU), `health` (pings), `leader` (when to stop believing in one),
//! `selection` (proposing another), `links`, [`limits`].

mod cache;
mod clients;
mod config;
mod health;
mod leader;
pub mod limits;
mod links;
mod mutants;
mod request;
mod routing;
mod selection;
mod services;
mod status;
#[cfg(test)]
mod tests;

pub use config::GatewayConfig;
#[cfg(feature = "mutants")]
pub use mutants::Mutant;
pub use request::{CacheAction, CacheEvent, ClientRequest, ClientResponse};
pub use status::{CacheStatus, GatewayStatus};

use market::listing::{Kind, Listing};
use market::name::Name;
use replication::time::Time;

use self::cache::Cache;
use self::health::Health;
use self::leader::{Belief, Cause, Verdict};
use self::links::Links;
use self::routing::Errands;
use self::selection::Selection;
use crate::process::{Effect, Input, Now, Process};

/// A gateway.
#[derive(Debug)]
pub struct GatewayProcess {
    config: GatewayConfig,
    links: Links,
    belief: Belief,
    health: Health,
    selection: Selection,
    errands: Errands,
    cache: Cache,
    /// When the catalogs were last asked for the configuration.
    asked: Option<Time>,
    shed: u64,
    drain: Drain,
}

/// How far an orderly stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    No,
    Wanted,
    Done,
}

impl GatewayProcess {
    /// A gateway that knows nobody yet and has an empty cache.
    pub fn new(config: GatewayConfig, now: Now) -> Self {
        // Names of questions must not repeat those of an earlier life whose answers may still be under way. A million
        // per millisecond of life is more than any process can ask.
        let seed = now.wall.0 << 20;
        GatewayProcess {
            links: Links::default(),
            belief: Belief::new(now.time),
            health: Health::new(now.time, config.health_interval, seed),
            selection: Selection::new(config.id),
            errands: Errands::new(seed),
            cache: Cache::new(now.time, config.cache_size, config.cache_events, seed),
            asked: None,
            shed: 0,
            drain: Drain::No,
            config,
        }
    }

    /// The fast path of a read: the listing, if the cache may answer. The same as handling a
    /// [`ClientRequest::Listing`] that hits; after `None`, handle the request.
    pub fn try_hit(
        &mut self,
        now: Now,
        name: &Name,
        kind: Kind,
        effects: &mut Vec<Effect>,
    ) -> Option<&Listing> {
        self.cache.hit(now.time, name, Some(kind), effects)
    }

    /// Names in the cache, most recently used first.
    pub fn cache_keys(&self) -> Vec<Name> {
        self.cache.keys()
    }

    /// This gateway's state in a few numbers.
    pub fn status(&self, now: Now) -> GatewayStatus {
        GatewayStatus {
            cache: self.cache.status(now.time),
            configuration: self.belief.configuration().clone(),
            leader_live: self.verdict(now.time) == Verdict::Live,
            selecting: self.selection.under_way(),
            proposals: self.selection.proposals(),
            errands: self.errands.len(),
            errands_sent: self.errands.sent(),
            resends: self.errands.resends(),
            shed: self.shed,
            catalog_linked: self.links.catalog().is_some(),
        }
    }

    /// Turns a deliberate bug on.
    #[cfg(feature = "mutants")]
    pub fn mutate(&mut self, mutant: Mutant) {
        self.cache.mutants.chosen = Some(mutant);
        self.selection.mutants.chosen = Some(mutant);
    }

    fn verdict(&self, now: Time) -> Verdict {
        self.belief.judge(now, &self.links, &self.health, self.config.orders.len())
    }

    fn drained(&mut self, effects: &mut Vec<Effect>) {
        if self.drain == Drain::Wanted && self.errands.len() == 0 && self.cache.readers() == 0 {
            self.drain = Drain::Done;
            effects.push(Effect::Drained);
        }
    }
}

impl Process for GatewayProcess {
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::LinkUp(service) => self.link_up(now.time, service, effects),
            Input::LinkDown(service) => self.link_down(now.time, service, effects),
            Input::Received { from, message } => self.receive(now.time, from, message, effects),
            Input::Client { id, request } => self.client(now.time, id, request, effects),
            Input::ClientGone(id) => self.client_gone(id),
            Input::Tick => self.tick(now.time, effects),
            Input::Drain => self.drain = self.drain.max_with(Drain::Wanted),
            // A gateway has no disk.
            Input::Persisted(_)
            | Input::Stored(_)
            | Input::History { .. }
            | Input::SnapshotRows { .. }
            | Input::Replaced(_) => {}
        }
    }

    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let verdict = self.supervise(now.time, effects);
        self.send_to_catalogs(now.time, effects);
        // A leader that seems lost gets nothing new: an answer "unavailable" is better than "unknown". One that merely stalls
        // does: its answer is the only way to find out that it works again.
        if matches!(verdict, Verdict::Live | Verdict::Lost(Cause::Stalled))
            && let Some(leader) = self.belief.leader()
            && self.errands.is_ready()
        {
            let epoch = self.belief.configuration().epoch;
            self.errands.send(now.time, leader, epoch, effects);
            self.belief.asked(now.time);
        }
        self.drained(effects);
    }
}

impl Drain {
    fn max_with(self, other: Drain) -> Drain {
        if self == Drain::Done { self } else { other }
    }
}
