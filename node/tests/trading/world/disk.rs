//! A replica's disk: a log that syncs at once, and a store that may lag behind it.

use std::collections::{BTreeMap, VecDeque};

use market::rows::{Row, RowChange, Table};
use replication::contract::{ChainHash, Entry, LogWrite, Position, Recovered};

/// Where a row stands.
type Place = (Table, Vec<u8>);

/// What a disk holds, and what dies with the process.
#[derive(Default)]
pub(crate) struct Disk {
    writes: Vec<LogWrite>,
    rows: BTreeMap<Place, Vec<u8>>,
    pub(super) stored: Position,
    /// The store was replaced by a state of this position, and the log was not told yet.
    replaced: Option<Position>,
    /// Not in the store yet; lost with the process.
    unstored: VecDeque<(Position, Vec<RowChange>)>,
    /// Rows as of the first question of each transfer; lost with the process.
    snapshots: BTreeMap<u64, (Position, BTreeMap<Place, Vec<u8>>)>,
}

impl Disk {
    pub(super) fn recovered(&self) -> Recovered {
        let mut recovered = Recovered { applied: self.stored, ..Recovered::default() };
        for write in &self.writes {
            match write {
                LogWrite::Append(entry) => recovered.entries.push(entry.clone()),
                LogWrite::Truncate(from) => recovered.entries.retain(|e| e.position < *from),
                LogWrite::State(state) => recovered.state = *state,
                LogWrite::Reset { .. } => recovered.entries.clear(),
                LogWrite::Note(note) => recovered.notes.push(note.clone()),
                LogWrite::Digest(note) => recovered.notes = vec![note.clone()],
            }
        }
        if self.replaced.is_some() {
            // They are of the state that was thrown away.
            recovered.entries.clear();
        }
        recovered.entries.retain(|entry| entry.position > self.stored);
        recovered
    }

    /// All rows but the history's.
    pub(super) fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter().filter(|((table, _), _)| *table != Table::History);
        rows.map(row).collect()
    }

    pub(super) fn history(&self, from: u64, max: usize) -> Vec<Entry> {
        let rows = self.rows.range((Table::History, from.to_be_bytes().to_vec())..);
        rows.take(max)
            .map(|((_, key), value)| Entry {
                position: u64::from_be_bytes(key.as_slice().try_into().expect("8 bytes")),
                hash: ChainHash(value[..16].try_into().expect("16 bytes")),
                command: value[16..].to_vec().into(),
            })
            .collect()
    }

    pub(super) fn log(&mut self, writes: Vec<LogWrite>) {
        for write in &writes {
            if let LogWrite::Reset { position, .. } = write
                && self.replaced.is_some_and(|replaced| replaced <= *position)
            {
                self.replaced = None;
            }
        }
        self.writes.extend(writes);
    }

    /// Takes changes; stores those that are more than `lag` positions old.
    pub(super) fn store(&mut self, position: Position, changes: Vec<RowChange>, lag: usize) {
        self.unstored.push_back((position, changes));
        while self.unstored.len() > lag {
            let (position, changes) = self.unstored.pop_front().expect("there is one");
            for change in changes {
                match change.value {
                    Some(value) => self.rows.insert((change.table, change.key), value),
                    None => self.rows.remove(&(change.table, change.key)),
                };
            }
            self.stored = position;
        }
    }

    /// One state in place of another, with a note for the case that the log never hears of it.
    pub(super) fn replace(&mut self, position: Position, rows: Vec<Row>) {
        self.unstored.clear();
        self.rows = rows.into_iter().map(|row| ((row.table, row.key), row.value)).collect();
        self.stored = position;
        self.replaced = Some(position);
    }

    /// Rows of a snapshot after a place, with the position they reflect; and whether no more follow.
    pub(super) fn read_snapshot(
        &mut self,
        transfer: u64,
        after: Option<Place>,
        max_bytes: usize,
    ) -> (Position, Vec<Row>, bool) {
        let fresh = || (self.stored, self.rows.clone());
        let (position, all) = &*self.snapshots.entry(transfer).or_insert_with(fresh);
        let mut rest =
            all.iter().filter(|(place, _)| after.as_ref().is_none_or(|after| *place > after));
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < max_bytes
            && let Some(next) = rest.next()
        {
            let next = row(next);
            bytes += next.key.len() + next.value.len();
            rows.push(next);
        }
        (*position, rows, rest.next().is_none())
    }

    pub(super) fn close_snapshot(&mut self, transfer: u64) {
        assert!(self.snapshots.remove(&transfer).is_some(), "a transfer is closed once");
    }

    /// The process is gone, and with it what only it knew.
    pub(super) fn crash(&mut self) {
        self.unstored.clear();
        self.snapshots.clear();
    }
}

fn row(((table, key), value): (&Place, &Vec<u8>)) -> Row {
    Row { table: *table, key: key.clone(), value: value.clone() }
}
