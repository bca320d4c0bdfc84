//! Snapshots of the customers: a member that misses more than the others' logs hold takes the store of one of them in place of law
//! and store. How rows travel is said in [`crate::snapshot`].

use market::customers::Customers;
use replication::contract::{Position, ReplicaId, SnapshotName};

use super::CustomersProcess;
use crate::message::SnapshotTaken;
use crate::process::{Effect, Now};

impl CustomersProcess {
    /// The engine wants a peer to have the store's rows.
    pub(super) fn send_snapshot(&mut self, now: Now, peer: ReplicaId, effects: &mut Vec<Effect>) {
        let term = self.engine.status().epoch;
        self.transfers.send(now.time, term, peer, effects);
    }

    /// A peer took a part.
    pub(super) fn snapshot_taken(
        &mut self,
        now: Now,
        from: ReplicaId,
        taken: SnapshotTaken,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(name) = self.transfers.taken(now.time, from, taken, effects) {
            self.engine.staged(now.time, from, name);
        }
    }

    /// Takes the staged rows in place of law and store. Whoever waits here is told to ask elsewhere: what was delivered in between
    /// is not heard of.
    pub(super) fn restore(&mut self, now: Now, name: &SnapshotName, effects: &mut Vec<Effect>) {
        let Some(rows) = self.transfers.take(name, effects) else {
            return self.engine.restore_refused(now.time);
        };
        match Customers::load(rows.iter().cloned()) {
            Ok(law) => self.law = law.limited(self.config.law),
            Err(error) => {
                return effects.push(Effect::Halt(format!(
                    "a snapshot at position {}: {error}",
                    name.position
                )));
            }
        }
        self.applied = name.position;
        self.applied_hash = name.hash;
        // The rows hold a mark of their own.
        self.mark = None;
        self.give_up();
        self.ask_elsewhere();
        self.transfers.replace(name.position, rows, effects);
    }

    /// The store is, durably, what was to be restored.
    pub(super) fn replaced(&mut self, now: Now, position: Position) {
        if self.transfers.replaced(position) {
            self.engine.restored(now.time);
        }
    }
}
