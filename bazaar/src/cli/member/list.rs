//! Who belongs to the catalog's group.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};
use replication::contract::Status as Engine;
use serde::Serialize;

use crate::cli::catalogs::Catalogs;
use crate::config::Config;

/// How long one replica may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The group, as its leader has it.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Who leads.
    pub leader: u8,
    /// In which term.
    pub term: u64,
    /// Members, and replicas that the configuration names besides.
    pub replicas: Vec<Line>,
}

/// One replica.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which one.
    pub id: u8,
    /// Where it is, if the configuration knows it.
    pub address: Option<String>,
    /// leader, voter, learner or none.
    pub role: &'static str,
    /// How far its log goes as the leader knows it.
    pub position: Option<u64>,
    /// Why it does not answer, if it does not.
    pub gone: Option<String>,
}

pub(super) async fn ask(config: &Config) -> Catalogs {
    Catalogs::ask(config, PATIENCE).await
}

impl Group {
    /// What the leader says; nothing if nobody leads.
    pub(super) fn of(config: &Config, catalogs: &Catalogs) -> Option<Group> {
        let (leader, status) = catalogs.leader()?;
        let engine = status.engine.clone().unwrap_or_default();
        let configured = config.catalog.replicas.iter().map(|replica| replica.id);
        let members = engine.members.voters.iter().chain(&engine.members.learners).copied();
        let all: BTreeSet<u8> = configured.chain(members).collect();
        let line = |id| line(config, catalogs, leader, &engine, id);
        let replicas = all.into_iter().map(line).collect();
        Some(Group { leader, term: engine.epoch, replicas })
    }
}

fn line(config: &Config, catalogs: &Catalogs, leader: u8, engine: &Engine, id: u8) -> Line {
    let replica = config.catalog.replicas.iter().find(|replica| replica.id == id);
    let role = if id == leader {
        "leader"
    } else if engine.members.voters.contains(&id) {
        "voter"
    } else if engine.members.learners.contains(&id) {
        "learner"
    } else {
        "none"
    };
    Line {
        id,
        address: replica.map(|replica| replica.address.to_string()),
        role,
        position: match id == leader {
            true => Some(engine.durable),
            false => engine.matched.iter().find(|(peer, _)| *peer == id).map(|(_, at)| *at),
        },
        gone: catalogs.status(id).and_then(|status| status.as_ref().err().cloned()),
    }
}

/// What to say when nobody leads.
pub(super) fn leaderless(catalogs: &Catalogs) -> String {
    let answering: Vec<String> =
        catalogs.answers().map(|(id, _)| format!("catalog-{id}")).collect();
    if answering.is_empty() {
        return "no catalog replica answers".to_owned();
    }
    format!("nobody leads the catalog; {} answer: a majority must run", answering.join(", "))
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["replica", "role", "position", "address", ""]);
        for line in &self.replicas {
            table.add_row([
                format!("catalog-{}", line.id),
                line.role.to_owned(),
                line.position.map(|position| position.to_string()).unwrap_or_default(),
                line.address.clone().unwrap_or_else(|| "not in the configuration".to_owned()),
                line.gone.as_ref().map(|why| format!("gone: {why}")).unwrap_or_default(),
            ]);
        }
        write!(f, "led by catalog-{} in term {}\n{table}", self.leader, self.term)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::catalogs::tests::{catalog, group_of};
    use crate::config::LocalPorts;

    #[test]
    fn members_and_configured_replicas_are_listed_as_the_leader_has_them() {
        let config = Config::local(&LocalPorts::counted(8080, 7101, 5, 1), Path::new("d"));
        let mut leader = catalog(2, Some(2), 9);
        let engine = leader.engine.as_mut().unwrap();
        (engine.durable, engine.matched) = (77, vec![(1, 70), (4, 3)]);
        let catalogs = group_of([
            (1, Ok(catalog(1, Some(2), 9))),
            (2, Ok(leader)),
            (3, Err("refused".to_owned())),
        ]);
        let group = Group::of(&config, &catalogs).expect("somebody leads");
        assert_eq!((group.leader, group.term), (2, 9));
        let told: Vec<_> =
            group.replicas.iter().map(|line| (line.id, line.role, line.position)).collect();
        let expected = [
            (1, "voter", Some(70)),
            (2, "leader", Some(77)),
            (3, "voter", None),
            (4, "learner", Some(3)),
            (5, "none", None),
        ];
        assert_eq!(told, expected);
        let text = group.to_string();
        assert!(
            text.contains("gone: refused") && text.contains("led by catalog-2 in term 9"),
            "{text}"
        );
        assert!(Group::of(&config, &group_of([(1, Ok(catalog(1, None, 9)))])).is_none());
    }
}
