//! The arguments of the load client of the customers' group.

use clap::Args;

use crate::config::{ConfigArgs, Period, PeriodError};

/// Most requests under way at once: a member takes about as many before it sheds.
const MAX_CLIENTS: i64 = 4_096;

/// Have random members of the customers' group open accounts, and check that none that was acknowledged is missing.
#[derive(Args, Clone, Debug)]
pub struct BroadcastArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How long
    #[arg(long, value_name = "PERIOD", default_value = "10s", value_parser = period)]
    pub duration: Period,
    /// Stop after so many accounts, if that is earlier
    #[arg(long, value_name = "ACCOUNTS")]
    pub count: Option<u64>,
    /// Requests under way at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=MAX_CLIENTS))]
    pub clients: u16,
    /// Seed of the choices of members
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long the members may take, afterwards, to be level with each other
    #[arg(long, value_name = "PERIOD", default_value = "30s", value_parser = period)]
    pub patience: Period,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

fn period(text: &str) -> Result<Period, String> {
    text.parse().map_err(|error: PeriodError| error.to_string())
}
