//! Configuration: sources of rising strength, and complaints with file, line, column and cure.

#![allow(clippy::unwrap_used)] // a test that unwraps and fails says where

use std::path::{Path, PathBuf};

use bazaar::config::{
    Ack, Config, ConfigError, LocalPorts, OrdersProtocol, Period, Place, Problem, Severity,
    Sources, load, render,
};

fn write(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("bazaar.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn good() -> String {
    render(&Config::local(&LocalPorts::default(), Path::new("data")))
}

fn sources(file: &Path) -> Sources {
    Sources { file: Some(file.to_owned()), ..Sources::default() }
}

/// Problems as `line:column severity message`.
fn problems_of(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), text);
    let problems = match load(&sources(&file)) {
        Ok(loaded) => loaded.warnings,
        Err(error) => error.problems(),
    };
    problems.iter().map(short).collect()
}

fn short(problem: &Problem) -> String {
    let at = match &problem.place {
        Place::File { line, column, .. } => format!("{line}:{column}"),
        other => other.to_string(),
    };
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    assert!(!problem.cure.is_empty(), "{problem}");
    format!("{at} {severity} {}", problem.message)
}

#[test]
fn the_default_deployment_has_no_problems_and_paths_count_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &good());
    let loaded = load(&sources(&file)).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.data, folder.path().join("data"));
}

#[test]
fn the_environment_beats_the_file_and_flags_beat_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &good());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut sources = sources(&file);
    sources.environment = vec![
        pair("BAZAAR_CACHE_SIZE", "3"),
        pair("BAZAAR_HEALTH_INTERVAL", "250ms"),
        pair("BAZAAR_DATA", "/elsewhere"),
        pair("BAZAAR_GATEWAYS_1_ADDRESS", "127.0.0.1:9999"),
        pair("BAZAAR_CATALOG_1_METRICS", ""),
        pair("BAZAAR_ORDERS_2_METRICS", "0.0.0.0:9998"),
        pair("HOME", "/root"),
    ];
    let flag = ("--cache-size".to_owned(), "cache.size".to_owned(), "7".to_owned());
    sources.flags = vec![flag];
    let config = load(&sources).unwrap().config;
    assert_eq!(config.cache.size, 7);
    assert_eq!(config.health.interval, Period::millis(250));
    assert_eq!(config.data, Path::new("/elsewhere"));
    assert_eq!(config.gateway(1).unwrap().address.port(), 9999);
    assert_eq!(config.catalog.replicas[0].metrics, None);
    let metrics = config.orders.replicas[1].metrics.as_ref().unwrap();
    assert_eq!(metrics.to_string(), "0.0.0.0:9998", "nobody dials it: a wildcard will do");
}

#[test]
fn an_address_for_metrics_is_an_address_of_its_own() {
    let found = problems_of(
        &good().replace("metrics = \"127.0.0.1:7135\"", "metrics = \"127.0.0.1:8080\""),
    );
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("error the address 127.0.0.1:8080 is taken already"), "{found:#?}");
    let listening = "listen = \"0.0.0.0:7135\", metrics = \"127.0.0.1:7135\"";
    let found = problems_of(&good().replace("metrics = \"127.0.0.1:7135\"", listening));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("error the replica listens on 0.0.0.0:7135 already"), "{found:#?}");
}

#[test]
fn a_bad_override_is_named_by_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &good());
    let mut sources = sources(&file);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    sources.environment = vec![
        pair("BAZAAR_CACHE_SIZE", "many"),
        pair("BAZAAR_CACHE_SIEZ", "3"),
        pair("BAZAAR_HEALTH_INTERVAL", "1us"),
    ];
    let flag = |path: &str| (format!("--set {path}"), path.to_owned(), "1".to_owned());
    sources.flags = vec![flag("cache.sise"), flag("orders.9.address")];
    let problems: Vec<String> = load(&sources).unwrap_err().problems().iter().map(short).collect();
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(problems[0].starts_with("environment BAZAAR_CACHE_SIZE error `many` does not fit"));
    assert!(problems[1].starts_with("environment BAZAAR_CACHE_SIEZ warning"));
    assert!(problems[2].starts_with("flag --set cache.sise error there is no setting"));
    assert!(problems[3].starts_with("flag --set orders.9.address error"));
    assert!(
        problems[4].starts_with("environment BAZAAR_HEALTH_INTERVAL error 1us is out of range")
    );
}

#[test]
fn unknown_keys_wrong_types_and_ids_are_refused_where_they_stand() {
    let found = problems_of("cluster = \"x\"\n[cache]\nsiez = 5\n");
    assert!(found[0].starts_with("3:1 error unknown field `siez`"), "{found:?}");
    let found = problems_of("[cache]\nsize = \"five\"\n");
    assert!(found[0].starts_with("2:8 error invalid type"), "{found:?}");
    let found = problems_of("[orders]\nreplicas = [{ id = 300, address = \"a:1\" }]\n");
    assert!(found[0].starts_with("2:20 error an id is a whole number from 1 to 255"), "{found:?}");
    let found = problems_of("[health]\ninterval = \"5\"\n");
    assert!(found[0].starts_with("2:12 error a length of time"), "{found:?}");
    let found = problems_of("cluster = \n");
    assert!(found[0].starts_with("1:"), "{found:?}");
}

#[test]
fn all_problems_are_found_at_once() {
    let text = r#"cluster = "My Cluster"

[orders]
replicas = [
  { id = 1, address = "127.0.0.1:7102" },
  { id = 1, address = "127.0.0.1:7102" },
]

[health]
interval = "5m"

[catalog]
stocks = "missing.csv"

[[gateways]]
id = 1
address = "0.0.0.0:8080"
internal = "127.0.0.1:8080"
grpc = "127.0.0.1:7105"
"#;
    let found = problems_of(text);
    let starts = |line: &str| found.iter().any(|problem| problem.starts_with(line));
    assert!(starts("1:11 error `My Cluster` is no name"), "{found:#?}");
    assert!(starts("12:2 error there is no catalog replica"), "{found:#?}");
    assert!(starts("6:10 error two order replicas have the id 1"), "{found:#?}");
    assert!(starts("6:23 error the address 127.0.0.1:7102 is taken"), "{found:#?}");
    assert!(starts("18:12 error the address 127.0.0.1:8080 is taken"), "{found:#?}");
    assert!(starts("10:12 error 5m is out of range"), "{found:#?}");
    assert!(
        found.iter().any(|p| p.starts_with("13:10 error") && p.contains("missing.csv")),
        "{found:#?}"
    );
    assert_eq!(found.len(), 7, "{found:#?}");
}

/// A deployment with these catalogs and this line under `[catalog]`; problems as [`short`] tells them.
fn catalogs(replicas: &[&str], line: &str) -> Vec<String> {
    let rows: Vec<String> = (1..)
        .zip(replicas)
        .map(|(id, more)| {
            format!("  {{ id = {id}, address = \"127.0.0.1:{}\"{more} }},", 9000 + id)
        })
        .collect();
    let catalog =
        format!("[catalog]\nreplicas = [\n{}\n]\n{line}\nstocks = \"sample\"\n", rows.join("\n"));
    let rest = good();
    problems_of(&(catalog + &rest[rest.find("[orders]").unwrap()..]))
}

#[test]
fn a_group_of_catalogs_is_one_three_or_five_and_has_somebody_to_begin_with() {
    let (voter, joins) = ("", ", join = true");
    assert_eq!(catalogs(&[voter], ""), Vec::<String>::new());
    assert_eq!(catalogs(&[voter; 3], "protocol = \"raft\""), Vec::<String>::new());
    assert_eq!(catalogs(&[voter], "protocol = \"raft\""), Vec::<String>::new());
    assert_eq!(catalogs(&[voter, voter, voter, joins], ""), Vec::<String>::new());
    let one = |found: Vec<String>, start: &str| {
        assert!(found.len() == 1 && found[0].starts_with(start), "{found:#?}");
    };
    one(catalogs(&[voter; 3], "protocol = \"solo\""), "7:12 error protocol solo, but 3 catalog");
    one(
        catalogs(&[voter; 2], ""),
        "2:1 warning 2 catalog replicas survive no more failures than 1",
    );
    one(catalogs(&[joins], ""), "2:1 error every catalog replica joins later");
    one(catalogs(&[voter; 9], ""), "2:1 error 9 catalog replicas, the limit is 7");
    one(catalogs(&[voter], "protocol = \"paxos\""), "5:12 error unknown variant `paxos`");
    let odd = good().replace("metrics = \"127.0.0.1:7135\"", "join = true");
    one(problems_of(&odd), "33:48 error order replicas join by themselves");
}

#[test]
fn what_a_trade_waits_for_follows_from_the_catalogs_unless_it_is_said() {
    let acks = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        load(&sources(&write(folder.path(), text))).unwrap().config.ack()
    };
    let said = |ack: &str| good().replace("# ack = \"in-sync\"", &format!("ack = \"{ack}\""));
    assert_eq!(acks(&good()), Ack::Ledger);
    assert_eq!(acks(&said("in-sync")), Ack::InSync);
    assert_eq!(acks(&said("ledger")), Ack::Ledger);
    let alone = render(&Config::local(&LocalPorts::counted(8080, 7101, 1, 1), Path::new("data")));
    assert_eq!(acks(&alone), Ack::InSync);
    let found = problems_of(&alone.replace("# ack = \"in-sync\"", "ack = \"ledger\""));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("warning ledger with 1 catalogs"), "{found:#?}");
}

#[test]
fn orders_run_primary_backup_unless_raft_is_said() {
    let said = |protocol: &str| {
        let line = "# protocol = \"raft\" # primary-backup";
        assert!(good().contains(line));
        good().replace(line, &format!("protocol = \"{protocol}\" #"))
    };
    let of = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        load(&sources(&write(folder.path(), text))).unwrap().config.orders.protocol
    };
    assert_eq!(of(&good()), OrdersProtocol::PrimaryBackup);
    assert_eq!(of(&said("primary-backup")), OrdersProtocol::PrimaryBackup);
    assert_eq!(of(&said("raft")), OrdersProtocol::Raft);
    assert_eq!(problems_of(&said("raft")), Vec::<String>::new());
    let unknown = problems_of(&said("paxos"));
    assert!(unknown[0].contains("error unknown variant `paxos`"), "{unknown:?}");
    let raft = said("raft");
    let two: Vec<&str> = raft.lines().filter(|line| !line.contains("127.0.0.1:7106")).collect();
    let found = problems_of(&two.join("\n"));
    assert!(found.len() == 1 && found[0].contains("survive no more failures than 1"), "{found:?}");
}

#[test]
fn first_listings_that_replicas_could_not_send_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (0..80_000).map(|n| format!("L{n},1.00,1")).collect();
    let text = format!("name,price,quantity\n{}\n", rows.join("\n"));
    std::fs::write(folder.path().join("many.csv"), text).unwrap();
    let problems = |catalogs| {
        let config =
            Config::local(&LocalPorts::counted(8080, 7101, catalogs, 1), Path::new("data"));
        let text = render(&config).replace("stocks = \"sample\"", "stocks = \"many.csv\"");
        match load(&sources(&write(folder.path(), &text))) {
            Ok(loaded) => loaded.warnings,
            Err(error) => error.problems(),
        }
    };
    assert_eq!(problems(1), []);
    let found = problems(3);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("more than replicas can send each other"), "{found:#?}");
}

#[test]
fn a_large_cache_and_an_open_internal_listener_are_only_odd() {
    let text = good()
        .replace("size = 5", "size = 50")
        .replace("internal = \"127.0.0.1:8081\"", "internal = \"0.0.0.0:8081\"");
    let found = problems_of(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|problem| problem.contains(" warning ")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.contains("larger than the catalog (20)")));
}

#[test]
fn rows_of_a_listings_file_are_named_by_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.csv"), "name,price,quantity\nA,1.5,1\nB,free,1\n")
        .unwrap();
    let file = write(folder.path(), &good().replace("stocks = \"sample\"", "stocks = \"s.csv\""));
    let ConfigError::Invalid(problems) = load(&sources(&file)).unwrap_err() else {
        panic!("the file can be read");
    };
    assert_eq!(problems.len(), 1);
    let text = problems[0].to_string();
    assert!(text.contains("s.csv:3:1: error: price `free`"), "{text}");
}

#[test]
fn a_missing_file_says_so() {
    let error = load(&sources(Path::new("/nowhere/bazaar.toml"))).unwrap_err();
    assert!(error.to_string().contains("/nowhere/bazaar.toml"));
}

#[test]
fn the_payment_service_has_a_section_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &format!("{}\n[payment]\ndata = \"bank\"\n", good()));
    let loaded = load(&sources(&file)).unwrap();
    assert_eq!(loaded.warnings, []);
    let payment = loaded.config.payment.clone().unwrap();
    assert_eq!((payment.address.port(), payment.approve.ppm()), (8090, 900_000));
    assert_eq!(loaded.config.payment_data(), Some(folder.path().join("bank")));
    // Whoever overrides something of it wants one.
    let plain = write(folder.path(), &good());
    let mut sources = sources(&plain);
    assert_eq!(load(&sources).unwrap().config.payment, None);
    sources.environment = vec![("BAZAAR_PAYMENT_APPROVE".to_owned(), "0.5".to_owned())];
    sources.flags = vec![("--set".into(), "payment.address".into(), "127.0.0.1:9090".into())];
    let config = load(&sources).unwrap().config;
    let payment = config.payment.clone().unwrap();
    assert_eq!((payment.address.port(), payment.approve.ppm()), (9090, 500_000));
    assert_eq!(config.payment_data(), Some(folder.path().join("data/payment")));
    let mut config = config;
    config.payment.as_mut().unwrap().listen = Some("0.0.0.0:9090".parse().unwrap());
    config.payment.as_mut().unwrap().data = Some("bank".into());
    assert_eq!(toml::from_str::<Config>(&render(&config)).unwrap(), config);
    config.payment.as_mut().unwrap().approve = 1.0.try_into().unwrap();
    assert_eq!(toml::from_str::<Config>(&render(&config)).unwrap(), config);
}

#[test]
fn a_payment_service_that_cannot_work_is_refused_with_its_place() {
    let lines = good().lines().count();
    let found = |text: &str| problems_of(&format!("{}[payment]\n{text}\n", good()));
    for (text, column, message) in [
        ("approve = 1.5", 11, "error a probability is a number from 0 to 1"),
        ("approve = \"often\"", 11, "error invalid type"),
        ("seed = -1", 8, "error invalid value"),
        ("delay = \"1m\"", 9, "error 1m is out of range"),
        ("address = \"0.0.0.0:8090\"", 11, "error nobody can dial 0.0.0.0:8090"),
        ("address = \"127.0.0.1:8080\"", 11, "error the address 127.0.0.1:8080 is taken already"),
        ("delay = \"1s\"", 9, "warning every answer of the payment service waits for 1s"),
    ] {
        let found = found(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        let place = format!("{}:{column} {message}", lines + 2);
        assert!(found[0].starts_with(&place), "{text}: {found:#?}, expected {place}");
    }
    assert!(found("odds = 3")[0].contains("unknown field `odds`"));
}
