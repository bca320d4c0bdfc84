//! What the body asks of a catalog replica for people: how it stands, who leads, who belongs to the group.

use replication::contract::{
    ChainHash, Epoch, MemberChange, MemberError, Members, Position, ReplicaId, Status,
};
use replication::time::Time;

use super::CatalogProcess;
use crate::process::Now;

impl CatalogProcess {
    /// The engine's state.
    pub fn status(&self) -> Status {
        self.engine.status()
    }

    /// The term in which this replica leads and answers, if it does.
    pub fn leads(&self) -> Option<Epoch> {
        self.leading.as_ref().map(|own| own.term)
    }

    /// Who leads the group, as far as this replica knows.
    pub fn group_leader(&self) -> Option<ReplicaId> {
        self.leads().map(|_| self.config.id).or_else(|| self.engine.status().leader)
    }

    /// Who belongs to the group, as far as this replica knows.
    pub fn members(&self) -> Members {
        if self.config.is_group() {
            return self.engine.status().members;
        }
        Members { voters: [self.config.id].into(), ..Members::default() }
    }

    /// Changes the members of the group. Taken is not done: [`CatalogProcess::members`] tells when it is.
    pub fn change_members(&mut self, now: Now, change: MemberChange) -> Result<(), MemberError> {
        self.engine.change_members(now.time, change)
    }

    /// Hash of the log's prefix that ends at a position; none if it was not applied yet, or too long ago to be remembered.
    pub fn prefix(&self, position: Position) -> Option<ChainHash> {
        self.prefixes.get(position)
    }

    /// Gateways whose caches hold a lease of this leader now.
    pub fn leased_gateways(&self, now: Time) -> usize {
        self.leading.as_ref().map_or(0, |own| own.leases.gateways(now).len())
    }

    /// Answers held back by the gate now.
    pub fn answers_held(&self) -> usize {
        self.leading.as_ref().map_or(0, |own| own.gate.held())
    }
}
