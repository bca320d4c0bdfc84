//! Everything stops, everything comes back, nothing is different.

use node::service::ServiceId;

use crate::harness::{Deployment, calm, new_key};

/// What a client could see: every order, and every quantity.
async fn seen(deployment: &Deployment, orders: u64) -> Vec<String> {
    let mut client = deployment.client(1);
    let mut seen = Vec::new();
    for number in 0..orders {
        let answer = client.get(&format!("/orders/{number}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        seen.push(answer.body);
    }
    for name in ["GameStart", "BoarCo", "MenhirCo", "Reneium", "CaesarTech"] {
        seen.push(client.get(&format!("/stocks/{name}")).await.body);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_quantities_keys_and_numbers_outlive_a_restart_of_everything() {
    let deployment = Deployment::up(1).await;
    let mut args = deployment.clients(4);
    (args.requests, args.probability) = (40, 0.8);
    calm("before", &deployment.run(args).await);
    let mut client = deployment.client(1);
    let (key, body) = (new_key(), r#"{"name":"GameStart","quantity":5,"type":"sell"}"#);
    let number = client.keyed(&key, body).await.number();
    let before = seen(&deployment, number + 1).await;
    let absent = client.get(&format!("/orders/{}", number + 1)).await;
    assert_eq!(absent.status, 404);

    for round in 1..=4 {
        if round % 2 == 1 {
            deployment.stop_all().await;
            let offline = deployment.audit_offline().await;
            assert_eq!(offline.report.replicas.len(), 3);
        } else {
            deployment.kill_all().await;
        }
        deployment.start_all();
        deployment.ready().await;
        assert_eq!(seen(&deployment, number + 1).await, before, "round {round}");
        assert_eq!(client.keyed(&key, body).await.number(), number, "round {round}");
    }
    assert_eq!(client.trade("buy", "GameStart", 1).await, number + 1, "numbering goes on");
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_killed_at_once_under_load_comes_back_without_losing_an_acknowledged_order() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(6), async {
            for _ in 0..3 {
                deployment.progress(150).await;
                deployment.kill_all().await;
                deployment.start_all();
                deployment.ready().await;
            }
            deployment.progress(50).await;
        })
        .await;
    calm("killed all at once, three times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_whose_first_start_is_incomplete_serves_and_takes_the_others_in_later() {
    let deployment = Deployment::prepare(1, |_| {});
    // A group begins with all its first voters; from then on a majority is enough.
    let catalogs = [3, 1, 2].map(ServiceId::catalog);
    for service in [ServiceId::gateway(1), ServiceId::orders(1)].into_iter().chain(catalogs) {
        deployment.start(service);
    }
    deployment.ready().await;
    assert_eq!(deployment.leader().await, ServiceId::orders(1));
    let mut args = deployment.clients(4);
    (args.requests, args.probability) = (20, 1.0);
    calm("with one replica", &deployment.run(args).await);
    deployment.kill(ServiceId::catalog(2)).await;
    deployment.start(ServiceId::orders(3));
    deployment.register_when("replica 3 to join", |register| register.in_sync.contains(&3)).await;
    deployment.kill(ServiceId::orders(1)).await;
    deployment.leader_after(ServiceId::orders(1)).await;
    assert_eq!(deployment.client(1).get("/orders/0").await.status, 200);
    deployment.start_all();
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_stops_in_good_order_under_load_whoever_is_stopped_first() {
    let deployment = Deployment::up(1).await;
    let mut services = deployment.config.services();
    let report = deployment
        .under_load(deployment.clients(6), async {
            for _ in 0..2 {
                deployment.progress(50).await;
                for service in &services {
                    deployment.stop(*service).await;
                }
                // Catalogs that stop first leave decisions that order replicas have not read yet.
                deployment.sound_offline().await;
                deployment.start_all();
                deployment.ready().await;
                services.reverse();
            }
            deployment.progress(50).await;
        })
        .await;
    calm("stopped from below and from above", &report);
    deployment.settled().await;
}
