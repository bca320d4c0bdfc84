//! Deliberate bugs of the gateway, to prove that the checkers can find them. Only with the feature `mutants`.

#[cfg(feature = "mutants")]
pub use named::Mutant;

#[cfg(feature = "mutants")]
mod named {
    /// A deliberate bug.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// Puts the answer of a fill into the cache though an invalidation voided its token.
        FillWithoutToken,
        /// Serves hits though the lease is over.
        ServeAfterLease,
        /// Proposes the highest replica that answers, in sync or not.
        ElectHighestLive,
        /// Gives any answer to a client that joined its question late.
        ServeLateJoiners,
        /// Counts the lease from the arrival of the grant instead of the sending of the renewal.
        LeaseFromGrant,
    }
}

/// Which bugs are on: none, and none possible, without the feature.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mutants {
    #[cfg(feature = "mutants")]
    pub(super) chosen: Option<Mutant>,
}

#[cfg(feature = "mutants")]
impl Mutants {
    pub(super) fn fill_without_token(self) -> bool {
        self.chosen == Some(Mutant::FillWithoutToken)
    }

    pub(super) fn serve_after_lease(self) -> bool {
        self.chosen == Some(Mutant::ServeAfterLease)
    }

    pub(super) fn elect_highest_live(self) -> bool {
        self.chosen == Some(Mutant::ElectHighestLive)
    }

    pub(super) fn serve_late_joiners(self) -> bool {
        self.chosen == Some(Mutant::ServeLateJoiners)
    }

    pub(super) fn lease_from_grant(self) -> bool {
        self.chosen == Some(Mutant::LeaseFromGrant)
    }
}

#[cfg(not(feature = "mutants"))]
impl Mutants {
    pub(super) const fn fill_without_token(self) -> bool {
        false
    }

    pub(super) const fn serve_after_lease(self) -> bool {
        false
    }

    pub(super) const fn elect_highest_live(self) -> bool {
        false
    }

    pub(super) const fn serve_late_joiners(self) -> bool {
        false
    }

    pub(super) const fn lease_from_grant(self) -> bool {
        false
    }
}
