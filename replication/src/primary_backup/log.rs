//! The log as it stands in memory: a window of entries with their chain hashes, and how much of it is on disk.
//!
//! ```text
//!        base            stored        durable             end
//!  ───────┼────────────────┼──────────────┼─────────────────┤
//!   only  │ kept for       │ not in the   │ written, but    │
//!   in the│ followers that │ store yet    │ not durable yet │
//!   store │ lag a little   │              │                 │
//! ```
//! Writes gather in `staged` until the next flush makes one `Persist` of them. Several may be on their way; each
//! knows where the durable log will end and which epoch will be durable once it completes.

use std::collections::VecDeque;

use crate::contract::{
    ChainHash, Command, Effect, Entry, Epoch, HardState, LogWrite, Position, Recovered, Ticket,
};

/// A write on its way to the disk.
struct Write {
    ticket: Ticket,
    /// Where the log ends once this is durable; lowered when a later truncation takes entries away again.
    end: Position,
    epoch: Epoch,
}

pub(super) struct Log {
    base: Position,
    base_hash: ChainHash,
    /// Entry `base + 1 + i` at index `i`.
    entries: VecDeque<Entry>,
    durable: Position,
    durable_epoch: Epoch,
    staged: Vec<LogWrite>,
    in_flight: VecDeque<Write>,
    last_ticket: Ticket,
    /// The state as last staged, to write it only when it says something new.
    written: HardState,
}

impl Log {
    pub(super) fn new(recovered: Recovered) -> Self {
        let mut log = Log {
            base: recovered.applied,
            base_hash: recovered.applied_hash,
            entries: VecDeque::from(recovered.entries),
            durable: 0,
            durable_epoch: recovered.state.epoch,
            staged: Vec::new(),
            in_flight: VecDeque::new(),
            last_ticket: 0,
            written: recovered.state,
        };
        log.durable = log.end();
        log
    }

    /// Last position below the window; its hash is known, its entry is only in the store.
    pub(super) fn base(&self) -> Position {
        self.base
    }

    pub(super) fn end(&self) -> Position {
        self.base + self.entries.len() as Position
    }

    pub(super) fn durable(&self) -> Position {
        self.durable
    }

    pub(super) fn durable_epoch(&self) -> Epoch {
        self.durable_epoch
    }

    pub(super) fn get(&self, position: Position) -> Option<&Entry> {
        let index = position.checked_sub(self.base + 1)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// Hash of the prefix that ends at `position`, where it is known.
    pub(super) fn hash_at(&self, position: Position) -> Option<ChainHash> {
        if position == 0 {
            return Some(ChainHash::EMPTY);
        }
        if position == self.base {
            return Some(self.base_hash);
        }
        self.get(position).map(|entry| entry.hash)
    }

    /// Adds a command of one's own.
    pub(super) fn extend(&mut self, command: Command) {
        let end = self.end();
        let last = self.hash_at(end).expect("the hash of the last entry is always known");
        let hash = last.extend(&command);
        self.append(Entry { position: end + 1, hash, command });
    }

    /// Adds an entry right after the last one.
    pub(super) fn append(&mut self, entry: Entry) {
        debug_assert_eq!(entry.position, self.end() + 1, "the log has no gaps");
        self.staged.push(LogWrite::Append(entry.clone()));
        self.entries.push_back(entry);
    }

    /// Forgets everything from `position` on. The caller vouches that it lies above what is committed.
    pub(super) fn truncate(&mut self, position: Position) {
        debug_assert!(position > self.base, "what is stored is committed and stays");
        let keep = position - self.base - 1;
        self.entries.truncate(usize::try_from(keep).expect("the window fits into memory"));
        self.durable = self.durable.min(position - 1);
        for write in &mut self.in_flight {
            write.end = write.end.min(position - 1);
        }
        self.staged.push(LogWrite::Truncate(position));
    }

    /// One write of everything staged. The state goes last: a write torn in the middle then never knows a commit
    /// beyond its entries. A commit alone is no reason to write; a new epoch is.
    pub(super) fn persist(&mut self, state: HardState) -> Option<Effect> {
        if self.staged.is_empty() && state.epoch == self.written.epoch {
            return None;
        }
        let mut writes = std::mem::take(&mut self.staged);
        if state != self.written {
            writes.push(LogWrite::State(state));
            self.written = state;
        }
        self.last_ticket += 1;
        let (ticket, end) = (self.last_ticket, self.end());
        self.in_flight.push_back(Write { ticket, end, epoch: state.epoch });
        Some(Effect::Persist { ticket, writes })
    }

    pub(super) fn persisted(&mut self, ticket: Ticket) {
        while self.in_flight.front().is_some_and(|write| write.ticket <= ticket) {
            if let Some(write) = self.in_flight.pop_front() {
                self.durable = self.durable.max(write.end);
                self.durable_epoch = self.durable_epoch.max(write.epoch);
            }
        }
    }

    /// Lets entries at or below `position` go: the store has them.
    pub(super) fn release(&mut self, position: Position) {
        while self.base < position.min(self.durable) {
            let Some(entry) = self.entries.pop_front() else { return };
            (self.base, self.base_hash) = (entry.position, entry.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(count: u8) -> Log {
        let mut log = Log::new(Recovered::default());
        for number in 0..count {
            log.extend(Command::copy_from_slice(&[number]));
        }
        log
    }

    fn state(epoch: Epoch, commit: Position) -> HardState {
        HardState { epoch, vote: 0, commit }
    }

    #[test]
    fn a_truncation_takes_back_what_writes_on_their_way_would_have_made_durable() {
        let mut log = log_of(3);
        assert!(matches!(log.persist(state(0, 0)), Some(Effect::Persist { ticket: 1, .. })));
        log.truncate(2);
        log.extend(Command::from_static(b"other"));
        assert!(matches!(log.persist(state(0, 0)), Some(Effect::Persist { ticket: 2, .. })));
        log.persisted(1);
        assert_eq!((log.durable(), log.end()), (1, 2));
        log.persisted(2);
        assert_eq!(log.durable(), 2);
    }

    #[test]
    fn a_commit_alone_is_not_written_but_rides_along() {
        let mut log = log_of(1);
        let first = log.persist(state(1, 0));
        assert!(first.is_some());
        assert_eq!(log.persist(state(1, 1)), None);
        log.extend(Command::from_static(b"next"));
        let Some(Effect::Persist { writes, .. }) = log.persist(state(1, 1)) else {
            panic!("an entry is a reason to write")
        };
        assert_eq!(writes.last(), Some(&LogWrite::State(state(1, 1))));
    }

    #[test]
    fn released_entries_leave_their_hash_behind() {
        let mut log = log_of(4);
        log.persist(state(0, 0));
        log.persisted(1);
        let hash = log.hash_at(3);
        log.release(3);
        assert_eq!((log.base(), log.hash_at(3), log.hash_at(2)), (3, hash, None));
        assert_eq!(log.hash_at(0), Some(ChainHash::EMPTY));
        assert!(log.get(3).is_none() && log.get(4).is_some());
    }
}
