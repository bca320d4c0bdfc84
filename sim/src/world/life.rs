//! Life and death of processes: start from the disk, bursts of input, crash, pause, links that come and go.

use node::process::{Effect, Input};
use node::service::{ServiceId, ServiceKind};

use super::host::talk;
use super::maker::Part;
use super::{Event, World};
use crate::invariants::Violation;
use node::gateway::ClientResponse;

/// Time between ticks, in µs of virtual time: below the promised 10 ms on the fastest clock.
const TICK: u64 = 9_700;

impl World<'_> {
    /// Starts the process of a host from what its disk holds.
    pub(super) fn start(&mut self, index: usize) -> Result<(), Violation> {
        let host = &mut self.hosts[index];
        host.boots += 1;
        host.instance += 1;
        let (now, service, instance) = (host.clock.now(self.now), host.service, host.instance);
        let part = self.part(index, service);
        self.trace.line(self.now, || format!("{service} starts"));
        let made = self.maker.make(self.scenario, part, now);
        let process = made.map_err(|why| {
            self.violation("starts_from_its_disk", format!("{service} does not start: {why}"))
        })?;
        let host = &mut self.hosts[index];
        host.process = Some(process);
        host.inbox.clear();
        host.waking = false;
        host.pauses = 0;
        host.draining = None;
        host.believes_up.fill(false);
        // Sometimes the first burst is late and finds links and messages waiting already.
        if self.rng.chance(0.5) {
            self.hosts[index].waking = true;
            let at = self.now + self.rng.below(30_000);
            self.queue.push(at, Event::Wake { host: index, instance });
        }
        self.push_input(index, Input::Tick);
        let first = self.now + self.rng.below(TICK);
        self.queue.push(first, Event::Tick { host: index, instance });
        for peer in 0..self.hosts.len() {
            self.start_dialing(index, peer);
        }
        Ok(())
    }

    fn part(&self, index: usize, service: ServiceId) -> Part {
        let host = &self.hosts[index];
        let found = host.disk.as_ref().map(|disk| (disk.recovered(), disk.rows()));
        let (recovered, rows) = found.unwrap_or_default();
        let incarnation = host.disk.as_ref().map_or(0, |disk| disk.incarnation());
        let (id, boot) = (service.id, host.boots);
        match service.kind {
            ServiceKind::Catalog => {
                let joining = host.joining;
                Part::Catalog { id, boot, incarnation, joining, recovered, rows }
            }
            ServiceKind::Orders => Part::Orders { id, boot, incarnation, recovered, rows },
            ServiceKind::Customers => unreachable!("no world has customers"),
            ServiceKind::Gateway => Part::Gateway { id },
        }
    }

    /// A process takes everything that waits for it, as one burst.
    pub(super) fn wake(&mut self, index: usize, instance: u32) -> Result<(), Violation> {
        let host = &mut self.hosts[index];
        if host.instance != instance {
            return Ok(());
        }
        host.waking = false;
        if host.pauses > 0 {
            return Ok(());
        }
        let now = host.clock.now(self.now);
        let mut effects = std::mem::take(&mut self.scratch);
        let mut inbox = std::mem::take(&mut host.inbox);
        let Some(process) = host.process.as_mut() else { return Ok(()) };
        self.trace.fold((inbox.len() as u64) << 8 | index as u64);
        for input in inbox.drain(..) {
            process.handle(now, input, &mut effects);
        }
        process.flush(now, &mut effects);
        host.inbox = inbox;
        self.trace.fold(effects.len() as u64);
        // Members change with what is applied, and only then: most bursts need not be asked.
        let applied =
            |effect: &Effect| !matches!(effect, Effect::Send { .. } | Effect::Reply { .. });
        if let Some(group) = self.watch.group(host.service.kind)
            && (group.wants_view(index) || effects.iter().any(applied))
        {
            group.burst(index, process.group().as_ref());
        }
        let performed = self.perform(index, instance, &mut effects);
        effects.clear();
        self.scratch = effects;
        performed
    }

    pub(super) fn tick(&mut self, index: usize, instance: u32) {
        if self.hosts[index].instance != instance {
            return;
        }
        // A paused process gets its tick when it wakes up.
        if self.hosts[index].pauses == 0 {
            self.push_input(index, Input::Tick);
        }
        self.queue.push(self.now + TICK, Event::Tick { host: index, instance });
    }

    /// Kills the process; the disk loses what was under way.
    pub(super) fn crash(&mut self, index: usize, down: u64) -> Result<(), Violation> {
        let host = &mut self.hosts[index];
        if host.process.take().is_none() {
            return Ok(());
        }
        host.instance += 1;
        host.inbox.clear();
        host.pauses = 0;
        host.draining = None;
        let (service, instance) = (host.service, host.instance);
        self.trace.line(self.now, || format!("{service} dies, down for {} ms", down / 1_000));
        self.crash_disk(index)?;
        for peer in 0..self.hosts.len() {
            self.cut_link(index, peer);
        }
        if service.kind == ServiceKind::Gateway {
            self.forget_requests(service.id);
        }
        self.watch.died(index);
        let at = self.now + down.max(1_000);
        self.queue.push(at, Event::Restart { host: index, instance });
        Ok(())
    }

    fn crash_disk(&mut self, index: usize) -> Result<(), Violation> {
        let Some(disk) = self.hosts[index].disk.as_mut() else { return Ok(()) };
        match disk.crash(&mut self.rng) {
            Ok(kept) => {
                self.marks.add("torn tails kept in part", u64::from(kept));
                Ok(())
            }
            Err(why) => Err(self.disk_violation(index, why)),
        }
    }

    /// Clients of a dead gateway hear nothing certain.
    fn forget_requests(&mut self, gateway: u8) {
        for id in self.clients.waiting_at(gateway) {
            let at = self.now + self.rng.between(100, 3_000);
            self.queue.push(at, Event::Response { id, response: ClientResponse::Unknown });
        }
    }

    pub(super) fn restart(&mut self, index: usize, instance: u32) -> Result<(), Violation> {
        let host = &self.hosts[index];
        if host.instance != instance || host.is_up() || host.retired {
            return Ok(());
        }
        self.marks.hit("restarts");
        self.start(index)
    }

    pub(super) fn pause(&mut self, index: usize, lasting: u64) {
        let host = &mut self.hosts[index];
        if !host.is_up() {
            return;
        }
        host.pauses += 1;
        let (service, instance) = (host.service, host.instance);
        self.trace.line(self.now, || format!("{service} sleeps for {} ms", lasting / 1_000));
        self.queue.push(self.now + lasting, Event::Resume { host: index, instance });
    }

    pub(super) fn resume(&mut self, index: usize, instance: u32) {
        let host = &mut self.hosts[index];
        if host.instance != instance || host.pauses == 0 {
            return;
        }
        host.pauses -= 1;
        if host.pauses == 0 {
            let service = host.service;
            self.trace.line(self.now, || format!("{service} wakes up"));
            let stale = host.is_catalog() && self.watch.catalogs.is_stale_leader(index);
            self.marks.add("stale catalog leaders resumed", u64::from(stale));
            self.push_input(index, Input::Tick);
        }
    }

    fn start_dialing(&mut self, a: usize, b: usize) {
        if talk(self.hosts[a].service, self.hosts[b].service) && self.net.start_dialing(a, b) {
            let at = self.now + self.rng.between(500, 20_000);
            self.queue.push(at, Event::Dial { a, b });
        }
    }

    pub(super) fn dial(&mut self, a: usize, b: usize) {
        let ready = self.hosts[a].is_up() && self.hosts[b].is_up() && !self.net.is_blocked(a, b);
        if !ready {
            let at = self.now + self.rng.between(30_000, 200_000);
            self.queue.push(at, Event::Dial { a, b });
            return;
        }
        self.net.raise(a, b);
        for (host, peer) in [(a, b), (b, a)] {
            let service = self.hosts[peer].service;
            // A break that was not noticed so far is noticed now.
            if std::mem::replace(&mut self.hosts[host].believes_up[peer], true) {
                self.push_input(host, Input::LinkDown(service));
            }
            self.push_input(host, Input::LinkUp(service));
        }
    }

    /// Breaks a link if it stands; the ends may hear of it soon, or when it stands again.
    pub(super) fn cut_link(&mut self, a: usize, b: usize) {
        if !self.net.cut(a, b) {
            return;
        }
        for (host, peer) in [(a, b), (b, a)] {
            if self.hosts[host].is_up() && self.net.noticed(&mut self.rng) {
                let at = self.now + self.rng.between(100, 8_000);
                let instance = self.hosts[host].instance;
                self.queue.push(at, Event::LinkDown { host, instance, peer });
            }
        }
        self.start_dialing(a, b);
    }

    pub(super) fn link_down(&mut self, host: usize, instance: u32, peer: usize) {
        let target = &mut self.hosts[host];
        if target.instance != instance || !target.believes_up[peer] || self.net.stands(host, peer) {
            return;
        }
        target.believes_up[peer] = false;
        let service = self.hosts[peer].service;
        self.push_input(host, Input::LinkDown(service));
    }

    pub(super) fn break_link(&mut self, a: usize, b: usize, generation: u32) {
        if self.net.is_blocked(a, b) && self.net.generation(a, b) == generation {
            self.cut_link(a, b);
        }
    }
}
