//! What the leader knows about one follower, and what is on its way to it.
//!
//! A follower is *probed* until the leader knows a place where both logs are equal: one message at a time, no guess
//! follows another. From then on entries are *streamed*: many messages on their way, bounded in number and bytes.
//! Anything lost shows as a refusal or as silence, and leads back to probing.

use std::collections::VecDeque;

use super::{Limits, Timing};
use crate::contract::{Incarnation, Position};
use crate::time::Time;

/// An append on its way.
struct Sent {
    last: Position,
    bytes: usize,
}

pub(super) struct Progress {
    /// The disk that `matched` speaks of; 0 before the first word.
    pub(super) incarnation: Incarnation,
    /// Durable matched prefix as acknowledged in this epoch.
    pub(super) matched: Position,
    /// Next position to send.
    pub(super) next: Position,
    pub(super) probing: bool,
    /// A probe is on its way.
    awaiting: bool,
    in_flight: VecDeque<Sent>,
    bytes: usize,
    /// Since when the oldest unanswered message waits, or the last sign of progress.
    waiting_since: Time,
    /// A read of the store under way for this follower: its first position, and since when.
    pub(super) reading: Option<(Position, Time)>,
    pub(super) heard_at: Time,
    /// When `matched` last grew, or last was all there is.
    pub(super) progressed_at: Time,
    pub(super) sent_at: Time,
    /// The commit it was last told.
    pub(super) told_commit: Position,
    pub(super) down_since: Option<Time>,
}

impl Progress {
    /// A follower about which nothing is known in this epoch: the first probe guesses that it has everything.
    pub(super) fn new(incarnation: Incarnation, end: Position, now: Time) -> Self {
        Progress {
            incarnation,
            matched: 0,
            next: end + 1,
            probing: true,
            awaiting: false,
            in_flight: VecDeque::new(),
            bytes: 0,
            waiting_since: now,
            reading: None,
            heard_at: now,
            progressed_at: now,
            sent_at: Time::default(),
            told_commit: 0,
            down_since: None,
        }
    }

    /// Notes an acknowledgement. A greater disk number replaces what an older disk said; an older disk's
    /// words are void.
    pub(super) fn acknowledged(&mut self, now: Time, incarnation: Incarnation, matched: Position) {
        self.heard(now);
        if incarnation < self.incarnation {
            return;
        }
        if incarnation > self.incarnation {
            (self.incarnation, self.matched) = (incarnation, 0);
        }
        if matched > self.matched {
            self.matched = matched;
            (self.progressed_at, self.waiting_since) = (now, now);
        }
        while self.in_flight.front().is_some_and(|sent| sent.last <= self.matched) {
            self.bytes -= self.in_flight.pop_front().map_or(0, |sent| sent.bytes);
        }
        if self.probing && self.matched + 1 >= self.next {
            (self.probing, self.awaiting) = (false, false);
            self.next = self.in_flight.back().map_or(self.next, |sent| sent.last + 1);
        }
        self.next = self.next.max(self.matched + 1);
    }

    /// The follower asks for everything after `hint`. A refusal of what was sent before the present probe says
    /// nothing new; neither does one that takes back what was acknowledged.
    pub(super) fn refused(&mut self, now: Time, hint: Position) {
        self.heard(now);
        let wanted = (hint + 1).max(self.matched + 1);
        if wanted < self.next || (self.probing && wanted > self.next) {
            self.rewind(wanted);
        }
    }

    /// Any word is proof of life, stronger than a hint about its link.
    fn heard(&mut self, now: Time) {
        self.heard_at = now;
        self.down_since = None;
    }

    /// Starts again from `next`, carefully.
    pub(super) fn rewind(&mut self, next: Position) {
        self.next = next;
        (self.probing, self.awaiting) = (true, false);
        self.in_flight.clear();
        self.bytes = 0;
        self.reading = None;
    }

    /// Sends again what may be lost: the probe, or everything not acknowledged.
    pub(super) fn again(&mut self) {
        self.rewind(if self.probing { self.next } else { self.matched + 1 });
    }

    /// May another append with entries (or a probe) go out?
    pub(super) fn has_room(&self, limits: &Limits) -> bool {
        if self.probing {
            return !self.awaiting;
        }
        self.in_flight.len() < limits.window_messages && self.bytes < limits.window_bytes
    }

    /// Notes an append of `bytes` bytes that ends at `last` and starts at `next`.
    pub(super) fn sent(&mut self, now: Time, last: Position, bytes: usize) {
        if self.in_flight.is_empty() && !self.awaiting {
            self.waiting_since = now;
        }
        self.awaiting = self.probing;
        if last >= self.next {
            self.in_flight.push_back(Sent { last, bytes });
            self.bytes += bytes;
        }
        if !self.probing {
            self.next = last + 1;
        }
    }

    /// Goes back to probing when what was sent, or read for it, got no answer for too long.
    pub(super) fn expire(&mut self, now: Time, timing: &Timing) {
        if self.reading.is_some_and(|(_, since)| now.since(since) >= timing.resend) {
            self.reading = None;
        }
        let waits = self.awaiting || !self.in_flight.is_empty();
        if waits && now.since(self.waiting_since) >= timing.resend {
            self.again();
        }
    }

    /// Is it too late for a member of the in-sync set?
    pub(super) fn late(&self, now: Time, end: Position, timing: &Timing) -> bool {
        let lags = self.matched < end && now.since(self.progressed_at) >= timing.lag;
        let silent = now.since(self.heard_at) >= timing.silence;
        lags || silent || self.down_since.is_some_and(|since| now.since(since) >= timing.link_down)
    }

    /// Starts every patience anew.
    pub(super) fn forgive(&mut self, now: Time) {
        (self.heard_at, self.progressed_at) = (now, now);
        self.down_since = self.down_since.map(|_| now);
    }
}
