//! What may be asked of the customers, and what comes of it.
//!
//! Everything that differs from replica to replica (times, hashes of tokens and passwords, keys) is in the command: whoever
//! asks computes it before the group agrees.

use serde::{Deserialize, Serialize};

use super::account::{AccountId, Owner, PasswordHash, Side};
use super::feedback::Vote;
use super::purchase::{Purchase, PurchaseId, PurchaseLine};
use super::session::SessionId;
use crate::item::ItemId;
use crate::name::Name;
use crate::order::OrderNumber;
use crate::trade::{Key, WallTime};

/// A change of the customers. Time enters only here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A customer's wish, done at most once under its key.
    Do {
        /// Same key, same outcome, done once.
        key: Key,
        /// When the key was made. Stays the same when the wish is tried again.
        born: WallTime,
        /// The proposer's clock.
        at: WallTime,
        /// The wish.
        action: Action,
    },
    /// A purchase became orders, or was reversed. Needs no key: the purchase's own name is remembered for ever.
    Record {
        /// The proposer's clock.
        at: WallTime,
        /// The purchase.
        purchase: Purchase,
        /// Whoever tells purchases in the sequence of their orders has told all below this number.
        told_below: Option<OrderNumber>,
    },
    /// These sessions were used just now. Doing it twice changes nothing.
    Touch {
        /// The proposer's clock.
        at: WallTime,
        /// Which; at most [`crate::limits::MAX_TOUCHED_PER_COMMAND`] count. Unknown ones are passed over.
        sessions: Vec<SessionId>,
    },
    /// Time passes: what is over is removed, a bounded amount of it (as with every other command, too).
    Pass {
        /// The proposer's clock.
        at: WallTime,
    },
}

/// A customer's wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A new account.
    Open {
        /// Seller or buyer.
        side: Side,
        /// Unique among its kind.
        login: Name,
        /// The name that others see.
        name: Name,
        /// Hash of the password.
        password: PasswordHash,
    },
    /// The password was right: begin a session.
    SignIn {
        /// Whose.
        owner: Owner,
        /// Hash of a new token.
        session: SessionId,
        /// Without a request for so long, in milliseconds, it ends.
        idle_ms: u64,
    },
    /// The password was wrong. Said of login names that nobody has, too, so that neither effort nor time tells them apart.
    SignInFailed {
        /// Seller or buyer.
        side: Side,
        /// The name that was tried.
        login: Name,
    },
    /// End a session; its cart goes with it. Done also if there is no such session.
    SignOut {
        /// Which.
        session: SessionId,
    },
    /// End all sessions of a session's account, this one included.
    SignOutEverywhere {
        /// One of them.
        session: SessionId,
    },
    /// Put something into the cart.
    AddToCart {
        /// Whose cart.
        session: SessionId,
        /// What.
        item: ItemId,
        /// How many more.
        quantity: u64,
        /// How many there are to be had, as whoever asks has read: the cart's total of the item may not pass it.
        available: u64,
    },
    /// Take something out of the cart; never less than nothing is left.
    TakeFromCart {
        /// Whose cart.
        session: SessionId,
        /// What.
        item: ItemId,
        /// How many; `None`: all.
        quantity: Option<u64>,
    },
    /// Overwrite the saved cart by this one.
    SaveCart {
        /// Whose cart.
        session: SessionId,
    },
    /// Empty the cart (not the saved one).
    ClearCart {
        /// Whose cart.
        session: SessionId,
    },
    /// Begin a purchase of the whole cart: its lines and prices are written down under the purchase's name, and stay the same
    /// however often it is tried again. The cart itself may change meanwhile: only what was bought is taken out of it.
    CheckOut {
        /// Whose cart.
        session: SessionId,
        /// Names the purchase.
        purchase: PurchaseId,
        /// The cart's lines as the buyer's server read them, in the sequence of their items, with today's prices.
        lines: Vec<PurchaseLine>,
    },
    /// A purchase came to nothing (declined, short of stock): the cart may be bought under another name.
    GiveUp {
        /// Whose cart.
        session: SessionId,
        /// Names the purchase.
        purchase: PurchaseId,
    },
    /// Thumb up or down for something bought.
    Vote {
        /// Whose.
        session: SessionId,
        /// For what.
        item: ItemId,
        /// Up or down.
        vote: Vote,
    },
}

/// What a command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The account was opened.
    Opened(AccountId),
    /// The session began.
    SignedIn(AccountId),
    /// Done; what there is to see is read afterwards.
    Done,
    /// The purchase is under way; its lines are read from [`super::Customers::checkout`].
    CheckedOut,
    /// The purchase was made already: its order.
    Bought(OrderNumber),
    /// Nothing changed.
    Refused(Refusal),
}

/// Why a command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Somebody of the same kind has that login name.
    #[error("this login name is taken")]
    NameTaken,
    /// No session has that token, or its time is over.
    #[error("no such session: sign in")]
    NoSession,
    /// The session is a seller's where a buyer's is needed.
    #[error("only buyers may do this")]
    NotABuyer,
    /// No such account.
    #[error("no such account")]
    NoAccount,
    /// Too many failed sign-ins of this account. Said to clients as a wrong password is: who has an account is nobody's business.
    #[error("too many failed sign-ins, try again later")]
    Locked,
    /// A session of another account has this token.
    #[error("this token is in use")]
    TokenTaken,
    /// Below 1 or over the limit, of units or of a session's idle time.
    #[error("a number is out of range")]
    OutOfRange,
    /// The cart would hold more of the item than there is.
    #[error("insufficient quantity: {available} available")]
    StockShort {
        /// How many there are.
        available: u64,
    },
    /// The cart holds as many items as it may.
    #[error("the cart is full")]
    CartFull,
    /// There is nothing in the cart.
    #[error("the cart is empty")]
    CartEmpty,
    /// The lines are not those of the cart (any more), or add up to too much.
    #[error("the cart has changed")]
    CartChanged,
    /// Another purchase of this cart is under way.
    #[error("another purchase of this cart is under way")]
    CheckOutUnderWay,
    /// The purchase is over: given up, reversed, or under way for too long.
    #[error("this purchase is over")]
    CheckOutOver,
    /// The purchase's name belongs to another one.
    #[error("this purchase has other contents")]
    PurchaseTaken,
    /// This buyer did not buy that item.
    #[error("only what was bought can be rated")]
    NotBought,
    /// This buyer has rated the item already.
    #[error("this item was rated before")]
    VotedBefore,
    /// The key was used before for something else.
    #[error("this idempotency key was used before with another request")]
    KeyReused,
    /// The key is too old, or from too far in the future, to be told from one that was used.
    #[error("this idempotency key is older than keys are remembered")]
    KeyExpired,
    /// Accounts, sessions, purchases or keys are at their limit. Nothing was remembered; try later.
    #[error("the customers are at their limit, try again later")]
    Overloaded,
}

impl Refusal {
    /// Whether it says something about the wish itself: then the same key gives it again.
    pub(super) fn is_final(self) -> bool {
        !matches!(self, Refusal::KeyReused | Refusal::KeyExpired | Refusal::Overloaded)
    }
}
