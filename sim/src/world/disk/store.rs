//! The store: rows and history as of one position, committed now and then, read as of one position by snapshots, and
//! replaced as a whole.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use market::rows::{Row, RowChange, Table, number_key};
use replication::contract::{ChainHash, Entry, Position};

use super::log::Base;
use super::{Broken, Log};

/// Facts row in which every replica keeps the chain hash of what its store reflects.
const HASH_KEY: &[u8] = b"chain";

type RowKey = (Table, Vec<u8>);

/// What waits for the store's next commits.
enum Pending {
    /// Row changes of one position.
    Changes(Position, Vec<RowChange>),
    /// All rows are thrown away for these.
    Replace(Position, Vec<Row>),
}

impl Pending {
    fn position(&self) -> Position {
        match self {
            Pending::Changes(position, _) | Pending::Replace(position, _) => *position,
        }
    }
}

/// What a commit of the store brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The store reflects this now.
    pub position: Position,
    /// It was replaced by this.
    pub replaced: Option<Position>,
}

/// Rows as of the position of a transfer's first question.
struct Snapshot {
    position: Position,
    rows: BTreeMap<RowKey, Vec<u8>>,
}

/// One answer about a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub struct SnapshotPage {
    /// The position that all rows of the transfer reflect.
    pub position: Position,
    /// Rows by table and key.
    pub rows: Vec<Row>,
    /// No more rows follow.
    pub end: bool,
}

/// A store.
pub(super) struct Store {
    pub(super) base: Base,
    rows: BTreeMap<RowKey, Vec<u8>>,
    history: BTreeMap<Position, Bytes>,
    pending: VecDeque<Pending>,
    snapshots: BTreeMap<u64, Snapshot>,
    pub(super) scheduled: bool,
}

impl Store {
    pub(super) fn new() -> Self {
        Store {
            base: Base { position: 0, hash: ChainHash::EMPTY, replaced: None },
            rows: BTreeMap::new(),
            history: BTreeMap::new(),
            pending: VecDeque::new(),
            snapshots: BTreeMap::new(),
            scheduled: false,
        }
    }

    /// Takes row changes for one of the next commits.
    pub(super) fn change(
        &mut self,
        position: Position,
        changes: Vec<RowChange>,
    ) -> Result<(), Broken> {
        self.take(Pending::Changes(position, changes))
    }

    /// Takes rows that replace all others with one of the next commits.
    pub(super) fn replace(&mut self, position: Position, rows: Vec<Row>) -> Result<(), Broken> {
        self.take(Pending::Replace(position, rows))
    }

    fn take(&mut self, pending: Pending) -> Result<(), Broken> {
        let latest = self.pending.back().map_or(self.base.position, Pending::position);
        if pending.position() < latest {
            return Err(format!("store goes back from {latest} to {}", pending.position()));
        }
        self.pending.push_back(pending);
        Ok(())
    }

    /// How much waits for a commit.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Commits the oldest so many; a replacement always ends a commit.
    pub(super) fn commit(&mut self, count: usize, log: &mut Log) -> Result<Committed, Broken> {
        let before = self.base.position;
        let mut replaced = None;
        for _ in 0..count {
            match self.pending.pop_front() {
                Some(Pending::Changes(position, changes)) => {
                    changes.into_iter().for_each(|change| self.write_row(change));
                    self.base.position = position;
                }
                Some(Pending::Replace(position, rows)) => {
                    self.write_all(position, rows)?;
                    replaced = Some(position);
                    break;
                }
                None => break,
            }
        }
        if self.base.position > before && replaced.is_none() {
            self.base.hash = self.hash_at(self.base.position, log)?;
        }
        // Whatever the log holds of the time before a replacement is dropped by its reset alone.
        log.cut(self.base.position);
        Ok(Committed { position: self.base.position, replaced })
    }

    fn write_all(&mut self, position: Position, rows: Vec<Row>) -> Result<(), Broken> {
        (self.rows, self.history) = (BTreeMap::new(), BTreeMap::new());
        rows.into_iter().for_each(|row| self.write_row(row.into()));
        let hash = self.hash_row().ok_or("rows without a chain hash replace the store")?;
        self.base = Base { position, hash, replaced: Some(position) };
        Ok(())
    }

    fn hash_row(&self) -> Option<ChainHash> {
        let value = self.rows.get(&(Table::Facts, HASH_KEY.to_vec()))?;
        Some(ChainHash(value.as_slice().try_into().ok()?))
    }

    fn hash_at(&self, position: Position, log: &Log) -> Result<ChainHash, Broken> {
        let logged = log
            .hash(position)
            .or_else(|| self.history_entry(position).map(|entry| entry.hash))
            .ok_or_else(|| format!("position {position} was stored and never logged"))?;
        match self.hash_row() {
            Some(row) if row != logged => {
                Err(format!("the row says {row:?} at {position}, the log {logged:?}"))
            }
            _ => Ok(logged),
        }
    }

    fn write_row(&mut self, change: RowChange) {
        if change.table == Table::History {
            let Ok(key) = <[u8; 8]>::try_from(change.key.as_slice()) else { return };
            let position = u64::from_be_bytes(key);
            match change.value {
                Some(value) => self.history.insert(position, Bytes::from(value)),
                None => self.history.remove(&position),
            };
            return;
        }
        match change.value {
            Some(value) => self.rows.insert((change.table, change.key), value),
            None => self.rows.remove(&(change.table, change.key)),
        };
    }

    /// What waits is lost, and nobody reads any more.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
        self.snapshots.clear();
        self.scheduled = false;
    }

    /// The first question of a transfer fixes what it reads.
    pub(super) fn open(&mut self, transfer: u64) {
        let history = self.history.iter();
        let history =
            history.map(|(at, value)| ((Table::History, number_key(*at)), value.to_vec()));
        let rows = self.rows.clone().into_iter().chain(history).collect();
        self.snapshots.insert(transfer, Snapshot { position: self.base.position, rows });
    }

    pub(super) fn close(&mut self, transfer: u64) {
        self.snapshots.remove(&transfer);
    }

    pub(super) fn has_open(&self, transfer: u64) -> bool {
        self.snapshots.contains_key(&transfer)
    }

    /// The rows of a transfer after this one, about so many bytes, at least one row.
    pub(super) fn page(
        &self,
        transfer: u64,
        after: Option<&RowKey>,
        max_bytes: usize,
    ) -> Option<SnapshotPage> {
        use std::ops::Bound::{Excluded, Unbounded};
        let snapshot = self.snapshots.get(&transfer)?;
        let from = after.map_or(Unbounded, |key| Excluded(key.clone()));
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let mut rest = snapshot.rows.range((from, Unbounded)).peekable();
        while let Some(&((table, key), value)) = rest.peek() {
            let size = key.len() + value.len();
            if !rows.is_empty() && bytes + size > max_bytes {
                break;
            }
            bytes += size;
            rows.push(Row { table: *table, key: key.clone(), value: value.clone() });
            rest.next();
        }
        Some(SnapshotPage { position: snapshot.position, end: rest.peek().is_none(), rows })
    }

    /// All rows but history.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.rows
            .iter()
            .map(|((table, key), value)| Row {
                table: *table,
                key: key.clone(),
                value: value.clone(),
            })
            .collect()
    }

    pub(super) fn history_entry(&self, position: Position) -> Option<Entry> {
        let value = self.history.get(&position)?;
        let hash = <[u8; 16]>::try_from(value.get(..16)?).ok()?;
        Some(Entry { position, hash: ChainHash(hash), command: value.slice(16..) })
    }
}
