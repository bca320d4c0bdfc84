//! How a world gets its processes: from what the disk holds, as the body would.

use market::rows::Row;
use node::process::Now;
use replication::contract::{Incarnation, Recovered};

use super::machine::Machine;
use crate::scenario::Scenario;

/// Which process to start, and from what.
pub enum Part {
    /// A catalog.
    Catalog {
        /// Which one.
        id: u8,
        /// Never repeats for this catalog.
        boot: u64,
        /// Its disk.
        incarnation: Incarnation,
        /// An empty disk waits to be made a member.
        joining: bool,
        /// Its log.
        recovered: Recovered,
        /// Its store.
        rows: Vec<Row>,
    },
    /// An order replica.
    Orders {
        /// Which one.
        id: u8,
        /// Never repeats for this replica.
        boot: u64,
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
    fn make(&self, scenario: &Scenario, part: Part, now: Now) -> Result<Box<dyn Machine>, String>;
}
