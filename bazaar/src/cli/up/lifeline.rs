//! When a process should stop: a signal, or the end of its supervisor.
//!
//! The supervisor holds the writing end of every child's standard input. However the supervisor ends, `kill -9`
//! included, the system closes that end, and the child reads an end of file.

use std::fmt;
use std::io::Read;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Why to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The supervisor is gone.
    SupervisorGone,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::Interrupt => "Ctrl-C",
            StopReason::Terminate => "SIGTERM",
            StopReason::SupervisorGone => "the supervisor is gone",
        })
    }
}

/// Waits until this process should stop. With `supervised` also for the end of standard input.
pub async fn shutdown(supervised: bool) -> StopReason {
    let gone = async {
        if supervised {
            supervisor_gone().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = signalled(SignalKind::interrupt()) => StopReason::Interrupt,
        () = signalled(SignalKind::terminate()) => StopReason::Terminate,
        () = gone => StopReason::SupervisorGone,
    }
}

/// Waits until the supervisor is gone: until standard input ends. For processes started with `--supervised`.
///
/// Call it once, outside of loops: each call starts a thread that reads.
pub async fn supervisor_gone() {
    end_of(std::io::stdin()).await;
}

async fn signalled(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        // Without a handler the signal ends the process by itself, which is a stop too.
        Err(_) => std::future::pending().await,
    }
}

/// Waits until a stream ends. Reads in a thread of its own, not one of the runtime's: such a read cannot be cancelled,
/// and the runtime would wait for it when it shuts down.
async fn end_of(mut stream: impl Read + Send + 'static) {
    let (ended, wait) = oneshot::channel();
    let reader = std::thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
        let mut buffer = [0; 64];
        while matches!(stream.read(&mut buffer), Ok(1..)) {}
        let _ = ended.send(());
    });
    match reader {
        Ok(_) => {
            let _ = wait.await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_pipe_ends_the_wait_and_an_open_one_does_not() {
        let (reader, writer) = std::io::pipe().unwrap();
        let waiting = tokio::spawn(end_of(reader));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(writer);
        let deadline = std::time::Duration::from_secs(5);
        tokio::time::timeout(deadline, waiting).await.unwrap().unwrap();
    }
}
