//! SIGSTOP: a process that is neither alive nor dead, and wakes up believing what is no longer true.

use node::service::ServiceId;

use crate::harness::{Deployment, calm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_slept_through_the_end_of_its_reign_comes_back_as_a_follower() {
    let deployment = Deployment::up(1).await;
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(100).await;
                let leader = deployment.leader().await;
                deployment.pause(leader);
                let next = deployment.leader_after(leader).await;
                deployment.progress(100).await;
                deployment.resume(leader);
                deployment.all_in_sync().await;
                let now = deployment.leader().await;
                assert_eq!(now, next, "who comes back follows");
                let status = deployment.status(leader).await.expect("it answers");
                assert!(
                    !status.engine.expect("a replica has one").leads,
                    "it knows that its reign is over"
                );
            }
        })
        .await;
    calm("leader paused three times", &report);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_that_decides_alone_and_sleeps_for_a_moment_delays_everything_and_breaks_nothing()
{
    let deployment = Deployment::alone(2).await;
    let catalog = ServiceId::catalog(1);
    let report = deployment
        .under_load(deployment.clients(8), async {
            for _ in 0..3 {
                deployment.progress(100).await;
                deployment.pause(catalog);
                // Long enough for every lease to end: gateways then serve nothing from their caches.
                tokio::time::sleep(std::time::Duration::from_millis(700)).await;
                deployment.resume(catalog);
            }
            deployment.progress(100).await;
        })
        .await;
    calm("catalog paused three times", &report);
    deployment.settled().await;
}
