//! Errands: trades and order reads on their way to the leader of the orders and back.
//!
//! Everything is sent again under the same key and the same name until somebody gives a definite answer or the client's time is
//! over, so any definite answer is good, from whichever attempt and replica it comes. What is *not* definite is told to
//! the client only when it is certain that nothing was done:
//! - at the deadline: unavailable if the trade was never handed to any link, else unknown;
//! - busy: only in answer to the first and only time it was sent.

use std::collections::{BTreeMap, BTreeSet};

use market::order::OrderNumber;
use market::trade::{Trade, TradeRefusal};
use replication::contract::Epoch;
use replication::time::{Span, Time};

use super::limits::{
    BUSY_PAUSE, MAX_ERRANDS, MAX_READS_PER_MESSAGE, MAX_TRADES_PER_MESSAGE, NOT_LEADER_PAUSE,
    RESEND, RESEND_MAX,
};
use super::request::ClientResponse;
use crate::message::{Message, OrderReply, Outcome, TradeReply};
use crate::process::{Effect, RequestId};
use crate::service::ServiceId;

/// All errands under way.
#[derive(Debug)]
pub(super) struct Errands {
    /// Added to a client's request id to name the errand between services, so that an answer meant for an earlier
    /// life of this process finds nobody.
    base: u64,
    table: BTreeMap<RequestId, Errand>,
    /// To be sent at the next chance, first come first.
    ready: BTreeSet<RequestId>,
    /// When to look at an errand again: to resend it, or to give up.
    due: BTreeSet<(Time, RequestId)>,
    sent: usize,
    resends: u64,
}

/// What a client wants of the leader.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A trade.
    Trade(Trade),
    /// An order, looked up by number.
    Order(OrderNumber),
}

#[derive(Debug)]
struct Errand {
    work: Work,
    deadline: Time,
    due: Time,
    /// How often it was handed to a link.
    sends: u32,
    /// The replica that has it and has not answered.
    at: Option<u8>,
}

/// An answer of a replica, as far as it concerns the errand.
enum Answer {
    Definite(ClientResponse),
    Busy,
    /// The catalog is at its limit and has remembered nothing.
    Overloaded,
    NotLeader,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The replica works.
    Works,
    /// The replica says it does not lead.
    NotLeader,
    /// It came too late for anybody to care.
    Stray,
}

impl Errands {
    pub(super) fn new(base: u64) -> Self {
        Errands {
            base,
            table: BTreeMap::new(),
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
            sent: 0,
            resends: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many are with a replica and not answered.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    pub(super) fn resends(&self) -> u64 {
        self.resends
    }

    /// Takes an errand on. False: too many already.
    pub(super) fn add(&mut self, id: RequestId, work: Work, deadline: Time) -> bool {
        if self.table.len() >= MAX_ERRANDS || self.table.contains_key(&id) {
            return false;
        }
        self.table.insert(id, Errand { work, deadline, due: deadline, sends: 0, at: None });
        self.due.insert((deadline, id));
        self.ready.insert(id);
        true
    }

    /// Hands everything that is ready to the leader, in batches.
    pub(super) fn send(&mut self, now: Time, leader: u8, epoch: Epoch, effects: &mut Vec<Effect>) {
        let (mut trades, mut reads) = (Vec::new(), Vec::new());
        for id in std::mem::take(&mut self.ready) {
            let name = self.base.wrapping_add(id);
            match self.hand_over(now, id, leader) {
                Some(Work::Trade(trade)) => trades.push((name, trade)),
                Some(Work::Order(number)) => reads.push((name, number)),
                None => {}
            }
        }
        let to = ServiceId::orders(leader);
        for trades in batches(trades, MAX_TRADES_PER_MESSAGE) {
            effects.push(Effect::Send { to, message: Message::Trades { epoch, trades } });
        }
        for reads in batches(reads, MAX_READS_PER_MESSAGE) {
            effects.push(Effect::Send { to, message: Message::ReadOrders { epoch, reads } });
        }
    }

    /// Whether something is waiting to be sent.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    fn hand_over(&mut self, now: Time, id: RequestId, leader: u8) -> Option<Work> {
        let errand = self.table.get_mut(&id)?;
        self.resends += u64::from(errand.sends > 0);
        self.sent += usize::from(errand.at.is_none());
        let doubled = RESEND.0 << errand.sends.min(8);
        errand.at = Some(leader);
        errand.sends = errand.sends.saturating_add(1);
        let work = errand.work.clone();
        self.look_again(id, now + Span(doubled.min(RESEND_MAX.0)));
        Some(work)
    }

    fn look_again(&mut self, id: RequestId, at: Time) {
        if let Some(errand) = self.table.get_mut(&id) {
            self.due.remove(&(errand.due, id));
            errand.due = at.min(errand.deadline);
            self.due.insert((errand.due, id));
        }
    }

    /// Somebody else leads now, or the leader's link broke: whatever a replica has goes to the next leader at once.
    pub(super) fn recall(&mut self) {
        for (id, errand) in &mut self.table {
            errand.at = None;
            self.ready.insert(*id);
        }
        self.sent = 0;
    }

    /// Takes an answer to a trade.
    pub(super) fn traded(
        &mut self,
        now: Time,
        from: u8,
        (name, reply): (u64, &TradeReply),
        effects: &mut Vec<Effect>,
    ) -> Taken {
        let answer = match reply {
            TradeReply::Done(Outcome::Order(number)) => {
                Answer::Definite(ClientResponse::Traded(*number))
            }
            TradeReply::Done(Outcome::Refused(TradeRefusal::Overloaded)) => Answer::Overloaded,
            TradeReply::Done(Outcome::Refused(why)) => {
                Answer::Definite(ClientResponse::Refused(*why))
            }
            TradeReply::NotLeader(_) => Answer::NotLeader,
            TradeReply::Busy => Answer::Busy,
        };
        let id = name.wrapping_sub(self.base);
        let is_trade = |errand: &Errand| matches!(errand.work, Work::Trade(_));
        if !self.table.get(&id).is_some_and(is_trade) {
            return Taken::Stray;
        }
        self.take(now, from, id, answer, effects)
    }

    /// Takes an answer to an order read.
    pub(super) fn read(
        &mut self,
        now: Time,
        from: u8,
        (name, reply): (u64, OrderReply),
        effects: &mut Vec<Effect>,
    ) -> Taken {
        let id = name.wrapping_sub(self.base);
        let Some(Work::Order(number)) = self.table.get(&id).map(|errand| &errand.work) else {
            return Taken::Stray;
        };
        let answer = match reply {
            OrderReply::Found(order) if order.number != *number => return Taken::Stray,
            OrderReply::Found(order) => Answer::Definite(ClientResponse::Order(order)),
            OrderReply::NotFound => Answer::Definite(ClientResponse::NoOrder),
            OrderReply::NotLeader(_) => Answer::NotLeader,
            OrderReply::Busy => Answer::Busy,
        };
        self.take(now, from, id, answer, effects)
    }

    fn take(
        &mut self,
        now: Time,
        from: u8,
        id: RequestId,
        answer: Answer,
        effects: &mut Vec<Effect>,
    ) -> Taken {
        let Some(errand) = self.table.get(&id) else { return Taken::Stray };
        let first = errand.sends == 1 || matches!(errand.work, Work::Order(_));
        let current = errand.at == Some(from);
        let (taken, response, pause) = match answer {
            Answer::Definite(response) => (Taken::Works, Some(response), Span(0)),
            // An answer of this kind to an attempt that was given up says nothing about the present one.
            _ if !current => return Taken::Stray,
            Answer::Busy => (Taken::Works, first.then_some(ClientResponse::Busy), BUSY_PAUSE),
            Answer::Overloaded => {
                let refusal = ClientResponse::Refused(TradeRefusal::Overloaded);
                (Taken::Works, first.then_some(refusal), BUSY_PAUSE)
            }
            Answer::NotLeader => (Taken::NotLeader, None, NOT_LEADER_PAUSE),
        };
        if let Some(response) = response {
            self.forget(id);
            effects.push(Effect::Reply { id, response });
        } else {
            self.pause(id, now + pause);
        }
        taken
    }

    fn pause(&mut self, id: RequestId, until: Time) {
        if let Some(errand) = self.table.get_mut(&id) {
            self.sent -= usize::from(errand.at.take().is_some());
            self.ready.remove(&id);
            self.look_again(id, until);
        }
    }

    /// Time passed: makes silent errands ready again, answers those whose time is over.
    pub(super) fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        while let Some((due, id)) = self.due.first().copied()
            && due <= now
        {
            match self.table.get(&id) {
                Some(errand) if now < errand.deadline => {
                    let deadline = errand.deadline;
                    self.ready.insert(id);
                    self.look_again(id, deadline);
                }
                Some(errand) => {
                    let response = give_up(errand);
                    self.forget(id);
                    effects.push(Effect::Reply { id, response });
                }
                None => {
                    self.due.pop_first();
                }
            }
        }
    }

    /// The client went away, or was answered. What a replica has of it goes on there.
    pub(super) fn forget(&mut self, id: RequestId) {
        let Some(errand) = self.table.remove(&id) else { return };
        self.due.remove(&(errand.due, id));
        self.ready.remove(&id);
        self.sent -= usize::from(errand.at.is_some());
    }
}

fn give_up(errand: &Errand) -> ClientResponse {
    match errand.work {
        Work::Trade(_) if errand.sends > 0 => ClientResponse::Unknown,
        _ => ClientResponse::Unavailable { reason: "no leader of the orders answered in time" },
    }
}

/// Cuts a list into batches, in order.
fn batches<T>(mut items: Vec<T>, most: usize) -> Vec<Vec<T>> {
    let mut batches = Vec::new();
    while items.len() > most {
        let rest = items.split_off(most);
        batches.push(std::mem::replace(&mut items, rest));
    }
    if !items.is_empty() {
        batches.push(items);
    }
    batches
}
