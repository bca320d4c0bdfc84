//! Reading the server's answers.

use std::borrow::Cow;

use hyper::StatusCode;
use serde::Deserialize;

/// A listing as told.
#[derive(Debug, Deserialize)]
pub(super) struct ListingAnswer<'a> {
    /// Its name.
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// Units left.
    pub(super) quantity: u64,
}

/// A trade as told.
#[derive(Debug, Deserialize)]
pub(super) struct TradeAnswer {
    /// Its order.
    pub(super) order_number: u64,
}

/// An order as told.
#[derive(Debug, Deserialize)]
pub(super) struct OrderAnswer<'a> {
    /// Its number.
    pub(super) number: u64,
    /// The listing.
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    /// `buy` or `sell`.
    #[serde(borrow, rename = "type")]
    pub(super) side: Cow<'a, str>,
    /// How many.
    pub(super) quantity: u64,
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: Reason<'a>,
}

#[derive(Deserialize)]
struct Reason<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

/// The payload of a success; anything else, as words for a person.
pub(super) fn payload<'a, T: Deserialize<'a>>(
    status: StatusCode,
    body: &'a [u8],
) -> Result<T, String> {
    if status != StatusCode::OK {
        return Err(format!("status {}: {}", status.as_u16(), shown(body)));
    }
    serde_json::from_slice(body)
        .map(|Success { data }| data)
        .map_err(|error| format!("not the answer promised ({error}): {}", shown(body)))
}

/// Worth repeating: nothing was done, or the same key finds out.
pub(super) fn is_pause(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502..=504)
}

/// The refusal that is no error: the shelf is empty.
pub(super) fn is_insufficient(status: StatusCode, body: &[u8]) -> bool {
    let said = || serde_json::from_slice::<Failure<'_>>(body).ok();
    status == StatusCode::BAD_REQUEST
        && said().is_some_and(|Failure { error }| {
            error.reason == "insufficient_quantity" || error.message.contains("insufficient")
        })
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(200).collect()
}
