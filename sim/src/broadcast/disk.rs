//! One member's disk: the log of its notes, and the store that lags behind what was delivered.
//!
//! Notes become durable after a while and in the order written; a crash loses what was under way, but for any prefix of it
//! that happened to reach the disk. The store is known here by what it reflects: position, chain hash and mark.

use std::collections::VecDeque;

use bytes::Bytes;
use replication::contract::{HardState, LogWrite, Position, Recovered, SnapshotName, Ticket};

use super::scenario::DiskKnobs;
use crate::rng::Rng;

/// Longest stall of a slow disk, in µs: a disk that never answers is a dead one, and dead disks are another fault.
const LONGEST_STALL: u64 = 1_000_000;

/// A disk.
pub(super) struct Disk {
    knobs: DiskKnobs,
    slowness: u64,
    busy_until: u64,
    /// The last digest and the notes after it, durable.
    notes: Vec<Bytes>,
    /// Grows with every change of `notes` that is not an addition at the end.
    digests: u64,
    pending: VecDeque<(Ticket, Vec<LogWrite>)>,
    /// What the store reflects, durably.
    stored: SnapshotName,
    /// Deliveries that the store has not committed.
    waiting: VecDeque<SnapshotName>,
    commit_scheduled: bool,
}

impl Disk {
    /// A blank disk.
    pub(super) fn new(knobs: DiskKnobs) -> Self {
        Disk {
            knobs,
            slowness: 1,
            busy_until: 0,
            notes: Vec::new(),
            digests: 0,
            pending: VecDeque::new(),
            stored: SnapshotName::default(),
            waiting: VecDeque::new(),
            commit_scheduled: false,
        }
    }

    /// The disk is lost; a blank one takes its place.
    pub(super) fn wipe(&mut self) {
        *self = Disk::new(self.knobs.clone());
    }

    /// Everything takes this many times as long.
    pub(super) fn slow_down(&mut self, times: u64) {
        self.slowness = times.max(1);
    }

    /// Takes log writes; says when they will be durable.
    pub(super) fn persist(
        &mut self,
        rng: &mut Rng,
        now: u64,
        ticket: Ticket,
        writes: Vec<LogWrite>,
    ) -> u64 {
        self.pending.push_back((ticket, writes));
        let mut delay = self.knobs.sync / 4 + rng.exponential(self.knobs.sync);
        if rng.chance(self.knobs.tail) {
            delay += rng.between_log(self.knobs.sync.max(1), self.knobs.tail_max);
        }
        let delay = (delay * self.slowness).min(LONGEST_STALL.max(delay));
        self.busy_until = self.busy_until.max(now + delay);
        self.busy_until
    }

    /// The oldest write under way is durable now; its ticket.
    pub(super) fn log_done(&mut self) -> Option<Ticket> {
        let (ticket, writes) = self.pending.pop_front()?;
        writes.into_iter().for_each(|write| self.write(write));
        Some(ticket)
    }

    fn write(&mut self, write: LogWrite) {
        match write {
            LogWrite::Note(note) => self.notes.push(note),
            LogWrite::Digest(note) => {
                self.notes = vec![note];
                self.digests += 1;
            }
            // Engines of notes write nothing else; the world has complained already.
            _ => {}
        }
    }

    /// Takes a delivery; says when the store will commit, if that was not scheduled already.
    pub(super) fn deliver(
        &mut self,
        rng: &mut Rng,
        now: u64,
        reflects: SnapshotName,
    ) -> Option<u64> {
        self.waiting.push_back(reflects);
        self.schedule_commit(rng, now)
    }

    fn schedule_commit(&mut self, rng: &mut Rng, now: u64) -> Option<u64> {
        if self.commit_scheduled || self.waiting.is_empty() {
            return None;
        }
        self.commit_scheduled = true;
        let delay = self.knobs.store / 4 + rng.exponential(self.knobs.store);
        Some(now + (delay * self.slowness).min(LONGEST_STALL))
    }

    /// The store commits what it has, sometimes only a part: what it reflects then, and when it commits next.
    pub(super) fn store_done(&mut self, rng: &mut Rng, now: u64) -> (Position, Option<u64>) {
        self.commit_scheduled = false;
        let count = match rng.below(3) {
            0 => rng.between(1, self.waiting.len().max(1) as u64) as usize,
            _ => self.waiting.len(),
        };
        self.commit(count);
        (self.stored.position, self.schedule_commit(rng, now))
    }

    fn commit(&mut self, count: usize) {
        let count = count.min(self.waiting.len());
        if let Some(last) = self.waiting.drain(..count).next_back() {
            self.stored = last;
        }
    }

    /// The store is replaced as a whole: nothing that was delivered before is worth writing any more.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// The store reflects this now, durably, in one step.
    pub(super) fn replace(&mut self, name: SnapshotName) {
        self.waiting.clear();
        self.stored = name;
    }

    /// The machine loses power. Says whether a part of what was under way reached the disk.
    pub(super) fn crash(&mut self, rng: &mut Rng) -> bool {
        let lucky = rng.chance(self.knobs.keep_part);
        let under_way: Vec<LogWrite> =
            self.pending.drain(..).flat_map(|(_, writes)| writes).collect();
        let keep = if lucky { rng.below(under_way.len() as u64 + 1) as usize } else { 0 };
        let torn = keep > 0 && keep < under_way.len();
        under_way.into_iter().take(keep).for_each(|write| self.write(write));
        if lucky && rng.chance(0.5) {
            let count = rng.below(self.waiting.len() as u64 + 1) as usize;
            self.commit(count);
        }
        self.waiting.clear();
        self.commit_scheduled = false;
        self.busy_until = 0;
        torn
    }

    /// What a starting engine finds.
    pub(super) fn recovered(&self) -> Recovered {
        Recovered {
            state: HardState::default(),
            applied: self.stored.position,
            applied_hash: self.stored.hash,
            entries: Vec::new(),
            mark: self.stored.mark.clone(),
            notes: self.notes.clone(),
        }
    }

    /// What the store reflects durably.
    pub(super) fn stored(&self) -> &SnapshotName {
        &self.stored
    }

    /// Durable notes: a number that changes when they begin anew, and the notes.
    pub(super) fn notes(&self) -> (u64, &[Bytes]) {
        (self.digests, &self.notes)
    }
}

#[cfg(test)]
mod tests {
    use replication::contract::ChainHash;

    use super::*;

    fn disk() -> Disk {
        Disk::new(DiskKnobs { sync: 100, tail: 0.0, tail_max: 0, store: 1_000, keep_part: 1.0 })
    }

    fn note(byte: u8) -> LogWrite {
        LogWrite::Note(Bytes::from(vec![byte]))
    }

    #[test]
    fn a_crash_keeps_some_prefix_of_what_was_under_way() {
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let (mut disk, mut rng) = (disk(), Rng::new(seed, 0));
            disk.persist(&mut rng, 0, 1, vec![note(1)]);
            assert_eq!(disk.log_done(), Some(1));
            disk.persist(&mut rng, 0, 2, vec![note(2), note(3)]);
            disk.persist(&mut rng, 0, 3, vec![note(4)]);
            disk.crash(&mut rng);
            let notes: Vec<u8> = disk.recovered().notes.iter().map(|note| note[0]).collect();
            assert!([1, 2, 3, 4].starts_with(&notes), "{notes:?}");
            assert!(!notes.is_empty(), "what is durable stays");
            lengths.insert(notes.len());
        }
        assert_eq!(lengths.len(), 4, "every prefix comes up");
    }

    #[test]
    fn a_digest_takes_the_place_of_all_notes() {
        let (mut disk, mut rng) = (disk(), Rng::new(1, 0));
        disk.persist(
            &mut rng,
            0,
            1,
            vec![note(1), note(2), LogWrite::Digest(Bytes::from_static(b"d")), note(3)],
        );
        disk.log_done();
        assert_eq!(disk.recovered().notes, [Bytes::from_static(b"d"), Bytes::from(vec![3])]);
    }

    #[test]
    fn the_store_lags_and_loses_what_it_did_not_commit() {
        let (mut disk, mut rng) = (disk(), Rng::new(1, 0));
        let name = |position| SnapshotName {
            position,
            hash: ChainHash::EMPTY,
            mark: Bytes::from(vec![position as u8]),
        };
        assert!(disk.deliver(&mut rng, 0, name(1)).is_some());
        assert!(disk.deliver(&mut rng, 0, name(2)).is_none());
        assert_eq!(disk.recovered().applied, 0);
        while disk.store_done(&mut rng, 0).0 < 2 {}
        disk.deliver(&mut rng, 0, name(3));
        disk.knobs.keep_part = 0.0;
        disk.crash(&mut rng);
        assert_eq!((disk.recovered().applied, disk.recovered().mark), (2, Bytes::from(vec![2])));
    }
}
