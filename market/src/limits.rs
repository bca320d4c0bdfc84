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

/// How far a client's clock may run ahead of the catalog's, in milliseconds (1 minute): keys are kept that much longer, so a
/// key with its time inside is refused before it is forgotten.
pub const KEY_SKEW_MS: u64 = 60 * 1_000;

/// How far a key's birth may lie ahead of the law's time and still count, in milliseconds (1 hour): such a key is kept until its
/// own horizon is over, because the law's time may catch up in one step when a clock that was behind is set right.
pub const KEY_AHEAD_MS: u64 = 60 * 60 * 1_000;

/// Most keys forgotten by one command: after a long pause the backlog is worked off over several commands instead of
/// stopping one of them. More than any batch of trades brings in, so the table never lags behind under load.
pub const MAX_FORGOTTEN_PER_COMMAND: usize = 4_096;

/// Most keys in one row of the store (about 8 KiB): a batch of trades is one row, written once and removed once.
pub const KEYS_PER_ROW: usize = 256;

/// Highest order number: the key table packs an outcome into 64 bits, two of them for its sort. 4.6 * 10^18 is never reached.
pub const MAX_ORDER_NUMBER: u64 = (1 << 62) - 1;

/// Longest encoded order, in bytes; the real maximum is 191 (a name of 32 characters has up to 128).
pub const MAX_ORDER_BYTES: usize = 256;

/// Longest encoded command, in bytes: a full catalog being loaded, 160 bytes a listing.
pub const MAX_COMMAND_BYTES: usize = 160 * MAX_LISTINGS;
