//! Idempotency keys of customers' wishes: what came of each, for as long as the key is good for.
//!
//! Invariant: a key is forgotten only when the law's time is past its birth by more than the horizon; from then on a command
//! under it is refused for its age. So a wish is done at most once, however late it comes again.

use std::collections::{BTreeMap, VecDeque};

use super::command::{Action, Outcome, Refusal};
use super::row;
use crate::limits::{CUSTOMER_KEY_AHEAD_MS, CUSTOMER_KEY_HORIZON_MS, MAX_FORGOTTEN_PER_COMMAND};
use crate::rows::{LoadError, Row, RowChange, Table, key_number, number_key};
use crate::trade::{Key, WallTime};

/// What is remembered under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    fingerprint: u64,
    outcome: Outcome,
}

/// A key that waits to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    number: u64,
    /// From when the horizon counts. Never earlier than of the key before.
    from: WallTime,
    key: Key,
}

/// A row's value.
type Value = (u128, u64, u64, Outcome);

/// The table of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    known: BTreeMap<Key, Entry>,
    /// Oldest first; each is one row of the store.
    waiting: VecDeque<Waiting>,
    next: u64,
}

/// What tells one wish from another under the same key.
pub(super) fn fingerprint(action: &Action) -> u64 {
    let bytes = postcard::to_allocvec(action).expect("a wish holds nothing that cannot be written");
    let mut out = [0; 8];
    out.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
    u64::from_be_bytes(out)
}

/// Whether a key may have been forgotten by now, or cannot be remembered for as long as it is good for.
pub(super) fn is_expired(born: WallTime, now: WallTime) -> bool {
    born.0.saturating_add(CUSTOMER_KEY_HORIZON_MS) < now.0
        || born.0 > now.0.saturating_add(CUSTOMER_KEY_AHEAD_MS)
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// What came of the wish under a key that is known.
    pub(super) fn recall(&self, key: Key, fingerprint: u64) -> Option<Outcome> {
        let entry = self.known.get(&key)?;
        let same = entry.fingerprint == fingerprint;
        Some(if same { entry.outcome } else { Outcome::Refused(Refusal::KeyReused) })
    }

    pub(super) fn remember(
        &mut self,
        (key, born): (Key, WallTime),
        fingerprint: u64,
        outcome: Outcome,
        now: WallTime,
        changes: &mut Vec<RowChange>,
    ) {
        let before = self.waiting.back().map_or(WallTime(0), |waiting| waiting.from);
        let waiting = Waiting { number: self.next, from: now.max(born).max(before), key };
        let entry = Entry { fingerprint, outcome };
        self.next += 1;
        changes.push(key_row(&waiting, &entry).into());
        self.waiting.push_back(waiting);
        self.known.insert(key, entry);
    }

    /// Forgets what is past the horizon, a bounded amount of it.
    pub(super) fn forget(&mut self, now: WallTime, changes: &mut Vec<RowChange>) {
        for _ in 0..MAX_FORGOTTEN_PER_COMMAND {
            let over = |it: &mut Waiting| it.from.0.saturating_add(CUSTOMER_KEY_HORIZON_MS) < now.0;
            let Some(gone) = self.waiting.pop_front_if(over) else { return };
            self.known.remove(&gone.key);
            changes.push(RowChange::remove_numbered(Table::Keys, gone.number));
        }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.waiting.iter().map(|waiting| key_row(waiting, &self.known[&waiting.key]))
    }

    /// Reads it back from its rows, in any order, given the number of the next key.
    pub(super) fn load(rows: Vec<Row>, next: u64) -> Result<Keys, LoadError> {
        let mut keys = Keys { next, ..Keys::default() };
        let mut waiting = Vec::with_capacity(rows.len());
        for row in rows {
            let (one, entry) = read_row(&row).ok_or_else(|| LoadError::row(row))?;
            if keys.known.insert(one.key, entry).is_some() {
                return Err(LoadError::DuplicateKey);
            }
            waiting.push(one);
        }
        waiting.sort_by_key(|one| one.number);
        let first = waiting.first().map_or(next, |one| one.number);
        let numbers = waiting.iter().map(|one| one.number).chain([next]);
        if let Some((expected, found)) = (first..).zip(numbers).find(|(a, b)| a != b) {
            return Err(LoadError::Gap { table: Table::Keys, expected, found });
        }
        keys.waiting = waiting.into();
        Ok(keys)
    }
}

fn key_row(waiting: &Waiting, entry: &Entry) -> Row {
    let value: Value = (waiting.key.0, waiting.from.0, entry.fingerprint, entry.outcome);
    row::write(Table::Keys, number_key(waiting.number), &value)
}

fn read_row(row: &Row) -> Option<(Waiting, Entry)> {
    let number = key_number(&row.key)?;
    let (key, from, fingerprint, outcome) = row::read::<Value>(row)?;
    Some((Waiting { number, from: WallTime(from), key: Key(key) }, Entry { fingerprint, outcome }))
}
