//! What clients did and were told, in global virtual time. Invariants judge this, not the system's own word.

use market::listing::Listing;
use market::order::{Order, OrderNumber};
use market::trade::{Trade, TradeRefusal};

/// What became of a trade, as far as its client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeResult {
    /// Nothing definite was heard.
    Open,
    /// It is this order.
    Done(OrderNumber),
    /// It was refused.
    Refused(TradeRefusal),
}

/// One trade under one key, over all its attempts.
#[derive(Clone, Debug)]
pub struct TradeOp {
    /// What was asked.
    pub trade: Trade,
    /// Start of the first attempt.
    pub began: u64,
    /// When the definite answer came; `u64::MAX` if none did.
    pub ended: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// How it ended.
    pub result: TradeResult,
    /// The key belongs to another trade with another body: a refusal is expected.
    pub reuses_key: bool,
}

/// One look at a listing that was answered with it.
#[derive(Clone, Debug)]
pub struct ReadOp {
    /// When it was asked.
    pub began: u64,
    /// When it was answered.
    pub ended: u64,
    /// Through which gateway.
    pub gateway: u8,
    /// What was shown.
    pub listing: Listing,
}

/// One look at an order that was answered.
#[derive(Clone, Debug)]
pub struct OrderOp {
    /// When it was asked.
    pub began: u64,
    /// When it was answered.
    pub ended: u64,
    /// Which order.
    pub number: OrderNumber,
    /// What was shown; `None` for "no such order".
    pub order: Option<Order>,
}

/// Everything that clients saw.
#[derive(Debug, Default)]
pub struct History {
    /// Trades, by their start.
    pub trades: Vec<TradeOp>,
    /// Looks at listings.
    pub reads: Vec<ReadOp>,
    /// Looks at orders.
    pub orders: Vec<OrderOp>,
}

impl History {
    /// Trades that were acknowledged, with their number.
    pub fn acknowledged(&self) -> impl Iterator<Item = (&TradeOp, OrderNumber)> {
        self.trades.iter().filter_map(|op| match op.result {
            TradeResult::Done(number) => Some((op, number)),
            _ => None,
        })
    }
}
