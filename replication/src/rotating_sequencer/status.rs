//! Saying what this member holds, though it has nothing else to say.

use super::message::{Body, Holds};
use super::view::majority;
use super::{RotatingSequencer, Standing};
use crate::time::Time;

/// What everybody was told last.
pub(super) struct Said {
    at: Time,
    holds: Holds,
    /// Since when there is news.
    news: Option<Time>,
}

impl Said {
    pub(super) fn new(now: Time) -> Self {
        Said { at: now, holds: Holds::default(), news: None }
    }

    pub(super) fn note(&mut self, now: Time, holds: Holds) {
        *self = Said { at: now, holds, news: None };
    }
}

impl RotatingSequencer {
    /// What this member holds, as every message says.
    pub(super) fn holds(&self) -> Holds {
        let requests = match &self.standing {
            Standing::Normal(normal) => normal.have.clone(),
            _ => vec![0; self.size()],
        };
        Holds {
            requests,
            sequences: self.kept.log.end(),
            durable: self.durable,
            delivered: self.done.number,
        }
    }

    /// A Status when it is due: what others wait for soon, other news a little later, and a sign of life in any case.
    pub(super) fn tell(&mut self) {
        let (now, timing, holds) = (self.now, &self.config.timing, self.holds());
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::NoIdleStatus) {
            return;
        }
        let news = holds != self.said.holds;
        let since = news.then(|| self.said.news.unwrap_or(now));
        self.said.news = since;
        let urgent = holds.durable > self.said.holds.durable && self.is_awaited(holds.durable);
        let silent = now.since(self.said.at);
        let due = urgent
            || silent >= timing.heartbeat
            || since.is_some_and(|since| now.since(since) >= timing.tell);
        if due {
            self.broadcast(Body::Status);
        }
    }

    /// Does anybody in the view still wait for this member's word that a Sequence is durable? Whoever heard it of a majority of
    /// the others waits for nobody; and what was heard here was said to all.
    fn is_awaited(&self, durable: u64) -> bool {
        let Standing::Normal(normal) = &self.standing else { return false };
        let said = normal.acks.iter().filter(|holds| holds.durable >= durable).count();
        said < majority(self.size())
    }
}
