//! Accounts: sellers and buyers, each kind with its own login names and ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::command::Refusal;
use super::feedback::Thumbs;
use super::row;
use crate::limits::{FAILED_SIGN_INS_MS, MAX_FAILED_SIGN_INS, MAX_PASSWORD_HASH_BYTES};
use crate::name::Name;
use crate::rows::{LoadError, Row, RowChange, Table};
use crate::trade::WallTime;

/// An account's number, from 1, of its kind.
pub type AccountId = u64;

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Sells.
    Seller,
    /// Buys.
    Buyer,
}

/// Names one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Of which kind.
    pub side: Side,
    /// Which one of its kind.
    pub id: AccountId,
}

/// A password's hash with its salt and parameters, in the text form of the Password Hashing Competition (`$argon2id$…`): opaque
/// to the law. 2 to [`MAX_PASSWORD_HASH_BYTES`] bytes of visible ASCII, the first one `$`. Never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordHash(Arc<str>);

/// A text that is no password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password hash is $ and visible ASCII, at most {MAX_PASSWORD_HASH_BYTES} bytes")]
pub struct PasswordHashError;

impl PasswordHash {
    /// Takes a text as a hash.
    pub fn new(text: &str) -> Result<Self, PasswordHashError> {
        let long = (2..=MAX_PASSWORD_HASH_BYTES).contains(&text.len());
        if long && text.starts_with('$') && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(PasswordHash(Arc::from(text)))
        } else {
            Err(PasswordHashError)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = PasswordHashError;
    fn try_from(text: String) -> Result<Self, PasswordHashError> {
        PasswordHash::new(&text)
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> String {
        hash.0.as_ref().to_owned()
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Unique among its kind.
    pub login: Name,
    /// The name that others see.
    pub name: Name,
    /// Hash of the password.
    pub password: PasswordHash,
    /// Units sold, or purchased.
    pub items: u64,
    /// A seller's feedback.
    pub thumbs: Thumbs,
    failures: Failures,
}

/// Failed sign-ins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Failures {
    count: u32,
    /// When the first of them was.
    since: WallTime,
}

impl Account {
    pub(super) fn new(login: Name, name: Name, password: PasswordHash) -> Account {
        let (thumbs, failures) = (Thumbs::default(), Failures::default());
        Account { login, name, password, items: 0, thumbs, failures }
    }

    /// Whether it refuses sign-ins at this time.
    pub fn is_locked(&self, now: WallTime) -> bool {
        self.failures.count >= MAX_FAILED_SIGN_INS && self.counts_on(now)
    }

    fn counts_on(&self, now: WallTime) -> bool {
        now.0.saturating_sub(self.failures.since.0) < FAILED_SIGN_INS_MS
    }

    pub(super) fn failed(&mut self, now: WallTime) {
        if self.failures.count == 0 || !self.counts_on(now) {
            self.failures = Failures { count: 0, since: now };
        }
        // What is refused anyway need not be counted.
        self.failures.count = (self.failures.count + 1).min(MAX_FAILED_SIGN_INS);
    }

    /// Forgets failures; says whether there were any.
    pub(super) fn succeeded(&mut self) -> bool {
        std::mem::take(&mut self.failures) != Failures::default()
    }
}

/// All accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    known: BTreeMap<Owner, Account>,
    logins: BTreeMap<(Side, Name), AccountId>,
}

impl Accounts {
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn get(&self, owner: Owner) -> Option<&Account> {
        self.known.get(&owner)
    }

    pub(super) fn by_login(&self, side: Side, login: &Name) -> Option<(Owner, &Account)> {
        let id = *self.logins.get(&(side, login.clone()))?;
        let owner = Owner { side, id };
        Some((owner, &self.known[&owner]))
    }

    /// How many of a kind there are: ids have no gaps, and no account ever goes.
    fn count(&self, side: Side) -> u64 {
        let last = Owner { side, id: u64::MAX };
        self.known
            .range(..=last)
            .next_back()
            .filter(|(it, _)| it.side == side)
            .map_or(0, |it| it.0.id)
    }

    pub(super) fn open(
        &mut self,
        side: Side,
        account: Account,
        changes: &mut Vec<RowChange>,
    ) -> Result<AccountId, Refusal> {
        if self.logins.contains_key(&(side, account.login.clone())) {
            return Err(Refusal::NameTaken);
        }
        let id = self.count(side).checked_add(1).ok_or(Refusal::Overloaded)?;
        self.put(Owner { side, id }, account);
        self.write(Owner { side, id }, changes);
        Ok(id)
    }

    fn put(&mut self, owner: Owner, account: Account) {
        self.logins.insert((owner.side, account.login.clone()), owner.id);
        self.known.insert(owner, account);
    }

    /// Changes an account, if there is one, and writes it if the change says that there is something to write.
    pub(super) fn change(
        &mut self,
        owner: Owner,
        changes: &mut Vec<RowChange>,
        change: impl FnOnce(&mut Account) -> bool,
    ) {
        if self.known.get_mut(&owner).is_some_and(change) {
            self.write(owner, changes);
        }
    }

    fn write(&self, owner: Owner, changes: &mut Vec<RowChange>) {
        changes.extend(self.known.get(&owner).map(|it| RowChange::from(account_row(owner, it))));
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.known.iter().map(|(owner, account)| account_row(*owner, account))
    }

    pub(super) fn load(&mut self, row: Row) -> Result<(), LoadError> {
        let (owner, account) = match (owner_of(&row.key), row::read::<Account>(&row)) {
            (Some(owner), Some(account)) => (owner, account),
            _ => return Err(LoadError::row(row)),
        };
        if self.logins.contains_key(&(owner.side, account.login.clone())) {
            return Err(LoadError::contradiction(row.table, row.key));
        }
        self.put(owner, account);
        Ok(())
    }

    /// That ids have no gaps.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        for side in [Side::Seller, Side::Buyer] {
            let ids = self.known.keys().filter(|owner| owner.side == side).map(|owner| owner.id);
            if let Some((expected, found)) = (1..).zip(ids).find(|(expected, id)| expected != id) {
                return Err(LoadError::Gap { table: Table::Accounts, expected, found });
            }
        }
        Ok(())
    }
}

fn account_row(owner: Owner, account: &Account) -> Row {
    let mut key = vec![owner.side as u8];
    key.extend(owner.id.to_be_bytes());
    row::write(Table::Accounts, key, account)
}

fn owner_of(key: &[u8]) -> Option<Owner> {
    let (side, id) = key.split_first()?;
    let side = match side {
        0 => Side::Seller,
        1 => Side::Buyer,
        _ => return None,
    };
    Some(Owner { side, id: u64::from_be_bytes(id.try_into().ok()?) })
}
