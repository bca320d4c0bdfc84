//! Faults at work: each action done to the world, and undone in time.

use std::collections::BTreeSet;

use node::process::Input;
use node::service::ServiceKind;

use super::faults::{Action, Target};
use super::{Event, World};
use crate::invariants::Violation;

/// How long a process may take to stop in good order, in µs.
const DRAIN_TIME: u64 = 1_500_000;

impl World<'_> {
    /// A random fault, and the next one.
    pub(super) fn fault(&mut self) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        if let Some(action) = self.scenario.faults.next(&mut self.rng, self.layout) {
            self.act(action)?;
        }
        let at = self.now + 1_000 + self.rng.exponential(self.scenario.faults.gap);
        self.queue.push(at, Event::Fault);
        Ok(())
    }

    /// Does something to the world.
    pub(super) fn act(&mut self, action: Action) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        self.trace.line(self.now, || format!("FAULT {action:?}"));
        match action {
            Action::Crash { target, down } => self.kill(target, down)?,
            Action::PowerCut { down } => self.power_cut(down)?,
            Action::Pause { target, lasting } => {
                self.marks.hit("pauses");
                self.pause(self.resolve(target), lasting);
            }
            Action::Block { from, to, both, lasting } => {
                self.marks.hit(if both { "partitions" } else { "one-way partitions" });
                self.block(self.resolve(from), self.resolve(to), both, lasting);
            }
            Action::Isolate { target, inward, outward, lasting } => {
                self.isolate(target, inward, outward, lasting);
            }
            Action::Split { from, to, both, lasting } => self.split(&from, &to, both, lasting),
            Action::AddMember { target } => self.wish_member(self.resolve(target), true),
            Action::RemoveMember { target } => self.wish_member(self.resolve(target), false),
            Action::Slow { target, times, lasting } => {
                self.marks.hit("slow disks");
                let host = self.resolve(target);
                self.slow_disk(host, times);
                self.queue.push(self.now + lasting, Event::DiskNormal { host });
            }
            Action::LoseDisk { target, down } => self.lose_disk(target, down)?,
            Action::WallJump { target, by_ms } => {
                self.marks.hit("wall clock jumps");
                let host = self.resolve(target);
                self.hosts[host].clock.jump_wall(by_ms);
            }
            Action::Drain { target, down } => self.drain(self.resolve(target), down),
        }
        Ok(())
    }

    /// Which host a target is now.
    pub(super) fn resolve(&self, target: Target) -> usize {
        let layout = self.layout;
        let leader = layout.orders(self.watch.leader().unwrap_or(layout.orders));
        match target {
            Target::Catalog(id) => layout.catalog(id),
            Target::CatalogLeader => self.watch.catalogs.leader(),
            Target::CatalogFollower(nth) => {
                let leader = self.watch.catalogs.leader();
                let members = (0..usize::from(layout.catalogs))
                    .filter(|host| *host != leader)
                    .filter(|host| self.watch.catalogs.is_member(self.hosts[*host].service.id));
                nth_of(members, nth, leader)
            }
            Target::Orders(id) => layout.orders(id),
            Target::Leader => leader,
            Target::Follower(nth) => {
                let all = (1..=layout.orders).map(|id| layout.orders(id));
                nth_of(all.filter(|host| *host != leader), nth, leader)
            }
            Target::Gateway(id) => layout.gateway(id),
        }
    }

    fn kill(&mut self, target: Target, down: u64) -> Result<(), Violation> {
        let host = self.resolve(target);
        if !self.hosts[host].is_up() {
            return Ok(());
        }
        let kind = self.hosts[host].service.kind;
        let leads = match kind {
            ServiceKind::Catalog => self.watch.catalogs.leads(host),
            _ => self.watch.leader().map(|id| self.layout.orders(id)) == Some(host),
        };
        self.marks.hit(match (kind, leads) {
            (ServiceKind::Catalog, true) if self.scenario.group.elects => "catalog leader crashes",
            (ServiceKind::Catalog, _) => "catalog crashes",
            (ServiceKind::Gateway, _) => "gateway crashes",
            (ServiceKind::Orders, true) if self.watch.orders.is_some() => {
                "raft orders leader crashes"
            }
            (ServiceKind::Orders, true) => "leader crashes",
            (ServiceKind::Orders, false) => "follower crashes",
            (ServiceKind::Customers, _) => unreachable!("no world has customers"),
        });
        self.crash(host, down)
    }

    fn power_cut(&mut self, down: u64) -> Result<(), Violation> {
        self.marks.hit("power cuts");
        for host in 0..self.hosts.len() {
            let more = self.rng.below(300_000);
            self.crash(host, down + more)?;
        }
        Ok(())
    }

    fn block(&mut self, from: usize, to: usize, both: bool, lasting: u64) {
        if from == to {
            return;
        }
        let directions = [(from, to), (to, from)];
        for (from, to) in directions.into_iter().take(1 + usize::from(both)) {
            self.net.block(from, to);
            self.queue.push(self.now + lasting, Event::Unblock { from, to });
        }
        // A connection that carries nothing breaks in the end.
        if self.rng.chance(0.5) {
            let at = self.now + self.rng.between_log(20_000, 2_000_000);
            let generation = self.net.generation(from, to);
            self.queue.push(at, Event::Break { a: from, b: to, generation });
        }
    }

    fn isolate(&mut self, target: Target, inward: bool, outward: bool, lasting: u64) {
        self.marks.hit(if inward && outward { "partitions" } else { "one-way partitions" });
        let host = self.resolve(target);
        for peer in (0..self.hosts.len()).filter(|peer| *peer != host) {
            match (inward, outward) {
                (true, true) => self.block(host, peer, true, lasting),
                (true, false) => self.block(peer, host, false, lasting),
                _ => self.block(host, peer, false, lasting),
            }
        }
    }

    fn split(&mut self, from: &[Target], to: &[Target], both: bool, lasting: u64) {
        let side = |targets: &[Target]| -> BTreeSet<usize> {
            targets.iter().map(|target| self.resolve(*target)).collect()
        };
        let (from, to) = (side(from), side(to));
        let orders = from.iter().chain(&to).all(|host| self.hosts[*host].is_orders());
        self.marks.hit(match (orders, both) {
            (true, _) => "raft orders split",
            (false, true) => "split catalogs",
            (false, false) => "catalogs split one way",
        });
        for (a, b) in from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))) {
            // A target that did not resolve to a host of its own stands on both sides: it is cut from nobody.
            if !to.contains(&a) && !from.contains(&b) {
                self.block(a, b, both, lasting);
            }
        }
    }

    pub(super) fn slow_disk(&mut self, host: usize, times: u64) {
        if let Some(disk) = self.hosts[host].disk.as_mut() {
            disk.slow_down(times);
        }
    }

    /// A disk may only be lost while the others still have everything that was promised.
    fn lose_disk(&mut self, target: Target, down: u64) -> Result<(), Violation> {
        let host = self.resolve(target);
        match self.hosts[host].service.kind {
            ServiceKind::Orders if self.watch.orders.is_some() => {
                if self.voter_is_expendable(host) {
                    self.marks.hit("raft orders disks lost");
                    self.wipe(host, down)?;
                    self.wish_replaced(host);
                }
                Ok(())
            }
            ServiceKind::Orders if self.expendable(host) => {
                self.marks.hit("disks lost");
                self.wipe(host, down)
            }
            ServiceKind::Catalog if self.voter_is_expendable(host) => {
                self.marks.hit("catalog disks lost");
                self.wipe(host, down)?;
                // Started as before, or as an operator starts a new one: either way it must be added to count. But the only
                // founder of a group would found another one.
                self.hosts[host].joining = self.scenario.group.members == 1 || self.rng.chance(0.5);
                self.wish_replaced(host);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Kills the process, if it runs, and gives its machine an empty disk.
    pub(super) fn wipe(&mut self, host: usize, down: u64) -> Result<(), Violation> {
        self.crash(host, down)?;
        let end = self.hosts[host].disk.as_ref().map_or(0, |disk| disk.durable_end());
        if let Some(group) = self.watch.group(self.hosts[host].service.kind) {
            group.wiped(host, end);
        }
        let later = 1 + self.rng.below(1_000);
        if let Some(disk) = self.hosts[host].disk.as_mut() {
            // Incarnations of one replica grow, as those made from the date do.
            disk.wipe(disk.incarnation() + later);
        }
        self.trace.line(self.now, || format!("the disk of host {host} is lost"));
        Ok(())
    }

    fn expendable(&self, host: usize) -> bool {
        // Trims under way count as done: whatever a leader ever let go of must stand on another disk.
        let needed = self.watch.trimmed_below();
        self.hosts.iter().enumerate().filter(|(other, _)| *other != host).any(|(_, other)| {
            let disk = other.disk.as_ref().filter(|_| other.is_orders());
            disk.is_some_and(|disk| disk.durable_end() >= needed)
        })
    }

    fn drain(&mut self, host: usize, down: u64) {
        let target = &mut self.hosts[host];
        if !target.is_up() || target.draining.is_some() {
            return;
        }
        self.marks.hit("drains");
        target.draining = Some(down);
        let instance = target.instance;
        self.push_input(host, Input::Drain);
        self.queue.push(self.now + DRAIN_TIME, Event::DrainOver { host, instance });
    }

    pub(super) fn drained(&mut self, host: usize) -> Result<(), Violation> {
        let Some(down) = self.hosts[host].draining else { return Ok(()) };
        self.marks.hit("drained in time");
        if self.watch.drained(host, self.hosts[host].service) {
            let catalog = self.hosts[host].is_catalog();
            self.marks.hit(if catalog { "catalog hand-overs" } else { "hand-overs" });
        }
        self.crash(host, down)
    }

    pub(super) fn drain_over(&mut self, host: usize, instance: u32) -> Result<(), Violation> {
        let target = &self.hosts[host];
        match target.draining {
            Some(down) if target.instance == instance => self.crash(host, down),
            _ => Ok(()),
        }
    }

    /// All troubles end; from now on everything must come to a good end.
    pub(super) fn heal(&mut self) {
        self.trace.line(self.now, || "HEALED".to_owned());
        self.healed = true;
        self.net.heal();
        for host in 0..self.hosts.len() {
            self.slow_disk(host, 1);
            let instance = self.hosts[host].instance;
            if self.hosts[host].is_up() {
                self.hosts[host].pauses = self.hosts[host].pauses.min(1);
                self.resume(host, instance);
            } else {
                let at = self.now + self.rng.below(300_000);
                self.queue.push(at, Event::Restart { host, instance });
            }
        }
        self.clients.insist();
        let tail = self.rng.between(100_000, 500_000);
        self.queue.push(self.now + tail, Event::Close);
        self.queue.push(self.now + tail + 1_000, Event::Check);
    }
}

fn nth_of(of: impl Iterator<Item = usize>, nth: u8, otherwise: usize) -> usize {
    let of: Vec<usize> = of.collect();
    of.get(usize::from(nth) % of.len().max(1)).copied().unwrap_or(otherwise)
}
