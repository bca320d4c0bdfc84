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

/// Worlds at a time in CI's share; CI machines have two cores.
const JOBS: &str = "2";

/// Runs everything and prints `N passed, N failed` as the last line.
pub(crate) fn run(steps: &mut Steps, long: bool) -> ExitCode {
    check::run(steps);
    run_tests(steps, "unit tests", &["--lib", "--bins"]);
    steps.cargo_tests("documentation tests", &["test", "--workspace", "--doc", "--no-fail-fast"]);
    let seeds = ["run", "--package", "sim", "--", "--seeds", SEEDS, "--jobs", JOBS];
    steps.cargo_as_test("simulator: CI's share of worlds", &seeds);
    steps.cargo_as_test("simulator: mutants", &["run", "--package", "sim", "--", "--mutants"]);
    run_tests(steps, "integration and real-process tests", &["--test", "*"]);
    if long {
        run_long(steps);
    }
    steps.print_table();
    let passed = steps.all_passed() && steps.tally.failed == 0;
    println!("{} passed, {} failed", steps.tally.passed, steps.tally.failed);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
