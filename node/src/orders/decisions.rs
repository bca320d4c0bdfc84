//! Decisions from the catalog: orders into the log, answers to whoever waits.

use std::collections::BTreeMap;

use market::codec::encode_order;
use market::order::{Order, OrderNumber};

use super::gather::Asker;
use super::{Ack, OrdersProcess, Standing};
use crate::message::{Decided, Message, Outcome, TradeReply};
use crate::process::{Effect, Now};
use crate::service::ServiceId;

/// Answers ready to go, per gateway.
pub(super) type Replies = BTreeMap<ServiceId, Vec<(u64, TradeReply)>>;

/// Trades that are decided and wait until their order is safe.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_number: BTreeMap<OrderNumber, Vec<Asker>>,
    replies: Replies,
}

impl Waiting {
    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.by_number.values_mut().for_each(|askers| askers.retain(|(who, _)| *who != gateway));
        self.replies.remove(&gateway);
    }

    fn reply(&mut self, (to, request): Asker, reply: TradeReply) {
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
        self.append(now, &decided.orders, effects);
        let Some(askers) = self.gather.answered(decided.batch) else { return };
        assert_eq!(askers.len(), decided.outcomes.len(), "a batch is answered trade by trade");
        for (asker, outcome) in askers.into_iter().zip(decided.outcomes) {
            match outcome {
                Outcome::Order(number) => {
                    if number >= self.next_number() {
                        // Decided before under the same key, and this log does not reach it yet.
                        self.outbox.ask_again();
                    }
                    self.waiting.by_number.entry(number).or_default().push(asker);
                }
                Outcome::Refused(_) => self.waiting.reply(asker, TradeReply::Done(outcome)),
            }
        }
    }

    /// The number of the next order for the log.
    pub(super) fn next_number(&self) -> OrderNumber {
        self.engine.end()
    }

    /// Takes contiguous orders into the log; known ones are skipped, a gap is filled from the outbox.
    pub(super) fn append(&mut self, now: Now, orders: &[Order], effects: &mut Vec<Effect>) {
        let next = self.next_number();
        let new: Vec<&Order> = orders.iter().skip_while(|order| order.number < next).collect();
        let Some(first) = new.first() else { return };
        if first.number != next {
            return self.outbox.ask_again();
        }
        let commands = new.iter().map(|order| encode_order(order).into()).collect();
        if self.engine.propose(now.time, commands).is_err() {
            // Deposed (the next configuration says so) or full (the outbox keeps them): nothing is lost.
            self.outbox.ask_again();
        }
        self.perform(now, effects);
    }

    /// Sends the answers that may go; whoever cannot be answered here any more is sent on.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        if self.standing == Standing::Following {
            let mut stranded = self.gather.abandon();
            stranded.extend(self.waiting.abandon());
            for asker in stranded {
                self.waiting.reply(asker, TradeReply::NotLeader(self.configuration.clone()));
            }
        }
        let safe = match self.config.ack {
            Ack::InSync => self.law.count(),
            Ack::Ledger => self.next_number(),
        };
        self.waiting.release(safe);
        for (to, replies) in std::mem::take(&mut self.waiting.replies) {
            effects.push(Effect::Send { to, message: Message::Traded(replies) });
        }
    }
}
