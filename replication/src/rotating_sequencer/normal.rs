//! Taking part: what a member of a view knows of the others, and the beginning of it.

use std::collections::BTreeMap;

use super::gaps::Gap;
use super::message::{Ballot, Body, Holds};
use super::notes::{Note, covered};
use super::sequencing::Early;
use super::{RotatingSequencer, Standing, cause};
use crate::contract::Role;
use crate::time::{Span, Time};

/// What lasts as long as the view.
pub(super) struct Normal {
    pub(super) since: Time,
    /// Per member, every Request of its life in this view below this is here.
    pub(super) have: Vec<u64>,
    /// Sequences that came before those they follow.
    pub(super) early: BTreeMap<u64, Early>,
    /// What the others hold, as they last said.
    pub(super) acks: Vec<Holds>,
    /// When they last said anything.
    pub(super) heard: Vec<Time>,
    /// What is missing: per member's Requests, and last the Sequences.
    pub(super) gaps: Vec<Gap>,
    /// Since when no majority is heard.
    pub(super) deaf: Option<Time>,
    /// Since when a number is due.
    pub(super) turn: Option<(u64, Time)>,
    /// How much longer than others this member waits before it acts.
    pub(super) patience: Span,
}

impl Normal {
    /// A member only ever holds more; its messages may overtake each other.
    pub(super) fn hear(&mut self, from: usize, holds: &Holds) {
        let known = &mut self.acks[from];
        for (known, new) in known.requests.iter_mut().zip(&holds.requests) {
            *known = (*known).max(*new);
        }
        known.sequences = known.sequences.max(holds.sequences);
        known.durable = known.durable.max(holds.durable);
        known.delivered = known.delivered.max(holds.delivered);
    }
}

impl RotatingSequencer {
    /// Everything the view begins with is on this disk.
    pub(super) fn begin_normal(&mut self, ballot: Ballot) {
        let Standing::Installing(_) = self.standing else { return };
        if self.kept.view_ballot() != ballot || self.kept.ballot != ballot {
            return;
        }
        self.durable = self.complete;
        let patience = self.patience();
        let (size, now) = (self.size(), self.now);
        let holds = Holds { requests: vec![0; size], ..Holds::default() };
        self.standing = Standing::Normal(Box::new(Normal {
            since: now,
            have: self.count_requests(),
            early: BTreeMap::new(),
            acks: vec![holds; size],
            heard: vec![now; size],
            gaps: vec![Gap::default(); size + 1],
            deaf: None,
            turn: None,
            patience,
        }));
        self.forget_dead_lives();
        self.learn_disks();
        self.note_penalties();
        self.change(Role::Member, cause::INSTALLED);
        self.broadcast(Body::Status);
    }

    /// Per member of the view, how many Requests of its life are here without a gap.
    fn count_requests(&self) -> Vec<u64> {
        let Some(view) = &self.kept.view else { return vec![0; self.size()] };
        let log = &self.kept.log;
        let count = |member: usize| match view.life(member) {
            Some(life) => log.contiguous(member, life, covered(log.frontier(), member, life)),
            None => 0,
        };
        (0..self.size()).map(count).collect()
    }

    /// Requests that nobody will ever cover: of lives that are over.
    fn forget_dead_lives(&mut self) {
        let Some(view) = &self.kept.view else { return };
        let mine = (self.me, self.life);
        self.kept.log.forget_loose(|id| {
            let member = usize::from(id.member);
            view.life(member) == Some(id.life) || (member, id.life) == mine
        });
    }

    /// Whoever has no turn in this view gets none for a while, whoever proposes.
    fn note_penalties(&mut self) {
        let Some(view) = &self.kept.view else { return };
        for index in view.indices() {
            let slow = &mut self.peers[index].slow;
            *slow = (!view.rotates(index)).then(|| slow.unwrap_or(self.now));
        }
    }

    /// The disks that the view lists are the newest known.
    fn learn_disks(&mut self) {
        let Some(view) = &self.kept.view else { return };
        let lives = view.members.iter().map(|life| life.map_or(0, |life| life.incarnation));
        let newest = |(known, listed): (&u64, u64)| (*known).max(listed);
        let disks: Vec<_> = self.kept.disks.iter().zip(lives).map(newest).collect();
        if disks != self.kept.disks {
            self.kept.disks.clone_from(&disks);
            self.note(&Note::Disks(disks));
        }
    }

    /// What is due by time alone.
    pub(super) fn tend_normal(&mut self) {
        self.suspect();
    }

    /// Requests, Sequences, and what is complete by them, until nothing moves.
    pub(super) fn advance(&mut self) {
        if self.is_normal() {
            self.send_requests();
            loop {
                self.count_complete();
                if !(self.take_early() || self.try_sequence()) {
                    break;
                }
            }
            self.watch_turn();
        }
        self.count_complete();
        self.settle_install();
    }
}
