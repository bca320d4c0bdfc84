//! Commands that one start of one member took are delivered in that sequence, and none of them is left out.
//!
//! Source: PROTOCOLS.md D.4, FIFO per sender; SPEC.md section 4, condition (3). A later start begins at 0 again, and what an
//! earlier start left behind never comes after what a later one said.

use std::collections::BTreeMap;

use replication::rotating_sequencer::Life;

use super::proposals::Proposal;
use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "fifo_per_sender";

/// How far each member's commands were delivered.
#[derive(Default)]
pub struct Fifo(BTreeMap<u8, (Life, u64)>);

impl Fifo {
    /// The next position of the sequence holds this.
    pub fn delivered(&mut self, proposal: &Proposal) -> Result<(), Broken> {
        let life = proposal.life;
        let (last, next) = self.0.get(&proposal.member).copied().unwrap_or((life, 0));
        let expected = if life > last { 0 } else { next };
        if life < last || proposal.count != expected {
            return Err((
                NAME,
                format!(
                    "member {}'s command {} of start {life:?} follows its command {} of start {last:?}",
                    proposal.member,
                    proposal.count,
                    next as i64 - 1,
                ),
            ));
        }
        self.0.insert(proposal.member, (life, proposal.count + 1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(incarnation: u64, boot: u64, count: u64) -> Proposal {
        let command = bytes::Bytes::new();
        let life = Life { incarnation, boot };
        Proposal { command, member: 1, life, count, taken: true, at: 0, position: None }
    }

    #[test]
    fn gaps_repetitions_and_late_words_of_an_earlier_start_are_seen() {
        let mut fifo = Fifo::default();
        assert!(fifo.delivered(&proposal(1, 1, 0)).is_ok());
        assert!(fifo.delivered(&proposal(1, 1, 2)).is_err());
        assert!(fifo.delivered(&proposal(1, 1, 0)).is_err());
        assert!(fifo.delivered(&proposal(1, 1, 1)).is_ok());
        assert!(fifo.delivered(&proposal(1, 2, 1)).is_err());
        assert!(fifo.delivered(&proposal(1, 2, 0)).is_ok());
        assert!(fifo.delivered(&proposal(1, 1, 2)).is_err());
        assert!(fifo.delivered(&proposal(2, 1, 0)).is_ok());
    }
}
