//! Catalog replicas against one another, and against the orders.

use std::fmt;

use market::audit::OrdersSide;
use replication::contract::{ChainHash, Position};
use serde::Serialize;
use wire::inspect::CatalogState;

/// One catalog replica in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogLine {
    /// Which one.
    pub id: u8,
    /// How far it has come in the group's log.
    pub position: Position,
    /// Hash of that prefix of the log, in hex.
    pub hash: String,
}

/// Something in which a catalog replica is not as the most advanced one, or as the orders say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Disagreement {
    /// Two logs differ.
    #[error(
        "catalog-{replica} and catalog-{other} differ in the first {position} entries of their logs"
    )]
    Log {
        /// One replica.
        replica: u8,
        /// The other.
        other: u8,
        /// Where they were compared.
        position: Position,
    },
    /// Equal logs, and yet another state.
    #[error("catalog-{replica} and catalog-{other} hold different {what} at position {position}")]
    State {
        /// One replica.
        replica: u8,
        /// The other.
        other: u8,
        /// In what they differ.
        what: &'static str,
        /// Where they were compared.
        position: Position,
    },
    /// What a catalog replica decided is not what an order replica holds.
    #[error("catalog-{replica} and orders-{orders} differ within their first {count} orders")]
    Orders {
        /// The catalog replica.
        replica: u8,
        /// The order replica.
        orders: u8,
        /// At which count their hashes differ.
        count: u64,
    },
    /// A replica is not level yet.
    #[error("catalog-{replica} holds {position} of {end} entries of the log")]
    Behind {
        /// Which one.
        replica: u8,
        /// How far it has come.
        position: Position,
        /// How far it should have.
        end: Position,
    },
    /// Stopped earlier than a majority that holds the rest: it will be brought level once it runs. What it decided until then was
    /// compared with the orders.
    #[error(
        "catalog-{replica} was stopped at entry {position} of {end}; a majority holds the rest"
    )]
    Earlier {
        /// Which one.
        replica: u8,
        /// How far it had come.
        position: Position,
        /// How far the group came.
        end: Position,
    },
    /// It cannot be told whether two replicas agree.
    #[error("catalog-{replica} could not be compared at position {position}: {reason}")]
    Unknown {
        /// Which one.
        replica: u8,
        /// Where.
        position: Position,
        /// Why not.
        reason: &'static str,
    },
}

/// How bad a disagreement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be; worth a word.
    Note,
    /// No promise is broken, as far as can be told; not level.
    Lag,
    /// A promise is broken.
    Violation,
}

impl Disagreement {
    /// How bad it is.
    pub fn weight(&self) -> Weight {
        match self {
            Disagreement::Earlier { .. } => Weight::Note,
            Disagreement::Behind { .. } | Disagreement::Unknown { .. } => Weight::Lag,
            Disagreement::Log { .. } | Disagreement::State { .. } | Disagreement::Orders { .. } => {
                Weight::Violation
            }
        }
    }
}

impl CatalogLine {
    pub(super) fn of(id: u8, position: Position, hash: ChainHash) -> Self {
        let hash = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        CatalogLine { id, position, hash }
    }
}

impl fmt::Display for CatalogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "catalog {:<2}{:>10} entries {}", self.id, self.position, self.hash)
    }
}

/// Two replicas' states of the same position.
pub(super) fn compare(
    (replica, state): (u8, &CatalogState),
    (other, reference): (u8, &CatalogState),
) -> Vec<Disagreement> {
    let position = reference.position;
    if state.hash != reference.hash {
        return vec![Disagreement::Log { replica, other, position }];
    }
    let parts = [
        ("orders", state.next_number == reference.next_number && state.chain == reference.chain),
        ("outboxes", state.outbox_first == reference.outbox_first),
        ("registers", state.configuration == reference.configuration),
        ("numbers of keys", state.keys == reference.keys),
        ("listings", state.listings == reference.listings),
    ];
    let differing = parts.into_iter().filter(|(_, same)| !same);
    differing.map(|(what, _)| Disagreement::State { replica, other, what, position }).collect()
}

/// What a catalog replica decided, against every order replica that holds as much. The order replicas were asked for their hashes
/// at exactly its number of orders.
pub(super) fn against_orders(
    replica: u8,
    state: &CatalogState,
    sides: &[OrdersSide],
) -> Vec<Disagreement> {
    let count = state.next_number;
    let differing = sides
        .iter()
        .filter(|side| side.chains.get(&count).is_some_and(|chain| *chain != state.chain));
    differing.map(|side| Disagreement::Orders { replica, orders: side.id, count }).collect()
}

#[cfg(test)]
mod tests {
    use market::chain::OrderChain;

    use super::*;

    fn state() -> CatalogState {
        CatalogState {
            position: 9,
            hash: ChainHash([1; 16]),
            next_number: 5,
            chain: OrderChain([2; 16]),
            outbox_first: 3,
            configuration: Default::default(),
            keys: 5,
            listings: Vec::new(),
        }
    }

    #[test]
    fn every_part_of_a_state_is_compared() {
        let differing = |alter: fn(&mut CatalogState)| {
            let mut other = state();
            alter(&mut other);
            compare((2, &other), (1, &state())).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(differing(|_| ()), [""; 0]);
        let log = "catalog-2 and catalog-1 differ in the first 9 entries of their logs";
        assert_eq!(differing(|state| state.hash = ChainHash::EMPTY), [log]);
        let told = |what| [format!("catalog-2 and catalog-1 hold different {what} at position 9")];
        assert_eq!(differing(|state| state.chain = OrderChain::EMPTY), told("orders"));
        assert_eq!(differing(|state| state.next_number = 6), told("orders"));
        assert_eq!(differing(|state| state.outbox_first = 4), told("outboxes"));
        assert_eq!(differing(|state| state.configuration.version = 1), told("registers"));
        assert_eq!(differing(|state| state.keys = 4), told("numbers of keys"));
    }

    #[test]
    fn decisions_are_held_against_replicas_that_hold_as_many_orders() {
        let side = |id, count, chain| OrdersSide {
            id,
            count,
            chains: [(count, OrderChain([chain; 16]))].into(),
            ..OrdersSide::default()
        };
        let sides = [side(1, 5, 2), side(2, 4, 7), side(3, 5, 7)];
        let found = against_orders(2, &state(), &sides);
        assert_eq!(found, [Disagreement::Orders { replica: 2, orders: 3, count: 5 }]);
        assert_eq!(found[0].weight(), Weight::Violation);
    }
}
