//! Where inputs wait for the driver: one lock, one wake-up per burst.

use std::collections::VecDeque;

use node::gateway::{ClientRequest, ClientResponse};
use node::message::Message;
use node::process::{Input, RequestId, Ticket};
use node::service::ServiceId;
use parking_lot::Mutex;
use replication::contract::Position;
use tokio::sync::{Notify, oneshot};

/// Inputs that may wait: above it links are dropped and clients shed. Far more than a burst, about 100 ms of the fullest
/// load; each holds about 200 bytes.
const WAITING: usize = 32_768;

/// Bytes of messages that may wait, for the same end (64 MiB): few messages can be large, and the process has 256 MiB in all.
const WAITING_BYTES: usize = 64 << 20;

/// Something for the process.
#[derive(Debug)]
pub(super) enum Item {
    /// An input as it is.
    Input(Input),
    /// What came over a link, in its sequence, with its size in bytes.
    Messages(ServiceId, Vec<Message>, usize),
    /// A client asks, and waits for the answer.
    Client(RequestId, ClientRequest, oneshot::Sender<ClientResponse>),
    /// A client no longer waits.
    Gone(RequestId),
}

impl Item {
    fn weight(&self) -> usize {
        match self {
            Item::Messages(_, messages, _) => messages.len(),
            _ => 1,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Item::Messages(_, _, bytes) => *bytes,
            _ => 0,
        }
    }
}

/// Everything the driver takes at once.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// Inputs in the sequence in which they came.
    pub items: Vec<Item>,
    /// The log is durable up to here.
    pub persisted: Option<Ticket>,
    /// The store is durable up to here.
    pub stored: Option<Position>,
    /// The store was replaced by the rows of this position.
    pub replaced: Option<Position>,
    /// A disk failed.
    pub failed: Option<String>,
    /// Somebody wants the process to stop.
    pub stop: bool,
    /// More is waiting.
    pub more: bool,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Weight of the items.
    waiting: usize,
    bytes: usize,
    persisted: Option<Ticket>,
    stored: Option<Position>,
    replaced: Option<Position>,
    failed: Option<String>,
    stop: bool,
    /// The driver was woken and has not looked yet.
    woken: bool,
    closed: bool,
}

impl State {
    fn add(&mut self, item: Item) {
        self.waiting += item.weight();
        self.bytes += item.bytes();
        self.items.push_back(item);
    }
}

/// The queue between everybody and the driver.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    wake: Notify,
}

impl Mailbox {
    /// Adds an item if there is room; says whether it was taken.
    pub(super) fn offer(&self, item: Item) -> bool {
        let mut taken = false;
        self.change(|state| {
            taken = state.waiting < WAITING && state.bytes < WAITING_BYTES;
            if taken {
                state.add(item);
            }
            taken
        });
        taken
    }

    /// Adds an item whose number is bounded elsewhere and that must not be lost.
    pub(super) fn push(&self, item: Item) {
        self.change(|state| {
            state.add(item);
            true
        });
    }

    /// The log is durable up to a ticket. Only the latest counts.
    pub(super) fn persisted(&self, ticket: Ticket) {
        self.change(|state| {
            state.persisted = state.persisted.max(Some(ticket));
            true
        });
    }

    /// The store is durable up to a position. Only the latest counts.
    pub(super) fn stored(&self, position: Position) {
        self.change(|state| {
            state.stored = state.stored.max(Some(position));
            true
        });
    }

    /// The store was replaced by the rows of a position.
    pub(super) fn replaced(&self, position: Position) {
        self.change(|state| {
            state.replaced = state.replaced.max(Some(position));
            true
        });
    }

    /// A disk failed. The first failure is the cause of the others. Also heard after the end: the last writes may fail, too.
    pub(super) fn fail(&self, why: String) {
        self.state.lock().failed.get_or_insert(why);
        self.nudge();
    }

    /// The failure that the driver has not taken.
    pub(super) fn failure(&self) -> Option<String> {
        self.state.lock().failed.take()
    }

    /// Asks the driver to stop without any handing over.
    pub(super) fn stop(&self) {
        self.change(|state| {
            state.stop = true;
            true
        });
    }

    /// Makes the driver look even if nothing waits here.
    pub(super) fn nudge(&self) {
        self.change(|_| true);
    }

    /// Changes the state and wakes the driver if that is worth it and nobody did yet.
    fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        let wake = change(&mut state) && !std::mem::replace(&mut state.woken, true);
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits until somebody woke the driver.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes what the disks said, and inputs up to about a weight.
    pub(super) fn take(&self, weight: usize) -> Burst {
        let mut state = self.state.lock();
        state.woken = false;
        let mut items = Vec::new();
        let mut taken = 0;
        while taken < weight {
            let Some(item) = state.items.pop_front() else { break };
            taken += item.weight();
            state.bytes -= item.bytes();
            items.push(item);
        }
        state.waiting -= taken;
        Burst {
            items,
            persisted: state.persisted.take(),
            stored: state.stored.take(),
            replaced: state.replaced.take(),
            failed: state.failed.take(),
            stop: state.stop,
            more: !state.items.is_empty(),
        }
    }

    /// Takes nothing any more, and drops what waits: clients among it learn that nobody will answer.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let items = std::mem::take(&mut state.items);
        (state.waiting, state.bytes) = (0, 0);
        drop(state);
        drop(items);
    }

    /// Takes nothing any more?
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Inputs that wait.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }
}

/// The way in for links: sends inputs to a process, never waits.
#[derive(Clone)]
pub struct InputSender {
    pub(super) mailbox: std::sync::Arc<Mailbox>,
}

impl InputSender {
    /// Messages of one link, in their sequence. False: they were not taken, because the process is far behind or stops;
    /// the link should be dropped, so that both sides know.
    #[must_use]
    pub fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        let bytes = messages.iter().map(wire::cost).sum();
        messages.is_empty() || self.mailbox.offer(Item::Messages(from, messages, bytes))
    }

    /// A link stands.
    pub fn link_up(&self, peer: ServiceId) {
        self.mailbox.push(Item::Input(Input::LinkUp(peer)));
    }

    /// A link broke.
    pub fn link_down(&self, peer: ServiceId) {
        self.mailbox.push(Item::Input(Input::LinkDown(peer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(nonce: u64) -> Message {
        Message::Ping { nonce }
    }

    #[test]
    fn what_the_disks_say_is_merged_and_never_waits_behind_inputs() {
        let mailbox = Mailbox::default();
        mailbox.persisted(3);
        mailbox.persisted(2);
        mailbox.stored(7);
        mailbox.replaced(9);
        mailbox.fail("first".into());
        mailbox.fail("second".into());
        mailbox.push(Item::Gone(1));
        let burst = mailbox.take(0);
        assert_eq!((burst.persisted, burst.stored, burst.replaced), (Some(3), Some(7), Some(9)));
        assert_eq!(burst.failed.as_deref(), Some("first"));
        assert!(burst.items.is_empty() && burst.more);
        assert_eq!(mailbox.take(1).items.len(), 1);
    }

    #[test]
    fn messages_beyond_the_limit_are_not_taken_but_links_are_heard() {
        let sender = InputSender { mailbox: Default::default() };
        let from = ServiceId::gateway(1);
        let mut sent = 0;
        while sender.deliver(from, vec![ping(sent); 100]) {
            sent += 100;
            assert!(sent <= 2 * WAITING as u64, "there is a limit");
        }
        sender.link_down(from);
        let mut seen = 0;
        let mut last = None;
        loop {
            let burst = sender.mailbox.take(1_000);
            for item in burst.items {
                seen += if matches!(item, Item::Messages(..)) { item.weight() as u64 } else { 0 };
                last = Some(item);
            }
            if !burst.more {
                break;
            }
        }
        assert_eq!(seen, sent, "what was taken is there, nothing else");
        assert!(matches!(last, Some(Item::Input(Input::LinkDown(_)))));
        assert_eq!(sender.mailbox.waiting(), 0);
        assert!(sender.deliver(from, vec![ping(0)]), "room again");
    }

    #[test]
    fn few_large_messages_are_too_many_as_well() {
        let sender = InputSender { mailbox: Default::default() };
        let from = ServiceId::gateway(1);
        let numbers = vec![u64::MAX; 100_000];
        let large = Message::Invalidated(node::message::Invalidated { session: 1, numbers });
        let mut sent = 0;
        while sender.deliver(from, vec![large.clone()]) {
            sent += 1;
            assert!(sent * 800_000 <= 2 * WAITING_BYTES, "there is a limit");
        }
        assert!(sender.mailbox.waiting() < 100);
        sender.mailbox.take(1);
        assert!(sender.deliver(from, vec![large]), "room again");
    }

    #[test]
    fn a_closed_mailbox_lets_clients_go() {
        let mailbox = Mailbox::default();
        let (reply, mut answer) = oneshot::channel();
        assert!(mailbox.offer(Item::Client(1, ClientRequest::Ready, reply)));
        mailbox.close();
        assert!(answer.try_recv().is_err());
        assert!(!mailbox.offer(Item::Gone(1)));
        assert_eq!(mailbox.waiting(), 0);
    }
}
