//! An operator: takes replicas out of groups that keep their own members and in again, one at a time, and does not give up.
//!
//! A replica whose disk was lost is locked out by its group. It is removed, then added under its new disk. One that left the
//! group comes back with a new disk only, as its old one is void for ever.

use std::collections::VecDeque;

use node::process::Input;
use node::service::ServiceKind;
use replication::contract::{MemberChange, Members, ReplicaId};

use super::host::Host;
use super::{Event, World};
use crate::invariants::Violation;

/// How often the operator looks, in µs.
const ROUND: u64 = 60_000;

/// Fewest voters that an operator leaves a group with.
const FEWEST: usize = 2;

/// Whose log reaches this far has the roll that a group begins with, and commands behind it.
const BEGUN: u64 = 12;

/// What the operator is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// The replica on this host is no member.
    Out(usize),
    /// The catalog on this host has a disk that was no member's.
    Fresh(usize),
    /// The replica on this host votes, with the disk it has now.
    In(usize),
}

/// Wishes, oldest first.
#[derive(Default)]
pub(super) struct Operator {
    wishes: VecDeque<Wish>,
    /// The next look is scheduled.
    looking: bool,
}

impl Operator {
    /// Nothing left to do?
    pub(super) fn idle(&self) -> bool {
        self.wishes.is_empty()
    }
}

impl World<'_> {
    /// The disk of this member was lost: it must be taken out and in again.
    pub(super) fn wish_replaced(&mut self, host: usize) {
        self.operator
            .wishes
            .retain(|wish| !matches!(wish, Wish::Out(of) | Wish::In(of) if *of == host));
        if self.belongs(host) {
            self.wish(Wish::Out(host));
        }
        self.wish(Wish::In(host));
    }

    /// Somebody wants this catalog in the group, or out of it; a wish at a time.
    pub(super) fn wish_member(&mut self, host: usize, wanted: bool) {
        let catalogs = &self.watch.catalogs;
        let fits = catalogs.is_member(self.hosts[host].service.id) != wanted;
        if !self.scenario.group.elects || !self.operator.idle() || !fits {
            return;
        }
        if wanted {
            self.marks.hit("members wanted");
            if catalogs.was_member(self.hosts[host].service.id) {
                self.wish(Wish::Fresh(host));
            }
            self.wish(Wish::In(host));
        } else if catalogs.voters() > FEWEST && self.has_begun(ServiceKind::Catalog) {
            self.marks.hit("members unwanted");
            self.wish(Wish::Out(host));
        }
    }

    fn wish(&mut self, wish: Wish) {
        self.operator.wishes.push_back(wish);
        if !std::mem::replace(&mut self.operator.looking, true) {
            self.queue.push(self.now + ROUND, Event::Operate);
        }
    }

    /// The operator looks how its oldest wish stands, and asks the leader for what is missing.
    pub(super) fn operate(&mut self) -> Result<(), Violation> {
        while let Some(wish) = self.operator.wishes.front().copied() {
            if !self.pursue(wish)? {
                break;
            }
            self.operator.wishes.pop_front();
        }
        self.operator.looking = !self.operator.idle();
        if self.operator.looking {
            let at = self.now + ROUND / 2 + self.rng.below(ROUND);
            self.queue.push(at, Event::Operate);
        }
        Ok(())
    }

    /// True once the wish is fulfilled.
    fn pursue(&mut self, wish: Wish) -> Result<bool, Violation> {
        let (Wish::Out(host) | Wish::Fresh(host) | Wish::In(host)) = wish;
        let kind = self.hosts[host].service.kind;
        let Some((leader, members)) = self.leading(kind) else { return Ok(false) };
        match wish {
            Wish::Out(_) => {
                let id = self.hosts[host].service.id;
                if !is_member(&members, id) {
                    self.marks.hit("members removed");
                    return Ok(true);
                }
                self.ask_members(leader, MemberChange::Remove(id));
            }
            Wish::Fresh(_) => {
                self.refresh(host)?;
                return Ok(true);
            }
            Wish::In(_) => return Ok(self.bring_in(leader, &members, host)),
        }
        Ok(false)
    }

    /// A disk that left the group left it for ever: the machine gets another one, and waits to be added.
    fn refresh(&mut self, host: usize) -> Result<(), Violation> {
        let down = self.rng.between(1_000, 300_000);
        self.wipe(host, down)?;
        self.hosts[host].joining = true;
        self.revive(host, down);
        let id = self.hosts[host].service.id;
        self.watch.catalogs.fresh(id);
        Ok(())
    }

    fn bring_in(&mut self, leader: usize, members: &Members, host: usize) -> bool {
        let id = self.hosts[host].service.id;
        if members.voters.contains(&id) {
            self.marks.hit("members added");
            return true;
        }
        let disk = self.hosts[host].disk.as_ref().filter(|_| !members.learners.contains(&id));
        if let Some(disk) = disk {
            let change = MemberChange::Add(id, disk.incarnation());
            self.ask_members(leader, change);
        }
        false
    }

    /// A machine that was given up gets its process back.
    fn revive(&mut self, host: usize, after: u64) {
        if !std::mem::take(&mut self.hosts[host].retired) {
            return;
        }
        let instance = self.hosts[host].instance;
        self.queue.push(self.now + after, Event::Restart { host, instance });
    }

    fn ask_members(&mut self, leader: usize, change: MemberChange) {
        let now = self.hosts[leader].clock.now(self.now);
        let Some(process) = self.hosts[leader].process.as_mut() else { return };
        let answer = process.change_members(now, change);
        self.trace.line(self.now, || format!("operator: {change:?}: {answer:?}"));
        self.push_input(leader, Input::Tick);
    }

    /// The replica that leads its group in the highest term, of those that answer, and the members. Not one of a lower term than
    /// somebody was heard to lead in: it would say that a member is none, which was added since.
    fn leading(&self, kind: ServiceKind) -> Option<(usize, Members)> {
        let watch = self.watch.seen_group(kind);
        let group = self.hosts.iter().enumerate().filter(|(_, host)| host.service.kind == kind);
        let running = group.filter(|(_, host)| host.is_well());
        running
            .filter_map(|(index, host)| Some((index, host.process.as_ref()?.group()?)))
            .filter(|(_, status)| status.leads)
            .filter(|(index, _)| !watch.is_some_and(|group| group.is_stale_leader(*index)))
            .max_by_key(|(_, status)| status.epoch)
            .map(|(index, status)| (index, status.members))
    }

    /// The disk of such a replica may only be lost while those that are left agree on everything without it, and while no other
    /// change of members is under way. A change counts for a replica once it applied it: while only the lost one knew that a third
    /// one votes, the second would ask it for its vote for ever.
    pub(super) fn voter_is_expendable(&self, host: usize) -> bool {
        let kind = self.hosts[host].service.kind;
        let elects = kind != ServiceKind::Catalog || self.scenario.group.elects;
        let Some(group) = self.watch.seen_group(kind) else { return false };
        let enough =
            !self.belongs(host) || group.voters() >= 3 && group.known_without(&self.hosts, host);
        elects && enough && self.operator.idle() && self.has_begun(kind)
    }

    /// Is the replica on this host a member of its group, as far as anybody applied it?
    fn belongs(&self, host: usize) -> bool {
        let service = self.hosts[host].service;
        self.watch.seen_group(service.kind).is_some_and(|group| group.is_member(service.id))
    }

    /// Before the group has begun nothing can be lost, but a first voter that comes back as one that joins would keep it from beginning.
    fn has_begun(&self, kind: ServiceKind) -> bool {
        self.hosts.iter().filter(|other| other.service.kind == kind).any(|other| {
            let disk = other.disk.as_ref().filter(|_| self.votes(other));
            disk.is_some_and(|disk| disk.durable_end() >= BEGUN)
        })
    }

    fn votes(&self, host: &Host) -> bool {
        let group = self.watch.seen_group(host.service.kind);
        group.is_some_and(|group| group.is_voter(host.service.id))
    }

    /// A process stops for good: right only for a catalog that was taken out of its group. (An order replica stays, and is added
    /// again.)
    pub(super) fn halted(&mut self, host: usize, why: &str) -> Result<(), Violation> {
        let service = self.hosts[host].service;
        let out = self.hosts[host].is_catalog()
            && self.scenario.group.elects
            && !self.watch.catalogs.is_member(self.hosts[host].service.id);
        if !out {
            return Err(self.violation("never_halts", format!("{service} halts: {why}")));
        }
        self.hosts[host].retired = true;
        self.crash(host, 0)
    }
}

fn is_member(members: &Members, id: ReplicaId) -> bool {
    members.voters.contains(&id) || members.learners.contains(&id)
}
