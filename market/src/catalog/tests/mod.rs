//! Tests of the catalog.

mod cases;
mod load;
mod model;
mod properties;

use std::collections::BTreeMap;

use super::*;
use crate::listing::Kind;
use crate::money::Price;
use crate::rows::{Row, RowChange, Table};
use crate::trade::{Key, Side};

/// A store as the body keeps it: rows by table and key.
#[derive(Clone, Default)]
struct Store(BTreeMap<(Table, Vec<u8>), Vec<u8>>);

impl Store {
    fn take(&mut self, changes: Vec<RowChange>) {
        for RowChange { table, key, value } in changes {
            match value {
                Some(value) => _ = self.0.insert((table, key), value),
                None => {
                    let removed = self.0.remove(&(table, key));
                    assert!(removed.is_some(), "only rows that are there are removed");
                }
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.iter().map(|((table, key), value)| Row {
            table: *table,
            key: key.clone(),
            value: value.clone(),
        })
    }
}

/// A catalog with its store and its position.
struct Shop {
    catalog: Catalog,
    store: Store,
    position: u64,
}

impl Shop {
    fn new(limits: Limits, listings: Vec<NewListing>) -> Shop {
        let catalog = Catalog::new().limited(limits);
        let mut shop = Shop { catalog, store: Store::default(), position: 0 };
        shop.apply(&Command::Load { listings });
        shop
    }

    fn with(listings: Vec<NewListing>) -> Shop {
        Shop::new(Limits::default(), listings)
    }

    fn apply(&mut self, command: &Command) -> Reply {
        self.position += 1;
        let mut changes = Vec::new();
        let reply = self.catalog.apply(self.position, command, &mut changes);
        self.store.take(changes);
        reply
    }

    fn trade(&mut self, at: u64, trade: Trade) -> Decision {
        match self.apply(&Command::Trades { at: WallTime(at), trades: vec![trade] }) {
            Reply::Decided(decisions) => {
                decisions.into_iter().next().expect("one trade, one decision")
            }
            other => panic!("trades are decided, not {other:?}"),
        }
    }

    fn quantity(&self, text: &str) -> u64 {
        self.catalog.listing(&name(text)).expect("listed").quantity
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn new_listing(text: &str, quantity: u64) -> NewListing {
    let price = Price::from_minor(1_599).expect("a price");
    NewListing { name: name(text), kind: Kind::Stock, price, quantity, restock: true }
}

fn buy(key: u128, text: &str, quantity: u64) -> Trade {
    Trade { key: Key(key), born: None, name: name(text), side: Side::Buy, quantity }
}

fn sell(key: u128, text: &str, quantity: u64) -> Trade {
    Trade { side: Side::Sell, ..buy(key, text, quantity) }
}

fn number(decision: &Decision) -> OrderNumber {
    match decision {
        Decision::Done(order) => order.number,
        other => panic!("an order was expected, not {other:?}"),
    }
}
