//! How much a client may cost, each limit with its unit and reason.

use std::time::Duration;

/// Limits of one surface. The defaults are meant for production; tests shorten the times.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A request's head must be complete this long after its first byte (or after the connection was accepted):
    /// a well-behaved client sends it in one packet.
    pub header_timeout: Duration,
    /// A connection may be silent this long between two requests: long enough for a person's browser, short enough
    /// that forgotten connections do not pile up.
    pub idle_timeout: Duration,
    /// Body, decision and writing of the answer each end within this time of the request's head.
    pub request_timeout: Duration,
    /// A body may be this late before its speed counts: one lost packet with its retransmissions.
    pub body_grace: Duration,
    /// Slowest body accepted after the grace, in bytes per second; slower is not a network, it is an attack.
    pub body_rate: u64,
    /// Largest body, in bytes: 500 times the largest honest order.
    pub max_body: usize,
    /// Bytes of all bodies being gathered at once: keeps 10,000 half-sent bodies from filling the memory.
    pub max_bodies: usize,
    /// Largest head (request line and headers), in bytes. hyper itself allows at most 100 headers.
    pub max_head: usize,
    /// Longest request target, in bytes: a 32-character name takes at most 384 when every byte is percent-encoded.
    pub max_uri: usize,
    /// Connections at once per listener: each costs a descriptor, a task and hyper's buffers (at most 64 KiB either way).
    pub max_connections: usize,
    /// Connections at once from one address. Well under the cap of the listener, so that no single machine can
    /// take it whole; well over the 1,024 that a load test from one machine (or an office behind one address) opens.
    pub max_per_address: usize,
    /// Requests waiting for the gateway at once; more are shed with 429 while answers are still quick. As many as one
    /// address has connections: a client that waits for each answer is never shed on its own.
    pub max_in_flight: usize,
    /// What `Retry-After` says, in seconds: a new leader is selected within one.
    pub retry_after: u32,
    /// How long a connection that was refused is still read from (and the bytes thrown away), so that the refusal
    /// is not destroyed by a reset before the client saw it.
    pub linger: Duration,
    /// Most bytes thrown away while lingering.
    pub linger_bytes: usize,
    /// How long requests under way may go on when the server is told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            body_rate: 1024,
            max_body: 64 << 10,
            max_bodies: 64 << 20,
            max_head: 16 << 10,
            max_uri: 2048,
            max_connections: 10_000,
            max_per_address: 4_096,
            max_in_flight: 4_096,
            retry_after: 1,
            linger: Duration::from_secs(1),
            linger_bytes: 256 << 10,
            drain: Duration::from_secs(10),
        }
    }
}
