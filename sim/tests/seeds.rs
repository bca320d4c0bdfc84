//! A share of the seeds, on every test run: sound worlds, repeatable worlds, situations met, and mutants found.

use sim::campaign::{Group, Tally, run_checked, run_seed};
use sim::mutant::by_name;
use sim::scenario::Scenario;
use sim::trace::Keep;

/// Seeds that `cargo test` runs; CI runs more by the command line.
const SEEDS: u64 = 240;

fn all_sound(seeds: std::ops::Range<u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        tally.add(seed, run_checked(Group::Trading, seed, None));
    }
    assert!(tally.failures.is_empty(), "{:#?}", tally.failures);
    tally
}

#[test]
fn the_first_half_is_sound() {
    let tally = all_sound(0..SEEDS / 2);
    for mark in ["elections", "restarts", "cached reads", "replays by key", "trims", "pauses"] {
        assert!(tally.marks.count(mark) > 0, "{mark} never came up");
    }
}

#[test]
fn the_second_half_is_sound() {
    let tally = all_sound(SEEDS / 2..SEEDS);
    assert!(tally.events > tally.seeds * 5_000, "hardly anything happened");
}

#[test]
fn a_seed_is_one_story() {
    for seed in (0..400).step_by(40) {
        let (first, second) =
            (run_seed(seed, None, Keep::Nothing), run_seed(seed, None, Keep::Last(50)));
        assert_eq!((first.hash, first.events), (second.hash, second.events), "seed {seed}");
        assert_eq!(second.story.1.len(), 50, "lines are kept without changing the story");
    }
}

fn found_within(name: &str, most: u64) {
    let mutant = by_name(name).expect("the name is on the list");
    let found = (0..most).find_map(|seed| run_seed(seed, Some(mutant), Keep::Nothing).violation);
    let violation = found.unwrap_or_else(|| panic!("mutant {name} survived {most} seeds"));
    println!("{name}: {violation}");
}

#[test]
fn acknowledging_before_it_is_durable_is_found() {
    found_within("ack-before-durable", 100);
}

#[test]
fn electing_the_highest_live_id_is_found() {
    found_within("elect-highest-live", 200);
}

#[test]
fn filling_without_a_token_is_found() {
    found_within("fill-without-token", 1_000);
}

#[test]
fn a_catalog_that_acknowledges_before_it_is_durable_is_found() {
    found_within("raft-ack-before-durable", 100);
}

#[test]
fn a_deposed_catalog_that_serves_reads_is_found() {
    found_within("raft-stale-leader-reads", 1_000);
}

#[test]
fn a_group_of_catalogs_is_one_story() {
    let groups = (0..200).filter(|seed| Scenario::draw(*seed).group.members > 1);
    let mut elections = 0;
    for seed in groups.take(8) {
        let (first, second) =
            (run_seed(seed, None, Keep::Nothing), run_seed(seed, None, Keep::Nothing));
        assert_eq!((first.hash, first.events), (second.hash, second.events), "seed {seed}");
        elections += first.marks.count("catalog elections");
    }
    assert!(elections > 0, "leaders changed in some of them");
}
