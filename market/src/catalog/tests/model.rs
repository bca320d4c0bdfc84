//! The catalog as plainly as it can be said: lists searched from end to end, nothing kept twice, nothing fast.

use super::*;
use crate::limits::{KEY_AHEAD_MS, KEY_HORIZON_MS, KEY_SKEW_MS, MAX_QUANTITY, MAX_STOCK};
use crate::listing::Listing;
use crate::trade::TradeRefusal;

#[derive(Default)]
pub(super) struct Model {
    pub(super) limits: Limits,
    pub(super) listings: Vec<Listing>,
    /// Trade, when it was decided, and what was decided.
    pub(super) seen: Vec<(Trade, u64, Decision)>,
    pub(super) orders: Vec<Order>,
    pub(super) first: usize,
    pub(super) time: u64,
}

impl Model {
    pub(super) fn apply(&mut self, position: u64, command: &Command) -> Reply {
        match command {
            Command::Load { listings } => self.load(position, listings),
            Command::Trades { at, trades } => {
                self.pass_time(at.0);
                let before = self.seen.len();
                let decisions = trades.iter().map(|trade| self.trade(position, trade)).collect();
                self.date_keys(before);
                Reply::Decided(decisions)
            }
            Command::Restock { at, names, level } => {
                self.pass_time(at.0);
                Reply::Restocked(self.restock(position, names, (*level).min(MAX_STOCK)))
            }
            Command::Trim { keep_from } => {
                let keep_from = usize::try_from(*keep_from).unwrap_or(usize::MAX);
                self.first = self.first.max(keep_from.min(self.orders.len()));
                Reply::Trimmed { first: self.first as u64 }
            }
        }
    }

    fn pass_time(&mut self, at: u64) {
        self.time = self.time.max(at);
        let keep = KEY_HORIZON_MS + KEY_SKEW_MS;
        self.seen.retain(|(_, decided, _)| self.time.saturating_sub(*decided) <= keep);
    }

    /// The horizon of a command's keys counts from the law's time, from the youngest key's birth (an hour ahead at the most),
    /// or from where the keys before count, whichever is latest.
    fn date_keys(&mut self, first_new: usize) {
        let (old, new) = self.seen.split_at_mut(first_new);
        let births = new.iter().filter_map(|(trade, ..)| trade.born.map(|born| born.0));
        let born = births.max().unwrap_or(0).min(self.time.saturating_add(KEY_AHEAD_MS));
        let date = self.time.max(born).max(old.last().map_or(0, |(_, date, _)| *date));
        new.iter_mut().for_each(|(_, dated, _)| *dated = date);
    }

    fn load(&mut self, position: u64, listings: &[NewListing]) -> Reply {
        if !self.listings.is_empty() {
            return Reply::Loaded(0);
        }
        for new in listings {
            let NewListing { name, kind, price, quantity, restock } = new.clone();
            let known = self.listings.iter().any(|listing| listing.name == name);
            if known || quantity > MAX_STOCK || self.listings.len() == self.limits.listings {
                continue;
            }
            let (initial, version) = (quantity, position);
            let (volume, restocked, sold, bought) = (0, 0, 0, 0);
            self.listings.push(Listing {
                name,
                kind,
                price,
                quantity,
                volume,
                initial,
                restocked,
                sold,
                bought,
                restock,
                version,
            });
        }
        Reply::Loaded(self.listings.len())
    }

    fn restock(&mut self, position: u64, names: &[Name], level: u64) -> Vec<Name> {
        let mut refilled = Vec::new();
        for name in names {
            let mut listings = self.listings.iter_mut();
            let Some(listing) = listings.find(|listing| listing.name == *name) else { continue };
            if listing.restock && listing.quantity == 0 && level > 0 {
                (listing.quantity, listing.version) = (level, position);
                listing.restocked += level;
                refilled.push(name.clone());
            }
        }
        refilled
    }

    fn trade(&mut self, position: u64, trade: &Trade) -> Decision {
        if let Some((before, _, decision)) = self.seen.iter().find(|seen| seen.0.key == trade.key) {
            let body = |trade: &Trade| (trade.name.clone(), trade.side, trade.quantity);
            return match decision {
                _ if body(before) != body(trade) => Decision::Refused(TradeRefusal::KeyReused),
                Decision::Done(order) => Decision::Replayed(order.number),
                other => other.clone(),
            };
        }
        if trade.born.is_some_and(|born| self.time.saturating_sub(born.0) > KEY_HORIZON_MS) {
            return Decision::Refused(TradeRefusal::KeyExpired);
        }
        let waiting = self.orders.len() - self.first;
        if self.seen.len() >= self.limits.keys || waiting >= self.limits.outbox {
            return Decision::Refused(TradeRefusal::Overloaded);
        }
        let decision = match self.movement(position, trade) {
            Ok(order) => Decision::Done(order),
            Err(refusal) => Decision::Refused(refusal),
        };
        self.seen.push((trade.clone(), self.time, decision.clone()));
        decision
    }

    fn movement(&mut self, position: u64, trade: &Trade) -> Result<Order, TradeRefusal> {
        if !(1..=MAX_QUANTITY).contains(&trade.quantity) {
            return Err(TradeRefusal::QuantityOutOfRange);
        }
        let listing = self.listings.iter_mut().find(|listing| listing.name == trade.name);
        let listing = listing.ok_or(TradeRefusal::UnknownListing)?;
        let (available, quantity) = (listing.quantity, trade.quantity);
        match trade.side {
            Side::Buy if available < quantity => {
                return Err(TradeRefusal::InsufficientQuantity { available });
            }
            Side::Sell if available + quantity > MAX_STOCK => {
                return Err(TradeRefusal::QuantityOutOfRange);
            }
            Side::Buy => listing.bought += quantity,
            Side::Sell => listing.sold += quantity,
        }
        listing.quantity = listing.initial + listing.restocked + listing.sold - listing.bought;
        listing.volume += quantity;
        listing.version = position;
        let (number, key, name) = (self.orders.len() as u64, trade.key, trade.name.clone());
        let (unit_price, decided_at, side) = (listing.price, WallTime(self.time), trade.side);
        self.orders.push(Order { number, key, name, side, quantity, unit_price, decided_at });
        Ok(self.orders[number as usize].clone())
    }
}
