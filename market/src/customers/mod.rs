//! The customers: accounts of sellers and buyers, sessions, carts, purchases, feedback, and the commands that change them.
//!
//! # What is promised
//! - The same commands give the same customers, on every replica: times, tokens and hashes come in the commands. Tokens and
//!   passwords themselves never do: the law sees hashes of both.
//! - A wish is done at most once under its key (`keys.rs`); a purchase is recorded once under its name, for ever.
//! - Whoever asks is known by a session, and reaches what belongs to that session's account, nothing else. A session whose time
//!   is over counts nothing, whether it was removed already or not.
//! - Counters, thumbs and history follow from recorded purchases and votes.
//! - A command costs a bounded amount of work: what is over is removed in batches (`apply.rs`).
//!
//! # A walk through one purchase
//! 1. The buyer's server reads the cart and today's prices, and says [`Action::CheckOut`]: lines and prices are written down under
//!    the purchase's name. Tried again under that name, they are the same, so the bank is asked for the same amount.
//! 2. The card is authorised, the catalog decides. If it came to nothing: [`Action::GiveUp`].
//! 3. [`Command::Record`], by the server at once and by whoever follows the orders later: the first one counts. It takes what was
//!    bought, and no more, out of the carts (the session's and the saved one), and moves the counters.
//!
//! # In memory
//! Everything, for now. What grows without end are purchases and votes; both could stay in the store but for their names.

mod account;
mod apply;
mod cart;
mod codec;
mod command;
mod feedback;
mod keys;
mod load;
mod purchase;
mod reads;
mod recording;
mod row;
mod session;
mod wishes;

#[cfg(test)]
mod tests;

use crate::limits::{MAX_ACCOUNTS, MAX_CUSTOMER_KEYS, MAX_PURCHASES, MAX_SESSIONS};
use crate::order::OrderNumber;
use crate::trade::WallTime;

pub use account::{Account, AccountId, Owner, PasswordHash, PasswordHashError, Side};
pub use cart::{Cart, Checkout};
pub use codec::{decode_command, encode_command};
pub use command::{Action, Command, Outcome, Refusal};
pub use feedback::{Thumbs, Vote};
pub use purchase::{Purchase, PurchaseId, PurchaseLine, total};
pub use session::{Session, SessionId};

use account::Accounts;
use cart::Carts;
use feedback::Feedback;
use keys::Keys;
use purchase::Purchases;
use session::Sessions;

/// How much the customers may hold. The same on all replicas of a group, or they part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most accounts.
    pub accounts: usize,
    /// Most sessions.
    pub sessions: usize,
    /// Most purchases.
    pub purchases: usize,
    /// Most idempotency keys.
    pub keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            accounts: MAX_ACCOUNTS,
            sessions: MAX_SESSIONS,
            purchases: MAX_PURCHASES,
            keys: MAX_CUSTOMER_KEYS,
        }
    }
}

/// The customers' state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customers {
    accounts: Accounts,
    sessions: Sessions,
    carts: Carts,
    purchases: Purchases,
    feedback: Feedback,
    keys: Keys,
    time: WallTime,
    told_below: OrderNumber,
    limits: Limits,
}

impl Customers {
    /// Nobody.
    pub fn new() -> Self {
        Customers::default()
    }

    /// The same under other limits (smaller ones, where a test or a simulation wants to reach them).
    #[must_use]
    pub fn limited(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
