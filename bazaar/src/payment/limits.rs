//! Limits of the payment service and its client, each with its unit and reason.

use std::time::Duration;

/// Largest XML document that is read, in bytes (64 KiB): the largest that is written here has 42 KiB, a page of open authorisations.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 64 << 10;

/// Deepest nesting of elements: an envelope with a fault's detail has 6; headers of middlemen some more.
pub(crate) const MAX_DEPTH: usize = 16;

/// Most elements and comments of a document: a full page of open authorisations has 204.
pub(crate) const MAX_ELEMENTS: usize = 1_000;

/// Most attributes of one element, namespaces included: stock clients write up to eight on an envelope.
pub(crate) const MAX_ATTRIBUTES: usize = 32;

/// Most namespace declarations in force at one place; each costs a comparison per name below it.
pub(crate) const MAX_BINDINGS: usize = 64;

/// Longest value of one field, in bytes: a key of 128, or a name of 64 characters.
pub(crate) const MAX_VALUE_BYTES: usize = 512;

/// Authorisations on one page: with the longest keys, every character of them written as an entity, they take 42 KiB.
pub(crate) const OPEN_PAGE: usize = 50;

/// Wishes that wait for the disk; more are shed. At 256 a commit they wait for four commits at the most.
pub(crate) const MAX_WAITING: usize = 1_024;

/// Wishes decided in one commit: one sync is shared by all, and answers wait for the last of them.
pub(crate) const MAX_BATCH: usize = 256;

/// Pages of the journal's file kept in memory, in bytes (16 MiB).
pub(crate) const JOURNAL_CACHE_BYTES: usize = 16 << 20;

/// Files up to this size (1 GiB) are checked as a whole when they are opened, which takes about a second.
pub(crate) const CHECKED_BYTES: u64 = 1 << 30;

/// How long a request may take until it is answered "unknown": a slow disk's worst moments, and no more.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Longest delay that may be asked for by configuration, in seconds: below what the answer may take.
pub(crate) const MAX_DELAY_SECONDS: u64 = 9;

/// How long requests under way may hold up the end of the service: a commit takes milliseconds.
pub(crate) const DRAIN: Duration = Duration::from_millis(2_500);

/// Seconds after which a client that was turned away may come again.
pub(crate) const RETRY_AFTER: u32 = 1;

/// How long a client waits for one answer before it asks again under the same key: many times what a commit takes.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(1_500);

/// How long a client tries until it says "unknown": below the deadline that a gateway's client is promised (5 s).
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// First pause between two tries; each is twice the one before.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Longest pause between two tries: the service is back from a crash in less than a second.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(400);
