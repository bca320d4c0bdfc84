//! Sessions: who may speak for an account, and until when.
//!
//! A session ends when it was unused for its idle time, and after 12 hours at the latest. Its last use is written down by its own
//! commands; reads cost a command only when a sixteenth of the idle time has passed since then ([`Session::wants_touch`]). So that
//! no session in use ends early, it ends that much later.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::Owner;
use super::row;
use crate::limits::{MAX_SESSION_MS, TOUCH_FRACTION};
use crate::rows::{LoadError, Row, RowChange, Table};
use crate::trade::WallTime;

/// Names a session: a hash of its token. The token itself, 256 random bits, is known to its user alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 32]);

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub owner: Owner,
    /// When it began.
    pub begun: WallTime,
    /// When it was last used, as far as it was written down.
    pub used: WallTime,
    /// Without a request for so long, in milliseconds, it ends.
    pub idle_ms: u64,
}

impl Session {
    fn touch_ms(&self) -> u64 {
        self.idle_ms / TOUCH_FRACTION
    }

    /// The last moment of it.
    pub fn end(&self) -> WallTime {
        let idle = self.used.0.saturating_add(self.idle_ms).saturating_add(self.touch_ms());
        WallTime(idle.min(self.begun.0.saturating_add(MAX_SESSION_MS)))
    }

    /// Whether it still stands.
    pub fn stands(&self, now: WallTime) -> bool {
        now <= self.end()
    }

    /// Whether a use now is worth a command.
    pub fn wants_touch(&self, now: WallTime) -> bool {
        now.0.saturating_sub(self.used.0) > self.touch_ms()
    }
}

/// All sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sessions {
    known: BTreeMap<SessionId, Session>,
    by_end: BTreeSet<(WallTime, SessionId)>,
    by_owner: BTreeSet<(Owner, SessionId)>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.known.get(&id)
    }

    /// All of one account, by their names.
    pub(super) fn of(&self, owner: Owner) -> impl Iterator<Item = (SessionId, &Session)> {
        let (first, last) = ((owner, SessionId([0; 32])), (owner, SessionId([u8::MAX; 32])));
        self.by_owner.range(first..=last).map(|(_, id)| (*id, &self.known[id]))
    }

    /// The first that ends.
    pub(super) fn first_end(&self) -> Option<(WallTime, SessionId)> {
        self.by_end.first().copied()
    }

    /// A new one, or one that was used.
    pub(super) fn put(&mut self, id: SessionId, session: Session, changes: &mut Vec<RowChange>) {
        changes.push(session_row(id, &session).into());
        self.insert(id, session);
    }

    fn insert(&mut self, id: SessionId, session: Session) {
        if let Some(before) = self.known.insert(id, session) {
            self.by_end.remove(&(before.end(), id));
        }
        self.by_end.insert((session.end(), id));
        self.by_owner.insert((session.owner, id));
    }

    pub(super) fn remove(&mut self, id: SessionId, changes: &mut Vec<RowChange>) {
        if let Some(session) = self.known.remove(&id) {
            self.by_end.remove(&(session.end(), id));
            self.by_owner.remove(&(session.owner, id));
            changes.push(RowChange { table: Table::Sessions, key: id.0.to_vec(), value: None });
        }
    }

    /// One whose account is not known, if there is one.
    pub(super) fn orphan(&self, known: impl Fn(Owner) -> bool) -> Option<SessionId> {
        self.known.iter().find(|(_, session)| !known(session.owner)).map(|(id, _)| *id)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.known.iter().map(|(id, session)| session_row(*id, session))
    }

    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        match (row.key.as_slice().try_into(), row::read(&row)) {
            (Ok(id), Some(session)) => self.insert(SessionId(id), session),
            _ => return Err(LoadError::row(row)),
        }
        Ok(())
    }
}

fn session_row(id: SessionId, session: &Session) -> Row {
    row::write(Table::Sessions, id.0.to_vec(), session)
}
