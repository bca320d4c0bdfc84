//! The watcher of a group that elects its own leader: who leads, who belongs to it, and whether its replicas agree.

use std::collections::{BTreeMap, BTreeSet};

use node::limits::LEASE;
use node::service::{ServiceId, ServiceKind};
use replication::contract::{
    ChainHash, Changed, Epoch, Members, Position, ReplicaId, Role, Status,
};

use crate::invariants::one_leader_per_epoch::Leaders;
use crate::invariants::{Broken, applied_is_on_a_majority, one_leader_per_term};
use crate::marks::Marks;
use crate::world::host::Host;

/// So many of the last sets of voters may have committed what is applied now: several changes may be delivered at once.
const VIEWS: usize = 3;

/// What is known of a group.
pub struct GroupWatch {
    kind: ServiceKind,
    leaders: Leaders,
    /// The highest term somebody was seen to lead in, and on which host.
    newest: Option<(Epoch, usize)>,
    /// In which term each process believes to lead.
    reigns: BTreeMap<usize, Epoch>,
    /// Since when those lead that followed another leader and did not answer anything yet.
    closed: BTreeMap<usize, u64>,
    /// Members by the replica that applied most, and how much that is.
    members: (u64, Members),
    /// Whoever applied everything up to here knows these members.
    changed_at: Position,
    /// Sets of voters as each process saw them, newest last.
    views: BTreeMap<usize, Vec<BTreeSet<ReplicaId>>>,
    /// Replicas that are or were members with the disk they have.
    joined: BTreeSet<ReplicaId>,
    /// Sets of voters that anybody saw.
    seen: Vec<BTreeSet<ReplicaId>>,
    /// What disks held that were lost since.
    wiped: BTreeMap<usize, Position>,
}

impl GroupWatch {
    /// Members as they are configured at first.
    pub fn new(kind: ServiceKind, first: u8) -> Self {
        let voters: BTreeSet<ReplicaId> = (1..=first).collect();
        let members = Members { voters: voters.clone(), learners: BTreeSet::new() };
        GroupWatch {
            kind,
            leaders: one_leader_per_term::leaders(kind),
            newest: None,
            reigns: BTreeMap::new(),
            closed: BTreeMap::new(),
            members: (0, members),
            changed_at: 0,
            views: BTreeMap::new(),
            seen: vec![voters.clone()],
            joined: voters,
            wiped: BTreeMap::new(),
        }
    }

    /// On which host somebody leads in the highest term that was seen; the first host before anybody led.
    pub fn leader(&self) -> usize {
        self.newest.map_or(0, |(_, host)| host)
    }

    /// Does this process believe that it leads?
    pub fn leads(&self, host: usize) -> bool {
        self.reigns.contains_key(&host)
    }

    /// Does it believe so though another one was elected since?
    pub fn is_stale_leader(&self, host: usize) -> bool {
        let reign = self.reigns.get(&host);
        reign.is_some_and(|term| self.newest.is_some_and(|(newest, _)| newest > *term))
    }

    /// How many vote.
    pub fn voters(&self) -> usize {
        self.members.1.voters.len()
    }

    /// Is this replica a member, voting or not?
    pub fn is_member(&self, id: ReplicaId) -> bool {
        self.members.1.voters.contains(&id) || self.members.1.learners.contains(&id)
    }

    /// Does it vote?
    pub fn is_voter(&self, id: ReplicaId) -> bool {
        self.members.1.voters.contains(&id)
    }

    /// Was it one with the disk it has now?
    pub fn was_member(&self, id: ReplicaId) -> bool {
        self.joined.contains(&id)
    }

    /// It has a disk that never was a member's.
    pub fn fresh(&mut self, id: ReplicaId) {
        self.joined.remove(&id);
    }

    /// Was nothing said yet about who votes as this process sees it?
    pub fn wants_view(&self, host: usize) -> bool {
        self.views.get(&host).is_none_or(Vec::is_empty)
    }

    /// A process took its inputs; this is how its engine stands now, before the effects are performed.
    pub fn burst(&mut self, host: usize, status: Option<&Status>) {
        let Some(status) = status else { return };
        let voters = &status.members.voters;
        let views = self.views.entry(host).or_default();
        if views.last() != Some(voters) {
            views.push(voters.clone());
        }
        if !self.seen.contains(voters) {
            self.seen.push(voters.clone());
        }
        if status.commit >= self.members.0 {
            if self.members.1 != status.members {
                self.changed_at = status.commit;
            }
            self.members = (status.commit, status.members.clone());
            self.joined.extend(voters.iter().chain(&status.members.learners));
        }
    }

    /// A process says what it is in its group now.
    pub fn role(
        &mut self,
        host: usize,
        id: ReplicaId,
        now: u64,
        changed: &Changed,
        marks: &mut Marks,
    ) -> Result<(), Broken> {
        self.closed.remove(&host);
        if changed.role != Role::Leader {
            self.reigns.remove(&host);
            return Ok(());
        }
        self.reigns.insert(host, changed.epoch);
        self.leaders.saw(changed.epoch, id)?;
        let Some((before, _)) = self.newest else {
            self.newest = Some((changed.epoch, host));
            return Ok(());
        };
        if changed.epoch > before {
            marks.hit(match self.kind {
                ServiceKind::Catalog => "catalog elections",
                _ => "raft orders elections",
            });
            self.closed.insert(host, now);
            self.newest = Some((changed.epoch, host));
        }
        Ok(())
    }

    /// A replica speaks as only the leader of a term may.
    pub fn spoke(&mut self, id: ReplicaId, term: Epoch) -> Result<(), Broken> {
        self.leaders.saw(term, id)
    }

    /// A catalog sends what leaves only through its gate: did the first answer of its reign wait for old leases to end?
    pub fn answered(&mut self, host: usize, now: u64, marks: &mut Marks) {
        let Some(since) = self.closed.remove(&host) else { return };
        let waited = now.saturating_sub(since) >= LEASE.0 - LEASE.0 / 50;
        marks.hit(if waited { "waited-out openings" } else { "early openings" });
    }

    /// A process died.
    pub fn died(&mut self, host: usize) {
        self.reigns.remove(&host);
        self.closed.remove(&host);
        self.views.remove(&host);
    }

    /// A disk is lost that held everything up to here.
    pub fn wiped(&mut self, host: usize, end: Position) {
        let held = self.wiped.entry(host).or_default();
        *held = end.max(*held);
    }

    /// A replica takes a snapshot: whatever voters it knew until now, these are others.
    pub fn restores(&mut self, host: usize) {
        self.views.insert(host, Vec::new());
    }

    /// A replica applied this prefix: is it where no failure that is tolerated reaches it?
    pub fn applied(
        &self,
        hosts: &[Host],
        host: usize,
        position: Position,
        hash: ChainHash,
    ) -> Result<(), Broken> {
        let Some(own) = self.views.get(&host) else { return Ok(()) };
        // A change of members counts once it is applied, so an entry may have been committed by the voters before it; what a process
        // replays when it starts, or takes as a snapshot, by others still.
        let views: Vec<&BTreeSet<ReplicaId>> = match own.len() {
            0 | 1 => self.seen.iter().collect(),
            _ => own.iter().rev().take(VIEWS).collect(),
        };
        let held = |id| self.holds(hosts, id, position, hash);
        applied_is_on_a_majority::judge(held, &views, position)
    }

    /// Is this very prefix on the disk of that replica, or was it on one that it lost since?
    pub fn holds(
        &self,
        hosts: &[Host],
        id: ReplicaId,
        position: Position,
        hash: ChainHash,
    ) -> bool {
        let service = ServiceId { kind: self.kind, id };
        let found = hosts.iter().position(|host| host.service == service);
        found.is_some_and(|index| {
            self.wiped.get(&index).is_some_and(|end| position <= *end)
                || hosts[index].disk.as_ref().is_some_and(|disk| disk.holds(position, hash))
        })
    }

    /// Do enough voters to elect a leader know who votes, even after a crash, without the replica on this host?
    pub fn known_without(&self, hosts: &[Host], without: usize) -> bool {
        let others = hosts.iter().enumerate().filter(|(index, _)| *index != without);
        let voters = others
            .filter(|(_, host)| host.service.kind == self.kind && self.is_voter(host.service.id));
        let know = voters
            .filter_map(|(_, host)| host.disk.as_ref())
            .filter(|disk| disk.stored().max(disk.state().commit) >= self.changed_at);
        know.count() > self.voters() / 2
    }

    /// Who votes, by the replica that applied most.
    pub fn voting(&self) -> &BTreeSet<ReplicaId> {
        &self.members.1.voters
    }
}
