//! Why something that came in is no message.

use market::money::PriceError;
use market::name::NameError;

/// Why something that came in is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no protobuf, or of another schema.
    #[error("not protobuf of this schema: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The bytes are no message of the rotating sequencer.
    #[error(transparent)]
    Datagram(#[from] replication::rotating_sequencer::Unreadable),
    /// A part that every sender sets is absent, or an alternative is one that this version does not know.
    #[error("{0} is absent or unknown")]
    Missing(&'static str),
    /// The bytes are no request to the customers, and no reply of theirs.
    #[error(transparent)]
    Customers(#[from] node::message::UnreadableCustomers),
    /// More of something than a message may carry.
    #[error("{count} {what} in one message, the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many came.
        count: usize,
        /// How many may.
        limit: usize,
    },
    /// A text or a byte string is too long.
    #[error("{what} of {length} bytes, the limit is {limit}")]
    TooLong {
        /// What.
        what: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A number or an enum value that cannot be.
    #[error("{value} is no {what}")]
    OutOfRange {
        /// What it should be.
        what: &'static str,
        /// What came.
        value: i128,
    },
    /// No listing can have this name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No listing can have this price.
    #[error(transparent)]
    Price(#[from] PriceError),
}
