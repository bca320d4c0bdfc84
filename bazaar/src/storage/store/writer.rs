//! The thread that writes the store: gathers changes for a moment, lets later ones win, commits, reports.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use market::rows::{Row, RowChange, Table};
use metrics::histogram;
use node::process::Ticket;
use parking_lot::{Condvar, Mutex};
use replication::contract::Position;

use super::{Store, StoreError};

/// When the writer commits.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// How long changes are gathered. Rows that come and go meanwhile never touch the disk.
    pub interval: Duration,
    /// Bytes of waiting changes at which it commits at once.
    pub bytes: usize,
}

impl Default for WriterOptions {
    /// 100 ms: what a restart replays stays small, and syncs stay few beside those of the log. 8 MiB: about a second of
    /// the fullest load.
    fn default() -> Self {
        WriterOptions { interval: Duration::from_millis(100), bytes: 8 << 20 }
    }
}

/// What the writer tells.
#[derive(Debug)]
pub enum Report {
    /// Everything up to here is durable in the store.
    Stored(Position),
    /// The store's rows were replaced, durably, by those of this position.
    Replaced(Position),
    /// A write failed; nothing is written any more.
    Failed(StoreError),
}

/// Changes that lead to a position, and the log write that must be durable first.
struct Item {
    position: Position,
    changes: Vec<RowChange>,
    after: Ticket,
    bytes: usize,
}

/// Rows that take the place of all others.
struct Replacement {
    position: Position,
    rows: Vec<Row>,
    bytes: usize,
}

/// What the writer does next.
enum Work {
    Replace(Replacement),
    Write(Vec<Item>),
}

#[derive(Default)]
struct Queue {
    /// Comes before all items.
    replacement: Option<Replacement>,
    items: VecDeque<Item>,
    stop: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Bytes of changes waiting or being written.
    pending: AtomicUsize,
    /// Bytes of rows that wait to replace all others, or do so now.
    replacing: AtomicUsize,
    /// The log is durable up to here.
    durable: AtomicU64,
    options: WriterOptions,
}

/// Handle of the writer's thread. Dropping it writes what may be written and waits for the thread.
pub struct StoreWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl StoreWriter {
    /// Starts the thread. `report` is called on it.
    pub fn spawn(
        store: Arc<dyn Store>,
        options: WriterOptions,
        report: impl Fn(Report) + Send + 'static,
    ) -> io::Result<StoreWriter> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            pending: AtomicUsize::new(0),
            replacing: AtomicUsize::new(0),
            durable: AtomicU64::new(0),
            options,
        });
        let of_thread = Arc::clone(&shared);
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| of_thread.run(&*store, &report)));
            if outcome.is_err() {
                report(Report::Failed(StoreError::Damaged("writing it panicked".into())));
            }
        };
        let thread = std::thread::Builder::new().name("store".into()).spawn(run)?;
        Ok(StoreWriter { shared, thread: Some(thread) })
    }

    /// Takes changes that lead to a position. They are not written before the log is durable up to `after`: the store
    /// never runs ahead of the log, which is how recovery notices a log that lost its end.
    pub fn submit(&self, position: Position, changes: Vec<RowChange>, after: Ticket) {
        let rows: usize = changes.iter().map(size).sum();
        let bytes = rows + size_of::<Item>();
        let mut queue = self.shared.queue.lock();
        let before = self.shared.pending.fetch_add(bytes, Ordering::Relaxed);
        let limit = self.shared.options.bytes;
        let wake = queue.items.is_empty() || (before < limit && before + bytes >= limit);
        queue.items.push_back(Item { position, changes, after, bytes });
        drop(queue);
        if wake {
            self.shared.wake.notify_one();
        }
    }

    /// Takes rows that replace all others. What waits is void, since it leads to where they begin or not even there. The log
    /// need not be durable up to anything: it hears of the replacement afterwards, and recovery knows which of the two is ahead.
    pub fn replace(&self, position: Position, rows: Vec<Row>) {
        let bytes = rows.iter().map(row_size).sum();
        let mut queue = self.shared.queue.lock();
        let void: usize = queue.items.drain(..).map(|item| item.bytes).sum();
        let before = queue.replacement.replace(Replacement { position, rows, bytes });
        let superseded = before.as_ref().map_or(0, |before| before.bytes);
        self.shared.pending.fetch_sub(void, Ordering::Relaxed);
        self.shared.replacing.fetch_add(bytes, Ordering::Relaxed);
        self.shared.replacing.fetch_sub(superseded, Ordering::Relaxed);
        drop(queue);
        self.shared.wake.notify_one();
    }

    /// Tells that the log is durable up to a ticket. Wakes nobody: the writer looks when its interval is over.
    pub fn log_durable(&self, ticket: Ticket) {
        self.shared.durable.fetch_max(ticket, Ordering::Release);
    }

    /// Bytes of changes that wait or are being written.
    pub fn pending_bytes(&self) -> usize {
        self.shared.pending.load(Ordering::Relaxed)
    }

    /// Bytes of rows that wait to replace all others, or do so now.
    pub fn replacing_bytes(&self) -> usize {
        self.shared.replacing.load(Ordering::Relaxed)
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.shared.queue.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there was printed by the thread itself; there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, store: &dyn Store, report: &impl Fn(Report)) {
        while let Some(work) = self.next() {
            let done = match work {
                Work::Replace(replacement) => self.replace(store, &replacement).map(Some),
                Work::Write(items) => self.write(store, items),
            };
            match done {
                Ok(Some(done)) => report(done),
                Ok(None) => {}
                Err(error) => return report(Report::Failed(error)),
            }
        }
    }

    fn write(&self, store: &dyn Store, items: Vec<Item>) -> Result<Option<Report>, StoreError> {
        let Some(position) = items.last().map(|item| item.position) else { return Ok(None) };
        let bytes: usize = items.iter().map(|item| item.bytes).sum();
        let began = Instant::now();
        let written = store.write(position, &coalesce(items));
        histogram!("bazaar_store_commit_seconds").record(began.elapsed());
        self.pending.fetch_sub(bytes, Ordering::Relaxed);
        written.map(|()| Some(Report::Stored(position)))
    }

    fn replace(&self, store: &dyn Store, with: &Replacement) -> Result<Report, StoreError> {
        let replaced = store.replace(with.position, &with.rows);
        self.replacing.fetch_sub(with.bytes, Ordering::Relaxed);
        replaced.map(|()| Report::Replaced(with.position))
    }

    /// Waits for work, then for the moment to do it. `None` when it is time to stop.
    fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
        while queue.items.is_empty() && queue.replacement.is_none() && !queue.stop {
            self.wake.wait(&mut queue);
        }
        let deadline = Instant::now() + self.options.interval;
        while !queue.stop
            && queue.replacement.is_none()
            && self.pending.load(Ordering::Relaxed) < self.options.bytes
        {
            if self.wake.wait_until(&mut queue, deadline).timed_out() {
                break;
            }
        }
        if let Some(replacement) = queue.replacement.take() {
            return Some(Work::Replace(replacement));
        }
        let durable = self.durable.load(Ordering::Acquire);
        let ready = queue.items.iter().take_while(|item| item.after <= durable).count();
        if ready == 0 {
            if queue.stop {
                return None;
            }
            // The log is behind; looking again at once would only take its processor away.
            self.wake.wait_for(&mut queue, self.options.interval);
            return Some(Work::Write(Vec::new()));
        }
        Some(Work::Write(queue.items.drain(..ready).collect()))
    }
}

/// Later changes of the same row win; the rest comes out by table and key, as trees like it.
fn coalesce(items: Vec<Item>) -> Vec<RowChange> {
    let mut rows: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>> = BTreeMap::new();
    for change in items.into_iter().flat_map(|item| item.changes) {
        rows.insert((change.table, change.key), change.value);
    }
    rows.into_iter().map(|((table, key), value)| RowChange { table, key, value }).collect()
}

/// Bytes a row takes while it waits, about.
fn row_size(row: &Row) -> usize {
    size_of::<Row>() + row.key.len() + row.value.len()
}

/// Bytes a change takes while it waits, about.
fn size(change: &RowChange) -> usize {
    size_of::<RowChange>() + change.key.len() + change.value.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::super::View;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    type Writes = Arc<Mutex<Vec<(Position, Vec<RowChange>)>>>;

    /// Position of what a [`Recorder`] was replaced by.
    const REPLACED: Position = 1_000;

    /// Remembers what is written; fails at a position.
    #[derive(Clone, Default)]
    struct Recorder {
        writes: Writes,
        fails_at: Option<Position>,
    }

    impl Store for Recorder {
        fn applied(&self) -> Result<Position, StoreError> {
            Ok(self.writes.lock().last().map_or(0, |write| write.0))
        }
        fn load(&self, _: &[Table]) -> Result<Vec<Row>, StoreError> {
            Ok(Vec::new())
        }
        fn write(&self, position: Position, changes: &[RowChange]) -> Result<(), StoreError> {
            if self.fails_at == Some(position) {
                return Err(StoreError::NoSpace { what: "write" });
            }
            self.writes.lock().push((position, changes.to_vec()));
            Ok(())
        }
        fn replace(&self, position: Position, rows: &[Row]) -> Result<(), StoreError> {
            self.write(position, &rows.iter().cloned().map(RowChange::from).collect::<Vec<_>>())
        }
        fn replaced(&self) -> Result<Position, StoreError> {
            Ok(0)
        }
        fn view(&self) -> Result<Box<dyn View>, StoreError> {
            Err(StoreError::NoSpace { what: "view" })
        }
        fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(None)
        }
        fn range(&self, _: Table, _: &[u8], _: usize) -> Result<Vec<Row>, StoreError> {
            Ok(Vec::new())
        }
    }

    fn start(store: &Recorder, interval: u64, bytes: usize) -> (StoreWriter, Receiver<Report>) {
        let (sender, reports) = channel();
        let options = WriterOptions { interval: Duration::from_millis(interval), bytes };
        let report = move |report| sender.send(report).unwrap();
        (StoreWriter::spawn(Arc::new(store.clone()), options, report).unwrap(), reports)
    }

    fn change(key: u8, value: Option<u8>) -> RowChange {
        let value = value.map(|value| vec![value]);
        RowChange { table: Table::Outbox, key: vec![key], value }
    }

    fn stored(reports: &Receiver<Report>) -> Position {
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Stored(position) => position,
            other => panic!("{other:?}"),
        }
    }

    fn row(key: u8) -> Row {
        Row { table: Table::Outbox, key: vec![key], value: vec![key] }
    }

    fn replaced(reports: &Receiver<Report>) -> Position {
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Replaced(position) => position,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn changes_are_gathered_and_the_later_wins() {
        let store = Recorder::default();
        let (writer, reports) = start(&store, 200, usize::MAX);
        writer.submit(1, vec![change(2, Some(1)), change(1, Some(1))], 0);
        writer.submit(2, vec![change(1, Some(2))], 0);
        writer.submit(3, vec![change(2, None)], 0);
        assert_eq!(stored(&reports), 3);
        assert_eq!(*store.writes.lock(), [(3, vec![change(1, Some(2)), change(2, None)])]);
        assert_eq!(writer.pending_bytes(), 0);
    }

    #[test]
    fn many_bytes_do_not_wait() {
        let store = Recorder::default();
        let (writer, reports) = start(&store, 3_600_000, 1_000);
        let changes: Vec<_> = (0..100).map(|key| change(key, Some(key))).collect();
        writer.submit(1, changes, 0);
        assert_eq!(stored(&reports), 1);
    }

    #[test]
    fn the_store_never_runs_ahead_of_the_log() {
        let store = Recorder::default();
        let (writer, reports) = start(&store, 1, usize::MAX);
        writer.submit(1, vec![change(1, Some(1))], 1);
        writer.submit(2, vec![change(1, Some(2))], 2);
        writer.log_durable(1);
        assert_eq!(stored(&reports), 1);
        assert!(writer.pending_bytes() > 0);
        writer.log_durable(2);
        assert_eq!(stored(&reports), 2);
        writer.submit(3, vec![change(1, Some(3))], 3);
        drop(writer);
        assert_eq!(store.applied().unwrap(), 2, "what the log does not have is not written");
    }

    #[test]
    fn dropping_writes_the_rest() {
        let store = Recorder::default();
        let (writer, _reports) = start(&store, 3_600_000, usize::MAX);
        writer.submit(1, vec![change(1, Some(1))], 0);
        drop(writer);
        assert_eq!(store.applied().unwrap(), 1);
    }

    #[test]
    fn a_replacement_does_not_wait_and_voids_what_does() {
        let store = Recorder::default();
        let (writer, reports) = start(&store, 3_600_000, usize::MAX);
        writer.submit(1, vec![change(1, Some(1))], 0);
        writer.submit(2, vec![change(2, Some(2))], 9);
        writer.replace(REPLACED, vec![row(7), row(8)]);
        assert_eq!(replaced(&reports), REPLACED);
        let rows = vec![row(7).into(), row(8).into()];
        assert_eq!(*store.writes.lock(), [(REPLACED, rows)]);
        assert_eq!((writer.pending_bytes(), writer.replacing_bytes()), (0, 0));
        writer.submit(REPLACED + 1, vec![change(1, Some(1))], 0);
        drop(writer);
        assert_eq!(
            store.applied().unwrap(),
            REPLACED + 1,
            "later changes are none of the void ones"
        );
        assert_eq!(stored(&reports), REPLACED + 1);
    }

    /// The first write holds the thread until both replacements are in.
    #[test]
    fn what_follows_a_replacement_is_written_after_it() {
        let store = Recorder::default();
        let (writer, reports) = start(&store, 1, usize::MAX);
        let held = store.writes.lock();
        writer.submit(1, vec![change(1, Some(1))], 0);
        writer.replace(5, vec![row(1)]);
        writer.replace(REPLACED, vec![row(2)]);
        writer.submit(REPLACED + 1, vec![change(3, Some(3))], 1);
        assert!(writer.pending_bytes() > 0 && writer.replacing_bytes() > 0);
        drop(held);
        while replaced_or_stored(&reports) < REPLACED {}
        writer.log_durable(1);
        assert_eq!(stored(&reports), REPLACED + 1);
        let positions: Vec<_> = store.writes.lock().iter().map(|write| write.0).collect();
        assert!(positions.ends_with(&[REPLACED, REPLACED + 1]), "{positions:?}");
        assert_eq!(writer.replacing_bytes(), 0);
    }

    fn replaced_or_stored(reports: &Receiver<Report>) -> Position {
        match reports.recv_timeout(PATIENCE).unwrap() {
            Report::Replaced(position) | Report::Stored(position) => position,
            Report::Failed(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_replacement_that_fails_is_told() {
        let store = Recorder { fails_at: Some(REPLACED), ..Recorder::default() };
        let (writer, reports) = start(&store, 1, usize::MAX);
        writer.replace(REPLACED, vec![row(1)]);
        assert!(matches!(reports.recv_timeout(PATIENCE).unwrap(), Report::Failed(_)));
    }

    #[test]
    fn a_failure_is_reported_once_and_ends_the_writing() {
        let store = Recorder { fails_at: Some(2), ..Recorder::default() };
        let (writer, reports) = start(&store, 1, usize::MAX);
        writer.submit(2, vec![], 0);
        assert!(matches!(reports.recv_timeout(PATIENCE).unwrap(), Report::Failed(_)));
        writer.submit(3, vec![], 0);
        drop(writer);
        assert!(store.writes.lock().is_empty());
    }
}
