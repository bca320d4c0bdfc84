//! Performs effects: the only hands a process has.

use std::collections::HashMap;
use std::sync::Arc;

use node::gateway::ClientResponse;
use node::message::Message;
use node::process::{Effect, Event, HistoryPurpose, Input, RequestId, Ticket};
use node::service::ServiceId;
use replication::contract::Position;
use tokio::sync::oneshot;

use super::log_writer::{LogWriter, Report as LogReport};
use super::mailbox::{Item, Mailbox};
use super::snapshots::Snapshots;
use super::{Disk, Ended, Io, Links};
use crate::storage::store::{Report as StoreReport, Store, StoreWriter};

/// Log writes that may wait before inputs are held back: a few bursts of the fullest load.
const LOG_WAITING: usize = 65_536;
/// Bytes that may wait for the store before inputs are held back (64 MiB): many times what one commit takes.
const STORE_WAITING: usize = 64 << 20;

/// The disk's two threads. The log's ends first: what it makes durable, the store may still write.
struct Writers {
    log: LogWriter,
    store_writer: Arc<StoreWriter>,
    store: Arc<dyn Store>,
    snapshots: Snapshots,
    /// The last ticket that was submitted.
    ticket: Ticket,
}

/// Links, disk, clients and events of one process.
pub(super) struct Body {
    mailbox: Arc<Mailbox>,
    links: Arc<dyn Links>,
    events: Arc<dyn Fn(Event) + Send + Sync>,
    writers: Option<Writers>,
    replies: HashMap<RequestId, oneshot::Sender<ClientResponse>>,
    outgoing: Vec<(ServiceId, Vec<Message>)>,
}

impl Body {
    /// Starts the disk's threads, if there is a disk.
    pub(super) fn start(io: Io, mailbox: &Arc<Mailbox>) -> std::io::Result<Body> {
        let writers = io.disk.map(|disk| Writers::start(disk, mailbox)).transpose()?;
        Ok(Body {
            mailbox: Arc::clone(mailbox),
            links: io.links,
            events: io.events,
            writers,
            replies: HashMap::new(),
            outgoing: Vec::new(),
        })
    }

    /// A client waits.
    pub(super) fn expect_reply(&mut self, id: RequestId, reply: oneshot::Sender<ClientResponse>) {
        self.replies.insert(id, reply);
    }

    /// A client no longer waits; says whether it still had no answer.
    pub(super) fn forget_reply(&mut self, id: RequestId) -> bool {
        self.replies.remove(&id).is_some()
    }

    /// The store has everything up to here, so the log may let go of it.
    pub(super) fn cut_log(&self, stored: Position) {
        if let Some(writers) = &self.writers {
            writers.log.cut(stored);
        }
    }

    /// Writes and bytes that wait for the disk.
    pub(super) fn waiting(&self) -> (usize, usize) {
        self.writers.as_ref().map_or((0, 0), |Writers { log, store_writer, .. }| {
            (log.waiting(), store_writer.pending_bytes() + store_writer.replacing_bytes())
        })
    }

    /// The disk is so far behind that the process should get no new work.
    ///
    /// Rows that replace the store do not count, however many: they were held before they came here, nothing is delivered
    /// and so nothing piles up before they are written, and a process that stopped listening meanwhile would lose its leader.
    pub(super) fn is_behind(&self) -> bool {
        self.writers.as_ref().is_some_and(|Writers { log, store_writer, .. }| {
            log.waiting() > LOG_WAITING || store_writer.pending_bytes() > STORE_WAITING
        })
    }

    /// Performs a burst's effects in their sequence; messages go out last, one batch per peer. Tells if this is the end.
    pub(super) fn perform(&mut self, effects: &mut Vec<Effect>) -> Option<Ended> {
        let ticket = effects.iter().rev().find_map(|effect| match effect {
            Effect::Persist { ticket, .. } => Some(*ticket),
            _ => None,
        });
        if let (Some(writers), Some(ticket)) = (&mut self.writers, ticket) {
            writers.ticket = ticket;
        }
        let mut ended = None;
        for effect in effects.drain(..) {
            match self.perform_one(effect) {
                Some(Ended::Halted(why)) => {
                    // At once: what the process says after it doubts itself is worth nothing.
                    self.outgoing.clear();
                    return Some(Ended::Halted(why));
                }
                Some(end) => ended = Some(end),
                None => {}
            }
        }
        if !self.outgoing.is_empty() {
            self.links.send_all(std::mem::take(&mut self.outgoing));
        }
        ended
    }

    fn perform_one(&mut self, effect: Effect) -> Option<Ended> {
        match effect {
            Effect::Send { to, message } => self.send(to, message),
            Effect::Reply { id, response } => {
                if let Some(reply) = self.replies.remove(&id) {
                    // The client may have left in this very moment.
                    let _ = reply.send(response);
                }
            }
            Effect::Event(event) => (self.events)(event),
            Effect::Persist { ticket, writes } => match &self.writers {
                Some(writers) => writers.log.submit(ticket, writes),
                None => return diskless("write a log"),
            },
            Effect::Store { position, changes } => match &self.writers {
                Some(Writers { store_writer, ticket, .. }) => {
                    store_writer.submit(position, changes, *ticket);
                }
                None => return diskless("write a store"),
            },
            Effect::ReadHistory { purpose, from, max } => match &self.writers {
                Some(writers) => read_history(&writers.store, &self.mailbox, purpose, from, max),
                None => return diskless("read a store"),
            },
            Effect::ReadSnapshot { transfer, after, max_bytes } => match &mut self.writers {
                Some(Writers { snapshots, store, .. }) => {
                    snapshots.read(transfer, after, max_bytes, store, &self.mailbox);
                }
                None => return diskless("read a store"),
            },
            Effect::CloseSnapshot { transfer } => {
                if let Some(writers) = &mut self.writers {
                    writers.snapshots.close(transfer);
                }
            }
            Effect::Replace { position, rows } => match &self.writers {
                Some(writers) => writers.store_writer.replace(position, rows),
                None => return diskless("replace a store"),
            },
            Effect::Drained => return Some(Ended::Drained),
            Effect::Halt(why) => return Some(Ended::Halted(why)),
        }
        None
    }

    fn send(&mut self, to: ServiceId, message: Message) {
        // A handful of peers: looking through them is quicker than hashing.
        match self.outgoing.iter_mut().find(|(peer, _)| *peer == to) {
            Some((_, messages)) => messages.push(message),
            None => self.outgoing.push((to, vec![message])),
        }
    }

    /// Writes what waits for the disk, and ends its threads. Blocks.
    pub(super) fn finish(&mut self) {
        self.replies.clear();
        if let Some(Writers { log, store_writer, .. }) = self.writers.take() {
            drop(log);
            drop(store_writer);
        }
    }
}

fn diskless(wish: &str) -> Option<Ended> {
    Some(Ended::Halted(format!("a process without a disk wants to {wish}; this is a bug")))
}

impl Writers {
    fn start(disk: Disk, mailbox: &Arc<Mailbox>) -> std::io::Result<Writers> {
        let to = Arc::clone(mailbox);
        let store = Arc::clone(&disk.store);
        let store_writer = StoreWriter::spawn(store, disk.writer, move |report| match report {
            StoreReport::Stored(position) => to.stored(position),
            StoreReport::Replaced(position) => to.replaced(position),
            StoreReport::Failed(error) => to.fail(error.to_string()),
        })?;
        let store_writer = Arc::new(store_writer);
        let (to, of_store) = (Arc::clone(mailbox), Arc::clone(&store_writer));
        let log = LogWriter::spawn(disk.log, move |report| match report {
            LogReport::Persisted(ticket) => {
                of_store.log_durable(ticket);
                to.persisted(ticket);
            }
            LogReport::Failed(why) => to.fail(why),
        })?;
        Ok(Writers {
            log,
            store_writer,
            store: disk.store,
            snapshots: Snapshots::default(),
            ticket: 0,
        })
    }
}

/// Reads history on a thread that may block, and sends it back as an input. The process bounds how many reads are under way.
fn read_history(
    store: &Arc<dyn Store>,
    mailbox: &Arc<Mailbox>,
    purpose: HistoryPurpose,
    from: Position,
    max: usize,
) {
    let (store, mailbox) = (Arc::clone(store), Arc::clone(mailbox));
    tokio::task::spawn_blocking(move || match store.history(from, max) {
        Ok(entries) => mailbox.push(Item::Input(Input::History { purpose, entries })),
        Err(error) => mailbox.fail(error.to_string()),
    });
}
