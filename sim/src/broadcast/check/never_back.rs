//! What a member says of its disk, its start and its view never goes back, and neither does what it vouched for and
//! somebody delivered.
//!
//! Source: PROTOCOLS.md D.3 ("durable: id, inc, boot, view, ballot"), D.4 (a restarted member never acts in its old view); the
//! paper on crash-consistent quorums named there. What was once said to be durable in a view is so after every crash that
//! leaves the disk intact: every crash is a probe of that promise.

use replication::rotating_sequencer::{Ballot, Body, Life, Message, Phase};

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "never_back";

/// What one disk of one member has said so far.
#[derive(Default)]
pub struct Said {
    life: Life,
    view: Ballot,
    durable: u64,
    /// Of the present start: what is delivered may be delivered again after a restart.
    delivered: u64,
}

impl Said {
    /// The view that it last spoke in.
    pub fn view(&self) -> Ballot {
        self.view
    }

    /// The member, at this start of this disk, says a message. In its view somebody delivered everything up to `final_here`.
    pub fn says(
        &mut self,
        member: u8,
        life: Life,
        message: &Message,
        final_here: u64,
    ) -> Result<(), Broken> {
        if message.life != life {
            let text = format!("member {member} speaks as {:?}, it is {life:?}", message.life);
            return Err((NAME, text));
        }
        if self.life.incarnation != life.incarnation {
            *self = Said { life, ..Said::default() };
        }
        if self.life != life {
            (self.life, self.delivered) = (life, 0);
        }
        self.judge(message, final_here).map_err(|text| (NAME, format!("member {member} {text}")))
    }

    /// What a stopped member says in passing counts for nobody; its State does.
    fn judge(&mut self, message: &Message, final_here: u64) -> Result<(), String> {
        let (holds, view) = (&message.holds, message.view);
        let state = match &message.body {
            Body::State(state) => Some(state),
            _ if message.phase == Phase::Member => None,
            _ => return Ok(()),
        };
        if view < self.view {
            return Err(format!("is in {view:?} after {:?}", self.view));
        }
        if view > self.view {
            (self.view, self.durable) = (view, 0);
        }
        // What nobody delivered may be replaced by what others delivered in its place.
        let owed = self.durable.min(final_here);
        if let Some(state) = state
            && state.durable < owed
        {
            return Err(format!(
                "gives {} in its State of {view:?}, and owes {owed}",
                state.durable
            ));
        }
        if holds.delivered < self.delivered {
            return Err(format!("delivered {} after {}", holds.delivered, self.delivered));
        }
        self.delivered = holds.delivered;
        let vouched = if message.phase == Phase::Member { holds.durable } else { 0 };
        self.durable = self.durable.max(vouched);
        Ok(())
    }
}
