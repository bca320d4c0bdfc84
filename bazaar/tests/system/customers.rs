//! The customers' group: five processes that agree by datagrams.

use std::time::Duration;

use bazaar::cli::broadcast::{self, BroadcastArgs, Report};
use bazaar::config::{Address, Period, Replica, free_ports};
use bazaar::storage::log::LogIdentity;
use bazaar::storage::{Options, recover};
use market::rows::{Row, Table};
use node::service::{ServiceId, ServiceKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use replication::contract::{ChainHash, Position};
use tokio::time::{Instant, sleep, sleep_until};

use crate::chaos::{how_long, setting};
use crate::harness::{Deployment, until};

const MEMBERS: u8 = 5;
/// From one kill to the next.
const PACE: Duration = Duration::from_secs(3);
/// How long a member stays away, about.
const AWAY: Duration = Duration::from_millis(1_000);

/// Five members and nobody else. Each loses this share of what comes in.
struct Group {
    deployment: Deployment,
    loss: Option<f64>,
}

impl Group {
    async fn up(loss: Option<f64>) -> Group {
        let deployment = Deployment::prepare(1, |config| {
            let ports = free_ports(2 * usize::from(MEMBERS)).expect("free ports");
            let member = |(id, two): (u8, &[u16])| Replica {
                id,
                address: Address::loopback(two[0]),
                listen: None,
                metrics: None,
                datagrams: Some(Address::loopback(two[1])),
                join: false,
            };
            config.customers.replicas = (1..).zip(ports.chunks_exact(2)).map(member).collect();
            config.customers.secret = Some("a secret of the tests".to_owned());
        });
        let group = Group { deployment, loss };
        group.members().into_iter().for_each(|member| group.start(member));
        group.all_take_part().await;
        group
    }

    fn members(&self) -> Vec<ServiceId> {
        self.deployment.all(ServiceKind::Customers)
    }

    fn start(&self, member: ServiceId) {
        let flags = self.loss.map(|share| ["--drop".to_owned(), share.to_string()]);
        let flags: Vec<&str> = flags.iter().flatten().map(String::as_str).collect();
        self.deployment.start_with(member, &flags);
    }

    async fn all_take_part(&self) {
        for member in self.members() {
            until(&format!("{member} to take part"), async || {
                let status = self.deployment.status(member).await?;
                (status.counters.get("takes_part") == Some(&1)).then_some(())
            })
            .await;
        }
    }

    async fn load(&self, how_long: Duration) -> Report {
        let args = BroadcastArgs {
            config: self.deployment.args(),
            duration: Period::millis(how_long.as_millis() as u64),
            count: None,
            clients: 16,
            seed: 1,
            patience: Period::seconds(60),
            json: false,
        };
        let report = broadcast::run(&args).await.expect("a run");
        println!("{}", report.text());
        report
    }

    /// Kills one member after another, for a while.
    async fn chaos(&self, until: Instant) -> u64 {
        let mut chance = ChaCha8Rng::seed_from_u64(setting("BAZAAR_CHAOS_SEED", 1));
        let members = self.members();
        let (mut kills, mut next) = (0, Instant::now());
        loop {
            next += PACE;
            if next >= until {
                sleep_until(until).await;
                return kills;
            }
            sleep_until(next).await;
            let victim = members[chance.random_range(0..members.len())];
            self.deployment.kill(victim).await;
            kills += 1;
            sleep(AWAY.mul_f64(chance.random_range(0.2..1.8))).await;
            self.start(victim);
        }
    }

    /// What each member's folder holds, after everybody stopped.
    async fn stores(&self) -> Vec<(Position, ChainHash, Vec<Row>)> {
        self.deployment.stop_all().await;
        let group = format!("{}/customers", self.deployment.config.cluster);
        let look = |member: ServiceId| {
            let identity = LogIdentity::new(&group, member.id).expect("a short name");
            let options = Options { look_only: true, ..Options::new(identity) };
            let found = recover(&self.deployment.data_of(member), &options).expect("a good folder");
            let (at, hash) = (found.recovered.applied, found.recovered.applied_hash);
            // Facts are each disk's own.
            (at, hash, found.rows.into_iter().filter(|row| row.table != Table::Facts).collect())
        };
        self.members().into_iter().map(look).collect()
    }
}

fn good(report: &Report) {
    assert!(report.passed(), "{}", report.text());
}

fn all_equal(stores: &[(Position, ChainHash, Vec<Row>)], report: &Report) {
    for store in &stores[1..] {
        assert_eq!((store.0, store.1), (stores[0].0, stores[0].1));
        assert!(store.2 == stores[0].2, "the same commands gave other rows");
    }
    assert!(stores[0].0 >= report.acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_members_take_requests_and_hold_the_same() {
    let group = Group::up(None).await;
    let report = group.load(Duration::from_secs(2)).await;
    good(&report);
    all_equal(&group.stores().await, &report);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_over_a_bad_network_while_members_are_killed() {
    let group = Group::up(Some(0.2)).await;
    let how_long = how_long();
    let until = Instant::now() + how_long;
    let (report, kills) = tokio::join!(group.load(how_long), group.chaos(until));
    println!("killed: {kills} members");
    good(&report);
    assert!(kills > how_long.as_secs() / 6, "{kills} kills");
    group.all_take_part().await;
    all_equal(&group.stores().await, &report);
}
