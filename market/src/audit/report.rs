//! The result of an audit, for people ([`std::fmt::Display`]) and for programs ([`serde::Serialize`]).

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{CatalogSide, Finding, OrdersSide, Severity};
use crate::order::OrderNumber;

/// What an audit saw and found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The catalog, if it was looked at.
    pub catalog: Option<CatalogLine>,
    /// The order replicas that were looked at.
    pub replicas: Vec<ReplicaLine>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// The catalog in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogLine {
    /// How many listings.
    pub listings: usize,
    /// The number that the next order gets.
    pub next: OrderNumber,
    /// First number in the outbox.
    pub outbox_first: OrderNumber,
    /// Chain hash over all orders, in hex.
    pub chain: String,
    /// Units bought, over all listings.
    pub bought: u128,
    /// Units sold, over all listings.
    pub sold: u128,
    /// Units added by restocks, over all listings.
    pub restocked: u128,
}

/// One order replica in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplicaLine {
    /// Which one.
    pub id: u8,
    /// How many orders it holds.
    pub count: u64,
    /// Chain hash over them, in hex.
    pub chain: String,
    /// Units bought, over all listings.
    pub bought: u128,
    /// Units sold, over all listings.
    pub sold: u128,
}

impl CatalogLine {
    pub(super) fn of(side: &CatalogSide) -> Self {
        let sum = |of: fn(&crate::listing::Listing) -> u64| {
            side.listings.iter().map(|listing| u128::from(of(listing))).sum()
        };
        CatalogLine {
            listings: side.listings.len(),
            next: side.next,
            outbox_first: side.outbox_first,
            chain: side.chain.to_string(),
            bought: sum(|listing| listing.bought),
            sold: sum(|listing| listing.sold),
            restocked: sum(|listing| listing.restocked),
        }
    }
}

impl ReplicaLine {
    pub(super) fn of(side: &OrdersSide) -> Self {
        ReplicaLine {
            id: side.id,
            count: side.count,
            chain: side.chains.get(&side.count).map(ToString::to_string).unwrap_or_default(),
            bought: side.totals.values().map(|totals| u128::from(totals.bought)).sum(),
            sold: side.totals.values().map(|totals| u128::from(totals.sold)).sum(),
        }
    }
}

impl Report {
    /// No promise is broken (a replica may still lag).
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity() != Severity::Violation)
    }

    /// Nothing was found at all: everything adds up, and every replica is level.
    pub fn is_settled(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.catalog {
            writeln!(
                f,
                "catalog   {:>10} orders  {}  {} bought, {} sold",
                line.next, line.chain, line.bought, line.sold
            )?;
            writeln!(
                f,
                "          {:>10} listings, {} restocked; outbox from {}",
                line.listings, line.restocked, line.outbox_first
            )?;
        }
        for line in &self.replicas {
            writeln!(
                f,
                "orders {:<3}{:>10} orders  {}  {} bought, {} sold",
                line.id, line.count, line.chain, line.bought, line.sold
            )?;
        }
        for finding in &self.findings {
            let mark = match finding.severity() {
                Severity::Violation => "WRONG",
                Severity::Lag => "lag  ",
            };
            writeln!(f, "{mark}  {finding}")?;
        }
        f.write_str(match (self.is_sound(), self.is_settled()) {
            (false, _) => "audit: FAILED",
            (true, false) => "audit: everything adds up; not everything is level yet",
            (true, true) => "audit: everything adds up, and all replicas are level",
        })
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 5)?;
        report.serialize_field("sound", &self.is_sound())?;
        report.serialize_field("settled", &self.is_settled())?;
        report.serialize_field("catalog", &self.catalog)?;
        report.serialize_field("replicas", &self.replicas)?;
        report.serialize_field(
            "findings",
            &self.findings.iter().map(Described).collect::<Vec<_>>(),
        )?;
        report.end()
    }
}

/// A finding with its severity and its sentence.
struct Described<'a>(&'a Finding);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            severity: Severity,
            message: String,
            detail: &'a Finding,
        }
        let line =
            Line { severity: self.0.severity(), message: self.0.to_string(), detail: self.0 };
        line.serialize(serializer)
    }
}
