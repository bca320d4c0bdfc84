//! What a disk keeps, loses and refuses.

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use replication::contract::{ChainHash, Entry, HardState, LogWrite, Position};

use super::{Committed, Disk, DiskKnobs};
use crate::rng::Rng;

fn knobs(keep_part: f64) -> DiskKnobs {
    DiskKnobs { sync: 300, tail: 0.1, tail_max: 9_000, store: 5_000, keep_part }
}

fn append(position: u64) -> LogWrite {
    let command = Bytes::from(vec![position as u8]);
    LogWrite::Append(Entry { position, hash: chain(position), command })
}

fn chain(position: u64) -> ChainHash {
    (1..=position).fold(ChainHash::EMPTY, |hash, position| hash.extend(&[position as u8]))
}

fn history(position: u64) -> Vec<RowChange> {
    let mut value = chain(position).0.to_vec();
    value.push(position as u8);
    vec![RowChange {
        table: Table::History,
        key: position.to_be_bytes().to_vec(),
        value: Some(value),
    }]
}

#[test]
fn a_crash_loses_what_was_not_synced() {
    let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(1, 0));
    disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
    disk.persist(&mut rng, 0, 2, vec![append(3)]);
    assert_eq!(disk.log_done(), Ok(Some(1)));
    assert_eq!(disk.crash(&mut rng), Ok(false));
    assert_eq!(disk.durable_end(), 2);
    assert_eq!(disk.recovered().entries.len(), 2);
    assert_eq!(disk.log_done(), Ok(None));
}

#[test]
fn a_lucky_crash_keeps_a_prefix_of_it() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let (mut disk, mut rng) = (Disk::new(knobs(1.0), 1), Rng::new(seed, 0));
        disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
        disk.persist(&mut rng, 0, 2, vec![append(3)]);
        assert_eq!(disk.crash(&mut rng), Ok(true));
        ends.insert(disk.durable_end());
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn syncs_complete_in_order() {
    let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(1, 0));
    let mut last = 0;
    for ticket in 0..200 {
        let at = disk.persist(&mut rng, ticket, ticket, Vec::new());
        assert!(at >= last);
        last = at;
    }
}

#[test]
fn the_store_returns_to_its_last_commit() {
    let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(2, 0));
    disk.persist(&mut rng, 0, 1, vec![append(1), append(2)]);
    disk.log_done().unwrap();
    assert!(disk.store(&mut rng, 0, 1, history(1)).unwrap().is_some());
    assert_eq!(disk.store_done(&mut rng, 9).unwrap(), (committed(1, None), None));
    disk.store(&mut rng, 10, 2, history(2)).unwrap();
    disk.crash(&mut rng).unwrap();
    assert_eq!(disk.stored(), 1);
    let found = disk.recovered();
    assert_eq!((found.applied, found.applied_hash), (1, chain(1)));
    assert_eq!(found.entries[0].position, 2);
    assert_eq!(disk.read_history(1, 9).len(), 1);
}

#[test]
fn data_loss_on_request_is_refused() {
    let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(2, 0));
    let commit = LogWrite::State(HardState { epoch: 1, vote: 0, commit: 1 });
    disk.persist(&mut rng, 0, 1, vec![append(1), append(2), commit]);
    disk.persist(&mut rng, 0, 2, vec![LogWrite::Truncate(2)]);
    disk.persist(&mut rng, 0, 3, vec![LogWrite::Truncate(1)]);
    disk.persist(&mut rng, 0, 4, vec![append(5)]);
    assert_eq!(disk.log_done(), Ok(Some(1)));
    assert_eq!(disk.log_done(), Ok(Some(2)));
    assert!(disk.log_done().is_err());
    assert!(disk.log_done().is_err());
}

fn committed(position: Position, replaced: Option<Position>) -> Committed {
    Committed { position, replaced }
}

/// A disk whose log wrote these.
fn written(writes: Vec<LogWrite>) -> (Disk, Rng) {
    let (mut disk, mut rng) = (Disk::new(knobs(0.0), 1), Rng::new(1, 0));
    disk.persist(&mut rng, 0, 1, writes);
    disk.log_done().unwrap();
    (disk, rng)
}

fn write(disk: &mut Disk, rng: &mut Rng, writes: Vec<LogWrite>) -> Result<(), String> {
    disk.persist(rng, 0, 9, writes);
    disk.log_done().map(|_| ())
}

fn state(epoch: u64, vote: u8, commit: u64) -> LogWrite {
    LogWrite::State(HardState { epoch, vote, commit })
}

#[test]
fn a_vote_is_never_taken_back() {
    let (mut disk, mut rng) = written(vec![state(3, 0, 0), state(3, 2, 0)]);
    disk.crash(&mut rng).unwrap();
    assert_eq!(disk.recovered().state.vote, 2);
    assert!(write(&mut disk, &mut rng, vec![state(3, 1, 0)]).is_err());
    assert!(write(&mut disk, &mut rng, vec![state(3, 0, 0)]).is_err());
    assert!(write(&mut disk, &mut rng, vec![state(2, 2, 0)]).is_err());
    assert_eq!(write(&mut disk, &mut rng, vec![state(4, 1, 0)]), Ok(()));
}

#[test]
fn an_append_must_follow_what_stands_before_it() {
    let (mut disk, mut rng) = written(vec![append(1), append(2)]);
    let stranger = Entry { position: 3, hash: chain(4), command: Bytes::from_static(&[3]) };
    assert!(write(&mut disk, &mut rng, vec![LogWrite::Append(stranger)]).is_err());
    assert_eq!(write(&mut disk, &mut rng, vec![append(3)]), Ok(()));
}

fn rows_at(position: u64) -> Vec<Row> {
    let hash = chain(position).0.to_vec();
    let mut rows = vec![Row { table: Table::Facts, key: b"chain".to_vec(), value: hash }];
    rows.extend((0..9).map(|key| Row { table: Table::Keys, key: vec![key], value: vec![key; 10] }));
    rows
}

fn reset(position: u64) -> LogWrite {
    LogWrite::Reset { position, hash: chain(position) }
}

#[test]
fn a_replaced_store_comes_with_its_own_log() {
    let (mut disk, mut rng) = written(vec![append(1), append(2), append(3), state(2, 1, 1)]);
    assert!(disk.replace(&mut rng, 0, 9, rows_at(9)).unwrap().is_some());
    assert_eq!(disk.store_done(&mut rng, 9).unwrap(), (committed(9, Some(9)), None));
    assert_eq!(disk.rows(), rows_at(9));
    assert_eq!(write(&mut disk, &mut rng, vec![reset(9), state(2, 1, 9), append(10)]), Ok(()));
    disk.crash(&mut rng).unwrap();
    let found = disk.recovered();
    assert_eq!((found.applied, found.applied_hash, found.entries.len()), (9, chain(9), 1));
}

#[test]
fn a_crash_between_replace_and_reset_drops_the_old_log_and_keeps_the_vote() {
    let (mut disk, mut rng) = written((1..=12).map(append).chain([state(2, 1, 1)]).collect());
    disk.replace(&mut rng, 0, 9, rows_at(9)).unwrap();
    disk.store_done(&mut rng, 9).unwrap();
    disk.crash(&mut rng).unwrap();
    let found = disk.recovered();
    assert_eq!((found.applied, found.entries.len()), (9, 0));
    assert_eq!(found.state, HardState { epoch: 2, vote: 1, commit: 1 });
    assert_eq!(disk.durable_end(), 9);
    assert_eq!(write(&mut disk, &mut rng, vec![append(10)]), Ok(()));
}

#[test]
fn a_crash_before_the_replacement_is_durable_changes_nothing() {
    let (mut disk, mut rng) = written(vec![append(1), append(2)]);
    disk.replace(&mut rng, 0, 9, rows_at(9)).unwrap();
    disk.crash(&mut rng).unwrap();
    assert_eq!((disk.stored(), disk.recovered().entries.len()), (0, 2));
}

#[test]
fn what_waits_before_a_replacement_is_committed_before_it() {
    let (mut disk, mut rng) = written(vec![append(1)]);
    disk.store(&mut rng, 0, 1, history(1)).unwrap();
    disk.replace(&mut rng, 0, 9, rows_at(9)).unwrap();
    let mut last = disk.store_done(&mut rng, 9).unwrap().0;
    while last.replaced.is_none() {
        assert_eq!(last.position, 1);
        last = disk.store_done(&mut rng, 9).unwrap().0;
    }
    assert_eq!((last, disk.read_history(1, 9).len()), (committed(9, Some(9)), 0));
}

#[test]
fn the_log_only_begins_after_what_the_store_has() {
    let (mut disk, mut rng) = written(vec![append(1), append(2)]);
    assert!(write(&mut disk, &mut rng, vec![reset(2)]).is_err());
    disk.store(&mut rng, 0, 2, history(2)).unwrap();
    disk.store_done(&mut rng, 9).unwrap();
    let stranger = LogWrite::Reset { position: 2, hash: chain(3) };
    assert!(write(&mut disk, &mut rng, vec![stranger]).is_err());
    assert_eq!(write(&mut disk, &mut rng, vec![reset(2)]), Ok(()));
    assert!(disk.replace(&mut rng, 0, 1, rows_at(1)).is_err(), "a store never goes back");
}

#[test]
fn a_transfer_reads_one_state_whatever_is_stored_meanwhile() {
    let (mut disk, mut rng) = written(vec![append(1), append(2)]);
    disk.store(&mut rng, 0, 1, history(1)).unwrap();
    disk.store_done(&mut rng, 9).unwrap();
    assert!(disk.open_snapshot(4, false).is_err());
    disk.open_snapshot(4, true).unwrap();
    disk.store(&mut rng, 0, 2, history(2)).unwrap();
    disk.store_done(&mut rng, 9).unwrap();
    disk.open_snapshot(4, false).unwrap();
    let page = disk.snapshot_page(4, None, 1).unwrap();
    assert_eq!((page.position, page.rows.len(), page.end), (1, 1, true));
    disk.close_snapshot(4);
    assert_eq!(disk.snapshot_page(4, None, 1), None);
}

#[test]
fn pages_hold_all_rows_once() {
    let (mut disk, mut rng) = written(Vec::new());
    disk.replace(&mut rng, 0, 9, rows_at(9)).unwrap();
    disk.store_done(&mut rng, 9).unwrap();
    disk.open_snapshot(1, true).unwrap();
    for max_bytes in [0, 25, 1_000] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = disk.snapshot_page(1, after.as_ref(), max_bytes).unwrap();
            assert!(!page.rows.is_empty(), "at least one row while any is left");
            all.extend(page.rows);
            after = all.last().map(|row: &Row| (row.table, row.key.clone()));
            if page.end {
                break;
            }
        }
        assert_eq!(all, rows_at(9));
    }
}
