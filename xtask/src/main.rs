//! The workshop: one read-only gate (`check`), one writer (`fix`), one test command (`test`).
//!
//! `check` never edits a file; whatever it complains about, its message names the cure. `fix` does the edits that a
//! machine can do. `test` is what CI runs, whole: nothing is tested there that a person cannot run here.

mod check;
mod lexer;
mod manifest;
mod packages;
mod rules;
mod steps;
mod tally;
mod test;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::steps::Steps;

/// The workshop of Bazaar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What the workshop can do.
#[derive(Subcommand)]
enum Command {
    /// Read-only gate: format, lints, layering, purity, sizes, headers, links, docs.
    Check,
    /// Do the edits a machine can do: format, lint suggestions, generated protobuf code.
    Fix,
    /// The one test command: installs what is missing, then runs everything that CI runs.
    Test {
        /// Also the long share: many more worlds, and tests that are ignored for being slow.
        #[arg(long)]
        long: bool,
    },
    /// Run the simulator, built for speed, with these arguments.
    Sim {
        /// Passed on as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let root = tree::root()?;
    let mut steps = Steps::new(&root);
    match Cli::parse().command {
        Command::Check => {
            check::run(&mut steps);
            Ok(steps.finish())
        }
        Command::Fix => {
            check::fix(&mut steps);
            Ok(steps.finish())
        }
        Command::Test { long } => {
            packages::install_missing()?;
            Ok(test::run(&mut steps, long))
        }
        Command::Sim { arguments } => {
            let mut command = vec!["run", "--profile", "dream", "--package", "sim", "--"];
            command.extend(arguments.iter().map(String::as_str));
            steps.cargo("simulator", &command, &[]);
            Ok(steps.finish())
        }
    }
}
