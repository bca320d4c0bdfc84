//! The durable log: framed, checksummed, preallocated segments; one sync per batch.
//!
//! The log exists for recovery only. Nothing is promised to anybody before [`Log::append`] returned, entries above the
//! store's position are read back once, at start, and whole segments go when the store has what they hold.
//!
//! An engine without a single sequence of positions keeps *notes* instead of entries. Only the engine can read them, so the
//! store's position says nothing about them: the segments before a *digest*, which repeats whatever still counts, go once it
//! is durable. Until the engine writes one, the log grows.
//!
//! ```text
//! folder     0000000000000007.segment  0000000000000008.segment  ...
//! segment    header block | frame | frame | ... | zeros up to the preallocated size
//! frame      magic, length, batch number, checksums | encoded writes | zeros up to a multiple of 512
//! ```

mod frame;
#[cfg(test)]
mod notes_tests;
mod record;
mod replay;
#[cfg(test)]
mod reset_tests;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod types;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use metrics::{counter, histogram};
use replication::contract::{ChainHash, HardState, LogWrite, Position};

use super::files::{self, DirLock, FileError};
use segment::Header;
pub use types::{LogError, LogIdentity, LogOptions, Recovery, Rot, Verdict};

/// Usual size of a segment, in bytes (64 MiB): large enough that a new one is rare, small enough to read back in a blink.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Writes of one frame, in bytes: a longer batch is split, so that buffers and reading back stay small.
const FRAME_BYTES: usize = 8 << 20;
/// Longest command, in bytes: the first load of the largest catalog fits four times.
const COMMAND_BYTES: usize = 256 << 20;

/// A segment as the log remembers it.
#[derive(Debug)]
struct Sealed {
    path: PathBuf,
    /// Last position when the segment ended.
    highest: Position,
    /// The segment knows the hash of what stands before it, so it can be the first one.
    base_known: bool,
}

/// An open log.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    options: LogOptions,
    /// Segments before the active one, oldest first.
    sealed: VecDeque<Sealed>,
    active: Sealed,
    file: File,
    header: Header,
    /// Where the next frame goes.
    end: u64,
    next_batch: u64,
    last: Position,
    last_hash: Option<ChainHash>,
    state: HardState,
    /// Where the log was last made to go on after a replaced store; 0 if never.
    reset: Position,
    /// It keeps notes, not entries.
    noted: bool,
    /// Number of the segment with the last digest; 0 if there is none.
    digest: u64,
    buffer: Vec<u8>,
    closed: Option<String>,
    _locks: Vec<DirLock>,
}

impl Log {
    /// Opens the log in a folder, or begins one. A torn tail is cut durably before this returns.
    pub fn open(dir: &Path, options: LogOptions) -> Result<(Log, Recovery), LogError> {
        files::create_dir(dir)?;
        let lock = DirLock::take(dir)?.ok_or_else(|| LogError::Locked(dir.to_owned()))?;
        if !options.look_only {
            segment::sweep(dir)?;
        }
        let mut list = segment::list(dir)?;
        if list.is_empty() {
            let header = first_header(&options)?;
            segment::create(dir, &header).map_err(LogError::full_or)?;
            list = segment::list(dir)?;
        }
        let scan = scan::scan(&list, &options)?;
        let file = segment::open(&list[list.len() - 1].1)?;
        if !options.look_only && !matches!(scan.verdict, Verdict::Rotten(_)) {
            settle(&file, &scan)
                .map_err(FileError::at("cannot settle", &list[list.len() - 1].1))?;
            files::sync_dir(dir)?;
        }
        Ok(Log::begin(dir, options, scan, file, lock))
    }

    fn begin(
        dir: &Path,
        options: LogOptions,
        scan: scan::Scan,
        file: File,
        lock: DirLock,
    ) -> (Log, Recovery) {
        let mut sealed = VecDeque::from(scan.segments);
        let active = sealed.pop_back().unwrap_or_else(|| Sealed {
            path: dir.to_owned(),
            highest: 0,
            base_known: false,
        });
        let closed = match &scan.verdict {
            Verdict::Rotten(rot) => Some(rot.to_string()),
            _ => options.look_only.then(|| "it was opened only to be looked at".to_owned()),
        };
        let recovery = Recovery {
            state: scan.replay.state,
            notes: scan.replay.notes,
            entries: if scan.outdated { Vec::new() } else { scan.replay.entries },
            applied_hash: scan.replay.applied_hash.filter(|_| !scan.outdated),
            outdated: scan.outdated,
            verdict: scan.verdict,
        };
        let log = Log {
            dir: dir.to_owned(),
            options,
            sealed,
            active,
            file,
            header: scan.active,
            end: scan.end,
            next_batch: scan.next_batch,
            last: scan.replay.last,
            last_hash: scan.replay.last_hash,
            state: recovery.state,
            reset: scan.replay.reset,
            noted: scan.replay.noted,
            digest: scan.digest,
            buffer: Vec::new(),
            closed,
            _locks: vec![lock],
        };
        (log, recovery)
    }

    /// Keeps another lock for as long as the log lives.
    pub(crate) fn keep(&mut self, lock: DirLock) {
        self._locks.push(lock);
    }

    /// Makes writes durable, in their order. When this returns, they are; when it fails, the process must stop: the
    /// system may have marked pages clean that never reached the disk, so trying again would prove nothing.
    pub fn append(&mut self, writes: &[LogWrite]) -> Result<(), LogError> {
        if let Some(why) = &self.closed {
            return Err(LogError::Closed(why.clone()));
        }
        let mut rest = writes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(chunk(rest)?);
            if let Err(error) = self.append_frame(now).map_err(LogError::full_or) {
                self.closed = Some(error.to_string());
                return Err(error);
            }
            rest = later;
        }
        Ok(())
    }

    fn append_frame(&mut self, writes: &[LogWrite]) -> Result<(), LogError> {
        assert!(self.is_of_one_kind(writes), "an engine writes either entries or notes");
        let mut buffer = std::mem::take(&mut self.buffer);
        frame::start(&mut buffer);
        record::encode(writes, &mut buffer);
        let size = frame::size(buffer.len() - frame::HEADER) as u64;
        // A segment of an older layout is left as it is: the program that wrote it may come back and must be able to say
        // that it is too old for what follows.
        if self.end + size > self.header.size || self.header.version != segment::VERSION {
            self.roll(size)?;
        }
        frame::finish(&mut buffer, self.next_batch, self.header.salt);
        let written = self.file.write_all_at(&buffer, self.end);
        written.map_err(FileError::at("cannot write", &self.active.path))?;
        let began = Instant::now();
        self.file.sync_data().map_err(FileError::at("cannot sync", &self.active.path))?;
        counter!("bazaar_log_syncs_total").increment(1);
        histogram!("bazaar_log_sync_seconds").record(began.elapsed());
        histogram!("bazaar_log_sync_records").record(writes.len() as f64);
        self.end += size;
        self.next_batch += 1;
        writes.iter().for_each(|write| self.note(write));
        self.active.highest = self.last.max(self.header.base);
        // One large batch must not keep its memory for ever.
        if buffer.capacity() <= FRAME_BYTES {
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Entries and notes in one log would have to wait for each other before a segment may go.
    fn is_of_one_kind(&self, writes: &[LogWrite]) -> bool {
        let noted = |write: &LogWrite| matches!(write, LogWrite::Note(_) | LogWrite::Digest(_));
        let entries =
            |write: &LogWrite| matches!(write, LogWrite::Append(_) | LogWrite::Truncate(_));
        let notes = self.noted || writes.iter().any(noted);
        !notes || !writes.iter().any(entries)
    }

    /// Remembers what the next segment's header must say.
    fn note(&mut self, write: &LogWrite) {
        match write {
            LogWrite::Append(entry) => {
                self.last = entry.position;
                self.last_hash = Some(entry.hash);
            }
            LogWrite::Truncate(from) if *from <= self.last => {
                self.last = from.saturating_sub(1);
                // Known again with the next entry; a header that must do without is no place to cut at.
                self.last_hash = (self.last == 0).then_some(ChainHash::EMPTY);
            }
            LogWrite::Truncate(_) => {}
            LogWrite::Reset { position, hash } => {
                (self.last, self.last_hash) = (*position, Some(*hash));
                self.reset = *position;
            }
            LogWrite::State(state) => self.state = *state,
            LogWrite::Note(_) => self.noted = true,
            LogWrite::Digest(_) => {
                self.noted = true;
                self.digest = self.header.ordinal;
            }
        }
    }

    /// Begins the next segment, which has room for a frame of `size` bytes.
    fn roll(&mut self, size: u64) -> Result<(), LogError> {
        let header = Header {
            version: segment::VERSION,
            identity: self.options.identity.clone(),
            ordinal: self.header.ordinal + 1,
            size: self.options.segment_bytes.max(segment::HEADER as u64 + size),
            first_batch: self.next_batch,
            salt: files::random()?,
            base: self.last,
            base_hash: self.last_hash,
            state: self.state,
            reset: self.reset,
            noted: self.noted,
        };
        self.file = segment::create(&self.dir, &header)?;
        let active = Sealed {
            path: segment::path(&self.dir, header.ordinal),
            highest: header.base,
            base_known: header.base_hash.is_some(),
        };
        self.sealed.push_back(std::mem::replace(&mut self.active, active));
        self.header = header;
        self.end = segment::HEADER as u64;
        Ok(())
    }

    /// Removes the oldest segments as long as nothing in them counts: the store has every entry (`stored` must be durable
    /// there), or a later segment has the digest that stands for every note.
    pub fn cut(&mut self, stored: Position) -> Result<usize, LogError> {
        let mut removed = 0;
        if self.closed.is_some() {
            return Ok(removed);
        }
        while let Some(oldest) = self.sealed.front() {
            if !self.is_spent(oldest, stored) {
                break;
            }
            fs::remove_file(&oldest.path).map_err(FileError::at("cannot remove", &oldest.path))?;
            // One at a time: a crash may not undo an older removal and keep a younger one.
            files::sync_dir(&self.dir)?;
            self.sealed.pop_front();
            removed += 1;
        }
        Ok(removed)
    }

    /// May the oldest segment go?
    fn is_spent(&self, oldest: &Sealed, stored: Position) -> bool {
        if self.noted {
            return self.header.ordinal - (self.sealed.len() as u64) < self.digest;
        }
        let next = self.sealed.get(1).unwrap_or(&self.active);
        oldest.highest <= stored && next.base_known
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.sealed.len() + 1
    }

    /// Last position in the log.
    pub fn last(&self) -> Position {
        self.last
    }
}

/// Is there a log in this folder?
pub fn exists(dir: &Path) -> Result<bool, LogError> {
    Ok(dir.is_dir() && !segment::list(dir)?.is_empty())
}

/// How many of these writes go into one frame: at least one.
fn chunk(writes: &[LogWrite]) -> Result<usize, LogError> {
    let mut bytes = 0;
    for (index, write) in writes.iter().enumerate() {
        let length = record::encoded_len(write);
        if length > COMMAND_BYTES {
            return Err(LogError::TooLarge(length));
        }
        bytes += length;
        if bytes > FRAME_BYTES && index > 0 {
            return Ok(index);
        }
    }
    Ok(writes.len())
}

fn first_header(options: &LogOptions) -> Result<Header, LogError> {
    Ok(Header {
        version: segment::VERSION,
        identity: options.identity.clone(),
        ordinal: 1,
        size: options.segment_bytes.max(2 * segment::HEADER as u64),
        first_batch: 1,
        salt: files::random()?,
        base: options.applied,
        base_hash: options.applied_hash,
        state: options.state,
        // Nothing of before is in it.
        reset: options.applied,
        noted: false,
    })
}

/// Makes what was read back durable, and cuts a torn tail.
///
/// The last frame may have been read from memory alone: the process may have died before its sync, or because its sync
/// failed, after which the system takes the pages for clean. Writing the same bytes again makes them dirty, so that the
/// sync vouches for them. Every earlier frame was synced before a later one was written.
fn settle(file: &File, scan: &scan::Scan) -> std::io::Result<()> {
    if let Some(at) = scan.last_frame {
        let mut bytes = vec![0; (scan.end - at) as usize];
        file.read_exact_at(&mut bytes, at)?;
        file.write_all_at(&bytes, at)?;
    }
    if let Some(torn) = scan.torn {
        zero(file, scan.end, torn)?;
    }
    file.sync_data()
}

/// Overwrites what a torn write left, so that later frames never stand before remains of earlier ones.
fn zero(file: &File, from: u64, length: u64) -> std::io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let end = from + length;
    let mut at = from;
    while at < end {
        let now = (end - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..now as usize], at)?;
        at += now;
    }
    Ok(())
}
