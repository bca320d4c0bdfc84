//! Decisions and the outbox: between the orders leader and the catalog.

use market::order::Order;
use market::trade::Trade;
use node::message::{Decide, Decided, Outbox, Outcome, ReadOutbox, Trim};

use crate::convert::each;
use crate::error::DecodeError;
use crate::limits::{MAX_ITEMS, MAX_ORDERS};
use crate::v1;

impl From<Decide> for v1::Decide {
    fn from(decide: Decide) -> Self {
        v1::Decide {
            epoch: decide.epoch,
            batch: decide.batch,
            trades: decide.trades.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Decide> for Decide {
    type Error = DecodeError;

    fn try_from(decide: v1::Decide) -> Result<Self, DecodeError> {
        Ok(Decide {
            epoch: decide.epoch,
            batch: decide.batch,
            trades: each(decide.trades, MAX_ITEMS, "trades", Trade::try_from)?,
        })
    }
}

impl From<Decided> for v1::Decided {
    fn from(decided: Decided) -> Self {
        v1::Decided {
            epoch: decided.epoch,
            batch: decided.batch,
            outcomes: decided.outcomes.into_iter().map(Into::into).collect(),
            orders: decided.orders.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Decided> for Decided {
    type Error = DecodeError;

    fn try_from(decided: v1::Decided) -> Result<Self, DecodeError> {
        Ok(Decided {
            epoch: decided.epoch,
            batch: decided.batch,
            outcomes: each(decided.outcomes, MAX_ITEMS, "outcomes", Outcome::try_from)?,
            orders: each(decided.orders, MAX_ORDERS, "orders", Order::try_from)?,
        })
    }
}

impl From<ReadOutbox> for v1::ReadOutbox {
    fn from(read: ReadOutbox) -> Self {
        v1::ReadOutbox { epoch: read.epoch, question: read.question, from: read.from }
    }
}

impl From<v1::ReadOutbox> for ReadOutbox {
    fn from(read: v1::ReadOutbox) -> Self {
        ReadOutbox { epoch: read.epoch, question: read.question, from: read.from }
    }
}

impl From<Outbox> for v1::Outbox {
    fn from(outbox: Outbox) -> Self {
        v1::Outbox {
            epoch: outbox.epoch,
            question: outbox.question,
            first: outbox.first,
            next: outbox.next,
            orders: outbox.orders.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Outbox> for Outbox {
    type Error = DecodeError;

    fn try_from(outbox: v1::Outbox) -> Result<Self, DecodeError> {
        Ok(Outbox {
            epoch: outbox.epoch,
            question: outbox.question,
            first: outbox.first,
            next: outbox.next,
            orders: each(outbox.orders, MAX_ORDERS, "orders", Order::try_from)?,
        })
    }
}

impl From<Trim> for v1::Trim {
    fn from(trim: Trim) -> Self {
        v1::Trim { epoch: trim.epoch, version: trim.version, keep_from: trim.keep_from }
    }
}

impl From<v1::Trim> for Trim {
    fn from(trim: v1::Trim) -> Self {
        Trim { epoch: trim.epoch, version: trim.version, keep_from: trim.keep_from }
    }
}
