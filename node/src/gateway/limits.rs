//! Limits of the gateway, each with its unit and reason.

use replication::time::Span;

use crate::limits::LEASE;

/// Most trades and order reads waiting for an answer at once. About 300 bytes each, so 5 MB; at 5,000 trades a second this is
/// three seconds of work, more than a client would wait for anyway.
pub const MAX_ERRANDS: usize = 16_384;

/// Most clients waiting for a listing at once: about 100 bytes each, and several times the connections a gateway takes.
pub const MAX_READS: usize = 16_384;

/// Most questions for listings under way at once. Clients may invent names, so this bounds what inventing costs.
pub const MAX_FILLS: usize = 4_096;

/// Most trades in one message: what the orders leader takes as one batch, so that one message never blocks the stream for long.
pub const MAX_TRADES_PER_MESSAGE: usize = 256;

/// Most order reads in one message, as for trades.
pub const MAX_READS_PER_MESSAGE: usize = 256;

/// Most invalidation numbers confirmed in one message: 8 bytes each.
pub const MAX_CONFIRMATIONS_PER_MESSAGE: usize = 1_024;

/// How often the volume lease is renewed: a lease of 300 ms survives four lost renewals in a row.
pub const RENEW_INTERVAL: Span = Span::millis(50);

/// Shortest time between two renewals, however eager: a catalog that changes sessions on every one must not be answered in a loop.
pub const RENEW_MIN_GAP: Span = Span::millis(5);

/// A session is held against grants of an earlier reign of the catalog until nothing was heard of it for this long: several leases,
/// so that whatever was granted before it was adopted is over by then. Only a catalog that was set up anew ever needs this.
pub const SESSION_SILENCE: Span = Span::millis(2_000);

/// Most renewals remembered as unanswered; older ones are a second and a half old and their leases over.
pub const MAX_RENEWALS: usize = 32;

/// Most versions remembered of listings that are not in the cache, about 100 bytes each. A backstop: tokens alone prevent stale fills.
pub const MAX_SEEN_VERSIONS: usize = 4_096;

/// A question for a listing is asked again after this silence, doubling up to [`FILL_RESEND_MAX`].
pub const FILL_RESEND: Span = Span::millis(100);

/// Longest silence before a question for a listing is asked again.
pub const FILL_RESEND_MAX: Span = Span::millis(400);

/// A trade is sent again to the same leader after this silence, doubling up to [`RESEND_MAX`]: the key makes it harmless, and
/// doubling keeps a slow leader from being buried.
pub const RESEND: Span = Span::millis(300);

/// Longest silence before a trade is sent again.
pub const RESEND_MAX: Span = Span::millis(1_200);

/// Pause before a trade is offered again to a replica that said it does not lead (it may be taking over right now).
pub const NOT_LEADER_PAUSE: Span = Span::millis(30);

/// Pause before a trade is offered again to a leader that was busy.
pub const BUSY_PAUSE: Span = Span::millis(60);

/// How long a selection waits for answers to its pings; it ends early when every linked replica answered.
pub const PING_WINDOW: Span = Span::millis(150);

/// A ping without an answer for this long makes the leader suspect. A selection asks once more before it acts, so a leader has
/// this and [`PING_WINDOW`] to speak up: long enough for a slow disk, short enough for a client's patience.
pub const PING_TIMEOUT: Span = Span::millis(300);

/// Time between pings while something is wrong: a leader is taking over, or owes answers.
pub const URGENT_PING: Span = Span::millis(40);

/// A leader that owes answers for this long is pinged at once, without waiting for the health interval.
pub const OWING: Span = Span::millis(100);

/// Shortest time between pings, or questions for the configuration, that replicas' answers may cause: a thousand trades answered
/// "not leader" are one reason to look, not a thousand.
pub const HURRY_MIN_GAP: Span = Span::millis(10);

/// Time between questions for the configuration while something is wrong.
pub const URGENT_HEARTBEAT: Span = Span::millis(100);

/// Pings remembered, to date their answers: 2.5 s of urgent ones.
pub const MAX_PINGS: usize = 64;

/// How long a newly elected leader may take until it is open for business: it reads the outbox and makes its epoch durable.
/// Doubles with each leader in a row that never opened, so that a slow machine is not given a new leader for ever.
pub const TAKEOVER_PATIENCE: Span = Span::millis(1_500);

/// How long a leader may be without a link to this gateway when it was linked never before in its epoch.
pub const LINK_PATIENCE: Span = Span::millis(300);

/// At the very first start: how long to wait for all replicas to enrol, so that the first leader is the highest.
pub const FIRST_PATIENCE: Span = Span::millis(500);

/// A leader that answers pings but no trade nor read for this long is given up (it may have lost the catalog). Well above
/// what a lost follower or gateway can cost a trade (about 1.3 s).
pub const STALL: Span = Span::millis(3_000);

/// How long the answer to a question for the configuration is waited for in a selection.
pub const READ_WINDOW: Span = Span::millis(300);

/// How long the answer to a proposal is waited for; its outcome stays unknown then and the register is read again.
pub const ELECT_WINDOW: Span = Span::millis(400);

/// First pause between attempts of selecting, doubling up to [`SELECTION_PAUSE_MAX`].
pub const SELECTION_PAUSE: Span = Span::millis(50);

/// Longest pause between attempts of selecting: gateways that see different halves of a network must not swap leaders in a frenzy.
pub const SELECTION_PAUSE_MAX: Span = Span::millis(1_000);

/// Added to each pause, times the gateway's id, so that gateways do not move in step.
pub const SELECTION_STAGGER: Span = Span::millis(7);

/// A leader that served for this long ends a row of attempts: the next selection starts without a pause.
pub const CALM: Span = Span::millis(3_000);

const _: () = assert!(SESSION_SILENCE.0 >= 4 * LEASE.0);
