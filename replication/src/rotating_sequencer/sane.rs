//! What no member would say: numbers that would overflow sums, members that do not exist. Whoever says it is not believed a word.

use super::config::MOST;
use super::message::{Body, Install, Message, Offer, Part, State};
use super::notes::Mark;
use super::view::Run;

/// Most commands that one run may name. 2^32: sums over all members stay far below [`MOST`].
const MOST_COMMANDS: u64 = 1 << 32;

/// Could a member of a group of this size have said this?
pub(super) fn is_sane(message: &Message, size: usize) -> bool {
    let holds = &message.holds;
    let numbers = [holds.sequences, holds.durable, holds.delivered, message.round];
    holds.requests.len() == size
        && numbers.iter().chain(&holds.requests).all(|number| *number < MOST)
        && message.view.round < MOST
        && body(&message.body, size)
}

fn body(body: &Body, size: usize) -> bool {
    match body {
        Body::Request { first, .. } => *first < MOST,
        Body::Sequence { number, upto } => {
            *number < MOST && upto.len() == size && upto.iter().all(|upto| *upto < MOST)
        }
        Body::Nack { requests, numbers, .. } => {
            requests.iter().all(|run| self::run(run, size))
                && numbers.is_none_or(|(first, last)| first > 0 && first <= last && last < MOST)
        }
        Body::Repair { parts, sequences } => {
            let sequence = |it: &(u64, Vec<Run>)| it.0 > 0 && it.0 < MOST && runs(&it.1, size);
            parts.iter().all(|part| self::part(part, size)) && sequences.iter().all(sequence)
        }
        Body::Gather { ballot } | Body::RecoverOk { ballot, .. } => ballot.round < MOST,
        Body::State(state) => self::state(state, size),
        Body::Install(install) => self::install(install, size),
        Body::Offer(offer) => self::offer(offer, size),
        Body::Status | Body::Recover | Body::Join | Body::Ask { .. } | Body::Answer { .. } => true,
    }
}

/// At most one run of each member, and none of them empty.
fn runs(runs: &[Run], size: usize) -> bool {
    let distinct = runs.is_sorted_by(|one, other| one.member < other.member);
    !runs.is_empty() && distinct && runs.iter().all(|run| self::run(run, size))
}

fn run(run: &Run, size: usize) -> bool {
    usize::from(run.member) < size
        && !run.is_empty()
        && run.len() < MOST_COMMANDS
        && run.upto < MOST
}

fn part(part: &Part, size: usize) -> bool {
    usize::from(part.member) < size && part.first < MOST
}

fn state(state: &State, size: usize) -> bool {
    let founders = state.founders.is_empty() || state.founders.len() == size;
    let sizes = [state.disks.len(), state.frontier.0.len(), state.has.len()];
    founders
        && sizes.iter().all(|length| *length == size)
        && state.ballot.round < MOST
        && state.durable < MOST
        && state.position < MOST
        && state.tail.iter().all(|it| runs(it, size))
}

fn install(install: &Install, size: usize) -> bool {
    let Install { view, reach, tail, parent } = install;
    view.is_sound(size)
        && view.ballot.round < MOST
        && parent < &view.ballot
        && view.base < MOST
        && view.position < MOST
        && view.base.checked_sub(*reach) == Some(tail.len() as u64)
        && tail.iter().all(|it| runs(it, size))
}

fn offer(offer: &Offer, size: usize) -> bool {
    let mark = Mark::decode(&offer.mark, size);
    offer.position < MOST && mark.is_ok_and(|mark| mark.start < MOST && runs(&mark.runs, size))
}
