//! What each command does, and what time does.

use super::command::{Action, Command, Outcome, Refusal};
use super::keys::{fingerprint, is_expired};
use super::{Customers, SessionId};
use crate::limits::{MAX_ENDED_PER_COMMAND, MAX_TOUCHED_PER_COMMAND};
use crate::rows::RowChange;
use crate::trade::{Key, WallTime};

impl Customers {
    /// Applies one command. Total: what makes no sense is refused and changes nothing (but that time has passed).
    ///
    /// The row changes, applied after all earlier ones, make the store hold exactly [`Customers::rows`].
    pub fn apply(&mut self, command: &Command, changes: &mut Vec<RowChange>) -> Outcome {
        let facts = self.facts();
        let outcome = match command {
            Command::Do { key, born, at, action } => {
                self.pass_time(*at, changes);
                self.once((*key, *born), action, changes)
            }
            Command::Record { at, purchase, told_below } => {
                self.pass_time(*at, changes);
                self.record(purchase, *told_below, changes)
            }
            Command::Touch { at, sessions } => {
                self.pass_time(*at, changes);
                self.touch_all(sessions, changes)
            }
            Command::Pass { at } => {
                self.pass_time(*at, changes);
                Outcome::Done
            }
        };
        let now = self.facts();
        if now != facts {
            changes.push(now.row().into());
        }
        outcome
    }

    /// Time never goes back. What is over goes, a bounded amount with each command.
    fn pass_time(&mut self, at: WallTime, changes: &mut Vec<RowChange>) {
        self.time = self.time.max(at);
        self.keys.forget(self.time, changes);
        for _ in 0..MAX_ENDED_PER_COMMAND {
            let Some((_, gone)) = self.sessions.first_end().filter(|(end, _)| *end < self.time)
            else {
                return;
            };
            self.end_session(gone, changes);
        }
    }

    /// A wish under its key. Nothing is decided that could not be remembered.
    fn once(
        &mut self,
        (key, born): (Key, WallTime),
        action: &Action,
        changes: &mut Vec<RowChange>,
    ) -> Outcome {
        let fingerprint = fingerprint(action);
        if let Some(known) = self.keys.recall(key, fingerprint) {
            return known;
        }
        if is_expired(born, self.time) {
            return Outcome::Refused(Refusal::KeyExpired);
        }
        if self.keys.len() >= self.limits.keys {
            return Outcome::Refused(Refusal::Overloaded);
        }
        let outcome = self.act(action, changes).unwrap_or_else(Outcome::Refused);
        if !matches!(outcome, Outcome::Refused(refusal) if !refusal.is_final()) {
            self.keys.remember((key, born), fingerprint, outcome, self.time, changes);
        }
        outcome
    }

    fn touch_all(&mut self, sessions: &[SessionId], changes: &mut Vec<RowChange>) -> Outcome {
        for id in sessions.iter().take(MAX_TOUCHED_PER_COMMAND) {
            self.touch(*id, changes);
        }
        Outcome::Done
    }

    /// The session was used now, if it stands.
    pub(super) fn touch(&mut self, id: SessionId, changes: &mut Vec<RowChange>) {
        let stands = self.sessions.get(id).filter(|it| it.stands(self.time));
        if let Some(session) = stands.filter(|it| it.used < self.time).copied() {
            let used = self.time;
            self.sessions.put(id, super::Session { used, ..session }, changes);
        }
    }

    /// A session is over, and its cart with it.
    pub(super) fn end_session(&mut self, id: SessionId, changes: &mut Vec<RowChange>) {
        self.carts.remove(id, changes);
        self.sessions.remove(id, changes);
    }
}
