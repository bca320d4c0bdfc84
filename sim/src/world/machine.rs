//! What a world does with a process: input as any driver gives, and an operator's hand on a replicated group.

use node::process::{Now, Process};
use replication::contract::{MemberChange, MemberError, Status};

/// A process, and what an operator may ask of it.
pub trait Machine: Process {
    /// The state of its engine, if its group keeps its own members.
    fn group(&self) -> Option<Status> {
        None
    }

    /// Changes the members of its group. Taken is not done.
    fn change_members(&mut self, _now: Now, _change: MemberChange) -> Result<(), MemberError> {
        Err(MemberError::Fixed)
    }
}

impl Machine for node::gateway::GatewayProcess {}

impl Machine for node::orders::OrdersProcess {
    fn group(&self) -> Option<Status> {
        let status = self.status();
        let known = !status.members.voters.is_empty();
        known.then_some(status)
    }

    fn change_members(&mut self, now: Now, change: MemberChange) -> Result<(), MemberError> {
        node::orders::OrdersProcess::change_members(self, now, change)
    }
}

impl Machine for node::catalog::CatalogProcess {
    fn group(&self) -> Option<Status> {
        let status = self.status();
        let known = !status.members.voters.is_empty();
        known.then_some(status)
    }

    fn change_members(&mut self, now: Now, change: MemberChange) -> Result<(), MemberError> {
        node::catalog::CatalogProcess::change_members(self, now, change)
    }
}
