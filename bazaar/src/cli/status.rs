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

const COLUMNS: [&str; 8] = ["service", "state", "epoch", "log end", "commit", "lag", "up", "more"];

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
    table.set_header(COLUMNS);
    let furthest = statuses
        .iter()
        .filter(|(service, _)| service.kind == ServiceKind::Orders)
        .filter_map(|(_, status)| Some(status.as_ref().ok()?.engine.as_ref()?.end))
        .max()
        .unwrap_or(0);
    for (service, status) in statuses {
        match status {
            Ok(status) => table.add_row(row(*service, status, furthest)),
            Err(error) => table.add_row(gone(*service, error)),
        };
    }
    table
}

fn row(service: ServiceId, status: &Status, furthest: u64) -> Vec<String> {
    let engine = status.engine.clone().unwrap_or_default();
    let of_engine = |value: u64| {
        if status.engine.is_some() { value.to_string() } else { String::new() }
    };
    let lag = match service.kind {
        ServiceKind::Orders => furthest.saturating_sub(engine.commit).to_string(),
        _ => String::new(),
    };
    let seconds = status.up_ms / 1_000;
    vec![
        service.to_string(),
        state(status).to_owned(),
        of_engine(engine.epoch),
        of_engine(engine.end),
        of_engine(engine.commit),
        lag,
        format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
        more(status),
    ]
}

fn gone(service: ServiceId, error: &str) -> Vec<String> {
    let mut cells = vec![String::new(); COLUMNS.len()];
    cells[0] = service.to_string();
    cells[1] = "gone".to_owned();
    cells[COLUMNS.len() - 1] = error.to_owned();
    cells
}

/// What a service does, in a word or two.
fn state(status: &Status) -> &'static str {
    let kind = status.service.kind;
    match (kind, status.draining, status.open) {
        (_, true, _) => "stopping",
        // Nobody leads the orders just now; listings it serves all the same.
        (ServiceKind::Gateway, _, false) => "no leader",
        (_, _, false) => "starting",
        (ServiceKind::Orders, _, true) => order_state(status),
        (_, _, true) => "serves",
    }
}

fn order_state(status: &Status) -> &'static str {
    let (us, configuration) = (status.service.id, &status.configuration);
    let disk = configuration.incarnations.get(&us);
    if status.counters.get("serves_as_leader") == Some(&1) {
        "leads"
    } else if status.engine.as_ref().is_some_and(|engine| engine.leads) {
        "takes over"
    } else if configuration.in_sync.contains(&us) && disk == status.incarnation.as_ref() {
        "follows"
    } else {
        "joins"
    }
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
            format!("{rate:.1} % of {reads} reads cached")
        }
        ServiceKind::Catalog => format!(
            "outbox {}, keys {}, leases {}",
            count("outbox").unwrap_or(0),
            count("keys").unwrap_or(0),
            count("leased_gateways").unwrap_or(0)
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

#[cfg(test)]
mod tests {
    use replication::contract::Status as Engine;

    use super::*;

    fn status(service: ServiceId) -> Status {
        let number = 123_456_789;
        let mut status = Status {
            service,
            cluster: "bazaar".to_owned(),
            program: "1".to_owned(),
            open: true,
            draining: false,
            up_ms: 400 * 3_600_000,
            incarnation: Some(7),
            engine: Some(Engine {
                epoch: 12_345,
                end: number,
                commit: number,
                ..Engine::default()
            }),
            configuration: Default::default(),
            links: BTreeMap::new(),
            counters: BTreeMap::new(),
        };
        status.configuration.in_sync = [1, 2, 3].into();
        status.configuration.incarnations = [(2, 7)].into();
        for (name, value) in [
            ("outbox", 65_536),
            ("keys", 1_000_000),
            ("leased_gateways", 16),
            ("cache_hits", number),
        ] {
            status.counters.insert(name.to_owned(), value);
        }
        status
    }

    #[test]
    fn the_table_fits_a_terminal_of_100_columns() {
        let refused = "not available: Connection refused (os error 111)";
        let mut statuses = Statuses::from([(ServiceId::orders(3), Err(refused.to_owned()))]);
        for service in [ServiceId::catalog(1), ServiceId::orders(2), ServiceId::gateway(1)] {
            statuses.insert(service, Ok(status(service)));
        }
        let mut table = table(&statuses);
        table.set_width(100);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        for whole in
            ["123456789", "outbox 65536", "keys", "1000000", "400:00:00", "orders-3", "gone"]
        {
            assert!(text.contains(whole), "{whole} is missing or cut in\n{text}");
        }
    }

    #[test]
    fn a_state_says_what_an_order_replica_does() {
        let mut replica = status(ServiceId::orders(2));
        assert_eq!(state(&replica), "follows");
        replica.incarnation = Some(8);
        assert_eq!(state(&replica), "joins");
        replica.engine = Some(Engine { leads: true, ..Engine::default() });
        assert_eq!(state(&replica), "takes over");
        replica.counters.insert("serves_as_leader".to_owned(), 1);
        assert_eq!(state(&replica), "leads");
        (replica.open, replica.draining) = (false, true);
        assert_eq!(state(&replica), "stopping");
        let mut gateway = status(ServiceId::gateway(1));
        gateway.open = false;
        assert_eq!(state(&gateway), "no leader");
    }
}
