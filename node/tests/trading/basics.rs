//! The path of a trade over a network that loses nothing.

use market::trade::TradeRefusal;
use node::gateway::{ClientRequest, ClientResponse};
use node::service::ServiceId;

use crate::world::*;

#[test]
fn a_trade_goes_through_and_is_found_again() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.quantity("GameStart"), 100);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(1));
    assert_eq!(world.quantity("GameStart"), 96);
    let ClientResponse::Order(order) = world.ask(ClientRequest::Order(0)) else { panic!() };
    assert_eq!((order.number, order.quantity, order.name.as_str()), (0, 3, "GameStart"));
    assert_eq!(world.ask(ClientRequest::Order(2)), ClientResponse::NoOrder);
}

#[test]
fn the_same_key_trades_once_and_short_stock_is_refused() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(7, "RottenFishCo", 1)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(7, "RottenFishCo", 1)), ClientResponse::Traded(0));
    assert_eq!(
        world.ask(buy(8, "RottenFishCo", 1)),
        ClientResponse::Refused(TradeRefusal::InsufficientQuantity { available: 0 })
    );
    assert_eq!(world.quantity("RottenFishCo"), 0);
    assert_eq!(
        world.ask(buy(9, "Nobody", 1)),
        ClientResponse::Refused(TradeRefusal::UnknownListing)
    );
}

#[test]
fn killing_the_leader_loses_nothing_and_the_next_highest_leads() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    let ClientResponse::Leader(before) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(before.leader, Some(3));
    world.kill(ServiceId::orders(3));
    assert_eq!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(1));
    let ClientResponse::Leader(after) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(after.leader, Some(2));
    assert!(after.epoch > before.epoch);
    world.kill(ServiceId::orders(2));
    assert_eq!(world.ask(buy(3, "GameStart", 1)), ClientResponse::Traded(2));
    world.start(ServiceId::orders(3));
    world.start(ServiceId::orders(2));
    world.run(2_000);
    let ClientResponse::Leader(healed) = world.ask(ClientRequest::Leader) else { panic!() };
    assert_eq!(healed.leader, Some(1), "nobody is deposed because a higher id came back");
    assert_eq!(healed.in_sync.len(), 3);
    for number in 0..3 {
        assert!(matches!(world.ask(ClientRequest::Order(number)), ClientResponse::Order(_)));
    }
}

#[test]
fn the_catalog_comes_back_with_everything() {
    let mut world = World::new();
    world.run(1_000);
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    world.kill(ServiceId::catalog(1));
    world.run(100);
    world.start(ServiceId::catalog(1));
    assert_eq!(world.ask(buy(1, "GameStart", 3)), ClientResponse::Traded(0));
    assert_eq!(world.ask(buy(2, "GameStart", 3)), ClientResponse::Traded(1));
    assert_eq!(world.quantity("GameStart"), 94);
}
