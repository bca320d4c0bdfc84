//! What a running deployment exports, and what its small listeners refuse.

use std::path::Path;
use std::time::{Duration, Instant};

use bazaar::cli::up::probe::get;
use bazaar::cli::up::{Launch, Supervisor};
use bazaar::config::{Address, Config, render};

const PATIENCE: Duration = Duration::from_secs(60);

async fn ready(address: &Address) {
    let deadline = Instant::now() + PATIENCE;
    while get(address, "/readyz").await.is_none_or(|(status, _)| status != 200) {
        assert!(Instant::now() < deadline, "{address} never gets ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn metrics(address: &Address) -> String {
    let (status, text) = get(address, "/metrics").await.expect("an answer");
    assert_eq!(status, 200);
    // Whatever is exported is described.
    for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
    text
}

/// The value of a metric; its line begins like this.
fn value(text: &str, start: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("{start} is missing in\n{text}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

async fn replicas(config: &Config) {
    let catalog = config.catalog.replicas[0].metrics.as_ref().expect("local ones have metrics");
    let text = metrics(catalog).await;
    assert!(
        value(&text, "bazaar_log_end{") >= 1.0 && value(&text, "bazaar_log_syncs_total{") >= 1.0
    );
    assert_eq!(value(&text, "bazaar_role{service=\"catalog-1\",role=\"leader\"}"), 1.0);
    assert_eq!(value(&text, "bazaar_catalog_orders{"), 0.0);
    assert_eq!(value(&text, "bazaar_orders_in_sync{"), 3.0);
    let mut leaders = 0.0;
    for replica in &config.orders.replicas {
        let address = replica.metrics.as_ref().expect("local ones have metrics");
        let text = metrics(address).await;
        let service = format!("service=\"orders-{}\"", replica.id);
        let role = |role| value(&text, &format!("bazaar_role{{{service},role=\"{role}\"}}"));
        leaders += role("leader");
        assert_eq!(role("leader") + role("taking_over") + role("follower") + role("joining"), 1.0);
        assert_eq!(value(&text, &format!("bazaar_link_up{{{service},peer=\"catalog-1\"}}")), 1.0);
        assert!(value(&text, "process_resident_memory_bytes{") > 1e6);
        let (status, _) = get(address, "/orders/0").await.expect("an answer");
        assert_eq!(status, 404, "a replica serves no clients");
    }
    assert_eq!(leaders, 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_exports_what_an_operator_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::local_free(&folder.path().join("data"), 1, 1).expect("free ports");
    let file = folder.path().join("bazaar.toml");
    std::fs::write(&file, render(&config)).expect("written");
    let mut supervisor = Supervisor::new(folder.path().to_owned());
    let binary = Path::new(env!("CARGO_BIN_EXE_bazaar"));
    for service in config.services() {
        supervisor.start(service, Launch::service(binary, &file, service, &[]));
    }
    ready(&config.gateways[0].address).await;
    for replica in config.catalog.replicas.iter().chain(&config.orders.replicas) {
        ready(replica.metrics.as_ref().expect("local ones have metrics")).await;
    }
    replicas(&config).await;
    let text = metrics(&config.gateways[0].internal).await;
    assert_eq!(value(&text, "bazaar_leader_live{"), 1.0);
    assert!(value(&text, "bazaar_pending_inputs{") < 32_768.0);
    assert_eq!(supervisor.stop().await, [], "everybody stops when asked");
    assert_eq!(supervisor.crashes(), 0);
    for service in config.services() {
        let log = std::fs::read_to_string(folder.path().join(format!("{service}.log")));
        let log = log.expect("a log");
        assert!(log.contains("stopping") && !log.contains("at once"), "{service}: {log}");
    }
}
