//! What the folders of a stopped catalog group say together.
//!
//! The end of a replica's log may hold entries that the group never agreed on. So replicas are compared only as far as each of them
//! knows to be agreed on; and the truth is what the group would go on from: the longest log (by term, then by length) that goes on
//! from everything known to be agreed on. With a majority of the folders it holds whatever was acknowledged.

use std::collections::BTreeMap;

use bytes::Bytes;
use market::audit::CatalogSide;
use node::catalog::{Command, State, stored_hash};
use node::service::ServiceId;
use replication::contract::{ChainHash, Entry, Epoch, Position};
use replication::raft;
use wire::inspect::CatalogState;

use super::catalogs::{CatalogLine, Disagreement, compare};
use super::offline::open;
use super::{AuditError, Unreachable};
use crate::config::{CatalogProtocol, Config};

/// What all of them say.
pub(super) struct Together {
    /// What the group would go on from.
    pub(super) side: CatalogSide,
    pub(super) lines: Vec<CatalogLine>,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) unreachable: Vec<Unreachable>,
    /// Each replica's state as far as it is known to be agreed on: to be held against the orders.
    pub(super) agreed: Vec<(u8, CatalogState)>,
}

/// What one folder holds.
struct Held {
    id: u8,
    /// The store's state.
    state: State,
    /// What that reflects.
    applied: Position,
    /// Known to be agreed on, and here.
    agreed: Position,
    end: Position,
    /// Commands above `applied`; none where the engine minded its own business.
    commands: BTreeMap<Position, Option<Command>>,
    /// Hashes of prefixes, from `applied` on.
    hashes: BTreeMap<Position, ChainHash>,
    last_term: Epoch,
}

pub(super) fn read(config: &Config) -> Result<Together, AuditError> {
    let mut held = Vec::new();
    let mut unreachable = Vec::new();
    let mut broken = None;
    for replica in &config.catalog.replicas {
        match hold(config, replica.id) {
            Ok(one) => held.push(one),
            // Nothing was ever there to be missed.
            Err(AuditError::NoData(_)) if replica.join => {}
            Err(error) => {
                let (service, reason) = (format!("catalog-{}", replica.id), error.to_string());
                unreachable.push(Unreachable { service, reason });
                broken = Some(error);
            }
        }
    }
    let (read, voters) = (held.len(), held.len() + unreachable.len());
    match broken {
        Some(error) if voters == 1 => return Err(error),
        _ if voters == 0 => return Err(AuditError::NoCatalog),
        _ if read <= voters / 2 => {
            let reasons: Vec<&str> = unreachable.iter().map(|one| one.reason.as_str()).collect();
            return Err(AuditError::NoMajority { read, voters, why: reasons.join("; ") });
        }
        _ => {}
    }
    Ok(Together { unreachable, ..judge(held, voters) })
}

fn judge(held: Vec<Held>, voters: usize) -> Together {
    let lines = held.iter().map(|one| CatalogLine::of(one.id, one.end, one.hash(one.end)));
    let lines = lines.collect();
    let reference = reference(&held);
    let mut disagreements = Vec::new();
    let mut agreed = Vec::new();
    let known = held.iter().map(|one| one.agreed).max().unwrap_or(0);
    let holding = held.iter().filter(|one| one.hashes.get(&known) == reference.hashes.get(&known));
    let majority = holding.count() > voters / 2;
    for one in &held {
        agreed.push((one.id, one.state_at(one.agreed)));
        if one.end < known {
            let (replica, position, end) = (one.id, one.end, known);
            disagreements.push(match majority {
                true => Disagreement::Earlier { replica, position, end },
                false => Disagreement::Behind { replica, position, end },
            });
        }
        if one.id != reference.id {
            disagreements.extend(one.against(reference));
        }
    }
    let side = CatalogSide::of(&reference.applied_to(reference.end).law);
    Together { side, lines, disagreements, unreachable: Vec::new(), agreed }
}

/// Whoever would lead.
fn reference(held: &[Held]) -> &Held {
    let known = held.iter().max_by_key(|one| one.agreed).expect("a majority, so at least one");
    let at = known.agreed;
    let goes_on = |one: &&Held| one.hashes.get(&at) == known.hashes.get(&at);
    let longest = |one: &&Held| {
        let beyond = one.end > at;
        (beyond, if beyond { one.last_term } else { 0 }, one.end)
    };
    held.iter().filter(goes_on).max_by_key(longest).unwrap_or(known)
}

impl Held {
    fn hash(&self, position: Position) -> ChainHash {
        self.hashes.get(&position).copied().unwrap_or_default()
    }

    fn applied_to(&self, position: Position) -> State {
        let mut state = self.state.clone();
        let mut changes = Vec::new();
        for (at, command) in self.commands.range(..=position) {
            if let Some(command) = command {
                state.apply(*at, command, &mut changes);
                changes.clear();
            }
        }
        state
    }

    fn state_at(&self, position: Position) -> CatalogState {
        let state = self.applied_to(position);
        CatalogState {
            position,
            hash: self.hash(position),
            next_number: state.law.next_number(),
            chain: state.law.chain(),
            outbox_first: state.law.outbox_first(),
            configuration: state.register.clone(),
            keys: state.law.keys_len() as u64,
            listings: state.law.listings().cloned().collect(),
        }
    }

    /// Compared at the last position that this replica knows to be agreed on and that both can go back to. Where the other has gone
    /// on so far that it cannot go back, only the orders tell.
    fn against(&self, other: &Held) -> Vec<Disagreement> {
        let position = self.agreed.min(other.end);
        if position < other.applied.max(self.applied) {
            return Vec::new();
        }
        let (own, others) = (self.state_at(position), other.state_at(position));
        compare((self.id, &own), (other.id, &others))
    }
}

fn hold(config: &Config, id: u8) -> Result<Held, AuditError> {
    let service = ServiceId::catalog(id);
    let contents = |reason: String| AuditError::Contents { service: service.to_string(), reason };
    let opened = open(config, service)?;
    let recovered = opened.recovered;
    let stored = stored_hash(&opened.rows).map_err(|error| contents(error.to_string()))?;
    let state = State::load(opened.rows).map_err(|error| contents(error.to_string()))?;
    let applied = recovered.applied;
    let end = recovered.entries.last().map_or(applied, |entry| entry.position);
    let mut one = Held {
        id,
        state,
        applied,
        agreed: match config.catalog.agrees_by() {
            CatalogProtocol::Solo => end,
            CatalogProtocol::Raft => recovered.state.commit.clamp(applied, end),
        },
        end,
        commands: BTreeMap::new(),
        hashes: BTreeMap::from([(applied, stored.unwrap_or(recovered.applied_hash))]),
        last_term: 0,
    };
    for entry in &recovered.entries {
        let (term, command) = opened_entry(config, entry).map_err(&contents)?;
        one.last_term = term;
        one.commands.insert(entry.position, command);
        one.hashes.insert(entry.position, entry.hash);
    }
    Ok(one)
}

/// Term and command of an entry, as the protocol keeps them.
fn opened_entry(config: &Config, entry: &Entry) -> Result<(Epoch, Option<Command>), String> {
    let place = |reason: String| format!("entry {}: {reason}", entry.position);
    let (term, bytes): (Epoch, Bytes) = match config.catalog.agrees_by() {
        CatalogProtocol::Solo => (0, entry.command.clone()),
        CatalogProtocol::Raft => raft::read_entry(&entry.command)
            .ok_or_else(|| place("Raft did not write it".to_owned()))?,
    };
    if bytes.is_empty() {
        return Ok((term, None));
    }
    let command = Command::decode(&bytes).map_err(|error| place(error.to_string()))?;
    Ok((term, Some(command)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A replica whose store reflects `applied`, that knows `agreed`, and whose log goes on to `end`, in this term and with
    /// hashes of this kind above `agreed`.
    fn held(id: u8, applied: Position, agreed: Position, end: Position, term: Epoch) -> Held {
        let mut hashes = BTreeMap::new();
        for position in applied..=end {
            let kind = if position > agreed { term as u8 } else { 0 };
            hashes.insert(position, ChainHash([kind.wrapping_add(position as u8); 16]));
        }
        let state = State::load(Vec::new()).expect("an empty store");
        let commands = (applied + 1..=end).map(|position| (position, None)).collect();
        Held { id, state, applied, agreed, end, commands, hashes, last_term: term }
    }

    fn told(held: Vec<Held>) -> (Vec<String>, u8) {
        let chosen = reference(&held).id;
        let found = judge(held, 3).disagreements;
        (found.iter().map(ToString::to_string).collect(), chosen)
    }

    #[test]
    fn the_longest_log_of_the_highest_term_is_what_the_group_goes_on_from() {
        assert_eq!(
            told(vec![held(1, 3, 9, 9, 1), held(2, 3, 9, 12, 2), held(3, 3, 9, 15, 1)]),
            (vec![], 2)
        );
        assert_eq!(told(vec![held(1, 9, 9, 9, 0), held(2, 3, 7, 9, 0), held(3, 3, 9, 9, 0)]).1, 3);
    }

    #[test]
    fn a_tail_that_was_never_agreed_on_is_no_disagreement() {
        let stale = held(1, 3, 5, 14, 40);
        assert_eq!(told(vec![stale, held(2, 3, 9, 9, 2), held(3, 3, 9, 9, 2)]), (vec![], 3));
    }

    #[test]
    fn different_prefixes_are_found_and_so_is_who_misses_something() {
        let mut other = held(1, 3, 9, 9, 1);
        other.hashes.insert(9, ChainHash([99; 16]));
        let (found, _) = told(vec![other, held(2, 3, 9, 10, 1), held(3, 3, 9, 10, 1)]);
        assert!(found.iter().any(|one| one.contains("differ in the first 9 entries")), "{found:?}");
        let stopped = "catalog-1 was stopped at entry 6 of 9; a majority holds the rest".to_owned();
        let early = || held(1, 3, 6, 6, 1);
        let (found, chosen) = told(vec![early(), held(2, 3, 9, 9, 1), held(3, 3, 9, 9, 1)]);
        assert_eq!((found, chosen), (vec![stopped.clone()], 3));
        let (found, _) = told(vec![early(), held(2, 8, 9, 9, 1), held(3, 8, 9, 9, 1)]);
        assert_eq!(found, [stopped]);
        let (found, chosen) = told(vec![early(), held(2, 3, 9, 9, 1)]);
        assert_eq!(
            (found, chosen),
            (vec!["catalog-1 holds 6 of 9 entries of the log".to_owned()], 2)
        );
    }
}
