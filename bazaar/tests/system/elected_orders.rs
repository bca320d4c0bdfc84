//! Orders whose replicas elect their leader among themselves: the catalog decides for whom the group made its leader.

use bazaar::config::{Config, OrdersProtocol};
use node::service::ServiceId;
use serde_json::Value;

use crate::harness::{Deployment, calm, finish, new_key, single, until};

fn elects(config: &mut Config) {
    config.orders.protocol = OrdersProtocol::Raft;
}

/// Waits until a replica that came back hears its leader.
async fn follows(deployment: &Deployment, replica: ServiceId) {
    until("a replica to follow", async || {
        deployment.all_stand();
        deployment.status(replica).await?.engine?.leader
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_of_the_orders_is_killed_while_clients_trade() {
    let deployment = Deployment::with(1, elects).await;
    let mut epochs = Vec::new();
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..5 {
                deployment.progress(50).await;
                let leader = deployment.leader().await;
                deployment.kill(leader).await;
                deployment.leader_after(leader).await;
                deployment.progress(50).await;
                deployment.start(leader);
                follows(&deployment, leader).await;
                epochs.push(deployment.register().await.expect("the catalog answers").epoch);
            }
        })
        .await;
    calm("elected leader killed five times", &report);
    assert!(epochs.is_sorted_by(|before, after| before < after), "{epochs:?}");
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_elected_leader_that_stops_hands_over_and_clients_see_no_error() {
    let deployment = Deployment::with(1, elects).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(100).await;
                let leader = deployment.leader().await;
                deployment.stop(leader).await;
                let next = deployment.leader().await;
                assert_ne!(next, leader, "it left only after somebody else was registered");
                deployment.progress(100).await;
                deployment.start(leader);
                follows(&deployment, leader).await;
            }
        })
        .await;
    calm("elected leader stopped in good order three times", &report);
    deployment.settled().await;
}

/// With one catalog, so that answers wait for the disks of a majority of order replicas.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_stops_and_comes_back_with_orders_that_elect() {
    let deployment = Deployment::with(1, |config| {
        single(config);
        elects(config);
    })
    .await;
    let mut args = deployment.clients(4);
    (args.requests, args.probability) = (40, 0.8);
    calm("before", &deployment.run(args).await);
    let mut client = deployment.client(1);
    let (key, body) = (new_key(), r#"{"name":"GameStart","quantity":5,"type":"sell"}"#);
    let number = client.keyed(&key, body).await.number();
    let first = client.get("/orders/0").await.body;
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
        assert_eq!(client.get("/orders/0").await.body, first, "round {round}");
        assert_eq!(client.keyed(&key, body).await.number(), number, "round {round}");
    }
    assert_eq!(client.trade("buy", "GameStart", 1).await, number + 1, "numbering goes on");
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_know_orders_that_elect() {
    let deployment = Deployment::with(1, elects).await;
    let file = deployment.file().display().to_string();
    let checked = finish(&["config", "check", "--config", &file]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let told = finish(&["status", "--config", &file]).await;
    let orders = told.output.lines().find(|line| line.starts_with("orders: led by orders-"));
    assert!(orders.is_some_and(|line| line.ends_with("voters: 1, 2, 3")), "{told:?}");
    let told = finish(&["status", "--config", &file, "--json"]).await;
    let told: Value = serde_json::from_str(&told.output).expect("JSON");
    let services = told["services"].as_array().expect("a list");
    let orders = services
        .iter()
        .filter(|one| one["service"].as_str().is_some_and(|name| name.starts_with("orders")));
    let mut roles: Vec<&str> = orders.map(|one| one["role"].as_str().expect("a role")).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["follower", "follower", "leader"]);
    deployment.settled().await;
}
