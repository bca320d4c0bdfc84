//! The contract of replication: what every engine takes, what it answers with, what it promises.
//!
//! An engine is driven by [`Engine::propose`], [`Engine::receive`], [`Engine::persisted`],
//! [`Engine::tick`] and answers with [`Effect`]s, drained by [`Engine::effects`].
//!
//! Five promises, whichever the engine:
//! - **agreement**: every replica delivers the same sequence of commands;
//! - **integrity**: nothing is delivered twice, nothing is invented;
//! - **durability**: a delivered command survives every failure the protocol tolerates. The engine
//!   holds messages and deliveries back until [`Engine::persisted`] says the disk has what they vouch for;
//! - **order**: positions are delivered gapless, ascending, starting at the one after `Recovered::applied`;
//! - **freshness**: a barrier answers only when everything acknowledged before it was delivered here.
//!
//! # The disk, as the engine sees it
//! The *log* holds recent [`LogWrite`]s, the *store* holds what was delivered, written lazily. The body
//! tells by [`Engine::stored`] how far the store is durable; everything above that stays in the engine's memory,
//! so a [`Effect::ReadHistory`] is only ever asked for positions the store has.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use crate::primary_backup;
use crate::raft;
use crate::register::{Configuration, RegisterCommand};
use crate::rotating_sequencer;
use crate::time::Time;

/// Identity of a replica inside its group; by convention 1..=n for orders, chosen by configuration.
pub type ReplicaId = u8;

/// A place in a group's sequence of commands. The first command has position 1; 0 means "nothing yet".
pub type Position = u64;

/// The reign of one leader. Grows by one with every change of leader; 0 means "nobody has led yet".
pub type Epoch = u64;

/// Identity of a disk's contents. Changes only when a disk was lost or is no longer trusted. Never 0, and greater
/// for every later disk of the same replica: so a late word of a lost disk is known as such.
pub type Incarnation = u64;

/// Names one [`Effect::Persist`], so that the body can say that it is durable. Ascending per engine.
pub type Ticket = u64;

/// What a group agrees on: opaque to the engine.
pub type Command = Bytes;

/// Hash of a whole prefix of the sequence: equal hashes at equal positions mean equal prefixes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct ChainHash(pub [u8; 16]);

impl ChainHash {
    /// Hash of the empty prefix.
    pub const EMPTY: ChainHash = ChainHash([0; 16]);

    /// Hash of the prefix that ends with `command`, given the hash of what stands before it.
    pub fn extend(self, command: &[u8]) -> ChainHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(command);
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        ChainHash(out)
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// One command at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the sequence.
    pub position: Position,
    /// Hash of the prefix that ends with this entry.
    pub hash: ChainHash,
    /// The command.
    pub command: Command,
}

/// The few facts an engine must remember besides entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// Highest epoch this replica has adopted.
    pub epoch: Epoch,
    /// For whom it voted in that epoch; 0 for nobody. (Only engines that elect among themselves vote.)
    pub vote: ReplicaId,
    /// A position known to be committed; may lag behind the truth, never ahead of it.
    pub commit: Position,
}

/// One change of the durable log. Writes take effect in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWrite {
    /// Add an entry right after the last one.
    Append(Entry),
    /// Forget every entry at or above this position (never at or below what is known committed).
    Truncate(Position),
    /// Replace the hard state.
    State(HardState),
    /// The store was replaced by a state that reflects this position: forget every entry; the next one follows it.
    /// The hard state stays.
    Reset {
        /// What the store reflects.
        position: Position,
        /// Hash of the prefix that ends there.
        hash: ChainHash,
    },
    /// Keep these bytes of the engine's own, after the notes kept before. For engines whose log is no single sequence of
    /// positions; an engine writes either entries or notes.
    Note(Bytes),
    /// Keep these bytes as the first note, and forget every note before: they say all of what those said and still counts.
    /// An engine writes one now and then, or its notes grow for ever.
    Digest(Bytes),
}

/// What an engine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make these writes durable, then call [`Engine::persisted`] with the ticket. Tickets complete in order.
    Persist {
        /// Names this write.
        ticket: Ticket,
        /// What to write.
        writes: Vec<LogWrite>,
    },
    /// Send a message to another replica of the group. May be lost, doubled, reordered, delayed.
    Send {
        /// The other replica.
        to: ReplicaId,
        /// What to say.
        message: Message,
    },
    /// Send a message to every other replica of the group; to each of them it may be lost, doubled, reordered, delayed.
    Broadcast(Message),
    /// Apply a committed command to the law. Positions are gapless and ascending. An empty command is the engine's own
    /// business (the first entry of a reign, a change of members): it has a position, and means nothing to the law.
    Deliver(Entry),
    /// From the next delivery on, the engine must find these bytes again (as [`Recovered::mark`]) beside a store that
    /// reflects what was delivered. Replaces the earlier mark.
    Mark(Bytes),
    /// A barrier is passed: everything acknowledged anywhere before it was asked for has been delivered here.
    Passed(Barrier),
    /// This peer misses more than the log still holds: send it the store's rows as of one position, then say
    /// [`Engine::staged`]. Repeated while it is wanted.
    SendSnapshot {
        /// The peer.
        to: ReplicaId,
    },
    /// Replace law and store by the rows that were received and staged here as this snapshot, then say
    /// [`Engine::restored`]; say [`Engine::restore_refused`] at once if nothing is staged under that name. Nothing is
    /// delivered in between.
    Restore(SnapshotName),
    /// Read delivered entries `from..from + max` back from the store and hand them to
    /// [`Engine::history`]. Only asked for positions at or below what [`Engine::stored`] said.
    ReadHistory {
        /// First position wanted.
        from: Position,
        /// Most entries wanted.
        max: usize,
    },
    /// Ask the register to change the configuration by compare-and-set. The answer comes back as
    /// [`Engine::configured`], or not at all: an unknown outcome stays unknown.
    Configure(RegisterCommand),
    /// The role changed; says why, for people and for the node above.
    Changed(Changed),
}

/// A change of role, with its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What this replica now is.
    pub role: Role,
    /// In which epoch.
    pub epoch: Epoch,
    /// Why.
    pub cause: &'static str,
}

/// What a replica is within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Decides, and answers for the group.
    Leader,
    /// Copies the leader.
    Follower,
    /// Decides together with the others and takes commands as they do: its group has no leader.
    Member,
    /// Running, but holds nothing that counts yet: waits for a configuration or repairs itself.
    Joining,
}

/// Names one barrier, ascending per engine.
pub type Barrier = u64;

/// Which state a snapshot is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotName {
    /// Position that its rows reflect.
    pub position: Position,
    /// Hash of the prefix that ends there.
    pub hash: ChainHash,
    /// The engine's mark beside those rows.
    pub mark: Bytes,
}

/// A change of a group's members, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A new member: it copies first, and votes once it is level. The disk is the one it speaks for.
    Add(ReplicaId, Incarnation),
    /// A member goes, for ever as far as this disk is concerned.
    Remove(ReplicaId),
}

/// Who belongs to a group whose members are changed by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Whose votes and acknowledgements count.
    pub voters: BTreeSet<ReplicaId>,
    /// Who only copies, for now.
    pub learners: BTreeSet<ReplicaId>,
}

/// Why a change of members was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// Only the leader changes members.
    #[error("this replica does not lead; ask {leader:?}")]
    NotLeader {
        /// Who leads as far as this replica knows.
        leader: Option<ReplicaId>,
    },
    /// One change at a time.
    #[error("another change of members is under way; wait until it is done")]
    UnderWay,
    /// It is a member already, or was one with this very disk: a disk that was removed never counts again.
    #[error(
        "replica {0} is a member already, or was one with this disk; remove it, and add it with an empty disk"
    )]
    IsMember(ReplicaId),
    /// It is none.
    #[error("replica {0} is no member")]
    NoMember(ReplicaId),
    /// The last voter cannot go.
    #[error("replica {0} is the last voter; a group without voters is lost")]
    LastVoter(ReplicaId),
    /// The leader has not heard of another voter yet, so that one cannot stand in for who goes.
    #[error("voter {0} was never heard of; start it first, or remove it")]
    NotHeard(ReplicaId),
    /// This engine's members are fixed.
    #[error("the members of this group are fixed by its protocol")]
    Fixed,
}

/// A message between two replicas of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Of the primary-backup engine.
    PrimaryBackup(primary_backup::Message),
    /// Of the Raft engine.
    Raft(raft::Message),
    /// Of the rotating sequencer.
    RotatingSequencer(rotating_sequencer::Message),
}

/// A proposal that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Somebody else leads, or nobody.
    #[error("this replica does not lead (epoch {epoch}); ask {leader:?}")]
    NotLeader {
        /// Epoch this replica knows.
        epoch: Epoch,
        /// Who leads as far as this replica knows.
        leader: Option<ReplicaId>,
    },
    /// Too much is undelivered already; try again when something was delivered.
    #[error("{undelivered} commands wait for delivery, the limit is {limit}")]
    Full {
        /// Commands proposed and not delivered yet.
        undelivered: usize,
        /// The limit.
        limit: usize,
    },
}

/// What the disk held when the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Last hard state written.
    pub state: HardState,
    /// Position the store reflects; delivery starts right after it.
    pub applied: Position,
    /// Hash of the prefix that ends at `applied`.
    pub applied_hash: ChainHash,
    /// Entries after `applied`, gapless, torn tail already cut. (Entries at or below `applied` are left out.)
    pub entries: Vec<Entry>,
    /// The engine's mark as the store has it; empty if it never set one.
    pub mark: Bytes,
    /// The last digest and the notes after it, or all notes if there was no digest yet.
    pub notes: Vec<Bytes>,
}

/// One replica's protocol, without I/O.
pub trait Engine: Send {
    /// Offers commands for the sequence, in this order. On success they will be delivered at the
    /// returned positions unless this replica stops leading first. `None` instead of positions: taken, but where they will
    /// stand is decided later (a group without a leader); the caller knows its commands by what they say.
    fn propose(
        &mut self,
        now: Time,
        commands: Vec<Command>,
    ) -> Result<Option<std::ops::Range<Position>>, ProposeError>;

    /// A message from another replica of the group.
    fn receive(&mut self, now: Time, from: ReplicaId, message: Message);

    /// Everything up to and including this ticket is durable.
    fn persisted(&mut self, now: Time, ticket: Ticket);

    /// The store durably reflects everything up to this position.
    fn stored(&mut self, now: Time, position: Position);

    /// Answer to [`Effect::ReadHistory`]: delivered entries, gapless from the position asked for (maybe fewer than asked).
    fn history(&mut self, now: Time, entries: Vec<Entry>);

    /// The register's present configuration of this group (pushed, polled, or the answer to a change).
    fn configured(&mut self, now: Time, configuration: &Configuration);

    /// The link to a peer broke (`up == false`) or stands again. A hint, never proof.
    fn link(&mut self, now: Time, peer: ReplicaId, up: bool);

    /// Time passed. Call at least every 10 ms while the process runs.
    fn tick(&mut self, now: Time);

    /// Called once after each burst of the above: the moment to gather batches into messages and writes.
    fn flush(&mut self, now: Time);

    /// Orderly hand-over: if this replica leads, let another in-sync one lead as soon as it has everything.
    fn hand_over(&mut self, now: Time);

    /// Asks for a barrier; [`Effect::Passed`] answers, or nothing does when this replica stops leading first
    /// ([`Effect::Changed`] tells). `None`: this replica does not lead, or its protocol has no barrier of its own and
    /// reads must go through whoever decides. Costs no entry of the log.
    fn barrier(&mut self, _now: Time) -> Option<Barrier> {
        None
    }

    /// A peer has all rows of this snapshot and waits for the word to take them (see [`Effect::SendSnapshot`]).
    fn staged(&mut self, _now: Time, _peer: ReplicaId, _snapshot: SnapshotName) {}

    /// Law and store are, durably, what [`Effect::Restore`] asked for.
    fn restored(&mut self, _now: Time) {}

    /// [`Effect::Restore`] cannot be done: nothing is staged here under that name. One of the two must be said, or the
    /// engine waits for ever: it does not know whether law and store are being replaced.
    fn restore_refused(&mut self, _now: Time) {}

    /// Changes the members of the group. Taken is not done: [`Status::members`] tells when it is.
    fn change_members(&mut self, _now: Time, _change: MemberChange) -> Result<(), MemberError> {
        Err(MemberError::Fixed)
    }

    /// Last position in the log, durable or not.
    fn end(&self) -> Position;

    /// Takes the effects that piled up since the last call, in order.
    fn effects(&mut self) -> Vec<Effect>;

    /// What an operator and the node above may know.
    fn status(&self) -> Status;
}

/// A replica's state in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Does it lead?
    pub leads: bool,
    /// Highest epoch adopted.
    pub epoch: Epoch,
    /// Last position in its log (durable or not).
    pub end: Position,
    /// Last position that is durable here.
    pub durable: Position,
    /// Last position known committed, and delivered.
    pub commit: Position,
    /// Leader only: every in-sync replica, this one included, holds everything up to here durably.
    pub in_sync_durable: Position,
    /// Per peer: durable matched prefix as last acknowledged (leader only).
    pub matched: Vec<(ReplicaId, Position)>,
    /// Who leads, as far as this replica knows (engines that elect among themselves).
    pub leader: Option<ReplicaId>,
    /// Members, where the group itself keeps them.
    pub members: Members,
}
