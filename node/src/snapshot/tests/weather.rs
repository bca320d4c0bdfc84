//! Whatever the network does, whoever is restarted: nothing is ever handed out but exactly a sender's rows, and once the weather
//! is fair again the peer gets them.

use proptest::collection::vec;
use proptest::prelude::*;
use replication::contract::ReplicaId;
use replication::time::Span;

use super::net::{Net, PEER, name, state};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Wish(ReplicaId),
    Read(ReplicaId, usize),
    /// The store of a leader goes on.
    Apply(ReplicaId),
    Deliver(usize),
    Double(usize),
    Lose(usize),
    Pass(u64),
    LinkDown(ReplicaId),
    Restart(ReplicaId),
    RestartPeer,
    /// An engine says to take what one of the senders said is staged.
    Take(usize),
}

fn leader() -> impl Strategy<Value = ReplicaId> {
    prop_oneof![3 => Just(3), 1 => Just(1)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => leader().prop_map(Step::Wish),
        12 => (leader(), 1..4_usize).prop_map(|(id, most)| Step::Read(id, most)),
        1 => leader().prop_map(Step::Apply),
        24 => (0..4_usize).prop_map(Step::Deliver),
        4 => (0..4_usize).prop_map(Step::Double),
        3 => (0..4_usize).prop_map(Step::Lose),
        6 => (1..700_u64).prop_map(Step::Pass),
        1 => leader().prop_map(Step::LinkDown),
        1 => leader().prop_map(Step::Restart),
        1 => Just(Step::RestartPeer),
        1 => (0..4_usize).prop_map(Step::Take),
    ]
}

fn happen(net: &mut Net, step: Step) {
    match step {
        Step::Wish(id) => net.wish(id),
        Step::Read(id, most) => {
            net.read(id, most);
        }
        Step::Apply(id) => net.leaders.get_mut(&id).expect("a leader").position += 1,
        Step::Deliver(at) if at < net.flying.len() => net.deliver(at),
        Step::Double(at) if at < net.flying.len() => net.arrive(net.flying[at].clone()),
        Step::Lose(at) if at < net.flying.len() => drop(net.flying.remove(at)),
        Step::Pass(millis) => net.pass(Span::millis(millis)),
        Step::LinkDown(id) => {
            net.at(id, |sender, _, effects| sender.link(PEER, false, effects));
        }
        Step::Restart(id) => net.restart(id),
        Step::RestartPeer => net.restart_peer(),
        Step::Take(at) => {
            if let Some(name) = net.told.iter().rev().nth(at).cloned() {
                take(net, &name);
            }
        }
        Step::Deliver(_) | Step::Double(_) | Step::Lose(_) => {}
    }
}

fn take(net: &mut Net, name: &replication::contract::SnapshotName) -> bool {
    let rows = net.receiver.take(name);
    if let Some(rows) = &rows {
        assert_eq!(*rows, state(name.position));
    }
    rows.is_some()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn only_a_senders_rows_are_handed_out(steps in vec(step(), 0..160)) {
        let mut net = Net::new();
        for step in steps {
            happen(&mut net, step);
            for leader in net.leaders.values() {
                prop_assert!(leader.pinned.len() <= 1, "one open read per peer");
            }
        }
        // Whatever is staged at the end under any name there ever was.
        for position in 0..64 {
            take(&mut net, &name(position));
        }
    }

    #[test]
    fn in_fair_weather_the_peer_gets_everything(steps in vec(step(), 0..120)) {
        let mut net = Net::new();
        for step in steps {
            happen(&mut net, step);
        }
        // One leader is left, the one of the earlier term.
        net.at(3, |sender, _, effects| sender.clear(effects));
        let position = net.leaders[&1].position;
        for _ in 0..60 {
            net.told.clear();
            net.wish(1);
            net.settle();
            if net.told.contains(&name(position)) && take(&mut net, &name(position)) {
                return Ok(());
            }
            net.pass(Span::millis(200));
        }
        prop_assert!(false, "twelve seconds were not enough");
    }
}
