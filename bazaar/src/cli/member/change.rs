//! Changes of members: asked of whoever leads, and watched until they are done.

use std::time::Duration;

use replication::contract::{Incarnation, MemberChange, MemberError, Status as Engine};
use tokio::time::{Instant, sleep};

use super::list::{Group, ask, leaderless};
use super::{CommandError, Outcome};
use crate::cli::catalogs::Catalogs;
use crate::config::Config;
use crate::links;

/// Time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a look at the group says about a change that is wished.
enum Look {
    /// It is done.
    Done,
    /// The leader was asked for it, or is at it; wait.
    UnderWay(String),
    /// The leader should be asked for this.
    Ask(MemberChange),
    /// Not possible now; wait.
    Missing(String),
}

/// Takes a replica in, and waits until it votes.
pub(super) async fn add(config: &Config, id: u8, wait: Duration) -> Result<Outcome, CommandError> {
    let done = format!("catalog-{id} is a member, and votes");
    until(config, wait, &done, |catalogs, engine| look_at_new(catalogs, engine, id)).await
}

/// Takes a replica out, and waits until it is no member any more.
pub(super) async fn remove(
    config: &Config,
    id: u8,
    wait: Duration,
) -> Result<Outcome, CommandError> {
    let done = format!("catalog-{id} is no member");
    let mut asked = false;
    let look = |_: &Catalogs, engine: &Engine| {
        let members = &engine.members;
        if members.voters.contains(&id) || members.learners.contains(&id) {
            asked = true;
            Look::Ask(MemberChange::Remove(id))
        } else if asked {
            Look::Done
        } else {
            // It never was one: the leader says so in its own words.
            asked = true;
            Look::Ask(MemberChange::Remove(id))
        }
    };
    until(config, wait, &done, look).await
}

fn look_at_new(catalogs: &Catalogs, engine: &Engine, id: u8) -> Look {
    let disk = match catalogs.status(id) {
        Some(Ok(status)) => status.incarnation,
        Some(Err(why)) => {
            return Look::Missing(format!("catalog-{id} does not answer ({why}): start it"));
        }
        None => None,
    };
    let Some(disk) = disk else {
        return Look::Missing(format!("catalog-{id} does not say which disk it has"));
    };
    new_member(catalogs, engine, id, disk)
}

/// A voter that hears its leader is in: one whose disk was lost does not, because nobody speaks with its new disk.
fn new_member(catalogs: &Catalogs, engine: &Engine, id: u8, disk: Incarnation) -> Look {
    let own = catalogs.status(id).and_then(|status| status.as_ref().ok()?.engine.as_ref());
    let hears = own.is_some_and(|own| own.leads || own.leader.is_some());
    if engine.members.voters.contains(&id) && hears {
        return Look::Done;
    }
    if engine.members.learners.contains(&id) && hears {
        let matched = engine.matched.iter().find(|(peer, _)| *peer == id).map_or(0, |(_, at)| *at);
        let text = format!("catalog-{id} copies, {matched} of {}", engine.end);
        return Look::UnderWay(format!("{text}; it will vote once it is level"));
    }
    Look::Ask(MemberChange::Add(id, disk))
}

/// Looks, asks, and looks again, until it is done or the time is over.
async fn until(
    config: &Config,
    wait: Duration,
    done: &str,
    mut look: impl FnMut(&Catalogs, &Engine) -> Look,
) -> Result<Outcome, CommandError> {
    let deadline = Instant::now() + wait;
    let mut taken = false;
    loop {
        let catalogs = ask(config).await;
        let led = catalogs.leader().and_then(|(id, status)| Some((id, status.engine.as_ref()?)));
        let missing = match led {
            None => leaderless(&catalogs),
            Some((leader, engine)) => match look(&catalogs, engine) {
                Look::Done => {
                    let group = Group::of(config, &catalogs);
                    return Ok(Outcome { done: true, message: done.to_owned(), group });
                }
                Look::UnderWay(text) | Look::Missing(text) => text,
                Look::Ask(change) => request(config, leader, change, &mut taken).await?,
            },
        };
        if Instant::now() >= deadline {
            let message = format!("not done within {wait:?}: {missing}");
            return Ok(Outcome { done: false, message, group: Group::of(config, &catalogs) });
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Asks the leader for a change; says what to wait for. What only time can cure is no error, and neither is a group that has
/// become what it was `taken` to become.
async fn request(
    config: &Config,
    leader: u8,
    change: MemberChange,
    taken: &mut bool,
) -> Result<String, CommandError> {
    let replica = config.catalog.replicas.iter().find(|replica| replica.id == leader);
    let address = replica.map(|replica| replica.address.to_string());
    let address = address.ok_or(CommandError::NotConfigured(leader))?;
    match links::change_members(&address, change).await {
        Ok(Ok(())) => {
            *taken = true;
            Ok(format!("catalog-{leader} has taken the change, and it is not done yet"))
        }
        Ok(Err(refusal)) if *taken || is_temporary(&refusal) => Ok(refusal.to_string()),
        Ok(Err(refusal)) => Err(CommandError::Refused(refusal)),
        // It may have been taken all the same: only the next look tells.
        Err(error) => {
            *taken = true;
            Ok(format!("catalog-{leader}: {error}"))
        }
    }
}

fn is_temporary(refusal: &MemberError) -> bool {
    matches!(refusal, MemberError::NotLeader { .. } | MemberError::UnderWay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::catalogs::tests::{catalog, group_of};

    fn told(look: Look) -> String {
        match look {
            Look::Done => "done".to_owned(),
            Look::UnderWay(text) | Look::Missing(text) => text,
            Look::Ask(change) => format!("{change:?}"),
        }
    }

    /// What an `add` of this replica does next; the group of 1, 2 and 3 has 4 as its learner.
    fn next(id: u8, answer: Result<Option<u8>, &str>) -> String {
        let own = answer.map(|leader| catalog(id, leader, 5)).map_err(str::to_owned);
        let leader = catalog(1, Some(1), 5);
        let engine = leader.engine.clone().unwrap();
        told(look_at_new(&group_of([(1, Ok(leader)), (id, own)]), &engine, id))
    }

    #[test]
    fn a_replica_is_taken_in_step_by_step() {
        assert!(next(5, Err("refused")).contains("does not answer (refused)"));
        assert_eq!(next(5, Ok(None)), "Add(5, 7)");
        assert!(next(4, Ok(Some(1))).contains("catalog-4 copies, 0 of 0"));
        assert_eq!(next(3, Ok(Some(1))), "done");
        assert_eq!(
            next(3, Ok(None)),
            "Add(3, 7)",
            "the leader judges the disk of one that hears nobody"
        );
    }
}
