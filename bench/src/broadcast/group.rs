//! A group of member processes under measurement.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bazaar::config::free_ports;
use hdrhistogram::Histogram;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use super::engine::Kind;
use super::ledger::no_latencies;
use super::member::{Answer, Told};
use super::{Load, Options};

/// How long a group may take to be ready, or to become level.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(20);

/// What a group did under one load.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Commands delivered in a second.
    pub(crate) per_second: f64,
    /// From proposal to delivery, in microseconds.
    pub(crate) latency: Histogram<u64>,
}

/// Adds what was counted per latency.
pub(crate) fn add(latency: &mut Histogram<u64>, counts: &[(u64, u64)]) {
    counts.iter().for_each(|(value, count)| latency.saturating_record_n(*value, *count));
}

struct Member {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Member {
    async fn tell(&mut self, told: &Told) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(told)?;
        line.push(b'\n');
        Ok(self.stdin.write_all(&line).await?)
    }

    async fn answer(&mut self, patience: Duration) -> anyhow::Result<Answer> {
        let line =
            timeout(patience, self.answers.next_line()).await.context("a member is silent")??;
        Ok(serde_json::from_str(&line.context("a member ended")?)?)
    }
}

/// What a member says of itself.
#[derive(PartialEq)]
struct State {
    leads: bool,
    takes_part: bool,
    end: (u64, String),
}

/// A running group.
pub(crate) struct Group {
    kind: Kind,
    members: Vec<Member>,
    _data: TempDir,
}

impl Group {
    /// Starts a group with empty folders and waits until all take part.
    pub(crate) async fn start(kind: Kind, options: &Options) -> anyhow::Result<Group> {
        let data = tempfile::Builder::new().prefix("bench-").tempdir_in(std::env::current_dir()?)?;
        let ports = free_ports(usize::from(options.members)).context("free ports")?;
        let names: Vec<String> = ports.iter().map(u16::to_string).collect();
        let mut members = Vec::new();
        for id in 1..=options.members {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["member", "--engine", kind.name(), "--id", &id.to_string()]);
            command.args(["--ports", &names.join(","), "--data"]);
            command.arg(data.path().join(id.to_string()));
            if options.no_durability {
                command.arg("--no-durability");
            }
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
            let mut child = command.spawn()?;
            let stdin = child.stdin.take().context("standard input")?;
            let stdout = child.stdout.take().context("standard output")?;
            members.push(Member { child, stdin, answers: BufReader::new(stdout).lines() });
        }
        let mut group = Group { kind, members, _data: data };
        let leads = |states: &[State]| kind.is_leaderless() || states.iter().any(|s| s.leads);
        group.until("ready", |all| all.iter().all(|s| s.takes_part) && leads(all)).await?;
        Ok(group)
    }

    /// Runs one load, and checks afterwards that all members are level.
    pub(crate) async fn measure(
        &mut self,
        load: Load,
        warm_up: Duration,
        length: Duration,
    ) -> anyhow::Result<Figures> {
        let shares = self.shares(load).await?;
        for (member, proposers) in self.members.iter_mut().zip(&shares) {
            let load = Load { proposers: *proposers, ..load };
            let seconds = length.as_secs_f64();
            member.tell(&Told::Measure { load, seconds, to_the_end: true }).await?;
        }
        let mut latency = no_latencies();
        let mut delivered = 0;
        for member in &mut self.members {
            let Answer::Seen { delivered: own, latencies, .. } =
                member.answer(warm_up + length + 2 * PATIENCE).await?
            else {
                bail!("a member answers something else");
            };
            delivered += own;
            add(&mut latency, &latencies);
        }
        ensure!(delivered > 0, "nothing was delivered");
        self.until("level", |all| all.iter().all(|state| state.end == all[0].end)).await?;
        Ok(Figures { per_second: delivered as f64 / length.as_secs_f64(), latency })
    }

    /// Runs one load, kills a member in the middle of it, and says for how long nothing was delivered at a survivor, at most.
    /// Under an engine with a leader it is the leader, and proposers wait at every member that may lead next; else the one at
    /// this place.
    pub(crate) async fn crash(
        &mut self,
        load: Load,
        place: usize,
        (warm_up, length): (Duration, Duration),
    ) -> anyhow::Result<Duration> {
        let leader = self.shares(load).await?.iter().position(|share| *share == load.proposers);
        let (victim, everywhere) = match (self.kind.is_leaderless(), leader) {
            (false, Some(leader)) => (leader, true),
            _ => (place % self.members.len(), false),
        };
        let size = self.members.len() as u8;
        for (member, id) in self.members.iter_mut().zip(1..) {
            let share = load.share(id, size);
            let proposers = if everywhere { load.proposers } else { share };
            let (load, seconds) = (Load { proposers, ..load }, length.as_secs_f64());
            member.tell(&Told::Measure { load, seconds, to_the_end: false }).await?;
        }
        sleep(warm_up + length / 4).await;
        self.members.remove(victim).child.kill().await?;
        let mut longest = 0;
        for member in &mut self.members {
            match member.answer(warm_up + length + 2 * PATIENCE).await? {
                Answer::Seen { pause, .. } => longest = longest.max(pause),
                Answer::State { .. } => bail!("a member answers something else"),
            }
        }
        self.until("level", |all| all.iter().all(|state| state.end == all[0].end)).await?;
        Ok(Duration::from_micros(longest))
    }

    /// Proposers of each member: all at the leader, or spread.
    async fn shares(&mut self, load: Load) -> anyhow::Result<Vec<u32>> {
        if self.kind.is_leaderless() {
            let members = self.members.len() as u8;
            return Ok((1..=members).map(|id| load.share(id, members)).collect());
        }
        let states = self.states().await?;
        let leaders = states.iter().filter(|state| state.leads).count();
        ensure!(leaders == 1, "{leaders} members lead");
        Ok(states.iter().map(|state| if state.leads { load.proposers } else { 0 }).collect())
    }

    async fn states(&mut self) -> anyhow::Result<Vec<State>> {
        let mut states = Vec::new();
        for member in &mut self.members {
            member.tell(&Told::State).await?;
            match member.answer(PATIENCE).await? {
                Answer::State { leads, takes_part, position, hash } => {
                    states.push(State { leads, takes_part, end: (position, hash) });
                }
                Answer::Seen { .. } => bail!("a member answers something else"),
            }
        }
        Ok(states)
    }

    async fn until(&mut self, what: &str, holds: impl Fn(&[State]) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.states().await?) {
            ensure!(Instant::now() < deadline, "{} is not {what} in time", self.kind);
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ends all members: their standard input ends.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        for Member { mut child, stdin, .. } in self.members {
            drop(stdin);
            let ended =
                timeout(PATIENCE, child.wait()).await.context("a member does not end")??;
            ensure!(ended.success(), "a member failed: {ended}");
        }
        Ok(())
    }
}
