//! Opening a folder: lock, identity, store, log, and what the four of them say together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use market::rows::{Row, Table};
use node::process::Event;
use replication::contract::{ChainHash, HardState, Incarnation, LogWrite, Position, Recovered};

use super::files::{self, DirLock, FileError};
use super::identity::{Identity, IdentityError, Phase};
use super::log::{self, Log, LogError, LogIdentity, LogOptions, Recovery, Rot, Verdict};
use super::store::{EmbeddedStore, Store, StoreError};

/// Usual size of the store's cache, in bytes (32 MiB): hot state lives in the processes themselves.
pub const CACHE_BYTES: usize = 32 << 20;
/// Tables a process holds in memory: all but the history, which grows for ever.
const LOADED: [Table; 11] = [
    Table::Facts,
    Table::Listings,
    Table::Keys,
    Table::Outbox,
    Table::Accounts,
    Table::Sessions,
    Table::Carts,
    Table::SavedCarts,
    Table::Purchases,
    Table::Feedback,
    Table::Ratings,
];

/// How to open a folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose it is.
    pub identity: LogIdentity,
    /// No peer has the same data: damage cannot be repaired, so it is refused.
    pub alone: bool,
    /// The group takes a replica whose disk was damaged back by itself. Where it does not, because a disk that forgot its
    /// votes may not vote again, somebody has to remove and add the replica.
    pub rejoins: bool,
    /// Throw the contents away on purpose.
    pub fresh: bool,
    /// Only look, as an audit does: the folder's identity, log and repairs are left alone, damage is an error, and the
    /// log takes no writes.
    pub look_only: bool,
    /// Size of a log segment, in bytes.
    pub segment_bytes: u64,
    /// Size of the store's cache, in bytes.
    pub cache_bytes: usize,
}

impl Options {
    /// Usual sizes; a group of several replicas; the contents are kept.
    pub fn new(identity: LogIdentity) -> Options {
        Options {
            identity,
            alone: false,
            rejoins: true,
            fresh: false,
            look_only: false,
            segment_bytes: log::SEGMENT_BYTES,
            cache_bytes: CACHE_BYTES,
        }
    }
}

impl Options {
    /// May damage be repaired from others?
    fn repairs(&self) -> bool {
        !self.alone && !self.look_only
    }
}

/// An open folder.
pub struct Opened {
    /// The log; it also keeps the folder locked.
    pub log: Log,
    /// The store.
    pub store: Arc<dyn Store>,
    /// What the engine starts from.
    pub recovered: Recovered,
    /// What the law starts from: the rows of all tables but the history.
    pub rows: Vec<Row>,
    /// Of these contents.
    pub incarnation: Incarnation,
    /// Of this start; never repeats in this folder.
    pub boot: u64,
    /// What an operator should hear of.
    pub notes: Vec<Event>,
}

/// A folder that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The identity file cannot be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another process has the folder.
    #[error("another process uses {path}", path = .0.display())]
    Locked(PathBuf),
    /// The folder belongs to somebody else.
    #[error("{path} belongs to {found}, not to {expected}", path = path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// Damage, and nobody to repair it from.
    #[error(
        "the log is damaged: {0}; no other replica has these data, so nothing is guessed: \
         restore the folder from a copy, or start with --fresh to give the contents up"
    )]
    Rotten(Rot),
    /// Damage that the next start repairs, found while only looking.
    #[error("not to be judged before its service ran again: {0}")]
    Unrepaired(String),
    /// Contents without the file that says whose they are.
    #[error(
        "{path} is missing or damaged beside existing data: restore it, or start with --fresh \
         to give the contents up", path = .0.display()
    )]
    NoIdentity(PathBuf),
}

/// Opens a folder, creating or repairing what the options allow. When this returns, everything in the result is durable.
pub fn recover(dir: &Path, options: &Options) -> Result<Opened, StorageError> {
    if !options.look_only {
        files::create_dir(dir)?;
    }
    let lock = DirLock::take(dir)?.ok_or_else(|| StorageError::Locked(dir.to_owned()))?;
    let mut opening = Opening::begin(dir, options)?;
    let store = opening.store()?;
    let (mut log, recovery) = opening.log(&*store)?;
    log.keep(lock);
    let applied = store.applied()?;
    // The log knows the hash unless it is new; a new one was given the store's.
    let applied_hash = recovery.applied_hash.unwrap_or(ChainHash::EMPTY);
    let Recovery { state, entries, notes, .. } = recovery;
    opening.finish()?;
    Ok(Opened {
        log,
        rows: store.load(&LOADED)?,
        store,
        recovered: Recovered {
            state,
            applied,
            applied_hash,
            entries,
            notes,
            ..Recovered::default()
        },
        incarnation: opening.identity.incarnation,
        boot: opening.identity.boot,
        notes: opening.notes,
    })
}

/// An open log, or why it is not trusted, with the highest epoch that was read before the damage.
type Judged = Result<(Log, Recovery), (u64, Rot)>;

/// A folder on its way to being open.
struct Opening<'a> {
    dir: &'a Path,
    options: &'a Options,
    identity: Identity,
    notes: Vec<Event>,
}

impl<'a> Opening<'a> {
    /// Settles whose folder it is and finishes what an earlier start began. From here on this start has its number.
    fn begin(dir: &'a Path, options: &'a Options) -> Result<Opening<'a>, StorageError> {
        let identity = identity(dir, options)?;
        if options.look_only {
            return Ok(Opening { dir, options, identity, notes: Vec::new() });
        }
        identity.write(&identity_path(dir))?;
        let mut opening = Opening { dir, options, identity, notes: Vec::new() };
        match opening.identity.phase {
            Phase::Ready => {}
            Phase::Emptying => opening.empty()?,
            Phase::SettingAside => opening.set_aside(&opening.log_path(), "an earlier start")?,
        }
        Ok(opening)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn store_path(&self) -> PathBuf {
        self.dir.join("rows.redb")
    }

    fn note(&mut self, slug: &'static str, detail: String) {
        self.notes.push(Event::Note { slug, detail });
    }

    /// Throws log and store away.
    fn empty(&mut self) -> Result<(), StorageError> {
        let (log, store) = (self.log_path(), self.store_path());
        let existed = log.exists() || store.exists();
        ignore_missing(fs::remove_dir_all(&log)).map_err(FileError::at("cannot remove", &log))?;
        ignore_missing(fs::remove_file(&store)).map_err(FileError::at("cannot remove", &store))?;
        files::sync_dir(self.dir)?;
        if existed {
            self.note("storage-emptied", format!("{} was emptied on purpose", self.dir.display()));
        }
        Ok(())
    }

    /// Renames something that is not trusted, for whoever wants to look at it.
    fn set_aside(&mut self, path: &Path, why: &str) -> Result<(), StorageError> {
        if !path.exists() {
            return Ok(());
        }
        let free = (1..).map(|n| self.dir.join(format!("rotten-{n}"))).find(|to| !to.exists());
        let to = free.expect("there are more numbers than files");
        files::rename(path, &to)?;
        let (path, to) = (path.display(), to.display());
        let next = match self.options.rejoins {
            true => "and are repaired from the other replicas",
            false => "and their group keeps them out until this member is removed and added again",
        };
        let detail = format!(
            "{path} is not trusted ({why}); kept as {to}; these contents take a new incarnation \
             {next}"
        );
        self.note("storage-rotten", detail);
        Ok(())
    }

    /// Takes a new incarnation before anything is touched: whatever happens next, the old one never speaks again.
    fn distrust(&mut self) -> Result<(), StorageError> {
        self.identity = self.identity.clone().renew(Phase::SettingAside)?;
        Ok(self.identity.write(&identity_path(self.dir))?)
    }

    fn store(&mut self) -> Result<Arc<dyn Store>, StorageError> {
        let path = self.store_path();
        let lost = self.identity.phase == Phase::Ready && !path.exists();
        let opened = match lost {
            true => Err(StoreError::Damaged(format!("{} is missing", path.display()))),
            false => EmbeddedStore::open(&path, self.options.cache_bytes),
        };
        match opened {
            Ok(store) => Ok(Arc::new(store)),
            Err(StoreError::Damaged(why)) if self.options.repairs() => {
                self.distrust()?;
                self.set_aside(&path, &why)?;
                self.set_aside(&self.log_path(), "its store is damaged")?;
                Ok(Arc::new(EmbeddedStore::open(&path, self.options.cache_bytes)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the log. A rotten one is set aside for a new one that begins where the store ends, or refused.
    fn log(&mut self, store: &dyn Store) -> Result<(Log, Recovery), StorageError> {
        let path = self.log_path();
        let applied = store.applied()?;
        let options = LogOptions {
            segment_bytes: self.options.segment_bytes,
            applied,
            applied_hash: store.hash_at(applied)?,
            replaced: store.replaced()?,
            state: HardState { epoch: 0, vote: 0, commit: applied },
            look_only: self.options.look_only,
            ..LogOptions::new(self.options.identity.clone())
        };
        if self.identity.phase != Phase::Ready {
            return Ok(Log::open(&path, options)?);
        }
        let (epoch, rot) = match self.judge(&path, &options)? {
            Ok(opened) => return Ok(opened),
            Err(rotten) => rotten,
        };
        if self.options.look_only {
            return Err(StorageError::Unrepaired(rot.to_string()));
        }
        if self.options.alone {
            return Err(StorageError::Rotten(rot));
        }
        self.distrust()?;
        self.set_aside(&path, &rot.to_string())?;
        let state = HardState { epoch, vote: 0, commit: applied };
        Ok(Log::open(&path, LogOptions { state, ..options })?)
    }

    /// Opens a log that must be there.
    fn judge(&mut self, path: &Path, options: &LogOptions) -> Result<Judged, StorageError> {
        let rot = |offset, what| Rot { path: path.to_owned(), offset, what };
        if !log::exists(path)? {
            return Ok(Err((0, rot(0, "the log is missing"))));
        }
        let (mut log, mut recovery) = Log::open(path, options.clone())?;
        let epoch = recovery.state.epoch;
        if let Verdict::Rotten(rot) = &recovery.verdict {
            return Ok(Err((epoch, rot.clone())));
        }
        if let Some(what) = disagreement(&recovery, options) {
            return Ok(Err((epoch, rot(0, what))));
        }
        if let Verdict::TornTail { path, offset } = &recovery.verdict {
            self.note("log-tail-cut", format!("{} was cut at byte {offset}", path.display()));
        }
        if let (true, Some(hash)) = (recovery.outdated, options.applied_hash) {
            self.reset(&mut log, options.applied, hash)?;
            recovery.applied_hash = Some(hash);
        }
        Ok(Ok((log, recovery)))
    }

    /// Finishes what a crash cut short: the store was replaced, and the log was not told.
    fn reset(
        &mut self,
        log: &mut Log,
        position: Position,
        hash: ChainHash,
    ) -> Result<(), StorageError> {
        let detail =
            format!("the store was replaced at position {position}; the log goes on there");
        self.note("log-reset", detail);
        if !self.options.look_only {
            log.append(&[LogWrite::Reset { position, hash }])?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        if self.identity.phase != Phase::Ready {
            self.identity.phase = Phase::Ready;
            self.identity.write(&identity_path(self.dir))?;
        }
        Ok(())
    }
}

/// What a log and a store that are good by themselves say against each other.
fn disagreement(recovery: &Recovery, options: &LogOptions) -> Option<&'static str> {
    match (recovery.outdated, recovery.applied_hash, options.applied_hash) {
        // Nothing is added to a replaced store before the log knows of it.
        (true, _, _) if options.applied != options.replaced => {
            Some("the log ends before the store was replaced, and the store went on")
        }
        (true, _, None) => Some("the replaced store does not hold the hash of where it is"),
        (true, _, Some(_)) => None,
        (false, None, _) => Some("the log and the store do not meet"),
        (false, Some(of_log), Some(of_store)) if of_log != of_store => {
            Some("the log and the store disagree")
        }
        (false, Some(_), _) => None,
    }
}

fn identity_path(dir: &Path) -> PathBuf {
    dir.join("identity")
}

/// Whose folder it is, as of this start.
fn identity(dir: &Path, options: &Options) -> Result<Identity, StorageError> {
    let path = identity_path(dir);
    let owner = options.identity.to_string();
    let read = match Identity::read(&path) {
        Err(IdentityError::Damaged(_)) => None,
        read => read?,
    };
    if let Some(found) = read.as_ref().filter(|identity| identity.owner != owner) {
        let found = found.owner.clone();
        return Err(StorageError::Owner { path: dir.to_owned(), found, expected: owner });
    }
    let used = path.exists() || dir.join("log").exists() || dir.join("rows.redb").exists();
    match read {
        Some(identity) if options.look_only && identity.phase == Phase::Ready => Ok(identity),
        Some(_) if options.look_only => {
            Err(StorageError::Unrepaired("an earlier start was cut short".into()))
        }
        None if options.look_only => Err(StorageError::NoIdentity(path)),
        Some(identity) if options.fresh => Ok(identity.next_boot().renew(Phase::Emptying)?),
        Some(identity) => Ok(identity.next_boot()),
        None if used && !options.fresh && options.alone => Err(StorageError::NoIdentity(path)),
        None if used && !options.fresh => Ok(Identity::create(&owner)?.renew(Phase::SettingAside)?),
        None => Ok(Identity::create(&owner)?),
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "replacement_tests.rs"]
mod replacement_tests;
