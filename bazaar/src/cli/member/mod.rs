//! `bazaar member`: who belongs to the catalog's group, and changes of that, one at a time.
//!
//! Whoever is asked, the leader answers: the command finds it, follows it when it changes, and waits until a change is done, not
//! only taken. A replica whose disk was lost is removed and added again: as the new disk that it is.

mod change;
mod list;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use replication::contract::MemberError;
use serde::Serialize;

use crate::config::{Config, ConfigArgs, ConfigError};

/// Arguments of `bazaar member`.
#[derive(Args, Debug)]
pub struct MemberCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: MemberAction,
}

/// What `bazaar member` can do.
#[derive(Subcommand, Debug)]
pub enum MemberAction {
    /// Say who belongs to the catalog's group
    List(ListArgs),
    /// Take a catalog replica in; it must run, and stand in the configuration of every service
    Add(ChangeArgs),
    /// Take a catalog replica out
    Remove(ChangeArgs),
}

/// Arguments of `bazaar member list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bazaar member add` and `remove`.
#[derive(Args, Clone, Debug)]
pub struct ChangeArgs {
    /// Which catalog replica
    #[arg(value_parser = clap::value_parser!(u8).range(1..))]
    pub id: u8,
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long to wait until the change is done
    #[arg(long, default_value = "60", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub wait: u64,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

/// What a command says when it is over.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// It is as it was wished.
    pub done: bool,
    /// What was done, or is missing.
    pub message: String,
    /// The group then, if somebody leads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<list::Group>,
}

/// Why there is no answer at all.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nobody knows where this replica is.
    #[error("the configuration has no catalog replica {0}: every service must know its address")]
    NotConfigured(u8),
    /// The group does not take it.
    #[error("{0}")]
    Refused(#[from] MemberError),
}

/// Runs the command. Exit code 0: it is as it was wished; 1: not (yet); 2: it could not even be asked for.
pub async fn run(command: MemberCommand) -> ExitCode {
    let (json, outcome) = match command.action {
        MemberAction::List(args) => (args.json, list_members(&args).await),
        MemberAction::Add(args) => (args.json, add(&args).await),
        MemberAction::Remove(args) => (args.json, remove(&args).await),
    };
    match outcome {
        Ok(outcome) => {
            print(&outcome, json);
            if outcome.done { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(error) => {
            eprintln!("bazaar member: {error}");
            let refused = matches!(error, CommandError::Refused(_));
            ExitCode::from(if refused { 1 } else { 2 })
        }
    }
}

async fn list_members(args: &ListArgs) -> Result<Outcome, CommandError> {
    let config = args.config.load()?.config;
    let catalogs = list::ask(&config).await;
    Ok(match list::Group::of(&config, &catalogs) {
        Some(group) => Outcome { done: true, message: group.to_string(), group: Some(group) },
        None => Outcome { done: false, message: list::leaderless(&catalogs), group: None },
    })
}

async fn add(args: &ChangeArgs) -> Result<Outcome, CommandError> {
    let config = loaded(args)?;
    if !config.catalog.replicas.iter().any(|replica| replica.id == args.id) {
        return Err(CommandError::NotConfigured(args.id));
    }
    change::add(&config, args.id, Duration::from_secs(args.wait)).await
}

async fn remove(args: &ChangeArgs) -> Result<Outcome, CommandError> {
    change::remove(&loaded(args)?, args.id, Duration::from_secs(args.wait)).await
}

fn loaded(args: &ChangeArgs) -> Result<Config, CommandError> {
    Ok(args.config.load()?.config)
}

fn print(outcome: &Outcome, json: bool) {
    if json {
        let text = serde_json::to_string_pretty(outcome).expect("an outcome is plain data");
        return println!("{text}");
    }
    println!("{}", outcome.message);
}
