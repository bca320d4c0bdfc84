//! What the gateway says, as the contract puts it.

use hyper::StatusCode;
use market::limits::MAX_QUANTITY;
use market::listing::Kind;
use market::trade::TradeRefusal;
use node::gateway::ClientResponse;

use super::answer::{Answer, Fault, ok};
use super::json;

/// What was asked, as far as the answer depends on it.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A listing.
    Listing(Kind),
    /// A trade.
    Trade,
    /// An order.
    Order,
    /// Who leads.
    Leader,
    /// Readiness.
    Ready,
    /// To drop a listing from the cache.
    Invalidate(String),
}

/// The gateway's answer for the client.
pub(super) fn outcome(asked: &Asked, response: ClientResponse) -> Result<Answer, Fault> {
    match (asked, response) {
        (_, ClientResponse::Unavailable { reason }) => Err(unavailable("unavailable", reason)),
        (_, ClientResponse::Busy) => Err(busy()),
        (_, ClientResponse::Unknown) => Err(unknown()),
        (Asked::Listing(_), ClientResponse::Listing(listing)) => Ok(ok(json::listing(&listing))),
        (Asked::Listing(kind), ClientResponse::NoListing) => Err(no_listing(*kind)),
        (Asked::Trade, ClientResponse::Traded(number)) => Ok(ok(json::traded(number))),
        (Asked::Trade, ClientResponse::Refused(refusal)) => Err(refused(refusal)),
        (Asked::Order, ClientResponse::Order(order)) => Ok(ok(json::order(&order))),
        (Asked::Order, ClientResponse::NoOrder) => Err(no_order()),
        (Asked::Leader, ClientResponse::Leader(configuration)) => match configuration.leader {
            Some(leader) => Ok(ok(json::leader(leader, &configuration))),
            None => Err(unavailable("no_leader", "nobody leads the orders just now")),
        },
        (Asked::Ready, ClientResponse::Ready) => Ok(ok(r#"{"data":{"ready":true}}"#.to_owned())),
        (Asked::Invalidate(name), ClientResponse::Invalidated { existed }) => {
            Ok(ok(json::removed(name, existed)))
        }
        (asked, response) => Err(mismatch(asked, &response)),
    }
}

/// What to say when the gateway did not answer in time.
pub(super) fn late(asked: &Asked) -> Fault {
    match asked {
        Asked::Trade => unknown(),
        _ => unavailable("timeout", "no answer in time"),
    }
}

/// 404 of a lookup.
pub(super) fn no_listing(kind: Kind) -> Fault {
    let message = match kind {
        Kind::Stock => "stock not found",
        Kind::Toy => "product not found",
    };
    Fault::new(StatusCode::NOT_FOUND, "not_found", message)
}

/// 404 of an order.
pub(super) fn no_order() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "not_found", "order not found")
}

/// 429: nothing was done.
pub(super) fn busy() -> Fault {
    Fault::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too much to do, try again later")
}

/// 503: nothing was done.
pub(super) fn unavailable(reason: &'static str, message: &'static str) -> Fault {
    Fault::new(StatusCode::SERVICE_UNAVAILABLE, reason, message)
}

/// 504: it may have been done.
fn unknown() -> Fault {
    let message = "not decided in time; the trade may still happen: \
                   repeat it with the same Idempotency-Key to find out";
    Fault::new(StatusCode::GATEWAY_TIMEOUT, "outcome_unknown", message)
}

/// Why a quantity is refused.
pub(super) fn quantity_out_of_range() -> Fault {
    let message = format!("the quantity must be 1 to {MAX_QUANTITY} and fit the listing");
    Fault::bad("quantity_out_of_range", message)
}

fn refused(refusal: TradeRefusal) -> Fault {
    match refusal {
        TradeRefusal::UnknownListing => {
            Fault::new(StatusCode::NOT_FOUND, "unknown_listing", "listing not found")
        }
        TradeRefusal::InsufficientQuantity { .. } => {
            Fault::bad("insufficient_quantity", "insufficient quantity")
        }
        TradeRefusal::QuantityOutOfRange => quantity_out_of_range(),
        TradeRefusal::KeyReused => {
            Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", refusal.to_string())
        }
        TradeRefusal::KeyExpired => Fault::bad("key_expired", refusal.to_string()),
        TradeRefusal::Overloaded => {
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", refusal.to_string())
        }
    }
}

/// The gateway answered another question: a bug, told apart from everything a client can cause.
fn mismatch(asked: &Asked, response: &ClientResponse) -> Fault {
    tracing::error!(?asked, ?response, "the gateway answered another question");
    Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
}
