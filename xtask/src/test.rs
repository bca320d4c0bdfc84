//! The one test command.
//!
//! Every test run selects the whole workspace and filters by kind of test, not by package: a smaller selection of packages
//! would turn on fewer features of shared crates and build them a second time.

use std::process::{Command, ExitCode, Stdio};

use crate::check;
use crate::steps::Steps;

/// Worlds the simulator runs in CI, in the development profile: the pure rooms are optimised there too, and a second
/// build for the release profile would take longer than it saves.
const SEEDS: &str = "2000";

/// Worlds of the long share.
const LONG_SEEDS: &str = "100000";

/// Where the simulator lists its deliberate bugs.
const MUTANTS: &str = "sim/src/mutant.rs";

/// Worlds at a time in CI's share; CI machines have two cores.
const JOBS: &str = "2";

/// Runs everything and prints `N passed, N failed` as the last line.
pub(crate) fn run(steps: &mut Steps, long: bool) -> ExitCode {
    check::run(steps);
    run_tests(steps, "unit tests", &["--lib", "--bins"]);
    steps.cargo_tests("documentation tests", &["test", "--workspace", "--doc", "--no-fail-fast"]);
    let seeds = ["run", "--package", "sim", "--", "--seeds", SEEDS, "--jobs", JOBS];
    steps.cargo_as_test("simulator: CI's share of worlds", &seeds);
    run_mutants(steps);
    run_tests(steps, "integration and real-process tests", &["--test", "*"]);
    if long {
        run_long(steps);
    }
    steps.print_table();
    let passed = steps.all_passed() && steps.tally.failed == 0;
    println!("{} passed, {} failed", steps.tally.passed, steps.tally.failed);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every deliberate bug must be found; the simulator itself says which there are.
fn run_mutants(steps: &mut Steps) {
    let mutants = std::fs::read_to_string(steps.root().join(MUTANTS)).unwrap_or_default();
    let names = mutant_names(&mutants);
    if names.is_empty() {
        let complaint = format!("{MUTANTS}: no mutants; list them in `ALL` as (\"name\", …)");
        steps.rule("simulator: mutants", |_| vec![complaint]);
    }
    for name in names {
        let run = ["run", "--package", "sim", "--", "--mutant", name, "--seeds", SEEDS];
        let run = [&run[..], &["--jobs", JOBS]].concat();
        steps.cargo_as_test(&format!("simulator: mutant {name}"), &run);
    }
}

/// The names in `pub const ALL: … = &[("name", …), …];`.
fn mutant_names(text: &str) -> Vec<&str> {
    let list = text.split_once("const ALL").and_then(|(_, rest)| rest.split_once("];"));
    let list = list.map_or("", |(list, _)| list);
    list.split("(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

fn run_long(steps: &mut Steps) {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let seeds =
        ["run", "--release", "--package", "sim", "--", "--seeds", LONG_SEEDS, "--jobs", &jobs];
    steps.cargo_as_test("simulator: long share of worlds", &seeds);
    let ignored = ["test", "--workspace", "--no-fail-fast", "--", "--ignored"];
    steps.cargo_tests("slow tests", &ignored);
}

/// Runs tests with nextest if it is there, else with cargo's own runner.
fn run_tests(steps: &mut Steps, name: &str, kinds: &[&str]) {
    let mut arguments = if has_nextest() {
        vec!["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "pass"]
    } else {
        vec!["test", "--workspace", "--no-fail-fast"]
    };
    arguments.extend_from_slice(kinds);
    steps.cargo_tests(name, &arguments);
}

fn has_nextest() -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(cargo)
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutants_are_read_off_their_list() {
        let text = "const OTHER: &str = (\"x\");\npub const ALL: &[(&str, Mutant)] = &[\n    (\"a-b\", M::A(B::C)),\n    (\"d\", M::D),\n];\nfn f() { g((\"y\")) }";
        assert_eq!(mutant_names(text), ["a-b", "d"]);
        assert_eq!(mutant_names("nothing"), Vec::<&str>::new());
    }
}
