//! Purchases: what a buyer bought, each recorded once, and what follows from them (who bought what).
//!
//! All of them are held in memory for now. Only names and the pairs of buyer and item are needed there; the lines could be read
//! from the store on demand, as orders are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::row;
use crate::item::ItemId;
use crate::limits::{MAX_CART_LINES, MAX_QUANTITY, MAX_TOTAL_MINOR};
use crate::money::Price;
use crate::name::Name;
use crate::order::OrderNumber;
use crate::rows::{LoadError, Row, RowChange, Table};
use crate::trade::WallTime;

/// Names a purchase: a digest of the buyer and of the buyer's idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PurchaseId(pub u128);

/// One item of a purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLine {
    /// What.
    pub item: ItemId,
    /// Its name then.
    pub name: Name,
    /// Who sells it.
    pub seller: AccountId,
    /// How many, 1 to [`MAX_QUANTITY`].
    pub quantity: u64,
    /// Price of one.
    pub unit_price: Price,
}

/// A purchase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// Names it.
    pub id: PurchaseId,
    /// Whose.
    pub buyer: AccountId,
    /// Its order; of several, the first.
    pub order: OrderNumber,
    /// What, in the sequence of the items; 1 to [`MAX_CART_LINES`].
    pub lines: Vec<PurchaseLine>,
    /// When it was decided.
    pub decided_at: WallTime,
    /// It was taken back: the card could not be charged after all.
    pub reversed: bool,
}

/// What lines cost together, in minor units; `None` if they are no lines of a purchase: none or too many, not in the sequence of
/// their items, a quantity out of range, or too much altogether.
pub fn total(lines: &[PurchaseLine]) -> Option<u64> {
    let ascending = lines.is_sorted_by(|one, next| one.item < next.item);
    let quantities = lines.iter().all(|line| (1..=MAX_QUANTITY).contains(&line.quantity));
    if !(1..=MAX_CART_LINES).contains(&lines.len()) || !ascending || !quantities {
        return None;
    }
    // No overflow: a hundred times 10^18 is far below 2^128.
    let cost =
        |line: &PurchaseLine| u128::from(line.unit_price.minor()) * u128::from(line.quantity);
    let total: u128 = lines.iter().map(cost).sum();
    u64::try_from(total).ok().filter(|total| *total <= MAX_TOTAL_MINOR)
}

/// Names a purchase's row.
type Place = (AccountId, u64);

/// All purchases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Purchases {
    known: BTreeMap<Place, Purchase>,
    names: BTreeMap<PurchaseId, Place>,
    /// Buyer, item, and the purchase's number, of purchases that stand.
    bought: BTreeSet<(AccountId, ItemId, u64)>,
    /// The next one's number.
    next: u64,
}

impl Purchases {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn get(&self, id: PurchaseId) -> Option<&Purchase> {
        self.known.get(self.names.get(&id)?)
    }

    /// At most `max` of a buyer's, newest first, below a number, each with its number.
    pub(super) fn page(
        &self,
        buyer: AccountId,
        below: u64,
        max: usize,
    ) -> impl Iterator<Item = (u64, &Purchase)> {
        let range = self.known.range((buyer, 0)..(buyer, below));
        range.rev().take(max).map(|((_, number), purchase)| (*number, purchase))
    }

    /// Who sold the item to the buyer, the last time; `None` if nobody did.
    pub(super) fn seller(&self, buyer: AccountId, item: ItemId) -> Option<AccountId> {
        let mut range = self.bought.range((buyer, item, 0)..=(buyer, item, u64::MAX));
        let (_, _, number) = range.next_back()?;
        let lines = &self.known[&(buyer, *number)].lines;
        lines.iter().find(|line| line.item == item).map(|line| line.seller)
    }

    /// Records one that is not known yet.
    pub(super) fn record(&mut self, purchase: Purchase, changes: &mut Vec<RowChange>) {
        let place = (purchase.buyer, self.next);
        self.next += 1;
        changes.push(purchase_row(place, &purchase).into());
        self.put(place, purchase);
    }

    /// Takes one back that stands.
    pub(super) fn reverse(&mut self, id: PurchaseId, changes: &mut Vec<RowChange>) {
        let Some(place) = self.names.get(&id).copied() else { return };
        let Some(purchase) = self.known.get_mut(&place) else { return };
        purchase.reversed = true;
        changes.push(purchase_row(place, purchase).into());
        for line in &purchase.lines {
            self.bought.remove(&(place.0, line.item, place.1));
        }
    }

    fn put(&mut self, place: Place, purchase: Purchase) {
        self.names.insert(purchase.id, place);
        if !purchase.reversed {
            let items = purchase.lines.iter().map(|line| line.item);
            self.bought.extend(items.map(|item| (place.0, item, place.1)));
        }
        self.known.insert(place, purchase);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Purchase> {
        self.known.values()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.known.iter().map(|(place, purchase)| purchase_row(*place, purchase))
    }

    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        let purchase = row::read(&row).filter(|it: &Purchase| total(&it.lines).is_some());
        let (place, purchase) = match (place_of(&row.key), purchase) {
            (Some(place), Some(purchase)) if place.0 == purchase.buyer => (place, purchase),
            _ => return Err(LoadError::row(row)),
        };
        if self.names.contains_key(&purchase.id) {
            return Err(LoadError::contradiction(row.table, row.key));
        }
        self.put(place, purchase);
        Ok(())
    }

    /// That numbers have no gaps, up to the next.
    pub(super) fn check(&mut self, next: u64) -> Result<(), LoadError> {
        self.next = next;
        let numbers: BTreeSet<u64> = self.known.keys().map(|(_, number)| *number).collect();
        let numbers = numbers.into_iter().chain([next]);
        match (0..).zip(numbers).find(|(expected, found)| expected != found) {
            Some((expected, found)) => {
                Err(LoadError::Gap { table: Table::Purchases, expected, found })
            }
            None if self.known.len() as u64 == next => Ok(()),
            // Two buyers, one number.
            None => Err(LoadError::Gap { table: Table::Purchases, expected: next, found: next }),
        }
    }
}

fn purchase_row((buyer, number): Place, purchase: &Purchase) -> Row {
    let mut key = buyer.to_be_bytes().to_vec();
    key.extend(number.to_be_bytes());
    row::write(Table::Purchases, key, purchase)
}

fn place_of(key: &[u8]) -> Option<Place> {
    let (buyer, number) = key.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*buyer), u64::from_be_bytes(number.try_into().ok()?)))
}
