//! A group of one.
