//! Waiting for conditions, and asking services how they are.

use std::time::Duration;

use bazaar::cli::audit::{AuditArgs, Outcome, Weight, audit};
use bazaar::config::OrdersProtocol;
use bazaar::links::inspect_client;
use node::service::{ServiceId, ServiceKind};
use replication::register::Configuration;
use tokio::time::{Instant, sleep};
use wire::inspect::{CatalogState, Status};

use super::Deployment;

/// Longest that a test waits for anything. Far more than the system needs, because machines that run tests are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at a condition.
pub(super) const GLANCE: Duration = Duration::from_millis(15);

/// Looks until there is something; fails the test when that takes too long.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        sleep(GLANCE).await;
    }
}

impl Deployment {
    /// What a service says of itself, if it answers.
    pub(crate) async fn status(&self, service: ServiceId) -> Option<Status> {
        let address = self.config.grpc_address(service)?.to_string();
        inspect_client(&address).await.ok()?.status().await.ok()
    }

    /// What the most advanced catalog replica holds.
    pub(crate) async fn catalog(&self) -> CatalogState {
        until("the catalog's state", async || {
            let leader = self.catalog_leading().await?;
            let address = self.config.grpc_address(leader)?.to_string();
            inspect_client(&address).await.ok()?.catalog().await.ok()
        })
        .await
    }

    /// Who leads the catalog's group now, if anybody does: of several that believe it, the one of the highest term.
    pub(crate) async fn catalog_leading(&self) -> Option<ServiceId> {
        Some(self.catalog_led().await?.service)
    }

    /// What the leader of the catalog's group says of itself.
    async fn catalog_led(&self) -> Option<Status> {
        let mut led: Option<Status> = None;
        let term = |status: &Status| status.engine.as_ref().map_or(0, |engine| engine.epoch);
        for catalog in self.all(ServiceKind::Catalog).into_iter().filter(|id| self.answers(*id)) {
            let Some(status) = self.status(catalog).await else { continue };
            let leads = status.engine.as_ref().is_some_and(|engine| engine.leads);
            if leads && led.as_ref().is_none_or(|before| term(before) < term(&status)) {
                led = Some(status);
            }
        }
        led
    }

    /// Waits until somebody leads the catalog's group.
    pub(crate) async fn catalog_leader(&self) -> ServiceId {
        until("a leader of the catalog", async || {
            self.all_stand();
            self.catalog_leading().await
        })
        .await
    }

    /// Waits until somebody else leads the catalog's group.
    pub(crate) async fn catalog_leader_after(&self, old: ServiceId) -> ServiceId {
        until("another leader of the catalog", async || {
            self.all_stand();
            self.catalog_leading().await.filter(|leader| *leader != old)
        })
        .await
    }

    /// Waits until every catalog that runs has come as far as the leader is now.
    pub(crate) async fn catalogs_level(&self) {
        let end = async || Some(self.catalog_led().await?.engine?.commit);
        let end = until("the catalog's end", end).await;
        for catalog in self.all(ServiceKind::Catalog).into_iter().filter(|id| self.answers(*id)) {
            until(&format!("{catalog} to come to {end}"), async || {
                self.all_stand();
                let commit = self.status(catalog).await?.engine?.commit;
                (commit >= end).then_some(())
            })
            .await;
        }
    }

    /// Whether all catalogs follow one leader: without any one of them a majority goes on.
    pub(crate) async fn catalogs_follow_one(&self) -> bool {
        let Some(leader) = self.catalog_leading().await else { return false };
        for catalog in self.all(ServiceKind::Catalog) {
            let engine = self.status(catalog).await.and_then(|status| status.engine);
            if engine.and_then(|engine| engine.leader) != Some(leader.id) {
                return false;
            }
        }
        true
    }

    /// The register, as the catalog has it now, if the catalog answers.
    pub(crate) async fn register(&self) -> Option<Configuration> {
        Some(self.catalog_led().await?.configuration)
    }

    /// Waits until the register satisfies a wish.
    pub(crate) async fn register_when(
        &self,
        what: &str,
        wish: impl Fn(&Configuration) -> bool,
    ) -> Configuration {
        until(what, async || {
            self.all_stand();
            self.register().await.filter(&wish)
        })
        .await
    }

    /// Waits until somebody leads the orders.
    pub(crate) async fn leader(&self) -> ServiceId {
        let led = self.register_when("a leader", |register| register.leader.is_some()).await;
        ServiceId::orders(led.leader.expect("just seen"))
    }

    /// Waits until somebody else leads the orders, and serves.
    pub(crate) async fn leader_after(&self, old: ServiceId) -> ServiceId {
        until("another leader that serves", async || {
            self.all_stand();
            let leader = ServiceId::orders(self.register().await?.leader?);
            let status = self.status(leader).await.filter(|_| leader != old)?;
            (status.counters.get("serves_as_leader") == Some(&1)).then_some(leader)
        })
        .await
    }

    /// Waits until every gateway that runs can serve a trade.
    pub(crate) async fn ready(&self) {
        for gateway in self.all(ServiceKind::Gateway).into_iter().filter(|id| self.runs(*id)) {
            let mut client = self.client(gateway.id);
            until(&format!("{gateway} to be ready"), async || {
                self.all_stand();
                let answer = client.attempt("GET", "/readyz", &[], "").await.ok()?;
                (answer.status == 200).then_some(())
            })
            .await;
        }
    }

    /// Waits until somebody leads and all order replicas are in sync with it; trades may go on.
    pub(crate) async fn all_in_sync(&self) {
        self.register_when("all replicas to be in sync", |register| self.is_in_sync(register))
            .await;
    }

    /// A leader, and under primary-backup all replicas in its set. (One that its group elected has the set to itself.)
    fn is_in_sync(&self, register: &Configuration) -> bool {
        let set = match self.config.orders.protocol {
            OrdersProtocol::PrimaryBackup => self.replicas(),
            OrdersProtocol::Raft => register.leader.into_iter().collect(),
        };
        register.leader.is_some() && set.iter().eq(register.in_sync.iter())
    }

    /// Of a group that elects: every replica has the whole log, as its leader knows.
    async fn log_is_level(&self, leader: u8) -> Option<()> {
        if self.config.orders.protocol == OrdersProtocol::PrimaryBackup {
            return Some(());
        }
        let engine = self.status(ServiceId::orders(leader)).await?.engine?;
        let all = engine.matched.len() + 1 == self.replicas().len();
        let level = engine.matched.iter().all(|(_, matched)| *matched == engine.end);
        (all && level && engine.commit == engine.end).then_some(())
    }

    /// Waits until all order replicas are in sync, and the disk of each holds every order.
    pub(crate) async fn level(&self) {
        until("all replicas to be level", async || {
            self.all_stand();
            let catalog = self.catalog_led().await?;
            let orders = *catalog.counters.get("orders")?;
            let register = catalog.configuration;
            self.is_in_sync(&register).then_some(())?;
            self.log_is_level(register.leader?).await?;
            for replica in self.all(ServiceKind::Orders) {
                let status = self.status(replica).await?;
                (*status.counters.get("orders_stored")? == orders).then_some(())?;
            }
            Some(())
        })
        .await;
    }

    /// Waits until this many more orders were made: by somebody else, who trades meanwhile.
    pub(crate) async fn progress(&self, more: u64) {
        let count = async || {
            let catalog = self.catalog_led().await?;
            catalog.counters.get("orders").copied()
        };
        let before = until("the catalog to answer", count).await;
        until(&format!("{more} more orders"), async || {
            self.all_stand();
            count().await.filter(|now| *now >= before + more)
        })
        .await;
    }

    /// Fails the test if a service ended by itself.
    pub(crate) fn all_stand(&self) {
        let fallen = self.fallen();
        assert!(fallen.is_empty(), "ended by themselves: {fallen:?}");
    }

    /// Audits; everything must add up, and every replica be level.
    pub(crate) async fn audit(&self) -> Outcome {
        self.all_stand();
        self.audited(false).await
    }

    /// Audits the folders.
    pub(crate) async fn audit_offline(&self) -> Outcome {
        self.audited(true).await
    }

    /// Audits the folders of a deployment that was stopped in the midst of something: no promise may be broken, but what the
    /// catalog has decided may still wait in its outbox.
    pub(crate) async fn sound_offline(&self) {
        let outcome = self.outcome(true).await;
        let found = &outcome.disagreements;
        let sound = found.iter().all(|one| one.weight() < Weight::Violation);
        let whole = outcome.unreachable.is_empty();
        assert!(outcome.report.is_sound() && sound && whole, "{}\n{found:?}", outcome.report);
    }

    async fn audited(&self, offline: bool) -> Outcome {
        let outcome = self.outcome(offline).await;
        let (gone, found) = (&outcome.unreachable, &outcome.disagreements);
        assert!(outcome.passes(), "{}\nunreachable: {gone:?}\n{found:?}", outcome.report);
        outcome
    }

    async fn outcome(&self, offline: bool) -> Outcome {
        let wait = PATIENCE.as_secs();
        let args = AuditArgs { config: self.args(), offline, wait, json: false };
        audit(args).await.expect("an audit")
    }

    /// Everybody is back: serving, level, and in agreement.
    pub(crate) async fn settled(&self) {
        self.ready().await;
        self.level().await;
        self.catalogs_level().await;
        self.audit().await;
    }
}
