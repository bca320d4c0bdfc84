//! What every store must do, whatever it is made of.

use market::rows::{Row, RowChange, Table};
use replication::contract::{ChainHash, Entry};

use super::{POSITION_KEY, Page, Store, StoreError, View, history_row};

/// Checks a kind of store. `make` gives empty stores: a function that opens the same contents again each time it is
/// called; what it gave before was dropped then.
pub(super) fn check<S: Store, O: Fn() -> S>(make: impl Fn() -> O) {
    is_empty_at_first(&make()());
    keeps_what_was_written(make());
    lets_the_later_change_win(&make()());
    never_goes_back(&make()());
    reads_ranges(&make()());
    reads_history_without_gaps(&make()());
    knows_the_hash_of_its_own_position(&make()());
    pages_through_a_view(&make()());
    keeps_a_view_as_it_was(&make()());
    replaces_everything(make());
    replaces_much(&make()());
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

/// As a replica's: the hash stands in a row of its own.
fn knows_the_hash_of_its_own_position(store: &impl Store) {
    let hash = |byte: u8| RowChange {
        table: Table::Facts,
        key: node::HASH_KEY.to_vec(),
        value: Some(vec![byte; 16]),
    };
    store.write(7, &[hash(7)]).unwrap();
    assert_eq!(store.hash_at(7).unwrap(), Some(ChainHash([7; 16])));
    assert_eq!(store.hash_at(6).unwrap(), None, "of no other position");
    assert_eq!(store.hash_at(8).unwrap(), None, "of no other position");
    store.write(9, &[hash(9)]).unwrap();
    assert_eq!(store.hash_at(7).unwrap(), None);
    assert_eq!(store.hash_at(9).unwrap(), Some(ChainHash([9; 16])));
    // A history row of that number is about an order, not about the log.
    let order = Entry { position: 9, hash: ChainHash([1; 16]), command: vec![1; 5].into() };
    store.write(9, &[history_row(&order)]).unwrap();
    assert_eq!(store.hash_at(9).unwrap(), Some(ChainHash([9; 16])));
    let bad = RowChange { value: Some(vec![1; 15]), ..hash(0) };
    store.write(9, &[bad]).unwrap();
    assert!(matches!(store.hash_at(9), Err(StoreError::Damaged(_))));
}

/// Every row, page by page.
fn pages(view: &dyn View, max_bytes: usize) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    loop {
        let last = pages.iter().rev().find_map(|page| page.rows.last());
        let after = last.map(|row| (row.table, row.key.as_slice()));
        let page = view.page(after, max_bytes).unwrap();
        let end = page.end;
        pages.push(page);
        if end {
            return pages;
        }
    }
}

fn all(view: &dyn View) -> Vec<Row> {
    pages(view, usize::MAX).into_iter().flat_map(|page| page.rows).collect()
}

fn pages_through_a_view(store: &impl Store) {
    let view = store.view().unwrap();
    assert_eq!(view.position(), 0);
    assert_eq!(view.page(None, 1).unwrap(), Page { rows: Vec::new(), end: true });
    let mut expected = Vec::new();
    for table in Table::ALL {
        // The store's own facts stand in the midst of these.
        expected.extend(["", "a", "b", "z"].map(|key| row(table, key, "0123456789")));
    }
    let changes: Vec<RowChange> = expected.iter().cloned().map(RowChange::from).collect();
    store.write(3, &changes).unwrap();
    let view = store.view().unwrap();
    assert_eq!(view.position(), 3);
    let bytes: usize = expected.iter().map(|row| row.key.len() + row.value.len()).sum();
    for max_bytes in [0, 1, 10, 11, 22, 25, 100, bytes - 1, bytes, usize::MAX] {
        let pages = pages(&*view, max_bytes);
        let rows: Vec<Row> = pages.iter().flat_map(|page| page.rows.clone()).collect();
        assert_eq!(rows, expected, "{max_bytes}");
        assert!(pages.iter().all(|page| !page.rows.is_empty()), "{max_bytes}: an empty page");
        let size = |page: &Page| -> usize {
            page.rows.iter().map(|row| row.key.len() + row.value.len()).sum()
        };
        let fits = |page: &Page| size(page) <= max_bytes || page.rows.len() == 1;
        assert!(pages.iter().all(fits), "{max_bytes}: a page is too large");
        assert_eq!(pages.len() == 1, max_bytes >= bytes, "{max_bytes}");
    }
    let between = view.page(Some((Table::Keys, b"aa")), usize::MAX).unwrap();
    assert_eq!(between.rows[0], expected[10], "a place need not be a row");
    let last = Table::ALL[Table::ALL.len() - 1];
    let last = view.page(Some((last, b"z")), 1).unwrap();
    assert_eq!(last, Page { rows: Vec::new(), end: true });
}

fn keeps_a_view_as_it_was(store: &impl Store) {
    let key = |number: u64| format!("{number:04}");
    let write = |position: u64, value: &str| {
        let changes: Vec<_> =
            (0..200).map(|number| change(Table::Keys, &key(number), Some(value))).collect();
        store.write(position, &changes).unwrap();
    };
    write(1, "old");
    let view = store.view().unwrap();
    let first = view.page(None, 100).unwrap();
    assert!(!first.end);
    write(2, "new");
    store.write(3, &[change(Table::Keys, &key(150), None)]).unwrap();
    store.replace(9, &[row(Table::Facts, "n", "9")]).unwrap();
    assert_eq!(view.position(), 1);
    let old: Vec<_> = (0..200).map(|number| row(Table::Keys, &key(number), "old")).collect();
    assert_eq!(all(&*view), old);
    let later = store.view().unwrap();
    assert_eq!((later.position(), all(&*later)), (9, vec![row(Table::Facts, "n", "9")]));
}

fn replaces_everything<S: Store>(open: impl Fn() -> S) {
    let store = open();
    assert_eq!(store.replaced().unwrap(), 0);
    let gone: Vec<_> = Table::ALL.map(|table| change(table, "gone", Some("x"))).into();
    store.write(5, &gone).unwrap();
    let rows: Vec<_> = Table::ALL.map(|table| row(table, "new", "y")).into();
    store.replace(8, &rows).unwrap();
    assert_eq!(store.load(&Table::ALL).unwrap(), rows);
    drop(store);
    let store = open();
    assert_eq!((store.applied().unwrap(), store.replaced().unwrap()), (8, 8));
    assert_eq!(store.load(&Table::ALL).unwrap(), rows);
    let error = store.replace(7, &[]).unwrap_err();
    assert!(matches!(error, StoreError::Backwards { applied: 8, position: 7 }));
    assert!(store.write(7, &[]).is_err(), "nor do writes");
    store.write(11, &[change(Table::Keys, "k", Some("v"))]).unwrap();
    assert_eq!((store.applied().unwrap(), store.replaced().unwrap()), (11, 8));
    // What claims to be a fact of the store itself is not believed.
    let own = Row {
        table: Table::Facts,
        key: POSITION_KEY.to_vec(),
        value: u64::MAX.to_be_bytes().to_vec(),
    };
    store.replace(12, &[own]).unwrap();
    assert_eq!((store.applied().unwrap(), store.replaced().unwrap()), (12, 12));
    assert_eq!(store.load(&Table::ALL).unwrap(), []);
}

/// More than the store's cache holds.
fn replaces_much(store: &impl Store) {
    let numbered = |number: u64, value: u8| Row {
        table: Table::History,
        key: number.to_be_bytes().to_vec(),
        value: vec![value; 200],
    };
    for value in 1..=2_u8 {
        let count = 30_000 / u64::from(value);
        let rows: Vec<_> = (0..count).map(|number| numbered(number, value)).collect();
        store.replace(u64::from(value), &rows).unwrap();
        let view = store.view().unwrap();
        let pages = pages(&*view, 100_000);
        assert!(pages.len() > 20, "{}", pages.len());
        let read = pages.into_iter().flat_map(|page| page.rows);
        assert!(read.eq(rows), "the rows of round {value}");
    }
}
