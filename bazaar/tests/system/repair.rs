//! Disks that were emptied, rotted or torn.

use node::service::ServiceId;

use crate::harness::{Deployment, LogFile, calm};

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
    let deployment = Deployment::up(1).await;
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
