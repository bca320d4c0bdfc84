//! Reading rows back, damaged ones too.

use super::*;

fn busy() -> Shop {
    let mut shop = Shop::with(vec![new_listing("Tux", 50), new_listing("Fox", 0)]);
    for key in 0..40 {
        shop.trade(1_000 * key as u64, buy(key, "Tux", 1));
        shop.trade(1_000 * key as u64, buy(100 + key, "Fox", 1));
    }
    shop.apply(&Command::Trim { keep_from: 7 });
    shop
}

#[test]
fn rows_in_any_order_give_the_state_back() {
    let shop = busy();
    let mut rows: Vec<Row> = shop.store.rows().collect();
    assert_eq!(Catalog::load(rows.clone()).as_ref(), Ok(&shop.catalog));
    rows.reverse();
    rows.push(Row { table: Table::Facts, key: b"register".to_vec(), value: vec![1, 2, 3] });
    rows.push(Row { table: Table::History, key: vec![], value: vec![] });
    let loaded = Catalog::load(rows).unwrap();
    assert_eq!(loaded, shop.catalog);
    assert_eq!(loaded.state_hash(), shop.catalog.state_hash());
}

#[test]
fn a_fresh_store_is_a_fresh_catalog() {
    assert_eq!(Catalog::load([]), Ok(Catalog::new()));
    assert_eq!(Catalog::new().rows().count(), 0);
}

#[test]
fn a_missing_row_is_noticed() {
    let shop = busy();
    let rows: Vec<Row> = shop.store.rows().collect();
    for (index, row) in rows.iter().enumerate() {
        // A listing more or less, and what stands first in a queue, cannot be told from the rows alone: the audit can.
        let first = |table| rows.iter().position(|row| row.table == table);
        if row.table == Table::Listings
            || first(row.table) == Some(index) && row.table != Table::Facts
        {
            continue;
        }
        let mut rest = rows.clone();
        rest.remove(index);
        assert!(matches!(Catalog::load(rest), Err(LoadError::Gap { .. })), "{row:?}");
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
        assert_eq!(Catalog::load(damaged), Err(LoadError::Row { table, key }));
    }
}

#[test]
fn a_key_twice_is_noticed() {
    let shop = busy();
    let mut rows: Vec<Row> = shop.store.rows().collect();
    let keys: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].table == Table::Keys).collect();
    rows[keys[1]].value = rows[keys[0]].value.clone();
    assert_eq!(Catalog::load(rows), Err(LoadError::DuplicateKey));
}
