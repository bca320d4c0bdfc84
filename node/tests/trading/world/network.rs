//! Messages between processes: lost, doubled and late as the weather is, and cut off where a test says so.

use std::collections::BTreeSet;

use node::process::Input;
use node::service::ServiceId;

use super::World;

/// What the network does to messages: with these odds in a hundred.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
}

/// The network between the processes.
#[derive(Default)]
pub(crate) struct Network {
    pub(super) weather: Weather,
    /// Nothing goes from the one to the other.
    cut: BTreeSet<(ServiceId, ServiceId)>,
    /// Messages that arrive at a later point in time.
    pub(super) late: Vec<(u64, ServiceId, Input)>,
}

impl World {
    pub(crate) fn set_weather(&mut self, weather: Weather) {
        self.network.weather = weather;
    }

    /// Nothing that `from` says reaches `to` any more, and nobody is told.
    pub(crate) fn mute(&mut self, from: ServiceId, to: ServiceId) {
        self.network.cut.insert((from, to));
    }

    /// A service is alone: its links to everybody break.
    pub(crate) fn isolate(&mut self, service: ServiceId) {
        for peer in self.others(service) {
            self.mute(service, peer);
            self.mute(peer, service);
            self.tell(service, Input::LinkDown(peer));
            self.tell(peer, Input::LinkDown(service));
        }
    }

    /// A service can reach everybody again.
    pub(crate) fn heal(&mut self, service: ServiceId) {
        self.network.cut.retain(|(from, to)| *from != service && *to != service);
        for peer in self.others(service) {
            self.link(service, peer);
        }
    }

    /// A link stands between two services that run and can reach each other.
    pub(super) fn link(&mut self, one: ServiceId, other: ServiceId) {
        let runs = |service| self.processes.contains_key(service);
        let cut = |from, to| self.network.cut.contains(&(from, to));
        if runs(&one) && runs(&other) && !cut(one, other) && !cut(other, one) {
            self.tell(one, Input::LinkUp(other));
            self.tell(other, Input::LinkUp(one));
        }
    }

    pub(super) fn roll(&mut self, odds: u64) -> bool {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % 100 < odds
    }

    pub(super) fn send(&mut self, from: ServiceId, to: ServiceId, input: Input) {
        let Weather { lost, doubled, late } = self.network.weather;
        if self.network.cut.contains(&(from, to)) || self.roll(lost) {
            return;
        }
        let copies = if self.roll(doubled) { 2 } else { 1 };
        for _ in 0..copies {
            if self.roll(late) {
                let at = self.now + self.dice % 120_000;
                self.network.late.push((at, to, input.clone()));
            } else {
                self.inbox.push_back((to, input.clone()));
            }
        }
    }

    /// What is due by now arrives.
    pub(super) fn arrive(&mut self) {
        let (due, later) = self.network.late.drain(..).partition(|(at, _, _)| *at <= self.now);
        self.network.late = later;
        let due: Vec<(u64, ServiceId, Input)> = due;
        self.inbox.extend(due.into_iter().map(|(_, to, input)| (to, input)));
    }
}
