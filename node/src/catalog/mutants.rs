//! Deliberate bugs of the catalog, to prove that the checkers can find them. Only with the feature `mutants`.

#[cfg(feature = "mutants")]
pub use named::Mutant;

#[cfg(feature = "mutants")]
mod named {
    /// A deliberate bug.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// Answers leave without waiting until the gateways have confirmed their invalidations.
        GateIgnoresInvalidations,
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
    pub(super) fn gate_ignores_invalidations(self) -> bool {
        self.chosen == Some(Mutant::GateIgnoresInvalidations)
    }
}

#[cfg(not(feature = "mutants"))]
impl Mutants {
    pub(super) const fn gate_ignores_invalidations(self) -> bool {
        false
    }
}
