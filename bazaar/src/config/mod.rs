//! Configuration: one TOML file for a whole deployment.
//!
//! Three sources, of rising strength: the file, the environment (`BAZAAR_…`, see [`settings`]), flags. A value that
//! makes no sense is refused with the file, line and column where it stands and with what to do about it; `check`
//! finds all such values at once.

mod address;
mod args;
mod check;
mod listings;
mod load;
mod local;
mod payment;
mod period;
mod place;
mod problem;
mod render;
mod secret;
pub mod settings;
mod types;

pub use address::{Address, AddressError};
pub use args::{ConfigArgs, ServiceArgs};
pub use listings::{ListingsError, read_listings};
pub use load::{Loaded, Sources, load};
pub(crate) use local::{CATALOG_REPLICAS, CUSTOMERS_ABOVE, METRICS_ABOVE};
pub use local::{LocalPorts, free_ports};
pub use payment::{PaymentConfig, Probability, ProbabilityError};
pub use period::{Period, PeriodError};
pub use place::Place;
pub use problem::{ConfigError, Problem, Severity};
pub use render::render;
pub use secret::{SecretError, read_secret};
pub use types::{
    Ack, CacheConfig, CatalogGroup, CatalogProtocol, Config, CustomersGroup, Gateway, HealthConfig,
    LimitsConfig, ListingsSource, LogConfig, LogFormat, OrdersGroup, OrdersProtocol, Replica,
    RequestConfig, RestockSettings,
};
