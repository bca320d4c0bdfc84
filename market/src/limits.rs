//! Limits of the law, each with its unit and reason. The limits of processes stand in `node::limits`.

/// Most units in one trade. Large enough for any real order, small enough that 2^43 such trades cannot overflow a counter.
pub const MAX_QUANTITY: u64 = 1_000_000;

/// Most units a listing may hold; a sell that would pass it is refused. 2^53 - 1: the largest whole number every JSON reader keeps exact.
pub const MAX_STOCK: u64 = (1 << 53) - 1;

/// Highest price, in minor units (cents): 10^12, so that price times quantity stays far below 2^64.
pub const MAX_PRICE_MINOR: u64 = 1_000_000_000_000;

/// Longest listing name, in characters.
pub const MAX_NAME_CHARS: usize = 32;

/// Most listings in a catalog: they are hot state, held in memory (about 300 bytes each).
pub const MAX_LISTINGS: usize = 1_000_000;

/// Most idempotency keys remembered at once: about 80 bytes each in memory. At the limit trades are shed, never keys forgotten early.
pub const MAX_KEYS: usize = 4_000_000;

/// Most orders kept in the outbox: reached only when fewer than two order disks take them for a long time; about 200 bytes each.
pub const MAX_OUTBOX: usize = 500_000;

/// How long a key is remembered after its decision, in milliseconds (15 minutes).
pub const KEY_HORIZON_MS: u64 = 15 * 60 * 1_000;
