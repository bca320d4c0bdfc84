//! What the catalog replicas of a running deployment say together.
//!
//! The most advanced one is the measure. Each of the others is waited for until it has come as far, and then asked for the hash of
//! exactly that prefix of its log; where two are found at the same position, their whole states are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::inspect::CatalogState;

use super::catalogs::{CatalogLine, Disagreement, compare};
use super::{AuditError, Unreachable};
use crate::cli::catalogs::Catalogs;
use crate::config::Config;
use crate::links::{InspectError, inspect_client};

/// How long one replica may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a replica that is not level is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What all of them say.
pub(super) struct Together {
    /// The most advanced one's state.
    pub(super) reference: CatalogState,
    /// Everybody's.
    pub(super) states: BTreeMap<u8, CatalogState>,
    pub(super) lines: Vec<CatalogLine>,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) unreachable: Vec<Unreachable>,
}

pub(super) async fn read(config: &Config, deadline: Instant) -> Result<Together, AuditError> {
    let (voters, members) = members(config, deadline).await;
    let (mut states, failures) = states(config, &members).await;
    let first = |states: &BTreeMap<u8, CatalogState>| {
        let (id, state) = states.iter().max_by_key(|(_, state)| state.position)?;
        Some((*id, state.clone()))
    };
    let reading = states.keys().filter(|id| voters.contains(id)).count();
    let Some((leading, reference)) = first(&states).filter(|_| reading > voters.len() / 2) else {
        return Err(no_majority(config, reading, voters.len(), failures));
    };
    let mut disagreements = Vec::new();
    let mut unreachable = Vec::new();
    for id in states.keys().copied().filter(|id| *id != leading).collect::<Vec<_>>() {
        match follow(config, id, (leading, &reference), deadline).await {
            Ok((state, found)) => {
                states.insert(id, state);
                disagreements.extend(found);
            }
            Err(error) => unreachable.push(gone(id, &error)),
        }
    }
    unreachable.extend(failures.iter().map(|(id, error)| gone(*id, error)));
    let line = |(id, state): (&u8, &CatalogState)| CatalogLine::of(*id, state.position, state.hash);
    let lines = states.iter().map(line).collect();
    Ok(Together { reference, states, lines, disagreements, unreachable })
}

fn gone(id: u8, error: &InspectError) -> Unreachable {
    Unreachable { service: format!("catalog-{id}"), reason: error.to_string() }
}

/// Whose disks count, and who belongs to the group at all. If nobody leads it before the deadline, what the configuration says.
async fn members(config: &Config, deadline: Instant) -> (BTreeSet<u8>, BTreeSet<u8>) {
    loop {
        let catalogs = Catalogs::ask(config, PATIENCE).await;
        let engine = catalogs.leader().and_then(|(_, status)| status.engine.clone());
        if let Some(members) = engine.map(|engine| engine.members) {
            let all = members.voters.union(&members.learners).copied().collect();
            return (members.voters, all);
        }
        if catalogs.answers().next().is_none() || Instant::now() >= deadline {
            let configured: BTreeSet<u8> = config.catalog.first_voters().into_iter().collect();
            return (configured.clone(), configured);
        }
        sleep(ASK_AGAIN).await;
    }
}

type States = (BTreeMap<u8, CatalogState>, BTreeMap<u8, InspectError>);

/// Everybody's state, all asked at once.
async fn states(config: &Config, members: &BTreeSet<u8>) -> States {
    let mut asked = tokio::task::JoinSet::new();
    for id in members.iter().copied() {
        let address = address(config, id);
        asked.spawn(async move {
            (id, async { inspect_client(&address?).await?.catalog().await }.await)
        });
    }
    let (mut states, mut failures) = States::default();
    for (id, answer) in asked.join_all().await {
        match answer {
            Ok(state) => drop(states.insert(id, state)),
            Err(error) => drop(failures.insert(id, error)),
        }
    }
    (states, failures)
}

fn address(config: &Config, id: u8) -> Result<String, InspectError> {
    let replica = config.catalog.replicas.iter().find(|replica| replica.id == id);
    let unknown = || InspectError::Unavailable("it is not in the configuration".to_owned());
    replica.map(|replica| replica.address.to_string()).ok_or_else(unknown)
}

fn no_majority(
    config: &Config,
    read: usize,
    voters: usize,
    failures: BTreeMap<u8, InspectError>,
) -> AuditError {
    match failures.into_iter().next() {
        // Nobody at all: most likely the deployment is stopped.
        Some((id, source)) if read == 0 => {
            AuditError::Catalog { address: address(config, id).unwrap_or_default(), source }
        }
        Some((id, source)) => {
            AuditError::NoMajority { read, voters, why: format!("catalog-{id}: {source}") }
        }
        None => AuditError::NoCatalog,
    }
}

/// Compares a replica with the most advanced one, once it has come as far.
async fn follow(
    config: &Config,
    replica: u8,
    (other, reference): (u8, &CatalogState),
    deadline: Instant,
) -> Result<(CatalogState, Vec<Disagreement>), InspectError> {
    let mut client = inspect_client(&address(config, replica)?).await?;
    let (end, position) = (reference.position, reference.position);
    let found = loop {
        let prefix = client.prefix(end).await?;
        match prefix.hash {
            Some(hash) if hash == reference.hash => break None,
            Some(_) => break Some(Disagreement::Log { replica, other, position }),
            None if prefix.applied >= end => {
                let reason = "it went on so fast that it no longer knows";
                break Some(Disagreement::Unknown { replica, position, reason });
            }
            None if Instant::now() >= deadline => {
                break Some(Disagreement::Behind { replica, position: prefix.applied, end });
            }
            None => sleep(ASK_AGAIN).await,
        }
    };
    let state = client.catalog().await?;
    let mut found: Vec<Disagreement> = found.into_iter().collect();
    if found.is_empty() && state.position == end {
        found = compare((replica, &state), (other, reference));
    }
    Ok((state, found))
}
