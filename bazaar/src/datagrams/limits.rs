//! Limits of the datagram layer, each with its unit and its reason.

use std::time::Duration;

/// Usual size of a datagram, in bytes: with the headers of IP and UDP it passes Ethernet's 1,500 and most tunnels whole. A
/// datagram that the network cuts up is lost as soon as one piece is.
pub const DATAGRAM_BYTES: usize = 1_400;

/// Largest datagram, in bytes: passes jumbo frames of 9,000 and loopback whole. Beyond, one loss costs more than the
/// system calls that it saves.
pub const JUMBO_BYTES: usize = 8_900;

/// Smallest size that may be configured, in bytes: what every path of IPv4 must carry is 576, and less would be mostly headers.
pub const LEAST_BYTES: usize = 512;

/// Longest message, in bytes (1 MiB): the longest lists that members hand each other in a change of view. It takes 120 to
/// 800 datagrams, which arrive together on a good network only; protocols should stay far below.
pub const MESSAGE_BYTES: usize = 1 << 20;

/// Unfinished messages kept per sender: what is in the air at once, many times over.
pub(super) const PARTIALS: usize = 64;

/// Bytes of unfinished messages kept per sender (4 MiB): four of the longest.
pub(super) const PARTIAL_BYTES: usize = 4 << 20;

/// How long an unfinished message waits for its last piece: many times what the network takes; after it, the protocol has
/// asked again.
pub(super) const PARTIAL_AGE: Duration = Duration::from_secs(1);

/// How many numbers below a sender's highest are told apart. Datagrams are hardly reordered by more than a burst.
pub(super) const WINDOW: u64 = 1_024;

/// Datagrams taken by one system call: a burst of a group of seven; the buffers take 64 times 9 KB.
pub(super) const RECEIVE_BATCH: usize = 64;

/// Datagrams handed over by one system call; the system takes 1,024 at most.
pub(super) const SEND_BATCH: usize = 512;

/// Size of the socket's buffers, in bytes (4 MiB), as far as the system grants it: the receiver may be kept waiting for
/// some 10 ms of the fullest load before datagrams are lost.
pub(super) const SOCKET_BYTES: usize = 4 << 20;

/// Longest wait of the receiver before it looks at the time, and its pause after an error.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);
