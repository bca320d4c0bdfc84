//! How a follower gets what it lacks: from memory while the log's window reaches, from the store before that.
//!
//! Below the window the leader asks its own body for a chunk of history, one read at a time for each follower, and
//! sends it on as an ordinary append. The chain hash of the place a chunk follows comes out of the same read: it
//! starts one position early. While a follower is fed from the store it gets no newer entries; the position is a
//! contiguous prefix, so a newer entry could not be used anyway.

use super::{Limits, core::Core, leader::send_append, progress::Progress};
use crate::contract::{ChainHash, Effect, Entry, Position, ReplicaId};
use crate::time::Time;

/// Sends appends until the follower has everything, its window is full, or the store must be asked.
pub(super) fn feed(core: &mut Core, peer: ReplicaId, follower: &mut Progress, now: Time) {
    while follower.has_room(&core.config.limits) {
        let done = follower.next > core.log.end();
        if done && !follower.probing {
            return;
        }
        if follower.next <= core.log.base() {
            return ask_history(core, follower, now);
        }
        let entries = batch(core, follower.next);
        let previous = follower.next - 1;
        let hash = core.log.hash_at(previous).expect("the window starts with a known hash");
        dispatch(core, peer, follower, now, (previous, hash), entries);
    }
}

/// The entries of the next append out of memory.
fn batch(core: &Core, next: Position) -> Vec<Entry> {
    let limits = &core.config.limits;
    let available = (next..=core.log.end()).map_while(|position| core.log.get(position));
    within(limits, available).cloned().collect()
}

/// The leading entries that fit into one append; at least one.
fn within<'a>(
    limits: &Limits,
    entries: impl Iterator<Item = &'a Entry>,
) -> impl Iterator<Item = &'a Entry> {
    let limit = limits.append_bytes;
    let fits = move |bytes: &mut usize, entry: &'a Entry| {
        let first = *bytes == 0;
        *bytes += entry.command.len().max(1);
        (first || *bytes <= limit).then_some(entry)
    };
    entries.take(limits.append_entries).scan(0, fits)
}

fn dispatch(
    core: &mut Core,
    peer: ReplicaId,
    follower: &mut Progress,
    now: Time,
    (previous, hash): (Position, ChainHash),
    entries: Vec<Entry>,
) {
    let last = previous + entries.len() as Position;
    let bytes = entries.iter().map(|entry| entry.command.len()).sum();
    send_append(core, peer, follower, now, (previous, hash), entries);
    follower.sent(now, last, bytes);
}

fn ask_history(core: &mut Core, follower: &mut Progress, now: Time) {
    if follower.reading.is_some() {
        return;
    }
    // One early, for its hash; never beyond the window's base, which the store certainly has.
    let from = (follower.next - 1).max(1);
    let wanted = (core.log.base() - from + 1).min(core.config.limits.history_read as Position + 1);
    follower.reading = Some((from, now));
    core.out.push(Effect::ReadHistory { from, max: wanted as usize });
}

/// The store's answer, for every follower that waits for exactly this place.
pub(super) fn history(
    core: &mut Core,
    peer: ReplicaId,
    follower: &mut Progress,
    now: Time,
    entries: &[Entry],
) {
    let Some(first) = entries.first() else { return };
    if follower.reading.is_none_or(|(from, _)| from != first.position) {
        return;
    }
    follower.reading = None;
    let early = usize::from(first.position < follower.next);
    let start = if early == 1 { (first.position, first.hash) } else { (0, ChainHash::EMPTY) };
    if start.0 + 1 != follower.next || !follower.has_room(&core.config.limits) {
        return;
    }
    let base = core.log.base();
    let stored = entries[early..].iter().take_while(|entry| entry.position <= base);
    let chunk: Vec<Entry> = within(&core.config.limits, stored).cloned().collect();
    if !chunk.is_empty() {
        dispatch(core, peer, follower, now, start, chunk);
    }
}
