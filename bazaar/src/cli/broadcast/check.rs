//! The truth afterwards: do all members hold the same, and is everything there that was acknowledged?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use market::customers::Side;
use node::message::{CustomerAnswer, CustomerQuestion, CustomerReply, CustomerRequest};
use node::service::{ServiceId, ServiceKind};
use replication::contract::{ChainHash, Position};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::client::{Opened, Run};
use crate::config::Config;
use crate::links::inspect_client;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Questions under way at once.
const QUESTIONS: usize = 256;

/// Where every member stands.
pub(super) type Standing = BTreeMap<ServiceId, Option<(Position, ChainHash)>>;

/// Waits until all members stand at the same position with the same hash; says where they stood last.
pub(super) async fn level(config: &Config, patience: Duration) -> (bool, Standing) {
    let deadline = Instant::now() + patience;
    loop {
        let standing = standing(config).await;
        let mut all = standing.values();
        let first = all.next().copied().flatten();
        if first.is_some() && all.all(|other| *other == first) {
            return (true, standing);
        }
        if Instant::now() >= deadline {
            return (false, standing);
        }
        sleep(PAUSE).await;
    }
}

async fn standing(config: &Config) -> Standing {
    let mut asked = JoinSet::new();
    for member in config.services().into_iter().filter(|it| it.kind == ServiceKind::Customers) {
        let Some(address) = config.grpc_address(member).map(ToString::to_string) else { continue };
        asked.spawn(async move { (member, prefix(&address).await) });
    }
    asked.join_all().await.into_iter().collect()
}

/// How far a member has come, and the hash of that; none if it does not answer, or went on meanwhile.
async fn prefix(address: &str) -> Option<(Position, ChainHash)> {
    let mut client = inspect_client(address).await.ok()?;
    let applied = client.prefix(0).await.ok()?.applied;
    let hash = client.prefix(applied).await.ok()?.hash?;
    Some((applied, hash))
}

/// Which of these accounts is not there, or is another one.
pub(super) async fn missing(
    run: &Arc<Run>,
    opened: Vec<Opened>,
    patience: Duration,
) -> Vec<String> {
    let deadline = Instant::now() + patience;
    let (mut missing, mut asked) = (Vec::new(), JoinSet::new());
    for (account, number) in opened.into_iter().zip(0_usize..) {
        while asked.len() >= QUESTIONS {
            missing.extend(asked.join_next().await.and_then(Result::ok).flatten());
        }
        asked.spawn(find(run.clone(), account, number, deadline));
    }
    missing.extend(asked.join_all().await.into_iter().flatten());
    missing
}

async fn find(run: Arc<Run>, opened: Opened, number: usize, deadline: Instant) -> Option<String> {
    let question = CustomerQuestion::Credentials { side: Side::Buyer, login: opened.login.clone() };
    let login = opened.login.as_str();
    while Instant::now() < deadline {
        let linked = run.group.linked();
        if linked.is_empty() {
            sleep(PAUSE).await;
            continue;
        }
        let member = linked[number % linked.len()];
        let request = CustomerRequest::Read { question: question.clone(), fresh: true };
        match run.group.ask(member, request).await {
            Some(CustomerReply::Read(CustomerAnswer::Credentials(Some(found)))) => {
                let same = found.owner.id == opened.account;
                return (!same).then(|| format!("{login} is account {}", found.owner.id));
            }
            Some(CustomerReply::Read(_)) => return Some(format!("{login} is not at {member}")),
            _ => sleep(PAUSE).await,
        }
    }
    Some(format!("{login}: no member answers"))
}
