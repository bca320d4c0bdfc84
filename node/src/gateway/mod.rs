//! The gateway: where clients come in. Holds no authority and no data that is not a copy.

mod request;

pub use request::{CacheAction, CacheEvent, ClientRequest, ClientResponse};
