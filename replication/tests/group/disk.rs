//! A disk that only keeps what was completed.

use std::collections::VecDeque;

use bytes::Bytes;
use replication::contract::*;

#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) state: HardState,
    /// Durable entries after `base`. Without snapshots the log is never cut here, so it is the store's history too.
    pub(crate) entries: Vec<Entry>,
    /// Where the log begins.
    pub(crate) base: Position,
    /// The store reflects everything up to here.
    pub(crate) stored: Position,
    pub(crate) stored_hash: ChainHash,
    /// The engine's mark beside it.
    pub(crate) mark: Bytes,
    /// The store was replaced, and the log does not know yet: what it holds is void.
    pub(crate) replaced: bool,
    /// The last digest and the notes after it.
    pub(crate) notes: Vec<Bytes>,
    /// Asked for, not durable.
    pub(crate) pending: VecDeque<(Ticket, Vec<LogWrite>)>,
    /// Writes that no disk can take.
    pub(crate) complaints: Vec<String>,
}

impl Disk {
    pub(crate) fn complete_one(&mut self) -> Option<Ticket> {
        let (ticket, writes) = self.pending.pop_front()?;
        writes.into_iter().for_each(|write| self.write(write));
        Some(ticket)
    }

    pub(crate) fn end(&self) -> Position {
        self.base + self.entries.len() as Position
    }

    fn write(&mut self, write: LogWrite) {
        match write {
            LogWrite::Append(entry) if entry.position == self.end() + 1 => self.entries.push(entry),
            LogWrite::Append(entry) => {
                self.complaints.push(format!("a gap on disk before {}", entry.position));
            }
            // A log that is void may be cut anywhere.
            LogWrite::Truncate(position) if position > self.stored || self.replaced => {
                self.entries.truncate((position - 1).saturating_sub(self.base) as usize);
            }
            LogWrite::Truncate(position) => {
                self.complaints.push(format!("what is stored is cut: {position}"));
            }
            LogWrite::State(state) => self.state = state,
            LogWrite::Reset { position, hash } => self.reset(position, hash),
            LogWrite::Note(note) => self.notes.push(note),
            LogWrite::Digest(note) => {
                self.notes = vec![note];
                // It says where the list begins beside the store.
                self.replaced = false;
            }
        }
    }

    /// The log begins anew; if the store was replaced once more meanwhile, that goes on being newer than the log.
    fn reset(&mut self, position: Position, hash: ChainHash) {
        let level = (position, hash) == (self.stored, self.stored_hash);
        if !self.replaced || (!level && position >= self.stored) {
            self.complaints.push(format!("the store is not as of {position}"));
        }
        (self.base, self.replaced) = (position, !level);
        self.entries.clear();
    }

    /// The store is replaced by a snapshot; the log follows with a `Reset`.
    pub(crate) fn replace(&mut self, name: SnapshotName) {
        (self.stored, self.stored_hash, self.mark) = (name.position, name.hash, name.mark);
        self.replaced = true;
    }

    /// The store reflects more.
    pub(crate) fn store(&mut self, position: Position, hash: ChainHash, mark: Option<Bytes>) {
        (self.stored, self.stored_hash) = (position, hash);
        self.mark = mark.unwrap_or_else(|| self.mark.clone());
    }

    /// Loses what was not completed, but for the first `kept` changes: a torn write.
    pub(crate) fn crash(&mut self, kept: usize) {
        let pending = std::mem::take(&mut self.pending);
        let writes = pending.into_iter().flat_map(|(_, writes)| writes);
        writes.take(kept).for_each(|write| self.write(write));
    }

    pub(crate) fn recovered(&mut self) -> Recovered {
        let applied = self.stored;
        if std::mem::take(&mut self.replaced) {
            self.entries.clear();
            self.base = applied;
        }
        let above = self.entries.iter().filter(|entry| entry.position > applied);
        Recovered {
            state: self.state,
            applied,
            applied_hash: self.stored_hash,
            entries: above.cloned().collect(),
            mark: self.mark.clone(),
            notes: self.notes.clone(),
        }
    }

    pub(crate) fn history(&self, from: Position, max: usize) -> Vec<Entry> {
        assert!(
            from >= 1 && from <= self.stored,
            "read {from} of a store that ends at {}",
            self.stored
        );
        let stored = &self.entries[from as usize - 1..self.stored as usize];
        stored.iter().take(max).cloned().collect()
    }

    /// Durable, in the log or in the store.
    pub(crate) fn holds(&self, position: Position, hash: ChainHash) -> bool {
        let index = position.checked_sub(self.base + 1).map(|index| index as usize);
        let logged = index.and_then(|index| self.entries.get(index));
        match logged.filter(|_| !self.replaced) {
            Some(entry) => entry.hash == hash,
            None => position <= self.stored,
        }
    }
}
