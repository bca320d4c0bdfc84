//! Elections begin at times drawn from the seed.
//!
//! The library draws its timeouts from a generator of its own; they are set beyond reach, and this clock calls for
//! campaigns instead. It counts what the library counts (`election_elapsed`: ticks since the leader was heard).

use super::Raft;
use super::config::Timing;
use crate::time::Time;
use raft::StateRole;

/// When to campaign.
pub(super) struct Clock {
    state: u64,
    ticked_at: Time,
    /// Campaign after so many ticks without a leader.
    draw: usize,
    /// What the draw was made for: a new term or role gets a new one.
    drawn_for: (u64, StateRole),
}

impl Clock {
    pub(super) fn new(seed: u64, timing: &Timing, now: Time) -> Self {
        let drawn_for = (0, StateRole::Follower);
        let mut clock = Clock { state: seed, ticked_at: now, draw: 0, drawn_for };
        clock.draw_anew(timing);
        clock
    }

    /// SplitMix64.
    fn roll(&mut self, sides: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }

    fn draw_anew(&mut self, timing: &Timing) {
        self.draw = timing.election_ticks + self.roll(timing.election_spread);
    }

    /// Whole ticks since the last call. A replica that was itself paused counts one.
    fn ticks(&mut self, now: Time, timing: &Timing) -> u64 {
        let span = now.since(self.ticked_at);
        if span >= timing.own_pause {
            self.ticked_at = now;
            return 1;
        }
        let ticks = span.0 / timing.tick.0.max(1);
        self.ticked_at = self.ticked_at + crate::time::Span(ticks * timing.tick.0);
        ticks
    }
}

impl Raft {
    pub(super) fn advance_clock(&mut self, now: Time) {
        for _ in 0..self.clock.ticks(now, &self.config.timing) {
            if self.restoring.is_some() {
                continue;
            }
            self.raw.tick();
            self.campaign_if_due();
        }
    }

    fn campaign_if_due(&mut self) {
        let raft = &self.raw.raft;
        let present = (raft.term, raft.state);
        if self.clock.drawn_for != present {
            self.clock.drawn_for = present;
            self.clock.draw_anew(&self.config.timing);
        }
        let due = raft.election_elapsed >= self.clock.draw;
        if raft.state != StateRole::Leader && raft.promotable() && due {
            self.clock.draw_anew(&self.config.timing);
            self.campaign();
        }
    }

    /// Asks for votes, or leads at once where nobody else votes. Not while the disk is behind: the library takes for
    /// granted that a new leader's log is durable, and nobody may hear of a term before the disk has it anyway.
    pub(super) fn campaign(&mut self) {
        self.drain();
        if !self.settled() {
            return;
        }
        self.founding.begin();
        self.raw.raft.election_elapsed = 0;
        // Refused only while a change of members waits for its delivery; the next timeout tries again.
        let _ = self.raw.campaign();
    }

    /// The link to a peer broke or stands again.
    pub(super) fn hear_of_link(&mut self, peer: u64, up: bool) {
        if self.raw.raft.state == StateRole::Leader {
            // What was on its way is lost; a probe tells how much.
            self.raw.report_unreachable(peer);
        } else if !up && self.raw.raft.leader_id == peer {
            let timing = &self.config.timing;
            let soon = 1 + self.clock.roll(timing.broken_link_ticks);
            self.clock.draw = timing.election_ticks + soon;
            let raft = &mut self.raw.raft;
            self.clock.drawn_for = (raft.term, raft.state);
            // So late that the leader's lease ends here, too: others who lost it get this replica's voice.
            raft.election_elapsed = raft.election_elapsed.max(timing.election_ticks);
        }
    }
}
