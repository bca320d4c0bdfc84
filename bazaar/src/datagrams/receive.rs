//! The receiver: from the socket to the sink, a batch at a time, and counting what did not get through.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::io::Interest;
use tokio::time::{sleep, timeout};

use super::inlet::Inlet;
use super::limits::{PATIENCE, RECEIVE_BATCH};
use super::loss::Loss;
use super::socket::Receiver;
use super::tally::{Cause, Tally};
use super::{Shared, Sink};

/// What datagrams go through on their way in.
pub(super) struct Intake<S> {
    receiver: Receiver,
    inlet: Inlet,
    loss: Loss,
    sink: S,
}

impl<S: Sink> Intake<S> {
    pub(super) fn new(inlet: Inlet, loss: Loss, sink: S) -> Self {
        Intake { receiver: Receiver::new(), inlet, loss, sink }
    }

    /// Takes what is there, at most one batch, and says how many datagrams that were.
    fn take(&mut self, shared: &Shared) -> io::Result<usize> {
        let Intake { receiver, inlet, loss, sink } = self;
        let (now, tally) = (Instant::now(), &shared.tally);
        let (mut delivered, mut nonsense) = (0, 0);
        let count = receiver.receive(&shared.socket, |datagram| {
            let outcome = match loss.strikes() {
                true => Err(Cause::Injected),
                false => {
                    inlet.open(now, datagram, |from, message| match sink.message(from, message) {
                        true => delivered += 1,
                        false => nonsense += 1,
                    })
                }
            };
            if let Err(cause) = outcome {
                tally.count_dropped(cause, 1);
            }
        })?;
        if count > 0 {
            tally.count_received(count as u64);
        }
        let refused = if delivered > 0 { sink.flush() as u64 } else { 0 };
        tally.count_delivered(delivered - refused.min(delivered));
        tally.count_dropped(Cause::Overload, refused);
        tally.count_dropped(Cause::Malformed, nonsense);
        Ok(count)
    }

    /// The same, and tells the runtime when nothing is left: less than a batch was there. What comes after that is told anew.
    fn take_readable(&mut self, shared: &Shared) -> io::Result<()> {
        let taken = shared.socket.try_io(Interest::READABLE, || match self.take(shared)? {
            RECEIVE_BATCH.. => Ok(()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        });
        match taken {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    fn expire(&mut self, tally: &Tally) {
        self.inlet.expire(Instant::now(), tally);
    }
}

/// Receives until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, mut intake: Intake<impl Sink>) {
    let mut failing = false;
    loop {
        let outcome = match timeout(PATIENCE, shared.socket.readable()).await {
            Ok(Ok(())) => intake.take_readable(&shared),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(()),
        };
        intake.expire(&shared.tally);
        match outcome {
            Ok(()) => failing = false,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "datagrams cannot be received");
                }
                // What the system says of one peer must not keep a processor busy.
                sleep(PATIENCE).await;
            }
        }
    }
}
