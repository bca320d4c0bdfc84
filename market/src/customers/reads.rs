//! What there is to see.

use super::account::{Account, Owner, Side};
use super::cart::{Cart, Checkout};
use super::feedback::{Thumbs, Vote};
use super::purchase::{Purchase, PurchaseId};
use super::session::{Session, SessionId};
use super::{AccountId, Customers};
use crate::item::ItemId;
use crate::name::Name;
use crate::order::OrderNumber;
use crate::trade::WallTime;

impl Customers {
    /// An account.
    pub fn account(&self, owner: Owner) -> Option<&Account> {
        self.accounts.get(owner)
    }

    /// An account by its login name.
    pub fn by_login(&self, side: Side, login: &Name) -> Option<(Owner, &Account)> {
        self.accounts.by_login(side, login)
    }

    /// A session that stands at a time, on the asker's clock or the law's, whichever is later.
    pub fn session(&self, id: SessionId, now: WallTime) -> Option<&Session> {
        self.sessions.get(id).filter(|session| session.stands(now.max(self.time)))
    }

    /// A session's cart; none if it is empty.
    pub fn cart(&self, session: SessionId) -> Option<&Cart> {
        self.carts.get(session)
    }

    /// The purchase of a session's cart that is under way.
    pub fn checkout(&self, session: SessionId) -> Option<&Checkout> {
        self.carts.get(session)?.checkout.as_ref()
    }

    /// A buyer's saved cart; none if it is empty.
    pub fn saved_cart(&self, buyer: AccountId) -> Option<&Cart> {
        self.carts.saved(buyer)
    }

    /// A purchase by its name.
    pub fn purchase(&self, id: PurchaseId) -> Option<&Purchase> {
        self.purchases.get(id)
    }

    /// At most `max` of a buyer's purchases, newest first, each with its number; below a number, to go on after a page.
    pub fn purchases(
        &self,
        buyer: AccountId,
        below: Option<u64>,
        max: usize,
    ) -> impl Iterator<Item = (u64, &Purchase)> {
        self.purchases.page(buyer, below.unwrap_or(u64::MAX), max)
    }

    /// An item's thumbs.
    pub fn item_thumbs(&self, item: ItemId) -> Thumbs {
        self.feedback.item(item)
    }

    /// What a buyer said of an item.
    pub fn vote_of(&self, buyer: AccountId, item: ItemId) -> Option<Vote> {
        self.feedback.vote(buyer, item)
    }

    /// Whoever tells purchases in the sequence of their orders has told all below this number.
    pub fn told_below(&self) -> OrderNumber {
        self.told_below
    }

    /// The law's time: the highest that any command brought.
    pub fn time(&self) -> WallTime {
        self.time
    }

    /// When the first of the sessions ends, if there is one: afterwards there is something to remove.
    pub fn first_end(&self) -> Option<WallTime> {
        self.sessions.first_end().map(|(end, _)| end)
    }

    /// How many accounts there are.
    pub fn accounts_len(&self) -> usize {
        self.accounts.len()
    }

    /// How many sessions there are, over or not.
    pub fn sessions_len(&self) -> usize {
        self.sessions.len()
    }

    /// How many purchases there are.
    pub fn purchases_len(&self) -> usize {
        self.purchases.len()
    }

    /// How many idempotency keys are remembered.
    pub fn keys_len(&self) -> usize {
        self.keys.len()
    }
}
