//! Atomic broadcast by a rotating sequencer: every member takes commands, and the right to number them moves from member to
//! member with every number.
//!
//! # Sources
//! - *Total Order Broadcast and Multicast Algorithms: Taxonomy and Survey* (Défago, Schiper, Urbán; ACM Computing Surveys,
//!   2004): the class is "moving sequencer".
//! - *Reliable Broadcast Protocols* (Chang, Maxemchuk; ACM TOCS, 1984): the ancestor; whoever numbers thereby acknowledges.
//! - *The Totem Single-Ring Ordering and Membership Protocol* (Amir, Moser, Melliar-Smith, Agarwal, Ciarfella; ACM TOCS, 1995):
//!   gather, commit, recovery; forgetting what all have; asking any holder; windows.
//! - *Recovering Shared Objects Without Stable Storage* (Michael, Ports, Sharma, Szekeres; DISC 2017): crash-consistent quorums,
//!   here for disks that are lost.
//! - *Scalog* (Ding, Chu, Zhao, Li, Alvisi, van Renesse; NSDI 2020): a cut numbers everything up to a place in every stream.
//!
//! # What it guarantees
//! - **Uniform total order**: what any member delivers at a position, every member delivers there, even if the first one dies.
//! - A member's commands are delivered in the sequence in which it took them, each at most once.
//! - Delivered is: on the disks of a majority *of the universe*, reported in one view. A minority decides nothing.
//! - While a majority runs and hears each other, everything is delivered; a dead member costs its detection, a slow one its turn.
//! - A barrier is passed after everything that was delivered anywhere before it was asked for.
//! - Safety rests on no clock. Datagrams may be lost, doubled, reordered, delayed.
//! - Fewer than half of the disks may be lost at a time; each returns as a new one, and speaks only for itself.
//!
//! # One command, step by step
//! 1. [`Engine::propose`] takes it; [`Engine::flush`] sends it to all in a Request, numbered per member and life.
//! 2. Whose turn it is says the next Sequence as soon as (1) it has every Sequence below, (2) it has every Request those cover, and
//!    (3) what it covers leaves out no earlier Request of the same sender. A Sequence is a *cut*: it covers, for every member,
//!    all Requests up to a number; so its size is the same for one command or a thousand, and (3) holds by construction.
//! 3. Everybody notes both on disk, with one write if that may be. Nothing waits for that but the word "durable up to k", which
//!    every message carries, and which is said at once unless enough others were heard to say it.
//! 4. When a majority has said it for k, everybody who has k delivers what it covers, by member and number.
//! 5. What is missing is asked for: of whoever sent it, then of whoever says that it has it. Who has nothing to say says what it
//!    holds, so the last message of a burst is missed as any other.
//!
//! # One change of view, step by step
//! 1. Somebody is silent, slow, or wants to come in. A member notes a greater ballot, and then asks everybody: Gather.
//! 2. Whoever promises (durably) stops: it sequences, acknowledges and delivers nothing below that ballot. State says what it has.
//! 3. With a majority of the universe the proposer takes the longest list of the *highest* view, up to the first entry whose
//!    Requests none of those members has (`recovery` says why nothing delivered is lost), and says Install.
//! 4. Everybody listed fetches what it lacks, notes it with the view in one note, and takes part when that is durable.
//!
//! # States
//! ```text
//!            all disks empty                        the others have a newer view, a promise, no majority
//!  Joining ────────────────────► Gathering ◄──────────────── Wedged ◄──────────────────────────────┐
//!     │  ▲                          │   ▲     level, in no view │                                  │
//!     │  └─ failed                  │   └───────────────────────┼───── silent, slow, joiner ────┐  │
//!     │                             │ Install                   │ Install                       │  │
//!     └── Install lists it ────►  Installing ◄──────────────────┘                               │  │
//!                                   │ everything is on disk                                     │  │
//!                                   └──────────────────────────────────────────────────────► Normal
//! ```
//!
//! # Where what is
//! | file | concern |
//! |---|---|
//! | `message`, `view` | what members say; views, lives, runs, cuts |
//! | `config`, `cause` | identity, [`Timing`], [`Limits`], each with its reason; why a state changed |
//! | `log`, `notes`, `durability` | the list in memory; on disk; and what waits for the disk |
//! | `start` | taking up what the disk held |
//! | `hearing`, `sane`, `status` | whose words count; what nobody says; what every message says beside its body |
//! | `normal`, `requests`, `sequencing`, `delivery`, `gaps`, `suspicion` | taking part |
//! | `wedged`, `gathering`, `recovery`, `installing`, `joining` | the other states, and the rule of recovery |
//! | `learning`, `snapshot` | catching up, with what is final, or with rows |
//! | `barrier`, `release` | reads that see everything; forgetting |
//!
//! # Deviations from the sources, and from the assignment
//! - With [`Config::assignment_mode`] a Sequence covers one Request, as the assignment has it; else any number.
//! - Receipt counts only when it is durable, and delivery waits for the own disk, too: a store is never ahead of its notes.
//!   It costs the member with a slow disk its own latency, and nobody else's.
//! - Totem's rings go on in every part of a partition; here only a majority does.
//! - A number of a Request belongs to a *life* (disk and start) of its sender; a restarted member begins at 0 in a new life, and
//!   never acts in a view that lists an older one. That is why Sequences may be sent before they are durable.
//! - The first view needs the empty disks of *all* members. Their disks are named in every later view: a member that was never
//!   in a view counts in a majority if its disk is one of those, since then it forgot nothing.
//! - Whoever was left out catches up *before* it asks for a view: what others delivered is final, and can be learned from anybody.
//!
//! # Caveats
//! - Members may crash, pause and lose disks, but not lie; impossible messages are dropped all the same.
//! - Members are fixed: the universe is configuration. Two members tolerate no failure, and no lost disk; one is alone.
//! - What a member took and had not sent or noted when it died may be lost, or delivered: its clients ask again.
//! - A majority that loses its disks *while it is the only one that had them* is a lost group. A group whose disks were all
//!   lost founds itself anew.

mod barrier;
pub mod cause;
mod config;
mod delivery;
mod durability;
mod gaps;
mod gathering;
mod hearing;
mod installing;
mod joining;
mod learning;
mod log;
mod message;
mod normal;
mod notes;
mod recovery;
mod release;
mod requests;
mod sane;
mod sequencing;
mod snapshot;
mod start;
mod status;
mod suspicion;
mod view;
mod wedged;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use self::barrier::Barriers;
pub use self::config::{Config, Limits, MOST_MEMBERS, Timing};
use self::delivery::Done;
use self::durability::{Held, Unwritten, Write};
use self::gathering::Gathering;
use self::hearing::Peer;
use self::installing::Installing;
use self::joining::{Joiner, Joining};
use self::learning::Learner;
pub use self::message::{
    Ballot, Body, Holds, Install, Message, Offer, Part, Phase, State, Unreadable,
};
use self::normal::Normal;
use self::notes::Kept;
pub use self::notes::{Digest, Note};
use self::requests::Own;
use self::snapshot::Feed;
use self::status::Said;
pub use self::view::{Frontier, Life, Run, View};
use self::wedged::Wedged;
use crate::contract::{
    self, Barrier, Changed, Command, Effect, Engine, Entry, LogWrite, Members, Position,
    ProposeError, ReplicaId, Role, SnapshotName, Status, Ticket,
};
use crate::register::Configuration;
use crate::time::{Span, Time};

/// What a member is doing: one file per state.
enum Standing {
    /// No view with this disk yet.
    Joining(Joining),
    /// Stopped; learns what the others delivered, and waits.
    Wedged(Wedged),
    /// Proposes a view.
    Gathering(Gathering),
    /// Fetches what its view begins with.
    Installing(Box<Installing>),
    /// Takes part.
    Normal(Box<Normal>),
}

/// The engine of one member.
pub struct RotatingSequencer {
    config: Config,
    ids: Vec<ReplicaId>,
    me: usize,
    life: Life,
    kept: Kept,
    standing: Standing,
    done: Done,
    /// Every Sequence up to this one, and all its Requests, is here; and on this disk.
    complete: u64,
    durable: u64,
    /// The store is durable up to this position, and has all of this Sequence.
    stored: Position,
    stored_number: u64,
    own: Own,
    peers: Vec<Peer>,
    /// Who asked to be taken into a view.
    joiners: BTreeMap<usize, Joiner>,
    /// The last Install taken, for those who missed it.
    install: Option<Install>,
    learner: Learner,
    restoring: Option<SnapshotName>,
    feeds: BTreeMap<usize, Feed>,
    barriers: Barriers,
    said: Said,
    writes: Vec<LogWrite>,
    unwritten: Unwritten,
    notes_bytes: usize,
    digest_bytes: usize,
    /// What everybody has and the store has: a digest begins after it.
    needed: u64,
    held: Vec<Held>,
    in_flight: VecDeque<Write>,
    last_ticket: Ticket,
    /// When this member last gathered to get into a view, and how long to wait before the next time.
    rejoined: Option<Time>,
    rejoin: Span,
    random: u64,
    ticked: Time,
    now: Time,
    out: Vec<Effect>,
}

impl RotatingSequencer {
    fn size(&self) -> usize {
        self.ids.len()
    }

    fn index(&self, id: ReplicaId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    fn is_normal(&self) -> bool {
        matches!(self.standing, Standing::Normal(_)) && self.restoring.is_none()
    }

    /// Says what this member now is, and why.
    fn change(&mut self, role: Role, cause: &'static str) {
        let epoch = self.kept.ballot.round;
        self.out.push(Effect::Changed(Changed { role, epoch, cause }));
    }

    fn message(&self, body: Body) -> contract::Message {
        let phase = match (&self.standing, &self.kept.view) {
            (_, None) => Phase::Blank,
            (Standing::Normal(_), _) => Phase::Member,
            _ => Phase::Wedged,
        };
        contract::Message::RotatingSequencer(Message {
            life: self.life,
            view: self.kept.view_ballot(),
            round: self.known_round(),
            phase,
            hears: self.hears(),
            holds: self.holds(),
            body,
        })
    }

    fn send(&mut self, to: usize, body: Body) {
        let message = self.message(body);
        self.out.push(Effect::Send { to: self.ids[to], message });
    }

    fn broadcast(&mut self, body: Body) {
        if self.size() == 1 {
            return;
        }
        let message = self.message(body);
        self.out.push(Effect::Broadcast(message));
        self.said.note(self.now, self.holds());
    }

    /// A number from the seed (splitmix64): nothing but patience depends on it.
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }

    /// How much longer than others this member waits before it acts: by its place, and by chance.
    fn patience(&mut self) -> Span {
        let step = self.config.timing.jitter.0 / 4;
        Span(step * self.me as u64 + self.draw(step))
    }

    /// What is due by time alone.
    fn tend(&mut self) {
        match self.standing {
            Standing::Joining(_) => self.tend_joining(),
            Standing::Wedged(_) => self.tend_wedged(),
            Standing::Gathering(_) => self.tend_gathering(),
            Standing::Installing(_) => self.tend_installing(),
            Standing::Normal(_) => self.tend_normal(),
        }
        self.tend_feeds();
    }

    fn take(&mut self, from: usize, message: Message) {
        let Message { life, view, phase, holds, body, .. } = message;
        match body {
            Body::Request { first, commands } => self.take_requests(from, life, first, commands),
            Body::Sequence { number, upto } => self.take_sequence(from, view, number, &upto),
            Body::Status => {}
            Body::Nack { requests, numbers, whole } => self.repair(from, &requests, numbers, whole),
            Body::Repair { parts, sequences } => {
                self.take_repair(view, holds.delivered, parts, sequences);
            }
            Body::Gather { ballot } => self.promise(from, phase, ballot),
            Body::State(state) => self.take_state(from, life, view, *state),
            Body::Install(install) => self.take_install(*install),
            Body::Recover => self.note_disk(from, life),
            Body::RecoverOk { life, ballot } => self.take_answer(from, phase, life, ballot),
            Body::Join => self.note_joiner(from, life, phase),
            Body::Ask { round } => self.answer(from, view, round),
            Body::Answer { round } => self.take_barrier_answer(from, view, phase, round, &holds),
            Body::Offer(offer) => self.take_offer(offer.into()),
        }
    }
}

impl Engine for RotatingSequencer {
    fn propose(
        &mut self,
        now: Time,
        commands: Vec<Command>,
    ) -> Result<Option<Range<Position>>, ProposeError> {
        self.now = now;
        self.take_commands(commands)?;
        Ok(None)
    }

    fn receive(&mut self, now: Time, from: ReplicaId, message: contract::Message) {
        self.now = now;
        // A message of another protocol: a member that is configured differently. Nothing it says makes sense here.
        let contract::Message::RotatingSequencer(message) = message else { return };
        let Some(from) = self.index(from).filter(|index| *index != self.me) else { return };
        // While law and store are being replaced nothing may move; everything here is said again.
        if self.restoring.is_some() || !self.admits(from, &message) {
            return;
        }
        self.hear(from, &message);
        self.take(from, message);
    }

    fn persisted(&mut self, now: Time, ticket: Ticket) {
        self.now = now;
        self.written(ticket);
    }

    fn stored(&mut self, now: Time, position: Position) {
        self.now = now;
        self.note_stored(position);
    }

    fn history(&mut self, _now: Time, _entries: Vec<Entry>) {}

    fn configured(&mut self, _now: Time, _configuration: &Configuration) {}

    fn link(&mut self, now: Time, peer: ReplicaId, up: bool) {
        self.now = now;
        if let Some(peer) = self.index(peer).filter(|index| *index != self.me) {
            self.hear_of_link(peer, up);
        }
    }

    fn tick(&mut self, now: Time) {
        self.now = now;
        self.notice_own_pause();
        if self.restoring.is_none() {
            self.tend();
        }
    }

    fn flush(&mut self, now: Time) {
        self.now = now;
        if self.restoring.is_none() {
            self.advance();
            self.deliver();
            self.release();
        }
        self.write_out();
        if self.restoring.is_none() {
            self.ask_for_gaps();
            self.fetch();
            self.ask_barriers();
            self.tell();
        }
    }

    // Nobody leads: there is nothing to hand over.
    fn hand_over(&mut self, _now: Time) {}

    fn barrier(&mut self, now: Time) -> Option<Barrier> {
        self.now = now;
        self.is_normal().then(|| self.barriers.ask())
    }

    fn staged(&mut self, now: Time, peer: ReplicaId, snapshot: SnapshotName) {
        self.now = now;
        if let Some(peer) = self.index(peer).filter(|index| *index != self.me) {
            self.offer(peer, &snapshot);
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

    fn end(&self) -> Position {
        self.position_of(self.kept.log.end())
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out)
    }

    fn status(&self) -> Status {
        Status {
            leads: false,
            epoch: self.kept.ballot.round,
            end: self.end(),
            durable: self.position_of(self.durable),
            commit: self.done.position,
            in_sync_durable: self.position_of(self.stable()),
            matched: self.matched(),
            leader: None,
            members: self.members(),
        }
    }
}

impl RotatingSequencer {
    /// The position of a Sequence's last command; of one that was forgotten, what was delivered.
    fn position_of(&self, number: u64) -> Position {
        self.kept.log.position(number).unwrap_or(self.done.position)
    }

    fn matched(&self) -> Vec<(ReplicaId, Position)> {
        let Standing::Normal(normal) = &self.standing else { return Vec::new() };
        let others = (0..self.size()).filter(|index| *index != self.me);
        let durable = |index: usize| self.position_of(normal.acks[index].durable);
        others.map(|index| (self.ids[index], durable(index))).collect()
    }

    /// In the view, with a turn (voters) or without one or not in the view at all (learners).
    fn members(&self) -> Members {
        let Some(view) = &self.kept.view else { return Members::default() };
        let ids = |rotates: bool| {
            let these = (0..self.size()).filter(|index| view.rotates(*index) == rotates);
            these.map(|index| self.ids[index]).collect()
        };
        Members { voters: ids(true), learners: ids(false) }
    }

    fn note_stored(&mut self, position: Position) {
        self.stored = self.stored.max(position.min(self.done.position));
        self.stored_number = self.kept.log.number_at(self.stored_number, self.stored);
    }
}
