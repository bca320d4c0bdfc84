//! How far a replica is on its way to serving as the leader.
//!
//! Following -> TakingOver (elected; reads the outbox) -> Open (has every order the catalog had decided) -> Following (deposed).

use replication::contract::{Changed, Epoch, Role};

use super::OrdersProcess;

/// What a replica does in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Copies the leader, or waits for one.
    Following,
    /// Leads, but may still miss orders that were decided before it did.
    TakingOver {
        /// Its epoch.
        epoch: Epoch,
    },
    /// Leads and serves.
    Open {
        /// Its epoch.
        epoch: Epoch,
    },
}

impl Standing {
    /// The epoch in which this replica leads, if it does.
    pub fn epoch(self) -> Option<Epoch> {
        match self {
            Standing::Following => None,
            Standing::TakingOver { epoch } | Standing::Open { epoch } => Some(epoch),
        }
    }
}

impl OrdersProcess {
    /// The engine's role changed.
    pub(super) fn role_changed(&mut self, changed: &Changed) {
        self.outbox.reset();
        if changed.role == Role::Leader {
            self.standing = Standing::TakingOver { epoch: changed.epoch };
            self.outbox.ask_again();
        } else {
            // Whoever waits here is told where to go (see `settle`); keys make asking there harmless.
            self.standing = Standing::Following;
        }
    }

    /// Everything decided before the last answer of the catalog is in the log: open for business.
    pub(super) fn caught_up(&mut self, epoch: Epoch) {
        if self.standing == (Standing::TakingOver { epoch }) {
            self.standing = Standing::Open { epoch };
        }
    }
}
