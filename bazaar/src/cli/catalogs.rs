//! Asking the catalog's group who leads it, and who could be missed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::service::{ServiceId, ServiceKind};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::inspect::Status;

use crate::config::Config;
use crate::links::inspect_client;
use crate::service::member_role;

/// What each catalog replica says of itself; of one that does not answer, why.
#[derive(Debug)]
pub(super) struct Catalogs(BTreeMap<u8, Result<Status, String>>);

impl Catalogs {
    /// Asks all of them at once.
    pub(super) async fn ask(config: &Config, patience: Duration) -> Catalogs {
        let mut asked = JoinSet::new();
        for replica in &config.catalog.replicas {
            let (id, address) = (replica.id, replica.address.to_string());
            asked.spawn(async move {
                let ask = async { inspect_client(&address).await?.status().await };
                let answer = timeout(patience, ask).await;
                let late = || format!("no answer within {patience:?}");
                let answer = answer.map_err(|_| late());
                (id, answer.and_then(|answer| answer.map_err(|error| error.to_string())))
            });
        }
        Catalogs(asked.join_all().await.into_iter().collect())
    }

    /// As [`Catalogs::ask`], of what was asked already.
    pub(super) fn of<'a>(
        statuses: impl IntoIterator<Item = (&'a ServiceId, &'a Result<Status, String>)>,
    ) -> Catalogs {
        let catalogs =
            statuses.into_iter().filter(|(service, _)| service.kind == ServiceKind::Catalog);
        Catalogs(catalogs.map(|(service, status)| (service.id, status.clone())).collect())
    }

    /// What one of them says.
    pub(super) fn status(&self, id: u8) -> Option<&Result<Status, String>> {
        self.0.get(&id)
    }

    /// Who leads: several may believe it for a moment, the one of the highest term is right.
    pub(super) fn leader(&self) -> Option<(u8, &Status)> {
        let engines =
            self.answers().filter_map(|(id, status)| Some((id, status, status.engine.as_ref()?)));
        let leading = engines.filter(|(_, _, engine)| engine.leads);
        leading.max_by_key(|(_, _, engine)| engine.epoch).map(|(id, status, _)| (id, status))
    }

    /// Those that answered.
    pub(super) fn answers(&self) -> impl Iterator<Item = (u8, &Status)> {
        self.0.iter().filter_map(|(id, status)| Some((*id, status.as_ref().ok()?)))
    }

    /// Whose disks count, as the leader says.
    pub(super) fn voters(&self) -> BTreeSet<u8> {
        let engine = self.leader().and_then(|(_, status)| status.engine.as_ref());
        engine.map(|engine| engine.members.voters.clone()).unwrap_or_default()
    }

    /// Would a majority go on without this one? One that is not back yet is no loss, so its end would show nothing. A catalog that
    /// decides alone has no majority: it is killed as everything else is.
    pub(super) fn can_spare(&self, id: u8) -> bool {
        if self.0.len() == 1 {
            return true;
        }
        let voters = self.voters();
        let sound = self.sound(&voters);
        let rest = sound.iter().filter(|other| **other != id).count();
        !voters.is_empty()
            && (!voters.contains(&id) || (sound.contains(&id) && rest > voters.len() / 2))
    }

    /// Voters that lead, or follow the leader.
    fn sound(&self, voters: &BTreeSet<u8>) -> BTreeSet<u8> {
        let Some((leader, _)) = self.leader() else { return BTreeSet::new() };
        let follows = |id: u8, status: &Status| {
            let follower =
                |engine| member_role(id, engine) == "follower" && engine.leader == Some(leader);
            id == leader || status.engine.as_ref().is_some_and(follower)
        };
        let answers = self.answers().filter(|(id, _)| voters.contains(id));
        answers.filter(|(id, status)| follows(*id, status)).map(|(id, _)| id).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use replication::contract::{Members, Status as Engine};

    use super::*;

    /// A catalog of the group of 1, 2 and 3, that believes in this leader.
    pub(in crate::cli) fn catalog(id: u8, leader: Option<u8>, term: u64) -> Status {
        let members = Members { voters: [1, 2, 3].into(), learners: [4].into() };
        let leads = leader == Some(id);
        let engine = Engine { leads, leader, epoch: term, members, ..Engine::default() };
        Status {
            service: ServiceId::catalog(id),
            cluster: "bazaar".to_owned(),
            program: "1".to_owned(),
            open: true,
            draining: false,
            up_ms: 1,
            incarnation: Some(7),
            engine: Some(engine),
            configuration: Default::default(),
            links: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    pub(in crate::cli) fn group_of<const N: usize>(
        statuses: [(u8, Result<Status, String>); N],
    ) -> Catalogs {
        Catalogs(statuses.into())
    }

    fn group(leaders: [Option<Option<u8>>; 3]) -> Catalogs {
        let statuses = (1..).zip(leaders).map(|(id, leader)| {
            let gone = || "gone".to_owned();
            (id, leader.map(|leader| catalog(id, leader, 5)).ok_or_else(gone))
        });
        Catalogs(statuses.collect())
    }

    #[test]
    fn the_leader_of_the_highest_term_leads() {
        let mut group = group([Some(Some(1)), Some(Some(2)), None]);
        group.0.insert(2, Ok(catalog(2, Some(2), 6)));
        assert_eq!(group.leader().map(|(id, _)| id), Some(2));
        assert_eq!(group.voters(), [1, 2, 3].into());
    }

    #[test]
    fn nobody_is_killed_who_would_take_the_majority_along() {
        let all = Some(Some(2));
        assert!((1..=4).all(|id| group([all, all, all]).can_spare(id)));
        let one_away = group([all, all, None]);
        assert!(!one_away.can_spare(1) && !one_away.can_spare(2), "it is needed");
        assert!(!one_away.can_spare(3) && one_away.can_spare(4), "gone already, and no voter");
        assert!(!group([all, all, Some(None)]).can_spare(1), "3 does not follow yet");
        assert!(!group([Some(None), Some(None), Some(None)]).can_spare(1), "nobody leads");
        assert!(Catalogs([(1, Err("gone".to_owned()))].into()).can_spare(1), "a group of one");
    }
}
