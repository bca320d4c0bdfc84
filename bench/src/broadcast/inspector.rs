//! Nobody inspects a member under measurement.

use bazaar::links::{Answer, InspectError, Inspector};
use market::order::OrderNumber;
use wire::inspect::{CatalogState, Status};

/// Answers nothing.
pub(crate) struct Nothing;

fn nothing<T: Send + 'static>() -> Answer<T> {
    Box::pin(async { Err(InspectError::NotKept("state to be inspected")) })
}

impl Inspector for Nothing {
    fn status(&self) -> Answer<Status> {
        nothing()
    }

    fn catalog(&self) -> Answer<CatalogState> {
        nothing()
    }

    fn orders(&self, _from: OrderNumber, _max: usize) -> Answer<wire::inspect::OrderPage> {
        nothing()
    }
}
