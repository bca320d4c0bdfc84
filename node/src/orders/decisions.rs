//! Decisions from the catalog: orders into the log, answers to whoever waits.

use std::collections::{BTreeMap, BTreeSet};

use market::codec::encode_order;
use market::order::{Order, OrderNumber};

use super::gather::Asker;
use super::{Ack, OrdersProcess};
use crate::limits::TRADES_IN_HAND;
use crate::message::{Decided, Message, Outcome, TradeReply};
use crate::process::{Effect, Now};
use crate::service::ServiceId;

/// Answers ready to go, per gateway.
pub(super) type Replies = BTreeMap<ServiceId, Vec<(u64, TradeReply)>>;

/// Who waits for an answer, and trades that are decided and wait until their order is safe.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Everybody whose trade was taken and not answered. A trade that comes again meanwhile is not worth deciding twice.
    in_hand: BTreeSet<Asker>,
    by_number: BTreeMap<OrderNumber, Vec<Asker>>,
    replies: Replies,
}

impl Waiting {
    pub(super) fn holds(&self, asker: &Asker) -> bool {
        self.in_hand.contains(asker)
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_hand.len() < TRADES_IN_HAND
    }

    pub(super) fn take_in_hand(&mut self, asker: Asker) {
        self.in_hand.insert(asker);
    }

    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.in_hand.retain(|(who, _)| *who != gateway);
        self.by_number.values_mut().for_each(|askers| askers.retain(|(who, _)| *who != gateway));
        self.replies.remove(&gateway);
    }

    fn reply(&mut self, asker: Asker, reply: TradeReply) {
        self.in_hand.remove(&asker);
        let (to, request) = asker;
        self.replies.entry(to).or_default().push((request, reply));
    }

    /// Answers everybody whose order is numbered below `safe`.
    fn release(&mut self, safe: OrderNumber) {
        while let Some(entry) = self.by_number.first_entry().filter(|entry| *entry.key() < safe) {
            let number = *entry.key();
            for asker in entry.remove() {
                self.reply(asker, TradeReply::Done(Outcome::Order(number)));
            }
        }
    }

    fn abandon(&mut self) -> Vec<Asker> {
        std::mem::take(&mut self.by_number).into_values().flatten().collect()
    }
}

impl OrdersProcess {
    /// A batch was decided.
    pub(super) fn decided(&mut self, now: Now, decided: Decided, effects: &mut Vec<Effect>) {
        if self.standing.epoch() != Some(decided.epoch) {
            return;
        }
        let fits = self.append(now, &decided.orders, effects);
        let outcomes = decided.outcomes;
        let Some(askers) = self.gather.answered(decided.batch, outcomes.len()) else { return };
        let next = self.next_number();
        for (asker, outcome) in askers.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Order(number) => {
                    if number >= next && fits {
                        // Decided before under the same key, and this log does not reach it yet.
                        self.outbox.ask_missing();
                    }
                    self.waiting.by_number.entry(number).or_default().push(asker);
                }
                Outcome::Refused(_) => self.waiting.reply(asker, TradeReply::Done(outcome)),
            }
        }
    }

    /// The number of the next order for the log.
    pub(super) fn next_number(&self) -> OrderNumber {
        if self.elects_itself() {
            // Positions are not numbers there. Whatever else its log holds is delivered to a replica before it leads.
            self.proposed.max(self.law.count())
        } else {
            self.engine.end()
        }
    }

    /// Takes contiguous orders into the log; known ones are skipped, a gap is filled from the outbox. False: the engine takes
    /// none now.
    pub(super) fn append(&mut self, now: Now, orders: &[Order], effects: &mut Vec<Effect>) -> bool {
        let next = self.next_number();
        let new = orders.iter().skip_while(|order| order.number < next);
        let fitting = (next..).zip(new).take_while(|(number, order)| order.number == *number);
        let commands: Vec<_> = fitting.map(|(_, order)| encode_order(order).into()).collect();
        let end = next + commands.len() as u64;
        if orders.last().is_some_and(|order| order.number >= end) {
            self.outbox.ask_missing();
        }
        let fits = commands.is_empty() || self.engine.propose(now.time, commands).is_ok();
        if fits {
            self.proposed = end;
        } else {
            // Deposed (the next configuration says so), handing over, or full: the outbox keeps them, nothing is lost.
            self.outbox.ask_later(now.time);
        }
        self.perform(now, effects);
        fits
    }

    /// Sends the answers that may go; whoever cannot be answered here any more is sent on.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        if !self.standing.leads() {
            let mut stranded = self.gather.abandon();
            stranded.extend(self.waiting.abandon());
            for asker in stranded {
                self.waiting.reply(asker, TradeReply::NotLeader(self.configuration.clone()));
            }
        }
        let safe = match self.config.ack {
            // Delivered is committed, for ever.
            Ack::InSync if self.elects_itself() => self.law.count(),
            // Delivered is not enough for an answer under a known key: the set may have changed since, by the election of a
            // replica outside of it, and its present members may still have to read that order from the outbox.
            Ack::InSync => self.law.count().min(self.engine.status().in_sync_durable),
            Ack::Ledger => self.next_number(),
        };
        self.waiting.release(safe);
        for (to, replies) in std::mem::take(&mut self.waiting.replies) {
            effects.push(Effect::Send { to, message: Message::Traded(replies) });
        }
    }
}
