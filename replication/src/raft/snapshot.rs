//! Snapshots: the library decides who needs one and when it counts; the rows travel elsewhere.
//!
//! 1. The leader's library asks its storage for a snapshot for a peer. There is none yet: [`Effect::SendSnapshot`].
//! 2. The body sends the rows; when the peer holds all of them in memory, [`Engine::staged`] names what they are.
//! 3. The library's next question is answered with that name alone; its message is the word to take the rows.
//! 4. The peer's engine checks that its library will take it, says [`Effect::Restore`], and touches nothing until
//!    [`Engine::restored`] (or [`Engine::restore_refused`], if nothing is staged there under that name).
//! 5. Then the library begins anew after that position, the log on disk too ([`LogWrite::Reset`]), and once *that* is
//!    durable the peer acknowledges.
//!
//! [`Engine::staged`]: crate::contract::Engine::staged
//! [`Engine::restored`]: crate::contract::Engine::restored
//! [`Engine::restore_refused`]: crate::contract::Engine::restore_refused
//! [`LogWrite::Reset`]: crate::contract::LogWrite::Reset

use raft::eraftpb::{self, Snapshot};
use raft::{ProgressState, SnapshotStatus, StateRole};

use super::facts::Facts;
use super::message::{Kind, Message};
use super::{Raft, convert};
use crate::contract::{Effect, Position, ReplicaId, SnapshotName};
use crate::time::Time;

/// A peer's snapshot, as its leader sees it.
pub(super) struct Feed {
    /// When its rows were last asked for.
    asked_at: Time,
    /// What follows this must stay in memory: the rows reflect it or more.
    hold: Position,
    /// When the staged rows were first offered, and last.
    offered: Option<(Time, Time)>,
    /// They were taken; what followed them meanwhile is on its way.
    taken: bool,
}

/// What this replica waits for.
pub(super) struct Restoring {
    message: eraftpb::Message,
}

impl Raft {
    /// The peers whose snapshots the library wanted since the last call.
    pub(super) fn ask_for_snapshots(&mut self) {
        let now = self.now;
        let wanted = self.raw.mut_store().take_wanted();
        let hold = self.raw.store().stored();
        for to in wanted.into_iter().filter(|to| *to != 0) {
            let pause = self.config.timing.ask_snapshot;
            let recent = self.feeds.get(&to).is_some_and(|feed| now.since(feed.asked_at) < pause);
            if recent {
                continue;
            }
            let feed = Feed { asked_at: now, hold, offered: None, taken: false };
            let feed = self.feeds.entry(to).or_insert(feed);
            feed.asked_at = now;
            self.out.push(Effect::SendSnapshot { to });
        }
    }

    /// A peer has staged rows: they are offered, if they are of use.
    pub(super) fn offer(&mut self, now: Time, peer: ReplicaId, name: &SnapshotName) {
        let Some(snapshot) = self.usable(peer, name) else { return };
        let (hold, offered) = (name.position, Some((now, now)));
        let feed = Feed { asked_at: now, hold, offered, taken: false };
        self.feeds.insert(peer, feed);
        self.raw.mut_store().offers.insert(peer, snapshot);
        self.raw.raft.send_append(u64::from(peer));
    }

    fn usable(&self, peer: ReplicaId, name: &SnapshotName) -> Option<Snapshot> {
        let facts = Facts::decode(&name.mark)?;
        let store = self.raw.store();
        let progress = self.raw.raft.prs().get(u64::from(peer))?;
        let leads = self.raw.raft.state == StateRole::Leader;
        let follows = name.position >= store.base() && name.position <= self.delivered;
        let true_hash = store.hash_at(name.position) == Some(name.hash);
        let wanted = progress.matched < name.position;
        (leads && follows && true_hash && wanted && facts.is_member(peer) && peer != self.config.id)
            .then(|| convert::snapshot(name))?
    }

    /// Offers again what was not acknowledged; forgets what is done, or given up.
    pub(super) fn tend_feeds(&mut self) {
        let mut feeds = std::mem::take(&mut self.feeds);
        if self.raw.raft.state == StateRole::Leader {
            feeds.retain(|peer, feed| self.tend_feed(*peer, feed));
        } else {
            feeds.clear();
        }
        let offered = |peer: &ReplicaId| feeds.get(peer).is_some_and(|feed| feed.offered.is_some());
        self.raw.mut_store().offers.retain(|peer, _| offered(peer));
        self.feeds = feeds;
    }

    /// False once nothing is under way to this peer.
    fn tend_feed(&mut self, peer: ReplicaId, feed: &mut Feed) -> bool {
        let (now, timing) = (self.now, &self.config.timing);
        let Some(progress) = self.raw.raft.prs().get(u64::from(peer)) else { return false };
        let (matched, waits) = (progress.matched, progress.state == ProgressState::Snapshot);
        let Some((first, last)) = feed.offered else {
            if feed.taken && matched > feed.hold {
                (feed.hold, feed.asked_at) = (matched, now);
            }
            let level = matched + self.config.limits.tail_entries / 2 >= self.raw.store().stored();
            let silent = now.since(feed.asked_at) >= timing.offer_given_up;
            return !(silent || feed.taken && level);
        };
        if matched >= feed.hold {
            // It may just have been offered once more, to a peer whose acknowledgement then says nothing new.
            self.withdraw(peer, waits);
            (feed.offered, feed.taken, feed.asked_at) = (None, true, now);
            return true;
        }
        // What follows these rows is gone from memory, or the peer forgot them: they are of no use any more.
        let useless = self.raw.store().base() > feed.hold;
        if useless || now.since(first) >= timing.offer_given_up {
            self.withdraw(peer, waits);
            return false;
        }
        if waits && now.since(last) >= timing.offer_again {
            feed.offered = Some((first, now));
            self.raw.report_snapshot(u64::from(peer), SnapshotStatus::Failure);
        }
        true
    }

    /// The link to a peer broke, or stands anew: the peer may have been started again since it staged what was offered, and then
    /// it has nothing. It is sent the rows anew; if it has them, or is taking them, nothing is lost but that.
    pub(super) fn doubt_offer(&mut self, peer: ReplicaId) {
        if self.feeds.get(&peer).is_some_and(|feed| feed.offered.is_some()) {
            self.feeds.remove(&peer);
            let progress = self.raw.raft.prs().get(u64::from(peer));
            let waits = progress.is_some_and(|it| it.state == ProgressState::Snapshot);
            self.withdraw(peer, waits);
        }
    }

    fn withdraw(&mut self, peer: ReplicaId, waits: bool) {
        self.raw.mut_store().offers.remove(&peer);
        if waits {
            self.raw.report_snapshot(u64::from(peer), SnapshotStatus::Failure);
        }
    }

    /// From where on entries must stay in memory because a snapshot is under way.
    pub(super) fn hold(&self) -> Option<Position> {
        self.feeds.values().map(|feed| feed.hold).min()
    }

    /// The word to take a snapshot.
    pub(super) fn offered(&mut self, from: ReplicaId, message: &Message) {
        let Some(name) = &message.snapshot else { return };
        let Some(facts) = Facts::decode(&name.mark) else { return };
        let Some(library) = convert::to_library(from, self.config.id, message) else { return };
        let raft = &self.raw.raft;
        let rival = raft.state == StateRole::Leader && message.term == raft.term;
        let foreign =
            !facts.is_member(self.config.id) || facts.term == 0 || facts.term > message.term;
        if message.term < raft.term || rival || foreign {
            return;
        }
        self.hear_leader(from, message);
        let raft = &self.raw.raft;
        let known = name.position <= raft.raft_log.committed
            || raft.raft_log.match_term(name.position, facts.term);
        if known {
            // Nothing to restore: the library answers with what it has.
            let _ = self.raw.step(library);
        } else {
            self.restoring = Some(Restoring { message: library });
            self.out.push(Effect::Restore(name.clone()));
        }
    }

    /// Follows the sender, as any word of a leader's makes one; says so before anything is replaced.
    fn hear_leader(&mut self, from: ReplicaId, message: &Message) {
        let heartbeat = Message {
            kind: Kind::Heartbeat,
            commit: 0,
            context: bytes::Bytes::new(),
            snapshot: None,
            ..message.clone()
        };
        if let Some(heartbeat) = convert::to_library(from, self.config.id, &heartbeat) {
            let _ = self.raw.step(heartbeat);
        }
        self.drain();
    }

    /// Law and store are what the snapshot says: the library may follow.
    pub(super) fn finish_restore(&mut self) {
        if let Some(restoring) = self.restoring.take() {
            let _ = self.raw.step(restoring.message);
        }
    }
}
