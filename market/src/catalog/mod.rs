//! The catalog: listings, idempotency keys, the outbox of new orders, and the commands that change them.

mod apply;
mod load;
mod shelf;
mod trades;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::chain::OrderChain;
use crate::keys::Keys;
use crate::limits::{MAX_KEYS, MAX_LISTINGS, MAX_OUTBOX};
use crate::listing::{Listing, NewListing};
use crate::name::Name;
use crate::order::{Order, OrderNumber};
use crate::outbox::Outbox;
pub use crate::rows::LoadError;
use crate::trade::{Decision, Trade, WallTime};
use shelf::Shelf;

/// A change of the catalog. Time enters only here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first listings. Does nothing once there are any.
    Load {
        /// What to list; a name that was there before, or a quantity over the limit, is passed over.
        listings: Vec<NewListing>,
    },
    /// Trades, decided one after another.
    Trades {
        /// The proposer's clock.
        at: WallTime,
        /// What clients want.
        trades: Vec<Trade>,
    },
    /// Refill listings that are marked for it and stand at 0.
    Restock {
        /// The proposer's clock.
        at: WallTime,
        /// Which ones to look at.
        names: Vec<Name>,
        /// Up to how many units (at most [`crate::limits::MAX_STOCK`]).
        level: u64,
    },
    /// Everything below this number is safe elsewhere.
    Trim {
        /// First number to keep.
        keep_from: OrderNumber,
    },
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// So many listings were taken.
    Loaded(usize),
    /// One decision per trade, in their order.
    Decided(Vec<Decision>),
    /// These listings were refilled.
    Restocked(Vec<Name>),
    /// The outbox was cut.
    Trimmed {
        /// First number it still holds, or the next number.
        first: OrderNumber,
    },
}

/// How much a catalog may hold. The same on all replicas of a group, or they part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most listings.
    pub listings: usize,
    /// Most idempotency keys.
    pub keys: usize,
    /// Most orders in the outbox.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { listings: MAX_LISTINGS, keys: MAX_KEYS, outbox: MAX_OUTBOX }
    }
}

/// The catalog's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    shelf: Shelf,
    keys: Keys,
    outbox: Outbox,
    chain: OrderChain,
    time: WallTime,
    limits: Limits,
}

impl Catalog {
    /// An empty catalog.
    pub fn new() -> Self {
        Catalog::default()
    }

    /// The same catalog under other limits (smaller ones, where a test or a simulation wants to reach them).
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// One listing.
    pub fn listing(&self, name: &Name) -> Option<&Listing> {
        self.shelf.get(name)
    }

    /// All listings, by name.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.shelf.iter()
    }

    /// Listings that are marked for restock and stand at 0, by name. Kept as they change: no scan.
    pub fn empty_listings(&self) -> impl Iterator<Item = &Name> {
        self.shelf.empty()
    }

    /// The number that the next order gets: so many orders were decided.
    pub fn next_number(&self) -> OrderNumber {
        self.outbox.next()
    }

    /// First number that the outbox still holds, or the next number.
    pub fn outbox_first(&self) -> OrderNumber {
        self.outbox.first()
    }

    /// At most `max` orders from a number on, gapless; none if the outbox does not hold that number.
    pub fn outbox(&self, from: OrderNumber, max: usize) -> impl Iterator<Item = &Order> {
        self.outbox.read(from, max)
    }

    /// How many orders the outbox holds.
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }

    /// Chain hash over all orders decided.
    pub fn chain(&self) -> OrderChain {
        self.chain
    }

    /// The law's time: the highest that any command brought.
    pub fn time(&self) -> WallTime {
        self.time
    }

    /// How many idempotency keys are remembered.
    pub fn keys_len(&self) -> usize {
        self.keys.len()
    }
}
