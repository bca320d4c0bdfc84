//! Figures for people and for programs.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::Load;
use super::engine::Kind;
use super::group::Figures;

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    figures: BTreeMap<Load, BTreeMap<Kind, Vec<Figures>>>,
}

/// One measurement, for programs.
#[derive(Serialize)]
struct Line {
    round: u32,
    engine: String,
    bytes: u32,
    proposers: u32,
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
    p999_us: u64,
}

pub(crate) fn line(
    round: u32,
    kind: Kind,
    load: Load,
    figures: &Figures,
) -> anyhow::Result<String> {
    let quantile = |q: f64| figures.latency.value_at_quantile(q);
    Ok(serde_json::to_string(&Line {
        round,
        engine: kind.to_string(),
        bytes: load.bytes,
        proposers: load.proposers,
        per_second: figures.per_second,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        p999_us: quantile(0.999),
    })?)
}

pub(crate) fn sentence(kind: Kind, load: Load, figures: &Figures) -> String {
    let Load { bytes, proposers } = load;
    let (rate, times) = (figures.per_second, times(&figures.latency));
    format!("{kind}, {bytes} bytes, {proposers} proposers: {rate:.0}/s, {times} ms")
}

/// Median and 99th percentile in milliseconds.
fn times(latency: &Histogram<u64>) -> String {
    let ms = |q: f64| latency.value_at_quantile(q) as f64 / 1_000.0;
    format!("{:.2} / {:.2}", ms(0.5), ms(0.99))
}

impl Report {
    pub(crate) fn add(&mut self, kind: Kind, load: Load, figures: Figures) {
        self.figures.entry(load).or_default().entry(kind).or_default().push(figures);
    }

    /// One row per load and engine: median of the rounds, their spread, all rounds' latencies, and the ratio to
    /// Corosync if it was measured, else to the first engine.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "bytes",
            "proposers",
            "engine",
            "per second",
            "spread",
            "p50 / p99 ms",
            "ratio",
        ]);
        for (load, kinds) in &self.figures {
            let other = kinds.get(&Kind::Corosync).or_else(|| kinds.values().next());
            let other = other.map_or(1.0, |rounds| median(rounds));
            for (kind, rounds) in kinds {
                let rate = median(rounds);
                table.add_row([
                    load.bytes.to_string(),
                    load.proposers.to_string(),
                    kind.to_string(),
                    format!("{rate:.0}"),
                    spread(rounds),
                    times(&together(rounds)),
                    format!("{:.2}", rate / other),
                ]);
            }
        }
        table
    }
}

fn rates(rounds: &[Figures]) -> Vec<f64> {
    let mut rates: Vec<f64> = rounds.iter().map(|figures| figures.per_second).collect();
    rates.sort_by(f64::total_cmp);
    rates
}

fn median(rounds: &[Figures]) -> f64 {
    let rates = rates(rounds);
    let (low, high) = (rates[(rates.len() - 1) / 2], rates[rates.len() / 2]);
    f64::midpoint(low, high)
}

fn spread(rounds: &[Figures]) -> String {
    let rates = rates(rounds);
    format!("{:.0} to {:.0}", rates[0], rates[rates.len() - 1])
}

fn together(rounds: &[Figures]) -> Histogram<u64> {
    let mut all = rounds[0].latency.clone();
    for round in &rounds[1..] {
        all.add(&round.latency).expect("all have the same bounds");
    }
    all
}
