//! What a client may ask of a gateway, and what it may be told. The REST surface translates to and from these.

use market::listing::{Kind, Listing};
use market::name::Name;
use market::order::{Order, OrderNumber};
use market::trade::{Trade, TradeRefusal};
use replication::register::Configuration;

/// A client's wish, already parsed and bounded by the surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRequest {
    /// Look a listing up.
    Listing {
        /// Its name.
        name: Name,
        /// Only if it is of this kind.
        kind: Kind,
    },
    /// Trade. The surface has put a key in: the client's, or one of its own.
    Trade(Trade),
    /// Look an order up.
    Order(OrderNumber),
    /// Who leads the orders?
    Leader,
    /// Can this gateway serve a trade?
    Ready,
    /// Internal: drop one entry of this gateway's cache.
    Invalidate(Name),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientResponse {
    /// The listing.
    Listing(Listing),
    /// No listing of that name and kind.
    NoListing,
    /// The trade was done; its order's number.
    Traded(OrderNumber),
    /// The trade was refused; nothing changed.
    Refused(TradeRefusal),
    /// The order.
    Order(Order),
    /// No such order.
    NoOrder,
    /// The configuration of the orders group as of now; its leader answered a health check or a request lately.
    Leader(Configuration),
    /// A trade could be served now.
    Ready,
    /// The entry was there, or not.
    Invalidated {
        /// It was there.
        existed: bool,
    },
    /// Could not be served, and certainly nothing was done: 503 with `Retry-After`.
    Unavailable {
        /// A sentence for a person.
        reason: &'static str,
    },
    /// A trade that was sent on and not answered in time: it may or may not have happened; 504 with `Retry-After`.
    /// The same key finds out.
    Unknown,
    /// Too much to do: 429 with `Retry-After`; nothing was done.
    Busy,
}

/// Something the cache did, for the cache log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEvent {
    /// What.
    pub action: CacheAction,
    /// To which listing.
    pub name: Name,
}

/// What a cache does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheAction {
    /// Answered from the cache.
    Hit,
    /// Not there, or the lease was over.
    Miss,
    /// Put in.
    Fill,
    /// Pushed out by a fill, being the least recently used.
    Evict,
    /// Dropped because the catalog or an operator said so.
    Invalidate,
}
