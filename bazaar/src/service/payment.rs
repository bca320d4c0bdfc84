//! The payment service as a process: its journal, its thread, its port, and the way out.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use market::bank::{Odds, Terms};
use tokio::time::timeout;

use super::stop::Stop;
use super::{ServiceError, listen};
use crate::config::{Config, ConfigArgs, ConfigError, PaymentConfig};
use crate::driver::{EXIT_HALTED, clock};
use crate::payment::{Counter, Journal, Teller};
use crate::rest::{Role, Server};
use crate::telemetry::{self, Metrics};

/// How long the last commit may take: a few syncs, however slow the disk.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// What it is called in logs and metrics.
const NAME: &str = "payment";

/// Arguments of `bazaar payment`.
#[derive(Args, Clone, Debug, Default)]
pub struct PaymentArgs {
    /// The deployment.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Forget every charge first, on purpose
    #[arg(long)]
    pub fresh: bool,
    /// Stop when standard input closes: a supervisor holds its other end
    #[arg(long, hide = true)]
    pub supervised: bool,
}

/// Runs the payment service until it is told to stop. Exit codes as of the other services.
pub async fn run(args: PaymentArgs) -> ExitCode {
    let loaded = match args.config.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("bazaar payment: {error}");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = telemetry::init(&loaded.config.log) {
        eprintln!("bazaar payment: {error}");
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    match serve(&loaded.config, &args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(service = NAME, "{error}");
            let halted = matches!(error, ServiceError::Halted(_));
            ExitCode::from(if halted { EXIT_HALTED } else { 2 })
        }
    }
}

async fn serve(config: &Config, args: &PaymentArgs) -> Result<(), ServiceError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |source| ServiceError::System { what, source }
    };
    let missing = || ConfigError::NoPayment;
    let payment = config.payment.as_ref().ok_or_else(missing)?;
    let mut stop = Stop::install(args.supervised).map_err(failed("signals"))?;
    let metrics = Metrics::install(NAME)?;
    tokio::spawn(metrics.clone().keep_up());
    let teller = teller(config, payment, args.fresh).await?;
    let listener = listen(payment.listens_on()).await?;
    let (address, delay) = (payment.address.to_string(), payment.delay.duration());
    let counter = Counter::new(teller.clone(), address, delay, move || metrics.render());
    let server =
        Server::serve(counter, Role::Public, listener).map_err(failed("starting a listener"))?;
    tracing::info!(service = NAME, address = %server.address(), "listening");
    tokio::select! {
        why = stop.wanted() => tracing::info!(why, "stopping"),
        why = teller.failure() => return Err(ServiceError::Halted(why)),
    }
    tokio::select! {
        () = finish(server, teller) => Ok(()),
        why = stop.again() => {
            tracing::warn!(why, "told again: stopping at once");
            Ok(())
        }
    }
}

/// Finishes the requests under way, then closes the journal. One that was left as a crash leaves it would open as well.
async fn finish(server: Server, teller: Teller) {
    server.stop().await;
    if timeout(LAST_WRITES, teller.close()).await.is_err() {
        tracing::warn!("the disk does not answer; leaving the journal as a crash would");
    }
}

/// Opens the journal and starts the thread that decides.
async fn teller(
    config: &Config,
    payment: &PaymentConfig,
    fresh: bool,
) -> Result<Teller, ServiceError> {
    let folder = config.payment_data().expect("there is a payment service");
    let opening = tokio::task::spawn_blocking(move || Journal::open(&folder, fresh));
    let (journal, secret) = match opening.await {
        Ok(opened) => opened?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let odds = Odds { approved_ppm: payment.approve.ppm(), seed: payment.seed };
    let now = || clock::now().wall;
    Teller::spawn(journal, Terms { odds, secret }, now)
        .map_err(|source| ServiceError::System { what: "starting threads".to_owned(), source })
}
