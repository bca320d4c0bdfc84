//! Taking part: who seems dead, who is slow, who wants to come in.

use super::normal::Normal;
use super::view::View;
use super::{RotatingSequencer, Standing, cause};

impl RotatingSequencer {
    /// Gathers another view if this one does not do. One reason at a time.
    pub(super) fn suspect(&mut self) {
        if !self.hears_majority() {
            return self.endure();
        }
        if let Standing::Normal(normal) = &mut self.standing {
            normal.deaf = None;
        }
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return;
        };
        if self.is_silent(normal, view) {
            return self.gather(cause::SILENT);
        }
        if let Some(slow) = self.holds_up(normal, view) {
            self.peers[slow].slow = Some(self.now);
            return self.gather(cause::SLOW);
        }
        if self.now.since(normal.since) < self.config.timing.grace + normal.patience {
            return;
        }
        if self.has_joiner(normal, view) {
            self.gather(cause::JOINER);
        } else if self.may_forgive(normal, view) {
            self.gather(cause::FORGIVEN);
        }
    }

    /// No majority is heard: after a while this member stops.
    fn endure(&mut self) {
        let (now, silence) = (self.now, self.config.timing.silence);
        let Standing::Normal(normal) = &mut self.standing else { return };
        let since = *normal.deaf.get_or_insert(now);
        if now.since(since) >= silence {
            self.wedge(cause::CUT_OFF);
        }
    }

    fn is_silent(&self, normal: &Normal, view: &View) -> bool {
        let patience = self.config.timing.silence + normal.patience;
        let silent = |index: usize| self.now.since(normal.heard[index]) >= patience;
        view.indices().any(|index| index != self.me && silent(index))
    }

    /// Who keeps everybody waiting: the one whose turn it is, or whose disk is so far behind that nobody may go on.
    fn holds_up(&self, normal: &Normal, view: &View) -> Option<usize> {
        let (number, since) = normal.turn?;
        let patience = self.config.timing.turn + normal.patience;
        if view.rotation.len() < 2 || self.now.since(since) < patience {
            return None;
        }
        let ahead = self.config.limits.sequence_ahead;
        let others = view.rotation.iter().map(|index| usize::from(*index));
        let slowest = others
            .filter(|index| *index != self.me)
            .map(|index| (normal.acks[index].durable.max(view.base), index));
        match slowest.min() {
            Some((durable, index)) if number > durable + ahead => Some(index),
            _ => view.turn(number).filter(|index| *index != self.me),
        }
    }

    /// A member that recovered, or was left out, asked lately to be taken in. Also one that is in the view and never took part: while
    /// its Install was lost it learned more than the view began with, so that it can be taken in by a later view only.
    fn has_joiner(&self, normal: &Normal, view: &View) -> bool {
        let fresh = self.joiners_since(normal.patience);
        let beyond = |index: usize| self.peers[index].delivered > view.base;
        fresh.into_iter().any(|(index, life)| view.life(index) != Some(life) || beyond(index))
    }

    /// A member without a turn keeps up again.
    fn may_forgive(&self, normal: &Normal, view: &View) -> bool {
        let timing = &self.config.timing;
        if self.now.since(normal.since) < timing.steady + normal.patience {
            return false;
        }
        let end = self.kept.log.end();
        let served = |index: usize| {
            self.peers[index].slow.is_none_or(|slow| self.now.since(slow) >= timing.penalty)
        };
        let level = |index: usize| {
            normal.acks[index].durable + self.config.limits.level >= end && self.is_heard(index)
        };
        let without = view.indices().filter(|index| !view.rotates(*index) && *index != self.me);
        without.into_iter().any(|index| served(index) && level(index))
    }
}
