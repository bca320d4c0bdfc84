//! When to stop: SIGTERM, SIGINT, or a supervisor that is gone.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Waits for the wish to stop.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    /// Ends with the supervisor, if there is one.
    supervisor: Option<oneshot::Receiver<()>>,
}

impl Stop {
    /// Starts to listen for signals. Supervised, the end of standard input is one too: the supervisor holds the other end,
    /// so however it dies, its services do not outlive it.
    pub(super) fn install(supervised: bool) -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            supervisor: supervised.then(end_of_input).transpose()?,
        })
    }

    /// Waits until somebody wants this process to stop; says who.
    pub(super) async fn wanted(&mut self) -> &'static str {
        // A Ctrl-C reaches every process of the terminal; a supervised one waits for its supervisor's word.
        let supervised = self.supervisor.is_some();
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv(), if !supervised => "SIGINT",
            () = gone(self.supervisor.as_mut()) => "the supervisor is gone",
        }
    }
}

async fn gone(supervisor: Option<&mut oneshot::Receiver<()>>) {
    match supervisor {
        Some(supervisor) => drop(supervisor.await), // an error means that the reader is gone: the same
        None => std::future::pending().await,
    }
}

/// Tells when standard input ends. Read by a thread of its own that is never waited for: a read of the runtime's would
/// keep the process from ending for as long as the supervisor lives.
fn end_of_input() -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    let read = move || {
        // Whatever is said is thrown away; an error is an end, too.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    };
    std::thread::Builder::new().name("supervisor".to_owned()).spawn(read)?;
    Ok(end)
}
