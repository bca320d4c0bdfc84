//! What a person sees first: who listens where, and when it serves.

use std::path::Path;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use super::probe;
use crate::config::{Address, Config};

/// Time between two questions whether a gateway is ready.
const POLL: Duration = Duration::from_millis(25);

/// The overview of addresses.
pub(super) fn table(config: &Config, file: &Path) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["service", "address", "for"]);
    for gateway in &config.gateways {
        let name = format!("gateway-{}", gateway.id);
        let public = format!("http://{}", gateway.address.from_here());
        table.add_row([name.clone(), public, "clients".to_owned()]);
        let internal = format!("http://{}", gateway.internal.from_here());
        table.add_row([name, internal, "operators".to_owned()]);
    }
    for service in config.services() {
        if let Some(address) = config.grpc_address(service) {
            let name = service.to_string();
            table.add_row([name, address.to_string(), "services (gRPC)".to_owned()]);
        }
        if let Some(metrics) = config.replica(service).and_then(|replica| replica.metrics.as_ref())
        {
            let url = format!("http://{}/metrics", metrics.from_here());
            table.add_row([service.to_string(), url, "operators".to_owned()]);
        }
    }
    let (data, logs) = (config.data.display(), config.logs());
    format!("{table}\nconfiguration {}\ndata {data}, logs {}", file.display(), logs.display())
}

/// Waits until every gateway can serve a trade.
pub(super) async fn until_ready(config: &Config) {
    for gateway in &config.gateways {
        let address = gateway.address.from_here();
        while !probe::is_ready(&address).await {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The orders leader, as the first gateway that knows it says.
pub(super) async fn leader(config: &Config) -> Option<u8> {
    let addresses: Vec<Address> = config.gateways.iter().map(|g| g.address.from_here()).collect();
    for address in &addresses {
        if let Some(leader) = probe::leader(address).await {
            return Some(leader);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LocalPorts;

    #[test]
    fn every_address_is_shown() {
        let config = Config::local(&LocalPorts::counted(9000, 9100, 3, 2), Path::new("d"));
        let text = table(&config, Path::new("d/bazaar.toml"));
        for port in (9000..=9003).chain(9100..=9107).chain(9130..=9135) {
            assert!(text.contains(&format!("127.0.0.1:{port}")), "{port} is missing in\n{text}");
        }
        assert!(text.contains("d/bazaar.toml"));
    }
}
