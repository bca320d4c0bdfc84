//! The customers' worlds, a share of the seeds on every test run: sound, repeatable, and full of what they are for.

use replication::mutants::Mutant;
use sim::broadcast::run_seed;
use sim::campaign::{Group, Tally, run_checked};
use sim::trace::Keep;

/// Seeds that `cargo test` runs; CI runs more by the command line.
const SEEDS: u64 = 300;

#[test]
fn a_share_of_the_seeds_is_sound() {
    let mut tally = Tally { group: Group::Customers, ..Tally::default() };
    for seed in 0..SEEDS {
        tally.add(seed, run_checked(Group::Customers, seed, None));
    }
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    for mark in ["crashes", "disks lost", "snapshots taken", "digests written", "pauses"] {
        assert!(tally.marks.count(mark) > 0, "{mark} never came up");
    }
    assert!(tally.marks.count("commands delivered") > SEEDS * 20, "hardly anything was delivered");
}

#[test]
fn a_seed_is_one_story() {
    for seed in 0..20 {
        let (first, second) =
            (run_seed(seed, None, Keep::Nothing), run_seed(seed, None, Keep::Last(50)));
        assert_eq!((first.hash, first.events), (second.hash, second.events), "seed {seed}");
        assert_eq!(second.story.1.len(), 50, "lines are kept without changing the story");
    }
}

/// In this world a member takes a snapshot and gives a State before its digest is durable. What it vouched for before is on its disk
/// all the same. (The deliberate mistake only makes the moment come up: it costs repairs, not promises.)
#[test]
fn what_a_member_vouched_for_outlives_a_snapshot() {
    let outcome = run_seed(2660, Some(Mutant::NackOnlyTheSender), Keep::Nothing);
    assert_eq!(outcome.violation, None);
    assert!(
        outcome.marks.count("snapshots taken") > 0,
        "the story is another one: find a seed anew"
    );
}
