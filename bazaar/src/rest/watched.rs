//! A socket that keeps the pulse of its connection, and keeps hyper from answering malformed heads without a word.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pulse::{Phase, Pulse};

/// The socket of one connection.
#[derive(Debug)]
pub(super) struct Watched {
    socket: TokioIo<TcpStream>,
    pulse: Arc<Pulse>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, pulse: Arc<Pulse>) -> Self {
        Watched { socket: TokioIo::new(socket), pulse }
    }

    pub(super) fn into_socket(self) -> TcpStream {
        self.socket.into_inner()
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_read(cx, buf);
        match (self.pulse.phase(), &polled) {
            (Phase::Answered, Poll::Pending) => self.pulse.enter(Phase::Idle),
            (Phase::Answered | Phase::Idle, Poll::Ready(Ok(()))) => self.pulse.enter(Phase::Head),
            _ => {}
        }
        polled
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some((start, status)) = speechless(buf) else {
            return Pin::new(&mut self.socket).poll_write(cx, buf);
        };
        if start > 0 {
            return Pin::new(&mut self.socket).poll_write(cx, &buf[..start]);
        }
        self.pulse.refuse(status);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Leaves the socket open: the connection may still have a word to say, and closes it itself.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Finds hyper's own answer to a malformed head, which is the last thing it writes and has no body: where it starts,
/// and its status. Our own answers always have a body, so nothing of ours looks like it.
fn speechless(buf: &[u8]) -> Option<(usize, u16)> {
    // Ours end with a body, except to HEAD: the search below is for the rare case.
    if !buf.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = buf.windows(7).rposition(|window| window == b"HTTP/1.")?;
    let head = std::str::from_utf8(&buf[start..]).ok()?;
    let status: u16 = head.get(9..12)?.parse().ok()?;
    let empty = head.contains("\r\ncontent-length: 0\r\n");
    (empty && (400..500).contains(&status)).then_some((start, status))
}

#[cfg(test)]
mod tests {
    use super::speechless;

    #[test]
    fn only_an_empty_client_error_at_the_end_is_speechless() {
        let refusal = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                       content-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(speechless(refusal.as_bytes()), Some((0, 431)));
        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let both = format!("{before}{refusal}");
        assert_eq!(speechless(both.as_bytes()), Some((before.len(), 431)));
        assert_eq!(speechless(before.as_bytes()), None);
        assert_eq!(speechless(b"HTTP/1.1 404 Not Found\r\ncontent-length: 70\r\n\r\n"), None);
        assert_eq!(speechless(b"HTTP/1.1 100 Continue\r\n\r\n"), None);
    }
}
