//! One pass over the orders of a replica, in the order of their numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, OrdersSide};
use crate::chain::OrderChain;
use crate::codec::{decode_order, encode_order};
use crate::limits::{KEY_HORIZON_MS, MAX_QUANTITY};
use crate::name::Name;
use crate::order::{Order, OrderNumber};
use crate::orders::{Totals, split_history};
use crate::rows::key_number;

/// Most faults that are listed for one replica; the rest are counted. A broken store has one per order.
const MAX_FAULTS: usize = 32;

/// Bits of a key's place that hold the order's number (10^12 orders); the other 88 hold the key. Keys are digests, so two
/// different ones agree in 88 bits with a chance of one in 10^8 among 10^9 orders.
const NUMBER_BITS: u32 = 40;

/// Distance between two notes of the time, in milliseconds: enough to tell whether two orders are a horizon apart.
const NOTE_EVERY_MS: u64 = 60 * 1_000;

/// Reads orders one after another and adds them up. Memory: 16 bytes an order, for the keys.
#[derive(Clone, Debug, Default)]
pub struct OrderScan {
    next: OrderNumber,
    /// Recomputed from the orders.
    chain: OrderChain,
    /// As the last row says.
    stored: OrderChain,
    totals: BTreeMap<Name, Totals>,
    keys: Vec<u128>,
    /// From this number on, orders were decided at this time (or less than a note's distance later).
    times: Vec<(OrderNumber, u64)>,
    latest: u64,
    wanted: BTreeSet<u64>,
    chains: BTreeMap<u64, OrderChain>,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl OrderScan {
    /// A scan that also notes the chain hash at each of some counts: where replicas are to be compared.
    pub fn new(chains_at: impl IntoIterator<Item = u64>) -> Self {
        let mut scan = OrderScan { wanted: chains_at.into_iter().collect(), ..Default::default() };
        scan.note_chain();
        scan
    }

    /// Feeds one row of the history table.
    pub fn feed_row(&mut self, key: &[u8], value: &[u8]) {
        let order = split_history(value)
            .and_then(|(chain, encoded)| Some((chain, encoded, decode_order(encoded).ok()?)))
            .filter(|(.., order)| key_number(key) == order.number.checked_add(1));
        let Some((stored, encoded, order)) = order else {
            let position = key_number(key).unwrap_or_else(|| self.next.saturating_add(1));
            self.fault(Fault::Unreadable { position });
            return;
        };
        // Each row is judged by the hash stored in front of it, so that one wrong row is not a fault of all that follow.
        let unlinked = (self.stored != self.chain).then(|| self.stored.extend(encoded));
        self.take(&order, encoded);
        if stored != unlinked.unwrap_or(self.chain) {
            self.fault(Fault::StoredChain { number: order.number });
        }
        self.stored = stored;
        self.note_chain();
    }

    /// Feeds one order.
    pub fn feed(&mut self, order: &Order) {
        self.take(order, &encode_order(order));
        self.note_chain();
    }

    fn take(&mut self, order: &Order, encoded: &[u8]) {
        let Order { number, .. } = *order;
        let expected = self.next;
        match number.cmp(&expected) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.fault(Fault::Gap { from: expected, to: number }),
            std::cmp::Ordering::Less => self.fault(Fault::Misplaced { number, expected }),
        }
        if order.quantity == 0 || order.quantity > MAX_QUANTITY {
            self.fault(Fault::Quantity { number, quantity: order.quantity });
        }
        self.next = expected.max(number.saturating_add(1));
        self.chain = self.chain.extend(encoded);
        self.keys.push(order.key.0 << NUMBER_BITS | u128::from(number & ((1 << NUMBER_BITS) - 1)));
        self.note_time(order);
        self.add(order);
    }

    fn add(&mut self, order: &Order) {
        let before = self.totals.get(&order.name).copied().unwrap_or_default();
        let Some(totals) = before.with(order) else {
            return self.fault(Fault::Overflow { number: order.number });
        };
        match self.totals.get_mut(&order.name) {
            Some(known) => *known = totals,
            None => _ = self.totals.insert(order.name.clone(), totals),
        }
    }

    fn note_time(&mut self, order: &Order) {
        let at = order.decided_at.0;
        if at < self.latest {
            self.fault(Fault::Time { number: order.number });
        }
        self.latest = self.latest.max(at);
        let due =
            self.times.last().is_none_or(|(_, noted)| at >= noted.saturating_add(NOTE_EVERY_MS));
        if due {
            self.times.push((order.number, at));
        }
    }

    fn note_chain(&mut self) {
        if self.wanted.contains(&self.next) {
            self.chains.insert(self.next, self.chain);
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Ends the scan.
    pub fn finish(mut self, id: u8) -> OrdersSide {
        self.find_repeated_keys();
        self.chains.insert(self.next, self.chain);
        OrdersSide {
            id,
            count: self.next,
            chains: self.chains,
            totals: self.totals,
            faults: self.faults,
            fault_count: self.fault_count,
        }
    }

    /// A key that was forgotten in good order may come again, so only repetitions within the horizon count.
    fn find_repeated_keys(&mut self) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.sort_unstable();
        for pair in keys.windows(2).filter(|pair| pair[0] >> NUMBER_BITS == pair[1] >> NUMBER_BITS)
        {
            let number = |key: u128| key as u64 & ((1 << NUMBER_BITS) - 1);
            let (first, second) = (number(pair[0]), number(pair[1]));
            let apart = self.noted_time(second).saturating_sub(self.noted_time(first));
            if apart < KEY_HORIZON_MS {
                self.fault(Fault::RepeatedKey { first, second });
            }
        }
    }

    fn noted_time(&self, number: OrderNumber) -> u64 {
        let behind = self.times.partition_point(|(from, _)| *from <= number);
        behind.checked_sub(1).map_or(0, |index| self.times[index].1)
    }
}
