//! The catalog group's replicated state: the market's law and, beside it, the register of the orders group.
//!
//! Invariant: a command from an epoch that is over, or about an in-sync set that is no longer the one, changes nothing.

use market::catalog::{Catalog, Command as Law, Reply};
use market::rows::{Row, RowChange, Table};
use replication::contract::Position;
use replication::register::{Configuration, Refusal};

use super::StartError;
use super::command::Command;
use super::mutants::Mutants;

/// Facts row that holds the register.
const REGISTER_KEY: &[u8] = b"register";

/// The replicated state.
#[derive(Clone, Debug)]
pub struct State {
    /// Listings, keys, outbox.
    pub law: Catalog,
    /// Who leads the orders.
    pub register: Configuration,
    pub(super) mutants: Mutants,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The law answered.
    Law(Reply),
    /// The sender's epoch or configuration is over; nothing changed.
    Fenced,
    /// The register changed or not.
    Register(Result<(), Refusal>),
}

impl State {
    /// State as the store's rows have it.
    pub fn load(rows: Vec<Row>) -> Result<Self, StartError> {
        let register = rows
            .iter()
            .find(|row| row.table == Table::Facts && row.key == REGISTER_KEY)
            .map(|row| postcard::from_bytes(&row.value))
            .transpose()
            .map_err(|_| StartError::UnreadableRow { table: Table::Facts, key: "register" })?
            .unwrap_or_default();
        let law = Catalog::load(rows).map_err(StartError::Catalog)?;
        Ok(State { law, register, mutants: Mutants::default() })
    }

    /// Applies one agreed command.
    pub fn apply(
        &mut self,
        position: Position,
        command: &Command,
        changes: &mut Vec<RowChange>,
    ) -> Applied {
        match command {
            Command::Law(law) => Applied::Law(self.law.apply(position, law, changes)),
            Command::Fenced { epoch, version, law } => {
                let current = *epoch == self.register.epoch
                    && version.is_none_or(|version| version == self.register.version);
                if current { self.apply_law(position, law, changes) } else { Applied::Fenced }
            }
            Command::Register(wish) => {
                let first = self.law.outbox_first();
                // A log that ends at position p holds the orders numbered below p.
                let outcome = self
                    .register
                    .apply(wish, |log_end| log_end >= first || self.mutants.elect_any_live());
                if outcome.is_ok() {
                    changes.push(self.register_row());
                }
                Applied::Register(outcome)
            }
        }
    }

    fn apply_law(
        &mut self,
        position: Position,
        law: &Law,
        changes: &mut Vec<RowChange>,
    ) -> Applied {
        Applied::Law(self.law.apply(position, law, changes))
    }

    fn register_row(&self) -> RowChange {
        let value = postcard::to_allocvec(&self.register).expect("the register is encodable");
        RowChange { table: Table::Facts, key: REGISTER_KEY.to_vec(), value: Some(value) }
    }
}
