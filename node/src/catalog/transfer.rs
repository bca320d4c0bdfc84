//! Snapshots of the catalog: a leader sends its store to a peer that misses more than the log holds; the peer takes it in place of
//! law and store. How rows travel is said in [`crate::snapshot`].

use replication::contract::{Position, ReplicaId, SnapshotName};

use super::prefixes::Prefixes;
use super::{CatalogProcess, State};
use crate::message::SnapshotTaken;
use crate::process::{Effect, Event, Now};

impl CatalogProcess {
    /// The engine wants a peer to have the store's rows.
    pub(super) fn send_snapshot(&mut self, now: Now, peer: ReplicaId, effects: &mut Vec<Effect>) {
        if let Some(own) = &mut self.leading {
            own.snapshots.wanted(now.time, peer, effects);
        }
    }

    /// A peer took a part. After the last one it has all rows, and waits for the engine's word.
    pub(super) fn snapshot_taken(
        &mut self,
        now: Now,
        from: ReplicaId,
        taken: SnapshotTaken,
        effects: &mut Vec<Effect>,
    ) {
        let Some(own) = &mut self.leading else { return };
        if let Some(name) = own.snapshots.taken(now.time, from, taken, effects) {
            self.engine.staged(now.time, from, name);
        }
    }

    /// Takes the staged rows in place of law and store. Rows that are not here (this replica was restarted, or held them for too
    /// long) are not taken; the leader's engine will wish them sent again.
    pub(super) fn restore(&mut self, now: Now, name: &SnapshotName, effects: &mut Vec<Effect>) {
        let Some(rows) = self.staged.take(name) else {
            self.engine.restore_refused(now.time);
            let detail = format!("position {}", name.position);
            return effects.push(Effect::Event(Event::Note { slug: "snapshot_not_here", detail }));
        };
        match State::load(rows.clone()) {
            Ok(state) => self.state = State { mutants: self.mutants, ..state },
            Err(error) => {
                return effects.push(Effect::Halt(format!(
                    "the leader's snapshot at position {}: {error}",
                    name.position
                )));
            }
        }
        self.applied = name.position;
        self.prefixes = Prefixes::at(name.position, name.hash);
        // The rows hold a mark of their own.
        self.mark = None;
        self.restoring = Some(name.position);
        effects.push(Effect::Replace { position: name.position, rows });
    }

    /// The store is, durably, what was to be restored.
    pub(super) fn replaced(&mut self, now: Now, position: Position) {
        if self.restoring.take_if(|restoring| *restoring == position).is_some() {
            self.engine.restored(now.time);
        }
    }
}
