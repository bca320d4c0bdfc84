//! What a log must survive, and what it must notice.

use bytes::Bytes;
use proptest::prelude::*;
use replication::contract::Entry;

use super::*;

pub(super) fn options() -> LogOptions {
    let identity = LogIdentity::new("orders", 2).unwrap();
    LogOptions { segment_bytes: 4 << 10, ..LogOptions::new(identity) }
}

pub(super) fn at(applied: &[Entry]) -> LogOptions {
    let last = applied.last().unwrap();
    LogOptions { applied: last.position, applied_hash: Some(last.hash), ..options() }
}

/// A gapless chain of entries.
pub(super) fn chain(count: u64) -> Vec<Entry> {
    let mut hash = ChainHash::EMPTY;
    (1..=count)
        .map(|position| {
            let command = Bytes::from(format!("command {position}"));
            hash = hash.extend(&command);
            Entry { position, hash, command }
        })
        .collect()
}

pub(super) fn append(log: &mut Log, entries: &[Entry]) {
    for entry in entries {
        log.append(&[LogWrite::Append(entry.clone())]).unwrap();
    }
}

fn reopen(dir: &Path) -> Recovery {
    Log::open(dir, options()).unwrap().1
}

/// Copies a log.
pub(super) fn copy(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for item in fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    copy
}

/// Copies a log, lets somebody damage one file of it, and opens the copy.
fn damaged(dir: &Path, name: &Path, damage: impl FnOnce(&mut Vec<u8>)) -> Recovery {
    damaged_at(dir, name, options(), damage).0
}

/// The same beside another store, and what a second look gives.
pub(super) fn damaged_at(
    dir: &Path,
    name: &Path,
    options: LogOptions,
    damage: impl FnOnce(&mut Vec<u8>),
) -> (Recovery, Recovery) {
    let copy = copy(dir);
    let victim = copy.path().join(name.file_name().unwrap());
    let mut bytes = fs::read(&victim).unwrap();
    damage(&mut bytes);
    fs::write(&victim, bytes).unwrap();
    let first = Log::open(copy.path(), options.clone()).unwrap().1;
    let second = Log::open(copy.path(), options).unwrap().1;
    assert_eq!(first.entries, second.entries, "opening again changes nothing");
    if matches!(first.verdict, Verdict::TornTail { .. }) {
        assert_eq!(second.verdict, Verdict::Clean, "a torn tail is cut for good");
    } else {
        assert_eq!(first.verdict.is_rotten(), second.verdict.is_rotten());
    }
    (first, second)
}

impl Verdict {
    pub(super) fn is_rotten(&self) -> bool {
        matches!(self, Verdict::Rotten(_))
    }
}

#[test]
fn what_was_appended_comes_back_however_often_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(40);
    for round in 0..40 {
        let (mut log, recovery) = Log::open(dir.path(), options()).unwrap();
        assert_eq!(recovery.verdict, Verdict::Clean);
        assert_eq!(recovery.entries, entries[..round]);
        assert_eq!(recovery.state.epoch, round as u64);
        let state = HardState { epoch: round as u64 + 1, vote: 0, commit: 0 };
        log.append(&[LogWrite::State(state), LogWrite::Append(entries[round].clone())]).unwrap();
    }
    assert!(fs::read_dir(dir.path()).unwrap().count() > 3, "small segments roll over");
    assert_eq!(reopen(dir.path()).entries, entries);
}

#[test]
fn writes_take_effect_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(6);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    let command = Bytes::from_static(b"another");
    let other = Entry { position: 4, hash: entries[2].hash.extend(&command), command };
    log.append(&[LogWrite::Truncate(4), LogWrite::Append(other.clone())]).unwrap();
    drop(log);
    let recovery = reopen(dir.path());
    assert_eq!(recovery.entries[..3], entries[..3]);
    assert_eq!(recovery.entries[3..], [other]);
}

#[test]
fn a_write_that_was_cut_short_is_cut_off_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(4);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries[..3]);
    let start = log.end as usize;
    let path = log.active.path.clone();
    let long = Bytes::from(vec![b'x'; 700]);
    let last = Entry { position: 4, hash: entries[2].hash.extend(&long), command: long };
    log.append(&[LogWrite::Append(last)]).unwrap();
    let end = log.end as usize;
    drop(log);
    let written = start..end - 300; // the rest is padding
    for torn in written.clone().step_by(7).chain([start + 31, start + 32, start + 512]) {
        let recovery = damaged(dir.path(), &path, |bytes| bytes[torn..end].fill(0));
        assert!(!recovery.verdict.is_rotten(), "torn at {torn}");
        let is_clean = recovery.verdict == Verdict::Clean;
        assert_eq!(is_clean, torn == start, "only a write that left no trace is no torn one");
        assert_eq!(recovery.entries, entries[..3], "torn at {torn}");
    }
    assert_eq!(reopen(dir.path()).entries.len(), 4);
}

#[test]
fn sectors_of_the_last_write_may_be_lost_in_any_combination() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(2);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    let start = log.end as usize;
    let path = log.active.path.clone();
    let long = Bytes::from(vec![b'x'; 1_900]);
    let last = Entry { position: 3, hash: entries[1].hash.extend(&long), command: long };
    log.append(&[LogWrite::Append(last)]).unwrap();
    drop(log);
    for kept in 0..15_usize {
        let recovery = damaged(dir.path(), &path, |bytes| {
            for sector in (0..4).filter(|sector| kept & (1 << sector) == 0) {
                bytes[start + sector * 512..start + (sector + 1) * 512].fill(0);
            }
        });
        assert!(!recovery.verdict.is_rotten());
        assert_eq!(recovery.entries, entries, "sectors {kept:04b} kept");
    }
}

#[test]
fn every_flipped_byte_gets_the_right_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(3);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    let end = log.end as usize;
    let path = log.active.path.clone();
    drop(log);
    let last = end - 512;
    let header = (0..512).step_by(13);
    let tail = end..end + 64;
    for byte in header.chain((512..last).step_by(5)).chain(last..end).chain(tail) {
        let recovery = damaged(dir.path(), &path, |bytes| bytes[byte] ^= 0x40);
        let before = byte.saturating_sub(512) / 512;
        if byte >= last {
            assert!(matches!(recovery.verdict, Verdict::TornTail { .. }), "byte {byte}");
            assert_eq!(recovery.entries, entries[..before.min(3)], "byte {byte}");
        } else {
            let Verdict::Rotten(rot) = &recovery.verdict else { panic!("byte {byte} unnoticed") };
            let expected = if byte < 512 { 0 } else { byte / 512 * 512 };
            assert_eq!(rot.offset, expected as u64, "byte {byte}");
            assert_eq!(recovery.entries, entries[..before], "byte {byte}");
        }
    }
}

#[test]
fn a_rotten_log_takes_no_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &chain(3));
    let path = log.active.path.clone();
    drop(log);
    let mut bytes = fs::read(&path).unwrap();
    bytes[600] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (mut log, recovery) = Log::open(dir.path(), options()).unwrap();
    assert!(recovery.verdict.is_rotten());
    assert!(matches!(log.append(&[LogWrite::Truncate(1)]), Err(LogError::Closed(_))));
    assert_eq!(fs::read(&path).unwrap(), bytes, "evidence is left alone");
}

#[test]
fn damage_in_a_segment_that_others_follow_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(20);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    assert!(log.segments() >= 3);
    let first = log.sealed[0].path.clone();
    drop(log);
    // The last frame of the first segment: nothing good follows in its own file.
    let recovery = damaged(dir.path(), &first, |bytes| bytes[7 * 512 + 40] ^= 1);
    let Verdict::Rotten(rot) = recovery.verdict else { panic!("unnoticed") };
    assert_eq!((rot.path.file_name(), rot.offset), (first.file_name(), 7 * 512));
    assert_eq!(recovery.entries, entries[..6]);
}

#[test]
fn a_missing_or_shortened_segment_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(20);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    let (first, second) = (log.sealed[0].path.clone(), log.sealed[1].path.clone());
    let active = log.active.path.clone();
    drop(log);
    let recovery = damaged(dir.path(), &active, |bytes| bytes.truncate(1_024));
    assert!(recovery.verdict.is_rotten());
    fs::rename(&second, dir.path().join("elsewhere")).unwrap();
    let recovery = reopen(dir.path());
    assert!(recovery.verdict.is_rotten(), "a hole");
    assert_eq!(recovery.entries, entries[..7]);
    fs::rename(dir.path().join("elsewhere"), &second).unwrap();
    fs::remove_file(&first).unwrap();
    assert!(reopen(dir.path()).verdict.is_rotten(), "the beginning is missing and not stored");
}

#[test]
fn an_end_below_what_the_store_applied_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(5);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries[..4]);
    drop(log);
    let recovery = Log::open(dir.path(), at(&entries[..4])).unwrap().1;
    assert_eq!((recovery.verdict, recovery.entries), (Verdict::Clean, vec![]));
    let recovery = Log::open(dir.path(), at(&entries)).unwrap().1;
    assert!(recovery.verdict.is_rotten());
}

#[test]
fn an_entry_whose_chain_does_not_match_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(2);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries);
    log.append(&[LogWrite::Append(Entry { position: 3, ..entries[1].clone() })]).unwrap();
    drop(log);
    let recovery = reopen(dir.path());
    assert!(recovery.verdict.is_rotten());
    assert_eq!(recovery.entries, entries);
}

#[test]
fn segments_go_when_the_store_has_them_and_the_rest_suffices() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(60);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    let state = HardState { epoch: 9, vote: 0, commit: 1 };
    log.append(&[LogWrite::State(state)]).unwrap();
    append(&mut log, &entries);
    let before = log.segments();
    assert_eq!(log.cut(0).unwrap(), 0);
    for stored in 1..60_usize {
        log.cut(stored as u64).unwrap();
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, log.segments());
        drop(log);
        let (again, recovery) = Log::open(dir.path(), at(&entries[..stored])).unwrap();
        assert_eq!(recovery.verdict, Verdict::Clean);
        assert_eq!(recovery.entries, entries[stored..]);
        assert_eq!(recovery.state, state, "the hard state outlives its segment");
        assert_eq!(recovery.applied_hash, Some(entries[stored - 1].hash));
        log = again;
    }
    assert!(log.segments() <= 2 && before > 5, "{} of {before}", log.segments());
    drop(log);
    let too_early = Log::open(dir.path(), at(&entries[..10])).unwrap().1;
    assert!(too_early.verdict.is_rotten(), "a gap between store and log");
}

#[test]
fn a_batch_larger_than_a_segment_fits() {
    let dir = tempfile::tempdir().unwrap();
    let command = Bytes::from(vec![7; 20_000]);
    let hash = ChainHash::EMPTY.extend(&command);
    let large = Entry { position: 1, hash, command };
    let next = Entry { position: 2, hash: hash.extend(b"x"), command: Bytes::from_static(b"x") };
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &[large.clone(), next.clone()]);
    drop(log);
    assert_eq!(reopen(dir.path()).entries, [large, next]);
}

#[test]
fn a_long_batch_is_split() {
    let large = |position| {
        let command = Bytes::from(vec![1; 3 << 20]);
        LogWrite::Append(Entry { position, hash: ChainHash::EMPTY, command })
    };
    let writes: Vec<_> = (1..=5).map(large).collect();
    assert_eq!(chunk(&writes).unwrap(), 2);
    assert_eq!(chunk(&writes[4..]).unwrap(), 1);
    let command = Bytes::from(vec![1; COMMAND_BYTES]);
    let huge = LogWrite::Append(Entry { position: 1, hash: ChainHash::EMPTY, command });
    assert!(matches!(chunk(&[huge]), Err(LogError::TooLarge(_))));
}

#[test]
fn somebody_elses_log_is_refused_and_a_locked_one_too() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options()).unwrap();
    assert!(matches!(Log::open(dir.path(), options()), Err(LogError::Locked(_))));
    drop(log);
    let other = LogIdentity::new("orders", 3).unwrap();
    let error = Log::open(dir.path(), LogOptions::new(other)).unwrap_err();
    assert!(matches!(error, LogError::Identity { .. }));
    assert!(error.to_string().contains("is the log of orders-2, not of orders-3"), "{error}");
    assert!(LogIdentity::new(&"x".repeat(65), 1).is_none());
}

#[test]
fn after_a_torn_tail_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(4);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries[..3]);
    let (path, end) = (log.active.path.clone(), log.end as usize);
    drop(log);
    let mut bytes = fs::read(&path).unwrap();
    bytes[end - 480] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (mut log, recovery) = Log::open(dir.path(), options()).unwrap();
    assert_eq!(recovery.entries, entries[..2]);
    append(&mut log, &entries[2..]);
    drop(log);
    let recovery = reopen(dir.path());
    assert_eq!((recovery.verdict, recovery.entries), (Verdict::Clean, entries));
}

#[test]
fn the_first_failed_write_is_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(2);
    let mut log = Log::open(dir.path(), options()).unwrap().0;
    append(&mut log, &entries[..1]);
    let writable = std::mem::replace(&mut log.file, File::open(&log.active.path).unwrap());
    let write = [LogWrite::Append(entries[1].clone())];
    let error = log.append(&write).unwrap_err();
    assert!(error.to_string().starts_with("cannot write /"), "{error}");
    log.file = writable;
    assert!(matches!(log.append(&write), Err(LogError::Closed(_))), "never tried again");
    assert_eq!(log.cut(1).unwrap(), 0);
}

#[test]
fn a_full_disk_is_told_apart() {
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = LogError::full_or(FileError::at("cannot write", Path::new("/x"))(full()).into());
    assert!(matches!(error, LogError::NoSpace(_)));
    assert!(error.to_string().starts_with("the disk is full: cannot write /x: "), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any writes that an engine may make, in any batches, over several opens, against a plain list.
    #[test]
    fn a_log_is_a_list(steps in prop::collection::vec((0u8..9, 1usize..5), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut model: Vec<Entry> = Vec::new();
        // What the store was replaced by: the list begins after it.
        let mut base = (0, ChainHash::EMPTY);
        let mut state = HardState::default();
        let opened = |base: (Position, ChainHash)| {
            let (applied, hash) = base;
            let beside =
                LogOptions { applied, applied_hash: Some(hash), replaced: applied, ..options() };
            Log::open(dir.path(), beside).unwrap()
        };
        let mut log = opened(base).0;
        for (index, (kind, count)) in steps.into_iter().enumerate() {
            let mut writes = Vec::new();
            if kind == 6 {
                model.truncate(model.len().saturating_sub(count));
                writes.push(LogWrite::Truncate(base.0 + model.len() as u64 + 1));
            } else if kind == 7 {
                drop(log);
                let (again, recovery) = opened(base);
                prop_assert_eq!(&recovery.entries, &model);
                prop_assert_eq!(recovery.state, state);
                log = again;
            } else if kind == 8 {
                // Anywhere above the last one, within the list or beyond its end.
                let position = base.0 + (count * 3) as u64;
                base = (position, ChainHash([index as u8; 16]));
                model.clear();
                writes.push(LogWrite::Reset { position, hash: base.1 });
                state = HardState { epoch: index as u64, vote: count as u8, commit: position };
                writes.push(LogWrite::State(state));
            }
            for _ in 0..count {
                let command = Bytes::from(vec![index as u8; 100]);
                let before = model.last().map_or(base.1, |entry| entry.hash);
                let position = base.0 + model.len() as u64 + 1;
                model.push(Entry { position, hash: before.extend(&command), command });
                writes.push(LogWrite::Append(model[model.len() - 1].clone()));
            }
            log.append(&writes).unwrap();
            log.cut(base.0).unwrap();
        }
        drop(log);
        let recovery = opened(base).1;
        prop_assert_eq!(recovery.entries, model);
        prop_assert_eq!(recovery.state, state);
    }
}
