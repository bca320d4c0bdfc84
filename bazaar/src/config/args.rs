//! Flags that say which configuration, and overrides of it.

use std::path::{Path, PathBuf};

use clap::Args;
use node::service::{ServiceId, ServiceKind};

use super::load::{Loaded, Sources, load};
use super::problem::ConfigError;

/// Where the configuration is looked for when nobody names one; the second is what `bazaar up` writes.
const LOOKED_AT: [&str; 2] = ["bazaar.toml", "bazaar-data/bazaar.toml"];

/// Which configuration, and overrides. Flatten it into a command's arguments.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// The configuration of the deployment [default: ./bazaar.toml, else ./bazaar-data/bazaar.toml]
    #[arg(long, value_name = "FILE", env = "BAZAAR_CONFIG")]
    pub config: Option<PathBuf>,
    /// Override one setting; repeatable
    #[arg(long = "set", value_name = "SETTING=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
}

/// Which service of a deployment to run. For the commands `catalog`, `orders` and `gateway`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServiceArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which one of its kind
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    pub id: u8,
    /// Go on with what the store holds; this is the default
    #[arg(long, conflicts_with = "fresh")]
    pub resume: bool,
    /// Empty the store first, on purpose
    #[arg(long)]
    pub fresh: bool,
    /// Customers only, for tests: lose this share of the datagrams that come in, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub drop: Option<f64>,
    /// Makes --drop lose the same ones of a sequence again
    #[arg(long, value_name = "SEED", requires = "drop")]
    pub drop_seed: Option<u64>,
    /// Stop when standard input closes: a supervisor holds its other end
    #[arg(long, hide = true)]
    pub supervised: bool,
}

impl ConfigArgs {
    /// The file to read.
    pub fn file(&self) -> Result<PathBuf, ConfigError> {
        if let Some(file) = &self.config {
            return Ok(file.clone());
        }
        let looked_at: Vec<PathBuf> = LOOKED_AT.map(PathBuf::from).to_vec();
        let found = looked_at.iter().find(|path| path.exists()).cloned();
        found.ok_or(ConfigError::Missing { looked_at })
    }

    /// Reads the file, then this process's environment, then the flags.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        load(&self.sources(&self.file()?))
    }

    /// The sources of a configuration that stands in `file`.
    pub fn sources(&self, file: &Path) -> Sources {
        let flags = self
            .set
            .iter()
            .map(|(path, value)| (format!("--set {path}"), path.clone(), value.clone()));
        Sources {
            file: Some(file.to_owned()),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            flags: flags.collect(),
        }
    }
}

impl ServiceArgs {
    /// The configuration, and the service in it. Fails if the deployment has no such service.
    pub fn load(&self, kind: ServiceKind) -> Result<(Loaded, ServiceId), ConfigError> {
        let loaded = self.config.load()?;
        let service = ServiceId { kind, id: self.id };
        let known = loaded.config.services();
        if known.contains(&service) {
            return Ok((loaded, service));
        }
        Err(ConfigError::UnknownService {
            service: service.to_string(),
            known: known.iter().map(ToString::to_string).collect(),
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "choose from 0 to 1".to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("write it like cache.size=7")?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}
