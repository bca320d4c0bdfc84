//! Agreement under load: how many commands a second, and how long one takes from its proposal to its delivery where it
//! was proposed.
//!
//! # What is measured
//! Every member is a process of its own: the engine under the real driver, with the real log (one `fdatasync` per batch),
//! store, links and datagrams. Proposers are closed loops inside the members: each proposes its next command when its last
//! one was delivered at its member. Under an engine with a leader all of them sit at the leader, which spares it the hop
//! that clients elsewhere would pay; under the rotating sequencer they are spread over the members. So what is
//! compared is agreement, not how requests come in.
//!
//! # A crash
//! With `--crash` a member is killed under load, and the longest time without any delivery at a survivor is what counts: noticing,
//! agreeing to go on without it, and whatever else the machine does meanwhile.
//!
//! # What is checked
//! A measurement counts only if all members end with the same number of commands and the same chain hash.

mod corosync;
mod crash;
mod engine;
mod group;
mod inspector;
mod ledger;
mod member;
mod network;
mod report;

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

pub(crate) use engine::Kind;
pub(crate) use member::{MemberOptions, member};

/// How to measure.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Engines, in the sequence in which each round runs them; by default all of this project that can be measured so.
    #[arg(long, value_enum, value_delimiter = ',')]
    engines: Vec<Kind>,
    /// Instead: kill one member with SIGKILL in each round, the leader or, where nobody leads, one after the other, and say for
    /// how long nothing was delivered at the others.
    #[arg(long)]
    crash: bool,
    /// Members of the group.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=9))]
    members: u8,
    /// Proposers at the same time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 256])]
    proposers: Vec<u32>,
    /// Bytes of a command (at least 16).
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_024], value_parser = clap::value_parser!(u32).range(16..=65_536))]
    bytes: Vec<u32>,
    /// Seconds of each measurement, after one second that is not counted.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Rounds; each runs every engine with every load.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Nothing is written to disk, so nothing survives: only to compare with systems that do the same.
    #[arg(long)]
    no_durability: bool,
    /// The figures as JSON, one object per line.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn engines(&self, default: &[Kind]) -> Vec<Kind> {
        if self.engines.is_empty() { default.to_vec() } else { self.engines.clone() }
    }
}

/// One load for one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Bytes of a command.
    pub(crate) bytes: u32,
    /// Proposers at the same time.
    pub(crate) proposers: u32,
}

impl Load {
    /// How many of the proposers sit at a member, where they are spread.
    fn share(self, id: u8, members: u8) -> u32 {
        let (id, members) = (u32::from(id), u32::from(members));
        self.proposers / members + u32::from(id <= self.proposers % members)
    }
}

/// Time that is not counted: queues fill, files are allocated.
const WARM_UP: Duration = Duration::from_secs(1);

/// Runs all measurements and prints the table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match options.crash {
        true => runtime.block_on(crash::measure_all(options)),
        false => runtime.block_on(measure_all(options)),
    }
}

async fn measure_all(options: &Options) -> anyhow::Result<()> {
    let mut report = report::Report::default();
    for round in 1..=options.rounds {
        for kind in options.engines(&Kind::OURS) {
            let mut group = Measured::start(kind, options).await?;
            for load in loads(options) {
                let figures = group.measure(load, Duration::from_secs(options.seconds)).await?;
                if options.json {
                    println!("{}", report::line(round, kind, load, &figures)?);
                } else {
                    eprintln!("round {round}: {}", report::sentence(kind, load, &figures));
                }
                report.add(kind, load, figures);
            }
            group.finish().await?;
        }
    }
    if !options.json {
        println!("{}", report.table());
    }
    Ok(())
}

/// Who is measured.
enum Measured {
    Ours(group::Group),
    Corosync(corosync::Ring),
}

impl Measured {
    async fn start(kind: Kind, options: &Options) -> anyhow::Result<Measured> {
        if kind != Kind::Corosync {
            return Ok(Measured::Ours(group::Group::start(kind, options).await?));
        }
        anyhow::ensure!(
            options.no_durability,
            "corosync writes nothing: it is only compared with --no-durability"
        );
        Ok(Measured::Corosync(corosync::Ring::start(options.members)?))
    }

    async fn measure(&mut self, load: Load, length: Duration) -> anyhow::Result<group::Figures> {
        match self {
            Measured::Ours(group) => group.measure(load, WARM_UP, length).await,
            Measured::Corosync(ring) => ring.measure(load, WARM_UP, length).await,
        }
    }

    async fn finish(self) -> anyhow::Result<()> {
        match self {
            Measured::Ours(group) => group.finish().await,
            Measured::Corosync(ring) => ring.finish().await,
        }
    }
}

fn loads(options: &Options) -> impl Iterator<Item = Load> {
    let of = |bytes: u32| options.proposers.iter().map(move |&proposers| Load { bytes, proposers });
    options.bytes.iter().flat_map(move |&bytes| of(bytes))
}
