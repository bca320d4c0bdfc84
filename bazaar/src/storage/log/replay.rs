//! What the writes of a log add up to.

use bytes::Bytes;
use replication::contract::{ChainHash, Entry, HardState, LogWrite, Position};

use super::segment::Header;

/// Folds log writes, in their order, into the state they describe. Keeps only the entries above `applied`.
#[derive(Debug)]
pub(super) struct Replay {
    applied: Position,
    /// Hash of the prefix that ends at `applied`, once a write told it.
    pub applied_hash: Option<ChainHash>,
    /// Last position in the log.
    pub last: Position,
    /// Hash of the prefix that ends there, if it is known.
    pub last_hash: Option<ChainHash>,
    /// Entries above `applied`.
    pub entries: Vec<Entry>,
    /// Hard state.
    pub state: HardState,
    /// The last digest and the notes after it.
    pub notes: Vec<Bytes>,
    /// The log keeps notes. What they say of positions only the engine knows: the log itself has none.
    pub noted: bool,
    /// Where the log was last made to go on after a replaced store; 0 if never.
    pub reset: Position,
}

impl Replay {
    /// Starts from the header of the first segment.
    pub(super) fn new(applied: Position, header: &Header) -> Replay {
        Replay {
            applied,
            applied_hash: header.base_hash.filter(|_| header.base == applied),
            last: header.base,
            last_hash: header.base_hash,
            entries: Vec::new(),
            state: header.state,
            notes: Vec::new(),
            noted: header.noted,
            reset: header.reset,
        }
    }

    /// Takes one write; an error says why it cannot stand where it stands.
    pub(super) fn take(&mut self, write: LogWrite) -> Result<(), &'static str> {
        match write {
            LogWrite::Append(_) | LogWrite::Truncate(_) if self.noted => {
                Err("an entry stands in a log of notes")
            }
            LogWrite::Append(entry) => self.append(entry),
            LogWrite::Truncate(position) => {
                self.truncate(position);
                Ok(())
            }
            LogWrite::Reset { position, hash } => self.reset(position, hash),
            LogWrite::State(state) => {
                self.state = state;
                Ok(())
            }
            LogWrite::Note(_) | LogWrite::Digest(_) if !self.entries.is_empty() => {
                Err("a note stands in a log of entries")
            }
            LogWrite::Note(note) => {
                self.notes.push(note);
                self.noted = true;
                Ok(())
            }
            LogWrite::Digest(note) => {
                self.notes = vec![note];
                self.noted = true;
                Ok(())
            }
        }
    }

    fn append(&mut self, entry: Entry) -> Result<(), &'static str> {
        if self.last.checked_add(1) != Some(entry.position) {
            return Err("an entry does not follow the one before it");
        }
        if self.last_hash.is_some_and(|before| before.extend(&entry.command) != entry.hash) {
            return Err("an entry's chain hash does not match its contents");
        }
        self.last = entry.position;
        self.last_hash = Some(entry.hash);
        if entry.position == self.applied {
            self.applied_hash = Some(entry.hash);
        } else if entry.position > self.applied {
            self.entries.push(entry);
        }
        Ok(())
    }

    /// The log goes on after a store that was replaced; what it held before belongs to nothing any more.
    fn reset(&mut self, position: Position, hash: ChainHash) -> Result<(), &'static str> {
        if position > self.applied {
            // The reset is only written once the store is there.
            return Err("the log goes on after what the store has applied");
        }
        self.entries.clear();
        self.applied_hash = (position == self.applied).then_some(hash);
        (self.last, self.last_hash) = (position, Some(hash));
        self.reset = position;
        Ok(())
    }

    fn truncate(&mut self, from: Position) {
        if from > self.last {
            return;
        }
        while self.entries.last().is_some_and(|entry| entry.position >= from) {
            self.entries.pop();
        }
        if from <= self.applied {
            self.applied_hash = None;
        }
        self.last = from.saturating_sub(1);
        self.last_hash = match self.entries.last() {
            Some(entry) => Some(entry.hash),
            None if self.last == 0 => Some(ChainHash::EMPTY),
            None if self.last == self.applied => self.applied_hash,
            None => None,
        };
    }
}
