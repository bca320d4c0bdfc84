//! A read after an acknowledged write never shows the older quantity, through whichever gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use node::service::ServiceId;
use tokio::task::JoinSet;

use crate::harness::{Client, Deployment, until};

const NAME: &str = "GameStart";

/// What readers share with the one trader, who only sells: the quantity that was acknowledged last.
#[derive(Default)]
struct Floor {
    quantity: AtomicU64,
    over: AtomicBool,
}

/// Reads until it is over; says how often it read.
async fn watch(mut client: Client, floor: Arc<Floor>) -> u64 {
    let mut reads = 0;
    let mut seen = 0;
    while !floor.over.load(Ordering::SeqCst) {
        let acknowledged = floor.quantity.load(Ordering::SeqCst);
        let quantity = client.quantity(NAME).await;
        assert!(quantity >= acknowledged, "read {quantity} after {acknowledged} was acknowledged");
        assert!(quantity >= seen, "read {quantity} after {seen} was read");
        seen = quantity;
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_through_one_gateway_right_after_a_trade_through_the_other_shows_the_trade() {
    let deployment = Deployment::up(2).await;
    let floor = Arc::new(Floor { quantity: AtomicU64::new(100), over: AtomicBool::new(false) });
    let mut watchers = JoinSet::new();
    for gateway in [1, 2, 1, 2] {
        watchers.spawn(watch(deployment.client(gateway), floor.clone()));
    }
    let mut clients = [deployment.client(1), deployment.client(2)];
    for round in 1..=150 {
        clients[round % 2].trade("sell", NAME, 1).await;
        floor.quantity.store(100 + round as u64, Ordering::SeqCst);
        let quantity = clients[(round + 1) % 2].quantity(NAME).await;
        assert_eq!(quantity, 100 + round as u64, "round {round}");
    }
    floor.over.store(true, Ordering::SeqCst);
    let reads: u64 = watchers.join_all().await.iter().sum();
    assert!(reads > 150, "only {reads} concurrent reads");
    for id in [1, 2] {
        let status = deployment.status(ServiceId::gateway(id)).await.expect("a status");
        assert!(status.counters["cache_hits"] > 0, "the cache of gateway {id} was in use");
    }
    println!("{reads} concurrent reads, none stale");
    deployment.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_was_stopped_for_a_while_never_serves_what_it_had_cached() {
    let deployment = Deployment::up(2).await;
    let asleep = ServiceId::gateway(2);
    let mut trader = deployment.client(1);
    for round in 1..=4 {
        let mut reader = deployment.client(2);
        warm(&deployment, &mut reader).await;
        deployment.pause(asleep);
        trader.trade("buy", NAME, 1).await;
        // The question lies in the gateway's socket before it wakes up: the first thing that it does is to answer it.
        let target = format!("/stocks/{NAME}");
        reader.send("GET", &target, &[], "").await.expect("the connection stands");
        deployment.resume(asleep);
        let answer = reader.receive().await.expect("an answer");
        let quantity = match answer.status {
            200 => answer.json()["data"]["quantity"].as_u64().expect("a number"),
            503 => reader.quantity(NAME).await,
            _ => panic!("{answer:?}"),
        };
        assert_eq!(quantity, 100 - round, "round {round}");
    }
    deployment.settled().await;
}

/// Reads until the answer comes from the cache.
async fn warm(deployment: &Deployment, reader: &mut Client) {
    let hits = async || {
        let status = deployment.status(ServiceId::gateway(2)).await?;
        status.counters.get("cache_hits").copied()
    };
    until("a hit", async || {
        let before = hits().await?;
        reader.quantity(NAME).await;
        (hits().await? > before).then_some(())
    })
    .await;
}
