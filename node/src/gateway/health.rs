//! Health checks: who answers, and how fresh that answer is.
//!
//! A ping goes to every linked order replica at once; its nonce dates the answer. An answer is as old as its *ping*: a
//! delayed pong proves nothing about now.

use std::collections::{BTreeMap, VecDeque};

use replication::time::{Span, Time};

use super::limits::{HURRY_MIN_GAP, MAX_PINGS, URGENT_PING};
use super::links::Links;
use crate::message::{Message, Pong};
use crate::process::Effect;
use crate::service::ServiceId;

/// What is known about the order replicas' health.
#[derive(Debug)]
pub(super) struct Health {
    interval: Span,
    /// Nonce of the last ping; ascending, never used by an earlier life of this process.
    nonce: u64,
    /// The last pings: nonce and when they were sent.
    pings: VecDeque<(u64, Time)>,
    next: Time,
    replicas: BTreeMap<u8, Replica>,
}

#[derive(Debug, Default)]
struct Replica {
    heard: Option<Heard>,
    /// Nonce of the oldest ping without an answer.
    unanswered: Option<u64>,
}

/// The freshest answer of a replica.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// When the ping was sent that this answers.
    pub(super) at: Time,
    /// What it said.
    pub(super) pong: Pong,
}

impl Health {
    pub(super) fn new(now: Time, interval: Span, first_nonce: u64) -> Self {
        Health {
            interval,
            nonce: first_nonce,
            pings: VecDeque::new(),
            next: now,
            replicas: BTreeMap::new(),
        }
    }

    pub(super) fn interval(&self) -> Span {
        self.interval
    }

    /// Pings all linked order replicas; returns the nonce.
    pub(super) fn ping(&mut self, now: Time, links: &Links, effects: &mut Vec<Effect>) -> u64 {
        self.nonce = self.nonce.wrapping_add(1);
        if self.pings.len() >= MAX_PINGS {
            self.pings.pop_front();
        }
        self.pings.push_back((self.nonce, now));
        self.next = now + self.interval;
        for id in links.orders() {
            let replica = self.replicas.entry(id).or_default();
            replica.unanswered.get_or_insert(self.nonce);
            let message = Message::Ping { nonce: self.nonce };
            effects.push(Effect::Send { to: ServiceId::orders(id), message });
        }
        self.nonce
    }

    /// Pings when it is time; sooner while something is wrong.
    pub(super) fn tick(
        &mut self,
        now: Time,
        urgent: bool,
        links: &Links,
        effects: &mut Vec<Effect>,
    ) {
        let last = self.pings.back().map(|(_, sent)| *sent);
        if now >= self.next || (urgent && last.is_none_or(|last| now >= last + URGENT_PING)) {
            self.ping(now, links, effects);
        }
    }

    /// Ping at the next chance.
    pub(super) fn hurry(&mut self, now: Time) {
        let soonest = self.pings.back().map_or(now, |(_, sent)| *sent + HURRY_MIN_GAP);
        self.next = self.next.min(soonest.max(now));
    }

    /// Takes an answer. Answers to forgotten pings, or older than one heard already, are ignored.
    pub(super) fn pong(&mut self, from: u8, pong: Pong) {
        let Some(at) = self.sent_at(pong.nonce) else { return };
        let Some(replica) = self.replicas.get_mut(&from) else { return };
        if replica.heard.as_ref().is_some_and(|heard| heard.at > at) {
            return;
        }
        replica.unanswered = (pong.nonce != self.nonce).then(|| pong.nonce.wrapping_add(1));
        replica.heard = Some(Heard { at, pong });
    }

    /// The link broke: what it said before counts no more.
    pub(super) fn down(&mut self, id: u8) {
        self.replicas.remove(&id);
    }

    /// The freshest answer of a replica.
    pub(super) fn heard(&self, id: u8) -> Option<&Heard> {
        self.replicas.get(&id)?.heard.as_ref()
    }

    /// How long the oldest ping to a replica has been without an answer.
    pub(super) fn silence(&self, now: Time, id: u8) -> Span {
        let unanswered = self.replicas.get(&id).and_then(|replica| replica.unanswered);
        let Some(nonce) = unanswered else { return Span(0) };
        // A ping that fell off the list is older than the oldest on it.
        let sent = self.sent_at(nonce).or_else(|| self.pings.front().map(|(_, sent)| *sent));
        sent.map_or(Span(0), |sent| now.since(sent))
    }

    /// Replicas that answered a ping sent at `since` or later.
    pub(super) fn answered(&self, since: Time) -> impl Iterator<Item = (u8, &Pong)> {
        self.replicas.iter().filter_map(move |(id, replica)| {
            let heard = replica.heard.as_ref().filter(|heard| heard.at >= since)?;
            Some((*id, &heard.pong))
        })
    }

    fn sent_at(&self, nonce: u64) -> Option<Time> {
        // Few, and the newest are asked for most.
        self.pings.iter().rev().find(|(other, _)| *other == nonce).map(|(_, sent)| *sent)
    }
}
