//! Whether this member takes requests, and what becomes of those in hand when it does not any more.

use replication::contract::{Changed, Role};

use super::CustomersProcess;
use crate::limits::CUSTOMER_LOST;
use crate::message::CustomerReply;
use crate::process::{Effect, Event, Now};

impl CustomersProcess {
    /// A member that leads, or that decides together with the others, takes requests.
    pub(super) fn serves(&self) -> bool {
        matches!(self.role, Role::Leader | Role::Member) && !self.is_draining()
    }

    /// Whom to ask instead: the leader, where the group has one.
    pub(super) fn not_here(&self) -> CustomerReply {
        let leader = self.engine.status().leader;
        CustomerReply::NotHere { ask: leader.filter(|id| *id != self.config.id) }
    }

    pub(super) fn changed(&mut self, now: Now, changed: Changed, effects: &mut Vec<Effect>) {
        self.role = changed.role;
        if matches!(changed.role, Role::Leader | Role::Member) {
            self.lost = None;
        } else {
            self.lost.get_or_insert(now.time);
            self.transfers.stop(effects);
            self.ask_elsewhere();
        }
        effects.push(Effect::Event(Event::Role(changed)));
    }

    /// Questions can be asked elsewhere at once; their barriers will not be passed.
    pub(super) fn ask_elsewhere(&mut self) {
        let not_here = self.not_here();
        for (asker, _) in self.questions.take_all() {
            self.answers.put(asker, not_here.clone());
        }
    }

    /// Nobody here hears what becomes of the wishes in hand. They may be done yet, or not.
    pub(super) fn give_up(&mut self) {
        for asker in self.wishes.take_all() {
            self.answers.put(asker, CustomerReply::Unknown);
        }
        self.touches.clear();
    }

    /// Whoever waits for too long is told to ask elsewhere: for longer than a group takes to go on without one of its members, or,
    /// of a member that takes part no more, for longer than it takes to come back.
    pub(super) fn lose_patience(&mut self, now: Now) {
        if self.lost.is_some_and(|since| now.time.since(since) >= CUSTOMER_LOST) {
            return self.give_up();
        }
        for asker in self.wishes.impatient(now.time) {
            self.answers.put(asker, CustomerReply::Unknown);
        }
    }
}
