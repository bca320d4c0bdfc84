//! Limits of processes, each with its unit and reason, in one place. The limits of the law stand in `market::limits`.

use replication::time::Span;

// ---- Everybody who talks to the catalog ----

/// A catalog that led and says nothing for this long is no measure for others any more: it would have said so with every answer to a
/// heartbeat, six of a gateway, thirty of an order replica. Only a group that was set up anew ever needs this.
pub const CATALOG_SILENCE: Span = Span::millis(3_000);

// ---- Orders leader ----

/// Most trades in one batch for the catalog: one batch is one entry of its log. 256 trades of about 100 bytes stay far below
/// one message's cap, and the disk's price is per write, not per byte.
pub const DECIDE_BATCH: usize = 256;

/// Batches under way between the orders leader and the catalog. Four hide one slow disk write behind three others.
pub const DECIDE_IN_FLIGHT: usize = 4;

/// While a batch is under way, a further one is sent only when this many trades wait: small batches cost a disk write each.
pub const DECIDE_EAGER: usize = 32;

/// Trades that may wait at the orders leader; above it gateways are told to shed. About 100 ms of work at 40,000 a second.
pub const TRADES_WAITING: usize = 4_096;

/// Trades the orders leader has in hand, decided ones that wait for the disks of the in-sync set included: as many as the engine
/// takes undelivered, about 50 bytes each. Above it gateways are told to shed.
pub const TRADES_IN_HAND: usize = 65_536;

/// Order reads that may wait at an order replica, for the same reason.
pub const READS_WAITING: usize = 4_096;

/// A batch without an answer is sent again after this long. Keys make that harmless; much longer than any healthy answer.
pub const DECIDE_RESEND: Span = Span::millis(250);

/// A question to the catalog without an answer is asked again after this long.
pub const QUESTION_RESEND: Span = Span::millis(150);

/// Pause before the outbox is read again after the engine took no more (it is full, or handing over): pages it cannot take
/// would only cost the catalog.
pub const OUTBOX_PAUSE: Span = Span::millis(50);

/// A leader that the group of the orders elected asks the register for itself, or proves that it may, no sooner than this after it
/// asked last. A round through the catalog's group takes a few milliseconds: two replicas that both take themselves for the leader
/// for a moment cost the register 20 epochs a second at the most, and a lost race costs nobody more than this.
pub const REGISTER_PAUSE: Span = Span::millis(50);

/// How often an order replica tells the catalog that it lives.
pub const HEARTBEAT: Span = Span::millis(100);

/// How often the orders leader lets the catalog cut its outbox. Rare enough to cost little, often enough to keep the outbox at a few hundred orders.
pub const TRIM_INTERVAL: Span = Span::millis(50);

/// How often a cut that the catalog may have missed is told again: without new orders nothing else would, and a full outbox lets
/// no new order in.
pub const TRIM_REPEAT: Span = Span::millis(1_000);

/// A leader that stops in good order waits this long for a successor, longer than its engine does (2 s); then it stops anyway.
pub const DRAIN_PATIENCE: Span = Span::millis(2_500);

/// Delivered orders kept in memory for reads, below what the store has not got yet anyway. About 200 bytes each.
pub const RECENT_ORDERS: usize = 4_096;

// ---- Catalog ----

/// Orders in one page of the outbox: about 100 KiB.
pub const OUTBOX_PAGE: usize = 1_024;

/// Commands gathered, under way or behind the gate at the catalog; above it batches are dropped and sent again by their owner. The owner's window
/// is [`DECIDE_IN_FLIGHT`]; the rest is room for restocks, trims and elections.
pub const COMMANDS_UNDER_WAY: usize = 256;

/// Prefixes of the log whose hashes a catalog replica remembers: an audit compares replicas at a position that the slowest of
/// them has reached. 16 bytes each; more than a minute of the fastest group.
pub const PREFIXES: usize = 65_536;

/// Answers held back by the gate. Each is a batch of decisions, a page or a fill; fills are bounded by the gateways' own tables.
pub const ANSWERS_HELD: usize = 65_536;

/// Questions that wait for the proof that the catalog they were put to still leads: as many as the gate holds answers.
pub const QUESTIONS_WAITING: usize = 65_536;

/// Such proofs under way at once. Each is a round of small messages through the group; four hide one slow round behind three others,
/// and what comes in meanwhile shares the next.
pub const BARRIERS_UNDER_WAY: usize = 4;

/// A catalog that hands its group over first lets go what is nearly done: about a disk write and a gateway's confirmation. What it
/// leaves unanswered then is asked again of the next leader.
pub const HAND_OVER_SETTLE: Span = Span::millis(20);

/// A catalog that handed over stays this long for the next reign to begin, with its vote and its disk: the longest election timeout
/// (400 ms) and some writes. Whoever has no success by then has lost more than this one replica.
pub const SUCCESSION: Span = Span::millis(500);

/// Length of a gateway's volume lease. A gateway that dies delays trades by this much, once; one that lives renews six times as often.
pub const LEASE: Span = Span::millis(300);

/// What the catalog adds to a lease before it believes that the lease is over: 1 % of clock drift, and 5 ms.
pub const LEASE_MARGIN: Span = Span::micros(3_000 + 5_000);

/// A gateway that leaves an invalidation unconfirmed for this long gets no renewal until it confirms; its lease then runs out.
pub const INVALIDATION_PATIENCE: Span = Span::millis(200);

/// An invalidation unconfirmed for this long is sent again with the next renewal.
pub const INVALIDATION_RESEND: Span = Span::millis(30);

/// Gateways' sessions remembered at once; each lives at most one lease after its gateway fell silent.
pub const SESSIONS: usize = 1_024;

/// The orders leader counts as alive while its last heartbeat is younger than this. Dampens elections, never needed for safety.
pub const LEADER_SILENCE: Span = Span::millis(500);

/// A majority of gateways that find the leader unreachable for this long may have it deposed though the catalog still hears it.
pub const SUSPICION: Span = Span::millis(2_000);

/// Listings refilled by one restock command.
pub const RESTOCK_BATCH: usize = 1_024;

// ---- Customers ----

/// Wishes a member of the customers' group has in hand: what it may wait for in two seconds at 8,000 a second. Above it gateways are
/// told to shed.
pub const CUSTOMER_WISHES: usize = 16_384;

/// Questions that may wait there for the proof that nothing newer was agreed on, for the same reason.
pub const CUSTOMER_QUESTIONS: usize = 16_384;

/// A wish that was not agreed on for this long is answered "unknown": three times as long as a group of members takes to go on
/// without one of them. The gateway asks another member under the same key.
pub const CUSTOMER_PATIENCE: Span = Span::millis(2_000);

/// A member that takes part no more answers "unknown" after this: a view is changed, or a leader elected, in less; then nobody has
/// to ask elsewhere.
pub const CUSTOMER_LOST: Span = Span::millis(600);

/// Purchases on one page of a buyer's history: at most 20 KiB each.
pub const CUSTOMER_PAGE: usize = 20;

/// Items whose thumbs are asked for at once: a page of a search, and then some.
pub const CUSTOMER_ITEMS: usize = 256;

/// Answers to one gateway are cut into messages of about this many bytes (256 KiB), so that nothing waits long behind them.
pub const CUSTOMER_ANSWER: usize = 256 << 10;

/// A session whose touch is under way is not touched again for this long: longer than the group usually takes to agree.
pub const TOUCH_AGAIN: Span = Span::millis(1_000);

/// Touches under way at once; above it a session in use is touched by a later request. 40 bytes each.
pub const TOUCHES_UNDER_WAY: usize = 16_384;

/// How often a member looks for sessions that are over: one command ends up to 64, so a backlog of 10,000 is gone in 16 s.
pub const SWEEP_INTERVAL: Span = Span::millis(100);

/// How long a session that is over waits for its removal, in milliseconds (5 s), times the place of the member that removes it:
/// others come in only where the first one does not. Until then it takes memory and counts nothing.
pub const SWEEP_LAG_MS: u64 = 5_000;

// ---- Snapshots ----

/// Bytes of keys and values in one part of a snapshot (1 MiB), give or take a row of a few KiB. The smallest rows cost as much again
/// on the wire, so a part stays below half of `wire::limits::MAX_BATCH_BYTES`, and heartbeats behind it do not wait long.
pub const SNAPSHOT_PART: usize = 1 << 20;

/// Peers that are brought level at once: a group of three has two, and each costs its leader a part in memory and an open read of
/// its store.
pub const SNAPSHOT_PEERS: usize = 2;

/// A transfer that the engine did not wish for during this time makes room for another peer's. Engines repeat a wish five times as often.
pub const SNAPSHOT_WISH: Span = Span::millis(1_000);

/// A part without an answer is sent again after this long: a healthy answer takes milliseconds, a part on a slow line half of this.
pub const SNAPSHOT_RESEND: Span = Span::millis(500);

/// A transfer that does not get on for this long is given up, whether disk or peer is silent: ten times a part was sent in vain.
pub const SNAPSHOT_PATIENCE: Span = Span::millis(5_000);

/// Most bytes of snapshots staged at a replica (1 GiB). A catalog's state is held in memory anyway, and one that is full in every
/// respect (listings, keys, outbox) has about 650 MB of rows.
pub const SNAPSHOT_STAGED: usize = 1 << 30;

/// What a staged row takes beside its key and value, in bytes: two vectors and the allocator's due.
pub const SNAPSHOT_ROW: usize = 96;

/// A transfer that was silent for this long yields to any other: twice what its sender waits before it sends a part again.
pub const SNAPSHOT_SILENCE: Span = Span::millis(1_000);

/// How long staged rows are kept that nobody goes on with or asks to be taken: several times what a sender and its engine wait.
pub const SNAPSHOT_KEPT: Span = Span::millis(30_000);

/// How long no snapshot is taken after one was refused: the next one would be no better, and each costs its whole length.
pub const SNAPSHOT_REFUSAL: Span = Span::millis(10_000);

const _: () = assert!(SNAPSHOT_SILENCE.0 >= 2 * SNAPSHOT_RESEND.0);
const _: () = assert!(SNAPSHOT_KEPT.0 > 2 * SNAPSHOT_PATIENCE.0);
const _: () = assert!(DECIDE_EAGER <= DECIDE_BATCH);
const _: () = assert!(DECIDE_IN_FLIGHT < COMMANDS_UNDER_WAY);
const _: () = assert!(LEASE_MARGIN.0 * 100 >= LEASE.0 + 500_000);
