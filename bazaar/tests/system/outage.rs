//! How long writes stop when the catalog's leader goes. Measurements, with no verdict on time, so not part of the usual run:
//! `BAZAAR_OUTAGES=50 cargo nextest run -p bazaar --release --run-ignored only outage --no-capture`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::harness::{Client, Deployment, new_key, until};

/// Between an answer "later" and the next attempt: what a figure may be too long by.
const AGAIN: Duration = Duration::from_millis(1);

const SELL: &str = r#"{"name":"GameStart","quantity":1,"type":"sell"}"#;

fn outages() -> usize {
    std::env::var("BAZAAR_OUTAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// One client that orders without a pause, and when its orders were confirmed.
#[derive(Clone, Default)]
struct Writer {
    confirmed: Arc<Mutex<Vec<Instant>>>,
    stop: Arc<AtomicBool>,
}

impl Writer {
    /// Orders until it is told to stop; how often it was told to come again later.
    async fn run(self, mut client: Client) -> usize {
        let mut later = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let key = new_key();
            loop {
                let key = [("Idempotency-Key", key.as_str())];
                let answer = client.attempt("POST", "/orders", &key, SELL).await;
                let answer = answer.expect("the gateway stays, so its answers do");
                if answer.status == 200 {
                    break;
                }
                assert!(matches!(answer.status, 429 | 503 | 504), "an error: {answer:?}");
                later += 1;
                sleep(AGAIN).await;
            }
            self.confirmed.lock().push(Instant::now());
        }
        later
    }

    /// The longest time without a confirmed order since a moment, once orders are confirmed again.
    async fn gap_since(&self, moment: Instant) -> Duration {
        let enough = || self.confirmed.lock().iter().filter(|at| **at > moment).count() >= 20;
        until("orders to be confirmed again", async || enough().then_some(())).await;
        let mut confirmed = self.confirmed.lock();
        let from = confirmed.partition_point(|at| *at < moment).saturating_sub(1);
        let gaps = confirmed[from..].windows(2).map(|pair| pair[1] - pair[0]);
        let longest = gaps.max().expect("several were confirmed");
        confirmed.clear();
        longest
    }
}

fn tell(what: &str, mut gaps: Vec<Duration>, later: usize) {
    let all: Vec<_> = gaps.iter().map(|gap| gap.as_millis()).collect();
    println!("{what}, each in ms: {all:?}");
    gaps.sort();
    let ms = |gap: Duration| gap.as_secs_f64() * 1e3;
    println!(
        "{what}, {} times: writes stopped for {:.0} ms at the median, {:.0} ms at the worst; {later} answers said later",
        gaps.len(),
        ms(gaps[gaps.len() / 2]),
        ms(gaps[gaps.len() - 1]),
    );
}

async fn measure(what: &str, killed: bool) {
    let deployment = Deployment::up(1).await;
    let writer = Writer::default();
    let writing = tokio::spawn(writer.clone().run(deployment.client(1)));
    let mut gaps = Vec::new();
    for _ in 0..outages() {
        let leader = deployment.catalog_leader().await;
        deployment.catalogs_level().await;
        let moment = Instant::now();
        if killed {
            deployment.kill(leader).await;
        } else {
            deployment.stop(leader).await;
        }
        deployment.catalog_leader_after(leader).await;
        gaps.push(writer.gap_since(moment).await);
        deployment.start(leader);
        deployment.catalogs_level().await;
    }
    writer.stop.store(true, Ordering::Relaxed);
    tell(what, gaps, writing.await.expect("the writer ends"));
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn the_outage_after_the_catalogs_leader_was_killed() {
    measure("catalog leader killed", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn the_outage_while_the_catalogs_leader_hands_over() {
    measure("catalog leader stopped in good order", false).await;
}
