//! Whose words count, and what every message says beside its body.

use super::message::{Ballot, Message, Phase};
use super::sane::is_sane;
use super::view::Life;
use super::{RotatingSequencer, Standing, cause};
use crate::time::Time;

/// A member as heard lately, in a view or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// Its newest life.
    pub(super) life: Life,
    pub(super) heard: Option<Time>,
    pub(super) view: Ballot,
    pub(super) phase: Phase,
    pub(super) round: u64,
    /// What it delivered: nobody will ever deliver anything else there.
    pub(super) delivered: u64,
    pub(super) hears_me: bool,
    /// It held up the rotation, then.
    pub(super) slow: Option<Time>,
    /// The last Install sent to it again.
    pub(super) reminded: Option<Time>,
    /// Bytes of Repairs it may have, as of some time.
    pub(super) allowance: (u64, Time),
}

impl RotatingSequencer {
    /// Could a member have said this, and is it the newest disk and start known of it?
    pub(super) fn admits(&self, from: usize, message: &Message) -> bool {
        let sane = is_sane(message, self.size());
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::NoIncarnationVectors) {
            return sane;
        }
        let newest = message.life.incarnation >= self.kept.disks[from]
            && message.life >= self.peers[from].life;
        sane && newest
    }

    /// Takes what the message says of its sender.
    pub(super) fn hear(&mut self, from: usize, message: &Message) {
        let now = self.now;
        let peer = &mut self.peers[from];
        if peer.life != message.life {
            *peer = Peer { life: message.life, slow: peer.slow, ..Peer::default() };
            self.feeds.remove(&from);
        }
        peer.heard = Some(now);
        (peer.view, peer.phase) = (message.view, message.phase);
        peer.round = peer.round.max(message.round);
        peer.delivered = peer.delivered.max(message.holds.delivered);
        peer.hears_me = message.hears >> self.me & 1 == 1;
        self.hear_in_view(from, message);
    }

    /// What a member of the same view holds there.
    fn hear_in_view(&mut self, from: usize, message: &Message) {
        let (Standing::Normal(normal), Some(view)) = (&mut self.standing, &self.kept.view) else {
            return;
        };
        let mine = view.ballot;
        if message.phase == Phase::Member && message.view > mine {
            return self.wedge(cause::LEFT_BEHIND);
        }
        if view.life(from) != Some(message.life) {
            return;
        }
        normal.heard[from] = self.now;
        if message.phase == Phase::Member && message.view == mine {
            normal.hear(from, &message.holds);
        } else if message.view < mine {
            self.remind(from);
        }
    }

    /// Whom this member heard lately, itself included, as bits.
    pub(super) fn hears(&self) -> u64 {
        let heard = (0..self.size()).filter(|index| *index == self.me || self.is_heard(*index));
        heard.fold(0, |mask, index| mask | 1 << index)
    }

    /// Was this other member heard within the time that makes one seem dead?
    pub(super) fn is_heard(&self, index: usize) -> bool {
        let silence = self.config.timing.silence;
        self.peers[index].heard.is_some_and(|heard| self.now.since(heard) < silence)
    }

    /// Does this member hear a majority of the universe, which hears it?
    pub(super) fn hears_majority(&self) -> bool {
        let both = |index: &usize| {
            *index == self.me || (self.is_heard(*index) && self.peers[*index].hears_me)
        };
        (0..self.size()).filter(both).count() >= super::view::majority(self.size())
    }

    /// The highest round anybody spoke of.
    pub(super) fn known_round(&self) -> u64 {
        let peers = self.peers.iter().map(|peer| peer.round).max().unwrap_or(0);
        peers.max(self.kept.ballot.round)
    }

    /// A link broke: its other end may have died, and has little time to say something.
    pub(super) fn hear_of_link(&mut self, peer: usize, up: bool) {
        let (silence, short) = (self.config.timing.silence, self.config.timing.turn);
        if up {
            return;
        }
        if let Standing::Normal(normal) = &mut self.standing {
            let early = self.now - silence + short;
            normal.heard[peer] = normal.heard[peer].min(early);
        }
    }

    /// Whoever slept has heard nobody, and blames nobody.
    pub(super) fn notice_own_pause(&mut self) {
        let now = self.now;
        let slept = now.since(self.ticked) >= self.config.timing.own_pause;
        self.ticked = now;
        if !slept {
            return;
        }
        self.peers.iter_mut().for_each(|peer| peer.heard = peer.heard.map(|_| now));
        if let Standing::Normal(normal) = &mut self.standing {
            normal.heard.iter_mut().for_each(|heard| *heard = now);
            normal.turn = None;
        }
    }
}
