//! Clients that trade while a test does what it does.

use std::future::Future;
use std::time::Duration;

use bazaar::cli::trade::{Report, SideChoice, TradeArgs, run, run_until};
use tokio::sync::oneshot;

use super::{Deployment, PATIENCE};

impl Deployment {
    /// Some clients that look up, buy and sell through all gateways, and check their orders before they leave.
    pub(crate) fn clients(&self, clients: u32) -> TradeArgs {
        let mut args = TradeArgs::against("");
        args.target = self.targets();
        args.clients = clients;
        args.side = SideChoice::Both;
        args.patience = PATIENCE;
        args
    }

    /// Runs clients while a script runs; they stop trading when it ends, and then check.
    pub(crate) async fn under_load(
        &self,
        mut args: TradeArgs,
        script: impl Future<Output = ()>,
    ) -> Report {
        args.duration = Some(Duration::from_secs(3_600));
        let (ended, end) = oneshot::channel::<()>();
        let script = async move {
            script.await;
            drop(ended);
        };
        let clients = run_until(args, async {
            let _ = end.await; // dropped, not sent: both mean the end of the script
        });
        let (report, ()) = tokio::join!(clients, script);
        report.expect("a run")
    }

    /// Runs clients to their end.
    pub(crate) async fn run(&self, args: TradeArgs) -> Report {
        run(args).await.expect("a run")
    }
}

/// No error and no mismatch, and something was done; tells how long an order took at the most.
pub(crate) fn calm(what: &str, report: &Report) {
    assert!(report.passed(), "{what}: {report:#?}");
    assert!(report.orders > 0 && report.checked, "{what}: {report:#?}");
    let orders = report.latencies.iter().find(|latency| latency.kind == "order");
    println!(
        "{what}: {} orders in {:.1} s, {} requests repeated, the slowest order took {:.0} ms",
        report.orders,
        report.seconds,
        report.pauses,
        orders.map_or(0.0, |latency| latency.max_ms)
    );
}
