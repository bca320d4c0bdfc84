//! The thread that writes the store: gathers changes for a moment, lets later ones win, commits, reports.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use market::rows::{RowChange, Table};
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

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    stop: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Bytes waiting or being written.
    pending: AtomicUsize,
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

    /// Tells that the log is durable up to a ticket. Wakes nobody: the writer looks when its interval is over.
    pub fn log_durable(&self, ticket: Ticket) {
        self.shared.durable.fetch_max(ticket, Ordering::Release);
    }

    /// Bytes of changes that wait or are being written.
    pub fn pending_bytes(&self) -> usize {
        self.shared.pending.load(Ordering::Relaxed)
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
        while let Some(items) = self.gather() {
            let Some(position) = items.last().map(|item| item.position) else { continue };
            let bytes: usize = items.iter().map(|item| item.bytes).sum();
            let began = Instant::now();
            let written = store.write(position, &coalesce(items));
            histogram!("bazaar_store_commit_seconds").record(began.elapsed());
            self.pending.fetch_sub(bytes, Ordering::Relaxed);
            match written {
                Ok(()) => report(Report::Stored(position)),
                Err(error) => return report(Report::Failed(error)),
            }
        }
    }

    /// Waits for changes, then for the moment to write them. `None` when it is time to stop.
    fn gather(&self) -> Option<Vec<Item>> {
        let mut queue = self.queue.lock();
        while queue.items.is_empty() && !queue.stop {
            self.wake.wait(&mut queue);
        }
        let deadline = Instant::now() + self.options.interval;
        while !queue.stop && self.pending.load(Ordering::Relaxed) < self.options.bytes {
            if self.wake.wait_until(&mut queue, deadline).timed_out() {
                break;
            }
        }
        let durable = self.durable.load(Ordering::Acquire);
        let ready = queue.items.iter().take_while(|item| item.after <= durable).count();
        if ready == 0 {
            if queue.stop {
                return None;
            }
            // The log is behind; looking again at once would only take its processor away.
            self.wake.wait_for(&mut queue, self.options.interval);
        }
        Some(queue.items.drain(..ready).collect())
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

/// Bytes a change takes while it waits, about.
fn size(change: &RowChange) -> usize {
    size_of::<RowChange>() + change.key.len() + change.value.as_ref().map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use market::rows::Row;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    type Writes = Arc<Mutex<Vec<(Position, Vec<RowChange>)>>>;

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
            Report::Failed(error) => panic!("{error}"),
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
