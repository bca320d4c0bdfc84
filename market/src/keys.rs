//! Idempotency keys: what was decided under which key, for as long as the horizon.
//!
//! About 75 bytes a key: 16 for the key and 16 for the entry in the tree (of which a third is air), and 16 for its place in
//! the queue of what is to be forgotten.

use std::collections::{BTreeMap, VecDeque};

use crate::limits::{
    KEY_AHEAD_MS, KEY_HORIZON_MS, KEY_SKEW_MS, KEYS_PER_ROW, MAX_FORGOTTEN_PER_COMMAND,
    MAX_ORDER_NUMBER,
};
use crate::order::OrderNumber;
use crate::rows::{LoadError, Row, RowChange, Table, key_number, number_key};
use crate::trade::{Decision, Key, Side, Trade, TradeRefusal, WallTime};

/// The table of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    known: BTreeMap<Key, Entry>,
    /// Oldest first; each is one row of the store.
    batches: VecDeque<Batch>,
    /// What the command under way remembered so far; empty between commands.
    open: Vec<(Key, Entry)>,
    /// Latest time inside a key of `open`.
    born: WallTime,
    /// Number of the next decision.
    next: u64,
}

/// What is remembered under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    fingerprint: u64,
    outcome: Packed,
}

/// Keys of consecutive decisions of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    first: u64,
    /// From when the horizon counts: when it was decided, or when the youngest key says that it was made, if that is later
    /// (the catalog's clock may have been behind then, and may be set right since). Never earlier than of the batch before.
    at: WallTime,
    keys: Box<[Key]>,
}

/// An outcome in 64 bits: the upper two say which sort, the others hold the order's number or how many were available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed(u64);

const SORT_SHIFT: u32 = 62;
const ENTRY_BYTES: usize = 32;

impl Packed {
    fn order(number: OrderNumber) -> Packed {
        Packed(number & MAX_ORDER_NUMBER)
    }

    /// `None` for the refusals that are not remembered: nothing was decided about the trade itself.
    fn refusal(refusal: TradeRefusal) -> Option<Packed> {
        match refusal {
            TradeRefusal::UnknownListing => Some(Packed(1 << SORT_SHIFT)),
            TradeRefusal::InsufficientQuantity { available } => {
                Some(Packed(2 << SORT_SHIFT | available.min(MAX_ORDER_NUMBER)))
            }
            TradeRefusal::QuantityOutOfRange => Some(Packed(3 << SORT_SHIFT)),
            TradeRefusal::KeyReused | TradeRefusal::KeyExpired | TradeRefusal::Overloaded => None,
        }
    }

    fn decision(self) -> Decision {
        let value = self.0 & MAX_ORDER_NUMBER;
        match self.0 >> SORT_SHIFT {
            0 => Decision::Replayed(value),
            1 => Decision::Refused(TradeRefusal::UnknownListing),
            2 => Decision::Refused(TradeRefusal::InsufficientQuantity { available: value }),
            _ => Decision::Refused(TradeRefusal::QuantityOutOfRange),
        }
    }
}

/// What tells one body from another under the same key.
pub(crate) fn fingerprint(trade: &Trade) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[matches!(trade.side, Side::Sell) as u8]);
    hasher.update(&trade.quantity.to_be_bytes());
    hasher.update(trade.name.as_str().as_bytes());
    let mut out = [0; 8];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(out)
}

/// Whether a key was made so long ago that it may have been forgotten.
pub(crate) fn is_expired(born: Option<WallTime>, now: WallTime) -> bool {
    born.is_some_and(|born| born.0.saturating_add(KEY_HORIZON_MS) < now.0)
}

impl Keys {
    /// How many keys are remembered.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Number of the next decision.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The answer to a trade whose key is known.
    pub(crate) fn recall(&self, key: Key, fingerprint: u64) -> Option<Decision> {
        let entry = self.known.get(&key)?;
        Some(if entry.fingerprint == fingerprint {
            entry.outcome.decision()
        } else {
            Decision::Refused(TradeRefusal::KeyReused)
        })
    }

    /// Remembers that a trade became an order.
    pub(crate) fn remember_order(&mut self, trade: &Trade, fingerprint: u64, number: OrderNumber) {
        self.remember(trade, Entry { fingerprint, outcome: Packed::order(number) });
    }

    /// Remembers that a trade was refused, if that refusal is final.
    pub(crate) fn remember_refusal(
        &mut self,
        trade: &Trade,
        fingerprint: u64,
        refusal: TradeRefusal,
    ) {
        if let Some(outcome) = Packed::refusal(refusal) {
            self.remember(trade, Entry { fingerprint, outcome });
        }
    }

    fn remember(&mut self, trade: &Trade, entry: Entry) {
        self.known.insert(trade.key, entry);
        self.open.push((trade.key, entry));
        self.born = self.born.max(trade.born.unwrap_or_default());
    }

    /// Ends a command: its keys become rows.
    pub(crate) fn close(&mut self, now: WallTime, changes: &mut Vec<RowChange>) {
        let born = self.born.0.min(now.0.saturating_add(KEY_AHEAD_MS));
        let before = self.batches.back().map_or(0, |batch| batch.at.0);
        let at = WallTime(now.0.max(born).max(before));
        self.born = WallTime::default();
        for chunk in self.open.chunks(KEYS_PER_ROW) {
            let first = self.next;
            self.next += chunk.len() as u64;
            changes.push(write_row(first, at, chunk.iter().copied()).into());
            let keys = chunk.iter().map(|(key, _)| *key).collect();
            self.batches.push_back(Batch { first, at, keys });
        }
        self.open.clear();
    }

    /// Forgets what is past the horizon, a bounded amount of it.
    ///
    /// A key with its time inside is expired by then, whatever the skew: forgetting it cannot repeat its trade.
    pub(crate) fn forget(&mut self, now: WallTime, changes: &mut Vec<RowChange>) {
        let mut forgotten = 0;
        while forgotten < MAX_FORGOTTEN_PER_COMMAND
            && let Some(batch) = self.batches.front()
            && batch.at.0.saturating_add(KEY_HORIZON_MS + KEY_SKEW_MS) < now.0
        {
            forgotten += batch.keys.len();
            changes.push(RowChange::remove_numbered(Table::Keys, batch.first));
            for key in &batch.keys {
                self.known.remove(key);
            }
            self.batches.pop_front();
        }
    }

    /// Every row of it.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.batches.iter().map(|batch| {
            let entries = batch.keys.iter().map(|key| (*key, self.known[key]));
            write_row(batch.first, batch.at, entries)
        })
    }

    /// Reads it back from its rows, in any order, given the number of the next decision.
    pub(crate) fn load(rows: Vec<Row>, next: u64) -> Result<Keys, LoadError> {
        let mut entries = Vec::new();
        let mut batches = Vec::with_capacity(rows.len());
        for row in rows {
            batches.push(read_row(&row, &mut entries).ok_or_else(|| LoadError::row(row))?);
        }
        batches.sort_by_key(|batch| batch.first);
        check_gapless(&batches, next)?;
        let count = entries.len();
        // Collected, not inserted one by one: the tree is built at once from the sorted whole.
        let known: BTreeMap<Key, Entry> = entries.into_iter().collect();
        if known.len() != count {
            return Err(LoadError::DuplicateKey);
        }
        let (open, born) = (Vec::new(), WallTime::default());
        Ok(Keys { known, batches: batches.into(), open, born, next })
    }
}

fn check_gapless(batches: &[Batch], next: u64) -> Result<(), LoadError> {
    let mut expected = batches.first().map_or(next, |batch| batch.first);
    for batch in batches {
        if batch.first != expected {
            let found = batch.first;
            return Err(LoadError::Gap { table: Table::Keys, expected, found });
        }
        expected = expected.saturating_add(batch.keys.len() as u64);
    }
    if expected == next {
        Ok(())
    } else {
        Err(LoadError::Gap { table: Table::Keys, expected, found: next })
    }
}

/// A row: from when its horizon counts, then key, fingerprint and outcome of each decision.
fn write_row(
    first: u64,
    at: WallTime,
    entries: impl ExactSizeIterator<Item = (Key, Entry)>,
) -> Row {
    let mut value = Vec::with_capacity(8 + ENTRY_BYTES * entries.len());
    value.extend(at.0.to_be_bytes());
    for (key, entry) in entries {
        value.extend(key.0.to_be_bytes());
        value.extend(entry.fingerprint.to_be_bytes());
        value.extend(entry.outcome.0.to_be_bytes());
    }
    Row { table: Table::Keys, key: number_key(first), value }
}

fn read_row(row: &Row, entries: &mut Vec<(Key, Entry)>) -> Option<Batch> {
    let first = key_number(&row.key)?;
    let (at, rest) = row.value.split_first_chunk::<8>()?;
    let (chunks, []) = rest.as_chunks::<ENTRY_BYTES>() else { return None };
    if chunks.is_empty() {
        return None;
    }
    let start = entries.len();
    entries.extend(chunks.iter().map(read_entry));
    let keys = entries[start..].iter().map(|(key, _)| *key).collect();
    Some(Batch { first, at: WallTime(u64::from_be_bytes(*at)), keys })
}

fn read_entry(bytes: &[u8; ENTRY_BYTES]) -> (Key, Entry) {
    // The value is 256 bits; its halves are the key, and fingerprint and outcome together.
    let (key, rest) = bytes.split_at(16);
    let half = |half: &[u8]| half.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
    let rest = half(rest);
    let entry = Entry { fingerprint: (rest >> 64) as u64, outcome: Packed(rest as u64) };
    (Key(half(key)), entry)
}
