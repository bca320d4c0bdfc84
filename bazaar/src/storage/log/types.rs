//! How a log is asked for, and what it may answer.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use replication::contract::{ChainHash, Entry, HardState, Position};

use super::{COMMAND_BYTES, SEGMENT_BYTES};
use crate::storage::files::FileError;

/// Whose log it is. A log of somebody else is refused, never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIdentity {
    group: String,
    replica: u8,
}

impl LogIdentity {
    /// Of a replica of a group; `None` if the group's name is longer than 64 bytes.
    pub fn new(group: &str, replica: u8) -> Option<LogIdentity> {
        (group.len() <= 64).then(|| LogIdentity::raw(group.to_owned(), replica))
    }

    pub(super) fn raw(group: String, replica: u8) -> LogIdentity {
        LogIdentity { group, replica }
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The replica inside its group.
    pub fn replica(&self) -> u8 {
        self.replica
    }
}

impl fmt::Display for LogIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.group, self.replica)
    }
}

/// How to open a log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Whose it must be.
    pub identity: LogIdentity,
    /// Size of new segments, in bytes.
    pub segment_bytes: u64,
    /// Position the store reflects: entries up to here are not wanted. A new log begins after it.
    pub applied: Position,
    /// Hash of the prefix that ends at `applied`, if the store knows it. Only used for a new log, and for one of notes, which
    /// knows no hashes itself.
    pub applied_hash: Option<ChainHash>,
    /// Position at which the store was last replaced as a whole; 0 if it never was. Until the log has a reset there, its
    /// entries are those of before, and need not meet the store.
    pub replaced: Position,
    /// Hard state a new log begins with.
    pub state: HardState,
    /// Only look: nothing on the disk changes, and the log takes no writes.
    pub look_only: bool,
}

impl LogOptions {
    /// A log of usual size with an empty store.
    pub fn new(identity: LogIdentity) -> LogOptions {
        LogOptions {
            identity,
            segment_bytes: SEGMENT_BYTES,
            applied: 0,
            applied_hash: Some(ChainHash::EMPTY),
            replaced: 0,
            state: HardState::default(),
            look_only: false,
        }
    }
}

/// Damage that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rot {
    /// In which file.
    pub path: PathBuf,
    /// At which byte of it.
    pub offset: u64,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for Rot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.path.display(), self.offset, self.what)
    }
}

/// Is everything there that was ever synced?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Clean,
    /// Yes. The last write was under way when the process or the machine stopped; it was cut off durably.
    TornTail {
        /// In which file.
        path: PathBuf,
        /// Where the cut is.
        offset: u64,
    },
    /// No, or nobody can tell. The log takes no writes; what is recovered is the part before the damage.
    Rotten(Rot),
}

/// What a log held when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Last hard state.
    pub state: HardState,
    /// The engine's last digest and the notes after it.
    pub notes: Vec<Bytes>,
    /// Entries above the applied position, gapless, their chain hashes checked.
    pub entries: Vec<Entry>,
    /// Hash of the prefix that ends at the applied position, as the log knows it.
    pub applied_hash: Option<ChainHash>,
    /// The log has not heard that the store was replaced: its hard state counts, its entries do not. They are left out here,
    /// and the first write must be a [`LogWrite::Reset`](replication::contract::LogWrite::Reset) to where the store is.
    pub outdated: bool,
    /// Is it all there?
    pub verdict: Verdict,
}

/// A log that cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused; after a failed write or sync nothing may be tried again.
    #[error(transparent)]
    File(#[from] FileError),
    /// The disk is full.
    #[error("the disk is full: {0}; make room and start again, nothing acknowledged is lost")]
    NoSpace(FileError),
    /// Another process has the folder.
    #[error("another process uses the log in {path}", path = .0.display())]
    Locked(PathBuf),
    /// The folder belongs to another replica.
    #[error("{path} is the log of {found}, not of {expected}", path = path.display())]
    Identity {
        /// The segment that says so.
        path: PathBuf,
        /// Whose it is.
        found: LogIdentity,
        /// Whose it should be.
        expected: LogIdentity,
    },
    /// Written by another version of this program.
    #[error("{path} has layout version {version}, which this program does not read", path = path.display())]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A command that does not fit.
    #[error("a command of {0} bytes does not fit into the log, the limit is {COMMAND_BYTES}")]
    TooLarge(usize),
    /// An earlier write failed, or the log is rotten.
    #[error("the log takes no more writes: {0}")]
    Closed(String),
}

impl LogError {
    pub(super) fn full_or(error: LogError) -> LogError {
        match error {
            LogError::File(file) if file.no_space() => LogError::NoSpace(file),
            other => other,
        }
    }
}
