//! Disks that were emptied, rotted or torn.

use std::path::Path;
use std::time::Duration;

use node::service::ServiceId;

use crate::harness::{Client, Deployment, LogFile, calm, finish, until};

async fn traded(deployment: &Deployment) {
    let mut args = deployment.clients(4);
    (args.requests, args.probability) = (60, 0.8);
    calm("trades", &deployment.run(args).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_emptied_on_purpose_is_filled_again_by_the_others() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(4), async {
            for id in [1, 2, 3, 1, 2, 3] {
                deployment.progress(50).await;
                let replica = ServiceId::orders(id);
                deployment.kill(replica).await;
                deployment.progress(50).await;
                deployment.start_with(replica, &["--fresh"]);
                deployment.all_in_sync().await;
            }
        })
        .await;
    calm("replicas emptied", &report);
    assert!(deployment.log(ServiceId::orders(1)).contains("storage-emptied"));
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_folder_is_gone_is_filled_again_by_the_others() {
    let deployment = Deployment::up(1).await;
    for id in [1, 2, 3] {
        traded(&deployment).await;
        let replica = ServiceId::orders(id);
        deployment.kill(replica).await;
        std::fs::remove_dir_all(deployment.data_of(replica)).expect("removed");
        deployment.start(replica);
        deployment.level().await;
    }
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_a_rotten_log_keeps_it_aside_and_is_repaired_by_the_others() {
    let deployment = Deployment::up(1).await;
    for (count, id) in [1, 3].into_iter().enumerate() {
        traded(&deployment).await;
        let replica = ServiceId::orders(id);
        if count == 0 {
            deployment.stop(replica).await;
        } else {
            deployment.kill(replica).await;
        }
        LogFile::of(&deployment.data_of(replica)).rot();
        deployment.start(replica);
        deployment.level().await;
        assert!(deployment.data_of(replica).join("rotten-1").exists(), "kept for whoever looks");
        assert!(deployment.log(replica).contains("storage-rotten"), "and told");
        deployment.audit().await;
    }
    traded(&deployment).await;
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_with_a_rotten_log_refuses_to_start_and_says_what_to_do() {
    let deployment = Deployment::alone(1).await;
    traded(&deployment).await;
    deployment.kill_all().await;
    let catalog = ServiceId::catalog(1);
    LogFile::of(&deployment.data_of(catalog)).rot();
    deployment.start(catalog);
    let finished = deployment.ended(catalog).await;
    assert_eq!(finished.code, Some(2), "{}", finished.errors);
    for words in ["the log is damaged", "restore the folder", "--fresh"] {
        assert!(finished.errors.contains(words), "{}", finished.errors);
    }
    assert!(!deployment.data_of(catalog).join("rotten-1").exists(), "nothing was touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotten_catalog_of_a_group_takes_no_part_until_it_is_taken_in_as_a_new_disk() {
    let deployment = Deployment::up(1).await;
    traded(&deployment).await;
    let leader = deployment.catalog_leader().await;
    let rotten = ServiceId::catalog(1 + leader.id % 3);
    let (id, file) = (rotten.id.to_string(), deployment.file().display().to_string());
    deployment.kill(rotten).await;
    LogFile::of(&deployment.data_of(rotten)).rot();
    deployment.start(rotten);
    traded(&deployment).await;
    until("it to tell", async || deployment.log(rotten).contains("storage-rotten").then_some(()))
        .await;
    for action in ["remove", "add"] {
        let done = finish(&["member", action, &id, "--config", &file]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    traded(&deployment).await;
    deployment.settled().await;
}

/// What can be wrong with a folder besides its log.
fn damage(data: &Path, what: &str) {
    let store = data.join("rows.redb");
    match what {
        "no log" => std::fs::remove_dir_all(data.join("log")),
        "no store" => std::fs::remove_file(store),
        "no identity" => std::fs::remove_file(data.join("identity")),
        "odd identity" => std::fs::write(data.join("identity"), "somebody"),
        "odd store" => std::fs::write(store, "not a store at all"),
        _ => panic!("{what}"),
    }
    .expect("damaged");
}

const DAMAGES: [&str; 5] = ["no log", "no store", "no identity", "odd identity", "odd store"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_with_a_damaged_folder_is_repaired_by_the_others() {
    let deployment = Deployment::up(1).await;
    for (what, id) in DAMAGES.into_iter().zip([1, 2, 3, 1, 2]) {
        traded(&deployment).await;
        let replica = ServiceId::orders(id);
        deployment.kill(replica).await;
        damage(&deployment.data_of(replica), what);
        println!("{replica}: {what}");
        deployment.start(replica);
        deployment.level().await;
        deployment.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_with_a_damaged_folder_refuses_to_start_and_touches_nothing() {
    let deployment = Deployment::alone(1).await;
    traded(&deployment).await;
    let orders = deployment.catalog().await.next_number;
    deployment.kill_all().await;
    let catalog = ServiceId::catalog(1);
    let data = deployment.data_of(catalog);
    let good = deployment.folder().join("good");
    copy(&data, &good);
    for what in DAMAGES {
        damage(&data, what);
        deployment.start(catalog);
        let finished = deployment.ended(catalog).await;
        assert_eq!(finished.code, Some(2), "{what}: {}", finished.errors);
        assert!(finished.errors.contains("--fresh"), "{what}: {}", finished.errors);
        std::fs::remove_dir_all(&data).expect("removed");
        copy(&good, &data);
    }
    deployment.start_all();
    deployment.settled().await;
    assert_eq!(deployment.catalog().await.next_number, orders, "restored from a copy");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_replicas_stop_rather_than_follow_a_catalog_that_lost_its_data() {
    let deployment = Deployment::alone(1).await;
    traded(&deployment).await;
    deployment.level().await;
    let catalog = ServiceId::catalog(1);
    deployment.kill(catalog).await;
    deployment.start_with(catalog, &["--fresh"]);
    for id in deployment.replicas() {
        let replica = ServiceId::orders(id);
        let finished = deployment.ended(replica).await;
        assert_eq!(finished.code, Some(75), "{}", finished.errors);
        assert!(finished.errors.contains("the register lost its data"), "{}", finished.errors);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_are_killed_while_they_start_start_all_the_same() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(4), async {
            deployment.progress(50).await;
            for step in 0..24 {
                let (service, flags): (_, &[&str]) = match step % 4 {
                    0 => (ServiceId::catalog(1), &[]),
                    1 => (ServiceId::orders(1), &["--fresh"]),
                    2 => (ServiceId::orders(1), &[]),
                    _ => (ServiceId::orders(3), &[]),
                };
                deployment.kill(service).await;
                deployment.start_with(service, flags);
                tokio::time::sleep(Duration::from_millis(step * 3)).await;
                deployment.kill(service).await;
                deployment.start(service);
            }
            deployment.all_in_sync().await;
            deployment.progress(50).await;
        })
        .await;
    calm("killed while starting", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_is_cut_and_everybody_goes_on() {
    let deployment = Deployment::up(1).await;
    traded(&deployment).await;
    let orders = deployment.catalog().await.next_number;
    deployment.kill_all().await;
    let torn = [ServiceId::orders(1), ServiceId::orders(3), ServiceId::catalog(1)];
    for service in torn {
        LogFile::of(&deployment.data_of(service)).tear();
    }
    deployment.start_all();
    deployment.settled().await;
    for service in torn {
        assert!(deployment.log(service).contains("log-tail-cut"), "{service} told of it");
    }
    assert_eq!(deployment.catalog().await.next_number, orders, "nothing that was synced is gone");
    traded(&deployment).await;
    deployment.settled().await;
}

/// Flips a byte in every order that the store of a replica holds, wherever its file mentions one.
fn rot_orders(deployment: &Deployment, replica: ServiceId, name: &str) {
    let store = deployment.data_of(replica).join("rows.redb");
    let mut bytes = std::fs::read(&store).expect("a store");
    let words = bytes.windows(name.len()).enumerate();
    let places: Vec<usize> =
        words.filter(|(_, word)| *word == name.as_bytes()).map(|(at, _)| at).collect();
    assert!(places.len() >= 20, "only {} orders to damage", places.len());
    places.into_iter().for_each(|at| bytes[at] ^= 1);
    std::fs::write(&store, bytes).expect("written");
}

async fn bodies(client: &mut Client, count: u64) -> Vec<String> {
    let mut bodies = Vec::new();
    for number in 0..count {
        bodies.push(client.get(&format!("/orders/{number}")).await.body);
    }
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_rotted_in_a_store_is_never_served() {
    let deployment = Deployment::up(1).await;
    let mut client = deployment.client(1);
    for _ in 0..20 {
        client.trade("sell", "LutetiaTech", 7).await;
    }
    deployment.level().await;
    let before = bodies(&mut client, 20).await;
    for orderly in [true, false] {
        let leader = deployment.leader().await;
        if orderly {
            deployment.stop_all().await;
        } else {
            deployment.kill_all().await;
        }
        rot_orders(&deployment, leader, "LutetiaTech");
        deployment.start_all();
        deployment.ready().await;
        assert_eq!(bodies(&mut client, 20).await, before, "orderly: {orderly}");
        deployment.level().await;
        deployment.audit().await;
        // Killed, a store goes back to its last good state, and the log has the rest.
        assert!(!orderly || deployment.log(leader).contains("storage-rotten"));
    }
}
