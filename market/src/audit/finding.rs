//! What an audit can find.

use serde::Serialize;

use crate::name::Name;
use crate::order::OrderNumber;
use crate::orders::Totals;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A promise is broken.
    Violation,
    /// A replica is not level yet. Fine while it runs or before it was started again; not fine at the end of a test.
    Lag,
}

/// Something wrong with the orders of one replica in themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Numbers are missing.
    #[error("orders {from} to {} are missing", to - 1)]
    Gap {
        /// First missing number.
        from: OrderNumber,
        /// First number that is there again.
        to: OrderNumber,
    },
    /// A number came again, or too late.
    #[error("order {number} stands where order {expected} should")]
    Misplaced {
        /// The number found.
        number: OrderNumber,
        /// The number that should have come.
        expected: OrderNumber,
    },
    /// A row of the history is not what it should be.
    #[error("the history row at position {position} cannot be read")]
    Unreadable {
        /// Its position (of the order numbered one lower).
        position: u64,
    },
    /// The chain hash that is stored with an order is not the hash of the orders up to it.
    #[error("the chain hash stored with order {number} does not match the orders")]
    StoredChain {
        /// Which order.
        number: OrderNumber,
    },
    /// No such trade is allowed.
    #[error("order {number} has a quantity of {quantity}")]
    Quantity {
        /// Which order.
        number: OrderNumber,
        /// How many.
        quantity: u64,
    },
    /// Time never runs backwards from one order to the next.
    #[error("order {number} was decided before the order in front of it")]
    Time {
        /// Which order.
        number: OrderNumber,
    },
    /// Two orders under one idempotency key, within the time for which keys are remembered.
    #[error("orders {first} and {second} have the same idempotency key")]
    RepeatedKey {
        /// The earlier one.
        first: OrderNumber,
        /// The later one.
        second: OrderNumber,
    },
    /// The totals of a listing left the range of 64 bits.
    #[error("the totals overflow at order {number}")]
    Overflow {
        /// At which order.
        number: OrderNumber,
    },
}

/// Something that an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// Stock appeared or vanished.
    #[error(
        "{name}: initial {initial} + restocked {restocked} + sold {sold} - bought {bought} is not the quantity {quantity}"
    )]
    Conservation {
        /// Which listing.
        name: Name,
        /// Units at the start.
        initial: u64,
        /// Units added by restocks.
        restocked: u64,
        /// Units sold to us.
        sold: u64,
        /// Units bought from us.
        bought: u64,
        /// Units there are.
        quantity: u64,
    },
    /// The traded volume is not what was traded.
    #[error("{name}: the volume {volume} is not sold {sold} + bought {bought}")]
    Volume {
        /// Which listing.
        name: Name,
        /// As counted.
        volume: u64,
        /// Units sold to us.
        sold: u64,
        /// Units bought from us.
        bought: u64,
    },
    /// The outbox does not hold what it should: every order from its first number up to the next one, each once.
    #[error("the outbox, {first} to {next}, goes on with {found} where {expected} should come")]
    Outbox {
        /// First number.
        first: OrderNumber,
        /// Next number.
        next: OrderNumber,
        /// The number that should come.
        expected: OrderNumber,
        /// The number that comes.
        found: OrderNumber,
    },
    /// A fault within one replica.
    #[error("orders {replica}: {fault}")]
    Orders {
        /// Which replica.
        replica: u8,
        /// What is wrong.
        fault: Fault,
    },
    /// More faults than are listed.
    #[error("orders {replica}: {more} more faults")]
    MoreFaults {
        /// Which replica.
        replica: u8,
        /// How many more.
        more: u64,
    },
    /// A replica holds orders that the catalog never decided.
    #[error("orders {replica} holds {count} orders, but the catalog decided {next}")]
    Ahead {
        /// Which replica.
        replica: u8,
        /// How many it holds.
        count: u64,
        /// How many were decided.
        next: OrderNumber,
    },
    /// A replica is not level yet.
    #[error("orders {replica} holds {count} of {next} orders")]
    Behind {
        /// Which replica.
        replica: u8,
        /// How many it holds.
        count: u64,
        /// How many there are.
        next: OrderNumber,
    },
    /// Orders that are neither in the outbox nor at any replica.
    #[error("orders {from} to {} are lost: in no replica, and no longer in the outbox", to - 1)]
    Lost {
        /// First lost number.
        from: OrderNumber,
        /// First number that is in the outbox.
        to: OrderNumber,
    },
    /// The orders of a replica are not the ones that the catalog decided.
    #[error("orders {replica}: the chain hash at {count} orders is not the catalog's")]
    Chain {
        /// Which replica.
        replica: u8,
        /// At which count.
        count: u64,
    },
    /// Two replicas hold different orders.
    #[error("orders {replica} and orders {other} differ within their first {count} orders")]
    Diverged {
        /// One replica.
        replica: u8,
        /// The other.
        other: u8,
        /// At which count their hashes differ.
        count: u64,
    },
    /// What the catalog counted for a listing is not what the orders say.
    #[error(
        "{name}: orders {replica} add up to {} bought and {} sold, the catalog counted {} and {}",
        orders.bought, orders.sold, catalog.bought, catalog.sold
    )]
    Totals {
        /// Which replica.
        replica: u8,
        /// Which listing.
        name: Name,
        /// The catalog's counters (0 for a name it does not know).
        catalog: Totals,
        /// The sum over the orders.
        orders: Totals,
    },
    /// There is nothing to compare the catalog with.
    #[error("no order replica to compare the catalog with")]
    NoReplicas,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Finding::Behind { .. } | Finding::NoReplicas => Severity::Lag,
            _ => Severity::Violation,
        }
    }
}
