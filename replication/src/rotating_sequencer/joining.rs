//! Joining: no view with this disk. Either the group is new, and begins once the disks of all are known to be empty; or this disk
//! replaced one, and then a majority of the *others* must take note of it before it learns what they delivered and is taken in.
//!
//! Until then it promises for nobody but a founder, or a proposer who knows that this very disk was there from the beginning.

use std::collections::BTreeMap;

use super::durability::Held;
use super::message::{Ballot, Body, Phase};
use super::notes::Note;
use super::view::{Life, majority};
use super::{RotatingSequencer, Standing, cause};
use crate::contract::Role;
use crate::time::{Span, Time};

/// Becoming a member.
#[derive(Default)]
pub(super) struct Joining {
    /// The others' ballots.
    answers: BTreeMap<usize, Ballot>,
    /// A majority of the others answered, and the highest ballot is on its way to the disk.
    enough: bool,
    /// It is there.
    pub(super) recovered: bool,
    said: Option<Time>,
}

/// Somebody who asks to be taken in.
pub(super) struct Joiner {
    life: Life,
    first: Time,
    last: Time,
}

impl RotatingSequencer {
    pub(super) fn tend_joining(&mut self) {
        if self.may_try_to_found() {
            return self.gather(cause::FOUNDING);
        }
        let level = self.is_level();
        let (now, again) = (self.now, self.config.timing.again);
        let Standing::Joining(joining) = &mut self.standing else { return };
        if joining.said.is_some_and(|said| now.since(said) < again) {
            return;
        }
        joining.said = Some(now);
        if !joining.recovered {
            self.broadcast(Body::Recover);
        } else if level {
            self.broadcast(Body::Join);
        }
    }

    /// One member founds, the first; and only if everybody is there and says that its disk is empty.
    fn may_try_to_found(&self) -> bool {
        let blank = |index: usize| {
            let peer = &self.peers[index];
            self.is_heard(index) && peer.hears_me && peer.phase == Phase::Blank
        };
        self.me == 0 && self.done.position == 0 && (1..self.size()).all(blank)
    }

    /// Somebody speaks for a new disk: the old one's words never count again.
    pub(super) fn note_disk(&mut self, from: usize, life: Life) {
        if self.kept.view.is_none() {
            return;
        }
        if life.incarnation > self.kept.disks[from] {
            self.kept.disks[from] = life.incarnation;
            self.note(&Note::Disks(self.kept.disks.clone()));
        }
        self.held.push(Held::RecoverOk(from, life));
    }

    /// The disk is noted durably.
    pub(super) fn send_recover_ok(&mut self, to: usize, life: Life) {
        if self.peers[to].life == life {
            self.send(to, Body::RecoverOk { life, ballot: self.kept.ballot });
        }
    }

    pub(super) fn take_answer(&mut self, from: usize, phase: Phase, life: Life, ballot: Ballot) {
        let enough = majority(self.size());
        let Standing::Joining(joining) = &mut self.standing else { return };
        if life != self.life || phase == Phase::Blank || joining.enough {
            return;
        }
        joining.answers.insert(from, ballot);
        if joining.answers.len() < enough {
            return;
        }
        joining.enough = true;
        let highest = joining.answers.values().max().copied().unwrap_or(Ballot::NONE);
        if highest > self.kept.ballot {
            self.kept.ballot = highest;
            self.note(&Note::Ballot(highest));
        }
        self.held.push(Held::Recovered);
    }

    /// The ballot that a majority may have promised under the old disk is on this one.
    pub(super) fn recovered(&mut self) {
        let Standing::Joining(joining) = &mut self.standing else { return };
        if joining.enough && !joining.recovered {
            joining.recovered = true;
            self.change(Role::Joining, cause::RECOVERED);
        }
    }

    /// Somebody has recovered and is level.
    pub(super) fn note_joiner(&mut self, from: usize, life: Life, phase: Phase) {
        if phase == Phase::Blank {
            let now = self.now;
            let joiner = self.joiners.entry(from).or_insert(Joiner { life, first: now, last: now });
            if joiner.life != life || now.since(joiner.last) >= self.config.timing.silence {
                *joiner = Joiner { life, first: now, last: now };
            }
            joiner.last = now;
        }
    }

    /// Who asked lately, and was heard in no other life since.
    pub(super) fn fresh_joiners(&self) -> Vec<(usize, Life)> {
        self.joiners_since(Span(0))
    }

    /// Who has asked for so long already.
    pub(super) fn joiners_since(&self, patience: Span) -> Vec<(usize, Life)> {
        let (now, silence) = (self.now, self.config.timing.silence);
        let fresh = |(index, joiner): (&usize, &Joiner)| {
            let peer = &self.peers[*index];
            let same = peer.life == joiner.life && peer.phase == Phase::Blank;
            let lately = now.since(joiner.last) < silence && now.since(joiner.first) >= patience;
            (same && lately).then_some((*index, joiner.life))
        };
        self.joiners.iter().filter_map(fresh).collect()
    }
}
