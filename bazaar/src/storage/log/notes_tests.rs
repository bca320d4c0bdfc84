//! Logs of notes: what they must survive, what they must notice, and when their segments may go.

use bytes::Bytes;
use proptest::prelude::*;

use super::tests::{chain, copy, damaged_at, options};
use super::*;

/// Options beside a store that is somewhere: a log of notes has nothing to say to that.
fn beside(applied: Position) -> LogOptions {
    let applied_hash = Some(ChainHash([applied as u8; 16]));
    LogOptions { applied, applied_hash, ..options() }
}

fn bytes(number: usize) -> Bytes {
    Bytes::from(format!("what the engine noted as number {number}").into_bytes())
}

fn note(number: usize) -> LogWrite {
    LogWrite::Note(bytes(number))
}

fn digest(number: usize) -> LogWrite {
    LogWrite::Digest(bytes(number))
}

/// A log with notes of these numbers, one per frame.
fn noted(dir: &Path, numbers: std::ops::Range<usize>) -> Log {
    let mut log = Log::open(dir, options()).unwrap().0;
    numbers.for_each(|number| log.append(&[note(number)]).unwrap());
    log
}

fn files_in(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn the_store_may_be_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    drop(noted(dir.path(), 0..20));
    for (applied, replaced) in [(0, 0), (7, 0), (9, 9), (1_000, 500)] {
        let (log, recovery) =
            Log::open(dir.path(), LogOptions { replaced, ..beside(applied) }).unwrap();
        assert_eq!((recovery.verdict, recovery.outdated), (Verdict::Clean, false));
        assert_eq!(recovery.notes, (0..20).map(bytes).collect::<Vec<_>>());
        assert_eq!(recovery.applied_hash, beside(applied).applied_hash);
        assert_eq!(log.last(), 0, "it has no positions");
    }
}

#[test]
fn segments_go_with_a_later_digest_and_with_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..30);
    let before = log.segments();
    assert!(before >= 4, "{before} segments");
    assert_eq!(log.cut(1_000).unwrap(), 0, "the store's position says nothing");
    log.append(&[digest(30)]).unwrap();
    assert!(log.segments() >= before, "nothing goes by itself");
    let sealed = log.segments() - 1;
    assert_eq!(log.cut(0).unwrap(), sealed, "all before the digest's own");
    assert_eq!(files_in(dir.path()), log.segments());
    (31..45).for_each(|number| log.append(&[note(number)]).unwrap());
    assert_eq!(log.cut(1_000).unwrap(), 0, "the digest counts, and all after it");
    drop(log);
    let recovery = Log::open(dir.path(), beside(77)).unwrap().1;
    assert_eq!(recovery.verdict, Verdict::Clean);
    assert_eq!(recovery.notes, (30..45).map(bytes).collect::<Vec<_>>());
}

#[test]
fn what_a_digest_stands_for_may_go_after_a_restart_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..30);
    log.append(&[digest(30), note(31)]).unwrap();
    let sealed = log.segments() - 1;
    drop(log);
    let (mut log, recovery) = Log::open(dir.path(), beside(9)).unwrap();
    assert_eq!(recovery.notes, [bytes(30), bytes(31)]);
    assert_eq!(log.cut(0).unwrap(), sealed);
}

#[test]
fn a_digest_that_is_gone_with_what_it_stands_for_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..30);
    log.append(&[digest(30)]).unwrap();
    let (end, path) = (log.end as usize, log.active.path.clone());
    let whole = copy(dir.path());
    assert!(log.cut(0).unwrap() > 0);
    drop(log);
    // The last frame is damaged. With everything before it still there, it is a write that was cut short.
    let flip = |bytes: &mut Vec<u8>| bytes[end - 512 + 40] ^= 1;
    let (torn, _) = damaged_at(whole.path(), &path, options(), flip);
    assert!(matches!(torn.verdict, Verdict::TornTail { .. }), "{:?}", torn.verdict);
    assert_eq!(torn.notes, (0..30).map(bytes).collect::<Vec<_>>());
    // Without it, nobody knows any more what was noted.
    let (rotten, _) = damaged_at(dir.path(), &path, options(), flip);
    let Verdict::Rotten(rot) = rotten.verdict else { panic!("unnoticed") };
    assert!(rot.what.starts_with("the notes before this segment are gone"), "{rot}");
}

#[test]
fn a_segment_of_notes_that_is_missing_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    drop(noted(dir.path(), 0..30));
    for gone in 1..=3 {
        let copy = copy(dir.path());
        fs::remove_file(segment::path(copy.path(), gone)).unwrap();
        let recovery = Log::open(copy.path(), beside(3)).unwrap().1;
        assert!(recovery.verdict.is_rotten(), "segment {gone}");
    }
}

#[test]
fn every_flipped_byte_gets_the_right_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..2);
    log.append(&[digest(2), note(3)]).unwrap();
    log.append(&[note(4)]).unwrap();
    let (end, path) = (log.end as usize, log.active.path.clone());
    drop(log);
    for byte in (0..end).step_by(3) {
        let (recovery, _) = damaged_at(dir.path(), &path, beside(5), |all| all[byte] ^= 0x20);
        if byte >= end - 512 {
            assert!(matches!(recovery.verdict, Verdict::TornTail { .. }), "byte {byte}");
            assert_eq!(recovery.notes, [bytes(2), bytes(3)], "byte {byte}");
        } else {
            assert!(recovery.verdict.is_rotten(), "byte {byte} unnoticed");
        }
    }
}

#[test]
fn a_note_that_was_cut_short_is_cut_off_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..3);
    let (start, path) = (log.end as usize, log.active.path.clone());
    log.append(&[LogWrite::Note(Bytes::from(vec![b'x'; 1_500])), note(9)]).unwrap();
    let end = log.end as usize;
    drop(log);
    for torn in (start..end - 500).step_by(11) {
        let (recovery, _) = damaged_at(dir.path(), &path, beside(5), |all| all[torn..end].fill(0));
        assert!(!recovery.verdict.is_rotten(), "torn at {torn}");
        assert_eq!(recovery.notes, (0..3).map(bytes).collect::<Vec<_>>(), "torn at {torn}");
    }
}

#[test]
#[should_panic = "an engine writes either entries or notes"]
fn entries_do_not_stand_beside_notes() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..1);
    let _ = log.append(&[LogWrite::Append(chain(1).remove(0))]);
}

#[test]
fn a_replaced_store_leaves_the_notes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = noted(dir.path(), 0..10);
    log.append(&[LogWrite::Reset { position: 40, hash: ChainHash([1; 16]) }, note(10)]).unwrap();
    (11..20).for_each(|number| log.append(&[note(number)]).unwrap());
    drop(log);
    let recovery = Log::open(dir.path(), LogOptions { replaced: 60, ..beside(80) }).unwrap().1;
    assert_eq!((recovery.verdict, recovery.outdated), (Verdict::Clean, false));
    assert_eq!(recovery.notes, (0..20).map(bytes).collect::<Vec<_>>());
}

#[test]
fn notes_do_not_enter_a_segment_of_an_older_layout() {
    let dir = tempfile::tempdir().unwrap();
    let header = Header { version: 2, ..first_header(&options()).unwrap() };
    segment::create(dir.path(), &header).unwrap();
    let mut log = noted(dir.path(), 0..1);
    assert_eq!(log.segments(), 2);
    log.append(&[digest(1)]).unwrap();
    assert_eq!(log.cut(0).unwrap(), 1, "the older one goes as any other");
    drop(log);
    assert_eq!(Log::open(dir.path(), beside(6)).unwrap().1.notes, [bytes(1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Any notes and digests, in any batches, over several opens beside a store that goes ahead, with segments dropped at any
    /// time, and a last write that may be lost: against a plain list.
    #[test]
    fn a_log_of_notes_is_a_list(steps in prop::collection::vec((0u8..10, 1usize..6), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mut model: Vec<Bytes> = Vec::new();
        let (mut log, mut applied, mut number) = (Log::open(dir.path(), options()).unwrap().0, 0, 0);
        for (kind, count) in steps {
            let mut writes = Vec::new();
            for at in 0..count {
                number += 1;
                if kind == 0 && at == count / 2 {
                    model = vec![bytes(number)];
                    writes.push(digest(number));
                } else {
                    model.push(bytes(number));
                    writes.push(note(number));
                }
            }
            let (file, end) = (log.active.path.clone(), log.end as usize);
            log.append(&writes).unwrap();
            match kind {
                1..=3 => {
                    log.cut(applied).unwrap();
                }
                4..=5 if !model.is_empty() => {
                    applied += count as Position;
                    drop(log);
                    let (again, recovery) = Log::open(dir.path(), beside(applied)).unwrap();
                    prop_assert_eq!((&recovery.verdict, &recovery.notes), (&Verdict::Clean, &model));
                    log = again;
                }
                6 if log.active.path == file => {
                    let to = log.end as usize;
                    drop(log);
                    let mut all = fs::read(&file).unwrap();
                    all[end + (count * 70).min(to - end - 1)] ^= 4;
                    fs::write(&file, all).unwrap();
                    model.truncate(model.len() - count);
                    let (again, recovery) = Log::open(dir.path(), beside(applied)).unwrap();
                    prop_assert_eq!(&recovery.notes, &model);
                    log = again;
                }
                _ => {}
            }
            prop_assert_eq!(files_in(dir.path()), log.segments());
        }
        drop(log);
        let recovery = Log::open(dir.path(), beside(applied)).unwrap().1;
        prop_assert_eq!((recovery.verdict, recovery.notes), (Verdict::Clean, model));
    }
}
