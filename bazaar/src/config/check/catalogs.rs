//! What can be wrong with the catalog's group.

use market::listing::NewListing;
use wire::limits::MAX_ENVELOPE_BYTES;

use super::Checker;
use crate::config::types::{Ack, CatalogProtocol};

/// Most catalog replicas: five survive two failures, and two more may be on their way in or out.
const MAX_CATALOG_REPLICAS: usize = 7;

/// What a listing takes beside its name when the first listings travel as one entry of the group's log, in bytes, at the most.
const LISTING_BYTES: usize = 40;

impl Checker<'_> {
    /// What only the group that elects its leader knows.
    pub(super) fn catalogs(&mut self) {
        let catalog = &self.config.catalog;
        let (all, voters) = (catalog.replicas.len(), catalog.first_voters().len());
        if all > MAX_CATALOG_REPLICAS {
            self.error(
                "catalog.replicas",
                format!("{all} catalog replicas, the limit is {MAX_CATALOG_REPLICAS}"),
                "three survive one failure, five survive two",
            );
        }
        if all > 1 && catalog.agrees_by() == CatalogProtocol::Solo {
            self.error(
                "catalog.protocol",
                format!("protocol solo, but {all} catalog replicas"),
                "leave it out, or write raft",
            );
        }
        if all > 0 && voters == 0 {
            self.error(
                "catalog.replicas",
                "every catalog replica joins later, so there is no group to join",
                "take `join` away from those with which the group begins",
            );
        } else if voters > 0 && voters.is_multiple_of(2) {
            self.warning(
                "catalog.replicas",
                format!("{voters} catalog replicas survive no more failures than {}", voters - 1),
                "choose 1, 3 or 5",
            );
        }
        for (index, replica) in self.config.orders.replicas.iter().enumerate() {
            if replica.join {
                self.error(
                    &format!("orders.replicas.{index}.join"),
                    "order replicas join by themselves",
                    "take `join` away",
                );
            }
        }
    }

    /// A trade that a single disk holds is answered at the operator's own risk.
    pub(super) fn ack(&mut self) {
        let voters = self.config.catalog.first_voters().len();
        if self.config.orders.ack == Some(Ack::Ledger) && voters < 3 {
            self.warning(
                "orders.ack",
                format!(
                    "ledger with {voters} catalogs: a trade is answered when one disk holds it"
                ),
                "use three catalogs, or in-sync",
            );
        }
    }

    /// The first listings are one entry of the group's log, which travels whole.
    pub(super) fn one_entry(&mut self, listings: &[NewListing]) {
        let bytes: usize =
            listings.iter().map(|listing| LISTING_BYTES + listing.name.as_str().len()).sum();
        if self.config.catalog.agrees_by() == CatalogProtocol::Raft && bytes > MAX_ENVELOPE_BYTES {
            let count = listings.len();
            self.error(
                "catalog",
                format!(
                    "{count} first listings are more than replicas can send each other at once"
                ),
                format!("begin with about {}", count * MAX_ENVELOPE_BYTES / bytes),
            );
        }
    }
}
