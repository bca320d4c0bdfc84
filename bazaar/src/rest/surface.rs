//! From a request to an answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, StatusCode};
use market::listing::Kind;
use market::name::Name;
use market::trade::Trade;
use node::gateway::{ClientRequest, ClientResponse};
use tokio::time::{Instant, timeout_at};

use super::admission::Budget;
use super::answer::{Answer, Fault, ok, prometheus};
use super::front::{Front, Handled};
use super::key::{HEADER, Keys, RequestKey};
use super::limits::Limits;
use super::meter::{Doors, Meter};
use super::outcome::{Asked, busy, late, no_listing, no_order, outcome};
use super::route::{Role, Route};
use super::{Market, body, decode, json, order_body};

/// What turns requests into answers; one for all listeners of a gateway.
pub struct Surface<M> {
    market: Arc<M>,
    limits: Limits,
    meter: Meter,
    keys: Keys,
    in_flight: Budget,
    bodies: Budget,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl<M> fmt::Debug for Surface<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<M: Market> Surface<M> {
    /// A surface over a gateway. `seed` makes the keys of this process unlike all others (see [`super::entropy`]);
    /// `metrics` gives the Prometheus text. Install the metrics recorder first: handles are kept.
    pub fn new(
        market: Arc<M>,
        limits: Limits,
        seed: [u8; 32],
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Surface {
            in_flight: Budget::new(limits.max_in_flight),
            bodies: Budget::new(limits.max_bodies),
            keys: Keys::new(seed),
            meter: Meter::new(),
            metrics: Box::new(metrics),
            market,
            limits,
        })
    }

    /// What holds for every request, before anything of it is looked at more closely.
    fn check(&self, route: Route, request: &Request<Incoming>) -> Result<(), Fault> {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        if target.len() > self.limits.max_uri {
            let message = "the request target is too long";
            return Err(Fault::new(StatusCode::URI_TOO_LONG, "uri_too_long", message));
        }
        route.admit(request.method())
    }

    fn fault(&self, mut fault: Fault, request: &Request<Incoming>) -> Answer {
        // Nobody reads the body of a refused request, so its connection cannot be used any more.
        fault.close |= !request.body().is_end_stream();
        fault.answer(self.limits.retry_after)
    }

    fn begin(&self, route: Route, tail: &str, query: Option<&str>) -> Result<Step, Fault> {
        match route {
            Route::Stock => self.listing(Kind::Stock, decode::segment(tail)?),
            Route::Product => self.listing(Kind::Toy, decode::segment(tail)?),
            Route::StockQuery => {
                let name = decode::parameter(query, &["name", "stock_name"])?;
                self.listing(Kind::Stock, name.into())
            }
            Route::ProductQuery => {
                let name = decode::parameter(query, &["name", "product_name"])?;
                self.listing(Kind::Toy, name.into())
            }
            Route::Order => match decode::number(tail)? {
                Some(number) => Ok(Step::Ask(Asked::Order, ClientRequest::Order(number))),
                None => Err(no_order()),
            },
            Route::Leader => Ok(Step::Ask(Asked::Leader, ClientRequest::Leader)),
            Route::Readyz => Ok(Step::Ask(Asked::Ready, ClientRequest::Ready)),
            Route::Healthz => Ok(Step::Answer(ok(r#"{"data":{"alive":true}}"#.to_owned()))),
            Route::Metrics => Ok(Step::Answer(prometheus((self.metrics)()))),
            Route::Invalidate => Ok(invalidate(decode::segment(tail)?)),
            Route::Remove => Ok(invalidate(decode::parameter(query, &["name"])?.into())),
            Route::Trade | Route::Unknown => unreachable!("handled by the caller"),
        }
    }

    /// The hot path: a cached listing is answered without asking anybody.
    fn listing(&self, kind: Kind, text: Cow<'_, str>) -> Result<Step, Fault> {
        // What cannot be a name is the name of nothing.
        let name = Name::new(&text).map_err(|_| no_listing(kind))?;
        match self.market.hit(&name, kind) {
            Some(listing) if listing.kind == kind => Ok(Step::Answer(ok(json::listing(&listing)))),
            _ => Ok(Step::Ask(Asked::Listing(kind), ClientRequest::Listing { name, kind })),
        }
    }

    fn ask_later(self: &Arc<Self>, asked: Asked, wish: ClientRequest, started: Instant) -> Handled {
        let surface = self.clone();
        Handled::Later(Box::pin(async move {
            let answered = surface.ask(&asked, wish, started).await;
            answered.unwrap_or_else(|fault| fault.answer(surface.limits.retry_after))
        }))
    }

    fn trade_later(self: &Arc<Self>, request: Request<Incoming>, started: Instant) -> Handled {
        let surface = self.clone();
        Handled::Later(Box::pin(async move {
            let key = surface.keys.of(request.headers(), surface.market.wall());
            let text = key.as_ref().ok().map(|key| key.text.clone());
            let traded = surface.trade(key, request, started).await;
            let mut answer =
                traded.unwrap_or_else(|fault| fault.answer(surface.limits.retry_after));
            // So that a client can repeat the request even if it did not bring a key.
            if let Some(text) = text {
                answer.headers_mut().insert(HEADER, text);
            }
            answer
        }))
    }

    async fn trade(
        &self,
        key: Result<RequestKey, Fault>,
        request: Request<Incoming>,
        started: Instant,
    ) -> Result<Answer, Fault> {
        // The body is read first, so that a bad key does not cost the connection.
        let gathered = body::gather(request.into_body(), &self.limits, &self.bodies, started);
        let order = order_body::parse(&gathered.await?.bytes)?;
        let RequestKey { key, born, .. } = key?;
        let (name, side, quantity) = (order.name, order.side, order.quantity);
        let trade = Trade { key, born, name, side, quantity };
        self.ask(&Asked::Trade, ClientRequest::Trade(trade), started).await
    }

    async fn ask(
        &self,
        asked: &Asked,
        wish: ClientRequest,
        started: Instant,
    ) -> Result<Answer, Fault> {
        let _share = self.in_flight.take(1).ok_or_else(busy)?;
        let deadline = started + self.limits.request_timeout;
        let response: ClientResponse =
            timeout_at(deadline, self.market.ask(wish)).await.map_err(|_| late(asked))?;
        outcome(asked, response)
    }
}

impl<M: Market> Front for Surface<M> {
    type Route = Route;

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn doors(&self) -> &Doors {
        &self.meter.doors
    }

    /// Finds the route of a request, then the answer or the way to it.
    fn handle(
        self: &Arc<Self>,
        role: Role,
        request: Request<Incoming>,
        started: Instant,
    ) -> (Route, Handled) {
        let (route, tail) = Route::find(request.uri().path(), role);
        let begun = self.check(route, &request).and_then(|()| match route {
            Route::Trade => Ok(None),
            _ => self.begin(route, tail, request.uri().query()).map(Some),
        });
        let handled = match begun {
            Ok(Some(Step::Answer(answer))) => Handled::Now(answer),
            Ok(Some(Step::Ask(asked, wish))) => self.ask_later(asked, wish, started),
            Ok(None) => self.trade_later(request, started),
            Err(fault) => Handled::Now(self.fault(fault, &request)),
        };
        (route, handled)
    }

    fn answered(&self, route: Route, status: StatusCode, took: Duration) {
        self.meter.answered(route, status, took);
    }
}

/// How a request goes on.
enum Step {
    Answer(Answer),
    Ask(Asked, ClientRequest),
}

fn invalidate(text: Cow<'_, str>) -> Step {
    match Name::new(&text) {
        Ok(name) => {
            Step::Ask(Asked::Invalidate(text.into_owned()), ClientRequest::Invalidate(name))
        }
        // What cannot be a name is in no cache.
        Err(_) => Step::Answer(ok(json::removed(&text, false))),
    }
}
