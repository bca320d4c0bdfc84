//! What services say to each other. `wire` turns these into protobuf and back.
//!
//! Every message may be lost, doubled, reordered or delayed; each exchange is idempotent or guarded by a session,
//! an epoch or a version.

mod customers;

use market::listing::Listing;
use market::name::Name;
use market::order::{Order, OrderNumber};
use market::rows::Row;
use market::trade::{Trade, TradeRefusal};
use replication::contract::{Epoch, Incarnation, Position, SnapshotName};
use replication::register::{Configuration, Refusal, RegisterCommand};
use replication::time::{Span, Time};

pub use customers::{
    AccountSeen, Credentials, CustomerAnswer, CustomerQuestion, CustomerReply, CustomerRequest,
    SessionSeen, UnreadableCustomers,
};

/// Anything one service says to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    // Gateway to catalog and back: leases, invalidations, fills.
    /// Gateway: keep my lease alive.
    Renew(Renew),
    /// Catalog: the lease stands (or a new session starts).
    Lease(Lease),
    /// Catalog: drop these listings from the cache, then say so.
    Invalidate(Invalidate),
    /// Gateway: dropped.
    Invalidated(Invalidated),
    /// Gateway: what is this listing now?
    Fill(Fill),
    /// Catalog: this.
    Filled(Filled),

    /// Catalog: I lead the catalog's group. Sent when it begins, to whoever links up, and with the answer to each heartbeat.
    /// Whoever hears of several believes the highest term.
    Leads(Leads),

    // Anybody to catalog and back: the register.
    /// Order replica or gateway: tell me the configuration; I am alive.
    Heartbeat(Heartbeat),
    /// Catalog: the configuration now.
    Configuration(Configuration),
    /// Order replica or gateway: change the register.
    Configure(RegisterCommand),
    /// Catalog: refused, and this is how it stands. (A success is answered by `Configuration` alone.)
    Refused {
        /// Why.
        refusal: Refusal,
        /// How it stands.
        configuration: Configuration,
    },

    // Orders leader to catalog and back: decisions and the outbox.
    /// Orders leader: decide these trades.
    Decide(Decide),
    /// Catalog: decided.
    Decided(Decided),
    /// Orders leader: send me the outbox from here on.
    ReadOutbox(ReadOutbox),
    /// Catalog: a page of it.
    Outbox(Outbox),
    /// Orders leader: everything below this number is on two in-sync order disks.
    Trim(Trim),
    /// Catalog: your epoch is over.
    Fenced(Configuration),

    // Gateway to orders and back.
    /// Gateway: are you there?
    Ping {
        /// Comes back.
        nonce: u64,
    },
    /// Order replica: yes.
    Pong(Pong),
    /// Gateway: trades for the leader.
    Trades {
        /// Epoch the gateway knows.
        epoch: Epoch,
        /// The trades, each with the gateway's own name for it.
        trades: Vec<(u64, Trade)>,
    },
    /// Orders leader: answers to trades.
    Traded(Vec<(u64, TradeReply)>),
    /// Gateway: read orders by number.
    ReadOrders {
        /// Epoch the gateway knows.
        epoch: Epoch,
        /// The reads, each with the gateway's own name for it.
        reads: Vec<(u64, OrderNumber)>,
    },
    /// Order replica: answers to reads.
    OrdersRead(Vec<(u64, OrderReply)>),

    // Gateway to customers and back.
    /// Gateway: wishes and questions, each with the gateway's own name for it.
    AskCustomers(Vec<(u64, CustomerRequest)>),
    /// Member of the customers' group: answers to them.
    CustomersAnswer(Vec<(u64, CustomerReply)>),

    // Between replicas of one group.
    /// Of the group's engine.
    Replication(replication::contract::Message),
    /// Leader to a peer that misses more than the log holds: rows of a snapshot.
    SnapshotPart(SnapshotPart),
    /// The peer: taken, send the next part; or all of it is staged.
    SnapshotTaken(SnapshotTaken),
}

/// A catalog replica says that it leads its group and serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leads {
    /// In which term of the group.
    pub term: Epoch,
}

/// Some rows of a snapshot, in the sequence of their tables and keys.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotPart {
    /// Names the transfer; never repeats between these two replicas in one life of the sender.
    pub transfer: u64,
    /// From 0, without gaps.
    pub part: u64,
    /// The rows.
    pub rows: Vec<Row>,
    /// On the last part: which state all of this is.
    pub end: Option<SnapshotName>,
}

/// A part was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotTaken {
    /// The transfer.
    pub transfer: u64,
    /// Parts below this number are here; `None`: this transfer is not known here (any more), begin another.
    pub next: Option<u64>,
}

/// Keep-alive of a gateway's volume lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renew {
    /// Session the gateway holds, 0 for none.
    pub session: u64,
    /// Gateway's clock when it sent this; comes back unread.
    pub sent_at: Time,
}

/// Answer to [`Renew`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The session. If it is not the one the gateway holds, the gateway empties its cache first, then adopts it.
    pub session: u64,
    /// From the renewal: the lease counts from here, on the gateway's clock.
    pub sent_at: Time,
    /// How long; zero grants nothing.
    pub ttl: Span,
}

/// Drop these listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidate {
    /// To which session it belongs.
    pub session: u64,
    /// Ascending per session.
    pub number: u64,
    /// What to drop.
    pub names: Vec<Name>,
}

/// Confirmation of [`Invalidate`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidated {
    /// Session.
    pub session: u64,
    /// Which ones.
    pub numbers: Vec<u64>,
}

/// A question for one listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Session, 0 for none.
    pub session: u64,
    /// The gateway's token for this fill; an invalidation voids it.
    pub token: u64,
    /// Which listing.
    pub name: Name,
}

/// Answer to [`Fill`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Session for which `cacheable` holds.
    pub session: u64,
    /// From the question.
    pub token: u64,
    /// From the question.
    pub name: Name,
    /// The listing, if there is one. Its `version` is the position that changed it last.
    pub listing: Option<Listing>,
    /// No write of it was pending when this was read, and the session's lease stood.
    pub cacheable: bool,
}

/// An order replica says that it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Version of the configuration it knows.
    pub version: u64,
    /// It leads, and in this epoch; `None` if it does not lead.
    pub leads: Option<Epoch>,
}

/// Trades to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decide {
    /// Epoch of the sender; another one is fenced.
    pub epoch: Epoch,
    /// Names the batch.
    pub batch: u64,
    /// Decided in this order.
    pub trades: Vec<Trade>,
}

/// Decisions for one batch, in the order of its trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Epoch in which they were decided.
    pub epoch: Epoch,
    /// The batch.
    pub batch: u64,
    /// One per trade.
    pub outcomes: Vec<Outcome>,
    /// Orders minted by this batch, in number order, contiguous.
    pub orders: Vec<Order>,
}

/// What became of a trade, told apart from the order itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is this order (now or before).
    Order(OrderNumber),
    /// It was refused.
    Refused(TradeRefusal),
}

/// A read of the outbox; also a barrier: the answer reflects everything decided before it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOutbox {
    /// Epoch of the sender; another one is fenced.
    pub epoch: Epoch,
    /// Names the question.
    pub question: u64,
    /// First number wanted. At or above the next number, the page is empty: a mere barrier.
    pub from: OrderNumber,
}

/// A page of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbox {
    /// Epoch in which it was read.
    pub epoch: Epoch,
    /// From the question.
    pub question: u64,
    /// First number the outbox still holds (or the next number, if it is empty).
    pub first: OrderNumber,
    /// The number the next order will get: every order below it is decided.
    pub next: OrderNumber,
    /// Contiguous from the number asked for; a page may be cut short by its limit.
    pub orders: Vec<Order>,
}

/// The outbox may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trim {
    /// Epoch of the sender.
    pub epoch: Epoch,
    /// Version of the configuration whose in-sync set was counted.
    pub version: u64,
    /// First number still needed.
    pub keep_from: OrderNumber,
}

/// A replica answers a health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// From the ping.
    pub nonce: u64,
    /// The disk it speaks for.
    pub incarnation: Incarnation,
    /// Highest epoch it adopted.
    pub epoch: Epoch,
    /// Last position in its log.
    pub end: Position,
    /// It leads and is open for business.
    pub leads: bool,
    /// It is about to stop: do not elect it.
    pub draining: bool,
    /// The configuration it knows.
    pub version: u64,
}

/// Answer to one trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeReply {
    /// Decided.
    Done(Outcome),
    /// Ask the leader named here, under the same key. (If this replica just stopped leading, the trade may have been decided.)
    NotLeader(Configuration),
    /// The leader has too much to do; nothing was done.
    Busy,
}

/// Answer to one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderReply {
    /// The order.
    Found(Order),
    /// No such order was decided before the question was asked.
    NotFound,
    /// Ask the leader.
    NotLeader(Configuration),
    /// The replica has too much to do.
    Busy,
}
