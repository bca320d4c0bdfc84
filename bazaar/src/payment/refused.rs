//! Answers of the counter that are no success, and what is refused before a message is read.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::soap::{Fault, Operation, Reason};
use crate::rest::Answer;

/// What XML is sent as.
pub(super) const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

/// An answer that is no success, before it has a form.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) fault: Fault,
    /// The rest of the request stays unread, so the connection ends.
    pub(super) close: bool,
}

impl Refused {
    pub(super) fn of(status: StatusCode, fault: Fault) -> Refused {
        Refused { status, fault, close: false }
    }

    /// The answer; those that say "later" say when, in seconds.
    pub(super) fn answer(&self, retry_after: u32) -> Answer {
        let mut answer = answer(self.status, XML, self.fault.write());
        let headers = answer.headers_mut();
        let later = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if later.contains(&self.status) {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// A message that nobody understands is the client's (400); a fault is a fault, and SOAP 1.1 sends it with 500.
impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        let status = match fault.reason {
            Reason::BadMessage => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refused::of(status, fault)
    }
}

/// SOAP 1.1 is `text/xml`, and here UTF-8.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut parts = text.split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/xml")) {
        let fault = Fault::new(Reason::BadMessage, "a message of SOAP 1.1 is sent as text/xml");
        return Err(Refused::of(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault));
    }
    for part in parts {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            return Err(Fault::new(Reason::BadMessage, "messages are read in UTF-8 only").into());
        }
    }
    Ok(())
}

/// Who says what it wants in a header must want the same in the body. Saying nothing is fine.
pub(super) fn check_action(
    action: Option<&HeaderValue>,
    operation: Operation,
) -> Result<(), Refused> {
    let Some(action) = action else { return Ok(()) };
    let said = action.to_str().unwrap_or("?").trim().trim_matches('"');
    if said.is_empty() || said == operation.action() {
        return Ok(());
    }
    let message = "the header SOAPAction names another operation than the body";
    Err(Fault::new(Reason::InvalidValue("SOAPAction"), message).into())
}

/// An answer with its body.
pub(super) fn answer(status: StatusCode, kind: HeaderValue, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
