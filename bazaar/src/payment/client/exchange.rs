//! One request and its answer over a connection of their own.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request as HttpRequest, StatusCode};
use hyper_util::rt::TokioIo;
use market::bank::Refusal;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::payment::limits::MAX_DOCUMENT_BYTES;
use crate::payment::soap::{Answer, Fault, Reason, Request, unwrap};

const ACTION: HeaderName = HeaderName::from_static("soapaction");

/// Why there is no answer. The wish may have been done or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// For a person.
    pub(super) why: String,
    /// Asking again would give the same.
    pub(super) lasting: bool,
}

impl Doubt {
    /// One that may go away by itself.
    fn passing(why: impl Into<String>) -> Doubt {
        Doubt { why: why.into(), lasting: false }
    }

    /// One that stays.
    pub(super) fn lasting(why: impl Into<String>) -> Doubt {
        Doubt { why: why.into(), lasting: true }
    }
}

/// Asks once.
pub(super) async fn exchange(
    target: &str,
    request: &Request,
    within: Duration,
) -> Result<Result<Answer, Refusal>, Doubt> {
    match timeout(within, post(target, request)).await {
        Ok(Ok((status, body))) => read(request, status, &body),
        Ok(Err(why)) => Err(Doubt::passing(why)),
        Err(_) => Err(Doubt::passing("no answer in time")),
    }
}

async fn post(target: &str, request: &Request) -> Result<(StatusCode, Bytes), String> {
    let socket =
        TcpStream::connect(target).await.map_err(|error| format!("cannot connect: {error}"))?;
    socket.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.map_err(broken)?;
    // Ends with this call, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let answer = sender.send_request(http(target, request)).await.map_err(broken)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_DOCUMENT_BYTES).collect().await;
    Ok((status, body.map_err(|error| format!("the answer was cut off: {error}"))?.to_bytes()))
}

fn broken(error: hyper::Error) -> String {
    format!("the connection broke: {error}")
}

fn http(target: &str, request: &Request) -> HttpRequest<Full<Bytes>> {
    let mut http = HttpRequest::new(Full::new(Bytes::from(request.write())));
    *http.method_mut() = Method::POST;
    let action = format!("\"{}\"", request.operation().action());
    let headers = http.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(target).unwrap_or(HeaderValue::from_static("bank")));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    headers.insert(ACTION, HeaderValue::from_str(&action).expect("actions are visible ASCII"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    http
}

/// What an answer says. Anything but a good answer or a refusal of the bank leaves doubt.
fn read(
    request: &Request,
    status: StatusCode,
    body: &[u8],
) -> Result<Result<Answer, Refusal>, Doubt> {
    let passing = || Doubt::passing(format!("the answer ({status}) is none that is known here"));
    let element = unwrap(body).map_err(|_| passing())?;
    match status {
        StatusCode::OK => {
            let answer = Answer::read(&element, request.operation()).ok_or_else(passing)?;
            Ok(Ok(answer))
        }
        _ => {
            let fault = Fault::read(&element).ok_or_else(passing)?;
            match (fault.refusal(), fault.reason) {
                // The bank refuses with a fault of SOAP, and with nothing else.
                (Some(refusal), _) if status == StatusCode::INTERNAL_SERVER_ERROR => {
                    Ok(Err(refusal))
                }
                (_, Reason::Busy | Reason::OutcomeUnknown) => Err(Doubt::passing(fault.message)),
                _ => Err(Doubt::lasting(fault.message)),
            }
        }
    }
}
