//! One machine's disk: a log whose writes become durable after a delay and in order, and a store that commits now and then.
//!
//! What is durable and what is only under way are kept apart; a crash drops what was under way, except for a part that
//! happened to reach the disk. Whatever would lose or contradict what is durable is refused ([`Broken`]).

mod log;
mod store;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use replication::contract::{
    ChainHash, Entry, HardState, Incarnation, LogWrite, Position, Recovered,
};

use crate::rng::Rng;
use log::Log;
use store::Store;
pub use store::{Committed, SnapshotPage};

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
    log: Log,
    store: Store,
    busy_until: u64,
}

impl Disk {
    /// An empty disk.
    pub fn new(knobs: DiskKnobs, incarnation: Incarnation) -> Self {
        Disk {
            knobs,
            slowness: 1,
            incarnation,
            log: Log::default(),
            store: Store::new(),
            busy_until: 0,
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
        self.log.take(ticket, writes);
        let mut delay = self.knobs.sync / 4 + rng.exponential(self.knobs.sync);
        if rng.chance(self.knobs.tail) {
            delay += rng.between_log(self.knobs.sync.max(1), self.knobs.tail_max);
        }
        let delay = (delay * self.slowness).min(LONGEST_STALL.max(delay));
        self.busy_until = self.busy_until.max(now + delay);
        self.busy_until
    }

    /// The oldest log write under way is durable now; its ticket.
    pub fn log_done(&mut self) -> Result<Option<u64>, Broken> {
        let Some((ticket, writes)) = self.log.pending.pop_front() else { return Ok(None) };
        for write in writes {
            self.log.write(write, self.store.base)?;
        }
        Ok(Some(ticket))
    }

    /// Takes row changes; says when the store will commit, if that was not scheduled already.
    pub fn store(
        &mut self,
        rng: &mut Rng,
        now: u64,
        position: Position,
        changes: Vec<RowChange>,
    ) -> Result<Option<u64>, Broken> {
        self.store.change(position, changes)?;
        Ok(self.schedule_store(rng, now))
    }

    /// Takes rows that replace all others; says when the store will commit, if that was not scheduled already.
    pub fn replace(
        &mut self,
        rng: &mut Rng,
        now: u64,
        position: Position,
        rows: Vec<Row>,
    ) -> Result<Option<u64>, Broken> {
        self.store.replace(position, rows)?;
        Ok(self.schedule_store(rng, now))
    }

    fn schedule_store(&mut self, rng: &mut Rng, now: u64) -> Option<u64> {
        if self.store.scheduled || self.store.waiting() == 0 {
            return None;
        }
        self.store.scheduled = true;
        let delay = self.knobs.store / 4 + rng.exponential(self.knobs.store);
        Some(now + (delay * self.slowness).min(LONGEST_STALL))
    }

    /// The store commits what it has now: what it reflects then, and when it commits next.
    pub fn store_done(
        &mut self,
        rng: &mut Rng,
        now: u64,
    ) -> Result<(Committed, Option<u64>), Broken> {
        self.store.scheduled = false;
        // Sometimes only a part: a store commits when it likes.
        let count = match rng.below(4) {
            0 => rng.between(1, self.store.waiting().max(1) as u64) as usize,
            _ => self.store.waiting(),
        };
        let committed = self.store.commit(count, &mut self.log)?;
        Ok((committed, self.schedule_store(rng, now)))
    }

    /// The machine lost power: what was under way is gone, but for a part. Says whether a part was kept.
    pub fn crash(&mut self, rng: &mut Rng) -> Result<bool, Broken> {
        let mut kept = false;
        let lucky = rng.chance(self.knobs.keep_part);
        let under_way = self.log.crash();
        if lucky && !under_way.is_empty() {
            let count = rng.between(1, under_way.len() as u64) as usize;
            for write in under_way.into_iter().take(count) {
                self.log.write(write, self.store.base)?;
            }
            kept = true;
        }
        if lucky && rng.chance(0.5) {
            let count = rng.below(self.store.waiting() as u64 + 1) as usize;
            self.store.commit(count, &mut self.log)?;
        }
        self.store.crash();
        self.log.recover(self.store.base);
        self.busy_until = 0;
        Ok(kept)
    }

    /// What a starting process finds in its log.
    pub fn recovered(&self) -> Recovered {
        let entries = self.log.entries.range(self.stored() + 1..);
        Recovered {
            state: self.log.state,
            applied: self.stored(),
            applied_hash: self.store.base.hash,
            entries: entries.map(|(_, entry)| entry.clone()).collect(),
            // The process finds its engine's mark among the rows.
            mark: Bytes::new(),
            notes: self.log.notes.clone(),
        }
    }

    /// All rows but history.
    pub fn rows(&self) -> Vec<Row> {
        self.store.rows()
    }

    /// A question of a transfer for rows. The first one fixes the rows; whoever goes on with one that was closed asks in vain.
    pub fn open_snapshot(&mut self, transfer: u64, first: bool) -> Result<(), Broken> {
        match (first, self.store.has_open(transfer)) {
            (true, _) => self.store.open(transfer),
            (false, true) => {}
            (false, false) => {
                return Err(format!("transfer {transfer} goes on, but was never begun"));
            }
        }
        Ok(())
    }

    /// Rows of a transfer after this one; `None` if it was closed meanwhile.
    pub fn snapshot_page(
        &self,
        transfer: u64,
        after: Option<&(Table, Vec<u8>)>,
        max_bytes: usize,
    ) -> Option<SnapshotPage> {
        self.store.page(transfer, after, max_bytes)
    }

    /// Nobody reads this transfer's rows any more.
    pub fn close_snapshot(&mut self, transfer: u64) {
        self.store.close(transfer);
    }

    /// Committed history from a position on, gapless.
    pub fn read_history(&self, from: Position, max: usize) -> Vec<Entry> {
        (from..).map_while(|position| self.store.history_entry(position)).take(max).collect()
    }

    /// Last position that survives a crash now.
    pub fn durable_end(&self) -> Position {
        self.log.end(self.store.base)
    }

    /// Does this very prefix survive a crash now?
    pub fn holds(&self, position: Position, hash: ChainHash) -> bool {
        // What was stored beyond was delivered; that deliveries agree is judged apart.
        position < self.stored()
            || position == self.stored() && hash == self.store.base.hash
            || self.log.holds(position, hash)
    }

    /// Position that the store reflects durably.
    pub fn stored(&self) -> Position {
        self.store.base.position
    }

    /// The hard state that survives a crash now.
    pub fn state(&self) -> HardState {
        self.log.state
    }

    /// Is nothing under way?
    pub fn idle(&self) -> bool {
        self.log.pending.is_empty() && self.store.waiting() == 0
    }
}
