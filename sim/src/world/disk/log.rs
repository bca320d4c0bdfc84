//! The log: recent entries and the hard state, durable in the order of writing.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use replication::contract::{ChainHash, Entry, HardState, LogWrite, Position};

use super::Broken;

/// What the store reflects: the log's entries follow it.
#[derive(Clone, Copy)]
pub(super) struct Base {
    /// The position.
    pub(super) position: Position,
    /// Hash of the prefix that ends there.
    pub(super) hash: ChainHash,
    /// Written with the rows that last replaced all others: the log must begin after this position.
    pub(super) replaced: Option<Position>,
}

/// A log.
#[derive(Default)]
pub(super) struct Log {
    pub(super) state: HardState,
    pub(super) entries: BTreeMap<Position, Entry>,
    /// The engine's last digest and the notes after it.
    pub(super) notes: Vec<Bytes>,
    pub(super) pending: VecDeque<(u64, Vec<LogWrite>)>,
    /// Hashes of entries that are written or under way, from what the store reflects on.
    hashes: BTreeMap<Position, ChainHash>,
    /// Position of the last reset.
    reset: Position,
}

impl Log {
    /// Takes a write; it is durable once it was [`Log::write`]-ten.
    pub(super) fn take(&mut self, ticket: u64, writes: Vec<LogWrite>) {
        for write in &writes {
            if let LogWrite::Append(entry) = write {
                self.hashes.insert(entry.position, entry.hash);
            }
        }
        self.pending.push_back((ticket, writes));
    }

    /// A write reaches the disk.
    pub(super) fn write(&mut self, write: LogWrite, base: Base) -> Result<(), Broken> {
        match write {
            LogWrite::State(state) => self.write_state(state),
            LogWrite::Append(_) | LogWrite::Truncate(_) if !self.notes.is_empty() => {
                Err(format!("{write:?} in a log of notes"))
            }
            LogWrite::Note(_) | LogWrite::Digest(_) if !self.entries.is_empty() => {
                Err("a note in a log of entries".into())
            }
            // It was under way when the store was replaced: the reset will drop it, or recovery.
            LogWrite::Append(_) | LogWrite::Truncate(_) if self.is_behind(base) => Ok(()),
            LogWrite::Append(entry) => self.append(entry, base),
            LogWrite::Truncate(from) => self.truncate(from, base),
            LogWrite::Reset { position, hash } => self.begin_after(position, hash, base),
            LogWrite::Note(note) => {
                self.notes.push(note);
                Ok(())
            }
            LogWrite::Digest(note) => {
                self.notes = vec![note];
                Ok(())
            }
        }
    }

    /// Terms and commits only grow, and a vote that was given is never given to another in the same term.
    fn write_state(&mut self, state: HardState) -> Result<(), Broken> {
        let before = self.state;
        let second_vote =
            state.epoch == before.epoch && before.vote != 0 && state.vote != before.vote;
        if state.epoch < before.epoch || state.commit < before.commit || second_vote {
            return Err(format!("hard state goes back from {before:?} to {state:?}"));
        }
        self.state = state;
        Ok(())
    }

    fn append(&mut self, entry: Entry, base: Base) -> Result<(), Broken> {
        let end = self.end(base);
        if entry.position > end + 1 || entry.position <= self.written() {
            return Err(format!("append at {} after {end}", entry.position));
        }
        let before = match entry.position - 1 {
            0 => Some(ChainHash::EMPTY),
            before if before == base.position => Some(base.hash),
            before => self.entries.get(&before).map(|entry| entry.hash),
        };
        if before.is_some_and(|before| before.extend(&entry.command) != entry.hash) {
            return Err(format!(
                "append at {} does not follow what stands before it",
                entry.position
            ));
        }
        if entry.position == base.position && entry.hash != base.hash {
            return Err(format!("append at {} contradicts what is stored", entry.position));
        }
        self.entries.insert(entry.position, entry);
        Ok(())
    }

    fn truncate(&mut self, from: Position, base: Base) -> Result<(), Broken> {
        if from <= base.position || from <= self.state.commit {
            return Err(format!(
                "truncate from {from}, but {} is stored and {} committed",
                base.position, self.state.commit
            ));
        }
        self.entries.split_off(&from);
        Ok(())
    }

    /// Only what the store reflects already can take the place of the log.
    fn begin_after(
        &mut self,
        position: Position,
        hash: ChainHash,
        base: Base,
    ) -> Result<(), Broken> {
        if position > base.position || position == base.position && hash != base.hash {
            return Err(format!(
                "begin after {position} ({hash:?}), but the store has {} ({:?})",
                base.position, base.hash
            ));
        }
        self.entries.clear();
        self.reset = position;
        Ok(())
    }

    /// The store reflects `base` now: what stands at or below it is not needed for recovery any more.
    pub(super) fn cut(&mut self, base: Position) {
        self.entries = self.entries.split_off(&(base + 1));
        self.hashes = self.hashes.split_off(&base);
    }

    /// Hash of an entry that is written or under way.
    pub(super) fn hash(&self, position: Position) -> Option<ChainHash> {
        let written = || self.entries.get(&position).map(|entry| entry.hash);
        self.hashes.get(&position).copied().or_else(written)
    }

    /// Does the log hold exactly this entry durably?
    pub(super) fn holds(&self, position: Position, hash: ChainHash) -> bool {
        self.entries.get(&position).is_some_and(|entry| entry.hash == hash)
    }

    /// What is under way is lost.
    pub(super) fn crash(&mut self) -> Vec<LogWrite> {
        self.pending.drain(..).flat_map(|(_, writes)| writes).collect()
    }

    /// The store was replaced, and the log does not know of it yet: what it holds belongs to the earlier store.
    fn is_behind(&self, base: Base) -> bool {
        base.replaced.is_some_and(|position| position > self.reset)
    }

    /// The machine starts again.
    pub(super) fn recover(&mut self, base: Base) {
        if self.is_behind(base) {
            self.entries.clear();
            self.reset = base.position;
        }
        self.hashes = self.entries.iter().map(|(at, entry)| (*at, entry.hash)).collect();
    }

    fn written(&self) -> Position {
        self.entries.last_key_value().map_or(0, |(position, _)| *position)
    }

    /// Last position that survives a crash now.
    pub(super) fn end(&self, base: Base) -> Position {
        self.written().max(base.position)
    }
}
