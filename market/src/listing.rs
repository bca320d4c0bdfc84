//! A listing: something that can be bought and sold, and its counters.

use serde::{Deserialize, Serialize};

use crate::money::Price;
use crate::name::Name;

/// What sort of thing is listed; decides under which path a client finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Found under `/stocks/<name>`.
    Stock,
    /// Found under `/products/<name>`.
    Toy,
}

/// A new listing, as a catalog file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewListing {
    /// Unique over all kinds.
    pub name: Name,
    /// Stock or toy.
    pub kind: Kind,
    /// Price of one.
    pub price: Price,
    /// Units at the start.
    pub quantity: u64,
    /// Refilled to the restock level when a look finds it at 0.
    pub restock: bool,
}

/// A listing.
///
/// Invariant (conservation): `initial + restocked + sold - bought == quantity`, and `volume == sold + bought`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Unique over all kinds.
    pub name: Name,
    /// Stock or toy.
    pub kind: Kind,
    /// Price of one.
    pub price: Price,
    /// Units available now.
    pub quantity: u64,
    /// Units traded, both ways.
    pub volume: u64,
    /// Units at the start.
    pub initial: u64,
    /// Units added by restocks.
    pub restocked: u64,
    /// Units that clients sold to us.
    pub sold: u64,
    /// Units that clients bought from us.
    pub bought: u64,
    /// Refilled when a look finds it at 0.
    pub restock: bool,
    /// Position of the log entry that changed it last.
    pub version: u64,
}
