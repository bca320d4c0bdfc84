//! Single settings that the environment and flags can override, by name.
//!
//! A setting's path in the file is its name (`cache.size`); its variable is the same in capitals behind `BAZAAR_`
//! (`BAZAAR_CACHE_SIZE`); its flag is `--set cache.size=7`. Members of groups are named by their id:
//! `gateways.1.address`, `orders.2.listen`, `BAZAAR_CATALOG_1_METRICS` (the last two may be empty: none).

use std::fmt::Display;
use std::str::FromStr;

use super::payment::PaymentConfig;
use super::types::{Ack, CatalogProtocol, Config, ListingsSource, LogFormat, OrdersProtocol};

/// A setting that can be overridden.
pub struct Setting {
    /// Its path in the file.
    pub path: &'static str,
    /// What it is.
    pub about: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

/// All settings but those of single members.
pub const SETTINGS: &[Setting] = &[
    Setting {
        path: "cluster",
        about: "name of the deployment",
        set: |c, v| put(&mut c.cluster, v),
    },
    Setting { path: "data", about: "folder of all data", set: |c, v| put(&mut c.data, v) },
    Setting {
        path: "log.format",
        about: "auto, human or json",
        set: |c, v| log_format(v).map(|format| c.log.format = format),
    },
    Setting {
        path: "log.level",
        about: "least level, or filter directives",
        set: |c, v| put(&mut c.log.level, v),
    },
    Setting {
        path: "catalog.protocol",
        about: "solo or raft; empty: by the number of replicas",
        set: |c, v| protocol(v).map(|protocol| c.catalog.protocol = protocol),
    },
    Setting {
        path: "catalog.stocks",
        about: "first stocks: a CSV file, or sample",
        set: |c, v| source(&mut c.catalog.stocks, v),
    },
    Setting {
        path: "catalog.toys",
        about: "first toys: a CSV file, or sample",
        set: |c, v| source(&mut c.catalog.toys, v),
    },
    Setting {
        path: "catalog.restock.enabled",
        about: "true or false",
        set: |c, v| put(&mut c.catalog.restock.enabled, v),
    },
    Setting {
        path: "catalog.restock.interval",
        about: "time between two looks",
        set: |c, v| put(&mut c.catalog.restock.interval, v),
    },
    Setting {
        path: "catalog.restock.level",
        about: "where a listing at 0 goes back to",
        set: |c, v| put(&mut c.catalog.restock.level, v),
    },
    Setting {
        path: "orders.protocol",
        about: "primary-backup or raft",
        set: |c, v| orders_protocol(v).map(|protocol| c.orders.protocol = protocol),
    },
    Setting {
        path: "orders.ack",
        about: "ledger: the catalog's disks; in-sync: those of orders, too",
        set: |c, v| ack(v).map(|ack| c.orders.ack = ack),
    },
    Setting {
        path: "customers.secret_file",
        about: "file with the secret of the customers' datagrams",
        set: |c, v| maybe(&mut c.customers.secret_file, v),
    },
    Setting {
        path: "customers.secret",
        about: "the secret itself; empty: it is in the file",
        set: |c, v| maybe(&mut c.customers.secret, v),
    },
    Setting {
        path: "customers.datagram_bytes",
        about: "largest datagram that is sent; empty: by where the members are",
        set: |c, v| maybe(&mut c.customers.datagram_bytes, v),
    },
    Setting {
        path: "cache.size",
        about: "most listings a gateway caches; 0 is off",
        set: |c, v| put(&mut c.cache.size, v),
    },
    Setting {
        path: "cache.log",
        about: "file of the cache log; empty for none",
        set: |c, v| {
            c.cache.log = (!v.is_empty()).then(|| v.into());
            Ok(())
        },
    },
    Setting {
        path: "health.interval",
        about: "time between two checks of the orders leader",
        set: |c, v| put(&mut c.health.interval, v),
    },
    Setting {
        path: "limits.connections",
        about: "most connections of a gateway",
        set: |c, v| put(&mut c.limits.connections, v),
    },
    Setting {
        path: "limits.per_ip",
        about: "most connections from one address",
        set: |c, v| put(&mut c.limits.per_ip, v),
    },
    Setting {
        path: "limits.in_flight",
        about: "most requests at once",
        set: |c, v| put(&mut c.limits.in_flight, v),
    },
    Setting {
        path: "request.deadline",
        about: "time after which a request is answered 503 or 504",
        set: |c, v| put(&mut c.request.deadline, v),
    },
    Setting {
        path: "payment.address",
        about: "where the payment service is reached",
        set: |c, v| put(&mut payment(c).address, v),
    },
    Setting {
        path: "payment.listen",
        about: "where it listens; empty: at its address",
        set: |c, v| maybe(&mut payment(c).listen, v),
    },
    Setting {
        path: "payment.data",
        about: "folder of its journal; empty: in the folder of all data",
        set: |c, v| maybe(&mut payment(c).data, v),
    },
    Setting {
        path: "payment.approve",
        about: "how likely it approves a charge, from 0 to 1",
        set: |c, v| put(&mut payment(c).approve, v),
    },
    Setting {
        path: "payment.seed",
        about: "says which charges it approves",
        set: |c, v| put(&mut payment(c).seed, v),
    },
    Setting {
        path: "payment.delay",
        about: "how long it holds answers back, for tests",
        set: |c, v| put(&mut payment(c).delay, v),
    },
];

/// Why an override could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No setting has this name.
    #[error("there is no setting `{0}`")]
    Unknown(String),
    /// The deployment has no such member.
    #[error("the configuration has no member {id} in `{group}`")]
    NoMember {
        /// The group.
        group: String,
        /// The id.
        id: String,
    },
    /// The value does not fit.
    #[error("`{value}` does not fit `{path}`: {reason}")]
    Value {
        /// The setting.
        path: String,
        /// What was given.
        value: String,
        /// Why it does not fit.
        reason: String,
    },
}

/// Overrides one setting. Answers with the path under which the value stands in the file's tree.
pub fn apply(config: &mut Config, path: &str, value: &str) -> Result<String, SettingError> {
    let bad = |reason: String| SettingError::Value {
        path: path.to_owned(),
        value: value.to_owned(),
        reason,
    };
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == path) {
        (setting.set)(config, value).map_err(bad)?;
        return Ok(path.to_owned());
    }
    let parts: Vec<&str> = path.split('.').collect();
    let &[group, id, field] = parts.as_slice() else {
        return Err(SettingError::Unknown(path.to_owned()));
    };
    let found = member(config, group, id, field, value);
    found.ok_or_else(|| SettingError::Unknown(path.to_owned()))?
}

/// The setting that an environment variable names, if it begins like one of ours.
pub fn path_of_variable(config: &Config, variable: &str) -> Option<String> {
    let name = variable.strip_prefix("BAZAAR_")?;
    let fixed = SETTINGS.iter().map(|setting| setting.path.to_owned());
    fixed.chain(member_paths(config)).find(|path| variable_of(path) == name)
}

/// True for a variable that begins with one of our sections: if no setting has its name, it is a mistake.
pub fn looks_like_ours(variable: &str) -> bool {
    let Some(name) = variable.strip_prefix("BAZAAR_") else { return false };
    let sections = [
        "CACHE",
        "CATALOG",
        "CUSTOMERS",
        "GATEWAYS",
        "HEALTH",
        "LIMITS",
        "LOG",
        "ORDERS",
        "PAYMENT",
        "REQUEST",
    ];
    sections
        .iter()
        .any(|section| name.strip_prefix(section).is_some_and(|rest| rest.starts_with('_')))
}

/// The variable of a setting, without its prefix.
fn variable_of(path: &str) -> String {
    path.replace('.', "_").to_uppercase()
}

fn member_paths(config: &Config) -> impl Iterator<Item = String> + '_ {
    let of = |group: &'static str, fields: &'static [&'static str], ids: Vec<u8>| {
        ids.into_iter()
            .flat_map(move |id| fields.iter().map(move |field| format!("{group}.{id}.{field}")))
    };
    let ids =
        |replicas: &[super::types::Replica]| replicas.iter().map(|replica| replica.id).collect();
    let gateways = config.gateways.iter().map(|gateway| gateway.id).collect();
    const REPLICA: &[&str] = &["address", "listen", "metrics"];
    const MEMBER: &[&str] = &["address", "listen", "metrics", "datagrams"];
    of("catalog", REPLICA, ids(&config.catalog.replicas))
        .chain(of("orders", REPLICA, ids(&config.orders.replicas)))
        .chain(of("customers", MEMBER, ids(&config.customers.replicas)))
        .chain(of("gateways", &["address", "internal", "grpc"], gateways))
}

/// Sets a field of a member; `None` if there is no such group or field.
fn member(
    config: &mut Config,
    group: &str,
    id: &str,
    field: &str,
    value: &str,
) -> Option<Result<String, SettingError>> {
    let is_it = |own: u8| own.to_string() == id;
    let (index, path, set) = match group {
        "catalog" | "orders" | "customers" => {
            let replicas = match group {
                "catalog" => &mut config.catalog.replicas,
                "orders" => &mut config.orders.replicas,
                _ => &mut config.customers.replicas,
            };
            let index = replicas.iter().position(|replica| is_it(replica.id));
            let set = index.map(|index| match field {
                "address" => Some(put(&mut replicas[index].address, value)),
                "listen" => Some(maybe(&mut replicas[index].listen, value)),
                "metrics" => Some(maybe(&mut replicas[index].metrics, value)),
                "datagrams" if group == "customers" => {
                    Some(maybe(&mut replicas[index].datagrams, value))
                }
                _ => None,
            });
            (index, format!("{group}.replicas"), set)
        }
        "gateways" => {
            let index = config.gateways.iter().position(|gateway| is_it(gateway.id));
            let set = index.map(|index| match field {
                "address" => Some(put(&mut config.gateways[index].address, value)),
                "internal" => Some(put(&mut config.gateways[index].internal, value)),
                "grpc" => Some(put(&mut config.gateways[index].grpc, value)),
                _ => None,
            });
            (index, group.to_owned(), set)
        }
        _ => return None,
    };
    let (Some(index), Some(set)) = (index, set) else {
        let (group, id) = (group.to_owned(), id.to_owned());
        return Some(Err(SettingError::NoMember { group, id }));
    };
    let path = format!("{path}.{index}.{field}");
    Some(set?.map(|()| path.clone()).map_err(|reason| SettingError::Value {
        path,
        value: value.to_owned(),
        reason,
    }))
}

/// The payment service; whoever sets something of it wants one.
fn payment(config: &mut Config) -> &mut PaymentConfig {
    config.payment.get_or_insert_default()
}

fn put<T: FromStr<Err: Display>>(slot: &mut T, value: &str) -> Result<(), String> {
    *slot = value.parse().map_err(text)?;
    Ok(())
}

/// As [`put`]; an empty value means none.
fn maybe<T: FromStr<Err: Display>>(slot: &mut Option<T>, value: &str) -> Result<(), String> {
    *slot = if value.is_empty() { None } else { Some(value.parse().map_err(text)?) };
    Ok(())
}

fn text(error: impl Display) -> String {
    error.to_string()
}

fn source(slot: &mut Option<ListingsSource>, value: &str) -> Result<(), String> {
    *slot = (!value.is_empty()).then(|| ListingsSource::from(value.to_owned()));
    Ok(())
}

fn log_format(value: &str) -> Result<LogFormat, String> {
    match value {
        "auto" => Ok(LogFormat::Auto),
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("write auto, human or json".to_owned()),
    }
}

fn ack(value: &str) -> Result<Option<Ack>, String> {
    match value {
        "" => Ok(None),
        "in-sync" => Ok(Some(Ack::InSync)),
        "ledger" => Ok(Some(Ack::Ledger)),
        _ => Err("write in-sync or ledger".to_owned()),
    }
}

fn orders_protocol(value: &str) -> Result<OrdersProtocol, String> {
    match value {
        "" | "primary-backup" => Ok(OrdersProtocol::PrimaryBackup),
        "raft" => Ok(OrdersProtocol::Raft),
        _ => Err("write primary-backup or raft".to_owned()),
    }
}

fn protocol(value: &str) -> Result<Option<CatalogProtocol>, String> {
    match value {
        "" => Ok(None),
        "solo" => Ok(Some(CatalogProtocol::Solo)),
        "raft" => Ok(Some(CatalogProtocol::Raft)),
        _ => Err("write solo or raft".to_owned()),
    }
}
