//! Snapshots of the catalog: a leader sends its store to a peer that misses more than the log holds; the peer takes it in place of
//! law and store. How rows travel is said in [`crate::snapshot`].
//!
//! Sending begins when the engine wants it, which may be before this replica leads in the sense of `leading.rs`: a leader of two
//! replicas that run can agree on nothing, not even on the first entry of its term, until the other one is level.

use replication::contract::{Epoch, Position, ReplicaId, SnapshotName};

use super::prefixes::Prefixes;
use super::{CatalogProcess, State};
use crate::message::SnapshotTaken;
use crate::process::{Effect, Event, Now};
use crate::service::ServiceKind;
use crate::snapshot::Sender;

/// Snapshots on their way to peers, all of one term: the term makes the names of transfers its own.
#[derive(Debug)]
pub(super) struct Outgoing {
    term: Epoch,
    pub(super) sender: Sender,
}

impl CatalogProcess {
    /// The engine wants a peer to have the store's rows.
    pub(super) fn send_snapshot(&mut self, now: Now, peer: ReplicaId, effects: &mut Vec<Effect>) {
        let term = self.engine.status().epoch;
        if self.outgoing.as_ref().is_none_or(|outgoing| outgoing.term != term) {
            self.stop_snapshots(effects);
            let sender = Sender::new(ServiceKind::Catalog, (term << 32) + 1);
            self.outgoing = Some(Outgoing { term, sender });
        }
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sender.wanted(now.time, peer, effects);
        }
    }

    /// No peer is to be brought level from here any more.
    pub(super) fn stop_snapshots(&mut self, effects: &mut Vec<Effect>) {
        if let Some(mut outgoing) = self.outgoing.take() {
            outgoing.sender.clear(effects);
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
        let Some(outgoing) = &mut self.outgoing else { return };
        if let Some(name) = outgoing.sender.taken(now.time, from, taken, effects) {
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
        let detail = format!("{} rows as of position {}", rows.len(), name.position);
        effects.push(Effect::Event(Event::Note { slug: "snapshot_taken", detail }));
        effects.push(Effect::Replace { position: name.position, rows });
    }

    /// The store is, durably, what was to be restored.
    pub(super) fn replaced(&mut self, now: Now, position: Position) {
        if self.restoring.take_if(|restoring| *restoring == position).is_some() {
            self.engine.restored(now.time);
        }
    }
}
