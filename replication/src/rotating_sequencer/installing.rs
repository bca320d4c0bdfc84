//! Installing: the view is known and lists this member; it takes part once everything the view begins with is on its disk.

use std::collections::BTreeMap;

use super::durability::Held;
use super::message::{Ballot, Body, Install};
use super::notes::Note;
use super::view::Run;
use super::{RotatingSequencer, Standing, cause};
use crate::contract::{ReplicaId, Role};
use crate::time::{Span, Time};

/// What is being installed.
pub(super) struct Installing {
    install: Install,
    /// The list here is the view's up to this number.
    keep: u64,
    /// What follows, as far as it is known.
    sequences: BTreeMap<u64, Vec<Run>>,
    /// Everything is here and on its way to the disk.
    written: bool,
    /// When something last came.
    pub(super) moved: Time,
    patience: Span,
    said: Time,
}

impl RotatingSequencer {
    /// A view that lists this member in this life, with a ballot that it may still take part in.
    pub(super) fn take_install(&mut self, install: Install) {
        let view = &install.view;
        let listed = view.life(self.me) == Some(self.life);
        let new = view.ballot >= self.kept.ballot && view.ballot > self.kept.view_ballot();
        let may = match &self.standing {
            Standing::Joining(joining) => joining.recovered || self.kept.ballot == view.ballot,
            Standing::Installing(current) => current.install.view.ballot != view.ballot,
            _ => true,
        };
        if listed && new && may && self.done.number <= view.base {
            self.begin_install(install);
        }
    }

    fn begin_install(&mut self, install: Install) {
        self.leave();
        self.barriers.void();
        let ballot = install.view.ballot;
        if ballot > self.kept.ballot {
            self.kept.ballot = ballot;
            self.note(&Note::Ballot(ballot));
        }
        let tail = (install.reach + 1..).zip(install.tail.iter().cloned());
        let (now, patience) = (self.now, self.patience());
        self.install = Some(install.clone());
        self.learner.asked = None;
        self.standing = Standing::Installing(Box::new(Installing {
            keep: self.agreed(&install),
            sequences: tail.collect(),
            install,
            written: false,
            moved: now,
            patience,
            said: now,
        }));
        self.change(Role::Joining, cause::INSTALLING);
    }

    /// How far the list here is the one the view begins with: all of it that the same view numbered, else what was delivered.
    fn agreed(&self, install: &Install) -> u64 {
        let same = self.kept.view_ballot() == install.parent && install.parent != Ballot::NONE;
        let end = if same { self.kept.log.end() } else { self.done.number };
        end.min(install.view.base)
    }

    /// A Sequence that the view begins with, from somebody who knows.
    pub(super) fn gain(&mut self, number: u64, runs: Vec<Run>, view: Ballot, delivered: u64) {
        let Standing::Installing(installing) = &mut self.standing else { return };
        let install = &installing.install;
        let known = view == install.view.ballot || view == install.parent || number <= delivered;
        let wanted = known && number > installing.keep && number <= install.view.base;
        if wanted && installing.sequences.insert(number, runs).is_none() {
            installing.moved = self.now;
            self.learner.asked = None;
        }
    }

    /// Asks for what is missing: Sequences first, then the Requests they cover.
    pub(super) fn fetch_for_install(&mut self) {
        let Standing::Installing(installing) = &self.standing else { return };
        if installing.written {
            return;
        }
        let base = installing.install.view.base;
        let first = (installing.keep + 1..=base).find(|n| !installing.sequences.contains_key(n));
        let numbers = first.map(|first| (first, base.min(first + self.batch() - 1)));
        let requests = self.missing_for_install();
        // A Sequence that is named is found to be forgotten there, and then a snapshot comes; a Request is not.
        let numbers = numbers.or((self.complete < base).then_some({
            let next = self.complete + 1;
            (next, next)
        }));
        let (wanted, view) = (first.unwrap_or(base), &installing.install.view);
        let knows = |index: &usize| {
            let peer = &self.peers[*index];
            let same = peer.view == view.ballot || peer.view == installing.install.parent;
            *index != self.me && self.is_heard(*index) && (same || peer.delivered >= wanted)
        };
        let sources: Vec<usize> = (0..self.size()).filter(knows).collect();
        let nothing = numbers.is_none() && requests.is_empty();
        if nothing || sources.is_empty() {
            return;
        }
        if self.learner.is_due(self.now, self.config.timing.gap_again) {
            let source = sources[self.learner.attempts % sources.len()];
            self.send(source, Body::Nack { requests, numbers, whole: true });
        }
    }

    /// The Requests that the view begins with and that are not here.
    fn missing_for_install(&self) -> Vec<Run> {
        let Standing::Installing(installing) = &self.standing else { return Vec::new() };
        let most = self.config.limits.repair_entries;
        let mut missing = self.missing_up_to(installing.keep);
        for runs in installing.sequences.range(installing.keep + 1..).map(|(_, runs)| runs) {
            if missing.len() >= most {
                break;
            }
            for run in runs {
                missing.extend(self.kept.log.missing(*run, most));
            }
        }
        missing.truncate(most);
        missing
    }

    /// Everything is here: one note says so, and the view begins when it is durable.
    pub(super) fn settle_install(&mut self) {
        let Standing::Installing(installing) = &self.standing else { return };
        let (keep, view) = (installing.keep, installing.install.view.clone());
        let above = installing.sequences.range(keep + 1..=view.base.max(keep + 1));
        let sequences: Vec<Vec<Run>> = above.map(|(_, runs)| runs.clone()).collect();
        let all = sequences.len() as u64 >= view.base - keep;
        if installing.written || !all || !self.missing_for_install().is_empty() {
            return;
        }
        let sequences: Vec<_> = sequences.into_iter().take((view.base - keep) as usize).collect();
        self.cut_list(keep);
        sequences.iter().for_each(|runs| self.kept.log.append(runs.clone()));
        if self.kept.log.position(view.base) != Some(view.position) {
            return self.wedge(cause::CONTRADICTED);
        }
        let ballot = view.ballot;
        self.kept.view = Some(view.clone());
        self.note(&Note::Installed { view, keep, sequences });
        self.count_complete();
        self.held.push(Held::Normal(ballot));
        if let Standing::Installing(installing) = &mut self.standing {
            installing.written = true;
        }
    }

    pub(super) fn tend_installing(&mut self) {
        let (now, timing) = (self.now, &self.config.timing);
        let Standing::Installing(installing) = &mut self.standing else { return };
        if now.since(installing.moved) >= timing.attempt + installing.patience {
            return self.wedge(cause::FAILED);
        }
        let mine = installing.install.view.ballot.proposer == self.config.id as ReplicaId;
        if mine && now.since(installing.said) >= timing.again {
            installing.said = now;
            let install = installing.install.clone();
            self.broadcast(Body::Install(Box::new(install)));
        }
    }

    /// The Install once more, for a member of this view that has not taken it.
    pub(super) fn remind(&mut self, to: usize) {
        let (now, again) = (self.now, self.config.timing.again);
        let mine = self.kept.view_ballot();
        let install = self.install.as_ref().filter(|install| install.view.ballot == mine);
        let Some(install) = install.cloned() else { return };
        if self.peers[to].reminded.is_none_or(|last| now.since(last) >= again) {
            self.peers[to].reminded = Some(now);
            self.send(to, Body::Install(Box::new(install)));
        }
    }

    /// The store was replaced while a view is installed: what is missing is less.
    pub(super) fn review_install(&mut self) {
        let Standing::Installing(installing) = &self.standing else { return };
        let install = installing.install.clone();
        if self.done.number > install.view.base {
            return self.wedge(cause::LEFT_BEHIND);
        }
        let keep = self.done.number.max(self.agreed(&install));
        if let Standing::Installing(installing) = &mut self.standing {
            (installing.keep, installing.moved) = (keep, self.now);
        }
    }
}
