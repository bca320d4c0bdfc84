//! Reading rows back, damaged ones too; encodings and their limits.

use super::*;
use crate::limits::{
    MAX_CART_LINES, MAX_CUSTOMER_COMMAND_BYTES, MAX_CUSTOMER_ROW_BYTES, MAX_NAME_CHARS,
    MAX_PRICE_MINOR, MAX_QUANTITY,
};
use crate::rows::LoadError;

fn busy() -> Shop {
    let mut shop = Shop::new(Limits::default());
    shop.enter(Side::Seller, "seller", 100);
    shop.enter(Side::Buyer, "jo", 1);
    shop.enter(Side::Buyer, "al", 2);
    shop.wish(add(1, 5, 3));
    shop.wish(add(2, 6, 2));
    shop.wish(Action::SaveCart { session: session(2) });
    let lines = vec![line(5, 3)];
    let purchase_id = PurchaseId(1);
    shop.wish(Action::CheckOut {
        session: session(1),
        purchase: purchase_id,
        lines: lines.clone(),
    });
    for id in 2..5 {
        let at = WallTime(shop.at);
        let purchase = purchase(id, 1, lines.clone());
        shop.apply(&Command::Record { at, purchase, told_below: Some(3) });
    }
    shop.wish(Action::Vote { session: session(1), item: item(5), vote: Vote::Up });
    shop
}

#[test]
fn rows_in_any_order_give_the_state_back() {
    let shop = busy();
    let mut rows: Vec<Row> = shop.store.rows().collect();
    assert_eq!(Customers::load(rows.clone()).as_ref(), Ok(&shop.customers));
    rows.reverse();
    rows.push(Row { table: Table::Facts, key: b"chain".to_vec(), value: vec![1, 2, 3] });
    rows.push(Row { table: Table::History, key: vec![], value: vec![] });
    let loaded = Customers::load(rows).unwrap();
    assert_eq!(loaded, shop.customers);
    assert_eq!(loaded.state_hash(), shop.customers.state_hash());
    let tables = Table::ALL.iter().filter(|table| shop.store.rows().any(|it| it.table == **table));
    assert_eq!(tables.count(), 9, "every table of the customers is in this state");
}

#[test]
fn a_fresh_store_is_nobody() {
    assert_eq!(Customers::load([]), Ok(Customers::new()));
    assert_eq!(Customers::new().rows().count(), 0);
}

#[test]
fn a_missing_row_is_noticed_where_another_one_tells() {
    let shop = busy();
    let rows: Vec<Row> = shop.store.rows().collect();
    for (index, row) in rows.iter().enumerate() {
        let is_first_key = row.table == Table::Keys && rows[index - 1].table != Table::Keys;
        let told = match row.table {
            // Its cart tells of a session; of other things that are lost nothing else tells.
            Table::Sessions => row.key[0] != 100,
            Table::Carts | Table::SavedCarts => false,
            _ => !is_first_key,
        };
        let mut rest = rows.clone();
        rest.remove(index);
        assert_eq!(Customers::load(rest).is_err(), told, "{row:?}");
    }
}

#[test]
fn a_cut_row_is_noticed() {
    let shop = busy();
    let rows: Vec<Row> = shop.store.rows().collect();
    for index in 0..rows.len() {
        let mut damaged = rows.clone();
        damaged[index].value.pop();
        let (table, key) = (damaged[index].table, damaged[index].key.clone());
        assert_eq!(Customers::load(damaged), Err(LoadError::Row { table, key }));
    }
}

/// The longest lines there are.
fn longest_lines() -> Vec<PurchaseLine> {
    let name = name(&"\u{10FFFD}".repeat(MAX_NAME_CHARS));
    let category = Category::try_from(9).unwrap();
    let unit_price = Price::from_minor(MAX_PRICE_MINOR).unwrap();
    let line = |id| PurchaseLine {
        item: ItemId { category, id: u64::MAX - id },
        name: name.clone(),
        seller: u64::MAX,
        quantity: MAX_QUANTITY,
        unit_price,
    };
    (0..MAX_CART_LINES as u64).rev().map(line).collect()
}

#[test]
fn the_longest_command_and_the_longest_row_are_within_their_limits() {
    let lines = longest_lines();
    let purchase = Purchase {
        id: PurchaseId(u128::MAX),
        buyer: u64::MAX,
        order: u64::MAX,
        decided_at: WallTime(u64::MAX),
        reversed: true,
        lines: lines.clone(),
    };
    let (at, told_below) = (WallTime(u64::MAX), Some(u64::MAX));
    let record = Command::Record { at, purchase, told_below };
    assert!(encode_command(&record).len() <= MAX_CUSTOMER_COMMAND_BYTES);
    assert_eq!(decode_command(&encode_command(&record)), Ok(record));
    let touch = Command::Touch { at, sessions: vec![session(1); 256] };
    assert!(encode_command(&touch).len() <= MAX_CUSTOMER_COMMAND_BYTES);
    let cart = Cart {
        lines: lines.iter().map(|line| (line.item, line.quantity)).collect(),
        checkout: Some(Checkout { purchase: PurchaseId(u128::MAX), at, lines }),
    };
    assert!(postcard::to_allocvec(&cart).unwrap().len() <= MAX_CUSTOMER_ROW_BYTES);
}

#[test]
fn a_claimed_length_costs_nothing() {
    // A touch at time 0 of 2^63 sessions, of which none follows.
    let claim = [&[2, 0][..], &[0xff; 9], &[0x01]].concat();
    assert_eq!(decode_command(&claim), Err(crate::codec::CodecError::Malformed));
}
