//! Limits of the link layer, each with its unit and reason.

use std::time::Duration;

/// Most messages that wait for one peer. A healthy link has tens; a peer that is this far behind is better met again with a
/// fresh link than fed old news.
pub(super) const QUEUE_MESSAGES: usize = 65_536;

/// Most bytes that wait for one peer (32 MiB): some full appends for a follower that catches up, times a few peers, within a
/// process of 256 MiB.
pub(super) const QUEUE_BYTES: usize = 32 << 20;

/// First pause before dialling again: a process that restarts is back within tens of milliseconds.
pub(super) const REDIAL_FIRST: Duration = Duration::from_millis(20);

/// Longest pause before dialling again: what a returning peer waits at most, to be asked or to lead, and ten attempts a second cost
/// nothing.
pub(super) const REDIAL_MOST: Duration = Duration::from_millis(100);

/// A link that stood this long was a good one: the next pause starts small again.
pub(super) const STEADY: Duration = Duration::from_secs(1);

/// A connection must stand within this.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Both hellos must be exchanged within this; generous, because a starting process may be busy with its log.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection must bring its first request within this, or it is taken for one that only wants to fill the places. Services
/// ask at once; a person's tool may think for a moment.
pub(super) const FIRST_REQUEST: Duration = Duration::from_secs(5);

/// Silence after which a peer is asked whether it lives.
pub(super) const PING_INTERVAL: Duration = Duration::from_millis(400);

/// How long it may take to answer; with the interval, a dead peer is found after about a second. Shorter would take a
/// machine that is merely busy for a dead one.
pub(super) const PING_TIMEOUT: Duration = Duration::from_millis(700);

/// Unread bytes of one stream (4 MiB, one largest batch), so that a batch never waits for permission in the middle.
pub(super) const STREAM_WINDOW: u32 = 4 << 20;

/// Unread bytes of one connection: a link beside an inspection.
pub(super) const CONNECTION_WINDOW: u32 = 8 << 20;

/// Longest HTTP/2 frame, in bytes: fewer cuts in a large batch than the default of 16 KiB makes.
pub(super) const FRAME_BYTES: u32 = 128 << 10;

/// Longest header list of a request, in bytes. gRPC needs some hundreds.
pub(super) const HEADER_BYTES: u32 = 8 << 10;

/// Most connections at once: 255 gateways at most, their reconnects, and some people who look. Each costs a few kilobytes.
pub(super) const CONNECTIONS: usize = 512;

/// Most streams on one connection: one link, some inspections, health watchers.
pub(super) const STREAMS: u32 = 16;

/// Most inspections with many pages at once; each holds at most a catalog in memory.
pub(super) const INSPECTIONS: usize = 4;

/// Pages of an inspection made ahead of the reader.
pub(super) const PAGES_AHEAD: usize = 2;

/// How long a page of an inspection waits for its reader before the inspection's place is given to somebody else.
pub(super) const READER_PATIENCE: Duration = Duration::from_secs(10);

/// What a status may take; it is asked of a running process.
pub(super) const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What an orderly end may take before the rest is cut.
pub(super) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
