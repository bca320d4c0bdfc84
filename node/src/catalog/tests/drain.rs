//! An orderly stop.

use super::harness::*;
use crate::message::Message;
use crate::process::{Effect, Input};

fn drained(bench: &Bench) -> usize {
    bench.others.iter().filter(|effect| matches!(effect, Effect::Drained)).count()
}

#[test]
fn what_is_under_way_is_answered_and_nothing_new_begins() {
    let mut bench = Bench::serving();
    let session = bench.renew(1, 0).unwrap().session;
    bench.decide(1, vec![buy(1, "Tux", 4)]);
    bench.input(Input::Drain);
    bench.take();
    bench.decide(2, vec![buy(2, "Tux", 4)]);
    assert!(matches!(bench.take()[..], [Message::Fenced(_)]));
    assert_eq!(bench.renew(1, session), None, "no lease outlives this catalog for long");
    bench.sync();
    bench.run(10);
    assert_eq!(drained(&bench), 0, "an answer waits for the gateway");
    bench.confirm(1, session, &[1]);
    assert_eq!(bench.decisions().len(), 1);
    bench.input(Input::Drain);
    bench.run(10);
    assert_eq!(drained(&bench), 1, "said once");
}
