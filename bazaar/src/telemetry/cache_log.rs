//! The cache log: one JSON line for everything the cache does, `{"time":…,"action":"hit","name":"GameStart"}`.
//!
//! The cache runs at tens of thousands of reads a second and must never wait for a disk: records go through a bounded
//! queue to a thread of their own. When the queue is full, records are dropped, and the log says how many.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use market::name::Name;
use market::trade::WallTime;
use node::gateway::{CacheAction, CacheEvent};
use serde_json::json;

use super::timestamp::timestamp;

/// Most records that wait for the disk: a tenth of a second at full speed, about 32 bytes each.
const QUEUE: usize = 8_192;

/// Why there is no cache log.
#[derive(Debug, thiserror::Error)]
#[error("the cache log {}: {source}; correct `cache.log` or make its folder", file.display())]
pub struct CacheLogError {
    /// The file.
    file: PathBuf,
    /// Why.
    source: std::io::Error,
}

struct Record {
    time: WallTime,
    action: CacheAction,
    name: Name,
}

/// Writes the cache log. Dropping it writes what is queued.
pub struct CacheLog {
    queue: Option<SyncSender<Record>>,
    dropped: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl CacheLog {
    /// Opens a cache log; records are added to the end of the file.
    pub fn open(file: &Path) -> Result<Self, CacheLogError> {
        let failed = |source| CacheLogError { file: file.to_owned(), source };
        let out = File::options().create(true).append(true).open(file).map_err(failed)?;
        let (queue, records) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let dropped_there = Arc::clone(&dropped);
        let writer = std::thread::Builder::new()
            .name("cache-log".to_owned())
            .spawn(move || write_all(&records, BufWriter::new(out), &dropped_there))
            .map_err(failed)?;
        Ok(CacheLog { queue: Some(queue), dropped, writer: Some(writer) })
    }

    /// Notes one event. Never waits.
    pub fn note(&self, time: WallTime, event: &CacheEvent) {
        let record = Record { time, action: event.action, name: event.name.clone() };
        if self.queue.as_ref().is_none_or(|queue| queue.try_send(record).is_err()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for CacheLog {
    fn drop(&mut self) {
        self.queue = None; // ends the writer once the queue is empty
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Writes until the queue's other end is gone. Flushes whenever it has caught up, so a reader sees the log live.
fn write_all(records: &Receiver<Record>, mut out: impl Write, dropped: &AtomicU64) {
    while let Ok(first) = records.recv() {
        let waiting = std::iter::once(first).chain(records.try_iter());
        let mut outcome = Ok(());
        for record in waiting.take(QUEUE) {
            outcome = outcome.and_then(|()| write_record(&mut out, &record));
        }
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            metrics::counter!("bazaar_cache_log_dropped_total").increment(missed);
            let line = json!({ "action": "dropped", "count": missed });
            outcome = outcome.and_then(|()| writeln!(out, "{line}"));
        }
        if let Err(error) = outcome.and_then(|()| out.flush()) {
            tracing::warn!(%error, "the cache log cannot be written; it ends here");
            return;
        }
    }
}

fn write_record(out: &mut impl Write, record: &Record) -> std::io::Result<()> {
    let name = json!(record.name.as_str());
    let (time, action) = (timestamp(record.time), action_name(record.action));
    writeln!(out, "{{\"time\":\"{time}\",\"action\":\"{action}\",\"name\":{name}}}")
}

/// The word for an action, in logs and metrics.
pub(super) fn action_name(action: CacheAction) -> &'static str {
    match action {
        CacheAction::Hit => "hit",
        CacheAction::Miss => "miss",
        CacheAction::Fill => "fill",
        CacheAction::Evict => "evict",
        CacheAction::Invalidate => "invalidate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: CacheAction, name: &str) -> CacheEvent {
        CacheEvent { action, name: Name::new(name).unwrap() }
    }

    #[test]
    fn every_event_is_one_line_of_json() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cache.log");
        let log = CacheLog::open(&file).unwrap();
        log.note(WallTime(0), &event(CacheAction::Miss, "A \"b\""));
        log.note(WallTime(1_500), &event(CacheAction::Fill, "é"));
        drop(log);
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({ "time": "1970-01-01T00:00:00.000Z", "action": "miss", "name": "A \"b\"" }),
                json!({ "time": "1970-01-01T00:00:01.500Z", "action": "fill", "name": "é" }),
            ]
        );
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let (queue, records) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let log = CacheLog { queue: Some(queue), dropped: Arc::clone(&dropped), writer: None };
        for _ in 0..3 {
            log.note(WallTime(0), &event(CacheAction::Hit, "A"));
        }
        drop(log);
        let mut out = Vec::new();
        write_all(&records, &mut out, &dropped);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("\"count\":2"), "{text}");
    }

    #[test]
    fn a_folder_that_does_not_exist_is_named() {
        let error = CacheLog::open(Path::new("/nowhere/cache.log")).err().unwrap();
        assert!(error.to_string().contains("/nowhere/cache.log"));
    }
}
