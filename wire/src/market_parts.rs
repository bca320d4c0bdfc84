//! Trades, orders and listings.

use market::listing::{Kind, Listing};
use market::money::Price;
use market::order::Order;
use market::trade::{Side, Trade, TradeRefusal, WallTime};
use node::message::Outcome;

use crate::convert::{key, name, out_of_range, required};
use crate::error::DecodeError;
use crate::v1;
use v1::trade_refusal::Reason;

fn encode_side(side: Side) -> i32 {
    match side {
        Side::Buy => v1::Side::Buy.into(),
        Side::Sell => v1::Side::Sell.into(),
    }
}

fn decode_side(side: i32) -> Result<Side, DecodeError> {
    match v1::Side::try_from(side) {
        Ok(v1::Side::Buy) => Ok(Side::Buy),
        Ok(v1::Side::Sell) => Ok(Side::Sell),
        Ok(v1::Side::Unspecified) | Err(_) => Err(out_of_range("side", side)),
    }
}

fn encode_kind(kind: Kind) -> i32 {
    match kind {
        Kind::Stock => v1::ListingKind::Stock.into(),
        Kind::Toy => v1::ListingKind::Toy.into(),
    }
}

fn decode_kind(kind: i32) -> Result<Kind, DecodeError> {
    match v1::ListingKind::try_from(kind) {
        Ok(v1::ListingKind::Stock) => Ok(Kind::Stock),
        Ok(v1::ListingKind::Toy) => Ok(Kind::Toy),
        Ok(v1::ListingKind::Unspecified) | Err(_) => Err(out_of_range("listing kind", kind)),
    }
}

impl From<Trade> for v1::Trade {
    fn from(trade: Trade) -> Self {
        v1::Trade {
            key: Some(trade.key.0.into()),
            born_ms: trade.born.map(|born| born.0),
            name: trade.name.into(),
            side: encode_side(trade.side),
            quantity: trade.quantity,
        }
    }
}

impl TryFrom<v1::Trade> for Trade {
    type Error = DecodeError;

    fn try_from(trade: v1::Trade) -> Result<Self, DecodeError> {
        Ok(Trade {
            key: key(trade.key)?,
            born: trade.born_ms.map(WallTime),
            name: name(&trade.name)?,
            side: decode_side(trade.side)?,
            quantity: trade.quantity,
        })
    }
}

impl From<Order> for v1::Order {
    fn from(order: Order) -> Self {
        v1::Order {
            number: order.number,
            key: Some(order.key.0.into()),
            name: order.name.into(),
            side: encode_side(order.side),
            quantity: order.quantity,
            unit_price_minor: order.unit_price.minor(),
            decided_at_ms: order.decided_at.0,
        }
    }
}

impl TryFrom<v1::Order> for Order {
    type Error = DecodeError;

    fn try_from(order: v1::Order) -> Result<Self, DecodeError> {
        Ok(Order {
            number: order.number,
            key: key(order.key)?,
            name: name(&order.name)?,
            side: decode_side(order.side)?,
            quantity: order.quantity,
            unit_price: Price::from_minor(order.unit_price_minor)?,
            decided_at: WallTime(order.decided_at_ms),
        })
    }
}

impl From<Listing> for v1::Listing {
    fn from(listing: Listing) -> Self {
        v1::Listing {
            name: listing.name.into(),
            kind: encode_kind(listing.kind),
            price_minor: listing.price.minor(),
            quantity: listing.quantity,
            volume: listing.volume,
            initial: listing.initial,
            restocked: listing.restocked,
            sold: listing.sold,
            bought: listing.bought,
            restock: listing.restock,
            version: listing.version,
        }
    }
}

impl TryFrom<v1::Listing> for Listing {
    type Error = DecodeError;

    fn try_from(listing: v1::Listing) -> Result<Self, DecodeError> {
        Ok(Listing {
            name: name(&listing.name)?,
            kind: decode_kind(listing.kind)?,
            price: Price::from_minor(listing.price_minor)?,
            quantity: listing.quantity,
            volume: listing.volume,
            initial: listing.initial,
            restocked: listing.restocked,
            sold: listing.sold,
            bought: listing.bought,
            restock: listing.restock,
            version: listing.version,
        })
    }
}

impl From<TradeRefusal> for v1::TradeRefusal {
    fn from(refusal: TradeRefusal) -> Self {
        let (reason, available) = match refusal {
            TradeRefusal::UnknownListing => (Reason::UnknownListing, 0),
            TradeRefusal::InsufficientQuantity { available } => {
                (Reason::InsufficientQuantity, available)
            }
            TradeRefusal::QuantityOutOfRange => (Reason::QuantityOutOfRange, 0),
            TradeRefusal::KeyReused => (Reason::KeyReused, 0),
            TradeRefusal::KeyExpired => (Reason::KeyExpired, 0),
            TradeRefusal::Overloaded => (Reason::Overloaded, 0),
        };
        v1::TradeRefusal { reason: reason.into(), available }
    }
}

impl TryFrom<v1::TradeRefusal> for TradeRefusal {
    type Error = DecodeError;

    fn try_from(refusal: v1::TradeRefusal) -> Result<Self, DecodeError> {
        let available = refusal.available;
        Ok(match Reason::try_from(refusal.reason) {
            Ok(Reason::UnknownListing) => TradeRefusal::UnknownListing,
            Ok(Reason::InsufficientQuantity) => TradeRefusal::InsufficientQuantity { available },
            Ok(Reason::QuantityOutOfRange) => TradeRefusal::QuantityOutOfRange,
            Ok(Reason::KeyReused) => TradeRefusal::KeyReused,
            Ok(Reason::KeyExpired) => TradeRefusal::KeyExpired,
            Ok(Reason::Overloaded) => TradeRefusal::Overloaded,
            Ok(Reason::Unspecified) | Err(_) => {
                return Err(out_of_range("trade refusal", refusal.reason));
            }
        })
    }
}

impl From<Outcome> for v1::Outcome {
    fn from(outcome: Outcome) -> Self {
        use v1::outcome::Outcome as Wire;
        let outcome = match outcome {
            Outcome::Order(number) => Wire::Order(number),
            Outcome::Refused(refusal) => Wire::Refused(refusal.into()),
        };
        v1::Outcome { outcome: Some(outcome) }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = DecodeError;

    fn try_from(outcome: v1::Outcome) -> Result<Self, DecodeError> {
        use v1::outcome::Outcome as Wire;
        Ok(match required(outcome.outcome, "outcome")? {
            Wire::Order(number) => Outcome::Order(number),
            Wire::Refused(refusal) => Outcome::Refused(refusal.try_into()?),
        })
    }
}
