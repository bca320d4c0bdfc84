//! Flags of `bazaar up`.

use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum};
use node::service::ServiceKind;

use super::chaos::ChaosPlan;
use crate::config::{ConfigArgs, Period, PeriodError};

/// Arguments of `bazaar up`.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// The deployment; without one, DATA/bazaar.toml is used, and written first if it does not exist
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Folder of all data [default: ./bazaar-data, or what the configuration says]
    #[arg(long, env = "BAZAAR_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Public port of the first gateway [default: 8080]; its internal port is the next one
    #[arg(long, conflicts_with = "config", value_parser = port())]
    pub port: Option<u16>,
    /// First port between services [default: 7101]; those of metrics begin 30 above
    #[arg(long, conflicts_with = "config", value_parser = port())]
    pub grpc_port: Option<u16>,
    /// Catalog replicas of a deployment that is written now [default: 3]
    #[arg(long, conflicts_with = "config", value_parser = catalogs)]
    pub catalogs: Option<u8>,
    /// Members of the customers' group of a deployment that is written now [default: 0]
    #[arg(long, conflicts_with = "config", value_parser = customers)]
    pub customers: Option<u8>,
    /// Gateways of a deployment that is written now [default: 1]
    #[arg(long, conflicts_with = "config", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub gateways: Option<u8>,
    /// Most listings a gateway caches; 0 is off
    #[arg(long, value_name = "LISTINGS")]
    pub cache_size: Option<usize>,
    /// Go on with what the stores hold; this is the default
    #[arg(long, conflicts_with = "fresh")]
    pub resume: bool,
    /// Empty all stores first, on purpose
    #[arg(long)]
    pub fresh: bool,
    /// Kill a random service with SIGKILL this often, for demonstration
    #[arg(long, value_name = "PERIOD", value_parser = kill_period)]
    pub kill_every: Option<Period>,
    /// What --kill-every kills
    #[arg(long, default_value = "any", requires = "kill_every")]
    pub kill: Target,
    /// Makes --kill-every choose the same victims again
    #[arg(long, requires = "kill_every")]
    pub seed: Option<u64>,
}

/// A first port: those counted up from it are ports, too.
fn port() -> RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..=65_000)
}

/// Even numbers survive no more failures than the odd one below.
fn catalogs(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(count @ (1 | 3 | 5)) => Ok(count),
        _ => Err("choose 1, 3 or 5".to_owned()),
    }
}

/// None, or as many as survive something.
fn customers(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(count @ (0 | 3 | 5)) => Ok(count),
        _ => Err("choose 0, 3 or 5".to_owned()),
    }
}

/// Killing faster than services start shows nothing; slower than daily is nobody's demonstration.
fn kill_period(text: &str) -> Result<Period, String> {
    let (least, most) = (Period::millis(50), Period::seconds(86_400));
    let period: Period = text.parse().map_err(|error: PeriodError| error.to_string())?;
    if (least..=most).contains(&period) {
        Ok(period)
    } else {
        Err(format!("choose from {least} to {most}"))
    }
}

/// What `--kill-every` kills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Order replicas, the leader most often.
    Orders,
    /// Catalog replicas, while a majority of them runs.
    Catalog,
    /// Members of the customers' group.
    Customers,
    /// Gateways.
    Gateway,
    /// Any of them; the orders leader most often.
    Any,
}

impl Target {
    /// True if services of this kind are meant.
    pub(super) fn includes(self, kind: ServiceKind) -> bool {
        match self {
            Target::Any => true,
            Target::Orders => kind == ServiceKind::Orders,
            Target::Catalog => kind == ServiceKind::Catalog,
            Target::Customers => kind == ServiceKind::Customers,
            Target::Gateway => kind == ServiceKind::Gateway,
        }
    }
}

impl UpArgs {
    /// Overrides of settings that the children must know too.
    pub(super) fn overrides(&self) -> Vec<(String, String)> {
        let cache = self.cache_size.map(|size| ("cache.size".to_owned(), size.to_string()));
        self.config.set.iter().cloned().chain(cache).collect()
    }

    /// What to kill, how often.
    pub(super) fn chaos(&self, period: Period) -> ChaosPlan {
        let seed = self.seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(0, |since| since.as_millis() as u64)
        });
        ChaosPlan { period: period.duration(), target: self.kill, seed }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        up: UpArgs,
    }

    #[test]
    fn what_could_not_work_is_refused_at_once() {
        for bad in [
            ["--kill-every", "0s"],
            ["--kill-every", "2"],
            ["--kill-every", "1000h"],
            ["--port", "0"],
            ["--port", "65535"],
            ["--grpc-port", "65530"],
            ["--catalogs", "2"],
            ["--catalogs", "0"],
            ["--catalogs", "many"],
            ["--customers", "4"],
        ] {
            assert!(Cli::try_parse_from(["up", bad[0], bad[1]]).is_err(), "{bad:?}");
        }
        let good = Cli::try_parse_from(["up", "--kill-every", "2s", "--port", "9000"]).unwrap().up;
        assert_eq!(good.kill_every, Some(Period::seconds(2)));
    }
}
