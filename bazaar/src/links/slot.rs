//! The one link to one peer, and what the process is told about it.
//!
//! All calls into the [`Sink`] about one peer happen under the slot's lock, so the process sees up, messages, down, up in an
//! order that makes sense even while one link replaces another.

use std::sync::Arc;

use node::message::Message;
use node::service::ServiceId;
use parking_lot::Mutex;

use super::Sink;
use super::queue::{Outgoing, Pushed};

/// The place of the link to one peer.
pub(super) struct Slot {
    pub(super) peer: ServiceId,
    sink: Arc<dyn Sink>,
    state: Mutex<State>,
    counters: Counters,
}

#[derive(Default)]
struct State {
    /// Names the current link, so that the last words of a former one are told apart.
    generation: u64,
    link: Option<Arc<Outgoing>>,
}

struct Counters {
    sent: metrics::Counter,
    unsent: metrics::Counter,
    received: metrics::Counter,
    overflows: metrics::Counter,
}

impl Counters {
    fn new(peer: ServiceId) -> Self {
        let peer = peer.to_string();
        let counter = |name| metrics::counter!(name, "peer" => peer.clone());
        Counters {
            sent: counter("bazaar_link_messages_sent_total"),
            unsent: counter("bazaar_link_messages_unsent_total"),
            received: counter("bazaar_link_messages_received_total"),
            overflows: counter("bazaar_link_overflows_total"),
        }
    }
}

impl Slot {
    pub(super) fn new(peer: ServiceId, sink: Arc<dyn Sink>) -> Arc<Self> {
        let (state, counters) = (Mutex::default(), Counters::new(peer));
        Arc::new(Slot { peer, sink, state, counters })
    }

    /// A link stands; a former one is over. The link ends when the answer is dropped.
    pub(super) fn up(self: &Arc<Self>, outgoing: Arc<Outgoing>) -> Standing {
        let mut state = self.state.lock();
        if let Some(former) = state.link.take() {
            tracing::info!(peer = %self.peer, "link replaced by a new one");
            former.close();
            self.sink.link_down(self.peer);
        }
        state.generation += 1;
        state.link = Some(outgoing.clone());
        tracing::info!(peer = %self.peer, "link up");
        self.sink.link_up(self.peer);
        Standing { slot: self.clone(), generation: state.generation, outgoing }
    }

    /// Does a link stand?
    pub(super) fn is_up(&self) -> bool {
        self.state.lock().link.is_some()
    }

    /// Sends, if a link stands.
    pub(super) fn send(&self, messages: Vec<Message>) {
        let count = messages.len() as u64;
        let link = self.state.lock().link.clone();
        match link.map_or(Pushed::Over, |link| link.push(messages)) {
            Pushed::Queued { oversized: 0 } => self.counters.sent.increment(count),
            Pushed::Queued { oversized } => {
                tracing::error!(peer = %self.peer, oversized, "messages too large to be sent");
                self.counters.sent.increment(count - oversized as u64);
                self.counters.unsent.increment(oversized as u64);
            }
            Pushed::Over => self.counters.unsent.increment(count),
            Pushed::Overflow => {
                tracing::warn!(peer = %self.peer, "peer does not keep up, link dropped");
                self.counters.overflows.increment(1);
                self.counters.unsent.increment(count);
            }
        }
    }

    /// Ends the link after what waits was sent.
    pub(super) fn finish(&self) {
        if let Some(link) = &self.state.lock().link {
            link.finish();
        }
    }
}

/// A link that stands, until this is dropped.
pub(super) struct Standing {
    slot: Arc<Slot>,
    generation: u64,
    pub(super) outgoing: Arc<Outgoing>,
}

impl Standing {
    pub(super) fn peer(&self) -> ServiceId {
        self.slot.peer
    }

    /// Hands messages to the process; false if it does not take them, or if the link was replaced.
    pub(super) fn deliver(&self, messages: Vec<Message>) -> bool {
        let count = messages.len() as u64;
        let state = self.slot.state.lock();
        let delivered =
            state.generation == self.generation && self.slot.sink.deliver(self.slot.peer, messages);
        if delivered {
            self.slot.counters.received.increment(count);
        }
        delivered
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.outgoing.close();
        let mut state = self.slot.state.lock();
        if state.generation == self.generation && state.link.take().is_some() {
            self.slot.sink.link_down(self.slot.peer);
        }
    }
}
