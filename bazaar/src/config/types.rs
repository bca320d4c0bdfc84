//! What a deployment is: services, addresses, settings.

use std::path::{Path, PathBuf};

use node::service::{ServiceId, ServiceKind};
use serde::{Deserialize, Deserializer, Serialize};

use super::address::Address;
use super::payment::PaymentConfig;
use super::period::Period;
use crate::datagrams::{DATAGRAM_BYTES, JUMBO_BYTES};

/// A whole deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the deployment; services of another one are refused.
    pub cluster: String,
    /// Folder that holds one folder per service, and `logs`.
    pub data: PathBuf,
    /// What is logged, and how.
    pub log: LogConfig,
    /// The group that keeps listings, outbox and register.
    pub catalog: CatalogGroup,
    /// The group that keeps orders.
    pub orders: OrdersGroup,
    /// The group that keeps accounts, sessions, carts and feedback; without members where nobody needs them.
    #[serde(skip_serializing_if = "CustomersGroup::is_absent")]
    pub customers: CustomersGroup,
    /// Where clients come in.
    pub gateways: Vec<Gateway>,
    /// Of every gateway.
    pub cache: CacheConfig,
    /// How gateways watch the orders leader.
    pub health: HealthConfig,
    /// Of every gateway.
    pub limits: LimitsConfig,
    /// Of every gateway.
    pub request: RequestConfig,
    /// The payment service, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentConfig>,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// Least level (`info`), or filter directives (`info,bazaar::links=debug`).
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For a person on a terminal, JSON lines otherwise.
    #[default]
    Auto,
    /// For a person.
    Human,
    /// One JSON object per line.
    Json,
}

/// The catalog group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogGroup {
    /// Its members: one, three or five.
    pub replicas: Vec<Replica>,
    /// How they agree, if somebody said it; see [`CatalogGroup::agrees_by`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<CatalogProtocol>,
    /// First listings of the stock kind.
    pub stocks: Option<ListingsSource>,
    /// First listings of the toy kind.
    pub toys: Option<ListingsSource>,
    /// Refilling of listings that are marked for it.
    pub restock: RestockSettings,
}

/// How the members of the catalog's group agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatalogProtocol {
    /// A single replica decides alone.
    Solo,
    /// They elect a leader, and a majority of disks must hold a decision.
    Raft,
}

/// Where first listings come from: `"sample"`, or a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ListingsSource {
    /// The sample that ships inside the binary.
    Sample,
    /// A file with the columns `name,price,quantity` and, if wanted, `restock`.
    File(PathBuf),
}

/// Restock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestockSettings {
    /// On or off.
    pub enabled: bool,
    /// How often the catalog looks.
    pub interval: Period,
    /// Where a listing at 0 goes back to.
    pub level: u64,
}

/// The orders group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrdersGroup {
    /// Its members.
    pub replicas: Vec<Replica>,
    /// How they agree.
    #[serde(skip_serializing_if = "OrdersProtocol::is_default")]
    pub protocol: OrdersProtocol,
    /// What a trade waits for before the client is told, if somebody said it; see [`Config::ack`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<Ack>,
}

/// The customers' group. Its members agree by datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CustomersGroup {
    /// Its members: all that the group ever has.
    pub replicas: Vec<Replica>,
    /// File with the secret that the key of their datagrams is made from; the same for all members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// The secret itself, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Size of the largest datagram that is sent, in bytes, if somebody said it; see [`CustomersGroup::largest_datagram`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datagram_bytes: Option<usize>,
}

/// How the members of the orders group agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrdersProtocol {
    /// The gateways propose a leader, the catalog's register decides; one live replica is enough.
    #[default]
    PrimaryBackup,
    /// They elect a leader, and a majority of disks must hold an order.
    Raft,
}

impl OrdersProtocol {
    fn is_default(&self) -> bool {
        *self == OrdersProtocol::default()
    }
}

/// What a trade waits for before the client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ack {
    /// The catalog's disk, and the disk of every in-sync order replica; of a majority of them, if they agree by Raft.
    InSync,
    /// The catalog alone: with three replicas of it, two disks hold the trade, and its outbox keeps the order until order
    /// replicas have it.
    Ledger,
}

/// One member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// 1 to 255, unique in its group. Of order replicas, the highest eligible one is preferred as leader.
    #[serde(deserialize_with = "id")]
    pub id: u8,
    /// Where the other services reach it.
    pub address: Address,
    /// Where it listens, if that is not its address (behind a container's network, say).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Address>,
    /// Where it answers `GET /metrics`, `/healthz` and `/readyz` to operators, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Address>,
    /// Customers only: where the other members send their datagrams, if that is not its address. (The ports of UDP are apart from
    /// those of TCP, so both may have the same number.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datagrams: Option<Address>,
    /// Catalogs only: it joins a group that exists already, by `bazaar member add`; it is none of the first voters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub join: bool,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// 1 to 255, unique among gateways.
    #[serde(deserialize_with = "id")]
    pub id: u8,
    /// Where it listens for clients.
    pub address: Address,
    /// Where it listens for operators (invalidation); never open it to clients.
    pub internal: Address,
    /// Where it answers health checks and `bazaar status`, over gRPC.
    pub grpc: Address,
}

/// The gateways' cache of listings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Most entries; 0 turns it off.
    pub size: usize,
    /// File for the cache log (JSON lines); with several gateways, each appends its id to the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

/// Health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthConfig {
    /// Time between two checks of the orders leader.
    pub interval: Period,
}

/// Limits on clients of one gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Most connections at once.
    pub connections: usize,
    /// Most connections at once from one IP address.
    pub per_ip: usize,
    /// Most requests at once.
    pub in_flight: usize,
}

/// Requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestConfig {
    /// A request that cannot be answered by then is answered 503 or 504.
    pub deadline: Period,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cluster: "bazaar".to_owned(),
            data: PathBuf::from("bazaar-data"),
            log: LogConfig::default(),
            catalog: CatalogGroup::default(),
            orders: OrdersGroup::default(),
            customers: CustomersGroup::default(),
            gateways: Vec::new(),
            cache: CacheConfig::default(),
            health: HealthConfig::default(),
            limits: LimitsConfig::default(),
            request: RequestConfig::default(),
            payment: None,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

impl Default for RestockSettings {
    fn default() -> Self {
        RestockSettings { enabled: true, interval: Period::seconds(10), level: 100 }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        CacheConfig { size: 5, log: None }
    }
}

impl Default for HealthConfig {
    fn default() -> Self {
        HealthConfig { interval: Period::millis(500) }
    }
}

impl Default for LimitsConfig {
    /// As `rest::Limits`, which gives the reasons.
    fn default() -> Self {
        LimitsConfig { connections: 10_000, per_ip: 4_096, in_flight: 4_096 }
    }
}

impl Default for RequestConfig {
    /// Longer than any election, shorter than a client's patience.
    fn default() -> Self {
        RequestConfig { deadline: Period::seconds(5) }
    }
}

impl From<String> for ListingsSource {
    fn from(text: String) -> Self {
        if text == "sample" { ListingsSource::Sample } else { ListingsSource::File(text.into()) }
    }
}

impl From<ListingsSource> for String {
    fn from(source: ListingsSource) -> String {
        match source {
            ListingsSource::Sample => "sample".to_owned(),
            ListingsSource::File(path) => path.to_string_lossy().into_owned(),
        }
    }
}

/// An id, with an error that says what an id is.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let number = i64::deserialize(deserializer)?;
    u8::try_from(number).ok().filter(|id| *id > 0).ok_or_else(|| {
        serde::de::Error::custom(format!("an id is a whole number from 1 to 255, not {number}"))
    })
}

impl CatalogGroup {
    /// How its members agree: unless somebody said it, one decides alone and several elect a leader.
    pub fn agrees_by(&self) -> CatalogProtocol {
        let by_count = match self.replicas.len() {
            0 | 1 => CatalogProtocol::Solo,
            _ => CatalogProtocol::Raft,
        };
        self.protocol.unwrap_or(by_count)
    }

    /// Who votes from the group's first moment on.
    pub fn first_voters(&self) -> Vec<u8> {
        self.replicas.iter().filter(|replica| !replica.join).map(|replica| replica.id).collect()
    }
}

impl CustomersGroup {
    /// Nobody said anything of it.
    fn is_absent(&self) -> bool {
        *self == CustomersGroup::default()
    }

    /// Size of the largest datagram that is sent, in bytes: unless somebody said it, what passes loopback where all members are on
    /// it, and what passes any network elsewhere.
    pub fn largest_datagram(&self) -> usize {
        let local = self.replicas.iter().all(|member| member.takes_datagrams_at().is_loopback());
        let by_place = if local { JUMBO_BYTES } else { DATAGRAM_BYTES };
        self.datagram_bytes.unwrap_or(by_place)
    }
}

impl Replica {
    /// Where it listens.
    pub fn listens_on(&self) -> &Address {
        self.listen.as_ref().unwrap_or(&self.address)
    }

    /// Where the other members send their datagrams.
    pub fn takes_datagrams_at(&self) -> &Address {
        self.datagrams.as_ref().unwrap_or(&self.address)
    }

    /// Where it binds the socket of its datagrams: at its own port, on the host that it listens on.
    pub fn binds_datagrams_at(&self) -> Address {
        self.listens_on().with_port(self.takes_datagrams_at().port())
    }
}

impl Config {
    /// What a trade waits for: unless somebody said it, the catalog alone where a majority of at least three disks holds what
    /// it decides, and the order replicas too where it does not.
    pub fn ack(&self) -> Ack {
        let by_count =
            if self.catalog.first_voters().len() >= 3 { Ack::Ledger } else { Ack::InSync };
        self.orders.ack.unwrap_or(by_count)
    }

    /// Every service: catalogs, orders, customers, gateways, each by id. The sequence in which they are started.
    pub fn services(&self) -> Vec<ServiceId> {
        let mut services: Vec<ServiceId> = self
            .catalog
            .replicas
            .iter()
            .map(|replica| ServiceId::catalog(replica.id))
            .chain(self.orders.replicas.iter().map(|replica| ServiceId::orders(replica.id)))
            .chain(self.customers.replicas.iter().map(|replica| ServiceId::customers(replica.id)))
            .chain(self.gateways.iter().map(|gateway| ServiceId::gateway(gateway.id)))
            .collect();
        services.sort();
        services
    }

    /// The replica of this name, of whichever group.
    pub fn replica(&self, service: ServiceId) -> Option<&Replica> {
        let replicas = match service.kind {
            ServiceKind::Catalog => &self.catalog.replicas,
            ServiceKind::Orders => &self.orders.replicas,
            ServiceKind::Customers => &self.customers.replicas,
            ServiceKind::Gateway => return None,
        };
        replicas.iter().find(|replica| replica.id == service.id)
    }

    /// Where a service answers `bazaar status` and its peers.
    pub fn grpc_address(&self, service: ServiceId) -> Option<&Address> {
        match service.kind {
            ServiceKind::Gateway => self.gateway(service.id).map(|gateway| &gateway.grpc),
            _ => self.replica(service).map(|replica| &replica.address),
        }
    }

    /// The gateway of this id.
    pub fn gateway(&self, id: u8) -> Option<&Gateway> {
        self.gateways.iter().find(|gateway| gateway.id == id)
    }

    /// The folder of a service's data.
    pub fn data_of(&self, service: ServiceId) -> PathBuf {
        self.data.join(service.to_string())
    }

    /// The folder of the payment service's data, if there is one.
    pub fn payment_data(&self) -> Option<PathBuf> {
        let payment = self.payment.as_ref()?;
        Some(payment.data.clone().unwrap_or_else(|| self.data.join("payment")))
    }

    /// The folder of the services' logs.
    pub fn logs(&self) -> PathBuf {
        self.data.join("logs")
    }

    /// The cache log of a gateway. Two processes must not write one file: with several gateways each has its own.
    pub fn cache_log_of(&self, gateway: u8) -> Option<PathBuf> {
        let path = self.cache.log.as_deref()?;
        if self.gateways.len() < 2 { Some(path.to_owned()) } else { Some(numbered(path, gateway)) }
    }
}

/// `cache.log` becomes `cache-2.log`.
fn numbered(path: &Path, number: u8) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_gateways_has_its_own_cache_log() {
        assert_eq!(numbered(Path::new("/x/cache.log"), 2), Path::new("/x/cache-2.log"));
        assert_eq!(numbered(Path::new("cache"), 3), Path::new("cache-3"));
    }
}
