//! Snapshots of an order replica: a peer that misses more than the log holds takes its leader's store, the history included, in
//! place of law and store. How rows travel is said in [`crate::snapshot`]. (Primary-backup reads the history instead.)

use market::orders::Orders;
use market::rows::Row;
use replication::contract::{Position, ReplicaId, SnapshotName};

use super::OrdersProcess;
use super::command::stored_reign;
use super::recent::Recent;
use crate::catalog::StartError;
use crate::message::SnapshotTaken;
use crate::process::{Effect, Now};

impl OrdersProcess {
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

    /// Takes the staged rows in place of law and store.
    pub(super) fn restore(&mut self, now: Now, name: &SnapshotName, effects: &mut Vec<Effect>) {
        let Some(rows) = self.transfers.take(name, effects) else {
            return self.engine.restore_refused(now.time);
        };
        if let Err(error) = self.load(name.position, &rows) {
            return effects.push(Effect::Halt(format!(
                "the leader's snapshot at position {}: {error}",
                name.position
            )));
        }
        self.transfers.replace(name.position, rows, effects);
    }

    fn load(&mut self, position: Position, rows: &[Row]) -> Result<(), StartError> {
        self.reign = stored_reign(rows)?.max(self.reign);
        self.law = Orders::load(rows.iter().cloned()).map_err(StartError::Orders)?;
        self.recent = Recent::new(self.law.count(), position);
        // The rows hold a mark of their own.
        self.mark = None;
        Ok(())
    }

    /// The store is, durably, what was to be restored.
    pub(super) fn replaced(&mut self, now: Now, position: Position) {
        if self.transfers.replaced(position) {
            self.engine.restored(now.time);
        }
    }
}
