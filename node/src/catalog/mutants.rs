//! Deliberate bugs of the catalog, to prove that the checkers can find them. Only with the feature `mutants`.

#[cfg(feature = "mutants")]
pub use named::Mutant;

#[cfg(feature = "mutants")]
mod named {
    /// A deliberate bug.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// The register lets any enrolled replica lead, whatever its log misses.
        ElectAnyLive,
        /// Writes become visible without waiting for the gateways' confirmations.
        VisibleBeforeConfirmed,
        /// A batch in which nothing was done is answered before the gate opens: "out of stock" leaks a write.
        RefusalBeforeGate,
        /// An answer to a fill may be cached though a write to the listing is on its way.
        CacheableWhilePending,
        /// A catalog that begins to lead does not wait for the leases that its earlier life, or another leader, granted.
        ForgetOldLeases,
    }
}

/// Which bug is on: none, and none possible, without the feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mutants {
    #[cfg(feature = "mutants")]
    pub(super) chosen: Option<Mutant>,
}

/// One question per bug; without the feature the answer is a constant "no" that costs nothing.
macro_rules! questions {
    ($($question:ident: $mutant:ident;)*) => {
        impl Mutants {
            $(
                #[cfg(feature = "mutants")]
                pub(super) fn $question(self) -> bool {
                    self.chosen == Some(Mutant::$mutant)
                }

                #[cfg(not(feature = "mutants"))]
                pub(super) const fn $question(self) -> bool {
                    false
                }
            )*
        }
    };
}

questions! {
    elect_any_live: ElectAnyLive;
    visible_before_confirmed: VisibleBeforeConfirmed;
    refusal_before_gate: RefusalBeforeGate;
    cacheable_while_pending: CacheableWhilePending;
    forget_old_leases: ForgetOldLeases;
}
