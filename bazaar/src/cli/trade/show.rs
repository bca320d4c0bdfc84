//! Showing a report: a table for a person, JSON and CSV for programs.

use std::io::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::TradeError;
use super::args::TradeArgs;
use super::report::Report;

/// Shows a report the way the arguments ask for.
pub(super) fn show(report: &Report, args: &TradeArgs) -> Result<(), TradeError> {
    if let Some(path) = &args.csv {
        let what = path.display().to_string();
        let source = |error: csv::Error| std::io::Error::other(error);
        csv_file(report, path)
            .map_err(source)
            .map_err(|source| TradeError::Output { what, source })?;
    }
    let text = if args.json { json(report) } else { table(report) };
    writeln!(std::io::stdout().lock(), "{text}")
        .map_err(|source| TradeError::Output { what: "the result".to_owned(), source })
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("numbers and texts are always JSON")
}

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "request",
        "count",
        "per second",
        "mean ms",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
    ]);
    for latency in &report.latencies {
        let mut row = vec![latency.kind.to_owned(), latency.count.to_string()];
        row.push(format!("{:.0}", latency.per_second));
        let times = [latency.mean_ms, latency.p50_ms, latency.p95_ms, latency.p99_ms];
        row.extend(times.iter().chain([&latency.max_ms]).map(|ms| format!("{ms:.3}")));
        table.add_row(row);
    }
    for index in 1..8 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{table}\n{}", summary(report));
    for problem in &report.problems {
        text.push_str(&format!("\n  {problem}"));
    }
    text
}

fn summary(report: &Report) -> String {
    let checked = if report.checked { "every order compared" } else { "orders not compared" };
    format!(
        "{} rounds by {} clients in {:.2} s: {} orders, {} refused for want of quantity\n\
         {} pauses (longest {:.0} ms), {} repeated attempts, {} connections\n\
         {} errors, {} mismatches; {checked}",
        report.rounds,
        report.clients,
        report.seconds,
        report.orders,
        report.refusals,
        report.pauses,
        report.longest_pause_ms,
        report.retries,
        report.connections,
        report.errors,
        report.mismatches,
    )
}

/// One row per kind of request, with the settings in every row, so that files of many runs can be put together.
fn csv_file(report: &Report, path: &std::path::Path) -> Result<(), csv::Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_path(path)?;
    writer.write_record([
        "kind",
        "count",
        "per_second",
        "mean_ms",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "max_ms",
        "clients",
        "probability",
        "seed",
    ])?;
    for latency in &report.latencies {
        writer.serialize((latency, report.clients, report.probability, report.seed))?;
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::trade::Latency;

    fn report() -> Report {
        let latency = Latency {
            kind: "lookup",
            count: 7,
            per_second: 100.0,
            mean_ms: 1.5,
            p50_ms: 1.0,
            p95_ms: 2.0,
            p99_ms: 3.0,
            max_ms: 4.25,
        };
        Report {
            clients: 2,
            probability: 0.5,
            seed: 9,
            seconds: 1.0,
            rounds: 7,
            orders: 3,
            refusals: 1,
            errors: 0,
            mismatches: 1,
            retries: 4,
            pauses: 2,
            longest_pause_ms: 300.0,
            connections: 5,
            checked: true,
            latencies: vec![latency],
            problems: vec!["/orders/3 is gone".to_owned()],
        }
    }

    #[test]
    fn a_person_sees_what_is_wrong() {
        let text = table(&report());
        for part in ["lookup", "4.250", "1 mismatches", "/orders/3 is gone", "longest 300 ms"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_program_reads_it() {
        let value: serde_json::Value = serde_json::from_str(&json(&report())).expect("JSON");
        assert_eq!(value["latencies"][0]["max_ms"], 4.25);
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("out.csv");
        csv_file(&report(), &path).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(text.lines().nth(1), Some("lookup,7,100.0,1.5,1.0,2.0,3.0,4.25,2,0.5,9"));
    }
}
