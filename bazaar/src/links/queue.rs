//! What waits to be sent to one peer.
//!
//! The process pushes from its own thread and never waits; the transport takes everything that piled up as one batch. So a
//! busy link makes few large batches and an idle one sends at once, with one wake-up either way.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use node::message::Message;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_stream::Stream;
use wire::limits::{BATCH_TARGET_COST, MAX_BATCH_MESSAGES};
use wire::{Hello, v1};

use super::limits::{QUEUE_BYTES, QUEUE_MESSAGES};

/// The outgoing half of one link.
pub(super) struct Outgoing {
    state: Mutex<State>,
    closed: Notify,
}

struct State {
    hello: Option<Hello>,
    messages: VecDeque<(usize, Message)>,
    bytes: usize,
    phase: Phase,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Takes messages.
    Open,
    /// Sends what waits, then ends.
    Finishing,
    /// Over; what waited is gone.
    Closed,
}

/// What became of messages that were pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// They wait, or are on their way. So many were left out, being larger than any receiver would take.
    Queued {
        /// Left out.
        oversized: usize,
    },
    /// The link was over already.
    Over,
    /// The peer does not keep up; the link is over now.
    Overflow,
}

impl Outgoing {
    /// A queue that says hello first.
    pub(super) fn new(hello: Hello) -> Arc<Self> {
        let state = State {
            hello: Some(hello),
            messages: VecDeque::new(),
            bytes: 0,
            phase: Phase::Open,
            waker: None,
        };
        Arc::new(Outgoing { state: Mutex::new(state), closed: Notify::new() })
    }

    /// Queues messages; closes the link if that is too much.
    pub(super) fn push(&self, messages: Vec<Message>) -> Pushed {
        let offered = messages.len();
        let fitting = messages.into_iter().filter(wire::fits);
        let sized: Vec<_> = fitting.map(|message| (wire::cost(&message), message)).collect();
        let oversized = offered - sized.len();
        let bytes: usize = sized.iter().map(|(cost, _)| cost).sum();

        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Pushed::Over;
        }
        if state.messages.len() + sized.len() > QUEUE_MESSAGES || state.bytes + bytes > QUEUE_BYTES
        {
            drop(state);
            self.close();
            return Pushed::Overflow;
        }
        state.bytes += bytes;
        state.messages.extend(sized);
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        Pushed::Queued { oversized }
    }

    /// Ends the link after what waits was sent.
    pub(super) fn finish(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Finishing;
        }
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    /// Ends the link now.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Closed;
        state.bytes = 0;
        let unsent = std::mem::take(&mut state.messages);
        let waker = state.waker.take();
        drop(state);
        drop(unsent);
        wake(waker);
        self.closed.notify_one();
    }

    /// Returns once the link was closed. Only one task may wait.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<v1::Batch>> {
        let mut state = self.state.lock();
        if state.phase == Phase::Closed {
            return Poll::Ready(None);
        }
        if let Some(hello) = state.hello.take() {
            return Poll::Ready(Some(wire::encode_hello(hello)));
        }
        if state.messages.is_empty() {
            if state.phase == Phase::Finishing {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let burst = state.take_batch();
        drop(state);
        Poll::Ready(Some(wire::encode_batch(burst)))
    }
}

impl State {
    /// Everything that waits, up to the size of a good batch.
    fn take_batch(&mut self) -> Vec<Message> {
        let mut taken = 0;
        let mut count = 0;
        for (cost, _) in self.messages.iter().take(MAX_BATCH_MESSAGES) {
            if count > 0 && taken + cost > BATCH_TARGET_COST {
                break;
            }
            taken += cost;
            count += 1;
        }
        self.bytes -= taken;
        self.messages.drain(..count).map(|(_, message)| message).collect()
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The transport's end of an [`Outgoing`]. When the transport lets go of it, the link is over.
pub(super) struct Batches(pub(super) Arc<Outgoing>);

impl Stream for Batches {
    type Item = v1::Batch;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<v1::Batch>> {
        self.0.poll(context)
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        // After an orderly end the other direction may still bring something; only an unexpected end closes both.
        if self.0.state.lock().phase == Phase::Open {
            self.0.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::service::ServiceId;

    fn queue() -> Arc<Outgoing> {
        Outgoing::new(Hello::new(ServiceId::gateway(1), ServiceId::orders(1), "test"))
    }

    fn pings(numbers: std::ops::Range<u64>) -> Vec<Message> {
        numbers.map(|nonce| Message::Ping { nonce }).collect()
    }

    fn poll(queue: &Outgoing) -> Poll<Option<v1::Batch>> {
        queue.poll(&Context::from_waker(Waker::noop()))
    }

    /// The messages of the next batch, or `None` at the end of the stream.
    fn next(queue: &Outgoing) -> Option<wire::Received> {
        match poll(queue) {
            Poll::Ready(batch) => batch.map(|batch| wire::decode_batch(batch).expect("valid")),
            Poll::Pending => panic!("something waits"),
        }
    }

    #[test]
    fn hello_comes_first_and_a_burst_is_one_batch() {
        let queue = queue();
        assert_eq!(queue.push(pings(0..3)), Pushed::Queued { oversized: 0 });
        assert_eq!(queue.push(pings(3..5)), Pushed::Queued { oversized: 0 });
        assert!(next(&queue).expect("hello").hello.is_some());
        assert_eq!(next(&queue).expect("a batch").messages, pings(0..5));
        assert!(poll(&queue).is_pending());
    }

    #[test]
    fn a_batch_ends_at_its_limit() {
        let queue = queue();
        let count = MAX_BATCH_MESSAGES as u64 + 1;
        queue.push(pings(0..count));
        next(&queue);
        assert_eq!(next(&queue).expect("full").messages.len(), MAX_BATCH_MESSAGES);
        assert_eq!(next(&queue).expect("rest").messages, pings(count - 1..count));
        assert_eq!(queue.state.lock().bytes, 0);
    }

    #[test]
    fn overflow_closes_at_once() {
        let queue = queue();
        assert_eq!(queue.push(pings(0..QUEUE_MESSAGES as u64)), Pushed::Queued { oversized: 0 });
        assert_eq!(queue.push(pings(0..1)), Pushed::Overflow);
        assert!(next(&queue).is_none());
        assert_eq!(queue.push(pings(0..1)), Pushed::Over);
    }

    #[test]
    fn a_message_nobody_would_take_is_left_out() {
        let queue = queue();
        let numbers = vec![u64::MAX; wire::limits::MAX_MESSAGE_COST / 10];
        let large = Message::Invalidated(node::message::Invalidated { session: 1, numbers });
        let pushed = queue.push(vec![large, Message::Ping { nonce: 7 }]);
        assert_eq!(pushed, Pushed::Queued { oversized: 1 });
        next(&queue);
        assert_eq!(next(&queue).expect("the other one").messages, pings(7..8));
    }

    #[test]
    fn finish_sends_what_waits_and_close_does_not() {
        let finished = queue();
        finished.push(pings(0..1));
        finished.finish();
        next(&finished);
        assert_eq!(next(&finished).expect("what waited").messages, pings(0..1));
        assert!(next(&finished).is_none());

        let closed = queue();
        closed.push(pings(0..1));
        closed.close();
        assert!(next(&closed).is_none());
    }
}
