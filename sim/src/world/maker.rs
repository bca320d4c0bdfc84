//! How a world gets its processes: from what the disk holds, as the body would.

use market::rows::Row;
use node::process::{Now, Process};
use replication::contract::{Incarnation, Recovered};

use crate::scenario::Scenario;

/// Which process to start, and from what.
pub enum Part {
    /// The catalog.
    Catalog {
        /// Never repeats for this catalog.
        boot: u64,
        /// Its log.
        recovered: Recovered,
        /// Its store.
        rows: Vec<Row>,
    },
    /// An order replica.
    Orders {
        /// Which one.
        id: u8,
        /// Its disk.
        incarnation: Incarnation,
        /// Its log.
        recovered: Recovered,
        /// Its store, but for history.
        rows: Vec<Row>,
    },
    /// A gateway.
    Gateway {
        /// Which one.
        id: u8,
    },
}

/// Makes processes.
pub trait Maker {
    /// Starts one, or says why it refuses to.
    fn make(&self, scenario: &Scenario, part: Part, now: Now) -> Result<Box<dyn Process>, String>;
}
