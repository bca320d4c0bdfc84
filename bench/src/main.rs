//! Measurements beside peers, each in the same run.
//!
//! `bench broadcast` measures what a group of replicas agrees on in a second: the engines of this project on the same
//! workload, one after the other in each round, as separate processes with the real log, store, links and datagrams.

mod broadcast;

use clap::{Parser, Subcommand};

/// Measurements beside peers, each in the same run.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How many commands a second a group agrees on, and how long one takes.
    Broadcast(broadcast::Options),
    /// One member of a group under measurement; started by `broadcast`.
    #[command(hide = true)]
    Member(broadcast::MemberOptions),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Broadcast(options) => broadcast::run(&options),
        Command::Member(options) => broadcast::member(&options),
    }
}
