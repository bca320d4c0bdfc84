//! What a replica does with snapshots, whichever group it belongs to: it sends its store to peers that miss more than the log
//! holds, and stages what its leader sends until the engine says to take it.
//!
//! Sending begins when the engine wants it, which may be before this replica leads in the sense of its process: a leader of two
//! replicas that run can agree on nothing, not even on the first entry of its term, until the other one is level.

use market::rows::Row;
use replication::contract::{Epoch, Position, ReplicaId, SnapshotName};
use replication::time::Time;

use super::{Receiver, Sender};
use crate::message::{SnapshotPart, SnapshotTaken};
use crate::process::{Effect, Event};
use crate::service::ServiceKind;

/// Snapshots on their way to peers, all of one term: the term makes the names of transfers its own.
#[derive(Debug)]
struct Outgoing {
    term: Epoch,
    sender: Sender,
}

/// Snapshots on their way from and to one replica.
#[derive(Debug)]
pub struct Transfers {
    kind: ServiceKind,
    outgoing: Option<Outgoing>,
    staged: Receiver,
    /// The position of the snapshot that law and store are being replaced by.
    restoring: Option<Position>,
}

impl Transfers {
    /// Nothing under way. `kind` is the group's.
    pub fn new(kind: ServiceKind) -> Self {
        Transfers { kind, outgoing: None, staged: Receiver::new(kind), restoring: None }
    }

    /// The engine, in this term, wants a peer to have the store's rows.
    pub fn send(&mut self, now: Time, term: Epoch, peer: ReplicaId, effects: &mut Vec<Effect>) {
        if self.outgoing.as_ref().is_none_or(|outgoing| outgoing.term != term) {
            self.stop(effects);
            let sender = Sender::new(self.kind, (term << 32) + 1);
            self.outgoing = Some(Outgoing { term, sender });
        }
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sender.wanted(now, peer, effects);
        }
    }

    /// No peer is to be brought level from here any more.
    pub fn stop(&mut self, effects: &mut Vec<Effect>) {
        if let Some(mut outgoing) = self.outgoing.take() {
            outgoing.sender.clear(effects);
        }
    }

    /// The store answered what a transfer asked.
    pub fn rows(
        &mut self,
        now: Time,
        transfer: u64,
        position: Position,
        rows: Vec<Row>,
        end: bool,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sender.rows(now, transfer, position, rows, end, effects);
        }
    }

    /// A peer took a part. After the last one it has all rows of the snapshot named here, and waits for the engine's word.
    pub fn taken(
        &mut self,
        now: Time,
        from: ReplicaId,
        taken: SnapshotTaken,
        effects: &mut Vec<Effect>,
    ) -> Option<SnapshotName> {
        self.outgoing.as_mut()?.sender.taken(now, from, taken, effects)
    }

    /// The leader sent a part.
    pub fn part(
        &mut self,
        now: Time,
        from: ReplicaId,
        part: SnapshotPart,
        effects: &mut Vec<Effect>,
    ) {
        self.staged.part(now, from, part, effects);
    }

    /// The link to a peer broke (`up == false`) or stands again.
    pub fn link(&mut self, peer: ReplicaId, up: bool, effects: &mut Vec<Effect>) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sender.link(peer, up, effects);
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.staged.tick(now);
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.sender.tick(now, effects);
        }
    }

    /// The rows staged under this name, to be taken in place of law and store. `None`: they are not here (this replica was
    /// restarted, or held them for too long); the leader's engine will wish them sent again.
    pub fn take(&mut self, name: &SnapshotName, effects: &mut Vec<Effect>) -> Option<Vec<Row>> {
        let rows = self.staged.take(name);
        if rows.is_none() {
            let detail = format!("position {}", name.position);
            effects.push(Effect::Event(Event::Note { slug: "snapshot_not_here", detail }));
        }
        rows
    }

    /// The law is what these rows say; the store is to become it.
    pub fn replace(&mut self, position: Position, rows: Vec<Row>, effects: &mut Vec<Effect>) {
        self.restoring = Some(position);
        let detail = format!("{} rows as of position {position}", rows.len());
        effects.push(Effect::Event(Event::Note { slug: "snapshot_taken", detail }));
        effects.push(Effect::Replace { position, rows });
    }

    /// The store is being replaced: what it is asked now it may answer from its older state.
    pub fn is_replacing(&self) -> bool {
        self.restoring.is_some()
    }

    /// The store is, durably, what it was to be replaced by; false if that was another position.
    pub fn replaced(&mut self, position: Position) -> bool {
        self.restoring.take_if(|restoring| *restoring == position).is_some()
    }
}
