//! Answers: a JSON body with its status and headers, and the one shape of every failure.

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::json;

/// What goes out.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A failure, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// A stable slug.
    pub(crate) reason: &'static str,
    /// A sentence for a person.
    pub(crate) message: Cow<'static, str>,
    /// Methods that the path knows (405 only).
    pub(crate) allow: Option<&'static str>,
    /// The rest of the request stays unread, so the connection ends.
    pub(crate) close: bool,
}

impl Fault {
    /// A failure with a reason and a sentence.
    pub(crate) fn new(
        status: StatusCode,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Fault { status, reason, message: message.into(), allow: None, close: false }
    }

    /// 400.
    pub(crate) fn bad(reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Fault::new(StatusCode::BAD_REQUEST, reason, message)
    }

    /// The same, and the connection ends with it.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The body.
    pub(super) fn json(&self) -> String {
        json::error(self.status.as_u16(), &self.message, self.reason)
    }

    /// The answer; those that say "later" say when.
    pub(crate) fn answer(&self, retry_after: u32) -> Answer {
        let mut answer = respond(self.status, self.json());
        let headers = answer.headers_mut();
        if says_later(self.status) {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// The whole answer as it goes over the wire, for where hyper cannot speak any more; the connection ends with it.
    pub(super) fn wire(&self, retry_after: u32) -> Vec<u8> {
        let json = self.json();
        let later = if says_later(self.status) {
            format!("retry-after: {retry_after}\r\n")
        } else {
            String::new()
        };
        format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\nconnection: close\r\n{later}\
             content-length: {}\r\n\r\n{json}",
            self.status,
            json.len(),
        )
        .into_bytes()
    }
}

fn says_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// An answer with a JSON body.
pub(super) fn respond(status: StatusCode, json: String) -> Answer {
    with_type(status, json, HeaderValue::from_static("application/json"))
}

/// 200 with a JSON body.
pub(super) fn ok(json: String) -> Answer {
    respond(StatusCode::OK, json)
}

/// 200 with Prometheus text.
pub(super) fn prometheus(text: String) -> Answer {
    with_type(StatusCode::OK, text, HeaderValue::from_static("text/plain; version=0.0.4"))
}

fn with_type(status: StatusCode, body: String, content_type: HeaderValue) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// What to say when hyper refused a head.
pub(super) fn malformed(status: u16) -> Fault {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let (reason, message) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("headers_too_large", "the request has too many or too large headers")
        }
        StatusCode::URI_TOO_LONG => ("uri_too_long", "the request target is too long"),
        _ => ("malformed_request", "this is not an HTTP/1.1 request"),
    };
    Fault::new(status, reason, message).closing()
}

/// What to say when a request came too slowly.
pub(super) fn too_slow() -> Fault {
    let message = "the request did not arrive in time";
    Fault::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message).closing()
}
