//! The shape of every process: inputs in, effects out.
//!
//! A driver (the body, or the simulator) calls [`Process::handle`] for each input of a burst, then [`Process::flush`] once, then
//! performs the effects in order. Nothing is promised to anybody before the effects say so.

use market::rows::{Row, RowChange, Table};
use market::trade::WallTime;
use replication::contract::{Entry, LogWrite, Position};
use replication::time::Time;

use crate::gateway::{ClientRequest, ClientResponse};
use crate::message::Message;
use crate::service::ServiceId;

/// The two clocks a driver passes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, and also running while the machine sleeps; this process's own.
    pub time: Time,
    /// Wall clock; may jump. Only ever put into commands and keys, never compared with a lease.
    pub wall: WallTime,
}

/// Names one client request, from the driver; comes back with the response.
pub type RequestId = u64;

/// Names one write of the log, ascending.
pub type Ticket = u64;

/// What can happen to a process.
#[derive(Clone, Debug)]
pub enum Input {
    /// A link to another service stands.
    LinkUp(ServiceId),
    /// A link broke; messages under way may be lost.
    LinkDown(ServiceId),
    /// A message came in. Messages may be lost, doubled, reordered, delayed.
    Received {
        /// Who sent it.
        from: ServiceId,
        /// What it says.
        message: Message,
    },
    /// The log is durable up to and including this ticket.
    Persisted(Ticket),
    /// The store durably reflects everything up to this position.
    Stored(Position),
    /// Answer to [`Effect::ReadHistory`]: gapless from the position asked for, maybe fewer than asked.
    History {
        /// As in the question.
        purpose: HistoryPurpose,
        /// What the store has.
        entries: Vec<Entry>,
    },
    /// Answer to [`Effect::ReadSnapshot`].
    SnapshotRows {
        /// As in the question.
        transfer: u64,
        /// The position that all rows of this transfer reflect.
        position: Position,
        /// Rows in the sequence of their tables and keys, from the place asked for.
        rows: Vec<Row>,
        /// No rows follow.
        end: bool,
    },
    /// Answer to [`Effect::Replace`]: it is durable.
    Replaced(Position),
    /// A client asks (gateways only).
    Client {
        /// Comes back with the response.
        id: RequestId,
        /// What the client wants.
        request: ClientRequest,
    },
    /// The client went away; no response is needed any more. A trade that was sent on goes on.
    ClientGone(RequestId),
    /// Time passed; at least every 10 ms.
    Tick,
    /// Get ready to stop in good order: hand over what you lead. [`Effect::Drained`] says when done.
    Drain,
}

/// Why history is read; carried through so that the answer finds its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryPurpose {
    /// The engine brings a peer level.
    CatchUp,
    /// A client asked for one old order.
    Order {
        /// Names the question.
        read: u64,
    },
}

/// What a process wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a message; dropped silently when no link stands.
    Send {
        /// To whom.
        to: ServiceId,
        /// What to say.
        message: Message,
    },
    /// Make these log writes durable, then say [`Input::Persisted`].
    Persist {
        /// Names the write.
        ticket: Ticket,
        /// What to write, in order.
        writes: Vec<LogWrite>,
    },
    /// Apply these row changes to the store when convenient, in order, a whole position at a time, and say [`Input::Stored`]
    /// once they are durable. The log below a stored position may be cut.
    Store {
        /// The position the store reflects after these changes.
        position: Position,
        /// What changes.
        changes: Vec<RowChange>,
    },
    /// Read `max` entries of the history table from a position.
    ReadHistory {
        /// Comes back with the answer.
        purpose: HistoryPurpose,
        /// First position wanted.
        from: Position,
        /// Most entries wanted.
        max: usize,
    },
    /// Read the store's rows, all tables, as of one position: the first question of a transfer fixes the position, every
    /// further one sees the same rows. At least one row per answer, if any is left.
    ReadSnapshot {
        /// Names the transfer.
        transfer: u64,
        /// The last row read already; `None` begins.
        after: Option<(Table, Vec<u8>)>,
        /// About how many bytes of keys and values are wanted.
        max_bytes: usize,
    },
    /// A transfer is over, done or not: let go of its rows.
    CloseSnapshot {
        /// Which.
        transfer: u64,
    },
    /// Throw away all rows of the store, and what waits to be written, and put these in their place, in one step; say
    /// [`Input::Replaced`] once that is durable. The log is told apart ([`LogWrite::Reset`]), afterwards.
    Replace {
        /// The position the store reflects then.
        position: Position,
        /// All rows there are then.
        rows: Vec<Row>,
    },
    /// Answer a client.
    Reply {
        /// Which request.
        id: RequestId,
        /// The answer.
        response: ClientResponse,
    },
    /// Something worth logging and counting happened.
    Event(Event),
    /// Everything this process led is handed over; it may stop.
    Drained,
    /// Stop at once rather than guess; the text says what is wrong and what an operator can do.
    Halt(String),
}

/// Something worth logging and counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This replica's role changed.
    Role(replication::contract::Changed),
    /// The configuration of the orders group, as this process now knows it, changed.
    Configuration(replication::register::Configuration),
    /// The gateway's cache did something.
    Cache(crate::gateway::CacheEvent),
    /// Anything else, for the log: a short stable slug, and details for a person.
    Note {
        /// Stable name.
        slug: &'static str,
        /// Details.
        detail: String,
    },
}

/// One process, without I/O.
pub trait Process: Send {
    /// Takes one input.
    fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>);

    /// Ends a burst of inputs: batches are closed and sent here.
    fn flush(&mut self, now: Now, effects: &mut Vec<Effect>);
}
