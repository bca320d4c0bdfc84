//! `bazaar config check`: what is wrong with a configuration, with file and line.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::config::settings::SETTINGS;
use crate::config::{Config, ConfigArgs, Problem, Severity};

/// Arguments of `bazaar config`.
#[derive(Args, Debug)]
pub struct ConfigCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What `bazaar config` can do.
#[derive(Subcommand, Debug)]
pub enum ConfigAction {
    /// Say what is wrong with the configuration, with file and line, and what to do
    Check(CheckArgs),
}

/// Arguments of `bazaar config check`.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// List every setting that can be overridden, and stop
    #[arg(long)]
    pub settings: bool,
}

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// It can work.
    pub ok: bool,
    /// Services, if it can work.
    pub services: Vec<String>,
    /// What is wrong or odd.
    pub problems: Vec<Problem>,
}

/// Runs `bazaar config …`. The exit code is 1 if something cannot work.
pub fn run(command: &ConfigCommand) -> ExitCode {
    match &command.action {
        ConfigAction::Check(args) => run_check(args),
    }
}

fn run_check(args: &CheckArgs) -> ExitCode {
    if args.settings {
        print!("{}", settings_text());
        return ExitCode::SUCCESS;
    }
    let report = check(&args.config);
    if args.json {
        match serde_json::to_string_pretty(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("the report cannot be written: {error}"),
        }
    } else {
        print!("{}", report_text(&report));
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Checks a configuration.
pub fn check(args: &ConfigArgs) -> Report {
    match args.load() {
        Ok(loaded) => {
            Report { ok: true, services: services(&loaded.config), problems: loaded.warnings }
        }
        Err(error) => Report { ok: false, services: Vec::new(), problems: error.problems() },
    }
}

fn services(config: &Config) -> Vec<String> {
    let mut services: Vec<String> = config.services().iter().map(ToString::to_string).collect();
    services.extend(config.payment.as_ref().map(|_| "payment".to_owned()));
    services
}

fn report_text(report: &Report) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        text.push_str(&format!("{problem}\n"));
    }
    let of = |severity| report.problems.iter().filter(|p| p.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    if report.ok {
        text.push_str(&format!("ok: {}; {warnings} warnings\n", report.services.join(", ")));
    } else {
        text.push_str(&format!("{errors} errors, {warnings} warnings\n"));
    }
    text
}

fn settings_text() -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        let variable = format!("BAZAAR_{}", setting.path.replace('.', "_").to_uppercase());
        text.push_str(&format!("{:<26} {variable:<34} {}\n", setting.path, setting.about));
    }
    text.push_str(
        "Of a member by its id: catalog.1.address, orders.2.listen, orders.2.metrics, gateways.1.internal\n",
    );
    text
}
