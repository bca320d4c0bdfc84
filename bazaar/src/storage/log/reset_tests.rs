//! Resets, votes, and logs of the version before.

use std::path::PathBuf;

use bytes::Bytes;
use replication::contract::Entry;

use super::tests::{append, at, chain, copy, damaged_at, options};
use super::*;

/// A gapless chain of entries after a place.
fn chain_after(position: Position, mut hash: ChainHash, count: u64) -> Vec<Entry> {
    (position + 1..=position + count)
        .map(|position| {
            let command = Bytes::from(format!("later command {position}"));
            hash = hash.extend(&command);
            Entry { position, hash, command }
        })
        .collect()
}

/// Options beside a store that was replaced at a position and has not gone on since.
fn replaced_at(position: Position) -> LogOptions {
    LogOptions { applied: position, applied_hash: Some(OTHER), replaced: position, ..options() }
}

/// A chain hash that no chain of these tests leads to.
const OTHER: ChainHash = ChainHash([7; 16]);
const VOTED: HardState = HardState { epoch: 9, vote: 3, commit: 1 };

fn reset(position: Position) -> LogWrite {
    LogWrite::Reset { position, hash: OTHER }
}

#[test]
fn a_reset_forgets_entries_and_keeps_the_hard_state() {
    // Before, at and after the end of what it forgets.
    for position in [5, 20, 100] {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), options()).unwrap().0;
        log.append(&[LogWrite::State(VOTED)]).unwrap();
        append(&mut log, &chain(20));
        let old = log.segments();
        log.append(&[reset(position)]).unwrap();
        let later = chain_after(position, OTHER, 60);
        append(&mut log, &later);
        assert_eq!(log.last(), position + 60);
        drop(log);
        for stored in (0..=60_usize).step_by(6) {
            let applied = position + stored as u64;
            let applied_hash = stored.checked_sub(1).map_or(OTHER, |last| later[last].hash);
            let options =
                LogOptions { applied, applied_hash: Some(applied_hash), ..replaced_at(position) };
            let (mut log, recovery) = Log::open(dir.path(), options).unwrap();
            assert_eq!(recovery.verdict, Verdict::Clean);
            assert_eq!((recovery.state, recovery.outdated), (VOTED, false));
            assert_eq!(recovery.applied_hash, Some(applied_hash));
            assert_eq!(recovery.entries, later[stored..]);
            let cut = log.cut(applied).unwrap();
            assert!(position < 20 || stored > 0 || cut >= old - 1, "old segments go at once");
        }
        let (mut log, _) = Log::open(dir.path(), at(&later)).unwrap();
        log.cut(position + 60).unwrap();
        assert!(log.segments() <= 2, "{} segments are left", log.segments());
    }
}

#[test]
fn a_reset_that_the_store_did_not_reach_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &chain(3));
    log.append(&[reset(9)]).unwrap();
    drop(log);
    let recovery = Log::open(dir.path(), at(&chain(8))).unwrap().1;
    assert!(recovery.verdict.is_rotten());
    let recovery = Log::open(dir.path(), replaced_at(9)).unwrap().1;
    assert_eq!(recovery.verdict, Verdict::Clean);
}

#[test]
fn entries_after_a_reset_continue_its_chain() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &chain(3));
    log.append(&[reset(9)]).unwrap();
    append(&mut log, &chain_after(9, ChainHash([8; 16]), 1));
    drop(log);
    let recovery = Log::open(dir.path(), replaced_at(9)).unwrap().1;
    let Verdict::Rotten(rot) = recovery.verdict else { panic!("unnoticed") };
    assert_eq!(rot.what, "an entry's chain hash does not match its contents");
}

#[test]
fn a_truncation_after_a_reset_spares_what_stands_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &chain(30));
    let later = chain_after(9, OTHER, 4);
    log.append(&[reset(9)]).unwrap();
    append(&mut log, &later);
    log.append(&[LogWrite::Truncate(10)]).unwrap();
    assert_eq!(log.last(), 9);
    append(&mut log, &later[..2]);
    drop(log);
    let recovery = Log::open(dir.path(), replaced_at(9)).unwrap().1;
    assert_eq!((recovery.verdict, &recovery.entries[..]), (Verdict::Clean, &later[..2]));
    assert_eq!(recovery.applied_hash, Some(OTHER));
}

/// The store was replaced; the log's reset is there whole, or not at all.
#[test]
fn a_reset_that_was_cut_short_leaves_an_outdated_log() {
    for position in [2, 4, 50] {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::open(dir.path(), options()).unwrap().0;
        log.append(&[LogWrite::State(VOTED)]).unwrap();
        append(&mut log, &chain(4));
        let (start, path) = (log.end as usize, log.active.path.clone());
        let outdated = Log::open(copy(dir.path()).path(), replaced_at(position)).unwrap().1;
        assert!(outdated.outdated && outdated.entries.is_empty());
        assert_eq!((outdated.verdict, outdated.applied_hash), (Verdict::Clean, None));
        log.append(&[reset(position), LogWrite::State(VOTED)]).unwrap();
        drop(log);
        // Header, version, count, a reset and a state up to the zeros it ends with.
        let used = 32 + 5 + 25 + 18 - 7;
        for torn in start..start + used {
            let (recovery, again) = damaged_at(dir.path(), &path, replaced_at(position), |bytes| {
                bytes[torn..start + 512].fill(0);
            });
            assert!(recovery.outdated && again.outdated, "torn at {torn}");
            assert!(recovery.entries.is_empty() && !recovery.verdict.is_rotten());
            assert_eq!(recovery.state, VOTED);
        }
        let whole = Log::open(dir.path(), replaced_at(position)).unwrap().1;
        assert_eq!((whole.outdated, whole.applied_hash), (false, Some(OTHER)));
    }
}

#[test]
fn every_flipped_byte_around_a_reset_gets_the_right_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &chain(2));
    log.append(&[LogWrite::State(VOTED), reset(9)]).unwrap();
    let later = chain_after(9, OTHER, 2);
    append(&mut log, &later);
    let (end, path) = (log.end as usize, log.active.path.clone());
    drop(log);
    for byte in (0..end).step_by(3) {
        let (recovery, _) =
            damaged_at(dir.path(), &path, replaced_at(9), |bytes| bytes[byte] ^= 0x08);
        if byte >= end - 512 {
            assert!(matches!(recovery.verdict, Verdict::TornTail { .. }), "byte {byte}");
            assert_eq!((&recovery.entries[..], recovery.state), (&later[..1], VOTED));
        } else {
            assert!(recovery.verdict.is_rotten(), "byte {byte} unnoticed");
        }
    }
}

#[test]
fn a_vote_outlives_its_segment() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(40);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    log.append(&[LogWrite::State(VOTED)]).unwrap();
    append(&mut log, &entries);
    assert!(log.cut(40).unwrap() > 2);
    drop(log);
    assert_eq!(Log::open(dir.path(), at(&entries)).unwrap().1.state, VOTED);
}

#[test]
fn a_new_log_has_heard_of_everything_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions { state: VOTED, ..replaced_at(50) };
    for _ in 0..2 {
        let recovery = Log::open(dir.path(), options.clone()).unwrap().1;
        assert!(!recovery.outdated);
        assert_eq!((recovery.verdict, recovery.state), (Verdict::Clean, VOTED));
        assert_eq!(recovery.applied_hash, Some(OTHER));
    }
}

/// A log as version 1 wrote it: no vote in the header, none in the states.
fn first_version(dir: &Path, entries: &[Entry]) -> PathBuf {
    let mut header = first_header(&options()).unwrap();
    header.version = 1;
    let file = segment::create(dir, &header).unwrap();
    let mut at = segment::HEADER as u64;
    for (entry, batch) in entries.iter().zip(1..) {
        let state = HardState { epoch: batch, vote: 0, commit: 0 };
        let mut buffer = Vec::new();
        frame::start(&mut buffer);
        let writes = [LogWrite::State(state), LogWrite::Append(entry.clone())];
        record::encode(&writes, &mut buffer);
        buffer[frame::HEADER] = 1;
        let vote = frame::HEADER + 5 + 1 + 8;
        assert_eq!(buffer.remove(vote), 0);
        frame::finish(&mut buffer, batch, header.salt);
        file.write_all_at(&buffer, at).unwrap();
        at += buffer.len() as u64;
    }
    segment::path(dir, 1)
}

#[test]
fn a_log_of_the_version_before_is_read_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(5);
    let first = first_version(dir.path(), &entries[..4]);
    let bytes = fs::read(&first).unwrap();
    let (mut log, recovery) = Log::open(dir.path(), options()).unwrap();
    assert_eq!((recovery.verdict, &recovery.entries[..]), (Verdict::Clean, &entries[..4]));
    assert_eq!(recovery.state, HardState { epoch: 4, vote: 0, commit: 0 });
    log.append(&[LogWrite::State(VOTED), LogWrite::Append(entries[4].clone())]).unwrap();
    assert_eq!(log.segments(), 2, "later writes stand in a segment of their own");
    log.append(&[reset(9)]).unwrap();
    assert_eq!(log.segments(), 2);
    drop(log);
    assert_eq!(fs::read(&first).unwrap(), bytes);
    let (mut log, recovery) = Log::open(dir.path(), replaced_at(9)).unwrap();
    assert_eq!((recovery.verdict, recovery.state), (Verdict::Clean, VOTED));
    assert_eq!((recovery.outdated, recovery.applied_hash), (false, Some(OTHER)));
    assert_eq!(log.cut(9).unwrap(), 1);
    drop(log);
    assert_eq!(Log::open(dir.path(), replaced_at(9)).unwrap().1.state, VOTED);
}
