//! One member as a process: told by lines on standard input, answering with lines of JSON on standard output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bazaar::driver::{Disk, Driver, Handle, Inbox, Io, clock};
use bazaar::storage::log::LogIdentity;
use bazaar::storage::store::WriterOptions;
use bazaar::storage::{Options as DiskOptions, recover};
use clap::Args;
use replication::contract::{Recovered, Role};
use replication::time::Span;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::engine::{self, Kind};
use super::ledger::{Ledger, Seen};
use super::{Load, WARM_UP, network};

/// How often a member looks whether its measurement is over.
const LOOK: Duration = Duration::from_millis(10);

/// Who a member is.
#[derive(Args, Clone, Debug)]
pub(crate) struct MemberOptions {
    /// Its engine.
    #[arg(long, value_enum)]
    pub(crate) engine: Kind,
    /// Which member, from 1.
    #[arg(long)]
    pub(crate) id: u8,
    /// Ports of all members, in the sequence of their ids.
    #[arg(long, value_delimiter = ',')]
    pub(crate) ports: Vec<u16>,
    /// Its folder.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Nothing is written.
    #[arg(long)]
    pub(crate) no_durability: bool,
}

/// What a member is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Told {
    /// Say what you are in your group, and what you hold.
    State,
    /// Measure. What is under way when the time is over is waited for, or not.
    Measure { load: Load, seconds: f64, to_the_end: bool },
}

/// What a member answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// To [`Told::State`].
    State { leads: bool, takes_part: bool, position: u64, hash: String },
    /// To [`Told::Measure`]: how many commands, how often each latency (microseconds) was seen, and the longest time without
    /// any delivery (microseconds; 0 from who does not say).
    Seen {
        delivered: u64,
        latencies: Vec<(u64, u64)>,
        #[serde(default)]
        pause: u64,
    },
}

/// Runs a member until its standard input ends.
pub(crate) fn member(options: &MemberOptions) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let handle = start(options).await?;
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            let answer = match serde_json::from_str(&line)? {
                Told::State => state(&handle),
                Told::Measure { load, seconds, to_the_end } => {
                    measure(&handle, load, seconds, to_the_end).await?
                }
            };
            println!("{}", serde_json::to_string(&answer)?);
        }
        Ok(())
    })
}

async fn start(options: &MemberOptions) -> anyhow::Result<Handle<Ledger>> {
    let members = options.ports.len() as u8;
    let (disk, recovered) = match options.no_durability {
        true => (None, Recovered::default()),
        false => open(options).map(|(disk, recovered)| (Some(disk), recovered))?,
    };
    let engine = engine::start(options.engine, options.id, members, recovered, clock::now().time)?;
    let process = Ledger::new(options.id, members, disk.is_some(), engine);
    let inbox = Inbox::default();
    let links = network::open(options, &inbox).await?;
    let io = Io { links, events: Arc::new(|_| {}), disk };
    Ok(Driver::spawn_with(inbox, process, io)?)
}

fn open(options: &MemberOptions) -> anyhow::Result<(Disk, Recovered)> {
    let identity = LogIdentity::new("bench", options.id)
        .ok_or_else(|| anyhow::anyhow!("the name of the group is too long"))?;
    let opened = recover(&options.data, &DiskOptions::new(identity))?;
    let disk = Disk { log: opened.log, store: opened.store, writer: WriterOptions::default() };
    Ok((disk, opened.recovered))
}

fn state(handle: &Handle<Ledger>) -> Answer {
    handle.with(|ledger| {
        let (position, hash) = ledger.end();
        Answer::State {
            leads: ledger.role() == Role::Leader,
            takes_part: ledger.role() != Role::Joining,
            position,
            hash: format!("{hash:?}"),
        }
    })
}

async fn measure(
    handle: &Handle<Ledger>,
    load: Load,
    seconds: f64,
    to_the_end: bool,
) -> anyhow::Result<Answer> {
    let span = |duration: Duration| Span::micros(duration.as_micros() as u64);
    let length = Duration::from_secs_f64(seconds);
    handle.act(|ledger, now, _| ledger.begin(now, load, span(WARM_UP), span(length)));
    let deadline = tokio::time::Instant::now() + WARM_UP + length + super::group::PATIENCE;
    tokio::time::sleep(WARM_UP + length).await;
    loop {
        if let Some(seen) = handle.act(|ledger, now, _| ledger.take_seen(now, to_the_end)) {
            return Ok(answer(&seen));
        }
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "commands are under way for ever");
        tokio::time::sleep(LOOK).await;
    }
}

fn answer(seen: &Seen) -> Answer {
    let counts = seen.latency.iter_recorded();
    let latencies = counts.map(|c| (c.value_iterated_to(), c.count_at_value())).collect();
    Answer::Seen { delivered: seen.delivered, latencies, pause: seen.pause.0 }
}
