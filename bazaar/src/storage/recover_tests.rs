use bytes::Bytes;
use market::rows::RowChange;
use replication::contract::{Entry, LogWrite};

use super::super::store::history_row;
use super::*;

pub(super) fn options() -> Options {
    let identity = LogIdentity::new("orders", 1).unwrap();
    Options { segment_bytes: 4 << 10, ..Options::new(identity) }
}

pub(super) fn alone() -> Options {
    Options { alone: true, ..options() }
}

fn fresh() -> Options {
    Options { fresh: true, ..options() }
}

pub(super) fn chain(count: u64) -> Vec<Entry> {
    let mut hash = ChainHash::EMPTY;
    (1..=count)
        .map(|position| {
            let command = Bytes::from(vec![position as u8; 40]);
            hash = hash.extend(&command);
            Entry { position, hash, command }
        })
        .collect()
}

pub(super) fn log_all(opened: &mut Opened, entries: &[Entry]) {
    for entry in entries {
        opened.log.append(&[LogWrite::Append(entry.clone())]).unwrap();
    }
}

fn store_all(opened: &Opened, entries: &[Entry]) {
    let mut changes: Vec<RowChange> = entries.iter().map(history_row).collect();
    let count = entries.len() as u8;
    changes.push(RowChange { table: Table::Facts, key: b"n".into(), value: Some(vec![count]) });
    opened.store.write(entries.last().unwrap().position, &changes).unwrap();
}

/// A folder with ten entries in the log, six of them in the store.
pub(super) fn sample(dir: &Path) -> (Vec<Entry>, Opened) {
    let entries = chain(10);
    let mut opened = recover(dir, &options()).unwrap();
    let state = HardState { epoch: 4, vote: 0, commit: 6 };
    opened.log.append(&[LogWrite::State(state)]).unwrap();
    log_all(&mut opened, &entries);
    store_all(&opened, &entries[..6]);
    (entries, opened)
}

/// Path of the first log segment.
pub(super) fn segment(dir: &Path) -> PathBuf {
    dir.join("log/0000000000000001.segment")
}

pub(super) fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

pub(super) fn slugs(opened: &Opened) -> Vec<&'static str> {
    let slug = |event: &Event| match event {
        Event::Note { slug, .. } => *slug,
        other => panic!("{other:?}"),
    };
    opened.notes.iter().map(slug).collect()
}

#[test]
fn a_new_folder_is_empty_and_has_an_identity() {
    let dir = tempfile::tempdir().unwrap();
    let first = recover(&dir.path().join("a/b"), &options()).unwrap();
    assert_eq!(first.recovered, Recovered::default());
    assert!(first.rows.is_empty() && first.notes.is_empty());
    assert!(first.incarnation != 0 && first.boot != 0);
    let second = recover(&dir.path().join("c"), &options()).unwrap();
    assert_ne!(first.incarnation, second.incarnation);
}

#[test]
fn log_and_store_come_back_together() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, opened) = sample(dir.path());
    let (incarnation, boot) = (opened.incarnation, opened.boot);
    drop(opened);
    let opened = recover(dir.path(), &options()).unwrap();
    let recovered = &opened.recovered;
    assert_eq!(recovered.state, HardState { epoch: 4, vote: 0, commit: 6 });
    assert_eq!((recovered.applied, recovered.applied_hash), (6, entries[5].hash));
    assert_eq!(recovered.entries, entries[6..]);
    assert_eq!(opened.rows, [Row { table: Table::Facts, key: b"n".into(), value: vec![6] }]);
    assert_eq!((opened.incarnation, opened.boot), (incarnation, boot + 1));
    assert!(opened.notes.is_empty());
}

#[test]
fn a_cut_log_still_meets_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, mut opened) = sample(dir.path());
    assert!(opened.log.segments() > 1);
    store_all(&opened, &entries);
    assert!(opened.log.cut(10).unwrap() > 0);
    drop(opened);
    let opened = recover(dir.path(), &alone()).unwrap();
    assert_eq!(opened.recovered.applied_hash, entries[9].hash);
    assert_eq!(opened.recovered.entries, []);
}

#[test]
fn the_hash_comes_from_the_log_when_the_store_has_no_history() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(30);
    let mut opened = recover(dir.path(), &alone()).unwrap();
    for (count, entry) in entries.iter().enumerate() {
        log_all(&mut opened, std::slice::from_ref(entry));
        opened.store.write(entry.position, &[]).unwrap();
        opened.log.cut(entry.position).unwrap();
        drop(opened);
        opened = recover(dir.path(), &alone()).unwrap();
        assert_eq!(opened.recovered.applied, count as u64 + 1);
        assert_eq!(opened.recovered.applied_hash, entry.hash);
    }
}

#[test]
fn a_torn_tail_is_cut_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(2);
    let mut opened = recover(dir.path(), &alone()).unwrap();
    log_all(&mut opened, &entries);
    drop(opened);
    damage(&segment(dir.path()), 2 * 512 + 50);
    let opened = recover(dir.path(), &alone()).unwrap();
    assert_eq!(opened.recovered.entries, entries[..1]);
    assert_eq!(slugs(&opened), ["log-tail-cut"]);
}

#[test]
fn a_rotten_log_of_a_replica_is_set_aside_for_a_new_incarnation() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, opened) = sample(dir.path());
    let (incarnation, boot) = (opened.incarnation, opened.boot);
    drop(opened);
    damage(&segment(dir.path()), 3 * 512 + 50);
    let mut opened = recover(dir.path(), &options()).unwrap();
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!(opened.boot, boot + 1);
    assert_eq!(slugs(&opened), ["storage-rotten"]);
    let recovered = &opened.recovered;
    assert_eq!((recovered.applied, recovered.applied_hash), (6, entries[5].hash));
    assert_eq!(recovered.entries, [], "nothing of the log is trusted");
    assert_eq!(recovered.state, HardState { epoch: 4, vote: 0, commit: 6 });
    assert!(dir.path().join("rotten-1/0000000000000001.segment").exists());
    let incarnation = opened.incarnation;
    log_all(&mut opened, &entries[6..]);
    drop(opened);
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!(opened.incarnation, incarnation, "once, not every time");
    assert_eq!(opened.recovered.entries, entries[6..]);
}

#[test]
fn a_rotten_log_that_nobody_else_has_is_refused_by_file_and_offset() {
    let dir = tempfile::tempdir().unwrap();
    drop(sample(dir.path()));
    damage(&segment(dir.path()), 3 * 512 + 50);
    let error = recover(dir.path(), &alone()).err().unwrap();
    assert!(matches!(error, StorageError::Rotten(_)));
    let text = error.to_string();
    assert!(text.contains("0000000000000001.segment at byte 1536"), "{text}");
    assert!(!dir.path().join("rotten-1").exists());
}

#[test]
fn a_missing_log_or_store_is_no_new_folder() {
    for lost in ["log", "rows.redb"] {
        let dir = tempfile::tempdir().unwrap();
        let (_, opened) = sample(dir.path());
        let incarnation = opened.incarnation;
        drop(opened);
        fs::rename(dir.path().join(lost), dir.path().join("elsewhere")).unwrap();
        assert!(recover(dir.path(), &alone()).is_err(), "{lost}");
        let opened = recover(dir.path(), &options()).unwrap();
        assert_ne!(opened.incarnation, incarnation, "{lost}");
        let applied = if lost == "log" { 6 } else { 0 };
        assert_eq!(opened.recovered.applied, applied);
    }
}

#[test]
fn a_damaged_store_is_set_aside_with_its_log_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = sample(dir.path());
    let incarnation = opened.incarnation;
    drop(opened);
    let path = dir.path().join("rows.redb");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(
        recover(dir.path(), &alone()),
        Err(StorageError::Store(StoreError::Damaged(_)))
    ));
    let opened = recover(dir.path(), &options()).unwrap();
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!(opened.recovered, Recovered::default());
    assert_eq!(slugs(&opened), ["storage-rotten", "storage-rotten"]);
    assert!(dir.path().join("rotten-1").is_file() && dir.path().join("rotten-2").is_dir());
}

#[test]
fn looking_changes_nothing() {
    let look = Options { look_only: true, ..options() };
    let dir = tempfile::tempdir().unwrap();
    assert!(recover(&dir.path().join("nowhere"), &look).is_err());
    assert!(matches!(recover(dir.path(), &look), Err(StorageError::NoIdentity(_))));
    let entries = chain(3);
    let mut opened = recover(dir.path(), &options()).unwrap();
    log_all(&mut opened, &entries);
    let (incarnation, boot) = (opened.incarnation, opened.boot);
    assert!(matches!(recover(dir.path(), &look), Err(StorageError::Locked(_))));
    drop(opened);
    damage(&segment(dir.path()), 3 * 512 + 50);
    let before = fs::read(segment(dir.path())).unwrap();
    for _ in 0..2 {
        let mut opened = recover(dir.path(), &look).unwrap();
        assert_eq!(opened.recovered.entries, entries[..2], "without the torn tail");
        assert_eq!((opened.incarnation, opened.boot), (incarnation, boot));
        assert!(opened.log.append(&[LogWrite::Truncate(1)]).is_err());
    }
    assert_eq!(fs::read(segment(dir.path())).unwrap(), before);
    damage(&segment(dir.path()), 512 + 50);
    assert!(matches!(recover(dir.path(), &look), Err(StorageError::Unrepaired(_))));
    assert!(!dir.path().join("rotten-1").exists());
    assert_ne!(recover(dir.path(), &options()).unwrap().incarnation, incarnation);
}

#[test]
fn a_gap_between_store_and_log_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, mut opened) = sample(dir.path());
    opened.log.cut(10).unwrap();
    drop(opened);
    fs::remove_file(dir.path().join("rows.redb")).unwrap();
    let store = EmbeddedStore::open(&dir.path().join("rows.redb"), 1 << 20).unwrap();
    store.write(1, &[history_row(&entries[0])]).unwrap();
    drop(store);
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!(slugs(&opened), ["storage-rotten"]);
    assert_eq!((opened.recovered.applied, opened.recovered.applied_hash), (1, entries[0].hash));
}

#[test]
fn a_log_of_another_history_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, opened) = sample(dir.path());
    let other = Entry { hash: ChainHash([1; 16]), ..entries[6].clone() };
    opened.store.write(7, &[history_row(&other)]).unwrap();
    drop(opened);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::Rotten(_))));
}

#[test]
fn fresh_empties_and_takes_a_new_incarnation() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = sample(dir.path());
    let (incarnation, boot) = (opened.incarnation, opened.boot);
    drop(opened);
    let opened = recover(dir.path(), &fresh()).unwrap();
    assert_eq!(opened.recovered, Recovered::default());
    assert!(opened.rows.is_empty());
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!(opened.boot, boot + 1, "boots go on");
    assert_eq!(slugs(&opened), ["storage-emptied"]);
}

#[test]
fn what_a_crash_left_half_done_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = sample(dir.path());
    drop(opened);
    let path = identity_path(dir.path());
    let identity = Identity::read(&path).unwrap().unwrap();
    identity.clone().renew(Phase::SettingAside).unwrap().write(&path).unwrap();
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!((opened.recovered.applied, opened.recovered.entries.len()), (6, 0));
    drop(opened);
    identity.renew(Phase::Emptying).unwrap().write(&path).unwrap();
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!(opened.recovered, Recovered::default());
}

#[test]
fn contents_without_identity_are_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let (_, opened) = sample(dir.path());
    let incarnation = opened.incarnation;
    drop(opened);
    damage(&identity_path(dir.path()), 30);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::NoIdentity(_))));
    let opened = recover(dir.path(), &options()).unwrap();
    assert_ne!(opened.incarnation, incarnation);
    assert_eq!((opened.recovered.applied, opened.recovered.entries.len()), (6, 0));
}

#[test]
fn a_folder_serves_one_process_of_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let opened = recover(dir.path(), &options()).unwrap();
    assert!(matches!(recover(dir.path(), &options()), Err(StorageError::Locked(_))));
    let Opened { log, .. } = opened;
    assert!(matches!(recover(dir.path(), &options()), Err(StorageError::Locked(_))));
    drop(log);
    let other = Options { identity: LogIdentity::new("orders", 2).unwrap(), ..options() };
    let error = recover(dir.path(), &other).err().unwrap().to_string();
    assert!(error.contains("belongs to orders-1, not to orders-2"), "{error}");
}

pub(super) fn hash_change(hash: ChainHash) -> RowChange {
    RowChange { table: Table::Facts, key: node::HASH_KEY.to_vec(), value: Some(hash.0.to_vec()) }
}

/// A store without history, as a catalog's: the new log must begin with the hash of where it begins.
#[test]
fn a_log_set_aside_beside_a_store_without_history_is_followed_by_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let entries = chain(10);
    let mut opened = recover(dir.path(), &options()).unwrap();
    log_all(&mut opened, &entries);
    opened.store.write(6, &[hash_change(entries[5].hash)]).unwrap();
    drop(opened);
    damage(&segment(dir.path()), 3 * 512 + 50);
    let mut opened = recover(dir.path(), &options()).unwrap();
    assert_eq!(slugs(&opened), ["storage-rotten"]);
    assert_eq!(opened.recovered.applied_hash, entries[5].hash);
    log_all(&mut opened, &entries[6..]);
    drop(opened);
    let opened = recover(dir.path(), &options()).unwrap();
    assert!(opened.notes.is_empty(), "{:?}", opened.notes);
    assert_eq!(opened.recovered.applied_hash, entries[5].hash);
    assert_eq!(opened.recovered.entries, entries[6..]);
}

#[test]
fn a_store_without_history_of_another_history_is_rot() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = recover(dir.path(), &options()).unwrap();
    log_all(&mut opened, &chain(3));
    opened.store.write(3, &[hash_change(ChainHash([7; 16]))]).unwrap();
    drop(opened);
    assert!(matches!(recover(dir.path(), &alone()), Err(StorageError::Rotten(_))));
}

#[test]
fn the_note_says_how_a_damaged_replica_comes_back() {
    for (rejoins, words) in [(true, "repaired from the other"), (false, "removed and added again")]
    {
        let dir = tempfile::tempdir().unwrap();
        drop(sample(dir.path()));
        damage(&segment(dir.path()), 3 * 512 + 50);
        let opened = recover(dir.path(), &Options { rejoins, ..options() }).unwrap();
        let Event::Note { detail, .. } = &opened.notes[0] else { panic!("{:?}", opened.notes) };
        assert!(detail.contains(words), "{detail}");
    }
}

fn note(number: u8) -> LogWrite {
    LogWrite::Note(Bytes::from(vec![number; 100]))
}

/// A folder with ten notes in the log, and a store that went on by itself.
fn sample_of_notes(dir: &Path) -> (Vec<Entry>, Opened) {
    let entries = chain(6);
    let mut opened = recover(dir, &options()).unwrap();
    (0..10).for_each(|number| opened.log.append(&[note(number)]).unwrap());
    store_all(&opened, &entries);
    (entries, opened)
}

#[test]
fn a_log_of_notes_does_not_ask_where_the_store_is() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, mut opened) = sample_of_notes(dir.path());
    let incarnation = opened.incarnation;
    opened.log.append(&[LogWrite::Digest(Bytes::from_static(b"all")), note(11)]).unwrap();
    assert!(opened.log.cut(0).unwrap() > 0);
    drop(opened);
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!((opened.incarnation, slugs(&opened)), (incarnation, vec![]));
    let recovered = &opened.recovered;
    assert_eq!((recovered.applied, recovered.applied_hash), (6, entries[5].hash));
    assert_eq!(recovered.notes, [Bytes::from_static(b"all"), Bytes::from(vec![11; 100])]);
    drop(opened);
    let look = Options { look_only: true, ..options() };
    assert_eq!(recover(dir.path(), &look).unwrap().recovered.notes.len(), 2);
}

#[test]
fn a_rotten_log_of_notes_makes_another_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (entries, opened) = sample_of_notes(dir.path());
    let (incarnation, boot) = (opened.incarnation, opened.boot);
    drop(opened);
    damage(&segment(dir.path()), 3 * 512 + 50);
    let mut opened = recover(dir.path(), &options()).unwrap();
    assert_eq!(slugs(&opened), ["storage-rotten"]);
    assert!(opened.incarnation > incarnation && opened.boot == boot + 1);
    assert_eq!(opened.recovered.notes, Vec::<Bytes>::new(), "what it promised is forgotten");
    assert_eq!(opened.recovered.applied_hash, entries[5].hash, "what was delivered is not");
    opened.log.append(&[note(1)]).unwrap();
    let incarnation = opened.incarnation;
    drop(opened);
    let opened = recover(dir.path(), &options()).unwrap();
    assert_eq!((opened.incarnation, opened.recovered.notes.len()), (incarnation, 1));
}
