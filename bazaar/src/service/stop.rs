//! When to stop: SIGTERM, SIGINT, or a supervisor that is gone.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::up::lifeline::supervisor_gone;

/// Waits for the wish to stop.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    supervised: bool,
}

impl Stop {
    /// Starts to listen for signals. Supervised, the end of standard input is one too: the supervisor holds the other end,
    /// so however it dies, its services do not outlive it.
    pub(super) fn install(supervised: bool) -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            supervised,
        })
    }

    /// Waits until somebody wants this process to stop; says who.
    pub(super) async fn wanted(mut self) -> &'static str {
        let supervised = self.supervised;
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            // A Ctrl-C reaches every process of the terminal; a supervised one waits for its supervisor's word.
            _ = self.interrupt.recv(), if !supervised => "SIGINT",
            () = supervisor_gone(), if supervised => "the supervisor is gone",
        }
    }
}
