//! Random commands, the model beside the catalog, and everything that must hold after each of them.

use proptest::prelude::*;

use super::model::Model;
use super::*;
use crate::audit::{CatalogSide, OrderScan, OrdersSide, audit};
use crate::codec::{decode_command, decode_order, encode_command, encode_order};
use crate::limits::{KEY_HORIZON_MS, KEY_SKEW_MS, MAX_PRICE_MINOR, MAX_QUANTITY, MAX_STOCK};
use crate::orders::Orders;

fn a_name() -> impl Strategy<Value = Name> {
    prop::sample::select(vec!["Tux", "Fox", "Bird", "Kite", "Nobody", "Ünïcödé & Söhne"])
        .prop_map(name)
}

fn a_quantity() -> impl Strategy<Value = u64> {
    prop_oneof![
        12 => 1..6u64,
        1 => Just(0),
        2 => Just(MAX_QUANTITY),
        1 => Just(MAX_QUANTITY + 1),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
}

/// Mostly within an hour, often at the edges of the horizon.
fn a_time() -> impl Strategy<Value = WallTime> {
    let edges = vec![
        KEY_HORIZON_MS - 1,
        KEY_HORIZON_MS,
        KEY_HORIZON_MS + 1,
        KEY_HORIZON_MS + KEY_SKEW_MS,
        KEY_HORIZON_MS + KEY_SKEW_MS + 1,
    ];
    prop_oneof![
        20 => (0..120u64).prop_map(|half| half * 30_000),
        5 => prop::sample::select(edges),
        1 => any::<u64>(),
    ]
    .prop_map(WallTime)
}

fn a_trade() -> impl Strategy<Value = Trade> {
    let side = prop_oneof![3 => Just(Side::Buy), 1 => Just(Side::Sell)];
    (0..40u128, prop::option::of(a_time()), a_name(), side, a_quantity()).prop_map(
        |(key, born, name, side, quantity)| Trade { key: Key(key), born, name, side, quantity },
    )
}

fn a_listing() -> impl Strategy<Value = NewListing> {
    let quantity = prop_oneof![
        6 => 0..20u64,
        1 => MAX_STOCK - 3..=MAX_STOCK + 1,
        1 => any::<u64>(),
    ];
    let kind = prop_oneof![Just(Kind::Stock), Just(Kind::Toy)];
    (a_name(), kind, 0..=MAX_PRICE_MINOR, quantity, any::<bool>()).prop_map(
        |(name, kind, minor, quantity, restock)| {
            let price = Price::from_minor(minor).expect("in range");
            NewListing { name, kind, price, quantity, restock }
        },
    )
}

fn a_command() -> impl Strategy<Value = Command> {
    let level = prop_oneof![4 => 0..30u64, 1 => Just(MAX_STOCK), 1 => any::<u64>()];
    let names = prop::collection::vec(a_name(), 0..6);
    let keep_from = prop_oneof![8 => 0..60u64, 1 => any::<u64>()];
    prop_oneof![
        12 => (a_time(), prop::collection::vec(a_trade(), 0..12))
            .prop_map(|(at, trades)| Command::Trades { at, trades }),
        3 => (a_time(), names, level)
            .prop_map(|(at, names, level)| Command::Restock { at, names, level }),
        2 => keep_from.prop_map(|keep_from| Command::Trim { keep_from }),
        1 => prop::collection::vec(a_listing(), 0..8).prop_map(|listings| Command::Load { listings }),
    ]
}

/// Mostly a catalog with a first load, sometimes none; mostly tight limits.
fn a_history() -> impl Strategy<Value = (Limits, Vec<Command>)> {
    let load =
        prop::collection::vec(a_listing(), 0..8).prop_map(|listings| Command::Load { listings });
    let limits = prop_oneof![
        (1..6usize, 1..30usize, 1..20usize).prop_map(|(listings, keys, outbox)| Limits {
            listings,
            keys,
            outbox
        }),
        Just(Limits::default()),
    ];
    (limits, load, prop::collection::vec(a_command(), 0..30)).prop_map(
        |(limits, load, mut rest)| {
            rest.insert(0, load);
            (limits, rest)
        },
    )
}

fn same_as_model(catalog: &Catalog, model: &Model) {
    let mut listings = model.listings.clone();
    listings.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(catalog.listings().eq(listings.iter()));
    let waits = |listing: &&Listing| listing.restock && listing.quantity == 0;
    let empty = listings.iter().filter(waits).map(|listing| &listing.name);
    assert!(catalog.empty_listings().eq(empty));
    assert_eq!(catalog.next_number(), model.orders.len() as u64);
    assert_eq!(catalog.outbox_first(), model.first as u64);
    assert!(catalog.outbox(model.first as u64, usize::MAX).eq(&model.orders[model.first..]));
    assert_eq!(catalog.keys_len(), model.seen.len());
    assert_eq!(catalog.time().0, model.time);
}

/// The same history on an order replica: the orders of the model, through their encoding.
fn replica_of(orders: &[Order]) -> (OrdersSide, Orders, Store) {
    let (mut replica, mut store) = (Orders::new(), Store::default());
    for order in orders {
        let encoded = encode_order(order);
        assert_eq!(decode_order(&encoded).as_ref(), Ok(order));
        let mut changes = Vec::new();
        replica.apply(order, &encoded, &mut changes).expect("numbers are dense");
        store.take(changes);
    }
    let mut scan = OrderScan::new([]);
    let history = store.0.iter().filter(|((table, _), _)| *table == Table::History);
    history.for_each(|((_, key), value)| scan.feed_row(key, value));
    (scan.finish(1), replica, store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_catalog_does_what_the_model_does_and_its_rows_are_its_state((limits, commands) in a_history()) {
        let mut shop = Shop { catalog: Catalog::new().limited(limits), store: Store::default(), position: 0 };
        let mut model = Model { limits, ..Model::default() };
        for command in &commands {
            let reply = shop.apply(command);
            prop_assert_eq!(reply, model.apply(shop.position, command));
            same_as_model(&shop.catalog, &model);
            let loaded = Catalog::load(shop.store.rows()).expect("own rows").limited(limits);
            prop_assert!(loaded == shop.catalog, "the rows are the state");
            let rows: Store = Store(shop.catalog.rows().map(|row| ((row.table, row.key), row.value)).collect());
            prop_assert!(rows.0 == shop.store.0, "the state is the rows");
            // What comes after a restart is what would have come without it.
            shop.catalog = loaded;
        }
    }

    #[test]
    fn a_replay_of_the_encoded_commands_ends_in_the_same_state((limits, commands) in a_history()) {
        let run = |through: &dyn Fn(&Command) -> Command| {
            let mut catalog = Catalog::new().limited(limits);
            let mut changes = Vec::new();
            for (position, command) in (1..).zip(&commands) {
                catalog.apply(position, &through(command), &mut changes);
            }
            (catalog.state_hash(), catalog, changes)
        };
        let decoded = |command: &Command| decode_command(&encode_command(command)).expect("own bytes");
        prop_assert!(run(&Command::clone) == run(&decoded));
    }

    #[test]
    fn catalog_and_orders_add_up((limits, commands) in a_history(), cut in any::<prop::sample::Index>()) {
        let mut shop = Shop { catalog: Catalog::new().limited(limits), store: Store::default(), position: 0 };
        let mut model = Model { limits, ..Model::default() };
        for command in &commands {
            shop.apply(command);
            model.apply(shop.position, command);
        }
        let (side, replica, store) = replica_of(&model.orders);
        prop_assert_eq!(replica.chain(), shop.catalog.chain());
        prop_assert_eq!(&Orders::load(store.rows()).expect("own rows"), &replica);
        prop_assert!(replica.rows().eq(store.rows().filter(|row| row.table != Table::History)));
        let level = OrdersSide::of(2, &replica);
        let catalog = CatalogSide::of(&shop.catalog);
        let report = audit(Some(&catalog), &[side.clone(), level]);
        prop_assert!(report.is_settled(), "{}", report);
        // A replica that lags behind anywhere within the outbox adds up just as well.
        let held = model.first + cut.index(model.orders.len() - model.first + 1);
        let report = audit(Some(&catalog), &[replica_of(&model.orders[..held]).0]);
        prop_assert!(report.is_sound(), "{}", report);
        prop_assert_eq!(report.is_settled(), held == model.orders.len());
    }

    #[test]
    fn damaged_rows_are_refused_or_go_on_without_a_panic(
        (limits, commands) in a_history(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
        more in prop::collection::vec(a_command(), 0..6),
    ) {
        let mut shop = Shop { catalog: Catalog::new().limited(limits), store: Store::default(), position: 0 };
        commands.iter().for_each(|command| _ = shop.apply(command));
        let mut rows: Vec<Row> = shop.store.rows().collect();
        for (row, byte, value) in damage {
            if rows.is_empty() {
                break;
            }
            let row = row.index(rows.len());
            let byte = byte.index(rows[row].value.len());
            rows[row].value[byte] = value;
        }
        if let Ok(mut catalog) = Catalog::load(rows) {
            for (position, command) in (100..).zip(&more) {
                catalog.apply(position, command, &mut Vec::new());
            }
            let report = audit(Some(&CatalogSide::of(&catalog)), &[]);
            prop_assert!(!report.to_string().is_empty());
        }
    }
}
