//! Deliberate bugs of an order replica whose group elects its leader, to prove that the checkers can find them. Only with the feature
//! `mutants`.

#[cfg(feature = "mutants")]
pub use named::Mutant;

#[cfg(feature = "mutants")]
mod named {
    /// A deliberate bug.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Mutant {
        /// A leader of the group takes trades at once, in whatever epoch the register names anybody for.
        TradeUnregistered,
        /// The outbox is cut below what was proposed, not below what is delivered.
        TrimBeforeCommit,
        /// An epoch is used without being an entry of the log first: the next life does not know that it was.
        ReignNotLogged,
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
    trade_unregistered: TradeUnregistered;
    trim_before_commit: TrimBeforeCommit;
    reign_not_logged: ReignNotLogged;
}
