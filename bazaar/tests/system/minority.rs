//! A minority of each group is killed or paused at random, in both groups at once, while clients compare every answer.
//!
//! Unlike in `chaos`, who was killed or paused is missed by its group until it is level again, and nobody else of the group is
//! touched before. So trades go on throughout, which is waited for while each victim is away.

use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep};

use crate::chaos::{how_long, setting};
use crate::harness::{Deployment, calm, until};

/// How long a paused process sleeps: several times every lease, election timeout and patience of those who wait for it.
const SLEEP: Duration = Duration::from_secs(5);

/// Most that a killed process stays away, and that a group is left in peace between two blows.
const BREATH: Duration = Duration::from_secs(1);

/// Orders that are waited for while a victim is away.
const PROGRESS: u64 = 5;

/// What becomes of a victim.
#[derive(Clone, Copy)]
enum Blow {
    Kill,
    Pause,
}

/// One group, and who of it was hit.
struct Group<'a> {
    deployment: &'a Deployment,
    kind: ServiceKind,
    chance: ChaCha8Rng,
    killed: Vec<ServiceId>,
    paused: Vec<ServiceId>,
    leaders: usize,
}

impl<'a> Group<'a> {
    fn new(deployment: &'a Deployment, kind: ServiceKind, seed: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(kind as u64);
        Group { deployment, kind, chance, killed: Vec::new(), paused: Vec::new(), leaders: 0 }
    }

    /// Kills and pauses one after another until the time is over: as often the one as the other, and each at least once.
    async fn suffer(&mut self, until: Instant) {
        while Instant::now() < until || self.paused.is_empty() {
            let mut blows = [Blow::Kill, Blow::Pause];
            if self.chance.random_bool(0.5) {
                blows.reverse();
            }
            for blow in blows {
                self.strike(blow).await;
                sleep(BREATH.mul_f64(self.chance.random_range(0.0..1.0))).await;
            }
        }
    }

    async fn strike(&mut self, blow: Blow) {
        let victim = self.victim().await;
        match blow {
            Blow::Kill => {
                self.deployment.kill(victim).await;
                self.killed.push(victim);
                let length = BREATH.mul_f64(self.chance.random_range(0.0..1.0));
                self.away(length).await;
                self.deployment.start(victim);
            }
            Blow::Pause => {
                self.deployment.pause(victim);
                self.paused.push(victim);
                self.away(SLEEP).await;
                self.deployment.resume(victim);
            }
        }
        self.whole().await;
    }

    /// The leader as often as one of the others.
    async fn victim(&mut self) -> ServiceId {
        let leader = match self.kind {
            ServiceKind::Catalog => self.deployment.catalog_leader().await,
            _ => self.deployment.leader().await,
        };
        if self.chance.random_bool(0.5) {
            self.leaders += 1;
            return leader;
        }
        let mut others = self.deployment.all(self.kind);
        others.retain(|service| *service != leader);
        let chosen = self.chance.random_range(0..others.len());
        others[chosen]
    }

    /// For so long, and until trades went on without the victim.
    async fn away(&self, length: Duration) {
        tokio::join!(sleep(length), self.deployment.progress(PROGRESS));
    }

    /// Waits until nobody of the group is missed any more.
    async fn whole(&self) {
        if self.kind == ServiceKind::Orders {
            return self.deployment.all_in_sync().await;
        }
        self.deployment.catalogs_level().await;
        let follow = async || self.deployment.catalogs_follow_one().await.then_some(());
        until("all catalogs to follow one leader", follow).await;
    }

    fn tell(&self) {
        let (killed, paused, leaders) = (self.killed.len(), self.paused.len(), self.leaders);
        println!(
            "{}: {killed} kills, {paused} pauses, {leaders} of them hit the leader",
            self.kind
        );
    }
}

/// All replicas of each group have come equally far, with equal hash chains.
async fn all_equal(deployment: &Deployment) {
    let outcome = until("all replicas to have come equally far", async || {
        let outcome = deployment.audit().await;
        let positions = outcome.catalogs.iter().map(|catalog| catalog.position);
        let counts = outcome.report.replicas.iter().map(|replica| replica.count);
        (same(positions) && same(counts)).then_some(outcome)
    })
    .await;
    let (catalogs, orders) = (&outcome.catalogs, &outcome.report.replicas);
    assert_eq!((catalogs.len(), orders.len()), (3, 3));
    assert!(same(catalogs.iter().map(|catalog| &catalog.hash)), "{catalogs:?}");
    let decided = outcome.report.catalog.as_ref().map(|catalog| &catalog.chain);
    assert!(same(orders.iter().map(|replica| Some(&replica.chain)).chain([decided])), "{orders:?}");
}

fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    let first = values.next();
    values.all(|value| Some(value) == first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_wrong_while_a_minority_of_each_group_is_killed_and_paused_at_random() {
    let deployment = Deployment::up(2).await;
    let seed = setting("BAZAAR_CHAOS_SEED", 1);
    println!("BAZAAR_CHAOS_SEED={seed}, {} s", how_long().as_secs());
    let mut catalogs = Group::new(&deployment, ServiceKind::Catalog, seed);
    let mut orders = Group::new(&deployment, ServiceKind::Orders, seed);
    let mut args = deployment.clients(8);
    args.probability = 0.3;
    let report = deployment
        .under_load(args, async {
            let end = Instant::now() + how_long();
            tokio::join!(catalogs.suffer(end), orders.suffer(end));
        })
        .await;
    for group in [&catalogs, &orders] {
        group.tell();
        assert!(!group.killed.is_empty() && !group.paused.is_empty());
    }
    calm("a minority killed and paused", &report);
    assert!(report.orders >= 100, "{report:#?}");
    deployment.settled().await;
    all_equal(&deployment).await;
    deployment.stop_all().await;
    let offline = deployment.audit_offline().await;
    assert!(same(offline.report.replicas.iter().map(|replica| &replica.chain)), "{offline:?}");
}
