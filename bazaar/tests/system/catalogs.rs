//! The catalog's group: whoever of it is killed, stopped, paused, away or wiped, a majority goes on and nothing is lost.

use std::time::Duration;

use bazaar::config::{Address, free_ports};
use node::service::{ServiceId, ServiceKind};
use replication::contract::Status as Engine;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::harness::{Deployment, Finished, calm, finish, until};

async fn engine(deployment: &Deployment, catalog: ServiceId) -> Engine {
    until(&format!("{catalog} to answer"), async || deployment.status(catalog).await?.engine).await
}

fn term(engine: &Engine) -> u64 {
    engine.epoch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogs_leader_is_killed_again_and_again_and_trades_go_on() {
    let deployment = Deployment::up(2).await;
    let mut terms = Vec::new();
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..5 {
                deployment.progress(80).await;
                let leader = deployment.catalog_leader().await;
                deployment.kill(leader).await;
                let next = deployment.catalog_leader_after(leader).await;
                deployment.progress(20).await;
                deployment.start(leader);
                deployment.catalogs_level().await;
                terms.push(term(&engine(&deployment, next).await));
            }
        })
        .await;
    calm("catalog leader killed five times", &report);
    assert!(terms.is_sorted_by(|before, after| before < after), "{terms:?}");
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_the_catalog_is_killed_and_nobody_notices() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(50).await;
                let leader = deployment.catalog_leader().await;
                let mut followers = deployment.all(ServiceKind::Catalog);
                followers.retain(|catalog| *catalog != leader);
                deployment.kill(followers[0]).await;
                deployment.progress(100).await;
                deployment.start(followers[0]);
                deployment.catalogs_level().await;
            }
        })
        .await;
    calm("catalog follower killed three times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_leader_that_slept_for_seconds_comes_back_as_a_follower() {
    let deployment = Deployment::up(2).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..2 {
                deployment.progress(50).await;
                let leader = deployment.catalog_leader().await;
                let awake = Instant::now() + Duration::from_secs(5);
                deployment.pause(leader);
                let next = deployment.catalog_leader_after(leader).await;
                deployment.progress(100).await;
                sleep_until(awake).await;
                deployment.resume(leader);
                deployment.catalogs_level().await;
                until("it to know that its reign is over", async || {
                    let engine = deployment.status(leader).await?.engine?;
                    (!engine.leads && engine.leader == Some(next.id)).then_some(())
                })
                .await;
            }
        })
        .await;
    calm("catalog leader paused twice", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_of_the_catalogs_leader_hands_over_and_clients_see_no_error() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(80).await;
                let leader = deployment.catalog_leader().await;
                let before = term(&engine(&deployment, leader).await);
                deployment.stop(leader).await;
                let next = deployment.catalog_leader_after(leader).await;
                let after = term(&engine(&deployment, next).await);
                assert_eq!(after, before + 1, "it was handed over, not fought for");
                deployment.progress(50).await;
                deployment.start(leader);
                deployment.catalogs_level().await;
            }
        })
        .await;
    calm("catalog leader stopped in good order three times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_that_was_away_for_longer_than_the_log_goes_back_is_brought_level() {
    let deployment = Deployment::up(1).await;
    let mut args = deployment.clients(8);
    (args.requests, args.probability) = (20, 1.0);
    calm("with everybody", &deployment.run(args.clone()).await);
    let leader = deployment.catalog_leader().await;
    let away = ServiceId::catalog(1 + leader.id % 3);
    deployment.kill(away).await;
    calm("without one", &deployment.run(args.clone()).await);
    // Stopped in good order, the others' stores hold everything, and a log in memory begins where the store ends.
    let others: Vec<ServiceId> =
        deployment.all(ServiceKind::Catalog).into_iter().filter(|id| *id != away).collect();
    for catalog in &others {
        deployment.stop(*catalog).await;
    }
    others.iter().for_each(|catalog| deployment.start(*catalog));
    deployment.ready().await;
    let report = deployment
        .under_load(args, async {
            deployment.progress(20).await;
            deployment.start(away);
            deployment.catalogs_level().await;
            deployment.progress(20).await;
        })
        .await;
    calm("it came back under load", &report);
    assert!(deployment.log(away).contains("snapshot_taken"), "the log alone could not help it");
    deployment.settled().await;
    // What it was given lasts: it can even be among those who remain.
    deployment.kill(others[0]).await;
    deployment.client(1).trade("sell", "GameStart", 1).await;
    deployment.start(others[0]);
    deployment.settled().await;
    deployment.stop_all().await;
    deployment.audit_offline().await;
}

async fn member(deployment: &Deployment, arguments: &[&str]) -> Finished {
    let file = deployment.file().display().to_string();
    finish(&[&["member"], arguments, &["--config", &file]].concat()).await
}

fn json_of(finished: &Finished) -> Value {
    serde_json::from_str(&finished.output).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

/// Roles of all replicas, as `bazaar member list` tells them.
async fn roles(deployment: &Deployment) -> Vec<(u64, String)> {
    let listed = member(deployment, &["list", "--json"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let listed = json_of(&listed)["group"]["replicas"].clone();
    let role = |line: &Value| {
        let role = line["role"].as_str().expect("a role").replace("leader", "voter");
        (line["id"].as_u64().expect("an id"), role)
    };
    listed.as_array().expect("a list").iter().map(role).collect()
}

fn expected(roles: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(roles.iter().map(|role| (*role).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_catalog_is_locked_out_until_it_is_removed_and_added_again() {
    let deployment = Deployment::up(1).await;
    let leader = deployment.catalog_leader().await;
    let wiped = ServiceId::catalog(1 + leader.id % 3);
    let id = wiped.id.to_string();
    let report = deployment
        .under_load(deployment.clients(4), async {
            deployment.progress(50).await;
            deployment.kill(wiped).await;
            deployment.start_with(wiped, &["--fresh"]);
            deployment.progress(100).await;
            let status = engine(&deployment, wiped).await;
            assert_eq!(
                (status.commit, status.leader),
                (0, None),
                "nobody speaks with its new disk"
            );
            let again = member(&deployment, &["add", &id]).await;
            assert_eq!(again.code, Some(1), "{again:?}");
            assert!(again.errors.contains("is a member already"), "{again:?}");
            let removed = member(&deployment, &["remove", &id, "--json"]).await;
            assert_eq!((removed.code, &json_of(&removed)["done"]), (Some(0), &json!(true)));
            let added = member(&deployment, &["add", &id]).await;
            assert_eq!(added.code, Some(0), "{added:?}");
            assert!(added.output.contains("is a member, and votes"), "{added:?}");
            deployment.catalogs_level().await;
            deployment.progress(20).await;
        })
        .await;
    calm("a catalog wiped and taken in again", &report);
    assert_eq!(roles(&deployment).await, expected(&["voter"; 3]));
    deployment.settled().await;
    // Its voice counts again: with one of the others away, it is needed.
    deployment.kill(leader).await;
    deployment.client(1).trade("sell", "GameStart", 1).await;
    deployment.start(leader);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_joins_later_and_leaves_again() {
    let deployment = Deployment::with(1, |config| {
        let mut fourth = config.catalog.replicas[0].clone();
        let ports = free_ports(2).expect("free ports");
        (fourth.id, fourth.join) = (4, true);
        fourth.address = Address::loopback(ports[0]);
        fourth.metrics = Some(Address::loopback(ports[1]));
        config.catalog.replicas.push(fourth);
    })
    .await;
    let fourth = ServiceId::catalog(4);
    deployment.client(1).trade("buy", "GameStart", 1).await;
    assert_eq!(engine(&deployment, fourth).await.commit, 0, "it waits");
    assert_eq!(roles(&deployment).await, expected(&["voter", "voter", "voter", "none"]));
    deployment.audit().await;
    let added = member(&deployment, &["add", "4"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    assert_eq!(roles(&deployment).await, expected(&["voter"; 4]));
    deployment.catalogs_level().await;
    deployment.settled().await;
    let removed = member(&deployment, &["remove", "4"]).await;
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert_eq!(roles(&deployment).await, expected(&["voter", "voter", "voter", "none"]));
    let again = member(&deployment, &["remove", "4"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.errors.contains("is no member"), "{again:?}");
    assert_eq!(member(&deployment, &["add", "9"]).await.code, Some(2), "nobody knows where it is");
    deployment.stop(fourth).await;
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.level().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_names_catalogs_that_are_missing_and_is_none_without_a_majority() {
    let deployment = Deployment::up(1).await;
    deployment.client(1).trade("buy", "GameStart", 1).await;
    deployment.settled().await;
    let file = deployment.file().display().to_string();
    let audit = async |more: &[&str]| finish(&[&["audit", "--config", &file], more].concat()).await;
    let whole = audit(&["--json"]).await;
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let lines = json_of(&whole)["catalogs"].clone();
    let of = |field: &str| {
        lines.as_array().expect("a list").iter().map(|line| line[field].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("id"), [1, 2, 3]);
    let mut prefixes = of("position").into_iter().zip(of("hash")).collect::<Vec<_>>();
    prefixes.sort_by_key(|(position, _)| position.as_u64());
    let agree = |pair: &[(Value, Value)]| pair[0].0 != pair[1].0 || pair[0].1 == pair[1].1;
    assert!(prefixes.windows(2).all(agree), "{lines}");

    deployment.kill(ServiceId::catalog(2)).await;
    deployment.catalog_leader().await;
    let missing = audit(&["--json"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert_eq!(json_of(&missing)["unreachable"][0]["service"], "catalog-2");
    assert_eq!(json_of(&missing)["sound"], true);
    deployment.kill(ServiceId::catalog(3)).await;
    let minority = audit(&["--wait", "1"]).await;
    assert_eq!(minority.code, Some(2), "{minority:?}");
    assert!(minority.errors.contains("no majority"), "{minority:?}");
    deployment.start_all();
    deployment.settled().await;

    deployment.stop_all().await;
    let offline = audit(&["--offline", "--json"]).await;
    assert_eq!(offline.code, Some(0), "{offline:?}");
    assert_eq!(json_of(&offline)["catalogs"].as_array().map(Vec::len), Some(3));
    let gone = |id| std::fs::remove_dir_all(deployment.data_of(ServiceId::catalog(id)));
    gone(3).expect("removed");
    let missing = audit(&["--offline"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.output.contains("gone   catalog-3"), "{missing:?}");
    gone(1).expect("removed");
    let minority = audit(&["--offline"]).await;
    assert_eq!(minority.code, Some(2), "{minority:?}");
    assert!(minority.errors.contains("no majority"), "{minority:?}");
}
