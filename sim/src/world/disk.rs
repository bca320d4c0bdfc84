//! One machine's disk: a log whose writes become durable after a delay and in order, and a store that commits now and then.
//!
//! What is durable and what is only under way are kept apart; a crash drops what was under way, except for a part that
//! happened to reach the disk.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use replication::contract::{
    ChainHash, Entry, HardState, Incarnation, LogWrite, Position, Recovered,
};

use crate::rng::Rng;

/// How a disk behaves.
#[derive(Clone, Debug)]
pub struct DiskKnobs {
    /// Mean time of a sync, in µs.
    pub sync: u64,
    /// Share of syncs that take up to `tail_max`.
    pub tail: f64,
    /// In µs.
    pub tail_max: u64,
    /// Mean time until the store commits, in µs.
    pub store: u64,
    /// Share of crashes at which a part of what was under way reached the disk.
    pub keep_part: f64,
}

/// Longest stall of a slow disk, in µs: a disk that never answers is a dead one, and dead disks are another fault.
const LONGEST_STALL: u64 = 2_500_000;

/// What a disk refuses: each means that the process asked for something that loses data.
pub type Broken = String;

/// A disk with a log and a store.
pub struct Disk {
    knobs: DiskKnobs,
    slowness: u64,
    incarnation: Incarnation,
    state: HardState,
    log: BTreeMap<Position, Entry>,
    log_pending: VecDeque<(u64, Vec<LogWrite>)>,
    log_busy_until: u64,
    hashes: BTreeMap<Position, ChainHash>,
    stored: Position,
    stored_hash: ChainHash,
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    history: BTreeMap<Position, Bytes>,
    store_pending: VecDeque<(Position, Vec<RowChange>)>,
    store_scheduled: bool,
}

impl Disk {
    /// An empty disk.
    pub fn new(knobs: DiskKnobs, incarnation: Incarnation) -> Self {
        Disk {
            knobs,
            slowness: 1,
            incarnation,
            state: HardState::default(),
            log: BTreeMap::new(),
            log_pending: VecDeque::new(),
            log_busy_until: 0,
            hashes: BTreeMap::new(),
            stored: 0,
            stored_hash: ChainHash::EMPTY,
            rows: BTreeMap::new(),
            history: BTreeMap::new(),
            store_pending: VecDeque::new(),
            store_scheduled: false,
        }
    }

    /// The disk is lost and replaced by an empty one with another identity.
    pub fn wipe(&mut self, incarnation: Incarnation) {
        *self = Disk::new(self.knobs.clone(), incarnation);
    }

    /// Everything takes this many times as long.
    pub fn slow_down(&mut self, times: u64) {
        self.slowness = times.max(1);
    }

    /// Whose data this is.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Takes a log write; says when it will be durable.
    pub fn persist(&mut self, rng: &mut Rng, now: u64, ticket: u64, writes: Vec<LogWrite>) -> u64 {
        for write in &writes {
            if let LogWrite::Append(entry) = write {
                self.hashes.insert(entry.position, entry.hash);
            }
        }
        self.log_pending.push_back((ticket, writes));
        let mut delay = self.knobs.sync / 4 + rng.exponential(self.knobs.sync);
        if rng.chance(self.knobs.tail) {
            delay += rng.between_log(self.knobs.sync.max(1), self.knobs.tail_max);
        }
        let delay = (delay * self.slowness).min(LONGEST_STALL.max(delay));
        self.log_busy_until = self.log_busy_until.max(now + delay);
        self.log_busy_until
    }

    /// The oldest log write under way is durable now; its ticket.
    pub fn log_done(&mut self) -> Result<Option<u64>, Broken> {
        let Some((ticket, writes)) = self.log_pending.pop_front() else { return Ok(None) };
        for write in writes {
            self.write_log(write)?;
        }
        Ok(Some(ticket))
    }

    fn write_log(&mut self, write: LogWrite) -> Result<(), Broken> {
        match write {
            LogWrite::State(state) => {
                if state.epoch < self.state.epoch || state.commit < self.state.commit {
                    return Err(format!("hard state goes back from {:?} to {state:?}", self.state));
                }
                self.state = state;
            }
            LogWrite::Append(entry) => {
                let expected = self.durable_end() + 1;
                if entry.position > expected || entry.position <= self.log_end_written() {
                    return Err(format!("append at {} after {}", entry.position, expected - 1));
                }
                self.log.insert(entry.position, entry);
            }
            LogWrite::Reset { .. } => todo!("raft"),
            LogWrite::Truncate(from) => {
                if from <= self.stored || from <= self.state.commit {
                    return Err(format!(
                        "truncate from {from}, but {} is stored and {} committed",
                        self.stored, self.state.commit
                    ));
                }
                self.log.split_off(&from);
            }
        }
        Ok(())
    }

    fn log_end_written(&self) -> Position {
        self.log.last_key_value().map_or(0, |(position, _)| *position)
    }

    /// Takes row changes; says when the store will commit, if that was not scheduled already.
    pub fn store(
        &mut self,
        rng: &mut Rng,
        now: u64,
        position: Position,
        changes: Vec<RowChange>,
    ) -> Result<Option<u64>, Broken> {
        let latest = self.store_pending.back().map_or(self.stored, |(position, _)| *position);
        if position < latest {
            return Err(format!("store goes back from {latest} to {position}"));
        }
        self.store_pending.push_back((position, changes));
        Ok(self.schedule_store(rng, now))
    }

    fn schedule_store(&mut self, rng: &mut Rng, now: u64) -> Option<u64> {
        if self.store_scheduled || self.store_pending.is_empty() {
            return None;
        }
        self.store_scheduled = true;
        let delay = self.knobs.store / 4 + rng.exponential(self.knobs.store);
        Some(now + (delay * self.slowness).min(LONGEST_STALL))
    }

    /// The store commits what it has now: the position it reflects, and when it commits next.
    pub fn store_done(
        &mut self,
        rng: &mut Rng,
        now: u64,
    ) -> Result<(Position, Option<u64>), Broken> {
        self.store_scheduled = false;
        // Sometimes only a part: a store commits when it likes.
        let count = match rng.below(4) {
            0 => rng.between(1, self.store_pending.len().max(1) as u64) as usize,
            _ => self.store_pending.len(),
        };
        self.commit_rows(count)?;
        Ok((self.stored, self.schedule_store(rng, now)))
    }

    fn commit_rows(&mut self, count: usize) -> Result<(), Broken> {
        let before = self.stored;
        for _ in 0..count {
            let Some((position, changes)) = self.store_pending.pop_front() else { break };
            for change in changes {
                self.write_row(change);
            }
            self.stored = position;
        }
        if self.stored > before {
            let known = self.hashes.get(&self.stored).copied();
            self.stored_hash = known
                .or_else(|| self.log.get(&self.stored).map(|entry| entry.hash))
                .or_else(|| self.history_entry(self.stored).map(|entry| entry.hash))
                .ok_or_else(|| format!("position {} was stored and never logged", self.stored))?;
        }
        self.log = self.log.split_off(&(self.stored + 1));
        self.hashes = self.hashes.split_off(&self.stored);
        Ok(())
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

    /// The machine lost power: what was under way is gone, but for a part. Says whether a part was kept.
    pub fn crash(&mut self, rng: &mut Rng) -> Result<bool, Broken> {
        let mut kept = false;
        let lucky = rng.chance(self.knobs.keep_part);
        let under_way: Vec<LogWrite> =
            self.log_pending.drain(..).flat_map(|(_, writes)| writes).collect();
        if lucky && !under_way.is_empty() {
            let count = rng.between(1, under_way.len() as u64) as usize;
            for write in under_way.into_iter().take(count) {
                self.write_log(write)?;
            }
            kept = true;
        }
        if lucky && rng.chance(0.5) {
            let count = rng.below(self.store_pending.len() as u64 + 1) as usize;
            self.commit_rows(count)?;
        }
        self.store_pending.clear();
        self.store_scheduled = false;
        self.log_busy_until = 0;
        self.hashes = self.log.iter().map(|(position, entry)| (*position, entry.hash)).collect();
        Ok(kept)
    }

    /// What a starting process finds in its log.
    pub fn recovered(&self) -> Recovered {
        Recovered {
            state: self.state,
            applied: self.stored,
            applied_hash: self.stored_hash,
            entries: self.log.range(self.stored + 1..).map(|(_, entry)| entry.clone()).collect(),
            ..Recovered::default()
        }
    }

    /// All rows but history.
    pub fn rows(&self) -> Vec<Row> {
        self.rows
            .iter()
            .map(|((table, key), value)| Row {
                table: *table,
                key: key.clone(),
                value: value.clone(),
            })
            .collect()
    }

    /// Committed history from a position on, gapless.
    pub fn read_history(&self, from: Position, max: usize) -> Vec<Entry> {
        (from..).map_while(|position| self.history_entry(position)).take(max).collect()
    }

    fn history_entry(&self, position: Position) -> Option<Entry> {
        let value = self.history.get(&position)?;
        let hash = <[u8; 16]>::try_from(value.get(..16)?).ok()?;
        Some(Entry { position, hash: ChainHash(hash), command: value.slice(16..) })
    }

    /// Last position that survives a crash now.
    pub fn durable_end(&self) -> Position {
        self.log_end_written().max(self.stored)
    }

    /// Position that the store reflects durably.
    pub fn stored(&self) -> Position {
        self.stored
    }

    /// Is nothing under way?
    pub fn idle(&self) -> bool {
        self.log_pending.is_empty() && self.store_pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, DiskKnobs};
    use crate::rng::Rng;
    use bytes::Bytes;
    use market::rows::{RowChange, Table};
    use replication::contract::{ChainHash, Entry, HardState, LogWrite};

    fn knobs(keep_part: f64) -> DiskKnobs {
        DiskKnobs { sync: 300, tail: 0.1, tail_max: 9_000, store: 5_000, keep_part }
    }

    fn append(position: u64) -> LogWrite {
        let command = Bytes::from(vec![position as u8]);
        let hash = ChainHash([position as u8; 16]);
        LogWrite::Append(Entry { position, hash, command })
    }

    fn history(position: u64) -> Vec<RowChange> {
        let mut value = vec![position as u8; 16];
        value.push(position as u8);
        vec![RowChange {
            table: Table::History,
            key: position.to_be_bytes().to_vec(),
            value: Some(value),
        }]
    }

    #[test]
    fn a_crash_loses_what_was_not_synced() {
        let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(1, 0));
        disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
        disk.persist(&mut rng, 0, 2, vec![append(3)]);
        assert_eq!(disk.log_done(), Ok(Some(1)));
        assert_eq!(disk.crash(&mut rng), Ok(false));
        assert_eq!(disk.durable_end(), 2);
        assert_eq!(disk.recovered().entries.len(), 2);
        assert_eq!(disk.log_done(), Ok(None));
    }

    #[test]
    fn a_lucky_crash_keeps_a_prefix_of_it() {
        let mut ends = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let (mut disk, mut rng) = (Disk::new(knobs(1.0), 1), Rng::new(seed, 0));
            disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
            disk.persist(&mut rng, 0, 2, vec![append(3)]);
            assert_eq!(disk.crash(&mut rng), Ok(true));
            ends.insert(disk.durable_end());
        }
        assert_eq!(ends.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn syncs_complete_in_order() {
        let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(1, 0));
        let mut last = 0;
        for ticket in 0..200 {
            let at = disk.persist(&mut rng, ticket, ticket, Vec::new());
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn the_store_returns_to_its_last_commit() {
        let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(2, 0));
        disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
        disk.log_done().unwrap();
        assert!(disk.store(&mut rng, 0, 1, history(1)).unwrap().is_some());
        assert_eq!(disk.store_done(&mut rng, 9).unwrap(), (1, None));
        disk.store(&mut rng, 10, 2, history(2)).unwrap();
        disk.crash(&mut rng).unwrap();
        assert_eq!(disk.stored(), 1);
        let found = disk.recovered();
        assert_eq!((found.applied, found.applied_hash), (1, ChainHash([1; 16])));
        assert_eq!(found.entries[0].position, 2);
        assert_eq!(disk.read_history(1, 9).len(), 1);
    }

    #[test]
    fn data_loss_on_request_is_refused() {
        let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(2, 0));
        let commit = LogWrite::State(HardState { epoch: 1, vote: 0, commit: 1 });
        disk.persist(&mut rng, 0, 1, vec![append(1), append(2), commit]);
        disk.persist(&mut rng, 0, 2, vec![LogWrite::Truncate(2)]);
        disk.persist(&mut rng, 0, 3, vec![LogWrite::Truncate(1)]);
        disk.persist(&mut rng, 0, 4, vec![append(5)]);
        assert_eq!(disk.log_done(), Ok(Some(1)));
        assert_eq!(disk.log_done(), Ok(Some(2)));
        assert!(disk.log_done().is_err());
        assert!(disk.log_done().is_err());
    }
}
