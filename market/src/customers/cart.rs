//! Carts: one per session, and one saved per buyer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::command::Refusal;
use super::purchase::{PurchaseId, PurchaseLine};
use super::row;
use super::session::SessionId;
use crate::item::ItemId;
use crate::limits::{CHECKOUT_MS, MAX_CART_LINES, MAX_QUANTITY};
use crate::rows::{LoadError, Row, RowChange, Table, key_number, number_key};
use crate::trade::WallTime;

/// A cart: how many of each item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// How many of each item, at least 1.
    pub lines: BTreeMap<ItemId, u64>,
    /// The purchase of it that is under way, as far as anybody knows.
    pub checkout: Option<Checkout>,
}

/// A purchase under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Names it.
    pub purchase: PurchaseId,
    /// When it began.
    pub at: WallTime,
    /// What is being bought, and at which prices, whatever happens to the cart meanwhile.
    pub lines: Vec<PurchaseLine>,
}

impl Checkout {
    /// Whether it may still come to an end.
    pub(super) fn stands(&self, now: WallTime) -> bool {
        now.0 <= self.at.0.saturating_add(CHECKOUT_MS)
    }
}

impl Cart {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.checkout.is_none()
    }

    pub(super) fn add(
        &mut self,
        item: ItemId,
        quantity: u64,
        available: u64,
    ) -> Result<(), Refusal> {
        if !(1..=MAX_QUANTITY).contains(&quantity) {
            return Err(Refusal::OutOfRange);
        }
        let before = self.lines.get(&item).copied();
        if before.is_none() && self.lines.len() >= MAX_CART_LINES {
            return Err(Refusal::CartFull);
        }
        // No overflow: both are at most a million.
        let total = before.unwrap_or(0) + quantity;
        if total > available {
            return Err(Refusal::StockShort { available });
        }
        if total > MAX_QUANTITY {
            return Err(Refusal::OutOfRange);
        }
        self.lines.insert(item, total);
        Ok(())
    }

    /// Takes out at most so many; says whether anything changed.
    pub(super) fn take(&mut self, item: ItemId, quantity: u64) -> bool {
        let Some(held) = self.lines.get_mut(&item).filter(|_| quantity > 0) else { return false };
        if *held > quantity {
            *held -= quantity;
        } else {
            self.lines.remove(&item);
        }
        true
    }

    /// Takes out what was bought; says whether anything changed.
    pub(super) fn take_all(&mut self, lines: &[PurchaseLine]) -> bool {
        lines.iter().fold(false, |changed, line| self.take(line.item, line.quantity) | changed)
    }

    /// Whether these lines are what the cart holds.
    pub(super) fn holds(&self, lines: &[PurchaseLine]) -> bool {
        lines
            .iter()
            .map(|line| (line.item, line.quantity))
            .eq(self.lines.iter().map(|(k, v)| (*k, *v)))
    }

    fn is_sound(&self) -> bool {
        let quantity = |quantity: &u64| (1..=MAX_QUANTITY).contains(quantity);
        let lines = self.checkout.iter().all(|checkout| checkout.lines.len() <= MAX_CART_LINES);
        !self.is_empty()
            && lines
            && self.lines.len() <= MAX_CART_LINES
            && self.lines.values().all(quantity)
    }
}

/// All carts that hold anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carts {
    of_sessions: BTreeMap<SessionId, Cart>,
    saved: BTreeMap<AccountId, Cart>,
}

impl Carts {
    pub(super) fn get(&self, session: SessionId) -> Option<&Cart> {
        self.of_sessions.get(&session)
    }

    pub(super) fn saved(&self, buyer: AccountId) -> Option<&Cart> {
        self.saved.get(&buyer)
    }

    /// Changes a session's cart, and writes it if the change did.
    pub(super) fn change(
        &mut self,
        session: SessionId,
        changes: &mut Vec<RowChange>,
        change: impl FnOnce(&mut Cart) -> bool,
    ) {
        let cart = self.of_sessions.entry(session).or_default();
        let key = || (Table::Carts, session.0.to_vec());
        if write_if(change, cart, key, changes) {
            self.of_sessions.remove(&session);
        }
    }

    /// The same of a buyer's saved cart.
    pub(super) fn change_saved(
        &mut self,
        buyer: AccountId,
        changes: &mut Vec<RowChange>,
        change: impl FnOnce(&mut Cart) -> bool,
    ) {
        let cart = self.saved.entry(buyer).or_default();
        let key = || (Table::SavedCarts, number_key(buyer));
        if write_if(change, cart, key, changes) {
            self.saved.remove(&buyer);
        }
    }

    /// A session is over.
    pub(super) fn remove(&mut self, session: SessionId, changes: &mut Vec<RowChange>) {
        self.change(session, changes, |cart| std::mem::take(cart) != Cart::default());
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let carts = &self.of_sessions;
        let carts = carts.iter().map(|(id, cart)| row::write(Table::Carts, id.0.to_vec(), cart));
        let saved = self.saved.iter();
        carts.chain(saved.map(|(id, cart)| row::write(Table::SavedCarts, number_key(*id), cart)))
    }

    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        let Some(cart) = row::read(&row).filter(Cart::is_sound) else {
            return Err(LoadError::row(row));
        };
        let session = row.key.as_slice().try_into().ok().map(SessionId);
        match (row.table, session, key_number(&row.key)) {
            (Table::Carts, Some(session), _) => _ = self.of_sessions.insert(session, cart),
            (Table::SavedCarts, _, Some(buyer)) => _ = self.saved.insert(buyer, cart),
            _ => return Err(LoadError::row(row)),
        }
        Ok(())
    }

    /// Whose carts there are: a cart without its owner is damage.
    pub(super) fn owners(
        &self,
    ) -> (impl Iterator<Item = SessionId>, impl Iterator<Item = AccountId>) {
        (self.of_sessions.keys().copied(), self.saved.keys().copied())
    }
}

/// Changes a cart and tells its row; says whether the cart holds nothing now. One that is empty has no row.
fn write_if(
    change: impl FnOnce(&mut Cart) -> bool,
    cart: &mut Cart,
    key: impl Fn() -> (Table, Vec<u8>),
    changes: &mut Vec<RowChange>,
) -> bool {
    let had_row = !cart.is_empty();
    let changed = change(cart);
    let empty = cart.is_empty();
    if changed && (had_row || !empty) {
        let (table, key) = key();
        if empty {
            changes.push(RowChange { table, key, value: None });
        } else {
            changes.push(row::write(table, key, cart).into());
        }
    }
    empty
}
