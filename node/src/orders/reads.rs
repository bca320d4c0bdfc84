//! Reads of orders by number.
//!
//! A delivered order never changes, so any replica answers it. "No such order" needs the leader, and an answer of the catalog
//! to a question asked after the read came in: only that shows that nobody was told a higher number before.

use std::collections::{BTreeMap, BTreeSet};

use market::codec::decode_order;
use market::order::OrderNumber;
use replication::contract::Entry;

use super::gather::Asker;
use super::{OrdersProcess, Standing};
use crate::limits::READS_WAITING;
use crate::message::{Message, OrderReply};
use crate::process::{Effect, HistoryPurpose};
use crate::service::ServiceId;

/// Reads that wait for a disk, for the catalog, or for delivery.
#[derive(Debug, Default)]
pub(super) struct Reads {
    next_read: u64,
    disk: BTreeMap<u64, (Asker, OrderNumber)>,
    barrier: Vec<(u64, Asker, OrderNumber)>,
    delivery: BTreeSet<(OrderNumber, Asker)>,
    replies: BTreeMap<ServiceId, Vec<(u64, OrderReply)>>,
}

impl Reads {
    fn waiting(&self) -> usize {
        self.disk.len() + self.barrier.len() + self.delivery.len()
    }

    fn reply(&mut self, (to, request): Asker, reply: OrderReply) {
        self.replies.entry(to).or_default().push((request, reply));
    }

    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.disk.retain(|_, ((who, _), _)| *who != gateway);
        self.barrier.retain(|(_, (who, _), _)| *who != gateway);
        self.delivery.retain(|(_, (who, _))| *who != gateway);
        self.replies.remove(&gateway);
    }
}

impl OrdersProcess {
    pub(super) fn take_reads(
        &mut self,
        from: ServiceId,
        reads: Vec<(u64, OrderNumber)>,
        effects: &mut Vec<Effect>,
    ) {
        for (request, number) in reads {
            self.read((from, request), number, effects);
        }
        self.send_reads(effects);
    }

    fn read(&mut self, asker: Asker, number: OrderNumber, effects: &mut Vec<Effect>) {
        if self.reads.waiting() >= READS_WAITING {
            return self.reads.reply(asker, OrderReply::Busy);
        }
        if number < self.law.count() {
            return self.read_delivered(asker, number, effects);
        }
        if !matches!(self.standing, Standing::Open { .. }) {
            let reply = OrderReply::NotLeader(self.configuration.clone());
            return self.reads.reply(asker, reply);
        }
        self.outbox.ask_again();
        self.reads.barrier.push((self.outbox.next_question(), asker, number));
    }

    fn read_delivered(&mut self, asker: Asker, number: OrderNumber, effects: &mut Vec<Effect>) {
        if let Some(order) = self.recent.get(number) {
            let order = order.clone();
            return self.reads.reply(asker, OrderReply::Found(order));
        }
        if self.transfers.is_replacing() {
            // The disk may still show the older state, which lacks what this one counts.
            return self.reads.reply(asker, OrderReply::Busy);
        }
        let read = self.reads.next_read;
        self.reads.next_read += 1;
        self.reads.disk.insert(read, (asker, number));
        // The history holds order n as row n + 1, whatever its position in the log.
        let purpose = HistoryPurpose::Order { read };
        effects.push(Effect::ReadHistory { purpose, from: number + 1, max: 1 });
    }

    /// The store answered a read.
    pub(super) fn history_read(&mut self, read: u64, entries: &[Entry], effects: &mut Vec<Effect>) {
        let Some((asker, number)) = self.reads.disk.remove(&read) else { return };
        let order = entries.first().filter(|entry| entry.position == number + 1);
        match order.map(|entry| decode_order(&entry.command)) {
            Some(Ok(order)) => self.reads.reply(asker, OrderReply::Found(order)),
            // A delivered order that the store cannot show is a broken store: say nothing rather than "no such order".
            _ => effects.push(Effect::Halt(format!(
                "order {number} was delivered but the store does not have it; replace this replica with --fresh"
            ))),
        }
        self.send_reads(effects);
    }

    /// The catalog answered a question: everything below `next` was decided before, nothing else was.
    pub(super) fn barrier_passed(
        &mut self,
        question: u64,
        next: OrderNumber,
        effects: &mut Vec<Effect>,
    ) {
        let waiting = std::mem::take(&mut self.reads.barrier);
        for (needs, asker, number) in waiting {
            if needs > question {
                self.reads.barrier.push((needs, asker, number));
            } else if number >= next {
                self.reads.reply(asker, OrderReply::NotFound);
            } else if number < self.law.count() {
                self.read_delivered(asker, number, effects);
            } else {
                self.reads.delivery.insert((number, asker));
            }
        }
        if !self.reads.barrier.is_empty() {
            self.outbox.ask_again();
        }
        self.send_reads(effects);
    }

    /// Answers reads that waited for delivery; sends the others on if this replica does not lead any more.
    pub(super) fn settle_reads(&mut self, effects: &mut Vec<Effect>) {
        while let Some(&(number, asker)) = self.reads.delivery.first()
            && number < self.law.count()
        {
            self.reads.delivery.pop_first();
            self.read_delivered(asker, number, effects);
        }
        if !self.standing.leads() {
            self.send_readers_on();
        }
        self.send_reads(effects);
    }

    fn send_readers_on(&mut self) {
        let barrier =
            std::mem::take(&mut self.reads.barrier).into_iter().map(|(_, asker, _)| asker);
        let delivery = std::mem::take(&mut self.reads.delivery).into_iter().map(|(_, asker)| asker);
        for asker in barrier.chain(delivery).collect::<Vec<_>>() {
            let reply = OrderReply::NotLeader(self.configuration.clone());
            self.reads.reply(asker, reply);
        }
    }

    fn send_reads(&mut self, effects: &mut Vec<Effect>) {
        for (to, replies) in std::mem::take(&mut self.reads.replies) {
            effects.push(Effect::Send { to, message: Message::OrdersRead(replies) });
        }
    }
}
