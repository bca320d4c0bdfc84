//! The one test command.
//!
//! Tests run in two selections of packages. The first has no runtime in it and turns on the deliberate bugs that the
//! simulator can switch on; the second is built exactly as it ships, without them, and needs the runtime only once.

use std::process::{Command, ExitCode, Stdio};

use crate::check;
use crate::steps::Steps;

/// Worlds the simulator runs in CI, in the development profile: the pure rooms are optimised there too, and a second
/// build for the release profile would take longer than it saves.
const SEEDS: &str = "2000";

/// Worlds in which a deliberate bug must be found, at the most. Each is found within 1,200 today; any change of code shuffles
/// the worlds, so this leaves room, and a run ends with the first find anyway.
const MUTANT_SEEDS: &str = "6000";

/// Worlds of the long share.
const LONG_SEEDS: &str = "100000";

/// Where the simulator lists its deliberate bugs.
const MUTANTS: &str = "sim/src/mutant.rs";

/// Worlds at a time in CI's share; CI machines have two cores.
const JOBS: &str = "2";

/// The pure rooms, their simulator, and this workshop.
const PURE: [&str; 10] = [
    "--package",
    "market",
    "--package",
    "replication",
    "--package",
    "node",
    "--package",
    "sim",
    "--package",
    "xtask",
];

/// What ships: the speech and the body.
const BODY: [&str; 4] = ["--package", "wire", "--package", "bazaar"];

/// Runs everything and prints `N passed, N failed` as the last line.
pub(crate) fn run(steps: &mut Steps, long: bool) -> ExitCode {
    check::run(steps);
    run_tests(steps, "tests of the pure rooms", &PURE);
    let seeds = ["run", "--package", "sim", "--", "--seeds", SEEDS, "--jobs", JOBS];
    steps.cargo_as_test("simulator: CI's share of worlds", &seeds);
    steps.cargo_as_test("simulator: CI's share of the customers' worlds", &customers(&seeds));
    run_mutants(steps);
    run_tests(steps, "tests of the body, with real processes", &BODY);
    if long {
        run_long(steps);
    }
    steps.print_table();
    let passed = steps.all_passed() && steps.tally.failed == 0;
    println!("{} passed, {} failed", steps.tally.passed, steps.tally.failed);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The same run, of the customers' group.
fn customers<'a>(run: &[&'a str]) -> Vec<&'a str> {
    [run, &["--group", "customers"]].concat()
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
        let run = ["run", "--package", "sim", "--", "--mutant", name, "--seeds", MUTANT_SEEDS];
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
    let seeds = [
        "run",
        "--profile",
        "dream",
        "--package",
        "sim",
        "--",
        "--seeds",
        LONG_SEEDS,
        "--jobs",
        &jobs,
    ];
    steps.cargo_as_test("simulator: long share of worlds", &seeds);
    steps.cargo_as_test("simulator: long share of the customers' worlds", &customers(&seeds));
    for (name, packages) in
        [("slow tests of the pure rooms", &PURE[..]), ("slow tests of the body", &BODY)]
    {
        let ignored = [&["test", "--no-fail-fast"], packages, &["--", "--ignored"]].concat();
        steps.cargo_tests(name, &ignored);
    }
}

/// Runs tests with nextest if it is there (which knows no documentation tests), else with cargo's own runner.
fn run_tests(steps: &mut Steps, name: &str, packages: &[&str]) {
    if has_nextest() {
        let run = ["nextest", "run", "--no-fail-fast", "--no-tests", "pass"];
        steps.cargo_tests(name, &[&run, packages].concat());
        let doc = ["test", "--doc", "--no-fail-fast"];
        steps.cargo_tests(&format!("{name}: documentation"), &[&doc, packages].concat());
    } else {
        steps.cargo_tests(name, &[&["test", "--no-fail-fast"], packages].concat());
    }
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
