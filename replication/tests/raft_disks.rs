//! Words of disks that took the place of others.

use bytes::Bytes;
use replication::contract::{self, Effect, Engine, Epoch, Incarnation, Recovered};
use replication::raft::{Config, Kind, Message, Raft};
use replication::time::Time;

const LEADER: u8 = 2;

fn heartbeat(incarnation: Incarnation, term: Epoch) -> contract::Message {
    contract::Message::Raft(Message {
        kind: Kind::Heartbeat,
        incarnation,
        to_incarnation: 11,
        term,
        log_term: 0,
        index: 0,
        commit: 0,
        commit_term: 0,
        entries: Vec::new(),
        reject: false,
        reject_hint: 0,
        context: Bytes::new(),
        snapshot: None,
    })
}

/// The disk that the answer to a heartbeat is meant for.
fn asked_for(follower: &mut Raft, incarnation: Incarnation, term: Epoch) -> Option<Incarnation> {
    let now = Time(1_000_000);
    follower.receive(now, LEADER, heartbeat(incarnation, term));
    follower.flush(now);
    let mut answers = Vec::new();
    for effect in follower.effects() {
        match effect {
            Effect::Persist { ticket, .. } => follower.persisted(now, ticket),
            Effect::Send { to: LEADER, message: contract::Message::Raft(message) } => {
                answers.push(message);
            }
            _ => {}
        }
    }
    let answer = answers.into_iter().find(|answer| answer.kind == Kind::HeartbeatAnswer)?;
    Some(answer.to_incarnation)
}

/// The follower was away while its leader's disk was lost, removed and added: it answers the disk that asks, or the leader would never
/// hear how far behind it is.
#[test]
fn a_follower_that_missed_a_change_of_disks_answers_the_new_one() {
    let config = Config::new(1, [1, 2, 3], 11, 7);
    let mut follower = Raft::new(config, Recovered::default(), Time(0)).expect("an empty disk");
    assert_eq!(asked_for(&mut follower, 21, 1), Some(21));
    assert_eq!(asked_for(&mut follower, 22, 5), Some(22));
}
