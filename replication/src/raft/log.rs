//! The log as it stands in memory, and what the library may read of it.
//!
//! ```text
//!        base            stored                       end
//!  ───────┼────────────────┼───────────────────────────┤
//!   only  │ the tail: kept │ not in the store yet:     │
//!   in the│ for followers  │ never let go              │
//!   store │ that lag       │                           │
//! ```
//! What is durable of it is the library's own count (`RaftLog::persisted`).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use raft::eraftpb::{self, ConfState, EntryType, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError};

use super::config::Limits;
use super::envelope::{self, EntryKind, Envelope};
use super::facts::{self, Change, Roll};
use crate::contract::{
    ChainHash, Entry, Epoch, HardState, Incarnation, LogWrite, Position, Recovered, ReplicaId,
};

/// One entry: as the disk has it, and opened.
#[derive(Clone, Debug)]
struct Held {
    entry: Entry,
    opened: Envelope,
}

pub(super) struct Log {
    base: Position,
    base_hash: ChainHash,
    base_term: Epoch,
    /// Entry `base + 1 + i` at index `i`.
    entries: VecDeque<Held>,
    /// Where the entries about members are, so that they are found among many commands.
    own: BTreeSet<Position>,
    /// The store reflects everything up to here.
    stored: Position,
    /// Bytes of the entries in `base + 1..=stored`.
    tail_bytes: usize,
    /// What the library reads once, at its start.
    start: (HardState, ConfState),
    /// Snapshots that peers have staged, ready for the library to offer.
    pub(super) offers: BTreeMap<ReplicaId, Snapshot>,
    /// Peers for which the library asked in vain.
    wanted: RefCell<BTreeSet<ReplicaId>>,
}

impl Log {
    /// `None` if an entry is no envelope, or terms go back.
    pub(super) fn open(
        recovered: Recovered,
        base_term: Epoch,
        start: (HardState, ConfState),
    ) -> Option<Self> {
        let mut log = Log {
            base: recovered.applied,
            base_hash: recovered.applied_hash,
            base_term,
            entries: VecDeque::new(),
            own: BTreeSet::new(),
            stored: recovered.applied,
            tail_bytes: 0,
            start,
            offers: BTreeMap::new(),
            wanted: RefCell::default(),
        };
        for entry in recovered.entries {
            let opened = envelope::open(&entry.command)?;
            if entry.position != log.end() + 1 || opened.term < log.last_term() {
                return None;
            }
            log.push(Held { entry, opened });
        }
        Some(log)
    }

    pub(super) fn base(&self) -> Position {
        self.base
    }

    pub(super) fn stored(&self) -> Position {
        self.stored
    }

    pub(super) fn end(&self) -> Position {
        self.base + self.entries.len() as Position
    }

    pub(super) fn last_term(&self) -> Epoch {
        self.entries.back().map_or(self.base_term, |held| held.opened.term)
    }

    /// Raises the term the library starts with, if the entries know a newer one (a write torn before its state).
    pub(super) fn start_at_least(&mut self, term: Epoch) {
        let state = &mut self.start.0;
        if state.epoch < term {
            *state = HardState { epoch: term, vote: 0, commit: state.commit };
        }
    }

    fn held(&self, position: Position) -> Option<&Held> {
        let index = position.checked_sub(self.base + 1)?;
        self.entries.get(usize::try_from(index).ok()?)
    }

    /// Hash of the prefix that ends at `position`, where it is known.
    pub(super) fn hash_at(&self, position: Position) -> Option<ChainHash> {
        if position == self.base {
            return Some(self.base_hash);
        }
        self.held(position).map(|held| held.entry.hash)
    }

    /// What stands at a position: the entry without its envelope, and the envelope.
    pub(super) fn get(&self, position: Position) -> Option<(Entry, &Envelope)> {
        let held = self.held(position)?;
        let command = match held.opened.kind {
            EntryKind::Command => held.opened.payload.clone(),
            _ => Bytes::new(),
        };
        let (position, hash) = (held.entry.position, held.entry.hash);
        Some((Entry { position, hash, command }, &held.opened))
    }

    /// The envelope at a position.
    pub(super) fn envelope(&self, position: Position) -> Option<Bytes> {
        self.held(position).map(|held| held.entry.command.clone())
    }

    /// Takes entries from the library, over what stood there before; says what to write.
    pub(super) fn take(&mut self, entries: Vec<eraftpb::Entry>) -> Vec<LogWrite> {
        let mut writes = Vec::with_capacity(entries.len());
        let Some(first) = entries.first().map(|entry| entry.index) else { return writes };
        if first <= self.end() {
            debug_assert!(first > self.stored, "what is stored is committed and stays");
            self.entries.truncate((first - self.base - 1) as usize);
            self.own.split_off(&first);
            writes.push(LogWrite::Truncate(first));
        }
        let mut hash = self.hash_at(self.end()).expect("the hash of the last entry is known");
        for entry in entries {
            let command = seal(&entry);
            hash = hash.extend(&command);
            let opened = envelope::open(&command).expect("just sealed");
            let entry = Entry { position: self.end() + 1, hash, command };
            writes.push(LogWrite::Append(entry.clone()));
            self.push(Held { entry, opened });
        }
        writes
    }

    fn push(&mut self, held: Held) {
        if matches!(held.opened.kind, EntryKind::Members | EntryKind::Roll) {
            self.own.insert(held.entry.position);
        }
        self.entries.push_back(held);
    }

    /// Begins anew after a snapshot.
    pub(super) fn reset(&mut self, position: Position, hash: ChainHash, term: Epoch) {
        self.entries.clear();
        self.own.clear();
        (self.base, self.base_hash, self.base_term) = (position, hash, term);
        (self.stored, self.tail_bytes) = (position, 0);
    }

    /// The store reflects everything up to `position`.
    pub(super) fn store(&mut self, position: Position) {
        for position in self.stored + 1..=position.min(self.end()) {
            let bytes = self.held(position).map_or(0, |held| held.entry.command.len());
            self.tail_bytes += bytes;
            self.stored = position;
        }
    }

    /// Lets go of what the store has and the tail need not keep; entries above `hold` may be kept longer.
    pub(super) fn release(&mut self, limits: &Limits, hold: Option<Position>) {
        while self.base < self.stored {
            let held = hold.is_some_and(|hold| self.base >= hold);
            let (entries, bytes) = match held {
                true => (limits.held_entries, limits.held_bytes),
                false => (limits.tail_entries, limits.tail_bytes),
            };
            if self.stored - self.base <= entries && self.tail_bytes <= bytes {
                return;
            }
            let Some(held) = self.entries.pop_front() else { return };
            self.tail_bytes -= held.entry.command.len();
            (self.base, self.base_hash) = (held.entry.position, held.entry.hash);
            self.base_term = held.opened.term;
            self.own.remove(&self.base);
        }
    }

    /// The disks that entries above `applied` name for a replica: the last one added, and the first one called.
    pub(super) fn names(
        &self,
        applied: Position,
        id: ReplicaId,
    ) -> (Option<Incarnation>, Option<Incarnation>) {
        let (mut added, mut called) = (None, None);
        for position in self.own.range(applied + 1..) {
            let Some(held) = self.held(*position) else { continue };
            match held.opened.kind {
                EntryKind::Members => {
                    if let Some(Change::Learn(learner, disk)) = facts::decode(&held.opened.payload)
                        && learner == id
                    {
                        added = Some(disk);
                    }
                }
                EntryKind::Roll => {
                    let roll: Option<Roll> = facts::decode(&held.opened.payload);
                    called = called.or(roll.and_then(|roll| roll.disks.get(&id).copied()));
                }
                EntryKind::Command | EntryKind::Empty => {}
            }
        }
        (added, called)
    }

    /// The log holds an entry about members; the first of them all is a roll.
    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Peers that want a snapshot, since the last call.
    pub(super) fn take_wanted(&mut self) -> BTreeSet<ReplicaId> {
        std::mem::take(self.wanted.get_mut())
    }
}

/// What an entry of the library is, in our terms.
fn unpack(entry: &eraftpb::Entry) -> (EntryKind, &[u8]) {
    match entry.get_entry_type() {
        EntryType::EntryNormal if !entry.context.is_empty() => (EntryKind::Roll, &entry.context),
        EntryType::EntryNormal if entry.data.is_empty() => (EntryKind::Empty, &[]),
        EntryType::EntryNormal => (EntryKind::Command, &entry.data),
        _ => (EntryKind::Members, &entry.context),
    }
}

/// The envelope of an entry of the library.
pub(super) fn seal(entry: &eraftpb::Entry) -> Bytes {
    let (kind, payload) = unpack(entry);
    envelope::seal(kind, entry.term, payload)
}

/// An entry as the library wants it. Payloads of ours travel where it never looks.
pub(super) fn pack(position: Position, envelope: &Envelope) -> eraftpb::Entry {
    let mut entry = proposal(envelope.kind, envelope.payload.clone());
    (entry.index, entry.term) = (position, envelope.term);
    entry
}

/// The same before it has a place.
pub(super) fn proposal(kind: EntryKind, payload: Bytes) -> eraftpb::Entry {
    let mut entry = eraftpb::Entry::default();
    match kind {
        EntryKind::Command | EntryKind::Empty => entry.data = payload,
        EntryKind::Roll => entry.context = payload,
        EntryKind::Members => {
            entry.set_entry_type(EntryType::EntryConfChange);
            entry.context = payload;
        }
    }
    entry
}

impl Storage for Log {
    fn initial_state(&self) -> raft::Result<RaftState> {
        let (state, members) = &self.start;
        let hard_state = eraftpb::HardState {
            term: state.epoch,
            vote: u64::from(state.vote),
            commit: state.commit,
            ..eraftpb::HardState::default()
        };
        Ok(RaftState::new(hard_state, members.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> raft::Result<Vec<eraftpb::Entry>> {
        if low <= self.base {
            return Err(Error::Store(StorageError::Compacted));
        }
        if high > self.end() + 1 {
            return Err(Error::Store(StorageError::Unavailable));
        }
        let max_size = max_size.into().unwrap_or(u64::MAX);
        let mut size = 0_u64;
        let mut found = Vec::new();
        for position in low..high {
            let Some(held) = self.held(position) else { break };
            size = size.saturating_add(held.entry.command.len() as u64);
            if size > max_size && !found.is_empty() {
                break;
            }
            found.push(pack(position, &held.opened));
        }
        Ok(found)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.base {
            return Ok(self.base_term);
        }
        if index < self.base {
            return Err(Error::Store(StorageError::Compacted));
        }
        let held = self.held(index).ok_or(Error::Store(StorageError::Unavailable))?;
        Ok(held.opened.term)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.end())
    }

    fn snapshot(&self, _request_index: u64, to: u64) -> raft::Result<Snapshot> {
        let to = ReplicaId::try_from(to).unwrap_or(0);
        if let Some(offer) = self.offers.get(&to) {
            return Ok(offer.clone());
        }
        self.wanted.borrow_mut().insert(to);
        Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}
