//! Tests of the customers.

mod cases;
mod load;
mod model;
mod properties;
mod purchases;

use std::collections::BTreeMap;

use super::*;
use crate::item::{Category, ItemId};
use crate::money::Price;
use crate::name::Name;
use crate::rows::{Row, RowChange, Table};
use crate::trade::Key;

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

/// Customers with their store, a clock, and a fresh key for every wish.
struct Shop {
    customers: Customers,
    store: Store,
    at: u64,
    key: u128,
}

impl Shop {
    fn new(limits: Limits) -> Shop {
        let customers = Customers::new().limited(limits);
        Shop { customers, store: Store::default(), at: 1_000_000, key: 1_000_000 }
    }

    fn apply(&mut self, command: &Command) -> Outcome {
        let mut changes = Vec::new();
        let outcome = self.customers.apply(command, &mut changes);
        self.store.take(changes);
        outcome
    }

    fn wish(&mut self, action: Action) -> Outcome {
        self.key += 1;
        let (key, at) = (Key(self.key), WallTime(self.at));
        self.apply(&Command::Do { key, born: at, at, action })
    }

    fn refused(&mut self, action: Action) -> Refusal {
        self.apply(&Command::Pass { at: WallTime(self.at) });
        let before = self.customers.clone();
        let Outcome::Refused(refusal) = self.wish(action) else { panic!("a refusal was expected") };
        assert_eq!(people(&before), people(&self.customers), "nothing has changed");
        refusal
    }

    /// A new account, signed in.
    fn enter(&mut self, side: Side, login: &str, token: u8) -> Owner {
        let Outcome::Opened(id) = self.wish(open(side, login)) else { panic!("it was not opened") };
        let owner = Owner { side, id };
        assert_eq!(self.wish(sign_in(owner, token)), Outcome::SignedIn(id));
        owner
    }

    fn lines(&self, token: u8) -> Vec<(ItemId, u64)> {
        let cart = self.customers.cart(session(token)).cloned().unwrap_or_default();
        cart.lines.into_iter().collect()
    }
}

/// All rows but those of time and keys.
fn people(customers: &Customers) -> Vec<Row> {
    let rows = customers.rows();
    rows.filter(|row| !matches!(row.table, Table::Facts | Table::Keys)).collect()
}

const IDLE: u64 = 300_000;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn password() -> PasswordHash {
    PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA").expect("a hash")
}

fn session(token: u8) -> SessionId {
    SessionId([token; 32])
}

fn item(id: u64) -> ItemId {
    ItemId { category: Category::try_from((id % 10) as u8).expect("a digit"), id }
}

fn open(side: Side, login: &str) -> Action {
    Action::Open { side, login: name(login), name: name("Jo"), password: password() }
}

fn sign_in(owner: Owner, token: u8) -> Action {
    Action::SignIn { owner, session: session(token), idle_ms: IDLE }
}

fn add(token: u8, id: u64, quantity: u64) -> Action {
    Action::AddToCart { session: session(token), item: item(id), quantity, available: 10 }
}

fn line(id: u64, quantity: u64) -> PurchaseLine {
    let unit_price = Price::from_minor(250).expect("a price");
    PurchaseLine { item: item(id), name: name("Kite"), seller: 1, quantity, unit_price }
}

fn purchase(id: u128, buyer: AccountId, lines: Vec<PurchaseLine>) -> Purchase {
    let (order, decided_at) = (id as u64 * 10, WallTime(5));
    Purchase { id: PurchaseId(id), buyer, order, lines, decided_at, reversed: false }
}
