//! One client's connection: HTTP/1.1, kept open, driven by the client's own task so that an answer costs no hand-over
//! between threads.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest answer taken, in bytes: the real ones have a few hundred.
const MAX_ANSWER: usize = 64 << 10;

/// The header that makes repeating an order harmless.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

type Body = Full<Bytes>;

/// Why there was no answer; the connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// Connecting failed.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke, or what came was not HTTP.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// The server closed the connection before it took the request.
    #[error("the server closed the connection")]
    Closed,
    /// The answer was too large or ended early.
    #[error("the answer's body was cut off: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("no answer in time")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

/// What to ask.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// A GET.
    Get(Uri),
    /// An order, with its key.
    Order {
        /// The JSON.
        body: Bytes,
        /// The key.
        key: HeaderValue,
    },
}

/// An open connection.
pub(super) struct Link {
    sender: SendRequest<Body>,
    connection: Pin<Box<Connection<TokioIo<TcpStream>, Body>>>,
    host: HeaderValue,
}

impl Link {
    /// Connects.
    pub(super) async fn connect(target: &str, limit: Duration) -> Result<Self, LinkError> {
        let socket = timeout(limit, TcpStream::connect(target)).await??;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let host = HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("bazaar"));
        Ok(Link { sender, connection: Box::pin(connection), host })
    }

    /// Asks once. After an error the link must be dropped: an answer may still be on its way.
    pub(super) async fn ask(
        &mut self,
        wish: &Wish,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), LinkError> {
        let request = self.request(wish);
        let sender = &mut self.sender;
        let exchange = async move {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok((status, body.map_err(LinkError::Answer)?.to_bytes()))
        };
        timeout(limit, drive(self.connection.as_mut(), exchange)).await?
    }

    /// The server closed the connection, or said that it will.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    fn request(&self, wish: &Wish) -> Request<Body> {
        let (method, uri, body) = match wish {
            Wish::Get(uri) => (Method::GET, uri.clone(), Bytes::new()),
            Wish::Order { body, .. } => (Method::POST, Uri::from_static("/orders"), body.clone()),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        if let Wish::Order { key, .. } = wish {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(KEY, key.clone());
        }
        request
    }
}

/// Runs an exchange and the connection under it in one task.
async fn drive<T>(
    mut connection: Pin<&mut Connection<TokioIo<TcpStream>, Body>>,
    exchange: impl Future<Output = Result<T, LinkError>>,
) -> Result<T, LinkError> {
    let mut exchange = pin!(exchange);
    poll_fn(|cx: &mut Context<'_>| {
        // First the request goes into the connection, then the connection moves, then the answer comes out.
        if let Poll::Ready(done) = exchange.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        let over = connection.as_mut().poll(cx).is_ready();
        match exchange.as_mut().poll(cx) {
            // A request that was still waiting for its turn is not told.
            Poll::Pending if over => Poll::Ready(Err(LinkError::Closed)),
            polled => polled,
        }
    })
    .await
}
