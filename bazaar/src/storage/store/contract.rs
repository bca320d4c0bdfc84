//! What every store must do, whatever it is made of.

use market::rows::{Row, RowChange, Table};
use replication::contract::{ChainHash, Entry};

use super::{Store, StoreError, history_row};

/// Checks a kind of store. `make` gives empty stores: a function that opens the same contents again each time it is
/// called; what it gave before was dropped then.
pub(super) fn check<S: Store, O: Fn() -> S>(make: impl Fn() -> O) {
    is_empty_at_first(&make()());
    keeps_what_was_written(make());
    lets_the_later_change_win(&make()());
    never_goes_back(&make()());
    reads_ranges(&make()());
    reads_history_without_gaps(&make()());
}

fn change(table: Table, key: &str, value: Option<&str>) -> RowChange {
    let value = value.map(|value| value.as_bytes().to_vec());
    RowChange { table, key: key.as_bytes().to_vec(), value }
}

fn row(table: Table, key: &str, value: &str) -> Row {
    Row { table, key: key.as_bytes().to_vec(), value: value.as_bytes().to_vec() }
}

fn is_empty_at_first(store: &impl Store) {
    assert_eq!(store.applied().unwrap(), 0);
    assert_eq!(store.load(&Table::ALL).unwrap(), vec![]);
    assert_eq!(store.history(1, 10).unwrap(), vec![]);
    assert_eq!(store.hash_at(0).unwrap(), Some(ChainHash::EMPTY));
    assert_eq!(store.hash_at(1).unwrap(), None);
}

fn keeps_what_was_written<S: Store>(open: impl Fn() -> S) {
    let store = open();
    let (listings, facts) = (Table::Listings, Table::Facts);
    let changes = [
        change(listings, "b", Some("1")),
        change(listings, "a", Some("")),
        change(facts, "next", Some("7")),
        change(Table::Outbox, "o", Some("order")),
    ];
    store.write(3, &changes).unwrap();
    store.write(5, &[change(Table::Outbox, "o", None)]).unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.applied().unwrap(), 5);
    let rows = store.load(&[listings, Table::Outbox, facts]).unwrap();
    assert_eq!(rows, [row(listings, "a", ""), row(listings, "b", "1"), row(facts, "next", "7")]);
    assert_eq!(store.load(&[facts]).unwrap(), [row(facts, "next", "7")]);
    assert_eq!(store.get(listings, b"b").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(store.get(facts, b"b").unwrap(), None, "tables are apart");
}

fn lets_the_later_change_win(store: &impl Store) {
    let table = Table::Keys;
    let changes = [
        change(table, "x", Some("1")),
        change(table, "x", None),
        change(table, "y", None),
        change(table, "y", Some("2")),
    ];
    store.write(1, &changes).unwrap();
    assert_eq!(store.load(&[table]).unwrap(), [row(table, "y", "2")]);
}

fn never_goes_back(store: &impl Store) {
    store.write(4, &[change(Table::Keys, "x", Some("4"))]).unwrap();
    let error = store.write(3, &[change(Table::Keys, "x", Some("3"))]).unwrap_err();
    assert!(matches!(error, StoreError::Backwards { applied: 4, position: 3 }));
    assert_eq!(store.load(&[Table::Keys]).unwrap(), [row(Table::Keys, "x", "4")]);
    store.write(4, &[change(Table::Keys, "x", Some("5"))]).unwrap();
    assert_eq!(store.load(&[Table::Keys]).unwrap(), [row(Table::Keys, "x", "5")]);
}

fn reads_ranges(store: &impl Store) {
    let table = Table::Outbox;
    let changes: Vec<_> = ["a", "b", "c"].map(|key| change(table, key, Some(key))).into();
    store.write(1, &changes).unwrap();
    let keys = |from: &str, max| -> Vec<Vec<u8>> {
        let rows = store.range(table, from.as_bytes(), max).unwrap();
        rows.into_iter().map(|row| row.key).collect()
    };
    assert_eq!(keys("", 9), [b"a", b"b", b"c"]);
    assert_eq!(keys("aa", 1), [b"b"]);
    assert_eq!(keys("d", 9), Vec::<Vec<u8>>::new());
    let large = "x".repeat(3 << 20);
    let changes: Vec<_> = ["a", "b", "c"].map(|key| change(table, key, Some(&large))).into();
    store.write(2, &changes).unwrap();
    assert_eq!(keys("", 9), [b"a"], "a page has a size");
}

fn reads_history_without_gaps(store: &impl Store) {
    let entry = |position: u64| Entry {
        position,
        hash: ChainHash([position as u8; 16]),
        command: vec![position as u8; 5].into(),
    };
    // 255 and 256 tell a numeric from a textual sequence of keys.
    let written: Vec<_> = (250..260).filter(|position| *position != 258).collect();
    let changes: Vec<_> = written.iter().map(|position| history_row(&entry(*position))).collect();
    store.write(260, &changes).unwrap();
    let positions = |from, max| -> Vec<u64> {
        let entries = store.history(from, max).unwrap();
        entries.iter().for_each(|read| assert_eq!(*read, entry(read.position)));
        entries.into_iter().map(|entry| entry.position).collect()
    };
    assert_eq!(positions(254, 3), [254, 255, 256]);
    assert_eq!(positions(255, 100), [255, 256, 257], "up to the gap");
    assert_eq!(positions(249, 10), Vec::<u64>::new(), "nothing at the place asked for");
    assert_eq!(store.hash_at(256).unwrap(), Some(entry(256).hash));
}
