//! What a member does unasked: sessions in use are touched, those that are over removed.

use std::collections::{BTreeMap, BTreeSet};

use market::customers::{Command as Law, SessionId};
use market::limits::MAX_TOUCHED_PER_COMMAND;
use replication::time::Time;

use super::CustomersProcess;
use crate::limits::{SWEEP_INTERVAL, SWEEP_LAG_MS, TOUCH_AGAIN, TOUCHES_UNDER_WAY};
use crate::process::Now;

/// Sessions to touch, and those whose touch is under way.
#[derive(Debug, Default)]
pub(super) struct Touches {
    gathered: BTreeSet<SessionId>,
    under_way: BTreeMap<SessionId, Time>,
}

impl Touches {
    /// A session was used whose last use was written down some time ago.
    pub(super) fn wanted(&mut self, now: Time, id: SessionId) {
        let asked = self.under_way.get(&id).is_some_and(|asked| now.since(*asked) < TOUCH_AGAIN);
        if !asked && self.under_way.len() < TOUCHES_UNDER_WAY {
            self.gathered.insert(id);
            self.under_way.insert(id, now);
        }
    }

    pub(super) fn clear(&mut self) {
        self.gathered.clear();
        self.under_way.clear();
    }

    fn tick(&mut self, now: Time) {
        self.under_way.retain(|_, asked| now.since(*asked) < TOUCH_AGAIN);
    }
}

impl CustomersProcess {
    /// Time passed.
    pub(super) fn keep_up(&mut self, now: Now) {
        if now.time < self.next_sweep {
            return;
        }
        self.next_sweep = now.time + SWEEP_INTERVAL;
        self.touches.tick(now.time);
        let at = self.clock.at(now);
        // Whoever comes first among the members does it; another one only when that one does not.
        let lag = SWEEP_LAG_MS * self.config.place();
        let over = self.law.first_end().is_some_and(|end| end.0.saturating_add(lag) < at.0);
        if over && self.serves() {
            self.own_wish(Law::Pass { at });
        }
    }

    /// Touches the sessions that the burst used.
    pub(super) fn touch(&mut self, now: Now) {
        let sessions: Vec<SessionId> =
            std::mem::take(&mut self.touches.gathered).into_iter().collect();
        for some in sessions.chunks(MAX_TOUCHED_PER_COMMAND) {
            let at = self.clock.at(now);
            self.own_wish(Law::Touch { at, sessions: some.to_vec() });
        }
    }
}
