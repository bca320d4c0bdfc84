//! How far a replica is on its way to serving as the leader.
//!
//! Following -> TakingOver (elected; reads the outbox) -> Open (has every order the catalog had decided) -> Following (deposed).
//! Where the group elects its own leader, Registering stands before TakingOver, and again after Open if the register names
//! somebody else (`registering.rs`).

use replication::contract::{Changed, Epoch, Role};

use super::OrdersProcess;

/// What a replica does in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Copies the leader, or waits for one.
    Following,
    /// Leads its group, and has no epoch of the register to serve in.
    Registering,
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
            Standing::Following | Standing::Registering => None,
            Standing::TakingOver { epoch } | Standing::Open { epoch } => Some(epoch),
        }
    }

    /// Has an epoch, so whoever asks for a trade may wait here.
    pub(super) fn leads(self) -> bool {
        self.epoch().is_some()
    }
}

impl OrdersProcess {
    /// The engine's role changed.
    pub(super) fn role_changed(&mut self, changed: &Changed) {
        self.outbox.reset();
        match changed.role {
            Role::Leader if self.elects_itself() => self.begin_to_register(),
            Role::Leader => self.take_over(changed.epoch),
            // Whoever waits here is told where to go (see `settle`); keys make asking there harmless.
            Role::Follower | Role::Member | Role::Joining => self.standing = Standing::Following,
        }
    }

    /// Leads in this epoch from now on.
    pub(super) fn take_over(&mut self, epoch: Epoch) {
        self.outbox.reset();
        self.standing = Standing::TakingOver { epoch };
        self.outbox.ask_again();
    }

    /// Everything decided before the last answer of the catalog is in the log: open for business.
    pub(super) fn caught_up(&mut self, epoch: Epoch) {
        if self.standing == (Standing::TakingOver { epoch }) {
            self.standing = Standing::Open { epoch };
        }
    }
}
