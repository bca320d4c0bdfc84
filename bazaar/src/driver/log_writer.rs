//! The thread that writes the log: everything that queued up while the last sync ran becomes one batch.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use node::process::Ticket;
use parking_lot::{Condvar, Mutex};
use replication::contract::{LogWrite, Position};

use crate::storage::log::{Log, LogError};

/// What the writer tells.
#[derive(Debug)]
pub(super) enum Report {
    /// Everything up to this ticket is durable.
    Persisted(Ticket),
    /// A write failed; the process must stop.
    Failed(String),
}

#[derive(Default)]
struct Queue {
    writes: Vec<LogWrite>,
    /// The last ticket among the writes.
    ticket: Option<Ticket>,
    /// The store has everything up to here.
    cut: Option<Position>,
    stop: bool,
    /// The thread waits and must be woken.
    idle: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

/// Handle of the log's thread. Dropping it writes what waits and ends the thread.
pub(super) struct LogWriter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// Starts the thread. `report` is called on it.
    pub(super) fn spawn(
        log: Log,
        report: impl Fn(Report) + Send + 'static,
    ) -> io::Result<LogWriter> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| of_thread.run(log, &report)));
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => report(Report::Failed(error.to_string())),
                Err(_) => report(Report::Failed("writing the log panicked".into())),
            }
        };
        let thread = std::thread::Builder::new().name("log".into()).spawn(run)?;
        Ok(LogWriter { shared, thread: Some(thread) })
    }

    /// Queues writes; they are durable when their ticket, or a later one, is reported.
    pub(super) fn submit(&self, ticket: Ticket, mut writes: Vec<LogWrite>) {
        self.change(|queue| {
            queue.writes.append(&mut writes);
            queue.ticket = Some(ticket);
        });
    }

    /// Lets segments go that hold nothing above a stored position.
    pub(super) fn cut(&self, stored: Position) {
        self.change(|queue| queue.cut = Some(stored));
    }

    /// Writes that wait; those under way are not counted.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue.lock().writes.len()
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.shared.queue.lock();
        change(&mut queue);
        let wake = std::mem::take(&mut queue.idle);
        drop(queue);
        if wake {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.change(|queue| queue.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, mut log: Log, report: &impl Fn(Report)) -> Result<(), LogError> {
        let mut batch = Vec::new();
        loop {
            let Some((ticket, cut)) = self.next(&mut batch) else { return Ok(()) };
            if let Some(ticket) = ticket {
                log.append(&batch)?;
                report(Report::Persisted(ticket));
            }
            if batch.iter().any(|write| matches!(write, LogWrite::Digest(_))) {
                // Durable now: what it stands for may go, wherever the store is.
                log.cut(0)?;
            }
            batch.clear();
            if let Some(stored) = cut {
                log.cut(stored)?;
            }
        }
    }

    /// Waits for work and takes all of it, leaving the emptied batch's memory behind. `None` when there is none left and
    /// the thread shall stop.
    fn next(&self, batch: &mut Vec<LogWrite>) -> Option<(Option<Ticket>, Option<Position>)> {
        let mut queue = self.queue.lock();
        loop {
            if queue.ticket.is_some() || queue.cut.is_some() {
                std::mem::swap(&mut queue.writes, batch);
                return Some((queue.ticket.take(), queue.cut.take()));
            }
            if queue.stop {
                return None;
            }
            queue.idle = true;
            self.wake.wait(&mut queue);
        }
    }
}
