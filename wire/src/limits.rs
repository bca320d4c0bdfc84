//! Limits of the speech, each with its unit and reason.
//!
//! A sender keeps within them (its own limits are lower, and what does not [fit](crate::fits()) is not sent); a receiver treats
//! what exceeds them as a broken link. [`MAX_BATCH_BYTES`] bounds what is read before any of them is looked at.

/// Longest batch on the wire, in bytes (4 MiB, also what gRPC libraries take by default). A longer one breaks the link.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// Highest [`cost`](crate::cost()) of a single message that can be sent at all, in bytes; leaves room for the batch around it.
pub const MAX_MESSAGE_COST: usize = MAX_BATCH_BYTES - 4096;

/// A link closes a batch at this cost, in bytes (1 MiB): large enough that its overhead vanishes, small enough that heartbeats
/// behind it do not wait long.
pub const BATCH_TARGET_COST: usize = 1 << 20;

/// Most messages in one batch. Bursts have tens; a thousand more means that the receiver was asleep.
pub const MAX_BATCH_MESSAGES: usize = 4096;

/// Most trades, outcomes, reads or replies in one message. Batches have up to 256 trades, but all the answers that a commit
/// frees at once go out together: as many as gateways may have under way.
pub const MAX_ITEMS: usize = 65_536;

/// Most orders in one message: 8192 of at most 220 bytes stay below 2 MiB.
pub const MAX_ORDERS: usize = 8192;

/// Longest request to the customers, or answer of theirs, in bytes (512 KiB): a page of 20 purchases of 100 lines has up to 360,000.
pub const MAX_CUSTOMER_BYTES: usize = 512 << 10;

/// Most names in one invalidation: 16384 of at most 130 bytes stay below 2.2 MiB.
pub const MAX_NAMES: usize = 16_384;

/// Most invalidations confirmed in one message, 10 bytes each.
pub const MAX_NUMBERS: usize = 65_536;

/// Most log entries in one append.
pub const MAX_ENTRIES: usize = 8192;

/// Longest command of a log entry, in bytes (1 MiB); an order has about 100.
pub const MAX_COMMAND_BYTES: usize = 1 << 20;

/// Longest envelope of a log entry of the Raft engine, in bytes (3 MiB): such an entry travels whole, so a message that
/// holds nothing else must fit. A batch of trades has about 25 KiB; only the first listings of a catalog come near.
pub const MAX_ENVELOPE_BYTES: usize = 3 << 20;

/// Longest context of a Raft message, in bytes: the number of a barrier, or a word about a campaign.
pub const MAX_CONTEXT_BYTES: usize = 64;

/// Longest mark of an engine beside a store, in bytes (64 KiB): 255 members with their disks need about 6 KiB.
pub const MAX_MARK_BYTES: usize = 64 << 10;

/// Most rows in one part of a snapshot; the smallest rows have about 40 bytes.
pub const MAX_ROWS: usize = 65_536;

/// Longest key of a row, in bytes; the real maximum is a listing's name of 128.
pub const MAX_ROW_KEY_BYTES: usize = 256;

/// Longest value of a row, in bytes (1 MiB); a row of idempotency keys has about 8 KiB.
pub const MAX_ROW_VALUE_BYTES: usize = 1 << 20;

/// Most replicas in a group: an id is one byte and never 0.
pub const MAX_REPLICAS: usize = 255;

/// Longest name of a deployment, in bytes.
pub const MAX_CLUSTER_BYTES: usize = 64;

/// Most rows on one page of orders, about 130 bytes each.
pub const PAGE_ORDERS: usize = 4096;

/// Most bytes of encoded orders on one page (1 MiB), whatever their number.
pub const PAGE_BYTES: usize = 1 << 20;

/// Most listings on one page of a catalog, at most 250 bytes each.
pub const PAGE_LISTINGS: usize = 4096;

/// Longest name of a counter or a program version, in bytes.
pub const MAX_LABEL_BYTES: usize = 128;

/// Most counters, or links, in one status.
pub const MAX_STATUS_ITEMS: usize = 1024;

const _: () = assert!(MAX_ENVELOPE_BYTES + 4096 <= MAX_MESSAGE_COST);
const _: () = assert!(MAX_CUSTOMER_BYTES + 4096 <= MAX_MESSAGE_COST);
const _: () =
    assert!(MAX_ROW_KEY_BYTES + MAX_ROW_VALUE_BYTES + 4096 + MAX_MARK_BYTES <= MAX_MESSAGE_COST);
