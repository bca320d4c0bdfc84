//! A follower: takes the leader's entries where they continue its own log, cuts an unacknowledged tail that
//! contradicts them, and says how far both logs are equal once that is durable.

use super::{Message, cause, core::Core};
use crate::contract::{ChainHash, Entry, Epoch, Position, ReplicaId};

#[derive(Default)]
pub(super) struct Follower {
    /// Who leads the adopted epoch, once known.
    pub(super) leader: Option<ReplicaId>,
    /// Equal to the leader's log up to here, as found in the adopted epoch; maybe not durable yet.
    matched: Position,
    /// What was last acknowledged in this epoch.
    acknowledged: Position,
    /// The leader wants an answer even if `acknowledged` does not move.
    owes: bool,
    /// The leader contradicts what is committed here: acknowledge nothing more in this epoch.
    pub(super) diverged: bool,
}

/// The entries of an append with the place they follow.
pub(super) struct Batch {
    pub(super) epoch: Epoch,
    pub(super) previous: Position,
    pub(super) previous_hash: ChainHash,
    pub(super) entries: Vec<Entry>,
    pub(super) commit: Position,
}

/// Why a batch could not be taken.
enum Misfit {
    /// It does not continue this log; send from after this position.
    Elsewhere(Position),
    /// It contradicts a committed entry.
    Contradiction,
    /// It is no chain of entries at all.
    Malformed,
}

impl Batch {
    fn last(&self) -> Position {
        self.previous.saturating_add(self.entries.len() as Position)
    }

    /// Contiguous positions, and hashes that follow from the commands: equal hashes mean equal prefixes only
    /// while nobody stores a hash he did not compute.
    fn is_chain(&self) -> bool {
        let (mut position, mut hash) = (self.previous, self.previous_hash);
        self.entries.iter().all(|entry| {
            (position, hash) = (position.saturating_add(1), hash.extend(&entry.command));
            (entry.position, entry.hash) == (position, hash)
        })
    }
}

impl Follower {
    pub(super) fn of(leader: Option<ReplicaId>) -> Self {
        Follower { leader, ..Follower::default() }
    }

    /// An append of the adopted epoch.
    pub(super) fn append(&mut self, core: &mut Core, from: ReplicaId, batch: Batch) {
        self.leader = Some(from);
        let (last, commit, empty) = (batch.last(), batch.commit, batch.entries.is_empty());
        match take(core, batch) {
            Ok(()) => {
                self.matched = self.matched.max(last);
                self.owes |= empty || self.matched <= core.durable();
                core.learn_commit(commit.min(self.matched));
            }
            Err(Misfit::Elsewhere(hint)) => refuse(core, from, hint),
            Err(Misfit::Contradiction) => {
                self.diverged = true;
                refuse(core, from, core.commit);
            }
            Err(Misfit::Malformed) => {}
        }
    }

    /// Acknowledges what became durable, if anything did or if the leader waits for a word. The epoch counts as
    /// adopted only once it is durable itself: until then the answer is held.
    pub(super) fn acknowledge(&mut self, core: &mut Core) {
        let Some(leader) = self.leader else { return };
        let matched = self.acknowledgeable(core);
        if self.diverged || !core.epoch_is_durable() || !(self.owes || matched > self.acknowledged)
        {
            return;
        }
        self.owes = false;
        self.acknowledged = matched;
        let (epoch, incarnation) = (core.epoch, core.config.incarnation);
        core.send(leader, Message::Ack { epoch, incarnation, matched });
    }

    fn acknowledgeable(&self, core: &Core) -> Position {
        #[cfg(feature = "mutants")]
        if core.config.mutant == Some(crate::mutants::Mutant::AckLogLength) {
            return core.durable();
        }
        self.matched.min(core.durable())
    }

    /// What a node above should know when the leader contradicts what is committed.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        self.diverged.then_some(cause::DIVERGED)
    }
}

pub(super) fn refuse(core: &mut Core, to: ReplicaId, hint: Position) {
    let epoch = core.epoch;
    core.send(to, Message::Nack { epoch, hint });
}

/// Makes the log equal to the batch where it reaches, or says why not and changes nothing.
fn take(core: &mut Core, mut batch: Batch) -> Result<(), Misfit> {
    if !batch.is_chain() {
        return Err(Misfit::Malformed);
    }
    verify_start(core, &batch)?;
    let base = core.log.base();
    batch.entries.retain(|entry| entry.position > base);
    let known = |entry: &Entry| core.log.hash_at(entry.position) == Some(entry.hash);
    let same = batch.entries.iter().take_while(|entry| known(entry)).count();
    let fresh = batch.entries.split_off(same);
    let Some(first) = fresh.first() else { return Ok(()) };
    if first.position <= core.log.end() {
        cut(core, first.position)?;
    }
    fresh.into_iter().for_each(|entry| core.log.append(entry));
    Ok(())
}

/// Finds one position that both logs have and compares the hashes there.
fn verify_start(core: &Core, batch: &Batch) -> Result<(), Misfit> {
    let base = core.log.base();
    if batch.previous > core.log.end() {
        return Err(Misfit::Elsewhere(core.log.end()));
    }
    if batch.previous >= base || batch.entries.is_empty() {
        return compare(core, batch.previous, batch.previous_hash);
    }
    // It starts below the window. Its entry at the window's base tells, if it reaches that far.
    let index = usize::try_from(base - batch.previous - 1).unwrap_or(usize::MAX);
    let at_base = batch.entries.get(index).ok_or(Misfit::Elsewhere(core.commit))?;
    compare(core, base, at_base.hash)
}

fn compare(core: &Core, position: Position, hash: ChainHash) -> Result<(), Misfit> {
    match core.log.hash_at(position) {
        Some(own) if own == hash => Ok(()),
        Some(_) if position <= core.commit => Err(Misfit::Contradiction),
        _ => Err(Misfit::Elsewhere(core.commit)),
    }
}

/// Cuts the tail of a dead leader. What is known committed is never cut: every later leader has it, so a leader
/// that contradicts it is no leader this replica may follow.
fn cut(core: &mut Core, from: Position) -> Result<(), Misfit> {
    if from <= core.commit {
        return Err(Misfit::Contradiction);
    }
    core.log.truncate(from);
    Ok(())
}
