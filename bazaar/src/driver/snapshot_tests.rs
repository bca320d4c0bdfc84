//! The driver reads snapshots and replaces the store.

use std::sync::{Arc, mpsc};

use bytes::Bytes;
use market::rows::{Row, RowChange, Table};
use parking_lot::Mutex;
use replication::contract::{ChainHash, Entry, LogWrite, Position};

use super::tests::{PATIENCE, Snapshot, Toy, disk, diskless, ended, io, open, until};
use super::*;
use crate::storage::store::{StoreError, View, history_row};

fn row(key: u8, value: u8) -> Row {
    Row { table: Table::Keys, key: vec![key], value: vec![value; 50] }
}

fn put(handle: &Handle<Toy>, position: Position, rows: impl IntoIterator<Item = Row>) {
    let changes = rows.into_iter().map(RowChange::from).collect();
    handle.act(|_, _, effects| effects.push(Effect::Store { position, changes }));
}

fn read(handle: &Handle<Toy>, transfer: u64, after: Option<u8>) {
    let after = after.map(|key| (Table::Keys, vec![key]));
    let effect = Effect::ReadSnapshot { transfer, after, max_bytes: 102 };
    handle.act(|_, _, effects| effects.push(effect));
}

/// Waits for the answers to the reads so far and takes them.
async fn answers(handle: &Handle<Toy>, count: usize) -> Vec<Snapshot> {
    until("the answers came", || handle.with(|toy| toy.snapshots.len()) >= count).await;
    handle.with(|toy| std::mem::take(&mut toy.snapshots))
}

#[tokio::test]
async fn a_snapshot_is_read_as_it_was_while_writes_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    put(&handle, 1, (0..3).map(|key| row(key, 1)));
    until("it is stored", || handle.stored() == 1).await;
    read(&handle, 7, None);
    let page = (7, 1, vec![row(0, 1), row(1, 1)], false);
    assert_eq!(answers(&handle, 1).await, [page]);
    put(&handle, 2, (0..3).map(|key| row(key, 2)));
    until("it is stored", || handle.stored() == 2).await;
    read(&handle, 8, None);
    assert_eq!(answers(&handle, 1).await, [(8, 2, vec![row(0, 2), row(1, 2)], false)]);
    read(&handle, 7, Some(1));
    assert_eq!(answers(&handle, 1).await, [(7, 1, vec![row(2, 1)], true)]);
    let replacement = Effect::Replace { position: 9, rows: vec![row(5, 9)] };
    handle.act(|_, _, effects| effects.push(replacement));
    until("it is replaced", || handle.with(|toy| toy.replaced) == Some(9)).await;
    read(&handle, 8, Some(1));
    assert_eq!(answers(&handle, 1).await, [(8, 2, vec![row(2, 2)], true)]);
    handle.act(|_, _, effects| effects.push(Effect::CloseSnapshot { transfer: 8 }));
    read(&handle, 8, Some(0));
    read(&handle, 9, None);
    assert_eq!(answers(&handle, 1).await, [(9, 9, vec![row(5, 9)], true)]);
    handle.stop();
    ended(&handle).await;
    assert_eq!(handle.with(|toy| toy.snapshots.len()), 0, "what is closed is not answered");
}

#[tokio::test]
async fn a_replaced_store_counts_as_stored_and_the_log_goes_on_there() {
    let dir = tempfile::tempdir().unwrap();
    let (io, _around) = io(disk(open(dir.path())));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    handle.client(ClientRequest::Order(1)).await;
    until("it is stored", || handle.with(|toy| toy.stored) == 1).await;
    handle.act(|toy, _, effects| {
        let entry = Entry { position: 2, ..toy.last.clone().unwrap() };
        effects.push(Effect::Store { position: 2, changes: vec![history_row(&entry)] });
        effects.push(Effect::Replace { position: 40, rows: vec![hash_row(), row(1, 1)] });
    });
    until("it is replaced", || handle.with(|toy| toy.replaced) == Some(40)).await;
    assert_eq!(handle.stored(), 40);
    let (position, hash) = (40, ChainHash([9; 16]));
    handle.act(|toy, _, _| {
        toy.last = Some(Entry { position, hash, command: Bytes::new() });
        toy.open.push(LogWrite::Reset { position, hash });
    });
    handle.client(ClientRequest::Order(2)).await;
    until("it is stored", || handle.with(|toy| toy.stored) == 41).await;
    handle.stop();
    assert_eq!(ended(&handle).await, Ended::Stopped);
    let opened = open(dir.path());
    assert_eq!((opened.recovered.applied, opened.recovered.entries.len()), (41, 0));
    assert!(opened.notes.is_empty(), "{:?}", opened.notes);
    assert_eq!(opened.store.history(1, 9).unwrap(), [], "nothing of before");
}

fn hash_row() -> Row {
    Row { table: Table::Facts, key: node::HASH_KEY.to_vec(), value: vec![9; 16] }
}

/// A store that is not replaced before somebody lets it.
struct Held {
    store: Arc<dyn Store>,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl Store for Held {
    fn applied(&self) -> Result<Position, StoreError> {
        self.store.applied()
    }
    fn load(&self, tables: &[Table]) -> Result<Vec<Row>, StoreError> {
        self.store.load(tables)
    }
    fn write(&self, position: Position, changes: &[RowChange]) -> Result<(), StoreError> {
        self.store.write(position, changes)
    }
    fn replace(&self, position: Position, rows: &[Row]) -> Result<(), StoreError> {
        self.gate.lock().recv_timeout(PATIENCE).expect("somebody lets it");
        self.store.replace(position, rows)
    }
    fn replaced(&self) -> Result<Position, StoreError> {
        self.store.replaced()
    }
    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        self.store.view()
    }
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(table, key)
    }
    fn range(&self, table: Table, from: &[u8], max: usize) -> Result<Vec<Row>, StoreError> {
        self.store.range(table, from, max)
    }
}

/// Its rows are far more than what may wait for the store otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_heard_while_its_store_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(dir.path());
    let (open_gate, gate) = mpsc::channel();
    opened.store = Arc::new(Held { store: opened.store, gate: Mutex::new(gate) });
    let (io, around) = io(disk(opened));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    let large = |key: u8| Row { value: vec![key; 1 << 20], ..row(key, 0) };
    let rows: Vec<Row> = (0..80).map(large).collect();
    handle.act(|_, _, effects| effects.push(Effect::Replace { position: 5, rows }));
    until("it waits", || handle.pending().store_bytes > 80 << 20).await;
    let from = ServiceId::catalog(1);
    assert!(handle.inputs().deliver(from, vec![Message::Ping { nonce: 1 }]));
    let heard = around.sent.recv_timeout(PATIENCE).unwrap();
    assert_eq!(heard, (from, vec![Message::Ping { nonce: 1 }]));
    assert_eq!(handle.with(|toy| toy.replaced), None);
    open_gate.send(()).unwrap();
    until("it is replaced", || handle.with(|toy| toy.replaced) == Some(5)).await;
    until("nothing waits", || handle.pending().store_bytes == 0).await;
    handle.stop();
    ended(&handle).await;
}

#[tokio::test]
async fn a_replacement_that_fails_halts_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path());
    opened.store.write(9, &[]).unwrap();
    let (io, _around) = io(disk(opened));
    let handle = Driver::spawn(Toy::default(), io).unwrap();
    handle.act(|_, _, effects| effects.push(Effect::Replace { position: 8, rows: Vec::new() }));
    let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
    assert!(why.contains("cannot go back to 8"), "{why}");
}

#[tokio::test]
async fn a_process_without_a_disk_has_no_snapshots() {
    let wishes = [
        Effect::ReadSnapshot { transfer: 1, after: None, max_bytes: 1 },
        Effect::Replace { position: 1, rows: Vec::new() },
    ];
    for wish in wishes {
        let (handle, _around) = diskless();
        handle.act(|_, _, effects| {
            effects.push(Effect::CloseSnapshot { transfer: 1 });
            effects.push(wish);
        });
        let Ended::Halted(why) = ended(&handle).await else { panic!("it went on") };
        assert!(why.contains("without a disk"), "{why}");
    }
}
