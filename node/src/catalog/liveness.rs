//! Who was heard of lately. Dampens elections; no promise rests on it.

use std::collections::{BTreeMap, BTreeSet};

use replication::contract::{Epoch, ReplicaId};
use replication::register::Configuration;
use replication::time::Time;

use crate::limits::{LEADER_SILENCE, SUSPICION};
use crate::service::{ServiceId, ServiceKind};

/// One gateway's standing complaint about one leader.
#[derive(Clone, Copy, Debug)]
struct Complaint {
    epoch: Epoch,
    since: Time,
    last: Time,
}

/// When the orders leader was last heard leading, and which gateways complain about it.
#[derive(Debug)]
pub(super) struct Liveness {
    led: BTreeMap<ReplicaId, Time>,
    complaints: BTreeMap<u8, Complaint>,
    started: Time,
}

impl Liveness {
    pub(super) fn new(now: Time) -> Self {
        Liveness { led: BTreeMap::new(), complaints: BTreeMap::new(), started: now }
    }

    /// This replica was just heard leading, or was just elected.
    pub(super) fn leads(&mut self, now: Time, replica: ReplicaId) {
        self.led.insert(replica, now);
    }

    /// Was the leader heard lately, over a link that stands?
    pub(super) fn leader_alive(
        &self,
        now: Time,
        leader: ReplicaId,
        links: &BTreeSet<ServiceId>,
    ) -> bool {
        let heard = self.led.get(&leader).copied().unwrap_or(self.started);
        links.contains(&ServiceId::orders(leader)) && now.since(heard) < LEADER_SILENCE
    }

    /// A gateway cannot reach the leader of this epoch. True when a majority of the linked gateways has said so for long.
    pub(super) fn complain(
        &mut self,
        now: Time,
        gateway: u8,
        register: &Configuration,
        links: &BTreeSet<ServiceId>,
    ) -> bool {
        let complaint = self.complaints.entry(gateway).or_insert(Complaint {
            epoch: register.epoch,
            since: now,
            last: now,
        });
        if complaint.epoch != register.epoch || now.since(complaint.last) > SUSPICION {
            *complaint = Complaint { epoch: register.epoch, since: now, last: now };
        }
        complaint.last = now;
        let gateways = links.iter().filter(|peer| peer.kind == ServiceKind::Gateway).count();
        let standing = self.complaints.values().filter(|complaint| {
            complaint.epoch == register.epoch
                && now.since(complaint.since) >= SUSPICION
                && now.since(complaint.last) <= SUSPICION
        });
        standing.count() * 2 > gateways
    }
}
