//! Primary-backup: one leader, any number of followers, and a register outside the group that says who leads.
//!
//! # Sources
//! - *PacificA* (Lin, Yang, Zhang, Zhou; Microsoft 2008): primary-backup under a configuration manager, the
//!   invariant that a replica outside the configuration cannot commit, reconciliation of a new primary.
//! - *Vertical Paxos II* (Lamport, Malkhi, Zhou; 2009): read quorum of one, write quorum of all, a master that
//!   activates configurations.
//! - *KIP-966, eligible leader replicas* (Apache Kafka): the maximal in-sync set, the log end at election, disk epochs.
//!
//! # What it guarantees
//! - One live in-sync replica is enough to go on, and it holds every acknowledged command.
//! - A command is acknowledged (delivered by the leader) once every replica that may be in the register's in-sync set
//!   has it on disk. A replica not in the set cannot lead (unless a source outside the group holds what it lacks, see
//!   [`Configuration::apply`]).
//! - Safety rests on no clock: every span in [`Timing`] only decides how soon something happens.
//!
//! # One request, step by step
//! 1. [`Engine::propose`] puts the commands at the end of the leader's log, with their chain hashes.
//! 2. [`Engine::flush`] makes one `Persist` of everything proposed since the last flush and sends each follower one
//!    `Append`; the leader's disk and the followers' work at the same time. Several may be under way.
//! 3. A follower finds the place the append follows by position **and chain hash**, adds the entries, writes, and
//!    once that is durable answers `Ack` with the prefix that matched and the disk that holds it.
//! 4. The leader commits what its own disk and every other member of the maximal in-sync set hold, and delivers it.
//! 5. The next append, or an empty one within 2 ms, tells the followers the commit; they deliver what they have durably.
//!
//! # Where what is
//! | file | concern |
//! |---|---|
//! | `message` | what replicas say to each other |
//! | `config` | identity, [`Timing`], [`Limits`], each with its reason |
//! | `cause` | why a role changed, one name per transition |
//! | `core` | what every role shares: log, epoch, commit, known register, effects |
//! | `log` | the window of entries in memory and its writes on their way to disk |
//! | `take_over` | following the register: enrolment, adopting epochs, taking over, stepping down |
//! | `leader` | numbering, counting, committing, heartbeats |
//! | `progress` | one follower as its leader sees it: probing, streaming, resending |
//! | `catch_up` | feeding a follower from memory or, below the window, from the store |
//! | `in_sync` | the maximal in-sync set; shrinking and growing it |
//! | `hand_over` | leaving in order |
//! | `follower` | matching, cutting, acknowledging |
//!
//! # Deviations from the sources
//! - Logs are compared by a **hash of the whole prefix**, not by (position, epoch): equal hashes mean equal prefixes,
//!   whoever wrote them. Entries carry no epoch, so a log that is fed from one outside sequence is the same under every
//!   leader, and a check of two stores needs one comparison.
//! - A crashed leader never takes its own epoch up again; it asks the register for a new one.
//! - No leases: what is delivered never changes, and freshness beyond that is asked of the register's group.
//! - A follower that is nearly caught up is counted before it is asked for (`in_sync`, "invitations"), so that a busy group
//!   grows back.
//!
//! # Caveats
//! - Replicas may crash, pause and lose their disks, but not lie.
//! - All in-sync replicas lost their disks: the group stops until an operator, or a source outside, helps.
//! - A deposed leader whose set is itself alone does not notice before it hears of the newer epoch. With a source
//!   outside the group the source must fence it; without one nobody else could have been elected.

mod catch_up;
pub mod cause;
mod config;
mod core;
mod follower;
mod hand_over;
mod in_sync;
mod leader;
mod log;
mod message;
mod progress;
mod take_over;

use std::collections::BTreeSet;
use std::ops::Range;

pub use self::config::{Config, Limits, Timing};
use self::core::Core;
use self::follower::{Batch, Follower};
use self::leader::Leader;
pub use self::message::Message;
use crate::contract::{
    self, Command, Effect, Engine, Entry, Epoch, Position, ProposeError, Recovered, ReplicaId,
    Role, Status, Ticket,
};
use crate::register::{Configuration, RegisterCommand};
use crate::time::Time;

/// What a replica does at the moment.
enum State {
    Follower(Follower),
    /// Named leader; the new epoch is on its way to the disk.
    TakingOver,
    Leader(Box<Leader>),
}

/// The engine of one primary-backup replica.
pub struct PrimaryBackup {
    core: Core,
    state: State,
    /// Some configuration was seen since the start.
    heard_register: bool,
    /// Highest epoch that a refusal spoke of.
    fenced_by: Epoch,
    /// Role and epoch last told.
    announced: (Role, Epoch),
    /// What was last asked of the register, and when.
    asked: Option<(RegisterCommand, Time)>,
}

impl PrimaryBackup {
    /// Starts from what the disk held. Joins nothing before the first configuration shows this disk.
    pub fn new(config: Config, recovered: Recovered, _now: Time) -> Self {
        let announced = (Role::Joining, recovered.state.epoch);
        let mut engine = PrimaryBackup {
            core: Core::new(config, recovered),
            state: State::Follower(Follower::default()),
            heard_register: false,
            fenced_by: 0,
            announced,
            asked: None,
        };
        engine.core.deliver();
        engine
    }

    /// Is a hand-over under way?
    pub fn handing_over(&self) -> bool {
        matches!(&self.state, State::Leader(leader) if leader.handing_over.is_some())
    }

    /// The replicas whose durable prefix a commit waits for; only on a leader. Contains the register's in-sync set
    /// as long as the leader's epoch is the register's.
    pub fn maximal_in_sync(&self) -> Option<&BTreeSet<ReplicaId>> {
        match &self.state {
            State::Leader(leader) => Some(leader.in_sync.maximal()),
            _ => None,
        }
    }

    fn known_leader(&self) -> Option<ReplicaId> {
        match &self.state {
            State::Follower(follower) => follower.leader.filter(|id| *id != self.core.config.id),
            _ => None,
        }
    }

    /// Something became durable here: commits it as a leader, delivers it where it was known committed.
    fn advance_commit(&mut self) {
        match &mut self.state {
            State::Leader(leader) => leader.advance(&mut self.core),
            _ => self.core.deliver(),
        }
    }

    /// An append of any epoch.
    fn append(&mut self, from: ReplicaId, batch: Batch) {
        if batch.epoch < self.core.epoch {
            let end = self.core.log.end();
            return follower::refuse(&mut self.core, from, end);
        }
        self.adopt(batch.epoch, cause::NEWER_LEADER);
        let mut trouble = None;
        if let State::Follower(follower) = &mut self.state {
            follower.append(&mut self.core, from, batch);
            trouble = follower.trouble();
        }
        if let Some(cause) = trouble {
            self.announce(cause);
        }
    }

    /// A refusal of any epoch.
    fn refused(&mut self, now: Time, from: ReplicaId, epoch: Epoch, hint: Position) {
        let State::Leader(leader) = &mut self.state else { return };
        if epoch > self.core.epoch {
            self.fenced_by = self.fenced_by.max(epoch);
            self.step_down(cause::FENCED);
        } else if epoch == self.core.epoch {
            leader.refused(&self.core, now, from, hint);
        }
    }
}

impl Engine for PrimaryBackup {
    fn propose(
        &mut self,
        _now: Time,
        commands: Vec<Command>,
    ) -> Result<Option<Range<Position>>, ProposeError> {
        match &mut self.state {
            State::Leader(leader) => leader.propose(&mut self.core, commands),
            _ => {
                Err(ProposeError::NotLeader { epoch: self.core.epoch, leader: self.known_leader() })
            }
        }
    }

    fn receive(&mut self, now: Time, from: ReplicaId, message: contract::Message) {
        // A message of another protocol: a replica that is configured differently. Nothing it says makes sense here.
        let contract::Message::PrimaryBackup(message) = message else { return };
        if !self.core.config.peers.contains(&from) {
            return;
        }
        match message {
            Message::Append { epoch, previous, previous_hash, entries, commit } => {
                self.append(from, Batch { epoch, previous, previous_hash, entries, commit });
            }
            Message::Ack { epoch, incarnation, matched } => {
                if let State::Leader(leader) = &mut self.state
                    && epoch == self.core.epoch
                {
                    leader.acknowledged(&mut self.core, now, from, incarnation, matched);
                }
            }
            Message::Nack { epoch, hint } => self.refused(now, from, epoch, hint),
        }
    }

    fn persisted(&mut self, now: Time, ticket: Ticket) {
        self.core.log.persisted(ticket);
        self.complete_take_over(now);
        self.advance_commit();
    }

    fn stored(&mut self, _now: Time, position: Position) {
        let keep = self.core.config.limits.memory_below_stored;
        self.core.log.release(position.min(self.core.delivered).saturating_sub(keep));
    }

    fn history(&mut self, now: Time, entries: Vec<Entry>) {
        if let State::Leader(leader) = &mut self.state {
            for (peer, follower) in &mut leader.followers {
                catch_up::history(&mut self.core, *peer, follower, now, &entries);
            }
        }
    }

    fn configured(&mut self, now: Time, configuration: &Configuration) {
        self.follow_register(now, configuration);
    }

    fn link(&mut self, now: Time, peer: ReplicaId, up: bool) {
        if let State::Leader(leader) = &mut self.state {
            leader.link(now, peer, up);
        }
    }

    fn tick(&mut self, now: Time) {
        if let State::Leader(leader) = &mut self.state {
            leader.tick(&mut self.core, now);
        }
        self.ask_register(now);
    }

    fn flush(&mut self, now: Time) {
        self.core.persist();
        match &mut self.state {
            State::Leader(leader) => leader.flush(&mut self.core, now),
            State::Follower(follower) => follower.acknowledge(&mut self.core),
            State::TakingOver => {}
        }
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.core.out)
    }

    /// Begins an orderly hand-over: no more proposals are taken, and once an in-sync follower holds everything the
    /// register is asked to elect it. Given up after [`Timing::hand_over`] without a successor; then this replica
    /// leads on. Nothing happens on a replica that does not lead.
    fn hand_over(&mut self, now: Time) {
        if let State::Leader(leader) = &mut self.state {
            leader.begin_hand_over(&mut self.core, now);
        }
    }

    fn end(&self) -> Position {
        self.core.log.end()
    }

    fn status(&self) -> Status {
        let core = &self.core;
        let mut status = Status {
            epoch: core.epoch,
            end: core.log.end(),
            durable: core.log.durable(),
            commit: core.delivered,
            ..Status::default()
        };
        if let State::Leader(leader) = &self.state {
            status.leads = true;
            status.in_sync_durable = leader.in_sync_durable(core);
            let matched = |peer: &ReplicaId| (*peer, leader.counted(core, *peer));
            status.matched = leader.followers.keys().map(matched).collect();
        }
        status
    }
}
