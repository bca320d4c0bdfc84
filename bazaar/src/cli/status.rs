//! `bazaar status`: who leads what, epochs, positions, lag, cache hit rates.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use comfy_table::{ContentArrangement, Table, presets};
use node::service::{ServiceId, ServiceKind};
use replication::contract::Status as Engine;
use serde_json::{Value, json};
use wire::inspect::Status;

use super::catalogs::Catalogs;
use crate::config::{Config, ConfigArgs};
use crate::links::inspect_client;
use crate::service::{elects, member_role};

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
            println!("{}", catalog_headline(&statuses));
            println!("{}", headline(&statuses));
            if let Some(headline) = customers_headline(&statuses) {
                println!("{headline}");
            }
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

/// Who leads the catalog's group, and who belongs to it.
fn catalog_headline(statuses: &Statuses) -> String {
    let catalogs = Catalogs::of(statuses);
    let Some((leader, status)) = catalogs.leader() else {
        return "catalog: led by nobody".to_owned();
    };
    let engine = status.engine.clone().unwrap_or_default();
    if engine.members.voters.len() < 2 {
        return format!("catalog: catalog-{leader} alone");
    }
    let members = members(&engine);
    format!("catalog: led by catalog-{leader} in term {}, {members}", engine.epoch)
}

fn list(ids: &BTreeSet<u8>) -> String {
    ids.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

fn members(engine: &Engine) -> String {
    let (voters, learners) = (list(&engine.members.voters), list(&engine.members.learners));
    let learners = if learners.is_empty() { learners } else { format!(", learners: {learners}") };
    format!("voters: {voters}{learners}")
}

/// Of a group of orders that elects: term and members, as the one says that leads in the highest term.
fn elected(statuses: &Statuses) -> Option<String> {
    let orders = statuses.iter().filter(|(service, _)| service.kind == ServiceKind::Orders);
    let engines = orders.filter_map(|(_, status)| status.as_ref().ok()?.engine.as_ref());
    let leading = engines.filter(|engine| engine.leads && elects(engine));
    let engine = leading.max_by_key(|engine| engine.epoch)?;
    Some(format!("term {}, {}", engine.epoch, members(engine)))
}

/// How many members of the customers' group take part, as the newest view that anybody knows has it.
fn customers_headline(statuses: &Statuses) -> Option<String> {
    let members = statuses.iter().filter(|(service, _)| service.kind == ServiceKind::Customers);
    let all = members.clone().count();
    let known: Vec<&Status> = members.filter_map(|(_, status)| status.as_ref().ok()).collect();
    if all == 0 {
        return None;
    }
    let part = known.iter().filter(|status| takes_part(status)).count();
    let newest = known.iter().filter(|status| takes_part(status));
    let newest = newest.filter_map(|status| status.engine.as_ref()).max_by_key(|it| it.epoch);
    Some(match newest {
        Some(engine) => format!(
            "customers: {part} of {all} take part, in view {}, in turn: {}",
            engine.epoch,
            members_of(&engine.members.voters)
        ),
        None => format!("customers: none of {all} takes part"),
    })
}

/// The newest configuration that anybody knows.
fn headline(statuses: &Statuses) -> String {
    let known = statuses.values().flatten().map(|status| &status.configuration);
    match known.max_by_key(|configuration| configuration.version) {
        Some(newest) => {
            let leader = newest.leader.map_or("nobody".to_owned(), |id| format!("orders-{id}"));
            let group = elected(statuses);
            let group = group.unwrap_or_else(|| format!("in sync: {}", list(&newest.in_sync)));
            format!("orders: led by {leader} in epoch {}, {group}", newest.epoch)
        }
        None => "nobody answers".to_owned(),
    }
}

fn table(statuses: &Statuses) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(COLUMNS);
    for (service, status) in statuses {
        match status {
            Ok(status) => table.add_row(row(*service, status, furthest(statuses, service.kind))),
            Err(error) => table.add_row(gone(*service, error)),
        };
    }
    table
}

/// How far the longest log of a group goes.
fn furthest(statuses: &Statuses, group: ServiceKind) -> u64 {
    let group = statuses.iter().filter(|(service, _)| service.kind == group);
    let ends = group.filter_map(|(_, status)| Some(status.as_ref().ok()?.engine.as_ref()?.end));
    ends.max().unwrap_or(0)
}

fn row(service: ServiceId, status: &Status, furthest: u64) -> Vec<String> {
    let engine = status.engine.clone().unwrap_or_default();
    let of_engine = |value: u64| {
        if status.engine.is_some() { value.to_string() } else { String::new() }
    };
    let lag = match service.kind {
        ServiceKind::Orders | ServiceKind::Catalog | ServiceKind::Customers => {
            furthest.saturating_sub(engine.commit).to_string()
        }
        ServiceKind::Gateway => String::new(),
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
        (ServiceKind::Catalog, _, true) => catalog_state(status),
        (ServiceKind::Customers, _, true) if takes_part(status) => "takes part",
        (ServiceKind::Customers, _, true) => "joins",
        (ServiceKind::Gateway, _, true) => "serves",
    }
}

/// As [`order_state`], of a catalog replica. Who hears no leader cannot tell what it is.
fn catalog_state(status: &Status) -> &'static str {
    let us = status.service.id;
    let Some(engine) = &status.engine else { return "starting" };
    elected_state(us, engine)
}

fn elected_state(us: u8, engine: &Engine) -> &'static str {
    match member_role(us, engine) {
        "leader" => "leads",
        "joining" => "no member",
        _ if engine.leader.is_none() => "no leader",
        "learner" => "learns",
        _ if engine.leader == Some(us) => "takes over",
        _ => "follows",
    }
}

/// Of a member of the customers' group: it is in the view, and takes requests.
fn takes_part(status: &Status) -> bool {
    status.counters.get("takes_part") == Some(&1)
}

fn order_state(status: &Status) -> &'static str {
    let (us, configuration) = (status.service.id, &status.configuration);
    let disk = configuration.incarnations.get(&us);
    let elected = status.engine.as_ref().filter(|engine| elects(engine));
    if status.counters.get("serves_as_leader") == Some(&1) {
        "leads"
    } else if status.engine.as_ref().is_some_and(|engine| engine.leads) {
        "takes over"
    } else if let Some(engine) = elected {
        elected_state(us, engine)
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
        ServiceKind::Customers => {
            let Some(engine) = &status.engine else { return String::new() };
            format!(
                "in turn: {}; out of turn: {}; {} accounts, {} sessions; datagrams {} in, {} out, {} dropped",
                members_of(&engine.members.voters),
                members_of(&engine.members.learners),
                count("accounts").unwrap_or(0),
                count("sessions").unwrap_or(0),
                count("datagrams_received").unwrap_or(0),
                count("datagrams_sent").unwrap_or(0),
                count("datagrams_dropped").unwrap_or(0),
            )
        }
        ServiceKind::Orders => String::new(),
    }
}

fn members_of(ids: &BTreeSet<u8>) -> String {
    match ids.is_empty() {
        true => "nobody".to_owned(),
        false => ids.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn as_json(statuses: &Statuses) -> Value {
    let services = statuses.iter().map(|(service, status)| match status {
        Ok(status) => one(status),
        Err(error) => json!({"service": service.to_string(), "error": error}),
    });
    json!({ "services": services.collect::<Vec<_>>() })
}

/// What a replica does within its group, in the words of the metrics.
fn role(status: &Status) -> Option<&'static str> {
    match status.service.kind {
        ServiceKind::Catalog => {
            status.engine.as_ref().map(|engine| member_role(status.service.id, engine))
        }
        ServiceKind::Orders => Some(match order_state(status) {
            "leads" => "leader",
            "takes over" => "taking_over",
            "follows" | "no leader" => "follower",
            "learns" => "learner",
            _ => "joining",
        }),
        ServiceKind::Customers if takes_part(status) => Some("member"),
        ServiceKind::Customers => Some("joining"),
        ServiceKind::Gateway => None,
    }
}

fn one(status: &Status) -> Value {
    let configuration = &status.configuration;
    let engine = status.engine.as_ref().map(|engine| {
        json!({
            "leads": engine.leads, "epoch": engine.epoch, "end": engine.end,
            "durable": engine.durable, "commit": engine.commit,
            "in_sync_durable": engine.in_sync_durable, "leader": engine.leader,
            "voters": engine.members.voters, "learners": engine.members.learners,
        })
    });
    json!({
        "service": status.service.to_string(),
        "program": status.program,
        "open": status.open,
        "draining": status.draining,
        "up_ms": status.up_ms,
        "role": role(status),
        "incarnation": status.incarnation,
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
    use super::*;
    use crate::cli::catalogs::tests::catalog;

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

    #[test]
    fn a_state_says_what_a_catalog_replica_does() {
        let told = |id, leader| {
            let status = catalog(id, leader, 3);
            (state(&status), role(&status).expect("it has one"))
        };
        assert_eq!(told(1, Some(1)), ("leads", "leader"));
        assert_eq!(told(2, Some(1)), ("follows", "follower"));
        assert_eq!(told(2, None), ("no leader", "follower"));
        assert_eq!(told(4, Some(1)), ("learns", "learner"));
        assert_eq!(told(5, Some(1)), ("no member", "joining"));
        let elected = |engine: Engine| Engine { leads: false, ..engine };
        let mut status = catalog(1, Some(1), 3);
        status.engine = status.engine.map(elected);
        assert_eq!(state(&status), "takes over");
    }

    #[test]
    fn the_headline_names_leader_and_members_of_the_catalog() {
        let statuses: Statuses =
            (1..=2).map(|id| (ServiceId::catalog(id), Ok(catalog(id, Some(2), 9)))).collect();
        let told = "catalog: led by catalog-2 in term 9, voters: 1, 2, 3, learners: 4";
        assert_eq!(catalog_headline(&statuses), told);
        assert_eq!(catalog_headline(&Statuses::new()), "catalog: led by nobody");
        let mut alone = catalog(1, Some(1), 0);
        alone.engine = Some(Engine { leads: true, ..Engine::default() });
        let alone = Statuses::from([(ServiceId::catalog(1), Ok(alone))]);
        assert_eq!(catalog_headline(&alone), "catalog: catalog-1 alone");
    }
}
