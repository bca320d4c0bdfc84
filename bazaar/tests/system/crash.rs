//! SIGKILL for one after another while clients run: a pause at most, never a wrong answer.

use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use tokio::time::{Instant, sleep_until};

use crate::harness::{Deployment, calm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_killed_and_comes_back() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(100).await;
                let leader = deployment.leader().await;
                let mut followers = deployment.all(ServiceKind::Orders);
                followers.retain(|replica| *replica != leader);
                let follower = followers[0];
                deployment.kill(follower).await;
                let gone = |register: &replication::register::Configuration| {
                    !register.in_sync.contains(&follower.id)
                };
                deployment.register_when("the follower to leave the in-sync set", gone).await;
                deployment.progress(100).await;
                deployment.start(follower);
                deployment.all_in_sync().await;
            }
        })
        .await;
    calm("follower killed three times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_are_killed_one_after_another_until_one_replica_is_left_and_then_all_come_back() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..2 {
                deployment.progress(100).await;
                let first = deployment.leader().await;
                deployment.kill(first).await;
                let second = deployment.leader_after(first).await;
                deployment.progress(100).await;
                deployment.kill(second).await;
                let last = deployment.leader_after(second).await;
                assert!(last != first && last != second);
                deployment.progress(100).await;
                deployment.start_all();
                deployment.all_in_sync().await;
            }
        })
        .await;
    calm("leaders killed until one was left, twice", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed_again_and_again_and_each_time_a_replica_in_sync_takes_over() {
    let deployment = Deployment::up(1).await;
    let mut epochs = Vec::new();
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..5 {
                deployment.progress(50).await;
                let leader = deployment.leader().await;
                deployment.kill(leader).await;
                deployment.leader_after(leader).await;
                deployment.start(leader);
                deployment.all_in_sync().await;
                epochs.push(deployment.register().await.expect("the catalog answers").epoch);
            }
        })
        .await;
    calm("leader killed five times", &report);
    assert!(epochs.is_sorted_by(|before, after| before < after), "{epochs:?}");
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_that_decides_alone_is_killed_and_comes_back() {
    let deployment = Deployment::alone(1).await;
    let catalog = ServiceId::catalog(1);
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..5 {
                deployment.progress(80).await;
                deployment.kill(catalog).await;
                deployment.start(catalog);
            }
            deployment.progress(80).await;
        })
        .await;
    calm("catalog killed five times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_are_killed_and_come_back() {
    let deployment = Deployment::up(2).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for round in 0..6 {
                deployment.progress(80).await;
                let gateway = ServiceId::gateway(1 + round % 2);
                deployment.kill(gateway).await;
                deployment.progress(80).await; // through the other one
                deployment.start(gateway);
                deployment.ready().await;
            }
        })
        .await;
    calm("gateways killed six times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_replica_is_left_alone_for_seconds_and_the_others_catch_up() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            deployment.progress(50).await;
            let alone = Instant::now() + Duration::from_secs(4);
            for id in [1, 3] {
                deployment.kill(ServiceId::orders(id)).await;
            }
            deployment.leader_after(ServiceId::orders(3)).await;
            deployment.progress(200).await;
            sleep_until(alone).await;
            deployment.progress(50).await;
            deployment.start_all();
            deployment.all_in_sync().await;
            deployment.progress(50).await;
        })
        .await;
    calm("replica 2 left alone", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_of_the_leader_hands_over_and_clients_see_no_error() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(100).await;
                let leader = deployment.leader().await;
                deployment.stop(leader).await;
                let next = deployment.leader().await;
                assert_ne!(next, leader, "it left only after somebody else was chosen");
                deployment.progress(100).await;
                deployment.start(leader);
                deployment.all_in_sync().await;
            }
        })
        .await;
    calm("leader stopped in good order three times", &report);
    deployment.settled().await;
}
