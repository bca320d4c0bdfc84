//! Idempotency keys: one trade each, whatever happens in between.

use serde_json::json;

use crate::harness::{Deployment, new_key};

const BUY: &str = r#"{"name":"GameStart","quantity":2,"type":"buy"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_makes_one_trade_through_any_gateway_and_after_any_crash() {
    let deployment = Deployment::up(2).await;
    let (mut here, mut there) = (deployment.client(1), deployment.client(2));
    let [key, refused_key] = [new_key(), new_key()];
    let number = here.keyed(&key, BUY).await.number();
    let too_much = r#"{"name":"GameStart","quantity":500}"#;
    assert_eq!(here.keyed(&refused_key, too_much).await.failure().1, "insufficient_quantity");

    for round in ["at once", "after SIGKILL for everybody", "after SIGTERM for everybody"] {
        for client in [&mut here, &mut there] {
            assert_eq!(client.keyed(&key, BUY).await.number(), number, "{round}");
            let another = r#"{"name":"GameStart","quantity":3}"#;
            let reused = client.keyed(&key, another).await;
            assert_eq!(reused.failure(), (422, "key_reused".to_owned()), "{round}");
            let again = client.keyed(&refused_key, too_much).await;
            assert_eq!(again.failure().1, "insufficient_quantity", "{round}");
            assert_eq!(client.quantity("GameStart").await, 98, "{round}: one trade");
        }
        match round {
            "at once" => deployment.kill_all().await,
            "after SIGKILL for everybody" => deployment.stop_all().await,
            _ => break,
        }
        deployment.start_all();
        deployment.ready().await;
    }
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_sent_by_many_clients_at_once_is_one_trade() {
    let deployment = Deployment::up(2).await;
    for round in 0..10_u64 {
        let key = new_key();
        let mut clients = tokio::task::JoinSet::new();
        for index in 0..16 {
            let mut client = deployment.client(1 + index % 2);
            let key = key.clone();
            clients.spawn(async move { client.keyed(&key, BUY).await.number() });
        }
        let numbers = clients.join_all().await;
        assert!(numbers.iter().all(|number| *number == round), "{numbers:?}");
    }
    let quantity = deployment.client(1).quantity("GameStart").await;
    assert_eq!(quantity, 80);
    assert_eq!(deployment.catalog().await.next_number, 10);
    deployment.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_dense_and_unique_for_many_clients_through_two_gateways() {
    let deployment = Deployment::up(2).await;
    let mut clients = tokio::task::JoinSet::new();
    for index in 0..12_u8 {
        let mut client = deployment.client(1 + index % 2);
        clients.spawn(async move {
            let side = if index % 3 == 0 { "sell" } else { "buy" };
            let mut made = Vec::new();
            for _ in 0..20 {
                let body = json!({ "name": "BoarCo", "quantity": 1, "type": side }).to_string();
                let answer = client.order(&body).await;
                match answer.status {
                    200 => made.push(answer.number()),
                    _ => assert_eq!(answer.failure().1, "insufficient_quantity"),
                }
            }
            made
        });
    }
    let mut numbers = clients.join_all().await.concat();
    numbers.sort_unstable();
    let dense: Vec<u64> = (0..numbers.len() as u64).collect();
    assert_eq!(numbers, dense);
    deployment.level().await;
    deployment.audit().await;
}
