//! The counter of the payment service: SOAP over HTTP for its clients, its description, and what watchers want to know.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep, timeout_at};

use super::limits::{ANSWER_WITHIN, DRAIN, RETRY_AFTER as RETRY_AFTER_SECONDS};
use super::soap::{Fault, Operation, Reason, Request, wsdl};
use super::teller::{Silent, Teller};
use crate::rest::{self, Answer, Budget, Doors, Front, Handled, Limits, Role, gather};

/// What XML is sent as.
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");
/// What watchers get.
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// The counter.
pub(crate) struct Counter {
    teller: Teller,
    /// Its address for whoever does not say how it was reached.
    address: String,
    /// How much later than they are ready answers leave; for tests of impatient clients.
    delay: Duration,
    limits: Limits,
    doors: Doors,
    bodies: Budget,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// What a request asks for, as far as metrics tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Soap,
    Wsdl,
    Healthz,
    Readyz,
    Metrics,
    Unknown,
}

/// An answer that is no success, before it has a form.
struct Refused {
    status: StatusCode,
    fault: Fault,
    /// The rest of the request stays unread, so the connection ends.
    close: bool,
}

impl Counter {
    /// A counter in front of a teller. `metrics` gives the Prometheus text.
    pub(crate) fn new(
        teller: Teller,
        address: String,
        delay: Duration,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Arc<Counter> {
        let limits = Limits {
            request_timeout: ANSWER_WITHIN,
            drain: DRAIN,
            retry_after: RETRY_AFTER_SECONDS,
            ..Limits::default()
        };
        Arc::new(Counter {
            teller,
            address,
            delay,
            doors: Doors::new(),
            bodies: Budget::new(limits.max_bodies),
            metrics: Box::new(metrics),
            limits,
        })
    }

    fn route(&self, request: &HttpRequest<Incoming>) -> (Route, &'static str) {
        const WATCH: &str = "GET, HEAD";
        let query = request.uri().query().unwrap_or("");
        match request.uri().path() {
            "/" if request.method() == Method::POST => (Route::Soap, "GET, HEAD, POST"),
            "/" if query.eq_ignore_ascii_case("wsdl") => (Route::Wsdl, "GET, HEAD, POST"),
            "/" => (Route::Soap, "POST"),
            "/healthz" => (Route::Healthz, WATCH),
            "/readyz" => (Route::Readyz, WATCH),
            "/metrics" => (Route::Metrics, WATCH),
            _ => (Route::Unknown, ""),
        }
    }

    /// What can be said without reading a body.
    fn at_once(&self, route: Route, request: &HttpRequest<Incoming>) -> Answer {
        match route {
            Route::Wsdl => {
                let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
                answer(StatusCode::OK, XML, wsdl(host, &self.address))
            }
            Route::Healthz => answer(StatusCode::OK, JSON, r#"{"data":{"alive":true}}"#.to_owned()),
            Route::Readyz if self.teller.is_open() => {
                answer(StatusCode::OK, JSON, r#"{"data":{"ready":true}}"#.to_owned())
            }
            Route::Readyz => {
                let why = "the journal takes no more writes";
                let fault = rest::Fault::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why);
                fault.answer(self.limits.retry_after)
            }
            Route::Metrics => answer(StatusCode::OK, PROMETHEUS, (self.metrics)()),
            Route::Soap | Route::Unknown => {
                rest::Fault::new(StatusCode::NOT_FOUND, "no_such_path", "no such path")
                    .answer(self.limits.retry_after)
            }
        }
    }

    async fn soap(&self, request: HttpRequest<Incoming>, started: Instant) -> Answer {
        match self.serve(request, started).await {
            Ok(text) => answer(StatusCode::OK, XML, text),
            Err(refused) => self.refuse(&refused),
        }
    }

    async fn serve(
        &self,
        request: HttpRequest<Incoming>,
        started: Instant,
    ) -> Result<String, Refused> {
        check_type(request.headers())
            .map_err(|refused| Refused { close: !request.body().is_end_stream(), ..refused })?;
        let action = request.headers().get("soapaction").cloned();
        let body = gather(request.into_body(), &self.limits, &self.bodies, started).await;
        let body = body.map_err(|fault| Refused {
            status: fault.status,
            fault: Fault::new(Reason::BadMessage, fault.message),
            close: fault.close,
        })?;
        let wish = Request::read(&body.bytes)?;
        drop(body);
        let operation = wish.operation();
        check_action(action.as_ref(), operation)?;
        let outcome = self.ask(wish, started).await;
        let word = match &outcome {
            Ok(_) => "answered",
            Err(refused) => refused.fault.reason.word(),
        };
        counter!("bazaar_payment_answers_total", "operation" => operation.label(), "outcome" => word)
            .increment(1);
        outcome
    }

    async fn ask(&self, request: Request, started: Instant) -> Result<String, Refused> {
        let operation = request.operation();
        let deadline = started + self.limits.request_timeout;
        let said = match timeout_at(deadline, self.teller.ask(request)).await {
            Ok(Ok(said)) => said,
            Ok(Err(Silent::Busy)) => {
                let fault = Fault::new(Reason::Busy, "too much to do; nothing was done");
                return Err(Refused::of(StatusCode::SERVICE_UNAVAILABLE, fault));
            }
            Ok(Err(Silent::Gone)) | Err(_) => {
                let fault = Fault::new(
                    Reason::OutcomeUnknown,
                    "it may have been done or not; ask again under the same key",
                );
                return Err(Refused::of(StatusCode::GATEWAY_TIMEOUT, fault));
            }
        };
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        said.map(|said| said.write(operation)).map_err(|refusal| Fault::refused(refusal).into())
    }

    fn refuse(&self, refused: &Refused) -> Answer {
        let mut answer = answer(refused.status, XML, refused.fault.write());
        let headers = answer.headers_mut();
        let later = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if later.contains(&refused.status) {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.limits.retry_after));
        }
        if refused.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// A path that knows other methods only.
    fn no_such_method(&self, allow: &'static str) -> Answer {
        let message = format!("this path knows {allow} only");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut answer =
            rest::Fault::new(status, "method_not_allowed", message).answer(self.limits.retry_after);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        answer
    }
}

impl Front for Counter {
    type Route = Route;

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn doors(&self) -> &Doors {
        &self.doors
    }

    fn handle(
        self: &Arc<Self>,
        _: Role,
        request: HttpRequest<Incoming>,
        started: Instant,
    ) -> (Route, Handled) {
        let (route, allow) = self.route(&request);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if route == Route::Soap && request.method() == Method::POST {
            let counter = self.clone();
            let served = async move { counter.soap(request, started).await };
            return (route, Handled::Later(Box::pin(served)));
        }
        let mut answer = match route {
            Route::Unknown => self.at_once(route, &request),
            Route::Soap => self.no_such_method(allow),
            _ if !reads => self.no_such_method(allow),
            _ => self.at_once(route, &request),
        };
        if !request.body().is_end_stream() {
            // Nobody reads it, so the connection cannot be used any more.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (route, Handled::Now(answer))
    }

    fn answered(&self, route: Route, status: StatusCode, took: Duration) {
        let route = match route {
            Route::Soap => "soap",
            Route::Wsdl => "wsdl",
            Route::Healthz => "healthz",
            Route::Readyz => "readyz",
            Route::Metrics => "metrics",
            Route::Unknown => "unknown",
        };
        let status = status.as_u16().to_string();
        counter!("bazaar_http_requests_total", "route" => route, "status" => status).increment(1);
        histogram!("bazaar_http_request_seconds", "route" => route).record(took.as_secs_f64());
    }
}

impl Refused {
    fn of(status: StatusCode, fault: Fault) -> Refused {
        Refused { status, fault, close: false }
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
fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
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
fn check_action(action: Option<&HeaderValue>, operation: Operation) -> Result<(), Refused> {
    let Some(action) = action else { return Ok(()) };
    let said = action.to_str().unwrap_or("?").trim().trim_matches('"');
    if said.is_empty() || said == operation.action() {
        return Ok(());
    }
    let message = "the header SOAPAction names another operation than the body";
    Err(Fault::new(Reason::InvalidValue("SOAPAction"), message).into())
}

fn answer(status: StatusCode, kind: HeaderValue, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
