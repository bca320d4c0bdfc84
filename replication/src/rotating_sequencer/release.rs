//! Forgetting: what every member of the view delivered and this store has is needed by nobody in the view. Some of it stays in
//! memory for members that were away; the notes on disk shrink by a digest.

use super::{RotatingSequencer, Standing};

impl RotatingSequencer {
    /// Forgets what nobody needs, and digests the notes now and then.
    pub(super) fn release(&mut self) {
        let limits = self.config.limits.clone();
        let crowded = self.kept.log.bytes() > limits.held_bytes;
        let needed = if crowded { self.stored_number } else { self.delivered_by_all() };
        self.needed = self.needed.max(needed.min(self.stored_number));
        let held = self.feeds.values().map(|feed| feed.hold).min().filter(|_| !crowded);
        let most = held.unwrap_or(u64::MAX).min(self.needed);
        loop {
            let log = &self.kept.log;
            let long = log.floor() + limits.tail_sequences < most;
            let large = log.bytes() > limits.tail_bytes;
            if log.floor() >= most || !(long || large) {
                break;
            }
            self.kept.log.release(log.floor() + 1);
        }
        let grown = self.notes_bytes > limits.notes_bytes.max(2 * self.digest_bytes);
        if grown && self.done.skip == 0 {
            self.digest(self.needed);
        }
    }

    /// What every member of the view delivered; outside of a view, what was known last.
    fn delivered_by_all(&self) -> u64 {
        let (Standing::Normal(normal), Some(view)) = (&self.standing, &self.kept.view) else {
            return self.needed;
        };
        let others = view.indices().filter(|index| *index != self.me);
        let delivered = others.map(|index| normal.acks[index].delivered);
        delivered.min().unwrap_or(self.done.number).min(self.done.number)
    }
}
