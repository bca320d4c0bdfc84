//! Gathers a request's body within its limits: size, speed, and what all bodies may take together.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use tokio::time::{Duration, Instant, timeout_at};

use super::admission::{Budget, Share};
use super::answer::{Fault, too_slow};
use super::limits::Limits;
use super::outcome::busy;

/// A body with its share of the memory for bodies.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The bytes.
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// Reads a body to its end, or says why not. Every failure leaves the rest unread.
pub(crate) async fn gather(
    mut body: Incoming,
    limits: &Limits,
    bodies: &Budget,
    started: Instant,
) -> Result<Gathered, Fault> {
    let announced = body.size_hint().lower();
    if announced > u64::try_from(limits.max_body).unwrap_or(u64::MAX) {
        return Err(too_large(limits));
    }
    let mut share = bodies.take(0).ok_or_else(|| busy().closing())?;
    let mut bytes = BytesMut::new();
    loop {
        let deadline = deadline(limits, started, bytes.len());
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| broken())?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > limits.max_body {
            return Err(too_large(limits));
        }
        if !share.grow(data.len()) {
            return Err(busy().closing());
        }
        bytes.extend_from_slice(data);
    }
    Ok(Gathered { bytes: bytes.freeze(), _share: share })
}

/// A body earns time with the bytes it brings, up to the limit of the whole request.
fn deadline(limits: &Limits, started: Instant, received: usize) -> Instant {
    let received = u64::try_from(received).unwrap_or(u64::MAX);
    let earned = Duration::from_millis(received.saturating_mul(1000) / limits.body_rate.max(1));
    started + limits.request_timeout.min(limits.body_grace + earned)
}

fn too_large(limits: &Limits) -> Fault {
    let message = format!("the body is larger than {} bytes", limits.max_body);
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).closing()
}

fn broken() -> Fault {
    Fault::bad("broken_body", "the body ended early or is wrongly chunked").closing()
}
