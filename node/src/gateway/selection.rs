//! Selecting a leader when there is none to rely on.
//!
//! 1. Ask: read the configuration, ping every linked replica, wait [`PING_WINDOW`] or until all have answered.
//! 2. Choose: of the in-sync replicas that answered, speak for the disk that is enrolled and are not about to stop, the
//!    one with the highest id. If there is none, of the other enrolled replicas the one with the longest log: the
//!    register knows whether that log reaches what the outbox still holds, and refuses it otherwise.
//! 3. Propose it by compare-and-set. Several gateways may do so at once; the register takes one, the others adopt it.
//!
//! Whenever the leader turns out to be fine, or another one appears, the selection ends. Attempts are spaced ever wider.

use replication::contract::{Incarnation, Position};
use replication::register::{Configuration, RegisterCommand};
use replication::time::{Span, Time};

use super::health::Health;
use super::leader::{Belief, Cause, Verdict};
use super::limits::{
    CALM, ELECT_WINDOW, PING_WINDOW, READ_WINDOW, SELECTION_PAUSE, SELECTION_PAUSE_MAX,
    SELECTION_STAGGER,
};
use super::links::Links;
use super::mutants::Mutants;
use crate::message::Pong;

/// A selection, or the absence of one.
#[derive(Debug)]
pub(super) struct Selection {
    gateway: u8,
    stage: Stage,
    /// Proposals and failures in a row.
    attempts: u32,
    /// Since when the leader has been fine.
    calm: Option<Time>,
    /// Something new appeared since the last pause: the next one may be short.
    news: bool,
    proposals: u64,
    pub(super) mutants: Mutants,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Asking { since: Time },
    Electing { expect: u64, until: Time },
    Resting { until: Time },
}

/// What a selection wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing now.
    Nothing,
    /// Read the configuration and ping everybody.
    Ask,
    /// Propose this.
    Propose(RegisterCommand),
}

/// What a selection decides upon.
pub(super) struct View<'a> {
    pub(super) verdict: Verdict,
    pub(super) belief: &'a Belief,
    pub(super) links: &'a Links,
    pub(super) health: &'a Health,
}

impl Selection {
    pub(super) fn new(gateway: u8) -> Self {
        Selection {
            gateway,
            stage: Stage::Idle,
            attempts: 0,
            calm: None,
            news: false,
            proposals: 0,
            mutants: Mutants::default(),
        }
    }

    pub(super) fn under_way(&self) -> bool {
        self.stage != Stage::Idle
    }

    pub(super) fn proposals(&self) -> u64 {
        self.proposals
    }

    /// Goes on, given how things stand.
    pub(super) fn step(&mut self, now: Time, view: &View<'_>) -> Step {
        let Verdict::Lost(cause) = view.verdict else {
            self.settle(now, view.verdict);
            return Step::Nothing;
        };
        self.calm = None;
        match self.stage {
            Stage::Idle if self.attempts > 0 => self.rest(now),
            Stage::Idle => self.ask(now),
            Stage::Resting { until } if now >= until => self.ask(now),
            Stage::Resting { .. } => Step::Nothing,
            Stage::Asking { since } => self.decide(now, since, cause, view),
            Stage::Electing { expect, until } => {
                let moved = view.belief.configuration().version > expect;
                if moved || now >= until { self.rest(now) } else { Step::Nothing }
            }
        }
    }

    /// The register refused a proposal.
    pub(super) fn refused(&mut self, now: Time) {
        if matches!(self.stage, Stage::Electing { .. }) {
            self.rest(now);
        }
    }

    /// The catalog told the configuration; if it still is the one that a proposal builds on, the proposal was lost, or declined
    /// because the catalog itself heard the leader lately. Worth proposing again soon: a dead leader stops being heard.
    pub(super) fn told(&mut self, now: Time, version: u64) {
        if matches!(self.stage, Stage::Electing { expect, .. } if expect == version) {
            self.attempts = self.attempts.saturating_sub(2); // neither the proposal nor the pause counts
            self.news = true;
            self.rest(now);
        }
    }

    /// Something new appeared (a link, a configuration): no need to rest any longer.
    pub(super) fn hurry(&mut self, now: Time) {
        self.news = true;
        if let Stage::Resting { until } = &mut self.stage {
            *until = (*until).min(now);
        }
    }

    fn settle(&mut self, now: Time, verdict: Verdict) {
        self.stage = Stage::Idle;
        if verdict != Verdict::Live {
            return;
        }
        self.news = false;
        let calm = *self.calm.get_or_insert(now);
        if now >= calm + CALM {
            self.attempts = 0;
        }
    }

    fn ask(&mut self, now: Time) -> Step {
        self.stage = Stage::Asking { since: now };
        Step::Ask
    }

    fn rest(&mut self, now: Time) -> Step {
        self.attempts = self.attempts.saturating_add(1);
        let doublings = if std::mem::take(&mut self.news) { 0 } else { self.attempts - 1 };
        let doubled = SELECTION_PAUSE.0 << doublings.min(10);
        let stagger = SELECTION_STAGGER.0 * u64::from(self.gateway);
        let pause = Span(doubled.min(SELECTION_PAUSE_MAX.0) + stagger);
        self.stage = Stage::Resting { until: now + pause };
        Step::Nothing
    }

    fn decide(&mut self, now: Time, since: Time, cause: Cause, view: &View<'_>) -> Step {
        let read = view.belief.told().is_some_and(|told| told >= since);
        if !read {
            return if now >= since + READ_WINDOW { self.rest(now) } else { Step::Nothing };
        }
        let answered: Vec<(u8, &Pong)> = view.health.answered(since).collect();
        let all = view.links.orders().all(|id| answered.iter().any(|(other, _)| *other == id));
        let over = now >= since + PING_WINDOW;
        let configuration = view.belief.configuration();
        let shunned = configuration.leader.filter(|_| cause == Cause::Stalled);
        let choice = if self.mutants.elect_highest_live() {
            let highest = answered.iter().max_by_key(|(id, _)| *id);
            highest.map(|(id, pong)| (*id, pong.incarnation, pong.end))
        } else {
            choose(configuration, &answered, shunned)
        };
        // An outsider only after the whole window: an in-sync replica may be about to come back.
        let good = choice.is_some_and(|(id, ..)| configuration.in_sync.contains(&id));
        if !(over || all && good) {
            return Step::Nothing;
        }
        let Some((candidate, incarnation, log_end)) = choice else { return self.rest(now) };
        let expect = configuration.version;
        let drop = configuration.leader.filter(|leader| *leader != candidate);
        self.proposals += 1;
        self.attempts = self.attempts.saturating_add(1);
        self.stage = Stage::Electing { expect, until: now + ELECT_WINDOW };
        Step::Propose(RegisterCommand::Elect { expect, candidate, incarnation, log_end, drop })
    }
}

/// The replica to propose: its id, disk and log end; never the shunned one.
pub(super) fn choose(
    configuration: &Configuration,
    answered: &[(u8, &Pong)],
    shunned: Option<u8>,
) -> Option<(u8, Incarnation, Position)> {
    let eligible = || {
        answered.iter().filter(|(id, pong)| {
            let enrolled = configuration.incarnations.get(id) == Some(&pong.incarnation);
            enrolled && !pong.draining && shunned != Some(*id)
        })
    };
    let in_sync =
        eligible().filter(|(id, _)| configuration.in_sync.contains(id)).max_by_key(|(id, _)| *id);
    let outside = || eligible().max_by_key(|(id, pong)| (pong.end, *id));
    let (id, pong) = in_sync.or_else(outside)?;
    Some((*id, pong.incarnation, pong.end))
}
