//! What is counted: everything that comes and goes, and every datagram that does not get through, by cause.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;

/// Why a datagram, or a message, got no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Too short for a header, or longer than any that is sent.
    Size,
    /// Not of this program, of another version of its datagrams, or of another cluster.
    Foreign,
    /// Sender or recipient are nobody of this group.
    Stranger,
    /// Of an earlier start, or an earlier disk, of its sender.
    Stale,
    /// Seen before, or too old to know.
    Replayed,
    /// Its seal was made with another key, or it was changed on its way.
    Forged,
    /// Its seal is good and its contents are not: a bug of the sender.
    Malformed,
    /// Pieces of a message whose other pieces did not come in time.
    Incomplete,
    /// The process is far behind and takes no more.
    Overload,
    /// Lost on purpose, for a test.
    Injected,
    /// The system did not take it.
    Unsent,
    /// Longer than a message may be.
    TooLong,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 12] = [
        Cause::Size,
        Cause::Foreign,
        Cause::Stranger,
        Cause::Stale,
        Cause::Replayed,
        Cause::Forged,
        Cause::Malformed,
        Cause::Incomplete,
        Cause::Overload,
        Cause::Injected,
        Cause::Unsent,
        Cause::TooLong,
    ];

    /// As metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Size => "size",
            Cause::Foreign => "foreign",
            Cause::Stranger => "stranger",
            Cause::Stale => "stale",
            Cause::Replayed => "replayed",
            Cause::Forged => "forged",
            Cause::Malformed => "malformed",
            Cause::Incomplete => "incomplete",
            Cause::Overload => "overload",
            Cause::Injected => "injected",
            Cause::Unsent => "unsent",
            Cause::TooLong => "too_long",
        }
    }
}

/// Counts since the socket was opened.
#[derive(Debug, Default)]
pub struct Tally {
    sent: AtomicU64,
    messages_sent: AtomicU64,
    send_calls: AtomicU64,
    received: AtomicU64,
    messages_received: AtomicU64,
    receive_calls: AtomicU64,
    dropped: [AtomicU64; Cause::ALL.len()],
}

/// A [`Tally`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that the system took, each recipient counted.
    pub sent: u64,
    /// Messages packed, each once however many it is for.
    pub messages_sent: u64,
    /// System calls that sent them.
    pub send_calls: u64,
    /// Datagrams that came in, whatever became of them.
    pub received: u64,
    /// Messages delivered.
    pub messages_received: u64,
    /// System calls that took them.
    pub receive_calls: u64,
}

impl Tally {
    pub(super) fn count_dropped(&self, cause: Cause, count: u64) {
        self.dropped[cause as usize].fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn count_sent(&self, datagrams: u64, calls: u64) {
        self.sent.fetch_add(datagrams, Ordering::Relaxed);
        self.send_calls.fetch_add(calls, Ordering::Relaxed);
    }

    pub(super) fn count_packed(&self, messages: u64) {
        self.messages_sent.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn count_received(&self, datagrams: u64) {
        self.received.fetch_add(datagrams, Ordering::Relaxed);
        self.receive_calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_delivered(&self, messages: u64) {
        self.messages_received.fetch_add(messages, Ordering::Relaxed);
    }

    /// Puts all counts where metrics are read.
    pub fn publish(&self) {
        let counts = self.counts();
        for (counter, value) in [
            (counter!("bazaar_datagrams_sent_total"), counts.sent),
            (counter!("bazaar_datagram_messages_sent_total"), counts.messages_sent),
            (counter!("bazaar_datagram_send_calls_total"), counts.send_calls),
            (counter!("bazaar_datagrams_received_total"), counts.received),
            (counter!("bazaar_datagram_messages_received_total"), counts.messages_received),
            (counter!("bazaar_datagram_receive_calls_total"), counts.receive_calls),
        ] {
            counter.absolute(value);
        }
        for cause in Cause::ALL {
            counter!("bazaar_datagrams_dropped_total", "cause" => cause.name())
                .absolute(self.dropped(cause));
        }
    }

    /// How many were dropped for any cause.
    pub fn all_dropped(&self) -> u64 {
        Cause::ALL.into_iter().map(|cause| self.dropped(cause)).sum()
    }

    /// How many were dropped for this cause.
    pub fn dropped(&self, cause: Cause) -> u64 {
        self.dropped[cause as usize].load(Ordering::Relaxed)
    }

    /// Everything else.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            sent: read(&self.sent),
            messages_sent: read(&self.messages_sent),
            send_calls: read(&self.send_calls),
            received: read(&self.received),
            messages_received: read(&self.messages_received),
            receive_calls: read(&self.receive_calls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_place() {
        let tally = Tally::default();
        for (count, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, count);
            tally.count_dropped(cause, count as u64);
        }
        for (count, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(tally.dropped(cause), count as u64);
        }
    }
}
