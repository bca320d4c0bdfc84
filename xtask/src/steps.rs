//! Steps: named pieces of work, run one after the other, each with its time and outcome.
//!
//! A failing step does not end the run: one run shows everything that is wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use crate::tally::Tally;

/// The steps of one run.
pub(crate) struct Steps {
    root: PathBuf,
    done: Vec<Done>,
    /// Test outcomes of all steps so far.
    pub(crate) tally: Tally,
}

struct Done {
    name: String,
    seconds: f64,
    passed: bool,
}

impl Steps {
    /// No steps yet, for the workspace at `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Steps { root: root.to_owned(), done: Vec::new(), tally: Tally::default() }
    }

    /// The workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs cargo and passes its output through.
    pub(crate) fn cargo(&mut self, name: &str, arguments: &[&str], env: &[(&str, &str)]) -> bool {
        let mut command = self.command(arguments, env);
        self.work(name, |_| command.status().is_ok_and(|status| status.success()))
    }

    /// Runs cargo, passes its output through, and counts the tests that it reports. A run that fails without naming a
    /// failed test (it did not build, it crashed) counts as one failed test.
    pub(crate) fn cargo_tests(&mut self, name: &str, arguments: &[&str]) -> bool {
        let mut command = self.command(arguments, &[]);
        self.work(name, |steps| {
            let mut tally = Tally::default();
            let passed = run_counting(&mut command, &mut tally);
            tally.settle(passed);
            steps.tally.add(&tally);
            passed
        })
    }

    /// Runs cargo as one single test: it counts one, passed or failed.
    pub(crate) fn cargo_as_test(&mut self, name: &str, arguments: &[&str]) -> bool {
        let passed = self.cargo(name, arguments, &[]);
        self.tally.add(&Tally::single(passed));
        passed
    }

    /// Runs a rule of the house; it returns its complaints.
    pub(crate) fn rule(&mut self, name: &str, rule: impl FnOnce(&Path) -> Vec<String>) -> bool {
        self.work(name, |steps| {
            let complaints = rule(&steps.root);
            complaints.iter().for_each(|complaint| println!("{complaint}"));
            complaints.is_empty()
        })
    }

    /// True if every step so far passed.
    pub(crate) fn all_passed(&self) -> bool {
        self.done.iter().all(|step| step.passed)
    }

    /// Prints the steps with their times.
    pub(crate) fn print_table(&self) {
        println!("\n{:<44} {:>9}  outcome", "step", "seconds");
        for step in &self.done {
            let outcome = if step.passed { "ok" } else { "FAILED" };
            println!("{:<44} {:>9.1}  {outcome}", step.name, step.seconds);
        }
    }

    /// Prints the steps; the exit code says whether all passed.
    pub(crate) fn finish(&self) -> ExitCode {
        self.print_table();
        if self.all_passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn command(&self, arguments: &[&str], env: &[(&str, &str)]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).envs(env.iter().copied()).current_dir(&self.root);
        command
    }

    fn work(&mut self, name: &str, work: impl FnOnce(&mut Self) -> bool) -> bool {
        println!("== {name}");
        let start = Instant::now();
        let passed = work(self);
        let seconds = start.elapsed().as_secs_f64();
        println!("== {name}: {} in {seconds:.1} s", if passed { "ok" } else { "FAILED" });
        self.done.push(Done { name: name.to_owned(), seconds, passed });
        passed
    }
}

/// Runs a command; both of its streams are passed through line by line and counted.
fn run_counting(command: &mut Command, tally: &mut Tally) -> bool {
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = spawned else { return false };
    let stderr = child.stderr.take();
    let stdout = child.stdout.take();
    let of_stderr = std::thread::spawn(move || {
        let mut tally = Tally::default();
        if let Some(stream) = stderr {
            pass_through(stream, &mut std::io::stderr(), &mut tally);
        }
        tally
    });
    if let Some(stream) = stdout {
        pass_through(stream, &mut std::io::stdout(), tally);
    }
    if let Ok(more) = of_stderr.join() {
        tally.add(&more);
    }
    child.wait().is_ok_and(|status| status.success())
}

fn pass_through(from: impl Read, to: &mut impl Write, tally: &mut Tally) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // A reader that went away (a closed pipe) must not stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
}
