//! Which path is what. A match by hand: a dozen fixed paths, and the hottest is tried first.

use hyper::{Method, StatusCode};

use super::answer::Fault;

/// Who a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Clients.
    Public,
    /// Operators and other services: everything, and the cache's handles.
    Internal,
    /// Whoever watches a replica: liveness, readiness and metrics, nothing else.
    Watch,
}

/// A path of the surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Stock,
    StockQuery,
    Product,
    ProductQuery,
    Trade,
    Order,
    Leader,
    Healthz,
    Readyz,
    Metrics,
    Invalidate,
    Remove,
    Unknown,
}

impl Route {
    pub(super) const COUNT: usize = Route::Unknown as usize + 1;

    /// Finds the route, and what stands behind it in the path.
    pub(super) fn find(path: &str, role: Role) -> (Route, &str) {
        const WITH_TAIL: [(&str, Route); 4] = [
            ("/stocks/", Route::Stock),
            ("/orders/", Route::Order),
            ("/products/", Route::Product),
            ("/invalidation/", Route::Invalidate),
        ];
        for (prefix, route) in WITH_TAIL {
            let tail = path.strip_prefix(prefix).filter(|tail| !tail.contains('/'));
            if let Some(tail) = tail.filter(|_| route.serves(role)) {
                return (route, tail);
            }
        }
        let route = match path {
            "/orders" => Route::Trade,
            "/stocks" => Route::StockQuery,
            "/products" => Route::ProductQuery,
            "/leader" => Route::Leader,
            "/healthz" => Route::Healthz,
            "/readyz" => Route::Readyz,
            "/metrics" => Route::Metrics,
            "/rm" => Route::Remove,
            _ => Route::Unknown,
        };
        (if route.serves(role) { route } else { Route::Unknown }, "")
    }

    fn serves(self, role: Role) -> bool {
        match role {
            Role::Public => !matches!(self, Route::Invalidate | Route::Remove),
            Role::Internal => true,
            Role::Watch => matches!(self, Route::Healthz | Route::Readyz | Route::Metrics),
        }
    }

    /// Is this method known here?
    pub(super) fn admit(self, method: &Method) -> Result<(), Fault> {
        if self == Route::Unknown {
            return Err(Fault::new(StatusCode::NOT_FOUND, "no_such_path", "no such path"));
        }
        let posts = matches!(self, Route::Trade | Route::Invalidate);
        let known = if posts {
            method == Method::POST
        } else {
            method == Method::GET || method == Method::HEAD
        };
        if known {
            return Ok(());
        }
        let allow = if posts { "POST" } else { "GET, HEAD" };
        let message = format!("this path knows {allow} only");
        let mut fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        fault.allow = Some(allow);
        Err(fault)
    }

    /// The route as metrics name it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Route::Stock | Route::StockQuery => "stocks",
            Route::Product | Route::ProductQuery => "products",
            Route::Trade => "trade",
            Route::Order => "order",
            Route::Leader => "leader",
            Route::Healthz => "healthz",
            Route::Readyz => "readyz",
            Route::Metrics => "metrics",
            Route::Invalidate | Route::Remove => "invalidate",
            Route::Unknown => "unknown",
        }
    }
}
