//! Several gateways: coherent caches, leases, elections.

use market::trade::Side;
use node::gateway::ClientResponse;
use node::service::ServiceId;

use crate::world::*;

#[test]
fn what_one_gateway_answered_no_other_takes_back() {
    let mut world = World::with(2, 0);
    world.run(1_000);
    let mut expected = 100;
    for key in 0..20 {
        let (one, other) =
            if key % 2 == 0 { (GATEWAY, OTHER_GATEWAY) } else { (OTHER_GATEWAY, GATEWAY) };
        assert_eq!(world.quantity_at(other, "GameStart"), expected);
        let hits = world.hits;
        assert_eq!(world.quantity_at(other, "GameStart"), expected);
        assert_eq!(world.hits, hits + 1, "from the cache");
        assert!(matches!(world.ask_at(one, buy(key, "GameStart", 1)), ClientResponse::Traded(_)));
        expected -= 1;
        assert_eq!(world.quantity_at(other, "GameStart"), expected, "at once, through the other");
        assert_eq!(world.quantity_at(one, "GameStart"), expected);
    }
}

#[test]
fn a_gateway_killed_with_a_lease_delays_a_trade_by_its_lease_once() {
    let mut world = World::with(2, 0);
    world.run(1_000);
    assert_eq!(world.quantity_at(OTHER_GATEWAY, "GameStart"), 100);
    world.kill(OTHER_GATEWAY);
    let before = world.now;
    assert!(matches!(world.ask(buy(1, "GameStart", 1)), ClientResponse::Traded(_)));
    let waited = world.now - before;
    assert!((200_000..=320_000).contains(&waited), "{waited} µs");
    let before = world.now;
    assert!(matches!(world.ask(buy(2, "GameStart", 1)), ClientResponse::Traded(_)));
    assert!(world.now - before <= 10_000, "nobody is waited for twice");
    world.start(OTHER_GATEWAY);
    assert_eq!(world.quantity_at(OTHER_GATEWAY, "GameStart"), 98);
}

#[test]
fn a_paused_gateway_serves_nothing_old_when_it_wakes() {
    let mut world = World::with(2, 0);
    world.run(1_000);
    assert_eq!(world.quantity_at(OTHER_GATEWAY, "GameStart"), 100);
    world.pause(OTHER_GATEWAY);
    assert!(matches!(world.ask(buy(1, "GameStart", 1)), ClientResponse::Traded(_)));
    let early = world.begin(OTHER_GATEWAY, look("GameStart"));
    world.run(1_000);
    world.resume(OTHER_GATEWAY);
    let ClientResponse::Listing(listing) = world.answer(early) else { panic!("the listing") };
    assert_eq!(listing.quantity, 99);
}

#[test]
fn the_last_unit_is_sold_once_whoever_asks() {
    let mut world = World::with(2, 0);
    world.run(1_000);
    let asked: Vec<u64> = (0..10)
        .map(|key| {
            let gateway = if key % 2 == 0 { GATEWAY } else { OTHER_GATEWAY };
            world.begin(gateway, buy(key, "RottenFishCo", 1))
        })
        .collect();
    let answers: Vec<ClientResponse> = asked.into_iter().map(|id| world.answer(id)).collect();
    let done = answers.iter().filter(|answer| **answer == ClientResponse::Traded(0)).count();
    let refused = answers.iter().filter(|answer| matches!(answer, ClientResponse::Refused(_)));
    assert_eq!((done, refused.count()), (1, 9));
    for gateway in [GATEWAY, OTHER_GATEWAY] {
        assert_eq!(world.quantity_at(gateway, "RottenFishCo"), 0);
    }
    let id = world.begin(OTHER_GATEWAY, trade(99, "RottenFishCo", Side::Sell, 3));
    assert!(matches!(world.answer(id), ClientResponse::Traded(1)));
    assert_eq!(world.quantity("RottenFishCo"), 3);
}

#[test]
fn two_gateways_that_lose_the_leader_agree_on_the_next() {
    let mut world = World::with(2, 0);
    world.run(1_000);
    let before = world.leader();
    world.kill(ServiceId::orders(3));
    let one = world.begin(GATEWAY, buy(1, "GameStart", 1));
    let other = world.begin(OTHER_GATEWAY, buy(2, "GameStart", 1));
    for id in [one, other] {
        assert!(matches!(world.answer(id), ClientResponse::Traded(_)));
    }
    let after = world.leader();
    assert_eq!((after.leader, after.epoch), (Some(2), before.epoch + 1), "one election");
}
