//! In one view a number means one Sequence, and the member whose turn it is says it first.
//!
//! Source: PROTOCOLS.md D.4, "at most one Sequence k per view"; SPEC.md section 4, "sent by member k mod n and nobody else".
//! Whoever holds a Sequence may repeat it, so only its first appearance is a question of turns.

use std::collections::BTreeMap;

use replication::rotating_sequencer::{Ballot, Run, View};

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "one_number_one_sequence";

/// The property's name where the turn is concerned.
pub const TURN: &str = "numbers_by_turns";

/// All Sequences that were ever said, and whose turn each number is.
#[derive(Default)]
pub struct Numbers {
    said: BTreeMap<(Ballot, u64), Vec<u64>>,
    repeated: BTreeMap<(Ballot, u64), Vec<Run>>,
    views: BTreeMap<Ballot, View>,
}

impl Numbers {
    /// A view is proposed.
    pub fn view(&mut self, view: &View) -> Result<(), Broken> {
        match self.views.insert(view.ballot, view.clone()) {
            Some(known) if known != *view => {
                Err((NAME, format!("{known:?} and {view:?} have one name")))
            }
            _ => Ok(()),
        }
    }

    /// A member says a Sequence of its view.
    pub fn said(
        &mut self,
        member: u8,
        view: Ballot,
        number: u64,
        upto: &[u64],
    ) -> Result<(), Broken> {
        if let Some(known) = self.said.get(&(view, number)) {
            if known != upto {
                return Err((
                    NAME,
                    format!("number {number} of {view:?} is {known:?} and {upto:?}"),
                ));
            }
            return Ok(());
        }
        if let Some(turn) = self.turn(view, number)
            && turn != member
        {
            return Err((
                TURN,
                format!(
                    "member {member} says number {number} of {view:?}, it is the turn of {turn}"
                ),
            ));
        }
        self.said.insert((view, number), upto.to_vec());
        Ok(())
    }

    /// Ids are 1 to n here, so index i among them is member i + 1.
    fn turn(&self, view: Ballot, number: u64) -> Option<u8> {
        let view = self.views.get(&view)?;
        let turn = number.checked_sub(view.base + 1)?.checked_rem(view.rotation.len() as u64)?;
        Some(view.rotation[turn as usize] + 1)
    }

    /// A member of a view repeats Sequences for one who missed them, each with the Requests that it covers.
    pub fn repeated(&mut self, view: Ballot, sequences: &[(u64, Vec<Run>)]) -> Result<(), Broken> {
        for (number, runs) in sequences {
            let known = self.repeated.entry((view, *number)).or_insert_with(|| runs.clone());
            if known != runs {
                return Err((
                    NAME,
                    format!("number {number} of {view:?} covers {known:?} and {runs:?}"),
                ));
            }
        }
        Ok(())
    }

    /// The greatest number that was said in a view; 0 if none was.
    pub fn reached(&self, view: Ballot) -> u64 {
        self.said
            .range((view, 0)..=(view, u64::MAX))
            .next_back()
            .map_or(0, |((_, number), _)| *number)
    }
}
