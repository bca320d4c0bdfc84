//! One member of the group: its engine while it runs, its disk and clock always.

use std::rc::Rc;

use bytes::Bytes;
use replication::contract::{Engine, Incarnation, Position, ReplicaId, Role, SnapshotName, Ticket};
use replication::rotating_sequencer::{Holds, Life, Message};
use replication::time::Time;

use super::check::freshness::Barriers;
use super::check::on_disk::OnDisk;
use super::disk::Disk;
use super::scenario::DiskKnobs;
use crate::invariants::Broken;
use crate::rng::Rng;
use crate::world::clock::Clock;

/// What waits in a member's inbox, at the most: a socket's buffer holds no more, the rest is lost.
const INBOX_LIMIT: usize = 300;

/// Something for the engine.
pub(super) enum Input {
    /// A message.
    Message(usize, Rc<Message>),
    /// A log write is durable.
    Persisted(Ticket),
    /// The store reflects this.
    Stored(Position),
    /// A peer has staged a snapshot.
    Staged(ReplicaId, SnapshotName),
    /// The store was replaced.
    Restored,
    /// It was not.
    RestoreRefused,
    /// Time passed.
    Tick,
}

/// A member.
pub(super) struct Member {
    pub(super) id: ReplicaId,
    pub(super) incarnation: Incarnation,
    pub(super) boot: u64,
    /// Grows when the member is killed: what was meant for an earlier life is void.
    pub(super) run: u32,
    pub(super) engine: Option<Box<dyn Engine>>,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) paused: bool,
    pub(super) inbox: Vec<Input>,
    pub(super) waking: bool,
    /// Longest extra time until an input is taken, in µs.
    pub(super) slow: u64,
    /// Its disk was lost, and the new one belongs to no view yet.
    pub(super) recovering: bool,
    pub(super) role: Role,
    /// Last position delivered, or given by a snapshot.
    pub(super) cursor: Position,
    /// The engine's mark for the next delivery.
    pub(super) mark: Bytes,
    pub(super) barriers: Barriers,
    /// A snapshot that was received and not taken.
    pub(super) staged: Option<SnapshotName>,
    /// A snapshot that is replacing the store.
    pub(super) replacing: Option<SnapshotName>,
    /// Commands taken in this life.
    pub(super) taken: u64,
    /// What it last said that it holds.
    pub(super) holds: Holds,
    /// How far its lost disks had come.
    pub(super) lost: Position,
    notes: OnDisk,
}

impl Member {
    /// A member that has never run.
    pub(super) fn new(id: ReplicaId, rng: &mut Rng, disk: DiskKnobs, drift_ppm: i64) -> Self {
        Member {
            id,
            incarnation: 1 + rng.below(1 << 32),
            boot: 0,
            run: 0,
            engine: None,
            disk: Disk::new(disk),
            clock: Clock::draw(rng, drift_ppm),
            paused: false,
            inbox: Vec::new(),
            waking: false,
            slow: 0,
            recovering: false,
            role: Role::Joining,
            cursor: 0,
            mark: Bytes::new(),
            barriers: Barriers::default(),
            staged: None,
            replacing: None,
            taken: 0,
            holds: Holds::default(),
            lost: 0,
            notes: OnDisk::default(),
        }
    }

    /// Asks something about what its disk holds durably: its notes, and the position that its store reflects.
    pub(super) fn on_disk<T>(
        &mut self,
        ask: impl FnOnce(&OnDisk, Position) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let stored = self.disk.stored().position;
        let read = self.notes.read(self.disk.notes(), stored);
        read.map_err(|text| ("notes", format!("member {}: {text}", self.id)))?;
        ask(&self.notes, stored)
    }

    /// The disk is lost; a blank one takes its place.
    pub(super) fn lose_disk(&mut self, incarnation: Incarnation) -> Result<(), Broken> {
        let had = self.on_disk(|disk, stored| Ok(disk.position().max(stored)))?;
        self.lost = self.lost.max(had);
        self.disk.wipe();
        self.notes = OnDisk::default();
        (self.incarnation, self.boot, self.recovering) = (incarnation, 0, true);
        Ok(())
    }

    /// Its disk and its start.
    pub(super) fn life(&self) -> Life {
        Life { incarnation: self.incarnation, boot: self.boot }
    }

    /// Its own time.
    pub(super) fn time(&self, now: u64) -> Time {
        self.clock.now(now).time
    }

    /// Does it run, and is it awake?
    pub(super) fn is_well(&self) -> bool {
        self.engine.is_some() && !self.paused
    }

    /// Puts an input into the inbox. Datagrams that find it full are lost; everything else is the body's own and waits.
    pub(super) fn push(&mut self, input: Input) {
        if self.engine.is_some()
            && (self.inbox.len() < INBOX_LIMIT || !matches!(input, Input::Message(..)))
        {
            self.inbox.push(input);
        }
    }

    /// The process is gone, and what it had in memory.
    pub(super) fn forget(&mut self) {
        self.run += 1;
        self.engine = None;
        self.paused = false;
        self.waking = false;
        self.inbox.clear();
        self.role = Role::Joining;
        self.barriers.forget();
        self.staged = None;
        self.replacing = None;
        self.taken = 0;
        self.holds = Holds::default();
    }
}
