//! What gateways and the members of the customers' group say to each other. Any member may be asked.
//!
//! Wishes are done at most once under their key, whichever member is asked, and however often. On the wire each of these is one
//! string of bytes, written as the law's own commands are.

use market::customers::{
    AccountId, Action, Cart, Outcome, Owner, PasswordHash, Purchase, PurchaseId, PurchaseLine,
    SessionId, Side, Thumbs,
};
use market::item::ItemId;
use market::name::Name;
use market::order::OrderNumber;
use market::trade::{Key, WallTime};
use replication::contract::ReplicaId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a gateway wants of the customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerRequest {
    /// Do this, once.
    Do {
        /// Same key, same outcome, done once.
        key: Key,
        /// When the key was made; stays the same when the wish is tried again.
        born: WallTime,
        /// The wish.
        action: Action,
    },
    /// A purchase became orders, or was reversed: recorded once under its own name.
    Record {
        /// The purchase.
        purchase: Purchase,
        /// Whoever tells purchases in the sequence of their orders has told all below this number.
        told_below: Option<OrderNumber>,
    },
    /// Say what there is.
    Read {
        /// What is asked.
        question: CustomerQuestion,
        /// The answer reflects everything acknowledged before it was asked. Otherwise it is what the member that was asked has by
        /// now: older than that by as much as the member is behind the others, which is milliseconds while it takes part.
        fresh: bool,
    },
}

/// A question about the customers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerQuestion {
    /// What it takes to check a password.
    Credentials {
        /// Seller or buyer.
        side: Side,
        /// The login name.
        login: Name,
    },
    /// Whose session is this? Counts as a use of it, as every question with a session.
    Session {
        /// Hash of its token.
        session: SessionId,
    },
    /// What is in the cart of this session?
    Cart {
        /// Hash of its token.
        session: SessionId,
    },
    /// What did the buyer of this session buy? Newest first.
    Purchases {
        /// Hash of its token.
        session: SessionId,
        /// Below this number, to go on after a page.
        below: Option<u64>,
        /// Most of them; at most [`crate::limits::CUSTOMER_PAGE`].
        max: u32,
    },
    /// What became of this purchase? Asked by servers, on behalf of its buyer only.
    Purchase {
        /// Its name.
        id: PurchaseId,
    },
    /// Name, counter and thumbs of an account.
    Account {
        /// Which.
        owner: Owner,
    },
    /// Thumbs of items.
    Thumbs {
        /// Which; at most [`crate::limits::CUSTOMER_ITEMS`] are answered.
        items: Vec<ItemId>,
    },
    /// How far purchases were told in the sequence of their orders.
    ToldBelow,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerReply {
    /// To a wish, or a purchase told: what came of it. Durable.
    Done(Outcome),
    /// To a question.
    Read(CustomerAnswer),
    /// Too much is under way at this member. Nothing was done: shed, or try later.
    Busy,
    /// Nothing was done here: this member does not take part now. Ask another one, the one named here first.
    NotHere {
        /// Who leads, where somebody does.
        ask: Option<ReplicaId>,
    },
    /// It may be done or not: ask another member, under the same key.
    Unknown,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CustomerAnswer {
    /// Of an account with that login name, if there is one.
    Credentials(Option<Credentials>),
    /// Whose session it is; none if it is over or never was.
    Session(Option<SessionSeen>),
    /// The cart; none if there is no such session, or it is no buyer's.
    Cart(Option<Cart>),
    /// Purchases with their numbers; none if there is no such session, or it is no buyer's.
    Purchases(Option<Vec<(u64, Purchase)>>),
    /// The purchase, if it was recorded.
    Purchase(Option<Purchase>),
    /// The account, if there is one.
    Account(Option<AccountSeen>),
    /// In the sequence of the items asked for.
    Thumbs(Vec<Thumbs>),
    /// All purchases of orders below this number were told.
    ToldBelow(OrderNumber),
}

/// What it takes to check a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Whose.
    pub owner: Owner,
    /// Hash of the password.
    pub password: PasswordHash,
    /// Too many sign-ins failed: refuse, whatever the password.
    pub locked: bool,
}

/// A session that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSeen {
    /// Whose.
    pub owner: Owner,
    /// The name that others see.
    pub name: Name,
}

/// What others may know of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSeen {
    /// Its number.
    pub id: AccountId,
    /// The name that others see.
    pub name: Name,
    /// Units sold, or purchased.
    pub items: u64,
    /// A seller's feedback.
    pub thumbs: Thumbs,
}

/// Bytes that are no request to the customers, and no reply of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no request to the customers, and no reply of theirs")]
pub struct UnreadableCustomers;

/// Any of them without its variable parts: at most eight numbers, and a session's name.
const PLAIN: usize = 128;
/// A line of a purchase without its name, and the rest of a purchase.
const LINE: usize = 48;
const PURCHASE: usize = 64;
/// A line of a cart.
const CART_LINE: usize = 24;
/// An item, or its thumbs.
const ITEM: usize = 20;

impl CustomerRequest {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`CustomerRequest::encode`] wrote. Total: any bytes give a request or an error, and no more memory is asked for
    /// than the bytes account for.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableCustomers> {
        decode(bytes)
    }

    /// An upper bound of its length, in bytes.
    pub fn cost(&self) -> usize {
        PLAIN
            + match self {
                CustomerRequest::Do { action, .. } => action_cost(action),
                CustomerRequest::Record { purchase, .. } => purchase_cost(purchase),
                CustomerRequest::Read { question, .. } => match question {
                    CustomerQuestion::Credentials { login, .. } => login.as_str().len(),
                    CustomerQuestion::Thumbs { items } => items.len() * ITEM,
                    _ => 0,
                },
            }
    }
}

impl CustomerReply {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what [`CustomerReply::encode`] wrote, in the same manner as a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableCustomers> {
        decode(bytes)
    }

    /// An upper bound of its length, in bytes.
    pub fn cost(&self) -> usize {
        let CustomerReply::Read(answer) = self else { return PLAIN };
        PLAIN
            + match answer {
                CustomerAnswer::Credentials(Some(it)) => it.password.as_str().len(),
                CustomerAnswer::Session(Some(it)) => it.name.as_str().len(),
                CustomerAnswer::Account(Some(it)) => it.name.as_str().len(),
                CustomerAnswer::Cart(Some(cart)) => cart_cost(cart),
                CustomerAnswer::Purchases(Some(page)) => {
                    page.iter().map(|(_, purchase)| purchase_cost(purchase)).sum()
                }
                CustomerAnswer::Purchase(Some(purchase)) => purchase_cost(purchase),
                CustomerAnswer::Thumbs(thumbs) => thumbs.len() * ITEM,
                _ => 0,
            }
    }
}

fn action_cost(action: &Action) -> usize {
    match action {
        Action::Open { login, name, password, .. } => {
            login.as_str().len() + name.as_str().len() + password.as_str().len()
        }
        Action::SignInFailed { login, .. } => login.as_str().len(),
        Action::CheckOut { lines, .. } => lines_cost(lines),
        _ => 0,
    }
}

fn cart_cost(cart: &Cart) -> usize {
    let checkout = cart.checkout.as_ref().map_or(0, |it| PURCHASE + lines_cost(&it.lines));
    cart.lines.len() * CART_LINE + checkout
}

fn purchase_cost(purchase: &Purchase) -> usize {
    PURCHASE + lines_cost(&purchase.lines)
}

fn lines_cost(lines: &[PurchaseLine]) -> usize {
    lines.iter().map(|line| LINE + line.name.as_str().len()).sum()
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("it holds nothing that postcard cannot write")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, UnreadableCustomers> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(UnreadableCustomers),
    }
}
