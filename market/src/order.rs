//! An order: the record of one successful trade, written once, never changed.

use serde::{Deserialize, Serialize};

use crate::money::Price;
use crate::name::Name;
use crate::trade::{Key, Side, WallTime};

/// Orders are numbered densely from 0.
pub type OrderNumber = u64;

/// One successful trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Dense from 0.
    pub number: OrderNumber,
    /// The key under which it was asked for.
    pub key: Key,
    /// The listing's name.
    pub name: Name,
    /// Buy or sell.
    pub side: Side,
    /// How many.
    pub quantity: u64,
    /// Price of one at the moment of the trade.
    pub unit_price: Price,
    /// The law's time at the decision: when the catalog's leader proposed it, and never before the order in front of it.
    pub decided_at: WallTime,
}
