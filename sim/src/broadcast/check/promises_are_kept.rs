//! Whoever promised a ballot takes no part in a lower view any more, and promises no lower ballot, whatever crashes come between.
//!
//! Source: PROTOCOLS.md D.3, "on Gather: ballot = b (fsync); stop ordering, acking and delivering in lower views"; D.4: of the
//! models' mutants, "no wedge" loses a delivered message in nine steps.

use replication::contract::Incarnation;
use replication::rotating_sequencer::{Ballot, Body, Message, Phase};

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "promises_are_kept";

/// What one member's disk promised.
#[derive(Default)]
pub struct Promises {
    incarnation: Incarnation,
    ballot: Ballot,
}

impl Promises {
    /// The member says a message.
    pub fn says(&mut self, member: u8, message: &Message) -> Result<(), Broken> {
        if self.incarnation != message.life.incarnation {
            *self = Promises { incarnation: message.life.incarnation, ballot: Ballot::NONE };
        }
        if message.phase == Phase::Member && message.view < self.ballot {
            return Err((
                NAME,
                format!(
                    "member {member} takes part in {:?} after it promised {:?}",
                    message.view, self.ballot
                ),
            ));
        }
        if let Body::State(state) = &message.body {
            if state.ballot < self.ballot {
                return Err((
                    NAME,
                    format!("member {member} promises {:?} after {:?}", state.ballot, self.ballot),
                ));
            }
            self.ballot = state.ballot;
        }
        Ok(())
    }
}
