//! Datagrams between the members of a group: sealed, packed, cut where too long, many to a system call.
//!
//! For protocols that want a network as it is: messages may be lost, doubled, reordered, and nobody waits for anybody. What this
//! layer promises: a message that arrives is whole, and was sent by a member of this very group; most doubles are gone. What
//! the messages say is none of its business.
//!
//! ```text
//! messages ─► Outlet: pack, cut, number, seal ─► sendmmsg ─► ... ─► recvmmsg ─► Inlet: length, head, window, seal, take apart ─► Sink
//!
//! datagram    head 40 | items | seal 16
//! head        magic, version, from, to, cluster, incarnation, boot, number
//! ```
//!
//! A datagram is refused for its length, its head and its number before the seal is computed, and for its seal before anything is
//! parsed. Refusing one of 1,400 bytes takes about two microseconds, nearly all of it the seal.
//!
//! Sending happens where the caller is and never waits. Receiving has a thread of its own: it is where seals are checked, and
//! it goes on while the process is busy, so that the socket's buffer does not overflow.

mod header;
mod inlet;
mod items;
mod limits;
mod loss;
mod outlet;
mod partials;
mod seal;
mod socket;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::Mutex;
use rustix::net::SocketAddrAny;

pub use header::Life;
pub use limits::{DATAGRAM_BYTES, JUMBO_BYTES, LEAST_BYTES, MESSAGE_BYTES};
pub use loss::Loss;
pub use outlet::To;
pub use seal::Key;
pub use tally::{Cause, Counts, Tally};

use inlet::Inlet;
use outlet::{Outlet, Sealed};

/// How a member takes part.
#[derive(Debug)]
pub struct Settings {
    /// Our id; not 0.
    pub us: u8,
    /// Which start of which disk of ours.
    pub life: Life,
    /// The cluster's key.
    pub key: Key,
    /// Everybody's id, ours included.
    pub members: BTreeSet<u8>,
    /// Size of the largest datagram that is sent, in bytes: [`LEAST_BYTES`] to [`JUMBO_BYTES`]. Larger ones are received all the same.
    pub bytes: usize,
    /// Losses on purpose.
    pub loss: Loss,
}

/// Where messages go.
pub trait Sink: Send {
    /// A message of a member. False: it makes no sense.
    fn message(&mut self, from: u8, message: &[u8]) -> bool;

    /// What came at once is complete. Says how many of its messages could not be taken.
    fn flush(&mut self) -> usize;
}

/// An open socket without a receiver: its port is taken, and datagrams wait in it.
#[derive(Debug)]
pub struct Bound(UdpSocket);

impl Bound {
    /// Takes a port.
    pub fn bind(address: SocketAddr) -> io::Result<Bound> {
        socket::bind(address).map(Bound)
    }

    /// The address, with the port that the system chose if it was asked to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The way to the other members. Dropping it ends the receiver.
pub struct Datagrams {
    shared: Arc<Shared>,
    receiver: Option<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    outlet: Mutex<Outlet>,
    peers: Mutex<BTreeMap<u8, SocketAddrAny>>,
    tally: Arc<Tally>,
    stop: AtomicBool,
}

impl Datagrams {
    /// Begins to receive. Messages can be sent to whom [`Datagrams::reach`] gave an address.
    pub fn start(
        bound: Bound,
        settings: Settings,
        sink: impl Sink + 'static,
    ) -> io::Result<Datagrams> {
        assert!(settings.us != 0, "0 stands for everybody");
        let Settings { us, life, key, members, bytes, loss } = settings;
        let size = bytes.clamp(LEAST_BYTES, JUMBO_BYTES);
        let shared = Arc::new(Shared {
            socket: bound.0,
            outlet: Mutex::new(Outlet::new(us, life, key.clone(), size)),
            peers: Mutex::default(),
            tally: Arc::default(),
            stop: AtomicBool::new(false),
        });
        let inlet = Inlet::new(us, key, &members);
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("datagrams".into());
        let receiver = thread.spawn(move || of_thread.receive(inlet, loss, sink))?;
        Ok(Datagrams { shared, receiver: Some(receiver) })
    }

    /// Tells where a member is to be found, or that it is elsewhere now.
    pub fn reach(&self, member: u8, address: SocketAddr) {
        self.shared.peers.lock().insert(member, address.into());
    }

    /// Sends messages, or loses them: those for the same recipients packed together, and all in one system call. Never waits.
    pub fn send<'a>(&self, messages: impl IntoIterator<Item = (To, &'a [u8])>) {
        let mut by_recipient: BTreeMap<To, Vec<&[u8]>> = BTreeMap::new();
        for (to, message) in messages {
            by_recipient.entry(to).or_default().push(message);
        }
        let mut sealed = Vec::new();
        let mut outlet = self.shared.outlet.lock();
        for (to, messages) in by_recipient {
            outlet.pack(to, messages, &mut sealed, &self.shared.tally);
        }
        drop(outlet);
        self.shared.send(&sealed);
    }

    /// What is counted.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.shared.tally
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(receiver) = self.receiver.take() {
            // A panic there was printed by the thread itself.
            let _ = receiver.join();
        }
    }
}

impl Shared {
    fn send(&self, sealed: &[Sealed]) {
        let peers = self.peers.lock().clone();
        let mut out: Vec<(SocketAddrAny, &[u8])> = Vec::new();
        for Sealed { to, bytes } in sealed {
            match to {
                To::All => out.extend(peers.values().map(|to| (to.clone(), &bytes[..]))),
                To::One(member) => match peers.get(member) {
                    Some(to) => out.push((to.clone(), bytes)),
                    None => self.tally.count_dropped(Cause::Unsent, 1),
                },
            }
        }
        let done = socket::send(&self.socket, &out);
        self.tally.count_sent(done.sent, done.calls);
        self.tally.count_dropped(Cause::Unsent, done.unsent);
    }

    fn receive(&self, mut inlet: Inlet, mut loss: Loss, mut sink: impl Sink) {
        let mut receiver = socket::Receiver::new();
        let mut failing = false;
        while !self.stop.load(Ordering::Relaxed) {
            let (now, mut delivered, mut nonsense) = (Instant::now(), 0, 0);
            let received = receiver.receive(&self.socket, |datagram| {
                let outcome = match loss.strikes() {
                    true => Err(Cause::Injected),
                    false => inlet.open(now, datagram, |from, message| {
                        match sink.message(from, message) {
                            true => delivered += 1,
                            false => nonsense += 1,
                        }
                    }),
                };
                if let Err(cause) = outcome {
                    self.tally.count_dropped(cause, 1);
                }
            });
            match received {
                Ok(0) => {}
                Ok(count) => self.tally.count_received(count as u64),
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "datagrams cannot be received");
                    }
                    // What the system says of one peer must not keep a processor busy.
                    std::thread::sleep(limits::PATIENCE);
                    continue;
                }
            }
            failing = false;
            let refused = if delivered > 0 { sink.flush() as u64 } else { 0 };
            self.tally.count_delivered(delivered - refused.min(delivered));
            self.tally.count_dropped(Cause::Overload, refused);
            self.tally.count_dropped(Cause::Malformed, nonsense);
            inlet.expire(now, &self.tally);
        }
    }
}
