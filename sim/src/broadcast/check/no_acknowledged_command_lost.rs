//! What was delivered anywhere is part of every later view, and is delivered by everybody in the end.
//!
//! Source: PROTOCOLS.md D.4, uniform agreement, "every later Install contains it"; the contract's third promise. A member that
//! delivers a command answers its client, so from then on it is acknowledged.

use std::collections::BTreeMap;

use replication::contract::{ChainHash, Position};
use replication::rotating_sequencer::{Ballot, View};

use super::one_sequence::OneSequence;
use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "no_acknowledged_command_lost";

/// What was delivered in each view, and with what each view begins.
#[derive(Default)]
pub struct LaterViews {
    delivered: BTreeMap<Ballot, Position>,
    begins: BTreeMap<Ballot, Position>,
}

impl LaterViews {
    /// Somebody proposes a view: it must begin with all that was delivered in those before.
    pub fn installed(&mut self, view: &View) -> Result<(), Broken> {
        if self.begins.insert(view.ballot, view.position).is_some() {
            return Ok(());
        }
        let before = self.delivered.range(..view.ballot).max_by_key(|(_, position)| **position);
        judge_view(before, Some((&view.ballot, &view.position)))
    }

    /// Somebody delivers a position in a view: all later views, also those known already, must begin with it.
    pub fn delivered(&mut self, view: Ballot, position: Position) -> Result<(), Broken> {
        let last = self.delivered.entry(view).or_default();
        *last = position.max(*last);
        let after = self.begins.range(view..).filter(|(ballot, _)| **ballot > view);
        judge_view(Some((&view, &position)), after.min_by_key(|(_, begins)| **begins))
    }
}

fn judge_view(
    delivered: Option<(&Ballot, &Position)>,
    begins: Option<(&Ballot, &Position)>,
) -> Result<(), Broken> {
    match (delivered, begins) {
        (Some((view, position)), Some((later, begins))) if position > begins => Err((
            NAME,
            format!(
                "{position} was delivered in {view:?}, and {later:?} begins with what ends at {begins}"
            ),
        )),
        _ => Ok(()),
    }
}

/// Judges the end: a member delivered or was given everything up to `position`.
pub fn judge(
    member: u8,
    position: Position,
    hash: ChainHash,
    sequence: &OneSequence,
) -> Result<(), Broken> {
    if position != sequence.end() || sequence.hash(position) != Some(hash) {
        return Err((
            NAME,
            format!("member {member} ends at {position}, the sequence at {}", sequence.end()),
        ));
    }
    Ok(())
}
