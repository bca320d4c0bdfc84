//! The shelf: listings by name, and which of them wait for a restock.

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::decode;
use crate::limits::{MAX_QUANTITY, MAX_STOCK};
use crate::listing::{Listing, NewListing};
use crate::name::Name;
use crate::rows::{LoadError, Row, Table};
use crate::trade::{Side, Trade, TradeRefusal};

/// Longest row of a listing, in bytes: a name and eight counters, with room.
const MAX_LISTING_BYTES: usize = 512;

/// All listings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shelf {
    listings: BTreeMap<Name, Listing>,
    /// Marked for restock and at 0.
    empty: BTreeSet<Name>,
}

impl Shelf {
    pub(super) fn get(&self, name: &Name) -> Option<&Listing> {
        self.listings.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values()
    }

    pub(super) fn empty(&self) -> impl Iterator<Item = &Name> {
        self.empty.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.listings.len()
    }

    /// Takes a new listing; false if its name is taken or it holds too much.
    pub(super) fn add(&mut self, position: u64, new: &NewListing) -> bool {
        if new.quantity > MAX_STOCK || self.listings.contains_key(&new.name) {
            return false;
        }
        self.put(Listing {
            name: new.name.clone(),
            kind: new.kind,
            price: new.price,
            quantity: new.quantity,
            volume: 0,
            initial: new.quantity,
            restocked: 0,
            sold: 0,
            bought: 0,
            restock: new.restock,
            version: position,
        });
        true
    }

    fn put(&mut self, listing: Listing) {
        if waits(&listing) {
            self.empty.insert(listing.name.clone());
        }
        self.listings.insert(listing.name.clone(), listing);
    }

    /// Moves the stock of one listing as a trade wants it, or leaves everything as it was.
    pub(super) fn trade(&mut self, position: u64, trade: &Trade) -> Result<&Listing, TradeRefusal> {
        if trade.quantity == 0 || trade.quantity > MAX_QUANTITY {
            return Err(TradeRefusal::QuantityOutOfRange);
        }
        let listing = self.listings.get_mut(&trade.name).ok_or(TradeRefusal::UnknownListing)?;
        let waited = waits(listing);
        match trade.side {
            Side::Buy => buy(listing, trade.quantity)?,
            Side::Sell => sell(listing, trade.quantity).ok_or(TradeRefusal::QuantityOutOfRange)?,
        }
        listing.version = position;
        match (waited, waits(listing)) {
            (false, true) => _ = self.empty.insert(listing.name.clone()),
            (true, false) => _ = self.empty.remove(&listing.name),
            _ => {}
        }
        Ok(listing)
    }

    /// Refills a listing that waits for it; says whether it did.
    pub(super) fn restock(&mut self, position: u64, name: &Name, level: u64) -> bool {
        let level = level.min(MAX_STOCK);
        let Some(listing) = self.listings.get_mut(name).filter(|listing| waits(listing)) else {
            return false;
        };
        let Some(restocked) = listing.restocked.checked_add(level).filter(|_| level > 0) else {
            return false;
        };
        listing.restocked = restocked;
        listing.quantity = level;
        listing.version = position;
        self.empty.remove(name);
        true
    }

    /// Every row of it.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.iter().map(row)
    }

    /// Takes a listing from its row.
    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        match decode::<Listing>(&row.value, MAX_LISTING_BYTES) {
            Ok(listing) if listing.name.as_str().as_bytes() == row.key => self.put(listing),
            _ => return Err(LoadError::row(row)),
        }
        Ok(())
    }
}

/// The row of a listing.
pub(super) fn row(listing: &Listing) -> Row {
    let mut buffer = [0; MAX_LISTING_BYTES];
    let value = postcard::to_slice(listing, &mut buffer).expect("no listing is longer than this");
    Row {
        table: Table::Listings,
        key: listing.name.as_str().as_bytes().to_vec(),
        value: value.to_vec(),
    }
}

fn waits(listing: &Listing) -> bool {
    listing.restock && listing.quantity == 0
}

fn buy(listing: &mut Listing, quantity: u64) -> Result<(), TradeRefusal> {
    let available = listing.quantity;
    let left =
        available.checked_sub(quantity).ok_or(TradeRefusal::InsufficientQuantity { available })?;
    let counted = |counter: u64| counter.checked_add(quantity);
    let (Some(bought), Some(volume)) = (counted(listing.bought), counted(listing.volume)) else {
        return Err(TradeRefusal::QuantityOutOfRange);
    };
    (listing.quantity, listing.bought, listing.volume) = (left, bought, volume);
    Ok(())
}

fn sell(listing: &mut Listing, quantity: u64) -> Option<()> {
    let stock = listing.quantity.checked_add(quantity).filter(|stock| *stock <= MAX_STOCK)?;
    let sold = listing.sold.checked_add(quantity)?;
    let volume = listing.volume.checked_add(quantity)?;
    (listing.quantity, listing.sold, listing.volume) = (stock, sold, volume);
    Some(())
}
