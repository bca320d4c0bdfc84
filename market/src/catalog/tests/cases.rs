//! One case at a time.

use super::*;
use crate::limits::{KEY_HORIZON_MS, KEY_SKEW_MS, KEYS_PER_ROW, MAX_QUANTITY, MAX_STOCK};
use crate::trade::TradeRefusal::*;

#[test]
fn a_buy_lowers_and_a_sell_raises_and_numbers_are_dense_from_zero() {
    let mut shop = Shop::with(vec![new_listing("Tux", 100)]);
    assert_eq!(number(&shop.trade(5, buy(1, "Tux", 30))), 0);
    assert_eq!(number(&shop.trade(3, sell(2, "Tux", 5))), 1);
    let listing = shop.catalog.listing(&name("Tux")).unwrap();
    assert_eq!((listing.quantity, listing.volume, listing.bought, listing.sold), (75, 35, 30, 5));
    assert_eq!(listing.version, shop.position);
    let orders: Vec<_> = shop.catalog.outbox(0, 10).cloned().collect();
    assert_eq!(orders[0].unit_price.minor(), 1_599);
    assert_eq!(orders[1].decided_at, WallTime(5), "the law's time never runs backwards");
}

#[test]
fn a_refused_trade_changes_nothing_and_gets_no_number() {
    let mut shop = Shop::with(vec![new_listing("Tux", 3), new_listing("Full", MAX_STOCK)]);
    let before = shop.catalog.listing(&name("Tux")).unwrap().clone();
    for (trade, refusal) in [
        (buy(1, "Tux", 4), InsufficientQuantity { available: 3 }),
        (buy(2, "Nobody", 1), UnknownListing),
        (buy(3, "Tux", 0), QuantityOutOfRange),
        (buy(4, "Tux", MAX_QUANTITY + 1), QuantityOutOfRange),
        (sell(5, "Tux", u64::MAX), QuantityOutOfRange),
        (sell(6, "Full", 1), QuantityOutOfRange),
    ] {
        let again = trade.clone();
        assert_eq!(shop.trade(0, trade), Decision::Refused(refusal));
        assert_eq!(shop.trade(0, again), Decision::Refused(refusal), "and it is remembered");
    }
    assert_eq!(shop.catalog.listing(&name("Tux")), Some(&before));
    assert_eq!((shop.catalog.next_number(), shop.catalog.keys_len()), (0, 6));
}

#[test]
fn the_same_key_gives_the_same_answer_and_one_trade() {
    let mut shop = Shop::with(vec![new_listing("Tux", 10)]);
    let trades = vec![buy(7, "Tux", 4), buy(7, "Tux", 4), buy(7, "Tux", 5), sell(7, "Tux", 4)];
    let Reply::Decided(decisions) = shop.apply(&Command::Trades { at: WallTime(0), trades }) else {
        panic!("decided")
    };
    assert_eq!(number(&decisions[0]), 0);
    assert_eq!(decisions[1], Decision::Replayed(0));
    assert_eq!(decisions[2], Decision::Refused(KeyReused));
    assert_eq!(decisions[3], Decision::Refused(KeyReused));
    assert_eq!(shop.trade(1, buy(7, "Tux", 4)), Decision::Replayed(0));
    assert_eq!(shop.quantity("Tux"), 6);
}

#[test]
fn a_remembered_refusal_stands_even_when_it_would_succeed_now() {
    let mut shop = Shop::with(vec![new_listing("Tux", 1)]);
    let refused = Decision::Refused(InsufficientQuantity { available: 1 });
    assert_eq!(shop.trade(0, buy(1, "Tux", 2)), refused);
    shop.trade(0, sell(2, "Tux", 5));
    assert_eq!(shop.trade(0, buy(1, "Tux", 2)), refused);
}

#[test]
fn a_key_is_forgotten_only_after_the_horizon_and_the_skew() {
    let mut shop = Shop::with(vec![new_listing("Tux", 10)]);
    shop.trade(1_000, buy(1, "Tux", 1));
    let last = 1_000 + KEY_HORIZON_MS + KEY_SKEW_MS;
    assert_eq!(shop.trade(last, buy(1, "Tux", 1)), Decision::Replayed(0));
    assert_eq!(number(&shop.trade(last + 1, buy(1, "Tux", 1))), 1, "an opaque key starts afresh");
    assert_eq!(shop.catalog.keys_len(), 1);
}

#[test]
fn a_key_that_tells_its_time_never_trades_twice() {
    for ahead in [0, KEY_SKEW_MS] {
        let mut shop = Shop::with(vec![new_listing("Tux", 10)]);
        let decided = 1_000_000;
        let trade = Trade { born: Some(WallTime(decided + ahead)), ..buy(1, "Tux", 1) };
        assert_eq!(number(&shop.trade(decided, trade.clone())), 0);
        for later in (0..2 * KEY_HORIZON_MS).step_by(7_001) {
            let decision = shop.trade(decided + later, trade.clone());
            let expired = Decision::Refused(KeyExpired);
            assert!(
                decision == Decision::Replayed(0) || decision == expired,
                "{later}: {decision:?}"
            );
        }
        assert_eq!((shop.quantity("Tux"), shop.catalog.keys_len()), (9, 0));
    }
}

#[test]
fn a_key_made_while_the_laws_clock_was_behind_survives_its_correction() {
    let mut shop = Shop::with(vec![new_listing("Tux", 10)]);
    let (behind, right) = (1_000_000, 1_000_000 + 32 * 60_000);
    let trade = Trade { born: Some(WallTime(right)), ..buy(1, "Tux", 1) };
    assert_eq!(number(&shop.trade(behind, trade.clone())), 0);
    assert_eq!(shop.trade(right + 10, trade.clone()), Decision::Replayed(0));
    let over = right + KEY_HORIZON_MS + KEY_SKEW_MS + 1;
    assert_eq!(shop.trade(over, trade), Decision::Refused(KeyExpired));
    assert_eq!(shop.catalog.keys_len(), 0);
}

#[test]
fn an_old_key_is_refused_and_not_remembered() {
    let mut shop = Shop::with(vec![new_listing("Tux", 10)]);
    let old = Trade { born: Some(WallTime(4)), ..buy(1, "Tux", 1) };
    assert_eq!(shop.trade(KEY_HORIZON_MS + 5, old.clone()), Decision::Refused(KeyExpired));
    assert_eq!(shop.catalog.keys_len(), 0);
    let young = Trade { born: Some(WallTime(5)), ..old };
    assert_eq!(number(&shop.trade(0, young)), 0);
}

#[test]
fn at_the_limits_trades_are_shed_and_nothing_is_remembered_of_them() {
    let limits = Limits { keys: 3, outbox: 2, ..Limits::default() };
    let mut shop = Shop::new(limits, vec![new_listing("Tux", 10)]);
    shop.trade(0, buy(1, "Tux", 1));
    shop.trade(0, buy(2, "Tux", 1));
    assert_eq!(shop.trade(0, buy(3, "Tux", 1)), Decision::Refused(Overloaded), "outbox");
    assert_eq!(shop.apply(&Command::Trim { keep_from: 2 }), Reply::Trimmed { first: 2 });
    assert_eq!(number(&shop.trade(0, buy(3, "Tux", 1))), 2);
    assert_eq!(shop.trade(0, buy(4, "Tux", 1)), Decision::Refused(Overloaded), "keys");
    assert_eq!(shop.trade(0, buy(3, "Tux", 1)), Decision::Replayed(2), "known keys go on");
    let later = KEY_HORIZON_MS + KEY_SKEW_MS + 1;
    assert_eq!(number(&shop.trade(later, buy(4, "Tux", 1))), 3, "room again after the horizon");
}

#[test]
fn only_marked_listings_at_zero_are_restocked() {
    let unmarked = NewListing { restock: false, ..new_listing("Unmarked", 0) };
    let mut shop = Shop::with(vec![new_listing("Tux", 1), new_listing("Left", 1), unmarked]);
    shop.trade(0, buy(1, "Tux", 1));
    assert_eq!(shop.catalog.empty_listings().collect::<Vec<_>>(), [&name("Tux")]);
    let names = ["Left", "Tux", "Unmarked", "Nobody", "Tux"].map(name).to_vec();
    let restock = Command::Restock { at: WallTime(9), names, level: 100 };
    assert_eq!(shop.apply(&restock), Reply::Restocked(vec![name("Tux")]));
    let listing = shop.catalog.listing(&name("Tux")).unwrap();
    assert_eq!((listing.quantity, listing.restocked, listing.volume), (100, 100, 1));
    assert_eq!(listing.version, shop.position);
    assert_eq!((shop.quantity("Left"), shop.quantity("Unmarked")), (1, 0));
    assert_eq!(shop.catalog.empty_listings().count(), 0);
    assert_eq!(shop.apply(&restock), Reply::Restocked(vec![]), "full by now");
}

#[test]
fn a_sell_takes_a_listing_off_the_restock_list() {
    let mut shop = Shop::with(vec![new_listing("Tux", 0)]);
    assert_eq!(shop.catalog.empty_listings().count(), 1);
    shop.trade(0, sell(1, "Tux", 1));
    assert_eq!(shop.catalog.empty_listings().count(), 0);
}

#[test]
fn only_the_first_load_counts() {
    let double =
        vec![new_listing("Tux", 1), new_listing("Tux", 2), new_listing("Big", MAX_STOCK + 1)];
    let mut catalog = Catalog::new();
    let mut changes = Vec::new();
    let load = Command::Load { listings: double };
    assert_eq!(catalog.apply(1, &load, &mut changes), Reply::Loaded(1));
    assert_eq!(changes.len(), 1);
    let more = Command::Load { listings: vec![new_listing("Fox", 1)] };
    assert_eq!(catalog.apply(2, &more, &mut changes), Reply::Loaded(0));
    assert_eq!((changes.len(), catalog.listings().count()), (1, 1));
}

#[test]
fn the_outbox_is_read_in_pages_and_never_grows_back() {
    let mut shop = Shop::with(vec![new_listing("Tux", 100)]);
    (0..10).for_each(|key| _ = shop.trade(0, buy(key, "Tux", 1)));
    assert_eq!(shop.apply(&Command::Trim { keep_from: 4 }), Reply::Trimmed { first: 4 });
    assert_eq!(shop.apply(&Command::Trim { keep_from: 2 }), Reply::Trimmed { first: 4 });
    let page =
        |from, max| shop.catalog.outbox(from, max).map(|order| order.number).collect::<Vec<_>>();
    assert_eq!(page(4, 3), [4, 5, 6]);
    assert_eq!(page(8, usize::MAX), [8, 9]);
    for outside in [3, 10, u64::MAX] {
        assert_eq!(page(outside, 5), [0; 0], "{outside}");
    }
    assert_eq!(shop.apply(&Command::Trim { keep_from: u64::MAX }), Reply::Trimmed { first: 10 });
    assert_eq!((shop.catalog.outbox_len(), shop.catalog.next_number()), (0, 10));
}

#[test]
fn a_command_writes_few_rows_however_many_trades_it_brings() {
    let mut catalog = Catalog::new();
    let listings = vec![new_listing("Tux", 1_000)];
    catalog.apply(1, &Command::Load { listings }, &mut Vec::new());
    let trades = (0..300).map(|key| buy(key, "Tux", 1)).collect();
    let mut changes = Vec::new();
    catalog.apply(2, &Command::Trades { at: WallTime(0), trades }, &mut changes);
    let rows = |table| changes.iter().filter(|change| change.table == table).count();
    assert_eq!(rows(Table::Outbox), 300);
    assert_eq!(rows(Table::Keys), 300usize.div_ceil(KEYS_PER_ROW));
    assert_eq!((rows(Table::Listings), rows(Table::Facts)), (1, 1));
}

#[test]
fn a_long_pause_is_worked_off_in_bounded_steps() {
    let mut shop = Shop::with(vec![new_listing("Tux", 1_000_000)]);
    let trades = (0..10_000).map(|key| buy(key, "Tux", 1)).collect();
    shop.apply(&Command::Trades { at: WallTime(0), trades });
    let mut left = shop.catalog.keys_len();
    while left > 0 {
        shop.apply(&Command::Restock { at: WallTime(u64::MAX), names: vec![], level: 1 });
        let forgotten = left - shop.catalog.keys_len();
        let most = crate::limits::MAX_FORGOTTEN_PER_COMMAND + KEYS_PER_ROW;
        assert!((1..=most).contains(&forgotten), "{forgotten}");
        left = shop.catalog.keys_len();
    }
    assert!(!shop.store.0.keys().any(|(table, _)| *table == Table::Keys));
}
