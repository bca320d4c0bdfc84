//! Writing a configuration down for a person to edit.

use std::fmt::Write;

use super::payment::PaymentConfig;
use super::types::{
    Ack, CatalogProtocol, Config, ListingsSource, LogFormat, OrdersProtocol, Replica,
};
use crate::datagrams::{DATAGRAM_BYTES, JUMBO_BYTES};

/// The configuration as commented TOML; reading it gives the same configuration.
pub fn render(config: &Config) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut out, config);
    out
}

fn write_all(out: &mut String, config: &Config) -> std::fmt::Result {
    writeln!(
        out,
        "# A deployment of Bazaar. `bazaar config check` explains what is wrong, with file and line."
    )?;
    writeln!(
        out,
        "# Relative paths count from this file's folder. Each setting can be overridden: cache.size by the"
    )?;
    writeln!(out, "# variable BAZAAR_CACHE_SIZE or the flag --set cache.size=7.\n")?;
    writeln!(out, "cluster = {}", quoted(&config.cluster))?;
    writeln!(out, "data = {}\n", quoted(&config.data.to_string_lossy()))?;
    writeln!(out, "[log]")?;
    let format = match config.log.format {
        LogFormat::Auto => "auto",
        LogFormat::Human => "human",
        LogFormat::Json => "json",
    };
    writeln!(out, "format = \"{format}\" # auto, human or json")?;
    writeln!(out, "level = {}\n", quoted(&config.log.level))?;
    write_catalog(out, config)?;
    write_orders(out, config)?;
    if !config.customers.replicas.is_empty() {
        write_customers(out, config)?;
    }
    write_gateways(out, config)
}

fn write_catalog(out: &mut String, config: &Config) -> std::fmt::Result {
    let catalog = &config.catalog;
    writeln!(out, "[catalog]")?;
    writeln!(
        out,
        "# One replica decides alone; of three or five, a majority must run. One with join = true is none of the"
    )?;
    writeln!(out, "# first voters: `bazaar member add` takes it in.")?;
    write_replicas(out, &catalog.replicas)?;
    match catalog.protocol {
        Some(CatalogProtocol::Solo) => writeln!(out, "protocol = \"solo\"")?,
        Some(CatalogProtocol::Raft) => writeln!(out, "protocol = \"raft\"")?,
        None => writeln!(out, "# protocol = \"raft\" # solo is for a single replica")?,
    }
    writeln!(
        out,
        "# First listings: \"sample\", or a CSV file with the columns name,price,quantity and restock."
    )?;
    for (name, source) in [("stocks", &catalog.stocks), ("toys", &catalog.toys)] {
        match source {
            Some(ListingsSource::Sample) => writeln!(out, "{name} = \"sample\"")?,
            Some(ListingsSource::File(path)) => {
                writeln!(out, "{name} = {}", quoted(&path.to_string_lossy()))?;
            }
            None => {}
        }
    }
    let restock = catalog.restock;
    writeln!(out, "\n[catalog.restock] # refills listings that are marked for it and stand at 0")?;
    writeln!(out, "enabled = {}", restock.enabled)?;
    writeln!(out, "interval = \"{}\"", restock.interval)?;
    writeln!(out, "level = {}\n", restock.level)
}

fn write_orders(out: &mut String, config: &Config) -> std::fmt::Result {
    writeln!(out, "[orders]")?;
    write_replicas(out, &config.orders.replicas)?;
    match config.orders.protocol {
        OrdersProtocol::PrimaryBackup => {
            writeln!(out, "# protocol = \"raft\" # primary-backup: one live replica is enough")?;
        }
        OrdersProtocol::Raft => {
            writeln!(out, "protocol = \"raft\" # a majority must run, and elects who leads")?;
        }
    }
    writeln!(
        out,
        "# When a trade is answered: ledger: a majority of the catalog's disks holds it (the default for three or"
    )?;
    writeln!(
        out,
        "# more catalogs); in-sync: every in-sync disk of the orders holds it, too (by raft: a majority of them); the"
    )?;
    writeln!(out, "# default for one.")?;
    match config.orders.ack {
        Some(Ack::InSync) => writeln!(out, "ack = \"in-sync\"\n"),
        Some(Ack::Ledger) => writeln!(out, "ack = \"ledger\"\n"),
        None => writeln!(out, "# ack = \"in-sync\"\n"),
    }
}

fn write_customers(out: &mut String, config: &Config) -> std::fmt::Result {
    let customers = &config.customers;
    writeln!(out, "[customers]")?;
    writeln!(
        out,
        "# All members that the group ever has; a majority of them must run. They speak by datagrams (UDP), at the port of"
    )?;
    writeln!(out, "# `address` unless `datagrams` names another one.")?;
    write_replicas(out, &customers.replicas)?;
    writeln!(out, "# What the key of their datagrams is made from: the same for all members.")?;
    if let Some(path) = &customers.secret_file {
        writeln!(out, "secret_file = {}", quoted(&path.to_string_lossy()))?;
    }
    if let Some(secret) = &customers.secret {
        writeln!(out, "secret = {}", quoted(secret))?;
    }
    match customers.datagram_bytes {
        Some(bytes) => writeln!(out, "datagram_bytes = {bytes}\n"),
        None => writeln!(out, "# datagram_bytes = {DATAGRAM_BYTES} # {JUMBO_BYTES} on loopback\n"),
    }
}

fn write_gateways(out: &mut String, config: &Config) -> std::fmt::Result {
    for gateway in &config.gateways {
        writeln!(out, "[[gateways]]")?;
        writeln!(out, "id = {}", gateway.id)?;
        writeln!(out, "address = \"{}\"", gateway.address)?;
        writeln!(out, "internal = \"{}\" # for operators; keep clients away", gateway.internal)?;
        writeln!(out, "grpc = \"{}\" # health checks and status\n", gateway.grpc)?;
    }
    writeln!(out, "[cache] # of each gateway")?;
    writeln!(out, "size = {} # most listings; 0 is off", config.cache.size)?;
    match &config.cache.log {
        Some(path) => writeln!(out, "log = {}\n", quoted(&path.to_string_lossy()))?,
        None => writeln!(out, "# log = \"cache.log\"\n")?,
    }
    writeln!(out, "[health]\ninterval = \"{}\"\n", config.health.interval)?;
    let limits = config.limits;
    writeln!(out, "[limits] # of each gateway")?;
    writeln!(out, "connections = {}", limits.connections)?;
    writeln!(out, "per_ip = {}", limits.per_ip)?;
    writeln!(out, "in_flight = {}\n", limits.in_flight)?;
    writeln!(out, "[request]\ndeadline = \"{}\"", config.request.deadline)?;
    config.payment.as_ref().map_or(Ok(()), |payment| write_payment(out, payment))
}

fn write_payment(out: &mut String, payment: &PaymentConfig) -> std::fmt::Result {
    writeln!(out, "\n[payment]")?;
    writeln!(out, "address = \"{}\"", payment.address)?;
    if let Some(listen) = &payment.listen {
        writeln!(out, "listen = \"{listen}\"")?;
    }
    match &payment.data {
        Some(path) => writeln!(out, "data = {}", quoted(&path.to_string_lossy()))?,
        None => writeln!(out, "# data = \"payment\" # folder of its journal")?,
    }
    writeln!(
        out,
        "approve = {} # how likely; which ones, the seed says",
        f64::from(payment.approve)
    )?;
    writeln!(out, "seed = {}", payment.seed)?;
    writeln!(out, "delay = \"{}\" # of every answer, for tests", payment.delay)
}

fn write_replicas(out: &mut String, replicas: &[Replica]) -> std::fmt::Result {
    writeln!(out, "replicas = [")?;
    for replica in replicas {
        write!(out, "  {{ id = {}, address = \"{}\"", replica.id, replica.address)?;
        if let Some(listen) = &replica.listen {
            write!(out, ", listen = \"{listen}\"")?;
        }
        if let Some(metrics) = &replica.metrics {
            write!(out, ", metrics = \"{metrics}\"")?;
        }
        if let Some(datagrams) = &replica.datagrams {
            write!(out, ", datagrams = \"{datagrams}\"")?;
        }
        if replica.join {
            write!(out, ", join = true")?;
        }
        writeln!(out, " }},")?;
    }
    writeln!(out, "]")
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::LocalPorts;

    #[test]
    fn what_is_written_reads_the_same() {
        let mut config =
            Config::local(&LocalPorts::counted(9000, 9100, 3, 2), Path::new("a \"b\"\\c"));
        assert_eq!(toml::from_str::<Config>(&render(&config)).unwrap(), config);
        config.cache.log = Some(PathBuf::from("cache.log"));
        config.catalog.toys = None;
        config.catalog.stocks = Some(ListingsSource::File("my.csv".into()));
        config.catalog.protocol = Some(CatalogProtocol::Raft);
        config.catalog.replicas[2].join = true;
        config.orders.ack = Some(Ack::Ledger);
        config.orders.protocol = OrdersProtocol::Raft;
        config.orders.replicas[1].listen = Some("0.0.0.0:1".parse().unwrap());
        config.customers.replicas = config.orders.replicas.clone();
        config.customers.replicas[0].datagrams = Some("127.0.0.1:3".parse().unwrap());
        config.customers.secret_file = Some(PathBuf::from("secret"));
        assert_eq!(toml::from_str::<Config>(&render(&config)).unwrap(), config);
        config.customers.secret = Some("not so secret".into());
        config.customers.datagram_bytes = Some(1_200);
        assert_eq!(toml::from_str::<Config>(&render(&config)).unwrap(), config);
    }
}
