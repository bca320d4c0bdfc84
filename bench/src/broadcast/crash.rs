//! How long a group stands still when one of its members is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::engine::Kind;
use super::group::Group;
use super::{Load, Options, WARM_UP, loads};

/// Who goes on without a register to ask: under primary-backup nobody would be told to take over.
const KINDS: [Kind; 2] = [Kind::Raft, Kind::RotatingSequencer];

/// One crash, for programs.
#[derive(Serialize)]
struct Line {
    round: u32,
    engine: &'static str,
    bytes: u32,
    proposers: u32,
    pause_ms: f64,
}

/// Kills a member of a new group in every round, and prints how long the others stood still.
pub(super) async fn measure_all(options: &Options) -> anyhow::Result<()> {
    let length = Duration::from_secs(options.seconds);
    let mut pauses: BTreeMap<(Load, Kind), Vec<f64>> = BTreeMap::new();
    for round in 1..=options.rounds {
        for kind in options.engines(&KINDS) {
            anyhow::ensure!(KINDS.contains(&kind), "{kind} is not measured with a crash here");
            for load in loads(options) {
                let mut group = Group::start(kind, options).await?;
                let pause = group.crash(load, round as usize, (WARM_UP, length)).await?;
                group.finish().await?;
                let pause_ms = pause.as_secs_f64() * 1_000.0;
                say(options, &line(round, kind, load, pause_ms))?;
                pauses.entry((load, kind)).or_default().push(pause_ms);
            }
        }
    }
    if !options.json {
        println!("{}", table(pauses));
    }
    Ok(())
}

fn line(round: u32, kind: Kind, load: Load, pause_ms: f64) -> Line {
    let Load { bytes, proposers } = load;
    Line { round, engine: kind.name(), bytes, proposers, pause_ms }
}

fn say(options: &Options, line: &Line) -> anyhow::Result<()> {
    if options.json {
        println!("{}", serde_json::to_string(line)?);
        return Ok(());
    }
    let Line { round, engine, bytes, proposers, pause_ms } = line;
    eprintln!("round {round}: {engine}, {bytes} bytes, {proposers} proposers: {pause_ms:.0} ms");
    Ok(())
}

fn table(pauses: BTreeMap<(Load, Kind), Vec<f64>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["bytes", "proposers", "engine", "crashes", "median ms", "worst ms"]);
    for ((load, kind), mut pauses) in pauses {
        pauses.sort_by(f64::total_cmp);
        table.add_row([
            load.bytes.to_string(),
            load.proposers.to_string(),
            kind.to_string(),
            pauses.len().to_string(),
            format!("{:.0}", pauses[pauses.len() / 2]),
            format!("{:.0}", pauses[pauses.len() - 1]),
        ]);
    }
    table
}
