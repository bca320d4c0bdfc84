//! Purchases that became orders: history, counters, carts.

use super::Customers;
use super::account::{Account, Owner, Side};
use super::command::{Outcome, Refusal};
use super::purchase::{Purchase, PurchaseLine, total};
use super::session::SessionId;
use crate::order::OrderNumber;
use crate::rows::RowChange;

/// Which way counters go.
#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Customers {
    /// Records a purchase unless it is known, or takes one back that stands. What was told below a number only ever grows.
    pub(super) fn record(
        &mut self,
        purchase: &Purchase,
        told_below: Option<OrderNumber>,
        changes: &mut Vec<RowChange>,
    ) -> Outcome {
        match self.take_in(purchase, changes) {
            Ok(()) => {
                self.told_below = self.told_below.max(told_below.unwrap_or_default());
                Outcome::Done
            }
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn take_in(
        &mut self,
        purchase: &Purchase,
        changes: &mut Vec<RowChange>,
    ) -> Result<(), Refusal> {
        if let Some(known) = self.purchases.get(purchase.id) {
            if (known.buyer, &known.lines) != (purchase.buyer, &purchase.lines) {
                return Err(Refusal::PurchaseTaken);
            }
            if purchase.reversed && !known.reversed {
                self.purchases.reverse(purchase.id, changes);
                self.count(purchase, Way::Down, changes);
            }
            return Ok(());
        }
        if total(&purchase.lines).is_none() {
            return Err(Refusal::OutOfRange);
        }
        let buyer = Owner { side: Side::Buyer, id: purchase.buyer };
        self.accounts.get(buyer).ok_or(Refusal::NoAccount)?;
        self.know_sellers(&purchase.lines)?;
        if self.purchases.len() >= self.limits.purchases {
            return Err(Refusal::Overloaded);
        }
        self.purchases.record(purchase.clone(), changes);
        self.close_checkout(purchase, changes);
        if !purchase.reversed {
            self.count(purchase, Way::Up, changes);
            self.carts.change_saved(purchase.buyer, changes, |cart| cart.take_all(&purchase.lines));
        }
        Ok(())
    }

    /// Whoever sells has an account: items are offered by sellers who signed in.
    pub(super) fn know_sellers(&self, lines: &[PurchaseLine]) -> Result<(), Refusal> {
        let known = |line: &PurchaseLine| {
            self.accounts.get(Owner { side: Side::Seller, id: line.seller }).is_some()
        };
        if lines.iter().all(known) { Ok(()) } else { Err(Refusal::NoAccount) }
    }

    /// The cart it was bought from loses what was bought; it may be empty by now, or gone with its session.
    fn close_checkout(&mut self, purchase: &Purchase, changes: &mut Vec<RowChange>) {
        let buyer = Owner { side: Side::Buyer, id: purchase.buyer };
        let sessions: Vec<SessionId> = self.sessions.of(buyer).map(|(id, _)| id).collect();
        for session in sessions {
            self.carts.change(session, changes, |cart| {
                let mine = cart.checkout.take_if(|it| it.purchase == purchase.id).is_some();
                if mine && !purchase.reversed {
                    cart.take_all(&purchase.lines);
                }
                mine
            });
        }
    }

    fn count(&mut self, purchase: &Purchase, way: Way, changes: &mut Vec<RowChange>) {
        let units = purchase.lines.iter().map(|line| line.quantity).sum();
        let buyer = Owner { side: Side::Buyer, id: purchase.buyer };
        self.accounts.change(buyer, changes, |account| account.move_items(units, way));
        for line in &purchase.lines {
            let seller = Owner { side: Side::Seller, id: line.seller };
            self.accounts.change(seller, changes, |account| account.move_items(line.quantity, way));
        }
    }
}

impl Account {
    /// A million purchases of a hundred million units stay far below the end of a counter.
    fn move_items(&mut self, units: u64, way: Way) -> bool {
        self.items = match way {
            Way::Up => self.items.saturating_add(units),
            Way::Down => self.items.saturating_sub(units),
        };
        true
    }
}
