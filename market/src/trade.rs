//! A trade: what a client wants, and what the catalog decided.

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::order::{Order, OrderNumber};

/// Wall-clock time in milliseconds since 1970, as the proposer of a command saw it. It enters the law only inside commands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WallTime(pub u64);

/// An idempotency key, already scoped by principal and digested to 128 bits by the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub u128);

/// What a client wants done with a listing, from the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The client buys: remaining quantity goes down.
    Buy,
    /// The client sells: remaining quantity goes up.
    Sell,
}

/// One request to trade, with the key that makes it happen at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Same key, same answer, one trade.
    pub key: Key,
    /// When the key was made, if the key itself tells (or the gateway made it): such a key is refused once it is older
    /// than the retention horizon, so forgetting it can never repeat a trade.
    pub born: Option<WallTime>,
    /// The listing's name.
    pub name: Name,
    /// Buy or sell.
    pub side: Side,
    /// How many, at least 1 and at most [`crate::limits::MAX_QUANTITY`].
    pub quantity: u64,
}

/// What the catalog decided about one trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Done now: this order was minted by this very command.
    Done(Order),
    /// Done before under the same key: the order's number.
    Replayed(OrderNumber),
    /// Refused, now or before under the same key; nothing changed.
    Refused(TradeRefusal),
}

/// Why a trade was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TradeRefusal {
    /// No listing has that name.
    #[error("no listing has this name")]
    UnknownListing,
    /// Fewer are left than asked for.
    #[error("insufficient quantity: {available} left")]
    InsufficientQuantity {
        /// How many were left when it was decided.
        available: u64,
    },
    /// The quantity is 0, over the limit, or would overflow the listing's counters.
    #[error("the quantity is out of range")]
    QuantityOutOfRange,
    /// The key was used before with another body.
    #[error("this idempotency key was used before with another request")]
    KeyReused,
    /// The key is older than the catalog remembers keys.
    #[error("this idempotency key is older than keys are remembered")]
    KeyExpired,
    /// The catalog cannot take more right now: key table or outbox is at its limit. Nothing was remembered; try later.
    #[error("the catalog is at its limit, try again later")]
    Overloaded,
}
