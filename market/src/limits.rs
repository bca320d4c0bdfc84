//! Limits of the law, each with its unit and reason. The limits of processes stand in `node::limits`.

/// Most units in one trade. Large enough for any real order, small enough that 2^43 such trades cannot overflow a counter.
pub const MAX_QUANTITY: u64 = 1_000_000;

/// Most units a listing may hold; a sell that would pass it is refused. 2^53 - 1: the largest whole number every JSON reader keeps exact.
pub const MAX_STOCK: u64 = (1 << 53) - 1;

/// Highest price, in minor units (cents): 10^12, so that price times quantity stays far below 2^64.
pub const MAX_PRICE_MINOR: u64 = 1_000_000_000_000;

/// Longest name of a listing, an item or an account, and longest login name, in characters.
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

// ---- Customers ----

/// Highest category of an item: categories are one digit.
pub const MAX_CATEGORY: u8 = 9;

/// Most accounts of both kinds together: hot state, held in memory (about 500 bytes each).
pub const MAX_ACCOUNTS: usize = 1_000_000;

/// Longest password hash, in bytes: an Argon2id hash with its salt and parameters has 97 in its usual form.
pub const MAX_PASSWORD_HASH_BYTES: usize = 160;

/// Most sessions at once: held in memory (about 400 bytes each, with what finds them again), as many as accounts.
pub const MAX_SESSIONS: usize = 1_000_000;

/// Most sessions of one account: more devices than anybody uses. The one unused for longest makes room for a new one.
pub const MAX_SESSIONS_PER_ACCOUNT: usize = 16;

/// Shortest idle time of a session, in milliseconds (1 second): below it the touches of its own requests would come too late.
pub const MIN_IDLE_MS: u64 = 1_000;

/// Longest idle time of a session, in milliseconds (12 hours): no session lives longer anyway.
pub const MAX_IDLE_MS: u64 = MAX_SESSION_MS;

/// Longest life of a session, in milliseconds (12 hours), however busy: what a stolen token is good for at the most.
pub const MAX_SESSION_MS: u64 = 12 * 60 * 60 * 1_000;

/// A session is touched by reads only when this fraction of its idle time has passed since it was last touched, and ends that
/// much later: a session in use costs 16 commands per idle time at the most, and ends at most a sixteenth late, never early.
pub const TOUCH_FRACTION: u64 = 16;

/// Most sessions touched by one command: 8 KiB of hashes.
pub const MAX_TOUCHED_PER_COMMAND: usize = 256;

/// Most sessions ended by one command because their time is over: after a long pause the backlog is worked off over several
/// commands instead of stopping one of them. More than any command can begin, so the table never lags behind under load.
pub const MAX_ENDED_PER_COMMAND: usize = 64;

/// Most items in a cart, and lines in a purchase: a cart is one row of at most 3 KiB.
pub const MAX_CART_LINES: usize = 100;

/// Highest total of a purchase, in minor units. 2^53 - 1: the largest whole number every JSON reader keeps exact.
pub const MAX_TOTAL_MINOR: u64 = (1 << 53) - 1;

/// How long a purchase may be under way before its cart may be bought under another name, in milliseconds (15 minutes): by then
/// an authorisation that nobody finished is void.
pub const CHECKOUT_MS: u64 = 15 * 60 * 1_000;

/// Most purchases remembered: held in memory for now (about 100 bytes each, and 100 a line). At the limit nothing is recorded
/// and nothing is lost: the orders hold them.
pub const MAX_PURCHASES: usize = 1_000_000;

/// Failed sign-ins of one account before it refuses further ones: a person's mistakes, not a machine's.
pub const MAX_FAILED_SIGN_INS: u32 = 10;

/// How long failed sign-ins are counted, and an account refuses then, in milliseconds (15 minutes).
pub const FAILED_SIGN_INS_MS: u64 = 15 * 60 * 1_000;

/// Most idempotency keys of customers' commands remembered at once: about 130 bytes each in memory. 8,000 commands a second fill
/// it; at the limit commands are shed, never keys forgotten early.
pub const MAX_CUSTOMER_KEYS: usize = 1_000_000;

/// How long the key of a customers' command is good for, in milliseconds (2 minutes): gateways try a command again for
/// seconds. Purchases do not rest on it: their names are remembered for ever.
pub const CUSTOMER_KEY_HORIZON_MS: u64 = 2 * 60 * 1_000;

/// How far a key's birth may lie ahead of the law's time, in milliseconds (1 hour); a key from further ahead is refused, so one
/// wrong clock cannot have keys remembered for ever.
pub const CUSTOMER_KEY_AHEAD_MS: u64 = 60 * 60 * 1_000;

/// Longest encoded command of the customers, in bytes: a purchase of 100 lines has up to 17,000.
pub const MAX_CUSTOMER_COMMAND_BYTES: usize = 24 * 1_024;

/// Longest row of the customers, in bytes: a cart of 100 lines with a checkout of as many has up to 19,000.
pub const MAX_CUSTOMER_ROW_BYTES: usize = 24 * 1_024;

// ---- The bank ----

/// Longest key of a charge, in bytes: twice the 64 hexadecimal digits that a purchase's name has.
pub const MAX_PAYMENT_KEY_BYTES: usize = 128;

/// Longest name on a card, in characters: cards have room for 26, forms for more.
pub const MAX_CARD_HOLDER_CHARS: usize = 64;

/// Longest encoded entry of the bank, in bytes; the real maximum is 46.
pub const MAX_PAYMENT_ENTRY_BYTES: usize = 64;
