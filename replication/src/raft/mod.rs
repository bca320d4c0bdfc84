//! Raft: the replicas elect one of themselves, and a majority that has an entry on disk commits it.
//!
//! # Sources
//! - *In Search of an Understandable Consensus Algorithm* (Ongaro, Ousterhout; USENIX ATC 2014) and Ongaro's thesis
//!   (Stanford, 2014): elections, replication, members one at a time (ch. 4), read index (6.4), pre-vote (9.6),
//!   writing in parallel with sending (10.2.1), hand-over (3.10).
//! - The library `raft` 0.7 (raft-rs of TiKV): that protocol as a state machine without I/O. This module is an adapter;
//!   why this library: `docs/decisions/0010-raft-library.md`.
//!
//! # What it guarantees
//! - As long as a majority of the voters runs and reaches each other, the group goes on, and everything that was
//!   delivered anywhere is on the disks of a majority.
//! - One leader per term. A replica says that it leads only once the first entry of its own term is delivered to it:
//!   then it has delivered everything any earlier leader acknowledged.
//! - A barrier is passed only after a majority confirmed, later than it was asked for, that this replica still leads.
//! - Safety rests on no clock.
//! - A disk that was wiped cannot vote, acknowledge or confirm in the name of the one that was lost.
//!
//! # One command, step by step
//! 1. [`Engine::propose`] gives the command its position.
//! 2. [`Engine::flush`] hands all of them to the library as one proposal. The library's answer becomes one `Persist`
//!    and one `Append` per follower, at the same time; several of both may be under way.
//! 3. A follower takes the entries, writes, and answers once that is durable.
//! 4. The leader commits what a majority has durably (its own disk is one voice), and delivers what its own disk has.
//! 5. The next append, or an empty one at once, tells the followers the commit; they deliver what they have durably.
//!
//! # Where what is
//! | file | concern |
//! |---|---|
//! | `message` | what replicas say to each other |
//! | `config` | identity, [`Timing`], [`Limits`], each with its reason |
//! | `cause` | why a role changed |
//! | `envelope` | what the log holds at one place |
//! | `facts` | members and their disks, as of a position: the engine's mark |
//! | `log` | the log in memory, and what the library reads of it |
//! | `convert` | the library's messages as ours, and back |
//! | `admit` | whose words count, and which cannot be true |
//! | `ready` | doing what the library wants done |
//! | `timeouts` | when to campaign |
//! | `founding` | the first election of a group |
//! | `barrier` | read index |
//! | `snapshot` | offering and taking snapshots |
//! | `members` | changes of members, the roll of their disks |
//! | `hand_over` | leaving in order |
//!
//! # Deviations from the sources
//! - Election timeouts are drawn from a seed (the library draws from a global generator): a run can be repeated.
//! - Every message names the disks of both ends, and the log says which disk a member speaks for (`admit`, `members`).
//! - Snapshots travel beside the protocol; the library only ever sees their names (`snapshot`).
//! - A leader that removes itself stops when that is delivered to it, not when the next one is elected.
//! - The first leader of a group needs the voices of all its first voters (`founding`).
//! - A broken link to the leader makes its followers campaign at once instead of after a timeout.
//!
//! # Caveats
//! - Replicas may crash, pause and lose their disks, but not lie; impossible messages are dropped all the same.
//! - A voter that lost its disk must be removed and added again before it counts, unless the group has not begun.
//! - A group begins once all its first voters run at the same time. It begins anew if all of them lost their disks.
//! - Two voters tolerate no failure. A group of one commits by itself.

mod admit;
mod barrier;
pub mod cause;
mod config;
mod convert;
mod envelope;
mod facts;
mod founding;
mod hand_over;
mod log;
mod members;
mod message;
mod ready;
mod snapshot;
mod timeouts;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use raft::{RawNode, StateRole, eraftpb};

use self::barrier::Barriers;
pub use self::config::{Config, Limits, Timing};
use self::envelope::EntryKind;
use self::facts::Facts;
use self::founding::Founding;
use self::hand_over::HandOver;
use self::log::Log;
pub use self::message::{Kind, LogEntry, Message};
use self::ready::Write;
use self::snapshot::{Feed, Restoring};
use self::timeouts::Clock;
use crate::contract::{
    self, Barrier, Changed, Command, Effect, Engine, Entry, Epoch, HardState, Incarnation,
    LogWrite, MemberChange, MemberError, Position, ProposeError, Recovered, ReplicaId, Role,
    SnapshotName, Status, Ticket,
};
use crate::register::Configuration;
use crate::time::Time;

/// What an entry of the log says to somebody who reads a log without an engine: its term and its command, which is empty where the
/// engine minded its own business. `None`: Raft did not write it.
pub fn read_entry(envelope: &Bytes) -> Option<(Epoch, Command)> {
    let opened = envelope::open(envelope)?;
    let command = match opened.kind {
        envelope::EntryKind::Command => opened.payload,
        _ => Command::new(),
    };
    Some((opened.term, command))
}

/// Why a disk's contents cannot be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Rows without a mark: another protocol wrote them.
    #[error("the store was written by another protocol, it has no mark of Raft's")]
    NoMark,
    /// A mark that is none.
    #[error("the mark beside the store cannot be read")]
    Mark,
    /// Entries that are none of Raft's, or in no possible sequence.
    #[error("the log holds entries that Raft did not write")]
    Log,
}

/// The engine of one Raft replica.
pub struct Raft {
    config: Config,
    raw: RawNode<Log>,
    facts: Facts,
    /// The mark as last handed out.
    marked: Bytes,
    delivered: Position,
    announced: (Role, Epoch),
    /// Proposed, and not yet handed to the library.
    staged: Vec<eraftpb::Entry>,
    /// The last roll proposed.
    roll_at: Position,
    /// A snapshot was taken, its `Reset` not yet written.
    reset: Vec<LogWrite>,
    in_flight: VecDeque<Write>,
    last_ticket: Ticket,
    /// The hard state as last written.
    written: HardState,
    /// Disks of members that are not on the roll yet, as first heard of.
    heard: BTreeMap<ReplicaId, Incarnation>,
    /// Who leads as far as this replica heard: the term, the leader, its disk.
    led_by: Option<(Epoch, ReplicaId, Incarnation)>,
    /// Links that stand, each with when it began to.
    linked: BTreeMap<ReplicaId, Time>,
    clock: Clock,
    founding: Founding,
    barriers: Barriers,
    feeds: BTreeMap<ReplicaId, Feed>,
    restoring: Option<Restoring>,
    handing_over: Option<HandOver>,
    now: Time,
    out: Vec<Effect>,
}

impl Raft {
    /// Starts from what the disk held. An empty disk whose configuration names it a voter begins the group together
    /// with the others; any other empty disk waits for a leader.
    pub fn new(config: Config, recovered: Recovered, now: Time) -> Result<Self, StartError> {
        let facts = known_facts(&config, &recovered)?;
        let (marked, delivered) = (recovered.mark.clone(), recovered.applied);
        let end = recovered.entries.last().map_or(delivered, |entry| entry.position);
        let commit = recovered.state.commit.min(end).max(delivered);
        let state = HardState { commit, ..recovered.state };
        let written = recovered.state;
        let mut log =
            Log::open(recovered, facts.term, (state, facts.conf_state())).ok_or(StartError::Log)?;
        log.start_at_least(log.last_term());
        let quiet = slog::Logger::root(slog::Discard, slog::o!());
        let raw = RawNode::new(&library_config(&config, delivered), log, &quiet)
            .expect("the library takes a checked configuration and a checked log");
        let announced = (Role::Joining, raw.raft.term);
        let mut engine = Raft {
            clock: Clock::new(config.seed, &config.timing, now),
            heard: [(config.id, config.incarnation)].into(),
            led_by: None,
            linked: BTreeMap::new(),
            config,
            raw,
            facts,
            marked,
            delivered,
            announced,
            staged: Vec::new(),
            roll_at: 0,
            reset: Vec::new(),
            in_flight: VecDeque::new(),
            last_ticket: 0,
            written,
            founding: Founding::default(),
            barriers: Barriers::default(),
            feeds: BTreeMap::new(),
            restoring: None,
            handing_over: None,
            now,
            out: Vec::new(),
        };
        engine.begin();
        Ok(engine)
    }

    fn begin(&mut self) {
        self.drain();
        if self.facts.voters.len() == 1 && self.facts.voters.contains(&self.config.id) {
            self.campaign();
            self.flush(self.now);
        }
    }

    /// This replica leads and has said so.
    fn is_leading(&self) -> bool {
        let leads = self.raw.raft.state == StateRole::Leader && self.restoring.is_none();
        leads && self.announced == (Role::Leader, self.raw.raft.term)
    }

    fn known_leader(&self) -> Option<ReplicaId> {
        ReplicaId::try_from(self.raw.raft.leader_id).ok().filter(|id| *id != 0)
    }

    /// Last position taken, handed to the library or not.
    fn last_position(&self) -> Position {
        self.raw.raft.raft_log.last_index() + self.staged.len() as Position
    }

    /// Hands everything proposed to the library.
    fn submit(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        if staged.is_empty() || self.raw.raft.state != StateRole::Leader {
            return;
        }
        let mut proposal = eraftpb::Message::default();
        proposal.set_msg_type(eraftpb::MessageType::MsgPropose);
        proposal.from = u64::from(self.config.id);
        proposal.set_entries(staged.into());
        // Refused only during a hand-over, and then nothing is staged.
        let _ = self.raw.raft.step(proposal);
    }

    /// Says what this replica is, where that changed.
    fn announce(&mut self) {
        let raft = &self.raw.raft;
        let term = raft.term;
        let role = match raft.state {
            StateRole::Leader if self.facts.term == term => Role::Leader,
            _ if self.facts.voters.is_empty() => Role::Joining,
            _ => Role::Follower,
        };
        if self.announced.0 == Role::Leader && self.announced != (role, term) {
            self.depose(term);
        }
        if self.announced.0 != role {
            let cause = match role {
                Role::Leader => cause::ELECTED,
                Role::Follower | Role::Member => cause::MEMBER,
                Role::Joining => cause::WAITING,
            };
            self.out.push(Effect::Changed(Changed { role, epoch: term, cause }));
        }
        self.announced = (role, term);
    }

    /// The reign is over: what waited for it is void.
    fn depose(&mut self, term: Epoch) {
        let (role, cause) = (Role::Follower, cause::DEPOSED);
        self.announced = (role, term);
        self.out.push(Effect::Changed(Changed { role, epoch: term, cause }));
        self.barriers.void();
        self.staged.clear();
        self.roll_at = 0;
        self.handing_over = None;
    }

    /// Where every entry up to it is on the disks of a majority, as far as this leader knows.
    fn majority_durable(&self) -> Position {
        self.raw.raft.raft_log.committed
    }
}

/// What the disk knows of its group, or is to begin with.
fn known_facts(config: &Config, recovered: &Recovered) -> Result<Facts, StartError> {
    if !recovered.mark.is_empty() {
        return Facts::decode(&recovered.mark).ok_or(StartError::Mark);
    }
    if recovered.applied > 0 {
        return Err(StartError::NoMark);
    }
    let begins = !config.joining && config.voters.contains(&config.id);
    Ok(if begins { Facts::begin(config.voters.clone()) } else { Facts::default() })
}

fn library_config(config: &Config, applied: Position) -> raft::Config {
    let (timing, limits) = (&config.timing, &config.limits);
    raft::Config {
        id: u64::from(config.id),
        election_tick: timing.election_ticks,
        heartbeat_tick: timing.heartbeat_ticks,
        min_election_tick: config::NEVER_TICKS,
        max_election_tick: 2 * config::NEVER_TICKS,
        applied,
        max_size_per_msg: limits.append_bytes as u64,
        max_inflight_msgs: limits.window_messages,
        check_quorum: true,
        pre_vote: true,
        read_only_option: raft::ReadOnlyOption::Safe,
        batch_append: true,
        ..raft::Config::default()
    }
}

impl Engine for Raft {
    fn propose(
        &mut self,
        _now: Time,
        commands: Vec<Command>,
    ) -> Result<Option<Range<Position>>, ProposeError> {
        if !self.is_leading() || self.handing_over.is_some() {
            let leader = self.known_leader().filter(|id| *id != self.config.id);
            return Err(ProposeError::NotLeader { epoch: self.raw.raft.term, leader });
        }
        let limit = self.config.limits.undelivered;
        let undelivered = (self.last_position() - self.delivered) as usize;
        if undelivered + commands.len() > limit {
            return Err(ProposeError::Full { undelivered, limit });
        }
        let first = self.last_position() + 1;
        let proposals =
            commands.into_iter().map(|command| log::proposal(EntryKind::Command, command));
        self.staged.extend(proposals);
        Ok(Some(first..self.last_position() + 1))
    }

    fn receive(&mut self, now: Time, from: ReplicaId, message: contract::Message) {
        self.now = now;
        // A message of another protocol: a replica that is configured differently. Nothing it says makes sense here.
        let contract::Message::Raft(message) = message else { return };
        // While law and store are being replaced nothing may move; everything here is said again.
        if self.restoring.is_some() || !self.admits(from, &message) {
            return;
        }
        self.hear_disk(from, &message);
        match message.kind {
            Kind::Snapshot => return self.offered(from, &message),
            // The library campaigns only when every change of members that it knows of is delivered.
            Kind::CampaignNow => {
                self.drain();
                if self.raw.raft.raft_log.applied < self.delivered {
                    return;
                }
            }
            _ => {}
        }
        if let Some(library) = convert::to_library(from, self.config.id, &message) {
            if self.is_founding_voice(&message) {
                return self.hold_voice(from, library);
            }
            // Refusals are of answers from replicas that are no members (any more).
            let _ = self.raw.step(library);
        }
    }

    fn persisted(&mut self, now: Time, ticket: Ticket) {
        self.now = now;
        self.written(ticket);
    }

    fn stored(&mut self, now: Time, position: Position) {
        self.now = now;
        let (position, hold) = (position.min(self.delivered), self.hold());
        let log = self.raw.mut_store();
        log.store(position);
        log.release(&self.config.limits, hold);
    }

    fn history(&mut self, _now: Time, _entries: Vec<Entry>) {}

    fn configured(&mut self, _now: Time, _configuration: &Configuration) {}

    fn link(&mut self, now: Time, peer: ReplicaId, up: bool) {
        self.now = now;
        match up {
            true => drop(self.linked.insert(peer, now)),
            false => drop(self.linked.remove(&peer)),
        }
        self.hear_of_link(u64::from(peer), up);
        self.doubt_offer(peer);
    }

    fn tick(&mut self, now: Time) {
        self.now = now;
        self.advance_clock(now);
        if self.restoring.is_none() {
            self.tend_feeds();
            self.continue_hand_over(now);
        }
    }

    fn flush(&mut self, now: Time) {
        self.now = now;
        if self.restoring.is_some() {
            return;
        }
        self.drain();
        self.tend_members();
        self.submit();
        self.begin_round();
        self.feed();
        self.drain();
        self.ask_for_snapshots();
    }

    fn hand_over(&mut self, now: Time) {
        self.now = now;
        self.begin_hand_over(now);
    }

    fn barrier(&mut self, now: Time) -> Option<Barrier> {
        self.now = now;
        let barrier = self.is_leading().then(|| self.barriers.ask())?;
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::StaleLeaderReads) {
            self.out.push(Effect::Passed(barrier));
            self.barriers.void();
        }
        Some(barrier)
    }

    fn staged(&mut self, now: Time, peer: ReplicaId, snapshot: SnapshotName) {
        self.now = now;
        if self.restoring.is_none() {
            self.offer(now, peer, &snapshot);
        }
    }

    fn restored(&mut self, now: Time) {
        self.now = now;
        self.finish_restore();
    }

    fn restore_refused(&mut self, now: Time) {
        self.now = now;
        self.restoring = None;
    }

    fn change_members(&mut self, now: Time, change: MemberChange) -> Result<(), MemberError> {
        self.now = now;
        self.take_change(change)
    }

    fn end(&self) -> Position {
        self.last_position()
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    fn status(&self) -> Status {
        let raft = &self.raw.raft;
        let mut status = Status {
            leads: self.is_leading(),
            epoch: raft.term,
            end: self.last_position(),
            durable: raft.raft_log.persisted,
            commit: self.delivered,
            leader: self.known_leader(),
            members: self.facts.members(),
            ..Status::default()
        };
        if status.leads {
            status.in_sync_durable = self.majority_durable();
            let others = status.members.voters.union(&status.members.learners);
            let others = others.filter(|id| **id != self.config.id);
            let matched = |id: &ReplicaId| {
                let progress = raft.prs().get(u64::from(*id));
                (*id, progress.map_or(0, |progress| progress.matched))
            };
            status.matched = others.map(matched).collect();
        }
        status
    }
}
