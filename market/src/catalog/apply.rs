//! What each command does.

use super::{Catalog, Command, Reply, shelf};
use crate::listing::NewListing;
use crate::name::Name;
use crate::order::OrderNumber;
use crate::rows::RowChange;
use crate::trade::WallTime;

impl Catalog {
    /// Applies the command at a position of the log. Total: what makes no sense is refused and changes nothing.
    ///
    /// The row changes, applied after all earlier ones, make the store hold exactly [`Catalog::rows`].
    pub fn apply(
        &mut self,
        position: u64,
        command: &Command,
        changes: &mut Vec<RowChange>,
    ) -> Reply {
        let facts = self.facts();
        let reply = match command {
            Command::Load { listings } => Reply::Loaded(self.fill(position, listings, changes)),
            Command::Trades { at, trades } => {
                self.pass_time(*at, changes);
                Reply::Decided(self.trade_all(position, trades, changes))
            }
            Command::Restock { at, names, level } => {
                self.pass_time(*at, changes);
                Reply::Restocked(self.restock(position, names, *level, changes))
            }
            Command::Trim { keep_from } => self.trim(*keep_from, changes),
        };
        let now = self.facts();
        if now != facts {
            changes.push(now.row().into());
        }
        reply
    }

    fn pass_time(&mut self, at: WallTime, changes: &mut Vec<RowChange>) {
        self.time = self.time.max(at);
        self.keys.forget(self.time, changes);
    }

    fn fill(
        &mut self,
        position: u64,
        listings: &[NewListing],
        changes: &mut Vec<RowChange>,
    ) -> usize {
        if self.shelf.len() > 0 {
            return 0;
        }
        for new in listings {
            if self.shelf.len() >= self.limits.listings {
                break;
            }
            self.shelf.add(position, new);
        }
        changes.extend(self.shelf.rows().map(RowChange::from));
        self.shelf.len()
    }

    fn restock(
        &mut self,
        position: u64,
        names: &[Name],
        level: u64,
        changes: &mut Vec<RowChange>,
    ) -> Vec<Name> {
        let refilled: Vec<Name> = names
            .iter()
            .filter(|name| self.shelf.restock(position, name, level))
            .cloned()
            .collect();
        self.write_listings(&refilled, changes);
        refilled
    }

    fn trim(&mut self, keep_from: OrderNumber, changes: &mut Vec<RowChange>) -> Reply {
        self.outbox.trim(keep_from, changes);
        Reply::Trimmed { first: self.outbox.first() }
    }

    pub(super) fn write_listings<'a>(
        &self,
        names: impl IntoIterator<Item = &'a Name>,
        changes: &mut Vec<RowChange>,
    ) {
        let listings = names.into_iter().filter_map(|name| self.shelf.get(name));
        changes.extend(listings.map(|listing| RowChange::from(shelf::row(listing))));
    }
}
