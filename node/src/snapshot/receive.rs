//! The peer's side: takes parts in sequence and stages their rows in memory until the engine says to take them.
//!
//! Of several transfers the one with the highest number is taken: it is the latest, or comes from the later leader. One with a
//! lower number may only begin when the other has been silent for a while (its sender is gone, and numbers may have begun anew).

use market::rows::Row;
use replication::contract::{ReplicaId, SnapshotName};
use replication::time::Time;

use crate::limits::{
    SNAPSHOT_KEPT, SNAPSHOT_REFUSAL, SNAPSHOT_ROW, SNAPSHOT_SILENCE, SNAPSHOT_STAGED,
};
use crate::message::{Message, SnapshotPart, SnapshotTaken};
use crate::process::{Effect, Event};
use crate::replica::{stored_hash, stored_mark};
use crate::service::{ServiceId, ServiceKind};

/// Snapshots on their way to this replica.
#[derive(Debug)]
pub struct Receiver {
    kind: ServiceKind,
    /// Most bytes held here.
    limit: usize,
    coming: Option<Transfer>,
    /// The last one that is complete. Kept while another comes in: the word to take it may be under way already.
    staged: Option<Staged>,
    /// Too much came; nothing is taken before this time.
    refusing: Option<Time>,
}

/// A transfer under way.
#[derive(Debug)]
struct Transfer {
    from: ReplicaId,
    id: u64,
    /// Parts below this number are here.
    next: u64,
    heard: Time,
    rows: Vec<Row>,
    bytes: usize,
}

/// A transfer of which everything is here.
#[derive(Debug)]
struct Staged {
    transfer: Transfer,
    name: SnapshotName,
}

impl Receiver {
    /// Nothing here. `kind` is the group's.
    pub fn new(kind: ServiceKind) -> Self {
        Receiver { kind, limit: SNAPSHOT_STAGED, coming: None, staged: None, refusing: None }
    }

    #[cfg(test)]
    pub(super) fn limited(kind: ServiceKind, limit: usize) -> Self {
        Receiver { limit, ..Receiver::new(kind) }
    }

    /// Takes a part, or does not, and says so.
    pub fn part(
        &mut self,
        now: Time,
        from: ReplicaId,
        part: SnapshotPart,
        effects: &mut Vec<Effect>,
    ) {
        let transfer = part.transfer;
        let next = self.take_part(now, from, part, effects);
        let message = Message::SnapshotTaken(SnapshotTaken { transfer, next });
        effects.push(Effect::Send { to: ServiceId { kind: self.kind, id: from }, message });
    }

    /// The rows staged under this very name, if they are. They are no longer here then.
    pub fn take(&mut self, name: &SnapshotName) -> Option<Vec<Row>> {
        let staged = self.staged.take_if(|staged| staged.name == *name)?;
        Some(staged.transfer.rows)
    }

    /// Time passed: what nobody goes on with, or wants taken, makes room.
    pub fn tick(&mut self, now: Time) {
        self.coming.take_if(|coming| now.since(coming.heard) >= SNAPSHOT_KEPT);
        self.staged.take_if(|staged| now.since(staged.transfer.heard) >= SNAPSHOT_KEPT);
        self.refusing.take_if(|until| now >= *until);
    }

    /// Says how many parts of the transfer are here then; `None` if it is none that is taken here.
    fn take_part(
        &mut self,
        now: Time,
        from: ReplicaId,
        part: SnapshotPart,
        effects: &mut Vec<Effect>,
    ) -> Option<u64> {
        let is = |it: &Transfer| (it.from, it.id) == (from, part.transfer);
        if let Some(staged) = self.staged.as_mut().filter(|staged| is(&staged.transfer)) {
            staged.transfer.heard = now;
            return Some(staged.transfer.next); // the answer was lost
        }
        if !self.coming.as_ref().is_some_and(is) && !self.begin(now, from, &part) {
            return None;
        }
        let mut coming = self.coming.take()?;
        coming.heard = now;
        if part.part != coming.next {
            let next = coming.next;
            self.coming = Some(coming);
            return Some(next);
        }
        if let Err(refusal) = self.add(&mut coming, &part) {
            effects.push(self.refused(now, from, refusal));
            return None;
        }
        coming.rows.extend(part.rows);
        coming.next += 1;
        let next = coming.next;
        match part.end {
            None => self.coming = Some(coming),
            Some(name) => self.complete(now, coming, name, effects)?,
        }
        Some(next)
    }

    /// Whether a transfer that is not known here begins now.
    fn begin(&mut self, now: Time, from: ReplicaId, part: &SnapshotPart) -> bool {
        let earlier = self.coming.as_ref().or(self.staged.as_ref().map(|it| &it.transfer));
        let yields = |earlier: &Transfer| {
            part.transfer > earlier.id || now.since(earlier.heard) >= SNAPSHOT_SILENCE
        };
        let refusing = self.refusing.is_some_and(|until| now < until);
        if part.part != 0 || refusing || !earlier.is_none_or(yields) {
            return false;
        }
        let id = part.transfer;
        self.coming = Some(Transfer { from, id, next: 0, heard: now, rows: Vec::new(), bytes: 0 });
        true
    }

    /// Whether the rows of a part can be added.
    fn add(&mut self, coming: &mut Transfer, part: &SnapshotPart) -> Result<(), Refusal> {
        let places = coming.rows.last().into_iter().chain(&part.rows);
        if !places.is_sorted_by(|a, b| (a.table, &a.key) < (b.table, &b.key)) {
            return Err(Refusal::OutOfSequence);
        }
        let row = |row: &Row| SNAPSHOT_ROW + row.key.len() + row.value.len();
        coming.bytes += part.rows.iter().map(row).sum::<usize>();
        let kept = self.staged.as_ref().map_or(0, |staged| staged.transfer.bytes);
        if coming.bytes + kept > self.limit {
            self.staged = None; // the newer one matters more
        }
        if coming.bytes > self.limit { Err(Refusal::TooLarge(self.limit)) } else { Ok(()) }
    }

    fn complete(
        &mut self,
        now: Time,
        transfer: Transfer,
        name: SnapshotName,
        effects: &mut Vec<Effect>,
    ) -> Option<()> {
        // A name that its own rows belie is a bug of the sender, better found before the store is thrown away.
        let hash = stored_hash(&transfer.rows).ok().flatten();
        let mark = stored_mark(&transfer.rows).unwrap_or_default();
        if hash != Some(name.hash) || mark != name.mark {
            effects.push(self.refused(now, transfer.from, Refusal::Misnamed));
            return None;
        }
        self.staged = Some(Staged { transfer, name });
        Some(())
    }

    fn refused(&mut self, now: Time, from: ReplicaId, refusal: Refusal) -> Effect {
        self.refusing = Some(now + SNAPSHOT_REFUSAL);
        let detail = format!("from {}: {refusal}", ServiceId { kind: self.kind, id: from });
        Effect::Event(Event::Note { slug: "snapshot_refused", detail })
    }
}

/// Why a transfer is broken off here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    /// More than may be held.
    #[error("it takes more than {0} bytes; this replica cannot be brought level")]
    TooLarge(usize),
    /// The rows do not ascend.
    #[error("its rows are out of sequence; is the sender of another version?")]
    OutOfSequence,
    /// The rows are not what the name says.
    #[error(
        "its rows hold another chain hash or mark than its name; is the sender of another version?"
    )]
    Misnamed,
}
