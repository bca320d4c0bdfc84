//! Gathering: proposing a view. The ballot is on disk before anybody hears of it; a majority of the universe promises it and says
//! what it holds; what the view begins with is computed from that (`recovery`).

use std::collections::BTreeMap;

use super::durability::Held;
use super::message::{Ballot, Body, Install, Phase, State};
use super::notes::Note;
use super::recovery::{Mistakes, Prefix, Word, counted, newest_disks, prefix};
use super::view::{Life, View, majority};
use super::{RotatingSequencer, Standing, cause};
use crate::contract::Role;
use crate::time::Time;

/// An attempt.
pub(super) struct Gathering {
    ballot: Ballot,
    since: Time,
    /// The ballot is on disk.
    durable: bool,
    said: Option<Time>,
    words: BTreeMap<usize, Word>,
}

impl RotatingSequencer {
    /// Begins an attempt.
    pub(super) fn gather(&mut self, cause: &'static str) {
        self.leave();
        self.barriers.void();
        let round = self.known_round() + 1;
        let (proposer, incarnation) = (self.config.id, self.life.incarnation);
        let ballot = Ballot { round, proposer, incarnation };
        self.kept.ballot = ballot;
        self.note(&Note::Ballot(ballot));
        self.held.push(Held::Gather(ballot));
        let (since, words) = (self.now, BTreeMap::new());
        self.standing =
            Standing::Gathering(Gathering { ballot, since, durable: false, said: None, words });
        self.change(Role::Joining, cause);
    }

    /// The own promise counts like any other.
    pub(super) fn ballot_is_durable(&mut self, ballot: Ballot) {
        let state = self.state(ballot);
        let (life, view) = (self.life, self.kept.view_ballot());
        let me = self.me;
        let Standing::Gathering(gathering) = &mut self.standing else { return };
        if gathering.ballot == ballot {
            gathering.durable = true;
            gathering.words.insert(me, Word { life, view, state });
            self.tend_gathering();
        }
    }

    pub(super) fn tend_gathering(&mut self) {
        let (now, timing) = (self.now, &self.config.timing);
        let Standing::Gathering(gathering) = &mut self.standing else { return };
        if now.since(gathering.since) >= timing.attempt {
            return self.wedge(cause::FAILED);
        }
        let due = gathering.said.is_none_or(|said| now.since(said) >= timing.again);
        if gathering.durable && due {
            gathering.said = Some(now);
            let (ballot, size) = (gathering.ballot, self.ids.len());
            let silent = |index: &usize| !gathering.words.contains_key(index);
            let silent: Vec<usize> = (0..size).filter(silent).collect();
            if silent.len() + 1 == size {
                self.broadcast(Body::Gather { ballot });
            } else {
                silent.into_iter().for_each(|to| self.send(to, Body::Gather { ballot }));
            }
        }
        self.conclude();
    }

    pub(super) fn take_state(&mut self, from: usize, life: Life, view: Ballot, state: State) {
        let Standing::Gathering(gathering) = &mut self.standing else { return };
        if gathering.ballot == state.ballot && gathering.durable {
            gathering.words.insert(from, Word { life, view, state });
            self.conclude();
        }
    }

    /// Proposes the view, if enough is known.
    fn conclude(&mut self) {
        let Standing::Gathering(gathering) = &self.standing else { return };
        let words = gathering.words.clone();
        let patient = self.now.since(gathering.since) < self.config.timing.grace;
        let mistakes = self.mistakes();
        let counted = counted(&words, &self.kept.disks, mistakes);
        if counted.len() < self.quorum() || (patient && self.awaits_somebody(&words)) {
            return;
        }
        let near = self.config.limits.level;
        let install = match prefix(&counted, near, mistakes) {
            Some(prefix) => self.next_view(&words, &counted, prefix),
            None if self.may_found(&words) => self.first_view(&words),
            None => return,
        };
        self.broadcast(Body::Install(Box::new(install.clone())));
        self.take_install(install);
    }

    /// Always of the universe, never of a view.
    fn quorum(&self) -> usize {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::MajorityOfTheView)
            && let Some(view) = &self.kept.view
        {
            return view.indices().count() / 2 + 1;
        }
        majority(self.size())
    }

    fn mistakes(&self) -> Mistakes {
        #[cfg(feature = "mutants")]
        {
            use crate::mutants::Mutant;
            Mistakes {
                old_disks: self.config.errs(Mutant::NoIncarnationVectors),
                amnesia: self.config.errs(Mutant::AmnesiacAnswers),
                any_view: self.config.errs(Mutant::LongestListOfAnyView),
                forgets: self.config.errs(Mutant::RecoveryForgets),
            }
        }
        #[cfg(not(feature = "mutants"))]
        Mistakes::default()
    }

    /// Somebody who lives has not answered yet.
    fn awaits_somebody(&self, words: &BTreeMap<usize, Word>) -> bool {
        let lives = |index: &usize| {
            let blank = self.peers[*index].phase == Phase::Blank && self.kept.view.is_some();
            self.is_heard(*index) && !blank
        };
        (0..self.size()).filter(lives).any(|index| !words.contains_key(&index))
    }

    /// A group begins only when the disks of *all* its members are empty: one that is not heard may hold everything.
    fn may_found(&self, words: &BTreeMap<usize, Word>) -> bool {
        let empty = |word: &Word| word.view == Ballot::NONE && word.state.durable == 0;
        let newest = newest_disks(words, &self.kept.disks);
        let known = |(index, word): (&usize, &Word)| word.life.incarnation >= newest[*index];
        words.len() == self.size() && words.values().all(empty) && words.iter().all(known)
    }

    fn first_view(&self, words: &BTreeMap<usize, Word>) -> Install {
        let view = View {
            ballot: self.kept.ballot,
            members: words.values().map(|word| Some(word.life)).collect(),
            rotation: (0..self.size()).map(|index| index as u8).collect(),
            base: 0,
            position: 0,
            founders: words.values().map(|word| word.life.incarnation).collect(),
        };
        Install { view, parent: Ballot::NONE, reach: 0, tail: Vec::new() }
    }

    fn next_view(
        &self,
        words: &BTreeMap<usize, Word>,
        counted: &BTreeMap<usize, &Word>,
        prefix: Prefix,
    ) -> Install {
        let newest = newest_disks(words, &self.kept.disks);
        let mut members: Vec<Option<Life>> = vec![None; self.size()];
        for (index, word) in counted {
            members[*index] = Some(word.life);
        }
        let mut rotation = prefix.level.clone();
        for (index, life) in self.fresh_joiners() {
            if members[index].is_none() && life.incarnation >= newest[index] {
                members[index] = Some(life);
                rotation.insert(index);
            }
        }
        let penalty = self.config.timing.penalty;
        let slow = |index: &usize| {
            self.peers[*index].slow.is_some_and(|slow| self.now.since(slow) < penalty)
        };
        if rotation.iter().any(|index| !slow(index)) {
            rotation.retain(|index| !slow(index));
        }
        let base = prefix.base();
        let Prefix { parent, founders, reach, tail, position, .. } = prefix;
        let rotation = rotation.into_iter().map(|index| index as u8).collect();
        let view = View { ballot: self.kept.ballot, members, rotation, base, position, founders };
        Install { view, parent, reach, tail }
    }
}
