//! The counter of the payment service: SOAP over HTTP for its clients, its description, and what watchers want to know.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request as HttpRequest, StatusCode};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep, timeout_at};

use super::limits::{ANSWER_WITHIN, DRAIN, RETRY_AFTER};
use super::refused::{Refused, XML, answer, check_action, check_type};
use super::soap::{Fault, Reason, Request, wsdl};
use super::teller::{Silent, Teller};
use crate::rest::{self, Answer, Budget, Doors, Front, Handled, Limits, Role, gather};

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
            retry_after: RETRY_AFTER,
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
            Err(refused) => refused.answer(self.limits.retry_after),
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
