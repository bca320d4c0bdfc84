//! Everything that can be wrong with a configuration that reads well.

mod catalogs;
mod customers;
mod payment;

use std::collections::BTreeMap;

use market::limits::{MAX_LISTINGS, MAX_STOCK};

use super::address::Address;
use super::listings::{ListingsError, read_listings};
use super::period::Period;
use super::place::{Place, Places};
use super::problem::Problem;
use super::types::{Config, OrdersProtocol, Replica};

/// Most order replicas: each holds every order, and a trade waits for all that are in sync.
const MAX_ORDER_REPLICAS: usize = 9;

/// All problems, in the sequence of the file's sections.
pub(super) fn check(config: &Config, places: &Places) -> Vec<Problem> {
    let mut checker = Checker { config, places, problems: Vec::new() };
    checker.names();
    checker.members();
    checker.ack();
    checker.customers();
    checker.addresses();
    checker.datagrams();
    checker.listeners();
    checker.periods();
    checker.limits();
    checker.payment();
    checker.listings();
    checker.problems
}

struct Checker<'a> {
    config: &'a Config,
    places: &'a Places,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn error(&mut self, path: &str, message: impl Into<String>, cure: impl Into<String>) {
        self.problems.push(Problem::error(self.places.get(path), message, cure));
    }

    fn warning(&mut self, path: &str, message: impl Into<String>, cure: impl Into<String>) {
        self.problems.push(Problem::warning(self.places.get(path), message, cure));
    }

    fn names(&mut self) {
        let cluster = &self.config.cluster;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if cluster.is_empty() || cluster.len() > 32 || !cluster.chars().all(fits) {
            self.error(
                "cluster",
                format!("`{cluster}` is no name of a deployment"),
                "use 1 to 32 small letters, digits and hyphens",
            );
        }
        let level = &self.config.log.level;
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(level) {
            self.error(
                "log.level",
                format!("`{level}` is no log level: {error}"),
                "write error, warn, info, debug or trace, or directives like info,bazaar=debug",
            );
        }
    }

    fn members(&mut self) {
        let config = self.config;
        let ids = |replicas: &[Replica]| replicas.iter().map(|r| r.id).collect::<Vec<u8>>();
        let catalogs = ids(&config.catalog.replicas);
        let orders = ids(&config.orders.replicas);
        let gateways: Vec<u8> = config.gateways.iter().map(|gateway| gateway.id).collect();
        self.group("catalog.replicas", "catalog replica", &catalogs);
        self.group("orders.replicas", "order replica", &orders);
        self.group("gateways", "gateway", &gateways);
        if !config.customers.replicas.is_empty() {
            let customers = ids(&config.customers.replicas);
            self.group("customers.replicas", "member of the customers' group", &customers);
        }
        self.catalogs();
        if orders.len() > MAX_ORDER_REPLICAS {
            self.error(
                "orders.replicas",
                format!("{} order replicas, the limit is {MAX_ORDER_REPLICAS}", orders.len()),
                "three are enough for two failures",
            );
        } else if orders.len() == 1 {
            self.warning(
                "orders.replicas",
                "a single order replica: its disk is the only one that holds old orders",
                "add two more",
            );
        } else if config.orders.protocol == OrdersProtocol::Raft && orders.len() % 2 == 0 {
            self.warning(
                "orders.replicas",
                format!(
                    "{} order replicas under raft survive no more failures than {}",
                    orders.len(),
                    orders.len() - 1
                ),
                "choose 1, 3 or 5",
            );
        }
    }

    fn group(&mut self, path: &str, what: &str, ids: &[u8]) {
        if ids.is_empty() {
            self.error(path, format!("there is no {what}"), format!("add one to `{path}`"));
        }
        for (index, id) in ids.iter().enumerate() {
            if ids[..index].contains(id) {
                self.error(
                    &format!("{path}.{index}.id"),
                    format!("two {what}s have the id {id}"),
                    "give each its own",
                );
            }
        }
    }

    /// The groups of replicas, as the file calls them.
    fn groups(&self) -> [(&'static str, &'a [Replica]); 3] {
        let config = self.config;
        [
            ("catalog", &config.catalog.replicas),
            ("orders", &config.orders.replicas),
            ("customers", &config.customers.replicas),
        ]
    }

    /// Every address of the deployment, with its path.
    fn all_addresses(&self) -> Vec<(String, Address)> {
        let mut all = Vec::new();
        let groups = self.groups();
        for (group, replicas) in groups {
            for (index, replica) in replicas.iter().enumerate() {
                let path = |field| format!("{group}.replicas.{index}.{field}");
                all.push((path("address"), replica.address.clone()));
                all.extend(replica.metrics.clone().map(|metrics| (path("metrics"), metrics)));
            }
        }
        for (index, gateway) in self.config.gateways.iter().enumerate() {
            all.push((format!("gateways.{index}.address"), gateway.address.clone()));
            all.push((format!("gateways.{index}.internal"), gateway.internal.clone()));
            all.push((format!("gateways.{index}.grpc"), gateway.grpc.clone()));
        }
        let payment = self.config.payment.as_ref();
        all.extend(payment.map(|it| ("payment.address".to_owned(), it.address.clone())));
        all
    }

    fn addresses(&mut self) {
        let mut seen: BTreeMap<Address, String> = BTreeMap::new();
        for (path, address) in self.all_addresses() {
            // 0.0.0.0:80 and 127.0.0.1:80 are the same place on one machine.
            match seen.get(&address.from_here()) {
                Some(first) => {
                    let first = self.places.get(first);
                    self.error(
                        &path,
                        format!("the address {address} is taken already (by {first})"),
                        "give each service its own port",
                    );
                }
                None => {
                    seen.insert(address.from_here(), path.clone());
                }
            }
            let dialled = path.contains("replicas") && path.ends_with("address");
            if address.is_wildcard() && dialled {
                self.error(
                    &path,
                    format!("nobody can dial {address}"),
                    "name the address that others reach it by, and put this one under `listen`",
                );
            }
            if path.ends_with("internal") && !address.is_loopback() {
                self.warning(
                    &path,
                    "the internal listener can be reached from other machines, and asks for no password",
                    "bind it to 127.0.0.1, or keep clients away from it by a firewall",
                );
            }
        }
    }

    /// A replica that binds elsewhere than it is reached must not bind its metrics there too. (Different replicas may well
    /// bind alike: behind a container's network each has its own.)
    fn listeners(&mut self) {
        for (group, replicas) in self.groups() {
            for (index, replica) in replicas.iter().enumerate() {
                let (Some(listen), Some(metrics)) = (&replica.listen, &replica.metrics) else {
                    continue;
                };
                if listen.from_here() == metrics.from_here() {
                    self.error(
                        &format!("{group}.replicas.{index}.metrics"),
                        format!("the replica listens on {listen} already, for other services"),
                        "give its metrics another port",
                    );
                }
            }
        }
    }

    fn periods(&mut self) {
        let config = self.config;
        let health = config.health.interval;
        let deadline = config.request.deadline;
        self.period("health.interval", health, Period::millis(10), Period::seconds(60));
        self.period("request.deadline", deadline, Period::millis(100), Period::seconds(60));
        if config.catalog.restock.enabled {
            let interval = config.catalog.restock.interval;
            let day = Period::seconds(86_400);
            self.period("catalog.restock.interval", interval, Period::millis(100), day);
        }
    }

    fn period(&mut self, path: &str, period: Period, least: Period, most: Period) {
        if period < least || period > most {
            self.error(
                path,
                format!("{period} is out of range"),
                format!("choose from {least} to {most}"),
            );
        }
    }

    fn limits(&mut self) {
        let config = self.config;
        let limits = config.limits;
        self.number("limits.connections", limits.connections, 1, 1_000_000);
        self.number("limits.per_ip", limits.per_ip, 1, 1_000_000);
        self.number("limits.in_flight", limits.in_flight, 1, 1_000_000);
        self.number("cache.size", config.cache.size, 0, MAX_LISTINGS);
        if limits.per_ip > limits.connections {
            self.warning(
                "limits.per_ip",
                "larger than limits.connections, so it never counts",
                "lower it, or raise limits.connections",
            );
        }
        let level = config.catalog.restock.level;
        if config.catalog.restock.enabled && !(1..=MAX_STOCK).contains(&level) {
            self.error(
                "catalog.restock.level",
                format!("{level} is out of range"),
                format!("choose from 1 to {MAX_STOCK}, or turn restock off"),
            );
        }
    }

    fn number(&mut self, path: &str, number: usize, least: usize, most: usize) {
        if !(least..=most).contains(&number) {
            self.error(
                path,
                format!("{number} is out of range"),
                format!("choose from {least} to {most}"),
            );
        }
    }

    fn listings(&mut self) {
        match read_listings(&self.config.catalog) {
            Ok(listings) => {
                let size = self.config.cache.size;
                if listings.is_empty() {
                    self.warning(
                        "catalog",
                        "there are no first listings",
                        "name a file, or \"sample\", under `stocks` or `toys`",
                    );
                }
                self.one_entry(&listings);
                if !listings.is_empty() && size > listings.len() {
                    self.warning(
                        "cache.size",
                        format!(
                            "the cache ({size}) is larger than the catalog ({})",
                            listings.len()
                        ),
                        "every listing will stay cached; a smaller one does the same",
                    );
                }
            }
            Err(error) => self.bad_listings(error),
        }
    }

    fn bad_listings(&mut self, error: ListingsError) {
        match error {
            ListingsError::Unreadable { file, setting, source } => self.error(
                setting,
                format!("{}: {source}", file.display()),
                "correct the path; relative ones count from the folder of the configuration",
            ),
            ListingsError::Rows(rows) => {
                for row in rows {
                    let place = match row.file {
                        Some(file) => Place::File { file, line: row.line, column: 1 },
                        None => Place::Nowhere,
                    };
                    self.problems.push(Problem::error(place, row.message, "correct the row"));
                }
            }
        }
    }
}
