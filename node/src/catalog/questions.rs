//! Questions that only a leader may answer, and that wait until it is proven that this replica still is one.
//!
//! A renewal, a fill and a read of the outbox change nothing, so no entry of the log would tell a leader that was deposed
//! without noticing. They wait for a barrier: asked of the engine *after* they came in, passed once a majority has confirmed this
//! leader since. All questions of a burst share one.
//!
//! # Why a lease is safe across leaders
//! It counts from the moment its renewal was sent. The barrier was asked after that, and the majority that let it pass was still
//! in this leader's term, so any later leader was elected after the renewal was sent. That leader lets nothing be seen for the
//! length of a lease (`gate.rs`), or until the gateway's own word shows that the older lease counts no more (`lease.rs`).

use std::collections::VecDeque;

use replication::contract::Barrier;

use super::leading::Leader;
use crate::limits::{BARRIERS_UNDER_WAY, QUESTIONS_WAITING};
use crate::message::{Fill, ReadOutbox, Renew};
use crate::process::{Effect, Now};
use crate::service::ServiceId;

/// A question that costs no entry of the log.
#[derive(Debug)]
pub(super) enum Question {
    /// For a lease.
    Renew(Renew),
    /// For a listing.
    Fill(Fill),
    /// For a page of the outbox.
    Outbox(ReadOutbox),
}

/// Who asks what.
type Asked = (ServiceId, Question);

/// Questions that are not answered yet. At most [`QUESTIONS_WAITING`]; whoever is not answered asks again.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Came in since the last barrier was asked for.
    gathered: Vec<Asked>,
    /// Wait for a barrier.
    behind: VecDeque<(Barrier, Vec<Asked>)>,
}

impl Questions {
    fn waiting(&self) -> usize {
        let behind: usize = self.behind.iter().map(|(_, asked)| asked.len()).sum();
        self.gathered.len() + behind
    }

    /// Everything that this barrier lets go: one that was asked for earlier is passed with it.
    fn passed(&mut self, barrier: Barrier) -> Vec<Asked> {
        let passed = self.behind.iter().take_while(|(asked, _)| *asked <= barrier).count();
        self.behind.drain(..passed).flat_map(|(_, questions)| questions).collect()
    }
}

impl Leader<'_> {
    /// Takes a question for the next barrier.
    pub(super) fn ask(&mut self, from: ServiceId, question: Question) {
        if self.own.questions.waiting() < QUESTIONS_WAITING {
            self.own.questions.gathered.push((from, question));
        }
    }

    /// Asks for the barrier of this burst's questions.
    pub(super) fn ask_barrier(&mut self, now: Now) {
        let questions = &mut self.own.questions;
        if questions.gathered.is_empty() || questions.behind.len() >= BARRIERS_UNDER_WAY {
            return;
        }
        let gathered = std::mem::take(&mut questions.gathered);
        if let Some(barrier) = self.engine.barrier(now.time) {
            questions.behind.push_back((barrier, gathered));
        }
        // Otherwise this replica does not lead any more: whoever asked asks the one that does.
    }

    /// A barrier is passed: this replica led when it was asked for, and has everything applied that was acknowledged before.
    pub(super) fn passed(&mut self, now: Now, barrier: Barrier, effects: &mut Vec<Effect>) {
        for (from, question) in self.own.questions.passed(barrier) {
            match question {
                Question::Renew(renew) => self.renew(now, from, &renew, effects),
                Question::Fill(fill) => self.fill(now, from, fill, effects),
                Question::Outbox(read) => self.read_outbox(from, &read, effects),
            }
        }
    }
}
