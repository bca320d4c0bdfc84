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
//! Sending happens where the caller is and never waits. Receiving is a task of the runtime, as the driver is: most bursts go from the
//! socket through the process and out again without a switch between threads, and while the process is busy another thread of
//! the runtime goes on receiving, so that the socket's buffer does not overflow.

mod header;
mod inlet;
mod items;
mod limits;
mod loss;
mod outlet;
mod partials;
mod receive;
mod seal;
mod socket;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::net::SocketAddrAny;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

pub use header::Life;
pub use limits::{DATAGRAM_BYTES, JUMBO_BYTES, LEAST_BYTES, MESSAGE_BYTES};
pub use loss::Loss;
pub use outlet::To;
pub use seal::Key;
pub use tally::{Cause, Counts, Tally};

use inlet::Inlet;
use outlet::{Outlet, Sealed};
use receive::Intake;

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
pub struct Bound(std::net::UdpSocket);

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

/// The way to the other members. Once it is dropped the receiver ends, and then the port is free.
pub struct Datagrams {
    shared: Arc<Shared>,
    receiver: JoinHandle<()>,
}

struct Shared {
    socket: UdpSocket,
    outlet: Mutex<Outlet>,
    peers: Mutex<BTreeMap<u8, SocketAddrAny>>,
    tally: Arc<Tally>,
}

impl Datagrams {
    /// Begins to receive. Messages can be sent to whom [`Datagrams::reach`] gave an address.
    ///
    /// # Panics
    /// Outside of a runtime: receiving is a task of it.
    pub fn start(
        bound: Bound,
        settings: Settings,
        sink: impl Sink + 'static,
    ) -> io::Result<Datagrams> {
        assert!(settings.us != 0, "0 stands for everybody");
        let Settings { us, life, key, members, bytes, loss } = settings;
        let size = bytes.clamp(LEAST_BYTES, JUMBO_BYTES);
        let shared = Arc::new(Shared {
            socket: UdpSocket::from_std(bound.0)?,
            outlet: Mutex::new(Outlet::new(us, life, key.clone(), size)),
            peers: Mutex::default(),
            tally: Arc::default(),
        });
        let intake = Intake::new(Inlet::new(us, key, &members), loss, sink);
        let receiver = tokio::spawn(receive::run(Arc::clone(&shared), intake));
        Ok(Datagrams { shared, receiver })
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
        self.receiver.abort();
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
}
