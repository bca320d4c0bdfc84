//! What a service's metrics say beyond what is counted on the way: its state, read when somebody asks.

use std::sync::Arc;

use metrics::{counter, gauge};
use node::catalog::CatalogProcess;
use node::customers::CustomersProcess;
use node::gateway::GatewayProcess;
use node::orders::{OrdersProcess, Standing};
use node::process::Process;
use node::service::ServiceId;
use replication::contract::{Incarnation, Role, Status};
use replication::register::Configuration;

use super::role::{elects, engine_of, member_role};
use crate::datagrams::Tally;
use crate::driver::{Handle, clock};
use crate::links::Links;
use crate::telemetry::{Metrics, resident_bytes};

/// What a replica does, of which exactly one is 1.
const ROLES: [&str; 6] = ["leader", "taking_over", "follower", "learner", "joining", "member"];

/// The metrics of one service.
pub(super) struct Figures<P> {
    pub(super) handle: Handle<P>,
    pub(super) links: Arc<Links>,
    pub(super) metrics: Metrics,
}

impl<P: Process + 'static> Figures<P> {
    /// What every service has that knows the orders group.
    fn common(&self, configuration: &Configuration) {
        gauge!("bazaar_orders_leader").set(f64::from(configuration.leader.unwrap_or(0)));
        gauge!("bazaar_orders_epoch").set(configuration.epoch as f64);
        gauge!("bazaar_orders_in_sync").set(configuration.in_sync.len() as f64);
        gauge!("bazaar_orders_configuration_version").set(configuration.version as f64);
        self.process();
    }

    /// What every service has.
    fn process(&self) {
        for (peer, up) in self.links.states() {
            gauge!("bazaar_link_up", "peer" => peer.to_string()).set(f64::from(u8::from(up)));
        }
        gauge!("bazaar_pending_inputs").set(self.handle.pending().inputs as f64);
        if let Some(bytes) = resident_bytes() {
            gauge!("process_resident_memory_bytes").set(bytes as f64);
        }
    }

    /// What every replica has.
    fn replica(&self, role: &str, status: &Status) {
        for known in ROLES {
            gauge!("bazaar_role", "role" => known).set(f64::from(u8::from(role == known)));
        }
        let pending = self.handle.pending();
        for (gauge, value) in [
            (gauge!("bazaar_epoch"), status.epoch),
            (gauge!("bazaar_log_end"), status.end),
            (gauge!("bazaar_log_durable"), status.durable),
            (gauge!("bazaar_log_committed"), status.commit),
            (gauge!("bazaar_log_stored"), self.handle.stored()),
            (gauge!("bazaar_pending_log_writes"), pending.log_writes as u64),
            (gauge!("bazaar_pending_store_bytes"), pending.store_bytes as u64),
        ] {
            gauge.set(value as f64);
        }
    }
}

impl Figures<CatalogProcess> {
    pub(super) fn catalog(&self, us: u8) -> String {
        let now = clock::now().time;
        let (status, register, counts) = self.handle.with(|process| {
            let state = process.state();
            let counts = [
                (gauge!("bazaar_catalog_orders"), state.law.next_number()),
                (gauge!("bazaar_catalog_outbox"), state.law.outbox_len() as u64),
                (gauge!("bazaar_catalog_keys"), state.law.keys_len() as u64),
                (gauge!("bazaar_catalog_leased_gateways"), process.leased_gateways(now) as u64),
                (gauge!("bazaar_catalog_answers_held"), process.answers_held() as u64),
            ];
            (engine_of(process), state.register.clone(), counts)
        });
        self.common(&register);
        self.replica(member_role(us, &status), &status);
        gauge!("bazaar_catalog_leader").set(f64::from(catalog_leader(us, &status)));
        gauge!("bazaar_catalog_voters").set(status.members.voters.len() as f64);
        counts.into_iter().for_each(|(gauge, value)| gauge.set(value as f64));
        self.metrics.render()
    }
}

impl Figures<CustomersProcess> {
    pub(super) fn customers(&self, datagrams: &Tally) -> String {
        let (status, role, counts) = self.handle.with(|process| {
            let (wishes, questions) = process.in_hand();
            let counts = [
                (gauge!("bazaar_customers_accounts"), process.law().accounts_len()),
                (gauge!("bazaar_customers_sessions"), process.law().sessions_len()),
                (gauge!("bazaar_customers_purchases"), process.law().purchases_len()),
                (gauge!("bazaar_customers_keys"), process.law().keys_len()),
                (gauge!("bazaar_customers_wishes_waiting"), wishes),
                (gauge!("bazaar_customers_questions_waiting"), questions),
            ];
            (process.status(), process.role(), counts)
        });
        let role = match role {
            Role::Leader => "leader",
            Role::Follower => "follower",
            Role::Member => "member",
            Role::Joining => "joining",
        };
        self.process();
        self.replica(role, &status);
        gauge!("bazaar_customers_in_turn").set(status.members.voters.len() as f64);
        counts.into_iter().for_each(|(gauge, value)| gauge.set(value as f64));
        datagrams.publish();
        self.metrics.render()
    }
}

impl Figures<OrdersProcess> {
    pub(super) fn orders(&self, us: u8, peers: &[u8]) -> String {
        let (status, configuration, role) = self.handle.with(|process| {
            (process.status(), process.configuration().clone(), role_of(us, process))
        });
        self.common(&configuration);
        self.replica(role, &status);
        gauge!("bazaar_in_sync_durable").set(status.in_sync_durable as f64);
        for peer in peers.iter().filter(|peer| **peer != us) {
            let matched = status.matched.iter().find(|(id, _)| id == peer);
            // Only a leader knows; an older answer of its own must not stay.
            let lag = matched.map_or(0, |(_, matched)| status.end.saturating_sub(*matched));
            let lag = if status.leads { lag } else { 0 };
            gauge!("bazaar_peer_lag", "peer" => ServiceId::orders(*peer).to_string())
                .set(lag as f64);
        }
        self.metrics.render()
    }
}

/// Who leads the catalog's group as this replica knows it; 0: nobody.
fn catalog_leader(us: u8, status: &Status) -> u8 {
    if status.leads { us } else { status.leader.filter(|leader| *leader != us).unwrap_or(0) }
}

/// What an order replica does, in one word of [`ROLES`].
pub(super) fn role_of(us: u8, process: &OrdersProcess) -> &'static str {
    let engine = process.status();
    match process.standing() {
        Standing::Following if elects(&engine) => {
            member_role(us, &Status { leads: false, ..engine })
        }
        standing => role(us, standing, process.incarnation(), process.configuration()),
    }
}

/// An order replica counts once the set holds it, and for the disk that it has now.
fn role(
    us: u8,
    standing: Standing,
    incarnation: Incarnation,
    configuration: &Configuration,
) -> &'static str {
    let disk = configuration.incarnations.get(&us);
    let counts = configuration.in_sync.contains(&us) && disk == Some(&incarnation);
    match standing {
        Standing::Open { .. } => "leader",
        Standing::Registering | Standing::TakingOver { .. } => "taking_over",
        Standing::Following if counts => "follower",
        Standing::Following => "joining",
    }
}

impl Figures<GatewayProcess> {
    pub(super) fn gateway(&self) -> String {
        let status = self.handle.with(|process| process.status(clock::now()));
        self.common(&status.configuration);
        for (counter, value) in [
            (counter!("bazaar_cache_hits_total"), status.cache.hits),
            (counter!("bazaar_cache_misses_total"), status.cache.misses),
            (counter!("bazaar_cache_fills_total"), status.cache.fills),
            (counter!("bazaar_cache_evictions_total"), status.cache.evictions),
            (counter!("bazaar_cache_invalidations_total"), status.cache.invalidations),
            (counter!("bazaar_resends_total"), status.resends),
            (counter!("bazaar_shed_total"), status.shed),
            (counter!("bazaar_elections_proposed_total"), status.proposals),
        ] {
            counter.absolute(value);
        }
        gauge!("bazaar_cache_entries").set(status.cache.len as f64);
        gauge!("bazaar_cache_lease_seconds").set(status.cache.lease_left.0 as f64 / 1e6);
        gauge!("bazaar_cache_readers_waiting").set(status.cache.readers as f64);
        gauge!("bazaar_requests_waiting").set(status.errands as f64);
        gauge!("bazaar_leader_live").set(f64::from(u8::from(status.leader_live)));
        self.metrics.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_only_for_the_disk_that_the_set_means() {
        let known = |in_sync: &[u8], disk| Configuration {
            in_sync: in_sync.iter().copied().collect(),
            incarnations: [(2, disk)].into(),
            ..Configuration::default()
        };
        let role = |standing, configuration: &Configuration| role(2, standing, 7, configuration);
        assert_eq!(role(Standing::Following, &known(&[1, 2], 7)), "follower");
        assert_eq!(role(Standing::Following, &known(&[1, 2], 6)), "joining");
        assert_eq!(role(Standing::Following, &known(&[1], 7)), "joining");
        assert_eq!(role(Standing::TakingOver { epoch: 1 }, &known(&[2], 7)), "taking_over");
        assert_eq!(role(Standing::Open { epoch: 1 }, &known(&[2], 7)), "leader");
    }
}
