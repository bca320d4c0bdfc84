//! Reading a log back, and telling a torn tail from rot.

use std::fs;
use std::path::{Path, PathBuf};

use replication::contract::LogWrite;

use super::replay::Replay;
use super::segment::{self, Header};
use super::{LogError, LogOptions, Rot, Sealed, Verdict, frame, record};
use crate::storage::files::FileError;

/// What reading all segments gave.
#[derive(Debug)]
pub(super) struct Scan {
    /// What the writes add up to, up to the first damage.
    pub replay: Replay,
    /// The log has not heard that the store was replaced.
    pub outdated: bool,
    /// Is it all there?
    pub verdict: Verdict,
    /// Every segment, the last being the active one.
    pub segments: Vec<Sealed>,
    /// Salt and size of the last segment.
    pub active: Header,
    /// Where the next frame goes in the last segment.
    pub end: u64,
    /// Where the last frame of the last segment begins, if it has any.
    pub last_frame: Option<u64>,
    /// Number of the next batch.
    pub next_batch: u64,
    /// Bytes after `end` that a torn write left and that must be zeroed.
    pub torn: Option<u64>,
    /// There were notes before the first segment.
    pub noted_before: bool,
    /// Number of the segment with the last digest; 0 if none was found.
    pub digest: u64,
}

/// One segment's contents, and where reading it stopped.
struct Segment {
    path: PathBuf,
    data: Vec<u8>,
    header: Header,
}

/// Reads segments in order. The list is not empty.
pub(super) fn scan(list: &[(u64, PathBuf)], options: &LogOptions) -> Result<Scan, LogError> {
    let mut scan: Option<Scan> = None;
    for (index, (ordinal, path)) in list.iter().enumerate() {
        let rot = match load(*ordinal, path, options)? {
            Ok(segment) => {
                let last = index + 1 == list.len();
                follow(&mut scan, segment, last, options.applied)
            }
            Err(what) => Some(Rot { path: path.clone(), offset: 0, what }),
        };
        if let Some(rot) = rot {
            return Ok(rotten(scan, rot, list, options));
        }
    }
    let mut scan = scan.expect("the list of segments is not empty");
    if scan.replay.noted {
        whole_notes(&mut scan, list, options);
    } else if scan.replay.reset < options.replaced {
        // What it says was never told to somebody who relies on it: that comes after the reset.
        scan.outdated = true;
    } else if scan.replay.last < options.applied {
        // The store never runs ahead of the log, so the log's end was there and is gone.
        let (_, path) = &list[list.len() - 1];
        let what = "the log ends before what the store has applied";
        scan.verdict = Verdict::Rotten(Rot { path: path.clone(), offset: scan.end, what });
    }
    Ok(scan)
}

/// What a log of notes must hold. It has no positions of its own: the store goes ahead of it, and is replaced, as the engine
/// knows; that the store has whatever was delivered, its own hash says.
fn whole_notes(scan: &mut Scan, list: &[(u64, PathBuf)], options: &LogOptions) {
    scan.replay.applied_hash = options.applied_hash;
    if scan.noted_before && scan.digest == 0 {
        let (_, path) = &list[0];
        let what = "the notes before this segment are gone, and no digest stands for them";
        scan.verdict = Verdict::Rotten(Rot { path: path.clone(), offset: 0, what });
    }
}

/// Reads one segment's file and header; the inner error is rot.
fn load(
    ordinal: u64,
    path: &Path,
    options: &LogOptions,
) -> Result<Result<Segment, &'static str>, LogError> {
    let data = fs::read(path).map_err(FileError::at("cannot read", path))?;
    let Some(header) = Header::decode(&data, path)? else {
        return Ok(Err("the segment's header is damaged"));
    };
    if header.identity != options.identity {
        return Err(LogError::Identity {
            path: path.to_owned(),
            found: header.identity,
            expected: options.identity.clone(),
        });
    }
    if header.ordinal != ordinal {
        return Ok(Err("the segment's name does not match its number"));
    }
    if header.size != data.len() as u64 {
        return Ok(Err("the segment's file does not have the size it was created with"));
    }
    Ok(Ok(Segment { path: path.to_owned(), data, header }))
}

/// Appends one segment's frames to what was read so far; returns rot if there is any.
fn follow(scan: &mut Option<Scan>, segment: Segment, last: bool, applied: u64) -> Option<Rot> {
    let at_start = |what| Some(Rot { path: segment.path.clone(), offset: 0, what });
    match scan {
        None if segment.header.base > applied => {
            return at_start("the log begins after what the store has applied");
        }
        None => *scan = Some(begin(&segment.header, applied)),
        Some(before) if before.active.ordinal + 1 != segment.header.ordinal => {
            return at_start("the segment before this one is missing");
        }
        Some(before) if before.next_batch != segment.header.first_batch => {
            let path = segment::path(segment.path.parent()?, before.active.ordinal);
            let what = "a damaged batch is followed by a later segment";
            return Some(Rot { path, offset: before.end, what });
        }
        Some(_) => {}
    }
    let scan = scan.as_mut().expect("set just now or before");
    scan.active = segment.header.clone();
    let rot = frames(scan, &segment, last);
    scan.segments.push(Sealed {
        path: segment.path,
        highest: scan.replay.last.max(segment.header.base),
        base_known: segment.header.base_hash.is_some(),
    });
    rot
}

fn begin(header: &Header, applied: u64) -> Scan {
    Scan {
        replay: Replay::new(applied, header),
        outdated: false,
        verdict: Verdict::Clean,
        segments: Vec::new(),
        active: header.clone(),
        end: segment::HEADER as u64,
        last_frame: None,
        next_batch: header.first_batch,
        torn: None,
        noted_before: header.noted,
        digest: 0,
    }
}

/// Reads the frames of one segment until its end or the first that is bad.
fn frames(scan: &mut Scan, segment: &Segment, last: bool) -> Option<Rot> {
    let mut at = segment::HEADER;
    scan.last_frame = None;
    let rot =
        |offset: usize, what| Some(Rot { path: segment.path.clone(), offset: offset as u64, what });
    while let Some(frame) = frame::parse(&segment.data[at..], segment.header.salt) {
        if frame.batch != scan.next_batch {
            return rot(at, "a batch stands where another one belongs");
        }
        let Ok(writes) = record::decode(frame.payload) else {
            return rot(at, "a batch does not decode");
        };
        for write in writes {
            if matches!(write, LogWrite::Digest(_)) {
                scan.digest = segment.header.ordinal;
            }
            if let Err(what) = scan.replay.take(write) {
                return rot(at, what);
            }
        }
        scan.last_frame = Some(at as u64);
        at += frame.size;
        scan.next_batch += 1;
    }
    scan.end = at as u64;
    if last { tail(scan, segment, at) } else { None }
}

/// Judges what stands after the last good frame of the last segment.
fn tail(scan: &mut Scan, segment: &Segment, at: usize) -> Option<Rot> {
    let rest = &segment.data[at..];
    let dirty = rest.iter().rposition(|byte| *byte != 0)? + 1;
    if frame::any_header(rest.get(frame::ALIGN..).unwrap_or_default(), segment.header.salt) {
        let what = "a damaged batch is followed by a good one";
        return Some(Rot { path: segment.path.clone(), offset: at as u64, what });
    }
    scan.torn = Some(dirty as u64);
    scan.verdict = Verdict::TornTail { path: segment.path.clone(), offset: at as u64 };
    None
}

/// The result when rot was found, with what stood before it.
fn rotten(scan: Option<Scan>, rot: Rot, list: &[(u64, PathBuf)], options: &LogOptions) -> Scan {
    let mut scan = scan.unwrap_or_else(|| {
        let header = Header {
            version: segment::VERSION,
            identity: options.identity.clone(),
            ordinal: list[0].0,
            size: 0,
            first_batch: 1,
            salt: 0,
            base: options.applied,
            base_hash: None,
            state: Default::default(),
            reset: 0,
            noted: false,
        };
        begin(&header, options.applied)
    });
    scan.verdict = Verdict::Rotten(rot);
    scan
}
