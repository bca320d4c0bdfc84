//! Crashes around the replacement of a store, and what else may be wrong beside one.

use bytes::Bytes;
use market::rows::RowChange;
use replication::contract::{Entry, LogWrite};

use super::super::store::history_row;
use super::tests::{alone, chain, damage, hash_change, log_all, options, sample, segment, slugs};
use super::*;

const OTHER: ChainHash = ChainHash([7; 16]);
const VOTED: HardState = HardState { epoch: 5, vote: 2, commit: 6 };

fn look() -> Options {
    Options { look_only: true, ..options() }
}

fn hash_row(hash: ChainHash) -> Row {
    Row { table: Table::Facts, key: node::HASH_KEY.to_vec(), value: hash.0.to_vec() }
}

/// Entries after a replaced store.
fn chain_after(position: u64, mut hash: ChainHash, count: u64) -> Vec<Entry> {
    (position + 1..=position + count)
        .map(|position| {
            let command = Bytes::from(vec![position as u8; 30]);
            hash = hash.extend(&command);
            Entry { position, hash, command }
        })
        .collect()
}

/// What a crash of this very moment leaves.
fn crashed(dir: &Path) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        for item in fs::read_dir(from).unwrap() {
            let path = item.unwrap().path();
            let to = to.join(path.file_name().unwrap());
            if path.is_dir() {
                fs::create_dir(&to).unwrap();
                copy(&path, &to);
            } else {
                fs::copy(&path, &to).unwrap();
            }
        }
    }
    let copied = tempfile::tempdir().unwrap();
    copy(dir, copied.path());
    copied
}

/// A sample whose hard state holds a vote.
fn voted(dir: &Path) -> (Vec<Entry>, Opened) {
    let (entries, mut opened) = sample(dir);
    opened.log.append(&[LogWrite::State(VOTED)]).unwrap();
    (entries, opened)
}

/// Opens what a crash left, as a replica and as one that is alone, after others have looked at it; then once more.
fn after_crash(dir: &Path, applied: u64, hash: ChainHash, entries: &[Entry], notes: &[&str]) {
    let check = |opened: &Opened| {
        let expected = Recovered {
            state: VOTED,
            applied,
            applied_hash: hash,
            entries: entries.to_vec(),
            ..Recovered::default()
        };
        assert_eq!(opened.recovered, expected);
        opened.incarnation
    };
    for options in [options(), alone()] {
        let dir = crashed(dir);
        // The last process to have it was killed, so somebody has to repair the store's file before others may look.
        drop(EmbeddedStore::open(&dir.path().join("rows.redb"), 1 << 20).unwrap());
        let seen = recover(dir.path(), &look()).unwrap();
        let incarnation = check(&seen);
        assert_eq!(slugs(&seen), notes);
        drop(seen);
        let opened = recover(dir.path(), &options).unwrap();
        assert_eq!((check(&opened), slugs(&opened)), (incarnation, notes.to_vec()));
        drop(opened);
        let opened = recover(dir.path(), &options).unwrap();
        assert_eq!(check(&opened), incarnation);
        assert!(opened.notes.is_empty(), "once: {:?}", opened.notes);
    }
}

#[test]
fn a_crash_between_any_two_steps_of_a_replacement_is_repaired() {
    // Within the log and beyond its end.
    for position in [7, 10, 25] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let (entries, mut opened) = voted(dir);
        after_crash(dir, 6, entries[5].hash, &entries[6..], &[]);
        // The log's last writes before it hears of the replacement.
        opened.store.replace(position, &[hash_row(OTHER)]).unwrap();
        after_crash(dir, position, OTHER, &[], &["log-reset"]);
        log_all(&mut opened, &chain(11)[10..]);
        after_crash(dir, position, OTHER, &[], &["log-reset"]);
        opened.log.cut(position).unwrap();
        after_crash(dir, position, OTHER, &[], &["log-reset"]);
        let write = LogWrite::Reset { position, hash: OTHER };
        opened.log.append(&[write, LogWrite::State(VOTED)]).unwrap();
        after_crash(dir, position, OTHER, &[], &[]);
        let later = chain_after(position, OTHER, 20);
        log_all(&mut opened, &later[..10]);
        after_crash(dir, position, OTHER, &later[..10], &[]);
        opened.store.write(position + 5, &[hash_change(later[4].hash)]).unwrap();
        after_crash(dir, position + 5, later[4].hash, &later[5..10], &[]);
        opened.log.cut(position + 5).unwrap();
        after_crash(dir, position + 5, later[4].hash, &later[5..10], &[]);
        // And again, over the remains of the first time.
        let next = position + 8;
        let hash = ChainHash([8; 16]);
        opened.store.replace(next, &[hash_row(hash)]).unwrap();
        after_crash(dir, next, hash, &[], &["log-reset"]);
        opened.log.append(&[LogWrite::Reset { position: next, hash }]).unwrap();
        after_crash(dir, next, hash, &[], &[]);
    }
}

#[test]
fn a_crash_while_a_replacement_is_repaired_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (_, opened) = voted(dir);
    opened.store.replace(30, &[hash_row(OTHER)]).unwrap();
    let (path, at) = (dir.join("log/0000000000000002.segment"), |bytes: &[u8]| {
        bytes.chunks(512).rposition(|sector| sector.iter().any(|byte| *byte != 0)).unwrap() * 512
    });
    let before = fs::read(&path).unwrap();
    drop(opened);
    drop(recover(dir, &options()).unwrap());
    let after = fs::read(&path).unwrap();
    assert_eq!(at(&after), at(&before) + 512, "the reset is one frame");
    for kept in [8, 40, 60] {
        let mut torn = after.clone();
        torn[at(&after) + kept..].fill(0);
        fs::write(&path, torn).unwrap();
        after_crash(dir, 30, OTHER, &[], &["log-tail-cut", "log-reset"]);
    }
}

#[test]
fn rot_beside_a_replaced_store_is_set_aside_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = voted(dir.path());
    let incarnation = opened.incarnation;
    opened.store.replace(30, &[hash_row(OTHER)]).unwrap();
    drop(opened);
    damage(&segment(dir.path()), 3 * 512 + 50);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::Rotten(_))));
    assert!(matches!(recover(dir.path(), &look()), Err(StorageError::Unrepaired(_))));
    let opened = recover(dir.path(), &options()).unwrap();
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!(slugs(&opened), ["storage-rotten"]);
    let incarnation = opened.incarnation;
    drop(opened);
    let opened = recover(dir.path(), &alone()).unwrap();
    assert_eq!((opened.incarnation, slugs(&opened)), (incarnation, vec![]));
    assert_eq!((opened.recovered.applied, opened.recovered.applied_hash), (30, OTHER));
}

#[test]
fn a_log_that_lost_its_reset_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = voted(dir.path());
    opened.store.replace(30, &[hash_row(OTHER)]).unwrap();
    // Only after the log had its reset may the store go on.
    opened.store.write(31, &[hash_change(OTHER)]).unwrap();
    drop(opened);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::Rotten(_))));
    assert_eq!(slugs(&recover(dir.path(), &options()).unwrap()), ["storage-rotten"]);
}

#[test]
fn a_replaced_store_without_its_hash_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = voted(dir.path());
    opened.store.replace(30, &[]).unwrap();
    drop(opened);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::Rotten(_))));
}

#[test]
fn a_replaced_store_with_history_knows_its_hash_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = voted(dir.path());
    let entries = chain(30);
    let row = |entry: &Entry| {
        let RowChange { table, key, value } = history_row(entry);
        Row { table, key, value: value.unwrap() }
    };
    let rows: Vec<Row> = entries.iter().map(row).collect();
    opened.store.replace(30, &rows).unwrap();
    drop(opened);
    let opened = recover(dir.path(), &alone()).unwrap();
    assert_eq!(opened.recovered.applied_hash, entries[29].hash);
    assert_eq!(opened.store.history(1, 100).unwrap(), entries);
}
