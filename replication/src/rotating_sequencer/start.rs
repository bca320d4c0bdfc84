//! Taking up what the disk held.

use std::collections::{BTreeMap, VecDeque};

use super::config::MOST_MEMBERS;
use super::delivery::Done;
use super::durability::Unwritten;
use super::hearing::Peer;
use super::learning::Learner;
use super::log::Log;
use super::message::Unreadable;
use super::notes::{Kept, Mark};
use super::requests::Own;
use super::status::Said;
use super::{Barriers, Config, RotatingSequencer, Standing, cause};
use crate::contract::{Recovered, ReplicaId, Role};
use crate::time::Time;

impl RotatingSequencer {
    /// Starts from what the disk held. A disk that was never in a view asks the others whether the group exists; only when the
    /// disks of all members are empty is it founded. Any other waits for a view that knows of this start.
    ///
    /// # Errors
    /// The notes or the mark are not the engine's, or cannot all be true.
    ///
    /// # Panics
    /// If the configuration makes no group: more than 64 members, or this one not among them. If a member may have more undelivered
    /// than anybody keeps: its own Requests beyond that would be dropped, and nobody else has them.
    pub fn new(config: Config, recovered: Recovered, now: Time) -> Result<Self, Unreadable> {
        let ids: Vec<ReplicaId> = config.members.iter().copied().collect();
        assert!(ids.len() <= MOST_MEMBERS, "a group has at most {MOST_MEMBERS} members");
        let limits = &config.limits;
        assert!(limits.request_ahead >= limits.undelivered as u64, "what is taken must be kept");
        let me = ids.binary_search(&config.id).expect("a member belongs to its group");
        let mut kept = Kept::replay(ids.len(), &recovered.notes)?;
        let (done, rebased) = reconcile(&mut kept, &recovered, ids.len())?;
        let life = config.life();
        check_disk(&kept, me, config.incarnation)?;
        kept.disks[me] = config.incarnation;
        let notes_bytes = recovered.notes.iter().map(|note| note.len()).sum();
        let mut engine = RotatingSequencer {
            peers: ids.iter().map(|_| Peer::default()).collect(),
            random: config.seed,
            rejoined: None,
            rejoin: config.timing.rejoin,
            life,
            me,
            standing: Standing::Joining(Default::default()),
            complete: done.number,
            durable: done.number,
            stored: done.position,
            stored_number: done.number,
            needed: kept.log.floor(),
            learner: Learner::new(done.number),
            own: Own::default(),
            done,
            kept,
            ids,
            config,
            joiners: BTreeMap::new(),
            install: None,
            restoring: None,
            feeds: BTreeMap::new(),
            barriers: Barriers::default(),
            said: Said::new(now),
            writes: Vec::new(),
            unwritten: Unwritten::default(),
            notes_bytes,
            digest_bytes: 0,
            held: Vec::new(),
            in_flight: VecDeque::new(),
            last_ticket: 0,
            ticked: now,
            now,
            out: Vec::new(),
        };
        if rebased {
            // The notes do not know that the list begins anew; what is noted from now on must follow something.
            engine.digest(engine.done.number);
        }
        engine.begin();
        Ok(engine)
    }

    fn begin(&mut self) {
        self.count_complete();
        self.durable = self.complete;
        match self.kept.view {
            None => self.change(Role::Joining, cause::BLANK),
            Some(_) => self.wedge(cause::STARTED),
        }
    }
}

/// A disk that belonged to a view speaks for the incarnation it had there.
fn check_disk(kept: &Kept, me: usize, incarnation: u64) -> Result<(), Unreadable> {
    let listed = kept.view.as_ref().and_then(|view| view.life(me));
    match listed {
        Some(life) if life.incarnation != incarnation => {
            Err(Unreadable::Contradiction("the disk has another incarnation than its view says"))
        }
        _ => Ok(()),
    }
}

/// Brings the list and the store together: what was delivered, and whether the list had to begin anew for it.
fn reconcile(
    kept: &mut Kept,
    recovered: &Recovered,
    size: usize,
) -> Result<(Done, bool), Unreadable> {
    let (position, hash) = (recovered.applied, recovered.applied_hash);
    if recovered.mark.is_empty() {
        if position > 0 || kept.log.floor() > 0 {
            return Err(Unreadable::Contradiction("a store without a mark"));
        }
        let frontier = kept.log.frontier_at(0);
        return Ok((Done { number: 0, skip: 0, position, hash, frontier }, false));
    }
    let mark = Mark::decode(&recovered.mark, size)?;
    if position <= mark.start {
        return Err(Unreadable::Contradiction("a mark above its store"));
    }
    let rebased = rebase(kept, &mark)?;
    Ok((Done::at(&mark, position, hash), rebased))
}

/// A store may be ahead of the list (a snapshot was taken): then the list begins anew with it, and true is returned.
pub(super) fn rebase(kept: &mut Kept, mark: &Mark) -> Result<bool, Unreadable> {
    let same = kept.log.position(mark.number - 1) == Some(mark.start)
        && kept.log.runs(mark.number) == Some(&mark.runs[..]);
    let whole = kept.log.floor() == mark.number
        && kept.log.position(mark.number).is_some_and(|end| mark.whole_at(end));
    if same || whole {
        return Ok(false);
    }
    if kept.log.floor() >= mark.number {
        return Err(Unreadable::Contradiction("the list begins after its store"));
    }
    // Also what a list that is void covered: nobody else may have the own Requests.
    let loose = kept.log.requests_after(kept.log.floor());
    let mut log = Log::new(mark.number - 1, mark.start, mark.before.clone());
    log.append(mark.runs.clone());
    let after = log.frontier().clone();
    for (id, command) in loose {
        if id.number >= after.next(usize::from(id.member), id.life) {
            log.insert(id, command);
        }
    }
    kept.log = log;
    Ok(true)
}
