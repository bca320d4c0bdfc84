//! What is missing, whom to ask for it, and answering who asks.

use std::collections::BTreeMap;

use super::log::RequestId;
use super::message::{Ballot, Body, Part};
use super::notes::{covered, parts};
use super::view::Run;
use super::{RotatingSequencer, Standing};
use crate::contract::Command;
use crate::time::Time;

/// One stream with a hole in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Gap {
    /// What was here when the hole was noticed, and when that was.
    since: Option<(u64, Time)>,
    asked: Option<Time>,
    attempts: usize,
}

/// What one peer is asked for.
#[derive(Default)]
struct Question {
    requests: Vec<Run>,
    numbers: Option<(u64, u64)>,
}

/// Bytes that an answer may still carry.
struct Budget(u64);

impl Budget {
    /// The first thing always fits, whatever its size. 24 bytes are what names a Request or a run.
    fn take(&mut self, bytes: usize, first: bool) -> bool {
        let bytes = bytes as u64 + 24;
        let fits = first || self.0 >= bytes;
        if fits {
            self.0 = self.0.saturating_sub(bytes);
        }
        fits
    }
}

impl RotatingSequencer {
    /// Asks for everything that is missing for long enough: first whoever sent it, then whoever says that it has it.
    pub(super) fn ask_for_gaps(&mut self) {
        let mut questions: BTreeMap<usize, Question> = BTreeMap::new();
        for (stream, (here, known)) in self.streams().into_iter().enumerate() {
            let Some(attempt) = self.due(stream, here, known) else { continue };
            let Some(target) = self.whom_to_ask(stream, here, attempt) else { continue };
            let question = questions.entry(target).or_default();
            if stream == self.size() {
                question.numbers = Some((here + 1, self.gap_end(known)));
            } else {
                question.requests.extend(self.missing(stream, here, known));
            }
        }
        for (target, Question { requests, numbers }) in questions {
            self.send(target, Body::Nack { requests, numbers, whole: false });
        }
    }

    /// Per member the Requests, and last the Sequences: what is here without a gap, and what is known to exist.
    fn streams(&self) -> Vec<(u64, u64)> {
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return Vec::new();
        };
        let log = &self.kept.log;
        let requests = |member: usize| {
            let here = normal.have[member];
            let Some(life) = view.life(member) else { return (here, here) };
            let said = normal.acks.iter().map(|holds| holds.requests[member]).max().unwrap_or(0);
            let last = log.last(member, life).map_or(0, |number| number + 1);
            (here, said.max(last).max(covered(log.frontier(), member, life)))
        };
        let mut streams: Vec<_> = (0..self.size()).map(requests).collect();
        let said = normal.acks.iter().map(|holds| holds.sequences).max().unwrap_or(0);
        let early = normal.early.keys().last().copied().unwrap_or(0);
        streams.push((log.end(), said.max(early)));
        streams
    }

    /// Is it time to ask about this stream, and how often was it asked about?
    fn due(&mut self, stream: usize, here: u64, known: u64) -> Option<usize> {
        let (now, timing) = (self.now, &self.config.timing);
        let Standing::Normal(normal) = &mut self.standing else { return None };
        let gap = normal.gaps.get_mut(stream)?;
        if known <= here {
            *gap = Gap::default();
            return None;
        }
        match gap.since {
            Some((before, _)) if before == here => {}
            _ => *gap = Gap { since: Some((here, now)), ..Gap::default() },
        }
        let old = gap.since.is_some_and(|(_, since)| now.since(since) >= timing.gap);
        let again = gap.asked.is_none_or(|asked| now.since(asked) >= timing.gap_again);
        (old && again).then(|| {
            gap.asked = Some(now);
            gap.attempts += 1;
            gap.attempts - 1
        })
    }

    fn whom_to_ask(&self, stream: usize, here: u64, attempt: usize) -> Option<usize> {
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return None;
        };
        let sequences = stream == self.size();
        let sender = if sequences { view.turn(here + 1) } else { Some(stream) };
        let sender = sender.filter(|index| *index != self.me);
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::NackOnlyTheSender) {
            return sender;
        }
        let has = |index: &usize| {
            let holds = &normal.acks[*index];
            let held = if sequences { holds.sequences } else { holds.requests[stream] };
            *index != self.me && held > here
        };
        let holders: Vec<usize> = view.indices().filter(has).collect();
        match sender {
            Some(sender) if attempt == 0 || holders.is_empty() => Some(sender),
            _ => holders.get(attempt % holders.len().max(1)).copied(),
        }
    }

    /// The last number before one that came early.
    fn gap_end(&self, known: u64) -> u64 {
        let Standing::Normal(normal) = &self.standing else { return known };
        normal.early.keys().next().map_or(known, |early| known.min(early.saturating_sub(1)))
    }

    fn missing(&self, member: usize, here: u64, known: u64) -> Vec<Run> {
        let life = self.kept.view.as_ref().and_then(|view| view.life(member)).unwrap_or_default();
        let upto = known.min(here + self.config.limits.request_ahead);
        let run = Run { member: member as u8, life, from: here, upto };
        self.kept.log.missing(run, self.config.limits.repair_entries)
    }

    /// Answers a negative acknowledgement with what is here, as far as the peer's allowance goes.
    pub(super) fn repair(
        &mut self,
        from: usize,
        requests: &[Run],
        numbers: Option<(u64, u64)>,
        whole: bool,
    ) {
        if numbers.is_some_and(|(first, _)| first <= self.kept.log.floor()) {
            return self.feed(from);
        }
        let allowance = self.allowance(from);
        let most = self.config.limits.repair_bytes as u64;
        let full = most.min(allowance);
        if full == 0 {
            return;
        }
        let mut budget = Budget(full);
        let mut commands = self.collect(requests, &mut budget, true);
        let sequences = self.collect_sequences(numbers, whole, &mut budget, &mut commands);
        self.peers[from].allowance.0 = allowance.saturating_sub(full - budget.0);
        if !commands.is_empty() || !sequences.is_empty() {
            self.send(from, Body::Repair { parts: parts(commands), sequences });
        }
    }

    /// Commands of these runs; as many as the budget takes.
    fn collect(
        &self,
        runs: &[Run],
        budget: &mut Budget,
        mut first: bool,
    ) -> Vec<(RequestId, Command)> {
        let mut found = Vec::new();
        for run in runs.iter().take(self.config.limits.repair_entries) {
            for (id, command) in self.kept.log.entries(*run) {
                if !budget.take(command.len(), std::mem::take(&mut first)) {
                    return found;
                }
                found.push((id, command.clone()));
            }
        }
        found
    }

    fn collect_sequences(
        &self,
        numbers: Option<(u64, u64)>,
        whole: bool,
        budget: &mut Budget,
        commands: &mut Vec<(RequestId, Command)>,
    ) -> Vec<(u64, Vec<Run>)> {
        let mut sequences = Vec::new();
        let Some((first, last)) = numbers else { return sequences };
        let most = self.config.limits.repair_entries as u64;
        for number in first..=last.min(self.kept.log.end()).min(first + most) {
            let Some(runs) = self.kept.log.runs(number) else { break };
            if !budget.take(32 * runs.len(), sequences.is_empty()) {
                break;
            }
            if whole {
                commands.extend(self.collect(runs, budget, false));
            }
            sequences.push((number, runs.to_vec()));
        }
        sequences
    }

    /// How many bytes of Repairs this peer may be given now.
    fn allowance(&mut self, peer: usize) -> u64 {
        let most = self.config.limits.repair_burst;
        let (left, since) = self.peers[peer].allowance;
        let earned = self.now.since(since).0.saturating_mul(8 * most) / 1_000_000;
        let allowance = if since == Time(0) { most } else { most.min(left + earned) };
        self.peers[peer].allowance = (allowance, self.now);
        allowance
    }

    /// What was missing: who may take it, and for what, depends on the state.
    pub(super) fn take_repair(
        &mut self,
        view: Ballot,
        delivered: u64,
        parts: Vec<Part>,
        sequences: Vec<(u64, Vec<Run>)>,
    ) {
        let (parts, sequences) = (parts.into_iter(), sequences.into_iter());
        match self.standing {
            Standing::Gathering(_) => {}
            Standing::Normal(_) => {
                let mine = self.kept.view_ballot();
                parts.for_each(|part| self.keep(part));
                let same = sequences.filter(|(number, _)| view == mine || *number <= delivered);
                same.for_each(|(number, runs)| self.take_repaired(number, runs));
            }
            Standing::Wedged(_) | Standing::Joining(_) => {
                parts.for_each(|part| self.keep_final(part));
                sequences.for_each(|(number, runs)| self.learn(number, runs, delivered));
            }
            Standing::Installing(_) => {
                parts.for_each(|part| self.keep_final(part));
                sequences.for_each(|(number, runs)| self.gain(number, runs, view, delivered));
            }
        }
    }
}
