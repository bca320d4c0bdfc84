//! Everything is killed at random, for a while, while clients run.

use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep, sleep_until};

use crate::harness::{Deployment, calm};

/// From one kill to the next, on average.
const PACE: Duration = Duration::from_millis(1_500);

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub(crate) fn how_long() -> Duration {
    Duration::from_secs(setting("BAZAAR_CHAOS_SECONDS", 20))
}

/// Kills what it is allowed to.
struct Chaos<'a> {
    deployment: &'a Deployment,
    chance: ChaCha8Rng,
    /// Order replicas that are left alone.
    spared: Vec<ServiceId>,
    killed: Vec<ServiceId>,
}

impl<'a> Chaos<'a> {
    fn new(deployment: &'a Deployment) -> Self {
        let seed = setting("BAZAAR_CHAOS_SEED", 1);
        let chance = ChaCha8Rng::seed_from_u64(seed);
        Chaos { deployment, chance, spared: Vec::new(), killed: Vec::new() }
    }

    /// The leader most often, the others by turns.
    async fn victim(&mut self) -> ServiceId {
        let mut others = self.deployment.config.services();
        others.retain(|service| self.deployment.runs(*service));
        if !self.deployment.catalogs_follow_one().await {
            others.retain(|service| service.kind != ServiceKind::Catalog);
        }
        let leader = self.deployment.register().await.and_then(|register| register.leader);
        if let Some(leader) = leader.filter(|_| self.chance.random_bool(0.4)) {
            others = vec![ServiceId::orders(leader)];
        }
        others[self.chance.random_range(0..others.len())]
    }

    /// Kills one after another until the time is over; each comes back after a moment.
    async fn run(&mut self, until: Instant) {
        while Instant::now() < until {
            let next = Instant::now() + PACE.mul_f64(self.chance.random_range(0.6..1.4));
            let victim = self.victim().await;
            if self.deployment.runs(victim) && !self.spared.contains(&victim) {
                self.deployment.kill(victim).await;
                self.killed.push(victim);
                sleep(PACE.mul_f64(self.chance.random_range(0.0..0.4))).await;
                self.deployment.start(victim);
            }
            sleep_until(next.min(until)).await;
        }
    }

    fn tell(&self) {
        let of = |kind| self.killed.iter().filter(|service| service.kind == kind).count();
        println!(
            "killed: {} order replicas, {} catalogs, {} gateways",
            of(ServiceKind::Orders),
            of(ServiceKind::Catalog),
            of(ServiceKind::Gateway)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_while_everything_is_killed_at_random() {
    let deployment = Deployment::up(1).await;
    let mut chaos = Chaos::new(&deployment);
    let mut args = deployment.clients(8);
    args.probability = 0.3;
    let report = deployment
        .under_load(args, async {
            chaos.run(Instant::now() + how_long()).await;
            deployment.ready().await;
        })
        .await;
    chaos.tell();
    calm("chaos", &report);
    assert!(chaos.killed.len() as u64 > how_long().as_secs() / 4, "{:?}", chaos.killed);
    deployment.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_while_one_replica_is_alone_and_the_rest_is_killed_at_random()
{
    let deployment = Deployment::up(1).await;
    let mut chaos = Chaos::new(&deployment);
    let mut args = deployment.clients(8);
    args.probability = 0.3;
    let report = deployment
        .under_load(args, async {
            deployment.progress(50).await;
            let [alone, away] = [ServiceId::orders(2), ServiceId::orders(3)];
            for replica in [ServiceId::orders(1), away] {
                deployment.kill(replica).await;
            }
            deployment.leader_after(away).await;
            chaos.spared = vec![alone];
            chaos.run(Instant::now() + Duration::from_secs(10)).await;
            deployment.ready().await;
            deployment.progress(50).await;
            deployment.start_all();
            chaos.spared.clear();
            chaos.run(Instant::now() + how_long() / 4).await;
            deployment.ready().await;
        })
        .await;
    chaos.tell();
    calm("chaos with one replica alone", &report);
    deployment.settled().await;
}
