//! Nobody vouches for more than its disk would give back, and nobody speaks as of a view or a promise that its disk lacks.
//!
//! Source: PROTOCOLS.md D.3, "dur: highest k with all up to k durable (fsynced)", "ballot = b (fsync); send State"; E.5, mutant 2;
//! the contract's third promise. Compared with the disk at the moment the message leaves.

use replication::rotating_sequencer::{Body, Message, Phase};

use super::on_disk::OnDisk;
use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "vouches_for_its_disk";

/// A member says a message; its disk has this. What a stopped member says in passing counts for nobody; its State does.
pub fn says(member: u8, message: &Message, disk: &OnDisk, stored: u64) -> Result<(), Broken> {
    let state = match &message.body {
        Body::State(state) => Some(state),
        _ => None,
    };
    if message.phase != Phase::Member && state.is_none() {
        return Ok(());
    }
    // What the store has needs no note any more.
    let durable = if disk.position() >= stored { disk.durable() } else { u64::MAX };
    let vouched = state.map_or(message.holds.durable, |state| state.durable);
    let promised = state.map_or(message.view, |state| state.ballot);
    let what = if vouched > durable {
        format!("vouches for {vouched} and has {durable}")
    } else if message.view > disk.view {
        format!("speaks in {:?} and has {:?}", message.view, disk.view)
    } else if promised > disk.ballot {
        format!("promises {promised:?} and has {:?}", disk.ballot)
    } else {
        return Ok(());
    };
    Err((NAME, format!("member {member} {what} on its disk")))
}
