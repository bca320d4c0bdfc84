//! What the bank remembers, on its disk: entries by key, and which of them are open, since when.
//!
//! The journal is one file of the embedded database. A batch of wishes is one transaction: when [`Journal::work`] returns, whatever it
//! changed is durable, and after a crash all of a batch is there or nothing (the database keeps two roots, and
//! takes the older one if the younger was torn).

use std::fmt;
use std::fs;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use market::bank::{Entry, PaymentKey};
use market::trade::WallTime;
use metrics::{gauge, histogram};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction,
};

use super::limits::{CHECKED_BYTES, JOURNAL_CACHE_BYTES};
use super::secret::secret_in;
use crate::storage::files::{self, DirLock, FileError};
use crate::storage::store::{StoreError, failed};

/// Name of the file inside its folder.
const FILE: &str = "entries";

/// Layout of what is inside.
const LAYOUT: u64 = 1;

const ENTRIES: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("entries");
const OPEN: TableDefinition<'static, (u64, &'static str), ()> = TableDefinition::new("open");
const FACTS: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("facts");

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database refused, failed, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process has the folder.
    #[error("another process uses {0}")]
    InUse(String),
    /// Written by another version of this program.
    #[error("the journal has layout {0}, which this program does not read")]
    Layout(u64),
    /// Not the secret that the digests in the journal were made with.
    #[error("{0}; put the file back as it was, or start with --fresh, which forgets every charge")]
    Secret(&'static str),
}

/// The open journal.
pub struct Journal {
    database: Database,
    _lock: Option<DirLock>,
}

/// The journal within one transaction.
pub(crate) struct Rows<'t> {
    entries: Table<'t, &'static str, &'static [u8]>,
    open: Table<'t, (u64, &'static str), ()>,
    changed: bool,
}

/// Where a page of open authorisations begins: behind this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) asked_at: WallTime,
    pub(crate) key: PaymentKey,
}

/// An open authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenEntry {
    pub(crate) key: PaymentKey,
    pub(crate) entry: Entry,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// Opens the journal in a folder, or begins one; nobody else may have it. `fresh` throws away what is there. Answers with the
    /// secret that digests of cards are made with, too.
    pub fn open(folder: &Path, fresh: bool) -> Result<(Journal, [u8; 32]), JournalError> {
        files::create_dir(folder)?;
        let lock = DirLock::take(folder)?;
        let lock = lock.ok_or_else(|| JournalError::InUse(folder.display().to_string()))?;
        let path = folder.join(FILE);
        if fresh && path.exists() {
            fs::remove_file(&path).map_err(FileError::at("cannot remove", &path))?;
            files::sync_dir(folder)?;
        }
        let size = fs::metadata(&path).map_or(0, |file| file.len());
        // The secret is there before the journal is: a journal without one has lost it.
        let secret = secret_in(folder, !path.exists())?;
        // Damage that the database's check does not see may make it panic; nothing outside sees what that leaves behind.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            builder(size <= CHECKED_BYTES).create(&path).map_err(failed("open its file"))
        }));
        let panicked = |_| Err(StoreError::Damaged("opening the journal panicked".into()));
        let database = opened.unwrap_or_else(panicked)?;
        files::sync_dir(folder)?;
        let journal = Journal::begin(database, Some(lock))?;
        journal.claim(&secret)?;
        Ok((journal, secret))
    }

    /// A journal on whatever stands for a file.
    #[cfg(test)]
    pub(crate) fn on(backend: impl redb::StorageBackend) -> Result<Journal, JournalError> {
        let database = builder(true).create_with_backend(backend);
        Journal::begin(database.map_err(failed("open its file"))?, None)
    }

    fn begin(database: Database, lock: Option<DirLock>) -> Result<Journal, JournalError> {
        let journal = Journal { database, _lock: lock };
        match journal.fact("layout", &LAYOUT.to_le_bytes())?.try_into().map(u64::from_le_bytes) {
            Ok(LAYOUT) => Ok(journal),
            Ok(other) => Err(JournalError::Layout(other)),
            Err(_) => Err(StoreError::Damaged("its layout".into()).into()),
        }
    }

    /// Makes sure that the digests of cards in here were made with the secret that is now in use.
    fn claim(&self, secret: &[u8; 32]) -> Result<(), JournalError> {
        let mark = blake3::keyed_hash(secret, b"bazaar bank, whose secret v1");
        if self.fact("secret", mark.as_bytes())? == mark.as_bytes() {
            return Ok(());
        }
        Err(JournalError::Secret("the secret for digests of cards is not that of the journal"))
    }

    /// A fact that is written down once; the first value stays.
    fn fact(&self, name: &str, first: &[u8]) -> Result<Vec<u8>, StoreError> {
        let fact = || -> Result<Vec<u8>, redb::Error> {
            let transaction = self.transaction()?;
            transaction.open_table(ENTRIES)?;
            transaction.open_table(OPEN)?;
            let mut facts = transaction.open_table(FACTS)?;
            let known = facts.get(name)?.map(|value| value.value().to_vec());
            if let Some(known) = known {
                return Ok(known);
            }
            facts.insert(name, first)?;
            drop(facts);
            transaction.commit()?;
            Ok(first.to_vec())
        };
        fact().map_err(failed("write its facts"))
    }

    fn transaction(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // Costs a little with every commit; without it, opening after a crash would read the whole file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Does something with the rows; what it changes is durable when this returns. After an error nobody knows what the disk holds:
    /// stop, and open it again.
    pub(crate) fn work<T>(
        &self,
        work: impl FnOnce(&mut Rows<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.transaction().map_err(failed("begin"))?;
        let (done, changed, open) = {
            let mut rows = Rows {
                entries: transaction.open_table(ENTRIES).map_err(failed("begin"))?,
                open: transaction.open_table(OPEN).map_err(failed("begin"))?,
                changed: false,
            };
            let done = work(&mut rows)?;
            (done, rows.changed, rows.open.len().map_err(failed("count"))?)
        };
        if changed {
            let began = Instant::now();
            transaction.commit().map_err(failed("write"))?;
            histogram!("bazaar_payment_commit_seconds").record(began.elapsed());
        } else {
            // What was read is what earlier commits left, so it is durable already.
            transaction.abort().map_err(failed("end"))?;
        }
        gauge!("bazaar_payment_open").set(open as f64);
        Ok(done)
    }
}

impl Journal {
    /// Shows every entry, by key, as of now; for audits and tests. Stops at the first error.
    pub fn each(&self, mut show: impl FnMut(PaymentKey, Entry)) -> Result<(), JournalError> {
        let entries = || self.database.begin_read()?.open_table(ENTRIES).map_err(redb::Error::from);
        let entries = entries().map_err(failed("read"))?;
        for row in entries.iter().map_err(failed("read"))? {
            let (key, entry) = row.map_err(failed("read"))?;
            let key = key.value().parse();
            let key = key.map_err(|error| StoreError::Damaged(format!("a key: {error}")))?;
            show(key, decoded(entry.value())?);
        }
        Ok(())
    }
}

impl Rows<'_> {
    /// What is remembered under a key.
    pub(crate) fn get(&self, key: &PaymentKey) -> Result<Option<Entry>, StoreError> {
        let row = self.entries.get(key.as_str()).map_err(failed("read"))?;
        row.map(|row| decoded(row.value())).transpose()
    }

    /// Remembers something else under a key. `before` is what it remembered until now.
    pub(crate) fn put(
        &mut self,
        key: &PaymentKey,
        before: Option<&Entry>,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        self.changed = true;
        let mut put = || -> Result<(), redb::Error> {
            if let Some(since) = before.and_then(Entry::open_since) {
                self.open.remove((since.0, key.as_str()))?;
            }
            if let Some(since) = entry.open_since() {
                self.open.insert((since.0, key.as_str()), ())?;
            }
            self.entries.insert(key.as_str(), entry.encode().as_slice())?;
            Ok(())
        };
        put().map_err(failed("write"))
    }

    /// Authorisations that were asked for until a time and are still open, the oldest first, at most so many.
    pub(crate) fn open_until(
        &self,
        until: WallTime,
        behind: Option<&Behind>,
        most: usize,
    ) -> Result<Vec<OpenEntry>, StoreError> {
        let from = match behind {
            Some(behind) => Bound::Excluded((behind.asked_at.0, behind.key.as_str())),
            None => Bound::Unbounded,
        };
        // A range that ends before it begins is a bug to the database.
        if behind.is_some_and(|behind| behind.asked_at > until) {
            return Ok(Vec::new());
        }
        let to = Bound::Excluded((until.0.saturating_add(1), ""));
        let range = self.open.range::<(u64, &str)>((from, to)).map_err(failed("read"))?;
        let mut found = Vec::new();
        for row in range.take(most) {
            let (row, _) = row.map_err(failed("read"))?;
            let damaged = || StoreError::Damaged("an open authorisation that is none".into());
            let key: PaymentKey = row.value().1.parse().map_err(|_| damaged())?;
            let entry = self.get(&key)?.ok_or_else(damaged)?;
            found.push(OpenEntry { key, entry });
        }
        Ok(found)
    }
}

fn builder(check: bool) -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(JOURNAL_CACHE_BYTES).set_check_integrity_on_open(check);
    builder
}

fn decoded(bytes: &[u8]) -> Result<Entry, StoreError> {
    Entry::decode(bytes).map_err(|error| StoreError::Damaged(format!("an entry: {error}")))
}
