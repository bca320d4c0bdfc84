//! Snapshots: for a member that misses more than anybody's list still has. The rows travel elsewhere.
//!
//! 1. It asks for a Sequence that is forgotten here: [`Effect::SendSnapshot`], and nothing after this store is forgotten.
//! 2. The body sends the rows, [`Engine::staged`] names them, Offer tells the member to take them, again and again.
//! 3. It says [`Effect::Restore`] and touches nothing until it is told what came of it.
//! 4. Its list then begins with the Sequence that the store's last command belongs to; a digest says so on its disk.
//!
//! [`Engine::staged`]: crate::contract::Engine::staged

use super::delivery::Done;
use super::learning::Learner;
use super::message::{Body, Offer};
use super::notes::Mark;
use super::start::rebase;
use super::{RotatingSequencer, Standing, cause};
use crate::contract::{Effect, SnapshotName};
use crate::time::Time;

/// A peer that gets a snapshot.
pub(super) struct Feed {
    /// When its rows were last asked for.
    asked: Time,
    /// What follows this must stay.
    pub(super) hold: u64,
    /// The staged rows, since when, and when they were offered last.
    offer: Option<(Offer, Time, Time)>,
}

impl RotatingSequencer {
    /// This peer needs the store's rows.
    pub(super) fn feed(&mut self, peer: usize) {
        let (now, again, hold) = (self.now, self.config.timing.ask_snapshot, self.stored_number);
        let given_up = self.config.timing.offer;
        // Somebody else's rows may have taken the place of those offered: then they are sent anew.
        let recent = |feed: &Feed| match &feed.offer {
            Some((_, since, _)) => now.since(*since) < given_up,
            None => now.since(feed.asked) < again,
        };
        if self.feeds.get(&peer).is_some_and(recent) || self.stored_number == 0 {
            return;
        }
        let feed = self.feeds.entry(peer).or_insert(Feed { asked: now, hold, offer: None });
        (feed.asked, feed.offer) = (now, None);
        let to = self.ids[peer];
        self.out.push(Effect::SendSnapshot { to });
    }

    /// The rows are staged there: they are offered, if what follows them is here.
    pub(super) fn offer(&mut self, peer: usize, name: &SnapshotName) {
        let Ok(mark) = Mark::decode(&name.mark, self.size()) else { return };
        let hold = Done::at(&mark, name.position, name.hash).number;
        let useful = hold >= self.kept.log.floor()
            && name.position > mark.start
            && name.position <= self.done.position;
        if !useful {
            return;
        }
        let now = self.now;
        let offer = Offer::from(name);
        self.feeds.insert(peer, Feed { asked: now, hold, offer: Some((offer.clone(), now, now)) });
        self.send(peer, Body::Offer(offer));
    }

    /// Offers again what was not taken; forgets what was, or was given up.
    pub(super) fn tend_feeds(&mut self) {
        let (now, timing) = (self.now, self.config.timing.clone());
        let mut again = Vec::new();
        let peers = &self.peers;
        self.feeds.retain(|peer, feed| {
            let Some((offer, since, last)) = &mut feed.offer else {
                return now.since(feed.asked) < timing.feed;
            };
            if peers[*peer].delivered >= feed.hold || now.since(*since) >= timing.feed {
                // It took them; what it lacks now it asks for, and it is held for a while.
                feed.hold = feed.hold.max(peers[*peer].delivered);
                return now.since(*since) < timing.feed && !in_a_view(peers, *peer);
            }
            if now.since(*last) >= timing.ask_snapshot {
                *last = now;
                again.push((*peer, offer.clone()));
            }
            true
        });
        again.into_iter().for_each(|(peer, offer)| self.send(peer, Body::Offer(offer)));
    }

    /// Takes staged rows, if they are ahead of what is here.
    pub(super) fn take_offer(&mut self, name: SnapshotName) {
        let Ok(mark) = Mark::decode(&name.mark, self.size()) else { return };
        let ahead = name.position > self.done.position && name.position > mark.start;
        if !ahead || self.restoring.is_some() || matches!(self.standing, Standing::Gathering(_)) {
            return;
        }
        if matches!(self.standing, Standing::Normal(_)) {
            self.wedge(cause::FAR_BEHIND);
        }
        self.restoring = Some(name.clone());
        self.out.push(Effect::Restore(name));
    }

    /// Law and store are what the snapshot says: the list begins with it.
    pub(super) fn finish_restore(&mut self) {
        let Some(name) = self.restoring.take() else { return };
        let Ok(mark) = Mark::decode(&name.mark, self.size()) else { return };
        self.done = Done::at(&mark, name.position, name.hash);
        // Refused only where the list begins after its store, and this store is ahead of the one before.
        let anew = rebase(&mut self.kept, &mark) == Ok(true);
        let number = self.done.number;
        (self.stored, self.stored_number) = (name.position, number);
        self.needed = number;
        self.recount(anew);
        self.learner = Learner::new(number);
        self.own_delivered();
        self.digest(number);
        self.review_install();
    }

    /// What is complete, counted anew from what was delivered: the list may be another one. If it is the one that was there, what
    /// this member vouched for beyond the snapshot is on its disk still, and will be in the digest: a State that said less could leave
    /// it out of a recovery.
    fn recount(&mut self, anew: bool) {
        self.complete = self.done.number;
        self.in_flight.iter_mut().for_each(|write| write.complete = 0);
        self.count_complete();
        let vouched = if anew { 0 } else { self.durable.min(self.complete) };
        self.durable = vouched.max(self.done.number);
    }
}

fn in_a_view(peers: &[super::Peer], peer: usize) -> bool {
    peers[peer].phase == super::Phase::Member
}
