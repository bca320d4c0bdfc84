//! Every finding is found, and nothing is found where nothing is wrong.

use super::*;
use crate::limits::{KEY_HORIZON_MS, KEY_SKEW_MS};
use crate::listing::Kind;
use crate::money::Price;
use crate::orders::history_row;
use crate::trade::{Key, Side, WallTime};

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn order(number: OrderNumber) -> Order {
    Order {
        number,
        key: Key(1_000 + u128::from(number)),
        name: name(if number.is_multiple_of(3) { "Fox" } else { "Tux" }),
        side: if number.is_multiple_of(4) { Side::Sell } else { Side::Buy },
        quantity: 1 + number % 2,
        unit_price: Price::from_minor(250).expect("a price"),
        decided_at: WallTime(number * 10),
    }
}

fn orders(count: u64) -> Vec<Order> {
    (0..count).map(order).collect()
}

fn side(id: u8, orders: &[Order], chains_at: &[u64]) -> OrdersSide {
    let mut scan = OrderScan::new(chains_at.iter().copied());
    orders.iter().for_each(|order| scan.feed(order));
    scan.finish(id)
}

/// A catalog that decided these orders and still holds those from `first` on.
fn catalog(orders: &[Order], first: usize) -> CatalogSide {
    let side = side(0, orders, &[]);
    let listings = side.totals.iter().map(|(name, totals)| Listing {
        name: name.clone(),
        kind: Kind::Stock,
        price: Price::default(),
        quantity: 100 + 7 + totals.sold - totals.bought,
        volume: totals.sold + totals.bought,
        initial: 100,
        restocked: 7,
        sold: totals.sold,
        bought: totals.bought,
        restock: true,
        version: 1,
    });
    CatalogSide {
        listings: listings.collect(),
        next: orders.len() as u64,
        chain: side.chains[&side.count],
        outbox_first: first as u64,
        outbox: orders[first..].to_vec(),
    }
}

#[test]
fn a_level_deployment_is_settled() {
    let all = orders(20);
    let replicas = [side(1, &all, &[5]), side(2, &all, &[]), side(3, &all, &[])];
    let report = audit(Some(&catalog(&all, 15)), &replicas);
    assert!(report.is_settled(), "{report}");
    assert!(report.to_string().ends_with("everything adds up, and all replicas are level"));
    assert!(audit(None, &replicas).is_settled());
}

#[test]
fn a_lagging_replica_is_no_violation() {
    let all = orders(20);
    let replicas = [side(1, &all[..17], &[]), side(2, &all[..4], &[]), side(3, &all, &[4, 17])];
    let report = audit(Some(&catalog(&all, 15)), &replicas);
    let behind = |replica, count| Finding::Behind { replica, count, next: 20 };
    assert_eq!(report.findings, [behind(1, 17), behind(2, 4)]);
    assert!(report.is_sound() && !report.is_settled());
    assert_eq!(audit(None, &replicas).findings, [behind(1, 17), behind(2, 4)]);
}

#[test]
fn a_lagging_replica_with_another_history_is_found_through_the_outbox() {
    let all = orders(20);
    let mut other = all[..17].to_vec();
    other[3].unit_price = Price::from_minor(1).unwrap();
    let report = audit(Some(&catalog(&all, 15)), &[side(1, &other, &[])]);
    assert!(report.findings.contains(&Finding::Chain { replica: 1, count: 20 }), "{report}");
}

#[test]
fn replicas_with_different_orders_are_told_apart() {
    let all = orders(20);
    let mut other = all.clone();
    other[12].key = Key(5);
    let replicas = [side(1, &all, &[10, 15]), side(2, &other, &[10, 15])];
    let diverged = |count| Finding::Diverged { replica: 2, other: 1, count };
    assert_eq!(audit(None, &replicas).findings, [diverged(15), diverged(20)]);
    let report = audit(Some(&catalog(&all, 20)), &replicas);
    assert!(report.findings.contains(&Finding::Chain { replica: 2, count: 20 }), "{report}");
}

#[test]
fn orders_that_are_nowhere_are_lost() {
    let all = orders(20);
    let report = audit(Some(&catalog(&all, 15)), &[side(1, &all[..11], &[])]);
    assert!(report.findings.contains(&Finding::Lost { from: 11, to: 15 }));
    assert!(report.to_string().contains("orders 11 to 14 are lost"), "{report}");
    assert_eq!(audit(Some(&catalog(&all, 15)), &[]).findings, [Finding::NoReplicas]);
}

#[test]
fn an_invented_order_is_found() {
    let all = orders(20);
    let report = audit(Some(&catalog(&all[..19], 10)), &[side(1, &all, &[])]);
    assert_eq!(report.findings, [Finding::Ahead { replica: 1, count: 20, next: 19 }]);
    assert!(!report.is_sound());
}

#[test]
fn stock_that_appears_or_vanishes_is_found() {
    let all = orders(9);
    let mut side_of_catalog = catalog(&all, 9);
    side_of_catalog.listings[0].quantity += 1;
    side_of_catalog.listings[1].bought += 2;
    let report = audit(Some(&side_of_catalog), &[side(1, &all, &[])]);
    let found = report.findings.iter().map(|finding| match finding {
        Finding::Conservation { name, .. } => ("conservation", name.as_str()),
        Finding::Volume { name, .. } => ("volume", name.as_str()),
        Finding::Totals { name, .. } => ("totals", name.as_str()),
        other => panic!("{other}"),
    });
    let expected =
        [("conservation", "Fox"), ("conservation", "Tux"), ("volume", "Tux"), ("totals", "Tux")];
    assert!(found.eq(expected), "{report}");
}

#[test]
fn orders_of_a_listing_that_the_catalog_does_not_know_are_found() {
    let all = orders(9);
    let mut side_of_catalog = catalog(&all, 9);
    side_of_catalog.listings.remove(0);
    let report = audit(Some(&side_of_catalog), &[side(1, &all, &[])]);
    assert!(
        matches!(&report.findings[..], [Finding::Totals { replica: 1, name, .. }] if name.as_str() == "Fox")
    );
}

#[test]
fn a_hole_in_the_outbox_is_found() {
    let all = orders(9);
    let mut side_of_catalog = catalog(&all, 4);
    side_of_catalog.outbox.remove(2);
    let report = audit(Some(&side_of_catalog), &[side(1, &all, &[])]);
    assert_eq!(report.findings, [Finding::Outbox { first: 4, next: 9, expected: 6, found: 7 }]);
}

#[test]
fn gaps_and_misplaced_numbers_are_found() {
    let all = orders(9);
    let with_gap = side(1, &[&all[..3], &all[5..]].concat(), &[]);
    assert_eq!(with_gap.faults, [Fault::Gap { from: 3, to: 5 }]);
    assert_eq!(with_gap.count, 9);
    let doubled = side(1, &[&all[..4], &all[2..3]].concat(), &[]);
    assert_eq!(doubled.faults[0], Fault::Misplaced { number: 2, expected: 4 });
    assert!(!audit(None, &[with_gap]).is_sound());
}

#[test]
fn a_key_twice_is_found_within_the_horizon_only() {
    let mut all = orders(9);
    all[7].key = all[2].key;
    let repeated = Fault::RepeatedKey { first: 2, second: 7 };
    assert_eq!(side(1, &all, &[]).faults, [repeated]);
    for late in &mut all[6..] {
        late.decided_at.0 += KEY_HORIZON_MS + KEY_SKEW_MS + 1;
    }
    assert_eq!(side(1, &all, &[]).faults, [], "forgotten in good order, used again");
}

#[test]
fn quantities_and_times_out_of_range_are_found() {
    let mut all = orders(9);
    all[4].quantity = 0;
    all[5].decided_at = WallTime(1);
    let faults = side(1, &all, &[]).faults;
    assert_eq!(faults, [Fault::Quantity { number: 4, quantity: 0 }, Fault::Time { number: 5 }]);
}

#[test]
fn damaged_rows_are_found_and_counted() {
    let mut scan = OrderScan::new([]);
    let mut chain = OrderChain::EMPTY;
    for order in &orders(50) {
        let encoded = crate::codec::encode_order(order);
        chain = chain.extend(&encoded);
        let mut row = history_row(order.number + 1, chain, &encoded);
        match order.number {
            7 => row.value[0] ^= 1,
            9 => row.value.truncate(20),
            _ => {}
        }
        scan.feed_row(&row.key, &row.value);
    }
    let found = scan.finish(4);
    // The wrong stored hash is seen at its order and at the next one, which was built on the right hash.
    let stored = |number| Fault::StoredChain { number };
    let unreadable = Fault::Unreadable { position: 10 };
    let gap = Fault::Gap { from: 9, to: 10 };
    assert_eq!(found.faults, [stored(7), stored(8), unreadable, gap, stored(10)]);
    assert_eq!(found.count, 50);
    assert_ne!(found.chains[&50], chain, "recomputed from the orders, one of which is missing");
}

#[test]
fn a_broken_store_does_not_flood_the_report() {
    let mut all = orders(100);
    all.iter_mut().for_each(|order| order.quantity = 0);
    let report = audit(None, &[side(1, &all, &[])]);
    let listed = report.findings.len() as u64 - 1;
    assert_eq!(
        report.findings.last(),
        Some(&Finding::MoreFaults { replica: 1, more: 100 - listed })
    );
    assert!(listed < 50);
}
