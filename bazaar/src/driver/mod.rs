//! Runs one process of `node` in real time: feeds it inputs in bursts and performs the effects it asks for.
//!
//! ```text
//!  links, clients ─┐             ┌─ lock ─────────────┐   ┌─► links        (one call per peer and burst)
//!  log, store ─────┼─► mailbox ──┤ handle.. flush      ├───┼─► log thread   (group commit: one sync for all that wait)
//!  ticks ──────────┘   (burst)   └────────────────────┘   ├─► store thread (gathers, commits now and then)
//!                                                          └─► replies, events
//! ```
//!
//! The driver is one task of the runtime, not a thread: what wakes it (a link, a client) runs on the same threads, so
//! most bursts cost no switch between threads. The process is behind a lock that is never held across I/O, so that a
//! surface may look into it ([`Handle::act`]) without waiting for the driver.

pub mod clock;
mod log_writer;
mod mailbox;
mod perform;
mod run;
#[cfg(test)]
mod snapshot_tests;
mod snapshots;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use node::gateway::{ClientRequest, ClientResponse};
use node::message::Message;
use node::process::{Effect, Event, Input, Now, Process, RequestId};
use node::service::ServiceId;
use parking_lot::Mutex;
use replication::contract::Position;
use tokio::sync::{oneshot, watch};

pub use mailbox::InputSender;

use crate::storage::log::Log;
use crate::storage::store::{Store, WriterOptions};
use mailbox::{Item, Mailbox};

/// Exit code of a process that stopped rather than guess: "try again later", for whoever supervises it.
pub const EXIT_HALTED: u8 = 75;

/// Effects of [`Handle::act`] that may wait for the next tick before the driver is woken for them.
const STASHED: usize = 1_024;

/// The links of a process to others.
pub trait Links: Send + Sync {
    /// Sends messages in their sequence, or loses them. Must not wait.
    fn send(&self, to: ServiceId, messages: Vec<Message>);

    /// Sends everything that a burst of work produced, for each peer in its sequence. A network that carries one thing to many
    /// does better than one by one.
    fn send_all(&self, burst: Vec<(ServiceId, Vec<Message>)>) {
        for (to, messages) in burst {
            self.send(to, messages);
        }
    }
}

/// The disk of a process that has one.
pub struct Disk {
    /// Its log.
    pub log: Log,
    /// Its store.
    pub store: Arc<dyn Store>,
    /// When the store is written.
    pub writer: WriterOptions,
}

/// What a driver performs effects with.
pub struct Io {
    /// To other processes.
    pub links: Arc<dyn Links>,
    /// Where events go. Called by the driver for each event, so it should be quick.
    pub events: Arc<dyn Fn(Event) + Send + Sync>,
    /// Gateways have none.
    pub disk: Option<Disk>,
}

/// How a driver ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The process handed everything over after [`Handle::drain`]; its log and store are written.
    Drained,
    /// Somebody called [`Handle::stop`]; its log and store are written.
    Stopped,
    /// The process or its disk stopped rather than guess. Leave with [`EXIT_HALTED`].
    Halted(String),
}

/// What waits where, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Inputs for the process.
    pub inputs: usize,
    /// Writes for the log.
    pub log_writes: usize,
    /// Bytes for the store.
    pub store_bytes: usize,
}

/// The process, and effects that others caused.
struct Core<P> {
    process: P,
    stash: Vec<Effect>,
}

struct Shared<P> {
    core: Mutex<Core<P>>,
    mailbox: Arc<Mailbox>,
    requests: AtomicU64,
    ended: watch::Sender<Option<Ended>>,
    log_writes: AtomicUsize,
    store_bytes: AtomicUsize,
    /// The store is durable up to here.
    stored: AtomicU64,
}

/// Starts drivers.
pub struct Driver;

impl Driver {
    /// Runs a process until it drains, halts or is stopped. Must be called within a runtime. The way in for links is
    /// [`Handle::inputs`]; where links need it before they can be made, see [`Inbox`].
    pub fn spawn<P: Process + 'static>(process: P, io: Io) -> std::io::Result<Handle<P>> {
        Driver::spawn_with(Inbox::default(), process, io)
    }

    /// The same, with an inbox that links may have been given before.
    pub fn spawn_with<P: Process + 'static>(
        inbox: Inbox,
        process: P,
        io: Io,
    ) -> std::io::Result<Handle<P>> {
        let stored = io.disk.as_ref().map_or(Ok(0), |disk| disk.store.applied());
        let stored = stored.map_err(std::io::Error::other)?;
        let shared = Arc::new(Shared {
            core: Mutex::new(Core { process, stash: Vec::new() }),
            mailbox: inbox.mailbox,
            requests: AtomicU64::new(1),
            ended: watch::Sender::new(None),
            log_writes: AtomicUsize::new(0),
            store_bytes: AtomicUsize::new(0),
            stored: AtomicU64::new(stored),
        });
        let body = perform::Body::start(io, &shared.mailbox)?;
        tokio::spawn(run::run(Arc::clone(&shared), body));
        Ok(Handle { shared })
    }
}

/// The way into a process that may not run yet: inputs wait until its driver is spawned.
#[derive(Default)]
pub struct Inbox {
    mailbox: Arc<Mailbox>,
}

impl Inbox {
    /// The way in for links.
    pub fn sender(&self) -> InputSender {
        InputSender { mailbox: Arc::clone(&self.mailbox) }
    }
}

/// A running process.
pub struct Handle<P> {
    shared: Arc<Shared<P>>,
}

impl<P> Clone for Handle<P> {
    fn clone(&self) -> Self {
        Handle { shared: Arc::clone(&self.shared) }
    }
}

impl<P: Process + 'static> Handle<P> {
    /// Asks on behalf of a client. Dropping the future tells the process that the client went away.
    pub async fn client(&self, request: ClientRequest) -> ClientResponse {
        let nobody = match request {
            ClientRequest::Trade(_) => ClientResponse::Unknown,
            _ => ClientResponse::Unavailable { reason: "the process is stopping" },
        };
        let (reply, answer) = oneshot::channel();
        let id = self.shared.requests.fetch_add(1, Ordering::Relaxed);
        if !self.shared.mailbox.offer(Item::Client(id, request, reply)) {
            return match self.shared.mailbox.is_closed() {
                true => ClientResponse::Unavailable { reason: "the process is stopping" },
                false => ClientResponse::Busy,
            };
        }
        let mut leaving = Leaving { mailbox: &self.shared.mailbox, id: Some(id) };
        let response = answer.await;
        leaving.id = None;
        response.unwrap_or(nobody)
    }

    /// Looks into the process, or changes it in a way that asks for no effects.
    pub fn with<R>(&self, look: impl FnOnce(&mut P) -> R) -> R {
        let _doubt = Doubt(&self.shared.mailbox);
        look(&mut self.shared.core.lock().process)
    }

    /// Calls the process outside of a burst. Its effects are performed by the driver in their place among all others;
    /// events alone wait for its next burst or tick rather than wake it.
    pub fn act<R>(&self, call: impl FnOnce(&mut P, Now, &mut Vec<Effect>) -> R) -> R {
        let _doubt = Doubt(&self.shared.mailbox);
        let mut core = self.shared.core.lock();
        // Read under the lock: time must not go back between two calls of the process.
        let now = clock::now();
        let Core { process, stash } = &mut *core;
        let before = stash.len();
        let result = call(process, now, stash);
        let urgent = stash.len() >= STASHED
            || stash[before..].iter().any(|effect| !matches!(effect, Effect::Event(_)));
        if urgent && self.shared.mailbox.is_closed() {
            stash.clear();
        }
        drop(core);
        if urgent {
            self.shared.mailbox.nudge();
        }
        result
    }

    /// The way in for links.
    pub fn inputs(&self) -> InputSender {
        InputSender { mailbox: Arc::clone(&self.shared.mailbox) }
    }

    /// Asks the process to hand over what it leads; [`Handle::ended`] says when it has.
    pub fn drain(&self) {
        self.shared.mailbox.push(Item::Input(Input::Drain));
    }

    /// Ends the driver without any handing over; the log and the store are still written.
    pub fn stop(&self) {
        self.shared.mailbox.stop();
    }

    /// Waits until the driver ended, and says how.
    pub async fn ended(&self) -> Ended {
        let mut watch = self.shared.ended.subscribe();
        let ended = watch.wait_for(Option::is_some).await.map(|ended| ended.clone());
        // The sender lives in `shared`, which this handle keeps alive.
        ended.ok().flatten().unwrap_or(Ended::Stopped)
    }

    /// What waits where.
    pub fn pending(&self) -> Pending {
        Pending {
            inputs: self.shared.mailbox.waiting(),
            log_writes: self.shared.log_writes.load(Ordering::Relaxed),
            store_bytes: self.shared.store_bytes.load(Ordering::Relaxed),
        }
    }

    /// The position up to which the store is durable; 0 without a disk.
    pub fn stored(&self) -> Position {
        self.shared.stored.load(Ordering::Relaxed)
    }
}

/// Whoever panics while it holds the process leaves it in a state that nobody can vouch for: it must not go on.
struct Doubt<'a>(&'a Mailbox);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the process panicked: this is a bug, standard error says where".into());
        }
    }
}

/// Tells the process when a client's future is dropped before the answer came.
struct Leaving<'a> {
    mailbox: &'a Mailbox,
    id: Option<RequestId>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.mailbox.push(Item::Gone(id));
        }
    }
}
