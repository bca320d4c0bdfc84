//! Files and folders whose names are durable, and the lock that keeps a second process out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

/// How long a lock is waited for: longer than the death of a process takes, shorter than an operator's patience.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);
/// Time between two tries.
const LOCK_RETRY: Duration = Duration::from_millis(3);

/// A file operation that failed, with the file.
#[derive(Debug, thiserror::Error)]
#[error("{what} {path}: {source}", path = path.display())]
pub struct FileError {
    /// What was tried.
    pub what: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: names what was tried on which path.
    pub fn at(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError + use<> {
        let path = path.to_owned();
        move |source| FileError { what, path, source }
    }

    /// The disk, or this user's share of it, is full.
    pub fn no_space(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Makes created, renamed and removed names in a folder durable.
pub fn sync_dir(dir: &Path) -> Result<(), FileError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(FileError::at("cannot sync folder", dir))
}

/// The folder a path stands in.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates a folder with everything above it, durably.
pub fn create_dir(dir: &Path) -> Result<(), FileError> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = parent(dir);
    if above != dir {
        create_dir(above)?;
    }
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(FileError::at("cannot create folder", dir)(error))
        }
        _ => sync_dir(above),
    }
}

/// Renames within one folder, durably.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::at("cannot rename", from))?;
    sync_dir(parent(to))
}

/// Replaces a small file as a whole: after a crash it is either the old one or the new one.
pub fn replace(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&fresh)?;
        file.write_all(contents)?;
        file.sync_all()
    };
    write().map_err(FileError::at("cannot write", &fresh))?;
    rename(&fresh, path)
}

/// A random number that is not 0, from the operating system.
pub fn random() -> Result<u64, FileError> {
    let path = Path::new("/dev/urandom");
    let mut source = File::open(path).map_err(FileError::at("cannot open", path))?;
    loop {
        let mut bytes = [0; 8];
        source.read_exact(&mut bytes).map_err(FileError::at("cannot read", path))?;
        match u64::from_le_bytes(bytes) {
            0 => continue,
            number => return Ok(number),
        }
    }
}

/// Keeps every other process out of a folder for as long as it lives. The system lifts it when the process dies.
#[derive(Debug)]
pub struct DirLock {
    _dir: File,
}

impl DirLock {
    /// Takes the lock, or says that somebody else has it (`None`).
    ///
    /// Waits a moment for whoever is about to let go: a process that was just killed, or a child of this very process
    /// between its birth and its own program, which until then shares what this process locks.
    pub fn take(dir: &Path) -> Result<Option<DirLock>, FileError> {
        let file = File::open(dir).map_err(FileError::at("cannot open folder", dir))?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(DirLock { _dir: file })),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_RETRY);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(FileError::at("cannot lock folder", dir)(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::take(dir.path()).unwrap();
        assert!(first.is_some());
        assert!(DirLock::take(dir.path()).unwrap().is_none());
        drop(first);
        assert!(DirLock::take(dir.path()).unwrap().is_some());
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/file");
        create_dir(parent(&path)).unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(parent(&path)).unwrap().count(), 1);
    }

    #[test]
    fn an_error_names_its_file() {
        let error = sync_dir(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(error.to_string().starts_with("cannot sync folder /nowhere/at/all: "));
        assert!(!error.no_space());
    }
}
