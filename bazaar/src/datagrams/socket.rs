//! The socket, and the system calls that carry many datagrams at once.
//!
//! Sending is `sendmmsg` (by rustix, which is here anyway): a burst to all members is one call. Receiving is `recvmmsg`, which
//! rustix does not have and nix does, without any unsafe code here. What QUIC's libraries offer instead batches datagrams to one
//! address only; ours go to all members.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use rustix::net::sockopt;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

use super::limits::{JUMBO_BYTES, RECEIVE_BATCH, SEND_BATCH, SOCKET_BYTES};

/// Room for one datagram: one byte more than any may have, so that a longer one shows.
const ROOM: usize = JUMBO_BYTES + 1;

/// Opens the socket of a service.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // The system grants less than asked for unless the process may insist; either way the socket works.
    if sockopt::set_socket_recv_buffer_size_force(&socket, SOCKET_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES)?;
    }
    sockopt::set_socket_send_buffer_size(&socket, SOCKET_BYTES)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// What became of datagrams that were to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) sent: u64,
    pub(super) unsent: u64,
    pub(super) calls: u64,
}

/// Sends datagrams. Never waits: what the system does not take now is lost, as it may be on any network.
pub(super) fn send(socket: impl AsFd, datagrams: &[(SocketAddrAny, &[u8])]) -> Sending {
    let mut done = Sending::default();
    for batch in datagrams.chunks(SEND_BATCH) {
        send_batch(&socket, batch, &mut done);
    }
    done
}

fn send_batch(socket: impl AsFd, mut batch: &[(SocketAddrAny, &[u8])], done: &mut Sending) {
    while !batch.is_empty() {
        let slices: Vec<_> = batch.iter().map(|(_, bytes)| [IoSlice::new(bytes)]).collect();
        let mut controls: Vec<_> = batch.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let parts = batch.iter().zip(&slices).zip(&mut controls);
        let mut headers: Vec<_> = parts
            .map(|(((to, _), slice), control)| MMsgHdr::new_with_addr(to, slice, control))
            .collect();
        done.calls += 1;
        let taken = match sendmmsg(&socket, &mut headers, SendFlags::DONTWAIT) {
            Ok(taken) => {
                done.sent += taken as u64;
                taken
            }
            Err(rustix::io::Errno::INTR) => 0,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::NOBUFS) => {
                done.unsent += batch.len() as u64;
                return;
            }
            // The first one cannot be sent, say because no way leads there; the others may be.
            Err(_) => {
                done.unsent += 1;
                1
            }
        };
        batch = &batch[taken..];
    }
}

/// Where datagrams are put that come in.
pub(super) struct Receiver {
    room: Vec<u8>,
}

impl Receiver {
    pub(super) fn new() -> Receiver {
        Receiver { room: vec![0; RECEIVE_BATCH * ROOM] }
    }

    /// Hands over the datagrams that are there, at most [`RECEIVE_BATCH`], and says how many. Never waits.
    pub(super) fn receive(
        &mut self,
        socket: &impl AsRawFd,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<usize> {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.room.chunks_mut(ROOM).map(|room| [IoSliceMut::new(room)]).collect();
        // Made anew each time, four kilobytes: they hold pointers, and so cannot go from thread to thread with their task.
        let mut headers = MultiHeaders::<()>::preallocate(RECEIVE_BATCH, None);
        let flags = MsgFlags::MSG_DONTWAIT;
        match recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None) {
            Ok(results) => {
                let mut count = 0;
                for datagram in results {
                    count += 1;
                    each(datagram.iovs().next().unwrap_or_default());
                }
                Ok(count)
            }
            Err(nix::errno::Errno::EAGAIN) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
