//! `bazaar status`: who leads what, epochs, positions, lag, cache hit rates.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use node::service::{ServiceId, ServiceKind};
use serde_json::{Value, json};
use wire::inspect::Status;

use crate::config::{Config, ConfigArgs};
use crate::links::inspect_client;

/// Arguments of `bazaar status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Say it again every second until stopped
    #[arg(long)]
    pub watch: bool,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

type Statuses = BTreeMap<ServiceId, Result<Status, String>>;

/// Runs the command. Exit code 0: everybody answered; 1: somebody did not; 2: the configuration cannot be read.
pub async fn run(args: StatusArgs) -> ExitCode {
    let config = match args.config.load() {
        Ok(loaded) => loaded.config,
        Err(error) => {
            eprintln!("bazaar status: {error}");
            return ExitCode::from(2);
        }
    };
    loop {
        let statuses = ask_all(&config).await;
        if args.json {
            println!("{}", as_json(&statuses));
        } else {
            if args.watch {
                // Home and clear: the table stays where it is.
                print!("\x1b[H\x1b[2J");
            }
            println!("{}", headline(&statuses));
            println!("{}", table(&statuses));
        }
        if !args.watch {
            let all = statuses.values().all(Result::is_ok);
            return if all { ExitCode::SUCCESS } else { ExitCode::from(1) };
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn ask_all(config: &Config) -> Statuses {
    let mut asked = tokio::task::JoinSet::new();
    for service in config.services() {
        let Some(address) = config.grpc_address(service).map(ToString::to_string) else { continue };
        asked.spawn(async move {
            let ask = async { inspect_client(&address).await?.status().await };
            (service, ask.await.map_err(|error| error.to_string()))
        });
    }
    asked.join_all().await.into_iter().collect()
}

/// The newest configuration that anybody knows.
fn headline(statuses: &Statuses) -> String {
    let known = statuses.values().flatten().map(|status| &status.configuration);
    match known.max_by_key(|configuration| configuration.version) {
        Some(newest) => {
            let leader = newest.leader.map_or("nobody".to_owned(), |id| format!("orders-{id}"));
            let in_sync: Vec<String> = newest.in_sync.iter().map(ToString::to_string).collect();
            format!(
                "orders: led by {leader} in epoch {}, in sync: {}",
                newest.epoch,
                in_sync.join(", ")
            )
        }
        None => "nobody answers".to_owned(),
    }
}

fn table(statuses: &Statuses) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["service", "state", "epoch", "log end", "commit", "lag", "up", "more"]);
    let furthest = statuses
        .iter()
        .filter(|(service, _)| service.kind == ServiceKind::Orders)
        .filter_map(|(_, status)| Some(status.as_ref().ok()?.engine.as_ref()?.end))
        .max()
        .unwrap_or(0);
    for (service, status) in statuses {
        match status {
            Ok(status) => table.add_row(row(*service, status, furthest)),
            Err(error) => table.add_row([service.to_string(), format!("gone: {error}")]),
        };
    }
    table
}

fn row(service: ServiceId, status: &Status, furthest: u64) -> Vec<String> {
    let engine = status.engine.clone().unwrap_or_default();
    let of_engine = |value: u64| {
        if status.engine.is_some() { value.to_string() } else { String::new() }
    };
    let state = match (status.draining, status.open, engine.leads) {
        (true, ..) => "stopping",
        (_, false, _) => "starting",
        (_, true, true) if service.kind == ServiceKind::Orders => "leads",
        _ => "serves",
    };
    let lag = match service.kind {
        ServiceKind::Orders => furthest.saturating_sub(engine.commit).to_string(),
        _ => String::new(),
    };
    let seconds = status.up_ms / 1_000;
    vec![
        service.to_string(),
        state.to_owned(),
        of_engine(engine.epoch),
        of_engine(engine.end),
        of_engine(engine.commit),
        lag,
        format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
        more(status),
    ]
}

/// What is worth a glance beyond the columns.
fn more(status: &Status) -> String {
    let count = |name: &str| status.counters.get(name).copied();
    match status.service.kind {
        ServiceKind::Gateway => {
            let (hits, misses) =
                (count("cache_hits").unwrap_or(0), count("cache_misses").unwrap_or(0));
            let reads = hits + misses;
            let rate = if reads == 0 { 0.0 } else { 100.0 * hits as f64 / reads as f64 };
            format!("cache: {rate:.1} % of {reads} reads hit")
        }
        ServiceKind::Catalog => format!(
            "{} orders, {} in the outbox, {} keys",
            count("orders").unwrap_or(0),
            count("outbox").unwrap_or(0),
            count("keys").unwrap_or(0)
        ),
        ServiceKind::Orders => String::new(),
    }
}

fn as_json(statuses: &Statuses) -> Value {
    let services = statuses.iter().map(|(service, status)| match status {
        Ok(status) => one(status),
        Err(error) => json!({"service": service.to_string(), "error": error}),
    });
    json!({ "services": services.collect::<Vec<_>>() })
}

fn one(status: &Status) -> Value {
    let configuration = &status.configuration;
    let engine = status.engine.as_ref().map(|engine| {
        json!({
            "leads": engine.leads, "epoch": engine.epoch, "end": engine.end,
            "durable": engine.durable, "commit": engine.commit,
            "in_sync_durable": engine.in_sync_durable,
        })
    });
    json!({
        "service": status.service.to_string(),
        "program": status.program,
        "open": status.open,
        "draining": status.draining,
        "up_ms": status.up_ms,
        "engine": engine,
        "configuration": {
            "version": configuration.version,
            "epoch": configuration.epoch,
            "leader": configuration.leader,
            "in_sync": configuration.in_sync,
        },
        "links": status.links.iter()
            .map(|(peer, up)| (peer.to_string(), json!(up)))
            .collect::<serde_json::Map<_, _>>(),
        "counters": status.counters,
    })
}
