//! Outside of a view: learning what others delivered. That is final, whatever views come, so it may be taken from anybody.

use super::log::RequestId;
use super::message::{Body, Part};
use super::notes::{Note, parts};
use super::view::Run;
use super::{RotatingSequencer, Standing};
use crate::time::Time;

/// So many questions without an answer mean that nobody's list reaches back so far. 4: two of ten get lost.
const VAIN: usize = 4;

/// How far this member has learned.
#[derive(Debug, Default)]
pub(super) struct Learner {
    /// The list up to here is what others delivered.
    pub(super) learned: u64,
    /// The last question; none if there is news since.
    pub(super) asked: Option<Time>,
    pub(super) attempts: usize,
}

impl Learner {
    pub(super) fn new(learned: u64) -> Self {
        Learner { learned, ..Learner::default() }
    }

    /// Is it time for another question?
    pub(super) fn is_due(&mut self, now: Time, again: crate::time::Span) -> bool {
        let due = self.asked.is_none_or(|asked| now.since(asked) >= again);
        if due {
            self.attempts = if self.asked.is_some() { self.attempts + 1 } else { 0 };
            self.asked = Some(now);
        }
        due
    }
}

impl RotatingSequencer {
    /// Asks for what is missing, in the states that have to catch up.
    pub(super) fn fetch(&mut self) {
        match &self.standing {
            Standing::Wedged(_) => self.fetch_final(),
            Standing::Joining(joining) if joining.recovered => self.fetch_final(),
            Standing::Installing(_) => self.fetch_for_install(),
            _ => {}
        }
    }

    fn fetch_final(&mut self) {
        let learned = self.learner.learned;
        let missing = self.missing_up_to(learned);
        let ahead = |index: &usize| {
            let wanted = if missing.is_empty() { learned + 1 } else { learned };
            *index != self.me && self.is_heard(*index) && self.peers[*index].delivered >= wanted
        };
        let sources: Vec<usize> = (0..self.size()).filter(ahead).collect();
        if sources.is_empty() || !self.learner.is_due(self.now, self.config.timing.gap_again) {
            return;
        }
        let source = sources[self.learner.attempts % sources.len()];
        let last = self.peers[source].delivered.min(learned + self.batch());
        // A Sequence that is named is found to be forgotten there, and then a snapshot comes; a Request is not.
        let lacking = (!missing.is_empty()).then_some((self.complete + 1, self.complete + 1));
        let numbers = lacking.or((last > learned).then_some((learned + 1, last)));
        self.send(source, Body::Nack { requests: missing, numbers, whole: true });
    }

    pub(super) fn batch(&self) -> u64 {
        self.config.limits.repair_entries as u64
    }

    /// The Requests that Sequences up to this one cover and that are not here.
    pub(super) fn missing_up_to(&self, number: u64) -> Vec<Run> {
        let most = self.config.limits.repair_entries;
        let mut missing = Vec::new();
        for number in self.complete + 1..=number {
            let runs = self.kept.log.runs(number).unwrap_or_default();
            for run in runs {
                missing.extend(self.kept.log.missing(*run, most));
            }
            if missing.len() >= most {
                break;
            }
        }
        missing.truncate(most);
        missing
    }

    /// Takes Requests that were asked for by name; what was delivered here is not needed again.
    pub(super) fn keep_final(&mut self, part: Part) {
        let Part { member, life, first, commands } = part;
        let done = self.done.frontier.next(usize::from(member), life);
        let numbered = (first..).zip(commands).filter(|(number, _)| *number >= done);
        let log = &mut self.kept.log;
        let requests =
            numbered.map(|(number, command)| (RequestId { member, life, number }, command));
        let new: Vec<_> =
            requests.filter(|(id, command)| log.insert(*id, command.clone())).collect();
        if new.is_empty() {
            return;
        }
        self.learner.asked = None;
        if let Standing::Installing(installing) = &mut self.standing {
            installing.moved = self.now;
        }
        for part in parts(new) {
            self.note(&Note::Requests(part));
        }
    }

    /// Takes a Sequence that the sender delivered, if it is the next.
    pub(super) fn learn(&mut self, number: u64, runs: Vec<Run>, delivered: u64) {
        if number != self.learner.learned + 1 || number > delivered {
            return;
        }
        if self.kept.log.runs(number) != Some(&runs[..]) {
            let frontier = self.kept.log.frontier_at(number - 1);
            let follows = |run: &Run| frontier.next(usize::from(run.member), run.life) == run.from;
            if runs.is_empty() || !runs.iter().all(follows) {
                return;
            }
            self.cut_list(number - 1);
            self.follow(number, runs);
        }
        self.learner.learned = number;
        self.learner.asked = None;
    }

    /// Does this member have what others delivered, but for what a round trip brings?
    pub(super) fn is_level(&self) -> bool {
        let heard = (0..self.size()).filter(|index| self.is_heard(*index));
        let best = heard.map(|index| self.peers[index].delivered).max().unwrap_or(0);
        let mine = self.learner.learned.min(self.complete).max(self.done.number);
        // Whoever asks in vain misses what only a snapshot brings.
        let served = best <= mine || self.learner.attempts < VAIN;
        best <= mine + self.config.limits.level && served
    }
}
