//! What must always hold of a group. One file per property; each names where the property comes from.
//!
//! All of it is judged from outside and while the world runs: from what members say, deliver and write. Each event costs a few
//! comparisons only, so that a world is a matter of milliseconds.

pub mod delivered_is_on_a_majority;
pub mod fifo;
pub mod freshness;
pub mod integrity;
pub mod never_back;
pub mod no_acknowledged_command_lost;
pub mod on_disk;
pub mod one_number_one_sequence;
pub mod one_sequence;
pub mod progress_after_healing;
pub mod promises_are_kept;
pub mod proposals;
pub mod sequences_what_it_holds;
pub mod vouches_for_its_disk;

use std::collections::BTreeMap;

use replication::contract::Entry;
use replication::rotating_sequencer::{Ballot, Body, Life, Message, Phase};

use crate::invariants::Broken;
use fifo::Fifo;
use never_back::Said;
use no_acknowledged_command_lost::LaterViews;
use one_number_one_sequence::Numbers;
use one_sequence::OneSequence;
use promises_are_kept::Promises;
use proposals::Proposals;

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub id: u8,
    /// Its disk and its start.
    pub life: Life,
    /// It runs, and is installed in a view.
    pub installed: bool,
    /// The view.
    pub view: Ballot,
    /// What it delivered or was given.
    pub cursor: u64,
}

/// All judges that remember something.
pub struct Judges {
    /// What was proposed.
    pub proposals: Proposals,
    /// What was delivered.
    pub sequence: OneSequence,
    fifo: Fifo,
    numbers: Numbers,
    said: Vec<Said>,
    promises: Vec<Promises>,
    /// Per view, the greatest number that one of its members delivered.
    finals: BTreeMap<Ballot, u64>,
    views: LaterViews,
    /// Per member, positions that it was the first to deliver since it last spoke of its view.
    fresh: Vec<Vec<u64>>,
}

impl Judges {
    /// Of a group of so many.
    pub fn new(members: usize) -> Self {
        Judges {
            proposals: Proposals::default(),
            sequence: OneSequence::default(),
            fifo: Fifo::default(),
            numbers: Numbers::default(),
            said: (0..members).map(|_| Said::default()).collect(),
            promises: (0..members).map(|_| Promises::default()).collect(),
            finals: BTreeMap::new(),
            views: LaterViews::default(),
            fresh: vec![Vec::new(); members],
        }
    }

    /// The view that a member last spoke in.
    pub fn view(&self, member: u8) -> Ballot {
        self.said[usize::from(member) - 1].view()
    }

    /// A member whose last position was `cursor` delivers. True if nobody has delivered this position before.
    pub fn delivered(&mut self, member: u8, cursor: u64, entry: &Entry) -> Result<bool, Broken> {
        let new = self.sequence.delivered(member, cursor, entry)?;
        if new {
            integrity::delivered(&mut self.proposals, member, entry)?;
            let proposal = self.proposals.of(&entry.command).expect("integrity was judged");
            self.fifo.delivered(proposal)?;
            self.fresh[usize::from(member) - 1].push(entry.position);
        }
        Ok(new)
    }

    /// A member, at this start of this disk, says a message.
    pub fn says(&mut self, member: u8, life: Life, message: &Message) -> Result<(), Broken> {
        let index = usize::from(member) - 1;
        let number = self.finals.entry(message.view).or_default();
        if message.phase == Phase::Member {
            *number = message.holds.delivered.max(*number);
        }
        let final_here = *number;
        self.said[index].says(member, life, message, final_here)?;
        self.promises[index].says(member, message)?;
        for position in self.fresh[index].drain(..) {
            self.views.delivered(message.view, position)?;
        }
        match &message.body {
            Body::Sequence { number, upto } => {
                sequences_what_it_holds::says(member, &message.holds, *number, upto)?;
                self.numbers.said(member, message.view, *number, upto)
            }
            // Who stopped in a view also repeats what others delivered in later ones.
            Body::Repair { sequences, .. } if message.phase == Phase::Member => {
                self.numbers.repeated(message.view, sequences)
            }
            Body::Install(install) => {
                self.numbers.view(&install.view)?;
                self.views.installed(&install.view)
            }
            _ => Ok(()),
        }
    }

    /// A member crashed: in which view it delivered last is not asked any more.
    pub fn crashed(&mut self, member: u8) {
        self.fresh[usize::from(member) - 1].clear();
    }

    /// How far numbers went in a view.
    pub fn reached(&self, view: Ballot) -> u64 {
        self.numbers.reached(view)
    }
}
