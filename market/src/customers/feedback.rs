//! Feedback: thumbs for items, and for those who sell them, from those who bought.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::row;
use crate::item::ItemId;
use crate::rows::{LoadError, Row, RowChange, Table};

/// A thumb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vote {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Thumbs so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbs {
    /// Up.
    pub up: u64,
    /// Down.
    pub down: u64,
}

impl Thumbs {
    pub(super) fn count(&mut self, vote: Vote) {
        let count = match vote {
            Vote::Up => &mut self.up,
            Vote::Down => &mut self.down,
        };
        *count = count.saturating_add(1);
    }
}

/// Who voted for what, and what it adds up to for items. (For sellers it stands in their accounts.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Feedback {
    votes: BTreeMap<(AccountId, ItemId), Vote>,
    items: BTreeMap<ItemId, Thumbs>,
}

impl Feedback {
    pub(super) fn vote(&self, buyer: AccountId, item: ItemId) -> Option<Vote> {
        self.votes.get(&(buyer, item)).copied()
    }

    pub(super) fn item(&self, item: ItemId) -> Thumbs {
        self.items.get(&item).copied().unwrap_or_default()
    }

    pub(super) fn add(
        &mut self,
        buyer: AccountId,
        item: ItemId,
        vote: Vote,
        changes: &mut Vec<RowChange>,
    ) {
        self.votes.insert((buyer, item), vote);
        let thumbs = self.items.entry(item).or_default();
        thumbs.count(vote);
        changes.push(vote_row(buyer, item, vote).into());
        changes.push(item_row(item, *thumbs).into());
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        let votes = self.votes.iter().map(|((buyer, item), vote)| vote_row(*buyer, *item, *vote));
        votes.chain(self.items.iter().map(|(item, thumbs)| item_row(*item, *thumbs)))
    }

    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        let taken = match row.table {
            Table::Feedback => self.load_vote(&row),
            _ => self.load_item(&row),
        };
        taken.ok_or_else(|| LoadError::row(row))
    }

    fn load_vote(&mut self, row: &Row) -> Option<()> {
        let (buyer, item) = row.key.split_first_chunk::<8>()?;
        let place = (u64::from_be_bytes(*buyer), ItemId::from_key(item)?);
        self.votes.insert(place, row::read(row)?);
        Some(())
    }

    fn load_item(&mut self, row: &Row) -> Option<()> {
        self.items.insert(ItemId::from_key(&row.key)?, row::read(row)?);
        Some(())
    }

    /// That items have the thumbs that were given.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let mut counted = BTreeMap::<ItemId, Thumbs>::new();
        for ((_, item), vote) in &self.votes {
            counted.entry(*item).or_default().count(*vote);
        }
        let wrong = |item: &&ItemId| self.items.get(*item) != counted.get(*item);
        match self.items.keys().chain(counted.keys()).find(wrong) {
            Some(item) => Err(LoadError::contradiction(Table::Ratings, item.key().to_vec())),
            None => Ok(()),
        }
    }
}

fn vote_row(buyer: AccountId, item: ItemId, vote: Vote) -> Row {
    let mut key = buyer.to_be_bytes().to_vec();
    key.extend(item.key());
    row::write(Table::Feedback, key, &vote)
}

fn item_row(item: ItemId, thumbs: Thumbs) -> Row {
    row::write(Table::Ratings, item.key().to_vec(), &thumbs)
}
