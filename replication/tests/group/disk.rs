//! A disk that only keeps what was completed.

use std::collections::VecDeque;

use replication::contract::*;

#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) state: HardState,
    /// Durable entries from position 1 on; the log is never cut here, so it is the store's history too.
    pub(crate) entries: Vec<Entry>,
    /// The store reflects everything up to here.
    pub(crate) stored: Position,
    /// Asked for, not durable.
    pub(crate) pending: VecDeque<(Ticket, Vec<LogWrite>)>,
}

impl Disk {
    pub(crate) fn complete_one(&mut self) -> Option<Ticket> {
        let (ticket, writes) = self.pending.pop_front()?;
        writes.into_iter().for_each(|write| self.write(write));
        Some(ticket)
    }

    fn write(&mut self, write: LogWrite) {
        match write {
            LogWrite::Append(entry) => {
                assert_eq!(entry.position, self.entries.len() as Position + 1, "a gap on disk");
                self.entries.push(entry);
            }
            LogWrite::Truncate(position) => {
                assert!(position > self.stored, "what is stored is never cut");
                self.entries.truncate(position as usize - 1);
            }
            LogWrite::State(state) => self.state = state,
            LogWrite::Reset { .. } => panic!("no engine of this group restores snapshots"),
        }
    }

    /// Loses what was not completed, but for the first `kept` changes: a torn write.
    pub(crate) fn crash(&mut self, kept: usize) {
        let pending = std::mem::take(&mut self.pending);
        let writes = pending.into_iter().flat_map(|(_, writes)| writes);
        writes.take(kept).for_each(|write| self.write(write));
    }

    pub(crate) fn recovered(&self) -> Recovered {
        let applied = self.stored;
        let last = (applied as usize).checked_sub(1).map(|index| self.entries[index].hash);
        Recovered {
            state: self.state,
            applied,
            applied_hash: last.unwrap_or(ChainHash::EMPTY),
            entries: self.entries[applied as usize..].to_vec(),
            ..Recovered::default()
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

    pub(crate) fn holds(&self, position: Position, hash: ChainHash) -> bool {
        (position as usize)
            .checked_sub(1)
            .and_then(|index| self.entries.get(index))
            .is_some_and(|entry| entry.hash == hash)
    }
}
