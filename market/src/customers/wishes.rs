//! What customers wish, done or refused. On a refusal nothing has changed.

use super::account::{Account, Owner, Side};
use super::cart::{Cart, Checkout};
use super::command::{Action, Outcome, Refusal};
use super::feedback::Vote;
use super::purchase::{PurchaseId, PurchaseLine, total};
use super::session::{Session, SessionId};
use super::{AccountId, Customers};
use crate::item::ItemId;
use crate::limits::{MAX_IDLE_MS, MAX_SESSIONS_PER_ACCOUNT, MIN_IDLE_MS};
use crate::rows::RowChange;

type Wished = Result<Outcome, Refusal>;

impl Customers {
    pub(super) fn act(&mut self, action: &Action, changes: &mut Vec<RowChange>) -> Wished {
        match action {
            Action::Open { side, login, name, password } => {
                let account = Account::new(login.clone(), name.clone(), password.clone());
                self.open(*side, account, changes)
            }
            Action::SignIn { owner, session, idle_ms } => {
                self.sign_in(*owner, *session, *idle_ms, changes)
            }
            Action::SignInFailed { side, login } => {
                let owner = self.accounts.by_login(*side, login).map(|(owner, _)| owner);
                let failed = |account: &mut Account| {
                    account.failed(self.time);
                    true
                };
                owner.into_iter().for_each(|it| self.accounts.change(it, changes, failed));
                Ok(Outcome::Done)
            }
            Action::SignOut { session } => {
                self.end_session(*session, changes);
                Ok(Outcome::Done)
            }
            Action::SignOutEverywhere { session } => self.sign_out_everywhere(*session, changes),
            Action::Vote { session, item, vote } => self.vote(*session, *item, *vote, changes),
            _ => self.act_on_cart(action, changes),
        }
    }

    fn act_on_cart(&mut self, action: &Action, changes: &mut Vec<RowChange>) -> Wished {
        match action {
            Action::AddToCart { session, item, quantity, available } => {
                self.shopper(*session)?;
                let mut added = Ok(());
                self.carts.change(*session, changes, |cart| {
                    added = cart.add(*item, *quantity, *available);
                    added.is_ok()
                });
                added?;
                self.used(*session, changes)
            }
            Action::TakeFromCart { session, item, quantity } => {
                self.shopper(*session)?;
                let quantity = quantity.unwrap_or(u64::MAX);
                self.carts.change(*session, changes, |cart| cart.take(*item, quantity));
                self.used(*session, changes)
            }
            Action::ClearCart { session } => {
                self.shopper(*session)?;
                self.carts
                    .change(*session, changes, |cart| !std::mem::take(&mut cart.lines).is_empty());
                self.used(*session, changes)
            }
            Action::SaveCart { session } => self.save_cart(*session, changes),
            Action::CheckOut { session, purchase, lines } => {
                self.check_out(*session, *purchase, lines, changes)
            }
            Action::GiveUp { session, purchase } => {
                self.shopper(*session)?;
                self.carts.change(*session, changes, |cart| {
                    cart.checkout.take_if(|it| it.purchase == *purchase).is_some()
                });
                self.used(*session, changes)
            }
            _ => unreachable!("accounts and sessions are seen to before carts"),
        }
    }

    fn used(&mut self, session: SessionId, changes: &mut Vec<RowChange>) -> Wished {
        self.touch(session, changes);
        Ok(Outcome::Done)
    }

    /// Whose session it is, if it stands.
    fn owner(&self, session: SessionId) -> Result<Owner, Refusal> {
        let session = self.session(session, self.time).ok_or(Refusal::NoSession)?;
        Ok(session.owner)
    }

    /// Which buyer's session it is.
    fn shopper(&self, session: SessionId) -> Result<AccountId, Refusal> {
        let owner = self.owner(session)?;
        if owner.side == Side::Buyer { Ok(owner.id) } else { Err(Refusal::NotABuyer) }
    }

    fn open(&mut self, side: Side, account: Account, changes: &mut Vec<RowChange>) -> Wished {
        let taken = self.accounts.by_login(side, &account.login).is_some();
        if !taken && self.accounts.len() >= self.limits.accounts {
            return Err(Refusal::Overloaded);
        }
        self.accounts.open(side, account, changes).map(Outcome::Opened)
    }

    fn sign_in(
        &mut self,
        owner: Owner,
        id: SessionId,
        idle_ms: u64,
        changes: &mut Vec<RowChange>,
    ) -> Wished {
        let account = self.accounts.get(owner).ok_or(Refusal::NoAccount)?;
        if account.is_locked(self.time) {
            return Err(Refusal::Locked);
        }
        if !(MIN_IDLE_MS..=MAX_IDLE_MS).contains(&idle_ms) {
            return Err(Refusal::OutOfRange);
        }
        if let Some(session) = self.sessions.get(id) {
            let mine = session.owner == owner && session.stands(self.time);
            return if mine { Ok(Outcome::SignedIn(owner.id)) } else { Err(Refusal::TokenTaken) };
        }
        self.make_room(owner, changes)?;
        self.accounts.change(owner, changes, Account::succeeded);
        let session = Session { owner, begun: self.time, used: self.time, idle_ms };
        self.sessions.put(id, session, changes);
        let saved = Some(owner.id).filter(|_| owner.side == Side::Buyer);
        if let Some(saved) = saved.and_then(|buyer| self.carts.saved(buyer)).cloned() {
            self.carts.change(id, changes, |cart| {
                *cart = saved;
                true
            });
        }
        Ok(Outcome::SignedIn(owner.id))
    }

    /// Room for one more session of an account: the one unused for longest goes if there are too many.
    fn make_room(&mut self, owner: Owner, changes: &mut Vec<RowChange>) -> Result<(), Refusal> {
        if self.sessions.of(owner).count() < MAX_SESSIONS_PER_ACCOUNT {
            let full = self.sessions.len() >= self.limits.sessions;
            return if full { Err(Refusal::Overloaded) } else { Ok(()) };
        }
        let oldest = self.sessions.of(owner).min_by_key(|(id, session)| (session.used, *id));
        if let Some((oldest, _)) = oldest {
            self.end_session(oldest, changes);
        }
        Ok(())
    }

    fn sign_out_everywhere(&mut self, session: SessionId, changes: &mut Vec<RowChange>) -> Wished {
        let owner = self.owner(session)?;
        let all: Vec<SessionId> = self.sessions.of(owner).map(|(id, _)| id).collect();
        all.into_iter().for_each(|id| self.end_session(id, changes));
        Ok(Outcome::Done)
    }

    fn save_cart(&mut self, session: SessionId, changes: &mut Vec<RowChange>) -> Wished {
        let buyer = self.shopper(session)?;
        let lines = self.carts.get(session).map(|cart| cart.lines.clone()).unwrap_or_default();
        let saving = Cart { lines, checkout: None };
        self.carts.change_saved(buyer, changes, |saved| {
            let changed = *saved != saving;
            *saved = saving;
            changed
        });
        self.used(session, changes)
    }

    fn check_out(
        &mut self,
        session: SessionId,
        id: PurchaseId,
        lines: &[PurchaseLine],
        changes: &mut Vec<RowChange>,
    ) -> Wished {
        let buyer = self.shopper(session)?;
        if let Some(purchase) = self.purchases.get(id) {
            return match purchase {
                it if it.buyer != buyer => Err(Refusal::PurchaseTaken),
                it if it.reversed => Err(Refusal::CheckOutOver),
                it => Ok(Outcome::Bought(it.order)),
            };
        }
        let cart = self.carts.get(session).ok_or(Refusal::CartEmpty)?;
        match &cart.checkout {
            Some(open) if open.purchase == id => return Ok(Outcome::CheckedOut),
            Some(open) if open.stands(self.time) => return Err(Refusal::CheckOutUnderWay),
            _ if cart.lines.is_empty() => return Err(Refusal::CartEmpty),
            _ if !cart.holds(lines) || total(lines).is_none() => return Err(Refusal::CartChanged),
            _ => self.know_sellers(lines)?,
        }
        let checkout = Checkout { purchase: id, at: self.time, lines: lines.to_vec() };
        self.carts.change(session, changes, |cart| {
            cart.checkout = Some(checkout);
            true
        });
        self.touch(session, changes);
        Ok(Outcome::CheckedOut)
    }

    fn vote(
        &mut self,
        session: SessionId,
        item: ItemId,
        vote: Vote,
        changes: &mut Vec<RowChange>,
    ) -> Wished {
        let buyer = self.shopper(session)?;
        let seller = self.purchases.seller(buyer, item).ok_or(Refusal::NotBought)?;
        if self.feedback.vote(buyer, item).is_some() {
            return Err(Refusal::VotedBefore);
        }
        self.feedback.add(buyer, item, vote, changes);
        self.accounts.change(Owner { side: Side::Seller, id: seller }, changes, |account| {
            account.thumbs.count(vote);
            true
        });
        self.used(session, changes)
    }
}
