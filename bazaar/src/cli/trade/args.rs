//! The arguments of the load client.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use market::limits::MAX_QUANTITY;

use super::TradeError;

/// Most clients of one run: each has a connection of its own, and a gateway takes 4,096 from one address.
const MAX_CLIENTS: u32 = 4_096;

/// Look listings up, buy and sell, and check the answers.
#[derive(Args, Clone, Debug)]
pub struct TradeArgs {
    /// Rounds per client; a round is one lookup and, maybe, one order
    #[arg(long, default_value_t = 100)]
    pub requests: u64,
    /// Clients at once, each with a connection of its own
    #[arg(long, default_value_t = 1)]
    pub clients: u32,
    /// Probability that a lookup is followed by an order, 0 to 1
    #[arg(long, short, default_value_t = 0.5)]
    pub probability: f64,
    /// Host of the gateway
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port of the gateway
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// A gateway, instead of --host and --port; may be given several times: a client picks one at random and moves on
    /// when it fails
    #[arg(long, value_name = "HOST:PORT")]
    pub target: Vec<String>,
    /// Seed of the choices: the same seed makes the same choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the clients do
    #[arg(long, value_enum, default_value_t = RunType::SessionCheck)]
    pub run_type: RunType,
    /// Units per order
    #[arg(long, default_value_t = 1)]
    pub quantity: u64,
    /// Which way to trade
    #[arg(long, value_enum, default_value_t = SideChoice::Buy)]
    pub side: SideChoice,
    /// Run for this long instead of a number of rounds, like 60s, 500ms or 2m
    #[arg(long, value_parser = duration)]
    pub duration: Option<Duration>,
    /// Trade this one listing only
    #[arg(long, value_name = "NAME")]
    pub listing: Option<String>,
    /// Trade the listings of this CSV file (column `name`, and `kind` = stock or toy if there is one); default: the ten stocks
    #[arg(long, value_name = "FILE", conflicts_with = "listing")]
    pub listings: Option<PathBuf>,
    /// The listings are products (toys) where the file does not say
    #[arg(long)]
    pub products: bool,
    /// How long one request is repeated before it counts as an error
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub patience: Duration,
    /// How long one attempt may take
    #[arg(long, value_parser = duration, default_value = "3s")]
    pub timeout: Duration,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
    /// Write the latencies to this file, too, as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunType {
    /// Lookups only
    Query,
    /// Lookups with follow-up orders, on one connection
    Session,
    /// The same; before it leaves, a client looks every order up and compares
    SessionCheck,
}

/// Which way to trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideChoice {
    /// Buy
    Buy,
    /// Sell
    Sell,
    /// Either, at random: a hot listing then never runs dry for long
    Both,
}

impl TradeArgs {
    /// The defaults of the command line, against one gateway.
    pub fn against(target: impl Into<String>) -> Self {
        TradeArgs {
            requests: 100,
            clients: 1,
            probability: 0.5,
            host: "127.0.0.1".to_owned(),
            port: 8080,
            target: vec![target.into()],
            seed: 1,
            run_type: RunType::SessionCheck,
            quantity: 1,
            side: SideChoice::Buy,
            duration: None,
            listing: None,
            listings: None,
            products: false,
            patience: Duration::from_secs(30),
            timeout: Duration::from_secs(3),
            json: false,
            csv: None,
        }
    }

    /// The gateways.
    pub(super) fn targets(&self) -> Vec<String> {
        if self.target.is_empty() {
            vec![format!("{}:{}", self.host, self.port)]
        } else {
            self.target.clone()
        }
    }

    /// Rounds of all clients, if that is known beforehand.
    pub(super) fn expected_rounds(&self) -> Option<u64> {
        self.duration.is_none().then(|| self.requests.saturating_mul(u64::from(self.clients)))
    }

    pub(super) fn validate(&self) -> Result<(), TradeError> {
        let refuse = |text: String| Err(TradeError::Arguments(text));
        if !(0.0..=1.0).contains(&self.probability) {
            return refuse("--probability must be 0 to 1".to_owned());
        }
        if !(1..=MAX_CLIENTS).contains(&self.clients) {
            return refuse(format!("--clients must be 1 to {MAX_CLIENTS}"));
        }
        if !(1..=MAX_QUANTITY).contains(&self.quantity) {
            return refuse(format!("--quantity must be 1 to {MAX_QUANTITY}"));
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| "a number with a unit, like 60s".to_owned())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("the unit must be ms, s, m or h".to_owned()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TradeArgs,
    }

    #[test]
    fn durations() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "s", "60", "-1s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_command_line_has_the_documented_defaults() {
        let line = Line::try_parse_from(["trade", "--run-type", "session", "--target", "h:1"]);
        let args = line.expect("a good line").args;
        assert_eq!(args.run_type, RunType::Session);
        let mut same = TradeArgs::against("h:1");
        same.run_type = RunType::Session;
        assert_eq!(format!("{args:?}"), format!("{same:?}"));
        assert!(args.validate().is_ok());
        for bad in [["--probability", "1.1"], ["--clients", "0"], ["--quantity", "0"]] {
            let line = Line::try_parse_from(["trade", bad[0], bad[1]]).expect("parsed");
            assert!(line.args.validate().is_err(), "{bad:?}");
        }
    }
}
