//! Trades on their way to the catalog: gathered while batches are under way, sent in batches, sent again when unanswered.

use std::collections::{BTreeMap, VecDeque};

use market::trade::Trade;
use replication::time::Time;

use super::{OrdersProcess, Standing};
use crate::limits::{DECIDE_BATCH, DECIDE_EAGER, DECIDE_IN_FLIGHT, DECIDE_RESEND, TRADES_WAITING};
use crate::message::{Decide, Message, TradeReply};
use crate::process::{Effect, Now};
use crate::service::ServiceId;

/// Who asked: a gateway, and its own name for the trade.
pub(super) type Asker = (ServiceId, u64);

#[derive(Debug)]
struct Batch {
    sent_at: Option<Time>,
    askers: Vec<Asker>,
    trades: Vec<Trade>,
}

/// Trades that wait, and batches under way.
#[derive(Debug, Default)]
pub(super) struct Gather {
    waiting: VecDeque<(Asker, Trade)>,
    under_way: BTreeMap<u64, Batch>,
    next_batch: u64,
}

impl Gather {
    fn has_room(&self) -> bool {
        self.waiting.len() < TRADES_WAITING
    }

    /// The askers of a batch that was answered, in the order of its trades. An answer that is no answer to this batch (a bug of
    /// its sender) leaves it under way.
    pub(super) fn answered(&mut self, batch: u64, outcomes: usize) -> Option<Vec<Asker>> {
        self.under_way.get(&batch).filter(|batch| batch.askers.len() == outcomes)?;
        self.under_way.remove(&batch).map(|batch| batch.askers)
    }

    /// Marks every batch for sending again.
    pub(super) fn resend_all(&mut self) {
        self.under_way.values_mut().for_each(|batch| batch.sent_at = None);
    }

    /// A gateway is gone: what it only waits with is dropped; what is under way goes on, unanswered.
    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.waiting.retain(|((asker, _), _)| *asker != gateway);
    }

    /// Gives everything back: this replica does not lead any more.
    pub(super) fn abandon(&mut self) -> Vec<Asker> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(asker, _)| asker);
        let under_way = std::mem::take(&mut self.under_way).into_values();
        waiting.chain(under_way.flat_map(|batch| batch.askers)).collect()
    }

    fn close_batch(&mut self) -> bool {
        let few = self.waiting.len() < DECIDE_EAGER && !self.under_way.is_empty();
        if self.waiting.is_empty() || few || self.under_way.len() >= DECIDE_IN_FLIGHT {
            return false;
        }
        let size = self.waiting.len().min(DECIDE_BATCH);
        let (askers, trades) = self.waiting.drain(..size).unzip();
        self.under_way.insert(self.next_batch, Batch { sent_at: None, askers, trades });
        self.next_batch += 1;
        true
    }
}

impl OrdersProcess {
    pub(super) fn take_trades(
        &mut self,
        from: ServiceId,
        trades: Vec<(u64, Trade)>,
        effects: &mut Vec<Effect>,
    ) {
        let mut refused = Vec::new();
        for (request, trade) in trades {
            let asker = (from, request);
            if !self.standing.leads() || self.is_draining() {
                refused.push((request, TradeReply::NotLeader(self.configuration.clone())));
            } else if self.waiting.holds(&asker) {
                // The gateway lost patience; the answer will come.
            } else if self.gather.has_room() && self.waiting.has_room() {
                self.waiting.take_in_hand(asker);
                self.gather.waiting.push_back((asker, trade));
            } else {
                refused.push((request, TradeReply::Busy));
            }
        }
        if !refused.is_empty() {
            effects.push(Effect::Send { to: from, message: Message::Traded(refused) });
        }
    }

    /// Sends what may be sent to the catalog: new batches, and old ones without an answer.
    pub(super) fn send_batches(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Standing::Open { epoch } = self.standing else { return };
        while self.gather.close_batch() {}
        let to = self.catalog();
        for (&batch, waiting) in &mut self.gather.under_way {
            let due = waiting.sent_at.is_none_or(|sent| now.time.since(sent) >= DECIDE_RESEND);
            if due {
                waiting.sent_at = Some(now.time);
                let decide = Decide { epoch, batch, trades: waiting.trades.clone() };
                effects.push(Effect::Send { to, message: Message::Decide(decide) });
            }
        }
    }
}
