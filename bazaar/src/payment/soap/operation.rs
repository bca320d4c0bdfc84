//! What the service can do.

use super::PAYMENTS;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The whole charge in one call.
    ProcessTransaction,
    /// To have an amount held.
    Authorize,
    /// To have the money moved that is held.
    Capture,
    /// To give up.
    Void,
    /// To know what stands under a key.
    Lookup,
    /// Authorisations that were asked for a while ago and are still open.
    ListOpen,
}

impl Operation {
    /// All of them.
    pub(crate) const ALL: [Operation; 6] = [
        Operation::ProcessTransaction,
        Operation::Authorize,
        Operation::Capture,
        Operation::Void,
        Operation::Lookup,
        Operation::ListOpen,
    ];

    /// The element that asks for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::ProcessTransaction => "ProcessTransaction",
            Operation::Authorize => "Authorize",
            Operation::Capture => "Capture",
            Operation::Void => "Void",
            Operation::Lookup => "Lookup",
            Operation::ListOpen => "ListOpen",
        }
    }

    /// The operation of a name.
    pub(crate) fn of_name(name: &str) -> Option<Operation> {
        Operation::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The element that answers.
    pub(crate) fn answer_name(self) -> String {
        format!("{}Response", self.name())
    }

    /// What the header `SOAPAction` says.
    pub(crate) fn action(self) -> String {
        format!("{PAYMENTS}:{}", self.name())
    }

    /// As metrics name it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Operation::ProcessTransaction => "process_transaction",
            Operation::Authorize => "authorize",
            Operation::Capture => "capture",
            Operation::Void => "void",
            Operation::Lookup => "lookup",
            Operation::ListOpen => "list_open",
        }
    }
}
