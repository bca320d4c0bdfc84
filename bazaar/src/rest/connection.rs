//! One connection: hyper in the middle, our timer around it, a last word and a lingering close at the end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::answer::{Answer, malformed, too_slow};
use super::front::{Front, Handled};
use super::limits::Limits;
use super::pulse::{Phase, Pulse};
use super::route::Role;
use super::watched::Watched;

/// The service of one connection.
struct Desk<F> {
    front: Arc<F>,
    role: Role,
    pulse: Arc<Pulse>,
}

/// Why the conversation ended.
enum End {
    /// hyper is through.
    Done(hyper::Result<()>),
    /// The present phase took too long.
    Overdue,
    /// The server stops.
    Stopping,
}

/// Serves a connection to its end.
pub(super) async fn converse<F: Front>(
    front: Arc<F>,
    role: Role,
    socket: TcpStream,
    stopping: watch::Receiver<bool>,
) {
    let pulse = Arc::new(Pulse::new());
    let desk = Desk { front: front.clone(), role, pulse: pulse.clone() };
    let limits = front.limits();
    let mut connection =
        builder(limits).serve_connection(Watched::new(socket, pulse.clone()), desk);
    let end = attend(&mut connection, &pulse, limits, stopping).await;
    let last_word = match &end {
        End::Done(result) => refusal(result, &pulse),
        End::Overdue => (pulse.phase() == Phase::Head).then_some(StatusCode::REQUEST_TIMEOUT),
        End::Stopping => None,
    };
    match &end {
        End::Overdue if pulse.phase() != Phase::Idle => front.doors().cut.increment(1),
        End::Done(_) if last_word.is_some() => front.doors().malformed.increment(1),
        _ => {}
    }
    let socket = connection.into_parts().io.into_socket();
    part(socket, last_word, &pulse, limits).await;
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // Our own timer (see `pulse`) runs for heads, silence, bodies and answers alike.
        .header_read_timeout(None)
        .max_header_size(limits.max_head)
        // Also the most that pipelined requests may pile up on either side.
        .max_buf_size(64 << 10)
        // A client may close its sending side and still wait for the answer; it also spares hyper a read per request.
        .half_close(true)
        // Head and body in one write: bodies are a hundred bytes.
        .writev(false);
    builder
}

/// Runs the conversation under the timer, until it ends or the server stops and the request under way is answered.
async fn attend<F: Front>(
    connection: &mut http1::Connection<Watched, Desk<F>>,
    pulse: &Pulse,
    limits: &Limits,
    mut stopping: watch::Receiver<bool>,
) -> End {
    let mut asked_to_stop = pin!(async move { stopping.wait_for(|stop| *stop).await.is_ok() });
    let mut told = false;
    let mut timer = pin!(sleep_until(pulse.deadline(limits)));
    loop {
        let end = poll_fn(|cx| {
            if let Poll::Ready(result) = Pin::new(&mut *connection).poll(cx) {
                return Poll::Ready(End::Done(result));
            }
            if !told && asked_to_stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Stopping);
            }
            overdue(timer.as_mut(), pulse.deadline(limits), cx)
        })
        .await;
        if !matches!(end, End::Stopping) {
            return end;
        }
        told = true;
        Pin::new(&mut *connection).graceful_shutdown();
    }
}

/// Moves the timer when the deadline came nearer; one that went away is only noticed when the timer goes off, so that
/// requests in quick succession do not touch the timer at all.
fn overdue(
    mut timer: Pin<&mut tokio::time::Sleep>,
    deadline: Instant,
    cx: &mut Context<'_>,
) -> Poll<End> {
    if deadline < timer.deadline() {
        timer.as_mut().reset(deadline);
    }
    while timer.as_mut().poll(cx).is_ready() {
        if deadline <= Instant::now() {
            return Poll::Ready(End::Overdue);
        }
        timer.as_mut().reset(deadline);
    }
    Poll::Pending
}

/// The status of a refusal that hyper left without words.
fn refusal(result: &hyper::Result<()>, pulse: &Pulse) -> Option<StatusCode> {
    if let Some(status) = pulse.refused() {
        return StatusCode::from_u16(status).ok();
    }
    let unspoken = result.as_ref().is_err_and(hyper::Error::is_parse);
    (unspoken && pulse.phase() == Phase::Head).then_some(StatusCode::BAD_REQUEST)
}

/// Says the last word, closes our side, and throws away what still comes: a socket closed with unread bytes resets, and
/// the reset destroys the answer on its way.
async fn part(mut socket: TcpStream, word: Option<StatusCode>, pulse: &Pulse, limits: &Limits) {
    if let Some(status) = word {
        let fault = match status {
            StatusCode::REQUEST_TIMEOUT => too_slow(),
            status => malformed(status.as_u16()),
        };
        // A fresh answer fits the socket's buffer; who does not even take that gets nothing.
        if socket.try_write(&fault.wire(limits.retry_after)).is_err() {
            return;
        }
    }
    if word.is_none() && !pulse.unread() {
        return;
    }
    let farewell = async {
        socket.shutdown().await?;
        let mut sink = [0; 4096];
        let mut left = limits.linger_bytes;
        while left > 0 {
            let read = socket.read(&mut sink).await?;
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read);
        }
        std::io::Result::Ok(())
    };
    // Whatever goes wrong now, the connection is over.
    let _ = timeout(limits.linger, farewell).await;
}

impl<F: Front> Service<Request<Incoming>> for Desk<F> {
    type Response = Answer;
    type Error = std::convert::Infallible;
    type Future = Answering<F>;

    fn call(&self, request: Request<Incoming>) -> Answering<F> {
        let started = Instant::now();
        self.pulse.enter_at(Phase::Serving, started);
        let (route, handled) = self.front.handle(self.role, request, started);
        let (front, pulse) = (self.front.clone(), self.pulse.clone());
        Answering { front, pulse, route, started, handled: Some(handled) }
    }
}

/// A request on its way to its answer.
struct Answering<F: Front> {
    front: Arc<F>,
    pulse: Arc<Pulse>,
    route: F::Route,
    started: Instant,
    handled: Option<Handled>,
}

impl<F: Front> Future for Answering<F> {
    type Output = Result<Answer, std::convert::Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.handled.take().expect("polled again after it was ready") {
            Handled::Now(answer) => answer,
            Handled::Later(mut future) => match future.as_mut().poll(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending => {
                    self.handled = Some(Handled::Later(future));
                    return Poll::Pending;
                }
            },
        };
        let now = Instant::now();
        self.front.answered(self.route, answer.status(), now - self.started);
        self.pulse.enter_at(Phase::Answered, now);
        if answer.headers().contains_key(CONNECTION) {
            self.pulse.leave_unread();
        }
        Poll::Ready(Ok(answer))
    }
}
