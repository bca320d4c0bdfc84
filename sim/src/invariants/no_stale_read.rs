//! Reads of listings are linearizable with trades, through any gateway.
//!
//! Source: SPEC.md section 1, Cache ("a read after an acknowledged write, through any gateway, never shows the older
//! quantity"); DESIGN.md section 5; PROTOCOLS.md C.2 and C.4, E.3 (per item).
//!
//! The final orders of a listing, in the order of their numbers, are its history of states, and a state's volume says which one it
//! is (every trade adds at least 1). So each read, acknowledgement and refusal tells which state was reached
//! at the latest when it was answered; whoever asks afterwards must see that state or a later one.

use std::collections::BTreeMap;

use market::listing::{Listing, NewListing};
use market::order::OrderNumber;
use market::trade::{Key, Side, TradeRefusal};

use super::{Broken, Evidence};
use crate::history::{ReadOp, TradeOp, TradeResult};

const NAME: &str = "no_stale_read";

/// Judges it.
pub fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let began: BTreeMap<Key, u64> = evidence
        .history
        .trades
        .iter()
        .filter(|op| !op.reuses_key)
        .map(|op| (op.trade.key, op.began))
        .collect();
    for listing in evidence.listings {
        let states = States::of(evidence, listing, &began);
        states.judge(evidence).map_err(|detail| (NAME, detail))?;
    }
    Ok(())
}

/// The greatest value so far, for each place of a list sorted by time.
pub(super) fn running_max(known: &[(u64, u64)]) -> Vec<u64> {
    known
        .iter()
        .scan(0, |most, (_, value)| {
            *most = (*most).max(*value);
            Some(*most)
        })
        .collect()
}

/// All states a listing went through: state k is the one after k orders.
struct States<'a> {
    first: &'a NewListing,
    volume: Vec<u64>,
    /// Without restocks.
    quantity: Vec<i128>,
    /// The earliest moment at which this state can exist: all its trades had been asked for.
    earliest: Vec<u64>,
    by_number: BTreeMap<OrderNumber, u64>,
    restocks: bool,
}

impl<'a> States<'a> {
    fn of(evidence: &Evidence<'_>, first: &'a NewListing, began: &BTreeMap<Key, u64>) -> Self {
        let mut states = States {
            first,
            volume: vec![0],
            quantity: vec![i128::from(first.quantity)],
            earliest: vec![0],
            by_number: BTreeMap::new(),
            restocks: evidence.restocks && first.restock,
        };
        for order in evidence.orders().iter().filter(|order| order.name == first.name) {
            let last = states.volume.len() - 1;
            let moved = match order.side {
                Side::Buy => -i128::from(order.quantity),
                Side::Sell => i128::from(order.quantity),
            };
            let asked = began.get(&order.key).copied().unwrap_or(0);
            states.volume.push(states.volume[last] + order.quantity);
            states.quantity.push(states.quantity[last] + moved);
            states.earliest.push(states.earliest[last].max(asked));
            states.by_number.insert(order.number, last as u64 + 1);
        }
        states
    }

    fn judge(&self, evidence: &Evidence<'_>) -> Result<(), String> {
        let reads: Vec<&ReadOp> = evidence
            .history
            .reads
            .iter()
            .filter(|read| read.listing.name == self.first.name)
            .collect();
        let mut known = Vec::new();
        for (op, number) in evidence.history.acknowledged() {
            if let Some(state) = self.by_number.get(&number) {
                known.push((op.ended, *state));
            }
        }
        for read in &reads {
            known.push((read.ended, self.state_of(read)?));
        }
        self.learn_from_refusals(&evidence.history.trades, &mut known)?;
        known.sort_unstable();
        let highest = running_max(&known);
        for read in &reads {
            let (shown, count) =
                (self.state_of(read)?, known.partition_point(|(at, _)| *at < read.began));
            if count > 0 && highest[count - 1] > shown {
                let seen = highest[count - 1];
                return Err(format!("{read:?} shows state {shown}, but {seen} was seen before"));
            }
        }
        versions_never_go_back(&reads)
    }

    /// Which state a read shows; an error if the listing never was like that.
    fn state_of(&self, read: &ReadOp) -> Result<u64, String> {
        let listing = &read.listing;
        let Ok(state) = self.volume.binary_search(&listing.volume) else {
            return Err(format!("{read:?} shows a volume that never was"));
        };
        let quantity = self.quantity[state] + i128::from(listing.restocked);
        let same = listing.kind == self.first.kind
            && listing.price == self.first.price
            && listing.initial == self.first.quantity
            && (self.restocks || listing.restocked == 0)
            && i128::from(listing.quantity) == quantity;
        if !same {
            return Err(format!("{read:?} is not state {state} with quantity {quantity}"));
        }
        if self.earliest[state] > read.ended {
            return Err(format!("{read:?} shows a trade nobody had asked for"));
        }
        Ok(state as u64)
    }

    /// A refusal for want of stock shows a state, too: the earliest one that fits.
    fn learn_from_refusals(
        &self,
        trades: &[TradeOp],
        known: &mut Vec<(u64, u64)>,
    ) -> Result<(), String> {
        if self.restocks {
            return Ok(());
        }
        let mut sorted = known.clone();
        sorted.sort_unstable();
        let highest = running_max(&sorted);
        for op in trades.iter().filter(|op| op.trade.name == self.first.name && !op.reuses_key) {
            let TradeResult::Refused(TradeRefusal::InsufficientQuantity { available }) = op.result
            else {
                continue;
            };
            let count = sorted.partition_point(|(at, _)| *at < op.began);
            let from = if count > 0 { highest[count - 1] as usize } else { 0 };
            let fits = (from..self.quantity.len()).find(|state| {
                self.quantity[*state] == i128::from(available) && self.earliest[*state] <= op.ended
            });
            match fits {
                Some(state) => known.push((op.ended, state as u64)),
                None => return Err(format!("{op:?} was refused for a reason that never was")),
            }
        }
        Ok(())
    }
}

/// A read never shows an older version than one that was answered before it began, and a version is one thing.
fn versions_never_go_back(reads: &[&ReadOp]) -> Result<(), String> {
    let mut seen: Vec<(u64, u64)> =
        reads.iter().map(|read| (read.ended, read.listing.version)).collect();
    seen.sort_unstable();
    let highest = running_max(&seen);
    let mut contents: BTreeMap<u64, &Listing> = BTreeMap::new();
    for read in reads {
        let count = seen.partition_point(|(at, _)| *at < read.began);
        if count > 0 && highest[count - 1] > read.listing.version {
            return Err(format!("{read:?}, but version {} was seen before", highest[count - 1]));
        }
        let known = contents.entry(read.listing.version).or_insert(&read.listing);
        if **known != read.listing {
            return Err(format!("{read:?} and {known:?} have the same version"));
        }
    }
    Ok(())
}
