//! What the tests of several processes share.

pub(crate) mod scripted;
