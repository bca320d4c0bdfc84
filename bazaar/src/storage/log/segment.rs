//! Segments: the files of a log, preallocated, each beginning with what one must know when the ones before it are gone.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crc32c::crc32c;
use replication::contract::{ChainHash, HardState, Position};
use rustix::fs::{FallocateFlags, fallocate};

use super::{LogError, LogIdentity, frame};
use crate::storage::files::{self, FileError};

/// Version of the layout of segments and frames.
pub(super) const VERSION: u32 = 3;
/// Read as well: no notes.
const WITHOUT_NOTES: u32 = 2;
/// Read as well: no votes and no resets either.
const WITHOUT_VOTES: u32 = 1;
const MAGIC: [u8; 8] = *b"BZRsegmt";
/// The header takes one block of its own, so that no frame shares a sector with it.
pub(super) const HEADER: usize = frame::ALIGN;
const NAME_BYTES: usize = 64;
const SUFFIX: &str = ".segment";

/// The beginning of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Layout of the segment and of the records in it.
    pub version: u32,
    /// Whose log it is.
    pub identity: LogIdentity,
    /// Segments are numbered densely; a missing number is a hole.
    pub ordinal: u64,
    /// Bytes of the file. Durable before the first frame, so a shorter file was cut by an accident, not by a crash.
    pub size: u64,
    /// Number of the first batch written here.
    pub first_batch: u64,
    /// Random; mixed into all checksums of the segment's frames.
    pub salt: u64,
    /// Last position of the log when the segment was created.
    pub base: Position,
    /// Hash of the prefix that ends there, if it was known.
    pub base_hash: Option<ChainHash>,
    /// Hard state when the segment was created.
    pub state: HardState,
    /// Where the log was last made to go on after a store that had been replaced, or began after one; 0 if never.
    pub reset: Position,
    /// The log keeps its engine's notes, and some were written before this segment: either they are there, or a digest in this
    /// segment or a later one stands for them.
    pub noted: bool,
}

impl Header {
    fn encode(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.version.to_le_bytes());
        let name = self.identity.group().as_bytes();
        out.extend_from_slice(&[self.identity.replica(), name.len() as u8]);
        out.extend_from_slice(name);
        out.resize(out.len() + NAME_BYTES - name.len(), 0);
        let numbers = [self.ordinal, self.size, self.first_batch, self.salt, self.base];
        for number in numbers.into_iter().chain([self.state.epoch, self.state.commit]) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.push(u8::from(self.base_hash.is_some()));
        out.extend_from_slice(&self.base_hash.unwrap_or_default().0);
        if self.version != WITHOUT_VOTES {
            out.push(self.state.vote);
            out.extend_from_slice(&self.reset.to_le_bytes());
        }
        if self.version > WITHOUT_NOTES {
            out.push(u8::from(self.noted));
        }
        let mut block = [0; HEADER];
        block[..out.len()].copy_from_slice(&out);
        let sum = crc32c(&block[..HEADER - 4]);
        block[HEADER - 4..].copy_from_slice(&sum.to_le_bytes());
        block
    }

    /// Reads a header back; `None` if it is damaged, an error if it is whole but of another version.
    pub(super) fn decode(data: &[u8], path: &Path) -> Result<Option<Header>, LogError> {
        let Some(block) = data.first_chunk::<HEADER>() else { return Ok(None) };
        if block[HEADER - 4..] != crc32c(&block[..HEADER - 4]).to_le_bytes() || block[..8] != MAGIC
        {
            return Ok(None);
        }
        let version = u32::from_le_bytes([block[8], block[9], block[10], block[11]]);
        if !(WITHOUT_VOTES..=VERSION).contains(&version) {
            return Err(LogError::Version { path: path.to_owned(), version });
        }
        let (replica, length) = (block[12], usize::from(block[13]).min(NAME_BYTES));
        let group = String::from_utf8_lossy(&block[14..14 + length]).into_owned();
        let numbers = 14 + NAME_BYTES;
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&block[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let number = |index: usize| word(numbers + index * 8);
        let mut hash = [0; 16];
        hash.copy_from_slice(&block[numbers + 57..numbers + 73]);
        // Earlier versions left zeros where later ones have a vote, a reset and whether there are notes.
        let (vote, reset) = (block[numbers + 73], word(numbers + 74));
        let noted = block[numbers + 82] == 1;
        Ok(Some(Header {
            version,
            identity: LogIdentity::raw(group, replica),
            ordinal: number(0),
            size: number(1),
            first_batch: number(2),
            salt: number(3),
            base: number(4),
            state: HardState { epoch: number(5), vote, commit: number(6) },
            base_hash: (block[numbers + 56] == 1).then_some(ChainHash(hash)),
            reset,
            noted,
        }))
    }
}

/// Where the segment of a number lies.
pub(super) fn path(dir: &Path, ordinal: u64) -> PathBuf {
    dir.join(format!("{ordinal:016}{SUFFIX}"))
}

/// The segments of a folder in ascending order of their numbers.
pub(super) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let number = |path: &Path| name(path).strip_suffix(SUFFIX)?.parse().ok();
    let files = files_in(dir)?.into_iter();
    let mut found: Vec<_> = files.filter_map(|path| Some((number(&path)?, path))).collect();
    found.sort();
    Ok(found)
}

/// Removes what is left of creations that a crash cut short.
pub(super) fn sweep(dir: &Path) -> Result<(), LogError> {
    for path in files_in(dir)?.iter().filter(|path| name(path).ends_with(".new")) {
        fs::remove_file(path).map_err(FileError::at("cannot remove", path))?;
    }
    Ok(())
}

fn files_in(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let paths = fs::read_dir(dir).and_then(|items| items.map(|item| Ok(item?.path())).collect());
    paths.map_err(FileError::at("cannot list folder", dir))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Creates a segment. It gets its name only when its header and its size are durable, so a segment that has a name and
/// no good header was damaged later.
pub(super) fn create(dir: &Path, header: &Header) -> Result<File, LogError> {
    let path = path(dir, header.ordinal);
    let fresh = path.with_extension("new");
    let made = write_new(&fresh, header);
    if made.is_err() {
        // The room taken so far is given back; that this may fail as well changes nothing.
        let _ = fs::remove_file(&fresh);
    }
    let file = made.map_err(FileError::at("cannot create log segment", &fresh))?;
    files::rename(&fresh, &path)?;
    Ok(file)
}

fn write_new(path: &Path, header: &Header) -> std::io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, header.size) {
        Ok(()) => {}
        // Some file systems cannot preallocate; the size is what recovery relies on.
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(header.size)?,
        Err(error) => return Err(error.into()),
    }
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()?;
    Ok(file)
}

/// Opens a segment to append to it.
pub(super) fn open(path: &Path) -> Result<File, LogError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    Ok(file.map_err(FileError::at("cannot open", path))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            version: VERSION,
            identity: LogIdentity::new("orders", 3).unwrap(),
            ordinal: 4,
            size: 4_096,
            first_batch: 77,
            salt: 0x0123_4567_89ab_cdef,
            base: 1_000,
            base_hash: Some(ChainHash([9; 16])),
            state: HardState { epoch: 5, vote: 2, commit: 999 },
            reset: 700,
            noted: true,
        }
    }

    #[test]
    fn a_header_comes_back_and_damage_is_noticed() {
        let path = Path::new("x");
        let state = HardState { vote: 0, ..sample().state };
        let second = Header { version: WITHOUT_NOTES, noted: false, ..sample() };
        let first = Header { version: WITHOUT_VOTES, state, reset: 0, ..second.clone() };
        for header in [sample(), Header { base_hash: None, ..sample() }, second, first] {
            let bytes = header.encode();
            assert_eq!(Header::decode(&bytes, path).unwrap(), Some(header));
            for at in 0..bytes.len() {
                let mut bad = bytes;
                bad[at] ^= 0x10;
                assert_eq!(Header::decode(&bad, path).unwrap(), None, "byte {at}");
            }
            assert_eq!(Header::decode(&bytes[..HEADER - 1], path).unwrap(), None);
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = sample().encode();
        bytes[8] = 4;
        let sum = crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..].copy_from_slice(&sum.to_le_bytes());
        let error = Header::decode(&bytes, Path::new("x")).unwrap_err();
        assert!(matches!(error, LogError::Version { version: 4, .. }));
    }

    #[test]
    fn a_segment_is_preallocated_and_its_remains_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), &sample()).unwrap();
        fs::write(dir.path().join("0000000000000005.new"), b"half").unwrap();
        fs::write(dir.path().join("note.txt"), b"not ours").unwrap();
        sweep(dir.path()).unwrap();
        let found = list(dir.path()).unwrap();
        assert_eq!(found, vec![(4, path(dir.path(), 4))]);
        assert_eq!(fs::metadata(&found[0].1).unwrap().len(), 4_096);
        assert!(!dir.path().join("0000000000000005.new").exists());
    }
}
