//! When to stop: SIGTERM, SIGINT, or a supervisor that is gone.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::cli::up::lifeline::supervisor_gone;

/// Waits for the wish to stop.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// Ends with the supervisor, if there is one.
    supervisor: Option<JoinHandle<()>>,
}

impl Stop {
    /// Starts to listen for signals. Supervised, the end of standard input is one too: the supervisor holds the other end,
    /// so however it dies, its services do not outlive it.
    pub(super) fn install(supervised: bool) -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            supervisor: supervised.then(|| tokio::spawn(supervisor_gone())),
        })
    }

    /// Waits until somebody wants this process to stop; says who.
    pub(super) async fn wanted(&mut self) -> &'static str {
        let Stop { terminate, interrupt, supervisor } = self;
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            // A Ctrl-C reaches every process of the terminal; a supervised one waits for its supervisor's word.
            _ = interrupt.recv(), if supervisor.is_none() => "SIGINT",
            () = end_of(supervisor) => "the supervisor is gone",
        }
    }

    /// Waits for another signal, after the first wish: somebody is out of patience. Not a supervisor, which
    /// kills then, and may die itself while this process stops.
    pub(super) async fn again(&mut self) -> &'static str {
        if self.supervisor.is_some() {
            return std::future::pending().await;
        }
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Waits for the end of the supervisor; for ever if there is none.
async fn end_of(supervisor: &mut Option<JoinHandle<()>>) {
    match supervisor {
        // It cannot fail; and if it did, the supervisor would be out of sight, which is the same.
        Some(gone) => drop(gone.await),
        None => std::future::pending().await,
    }
}
