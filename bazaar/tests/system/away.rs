//! How long a replica takes to be level again after it missed many orders, and what clients feel of it. Measurements, with no
//! verdict on time, so not part of the usual run:
//! `BAZAAR_AWAY_ORDERS=1000000 cargo nextest run -p bazaar --release --run-ignored only -E 'test(away)' --no-capture`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use node::service::ServiceId;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::{Client, Deployment, new_key, until};

/// Clients while latencies are taken.
const CLIENTS: usize = 16;
/// Clients that make the orders which the replicas miss.
const MANY: usize = 256;
/// How long latencies are taken before anybody goes, and how long at least while the replicas catch up.
const WATCHED: Duration = Duration::from_secs(10);

const SELL: &str = r#"{"name":"GameStart","quantity":1,"type":"sell"}"#;

fn missed() -> u64 {
    std::env::var("BAZAAR_AWAY_ORDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

/// Clients that order without a pause, and how long each order took.
struct Traders {
    stop: Arc<AtomicBool>,
    latencies: Arc<Mutex<Vec<Duration>>>,
    running: JoinSet<()>,
}

impl Traders {
    fn start(deployment: &Deployment, clients: usize) -> Self {
        let (stop, latencies) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
        let mut running = JoinSet::new();
        for _ in 0..clients {
            running.spawn(trade(deployment.client(1), stop.clone(), latencies.clone()));
        }
        Traders { stop, latencies, running }
    }

    /// How many orders were confirmed so far.
    fn confirmed(&self) -> u64 {
        self.latencies.lock().len() as u64
    }

    /// Ends them, and tells what they felt.
    async fn finish(mut self, what: &str) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended.expect("a client found every answer in its place");
        }
        let mut latencies = std::mem::take(&mut *self.latencies.lock());
        latencies.sort();
        let at =
            |share: f64| latencies[(latencies.len() as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{what}: {} orders, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            latencies.len(),
            at(0.5),
            at(0.99),
            latencies[latencies.len() - 1].as_secs_f64() * 1e3
        );
    }
}

async fn trade(mut client: Client, stop: Arc<AtomicBool>, latencies: Arc<Mutex<Vec<Duration>>>) {
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = client.keyed(&new_key(), SELL).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        latencies.lock().push(began.elapsed());
    }
}

/// Waits until a replica has what its leader has; how long after `since` that was.
async fn level(deployment: &Deployment, leader: ServiceId, replica: ServiceId, since: Instant) {
    until(&format!("{replica} to be level"), async || {
        let end = deployment.status(leader).await?.engine?.commit;
        (deployment.status(replica).await?.engine?.commit >= end).then_some(())
    })
    .await;
    println!("{replica} is level {:.1} s after its start", since.elapsed().as_secs_f64());
}

/// Somebody of a group who does not lead it.
fn follower(deployment: &Deployment, leader: ServiceId) -> ServiceId {
    let others = deployment.all(leader.kind).into_iter().find(|service| *service != leader);
    others.expect("the group has several replicas")
}

async fn measure(deployment: &Deployment, leader: ServiceId) {
    let traders = Traders::start(deployment, CLIENTS);
    sleep(WATCHED).await; // the length of what is measured
    traders.finish("before").await;

    let replica = follower(deployment, leader);
    deployment.kill(replica).await;
    let traders = Traders::start(deployment, MANY);
    while traders.confirmed() < missed() {
        sleep(Duration::from_millis(100)).await;
    }
    traders.finish(&format!("while {replica} was away")).await;

    let traders = Traders::start(deployment, CLIENTS);
    let since = Instant::now();
    deployment.start(replica);
    level(deployment, leader, replica, since).await;
    sleep(WATCHED.saturating_sub(since.elapsed())).await; // so that both figures are of one length
    traders.finish(&format!("while {replica} came back")).await;
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_catalog_replica_was_away_for_many_orders() {
    let deployment = Deployment::up(1).await;
    measure(&deployment, deployment.catalog_leader().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn an_order_replica_was_away_for_many_orders() {
    let deployment = Deployment::up(1).await;
    measure(&deployment, deployment.leader().await).await;
}
