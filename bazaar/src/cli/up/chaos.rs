//! Killing services on purpose, to show that nothing comes of it. A majority of several catalogs is always left standing:
//! without one nothing is decided, and that would show nothing.

use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::args::Target;
use super::overview;
use super::supervisor::Supervisor;
use crate::cli::catalogs::Catalogs;
use crate::config::Config;

/// Out of ten kills that may hit order replicas, so many hit the leader: its death is the most interesting one.
const LEADER_OUT_OF_TEN: u32 = 5;

/// How long a catalog may take to say whether it could be missed; one that takes longer could not help a majority either.
const GLANCE: Duration = Duration::from_millis(500);

/// What to kill, how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChaosPlan {
    pub(super) period: Duration,
    pub(super) target: Target,
    pub(super) seed: u64,
}

/// Kills one service per period, and says so. Ends only by being dropped.
pub(super) async fn run(
    config: &Config,
    supervisor: &Supervisor,
    plan: &ChaosPlan,
) -> std::convert::Infallible {
    println!("killing a service every {:?}, seed {}", plan.period, plan.seed);
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut period = tokio::time::interval(plan.period);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    period.tick().await;
    for count in 1_u64.. {
        period.tick().await;
        let (leader, catalogs) =
            tokio::join!(overview::leader(config), Catalogs::ask(config, GLANCE));
        let spared = |service: &ServiceId| {
            service.kind == ServiceKind::Catalog && !catalogs.can_spare(service.id)
        };
        let services: Vec<ServiceId> =
            config.services().into_iter().filter(|service| !spared(service)).collect();
        let Some(victim) = victim(&mut random, &services, plan.target, leader) else {
            continue;
        };
        let catalog = catalogs.leader().filter(|_| config.catalog.replicas.len() > 1);
        let leaders =
            [leader.map(ServiceId::orders), catalog.map(|(id, _)| ServiceId::catalog(id))];
        let role = if leaders.contains(&Some(victim)) { " (the leader)" } else { "" };
        match supervisor.kill(victim).await {
            Some(pid) => println!("kill {count}: {victim}{role}, process {pid}"),
            None => println!("kill {count}: {victim} is down already"),
        }
    }
    std::future::pending().await
}

/// Whom to kill next: the leader of the orders most often, else any service that is meant.
fn victim(
    random: &mut ChaCha8Rng,
    services: &[ServiceId],
    target: Target,
    leader: Option<u8>,
) -> Option<ServiceId> {
    // Both draws are made whatever comes of them, so that a seed's later kills do not hang on who led.
    let the_leader = random.random_range(0..10) < LEADER_OUT_OF_TEN;
    let draw: u32 = random.random();
    let leader = leader.map(ServiceId::orders).filter(|leader| services.contains(leader));
    if let Some(leader) = leader.filter(|_| the_leader && target.includes(ServiceKind::Orders)) {
        return Some(leader);
    }
    let meant: Vec<ServiceId> =
        services.iter().copied().filter(|service| target.includes(service.kind)).collect();
    let place = (draw as usize).checked_rem(meant.len())?;
    meant.get(place).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SERVICES: [ServiceId; 5] = [
        ServiceId::catalog(1),
        ServiceId::orders(1),
        ServiceId::orders(2),
        ServiceId::orders(3),
        ServiceId::gateway(1),
    ];

    fn kills(target: Target, leader: Option<u8>) -> BTreeMap<ServiceId, u32> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut kills = BTreeMap::new();
        for _ in 0..1_000 {
            let victim = victim(&mut random, &SERVICES, target, leader).unwrap();
            *kills.entry(victim).or_default() += 1;
        }
        kills
    }

    #[test]
    fn the_leader_dies_most_often_and_everybody_sometimes() {
        let kills = kills(Target::Any, Some(3));
        assert_eq!(kills.len(), SERVICES.len());
        let leader = kills[&ServiceId::orders(3)];
        assert!(kills.iter().all(|(service, n)| *service == ServiceId::orders(3) || *n < leader));
    }

    #[test]
    fn only_what_is_meant_is_killed() {
        let kinds = |target| {
            let kinds = kills(target, Some(2)).into_keys().map(|service| service.kind);
            kinds.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(kinds(Target::Orders), [ServiceKind::Orders].into());
        assert_eq!(kinds(Target::Catalog), [ServiceKind::Catalog].into());
        assert_eq!(kinds(Target::Gateway), [ServiceKind::Gateway].into());
    }

    #[test]
    fn a_seed_chooses_the_same_victims_and_nobody_is_nobody() {
        assert_eq!(kills(Target::Any, None), kills(Target::Any, None));
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(victim(&mut random, &[], Target::Any, Some(1)), None);
    }
}
