//! The customers as plainly as they can be said: lists searched from end to end, nothing kept twice, nothing fast. What is over
//! is not removed in batches but simply does not count.

use super::*;
use crate::limits::*;

#[derive(Clone)]
pub(super) struct Known {
    pub(super) owner: Owner,
    pub(super) login: Name,
    pub(super) failures: Vec<u64>,
}

#[derive(Clone)]
pub(super) struct Visit {
    pub(super) id: SessionId,
    pub(super) session: Session,
    pub(super) cart: Cart,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) limits: Limits,
    pub(super) accounts: Vec<Known>,
    pub(super) visits: Vec<Visit>,
    pub(super) saved: Vec<(AccountId, Cart)>,
    pub(super) purchases: Vec<Purchase>,
    pub(super) votes: Vec<(AccountId, ItemId, AccountId, Vote)>,
    /// Key, from when its horizon counts, wish, outcome.
    pub(super) keys: Vec<(Key, u64, Action, Outcome)>,
    pub(super) told_below: u64,
    pub(super) time: u64,
}

impl Model {
    pub(super) fn apply(&mut self, command: &Command) -> Outcome {
        let (Command::Do { at, .. }
        | Command::Record { at, .. }
        | Command::Touch { at, .. }
        | Command::Pass { at }) = command;
        self.time = self.time.max(at.0);
        let now = self.time;
        self.keys.retain(|(_, from, ..)| from.saturating_add(CUSTOMER_KEY_HORIZON_MS) >= now);
        self.visits.retain(|visit| visit.session.end().0 >= now);
        match command {
            Command::Do { key, born, action, .. } => self.once(*key, born.0, action),
            Command::Record { purchase, told_below, .. } => match self.record(purchase) {
                Ok(()) => {
                    self.told_below = self.told_below.max(told_below.unwrap_or(0));
                    Outcome::Done
                }
                Err(refusal) => Outcome::Refused(refusal),
            },
            Command::Touch { sessions, .. } => {
                sessions.iter().take(MAX_TOUCHED_PER_COMMAND).for_each(|id| self.touch(*id));
                Outcome::Done
            }
            Command::Pass { .. } => Outcome::Done,
        }
    }

    fn once(&mut self, key: Key, born: u64, action: &Action) -> Outcome {
        if let Some((.., wish, outcome)) = self.keys.iter().find(|it| it.0 == key) {
            return if wish == action { *outcome } else { Outcome::Refused(Refusal::KeyReused) };
        }
        let old = self.time.saturating_sub(born) > CUSTOMER_KEY_HORIZON_MS;
        if old || born.saturating_sub(self.time) > CUSTOMER_KEY_AHEAD_MS {
            return Outcome::Refused(Refusal::KeyExpired);
        }
        if self.keys.len() >= self.limits.keys {
            return Outcome::Refused(Refusal::Overloaded);
        }
        let outcome = self.act(action).unwrap_or_else(Outcome::Refused);
        if outcome != Outcome::Refused(Refusal::Overloaded) {
            let from = self.time.max(born).max(self.keys.last().map_or(0, |it| it.1));
            self.keys.push((key, from, action.clone(), outcome));
        }
        outcome
    }

    fn touch(&mut self, id: SessionId) {
        let time = WallTime(self.time);
        let visit = self.visits.iter_mut().find(|visit| visit.id == id);
        visit.into_iter().for_each(|visit| visit.session.used = time);
    }

    fn visit(&mut self, id: SessionId) -> Result<&mut Visit, Refusal> {
        self.visits.iter_mut().find(|visit| visit.id == id).ok_or(Refusal::NoSession)
    }

    fn buyers(&mut self, id: SessionId) -> Result<&mut Visit, Refusal> {
        let visit = self.visit(id)?;
        if visit.session.owner.side == Side::Buyer { Ok(visit) } else { Err(Refusal::NotABuyer) }
    }

    fn act(&mut self, action: &Action) -> Result<Outcome, Refusal> {
        match action {
            Action::Open { side, login, .. } => return self.open(*side, login),
            Action::SignIn { owner, session, idle_ms } => {
                return self.sign_in(*owner, *session, *idle_ms);
            }
            Action::SignInFailed { side, login } => {
                let time = self.time;
                let is = |it: &&mut Known| it.owner.side == *side && it.login == *login;
                self.accounts.iter_mut().find(is).into_iter().for_each(|it| {
                    if it.failures.first().is_some_and(|since| time - since >= FAILED_SIGN_INS_MS) {
                        it.failures.clear();
                    }
                    it.failures.push(time);
                });
                return Ok(Outcome::Done);
            }
            Action::SignOut { session } => {
                self.visits.retain(|visit| visit.id != *session);
                return Ok(Outcome::Done);
            }
            Action::SignOutEverywhere { session } => {
                let owner = self.visit(*session)?.session.owner;
                self.visits.retain(|visit| visit.session.owner != owner);
                return Ok(Outcome::Done);
            }
            Action::CheckOut { session, purchase, lines } => {
                return self.check_out(*session, *purchase, lines);
            }
            Action::AddToCart { session, item, quantity, available } => {
                let cart = &mut self.buyers(*session)?.cart;
                if !(1..=MAX_QUANTITY).contains(quantity) {
                    return Err(Refusal::OutOfRange);
                }
                if !cart.lines.contains_key(item) && cart.lines.len() == MAX_CART_LINES {
                    return Err(Refusal::CartFull);
                }
                let total = cart.lines.get(item).unwrap_or(&0) + quantity;
                if total > *available {
                    return Err(Refusal::StockShort { available: *available });
                }
                if total > MAX_QUANTITY {
                    return Err(Refusal::OutOfRange);
                }
                cart.lines.insert(*item, total);
                self.touch(*session);
            }
            Action::TakeFromCart { session, item, quantity } => {
                remove(&mut self.buyers(*session)?.cart, *item, quantity.unwrap_or(u64::MAX));
                self.touch(*session);
            }
            Action::ClearCart { session } => {
                self.buyers(*session)?.cart.lines.clear();
                self.touch(*session);
            }
            Action::SaveCart { session } => {
                let visit = self.buyers(*session)?.clone();
                self.touch(*session);
                let buyer = visit.session.owner.id;
                self.saved.retain(|(id, _)| *id != buyer);
                self.saved.push((buyer, Cart { checkout: None, ..visit.cart }));
            }
            Action::GiveUp { session, purchase } => {
                let checkout = &mut self.buyers(*session)?.cart.checkout;
                if checkout.as_ref().is_some_and(|it| it.purchase == *purchase) {
                    *checkout = None;
                }
                self.touch(*session);
            }
            Action::Vote { session, item, vote } => {
                let buyer = self.buyers(*session)?.session.owner.id;
                let mine = |it: &&Purchase| it.buyer == buyer && !it.reversed;
                let mut lines = self.purchases.iter().filter(mine).flat_map(|it| &it.lines);
                let line = lines.rfind(|line| line.item == *item);
                let seller = line.ok_or(Refusal::NotBought)?.seller;
                if self.votes.iter().any(|(who, what, ..)| (who, what) == (&buyer, item)) {
                    return Err(Refusal::VotedBefore);
                }
                self.votes.push((buyer, *item, seller, *vote));
                self.touch(*session);
            }
        }
        Ok(Outcome::Done)
    }

    fn open(&mut self, side: Side, login: &Name) -> Result<Outcome, Refusal> {
        if self.accounts.iter().any(|it| it.owner.side == side && it.login == *login) {
            return Err(Refusal::NameTaken);
        }
        if self.accounts.len() >= self.limits.accounts {
            return Err(Refusal::Overloaded);
        }
        let id = 1 + self.accounts.iter().filter(|it| it.owner.side == side).count() as u64;
        let owner = Owner { side, id };
        self.accounts.push(Known { owner, login: login.clone(), failures: Vec::new() });
        Ok(Outcome::Opened(id))
    }

    fn sign_in(&mut self, owner: Owner, id: SessionId, idle_ms: u64) -> Result<Outcome, Refusal> {
        let time = self.time;
        let account = self.accounts.iter_mut().find(|it| it.owner == owner);
        let account = account.ok_or(Refusal::NoAccount)?;
        let recent = account.failures.first().is_some_and(|it| time - it < FAILED_SIGN_INS_MS);
        if recent && account.failures.len() >= MAX_FAILED_SIGN_INS as usize {
            return Err(Refusal::Locked);
        }
        if !(MIN_IDLE_MS..=MAX_IDLE_MS).contains(&idle_ms) {
            return Err(Refusal::OutOfRange);
        }
        if let Some(visit) = self.visits.iter().find(|visit| visit.id == id) {
            let mine = visit.session.owner == owner;
            return if mine { Ok(Outcome::SignedIn(owner.id)) } else { Err(Refusal::TokenTaken) };
        }
        let mine = self.visits.iter().filter(|visit| visit.session.owner == owner);
        if mine.clone().count() >= MAX_SESSIONS_PER_ACCOUNT {
            let oldest = mine.map(|it| (it.session.used, it.id)).min().expect("there are some").1;
            self.visits.retain(|visit| visit.id != oldest);
        } else if self.visits.len() >= self.limits.sessions {
            return Err(Refusal::Overloaded);
        }
        account.failures.clear();
        let saved = self.saved.iter().find(|(id, _)| owner == Owner { side: Side::Buyer, id: *id });
        let cart = saved.map(|(_, cart)| cart.clone()).unwrap_or_default();
        let session = Session { owner, begun: WallTime(time), used: WallTime(time), idle_ms };
        self.visits.push(Visit { id, session, cart });
        Ok(Outcome::SignedIn(owner.id))
    }

    fn check_out(
        &mut self,
        id: SessionId,
        purchase: PurchaseId,
        lines: &[PurchaseLine],
    ) -> Result<Outcome, Refusal> {
        let (time, purchases, sellers) = (self.time, self.purchases.clone(), self.sellers());
        let visit = self.buyers(id)?;
        if let Some(known) = purchases.iter().find(|it| it.id == purchase) {
            return match (known.buyer == visit.session.owner.id, known.reversed) {
                (false, _) => Err(Refusal::PurchaseTaken),
                (true, true) => Err(Refusal::CheckOutOver),
                (true, false) => Ok(Outcome::Bought(known.order)),
            };
        }
        if let Some(open) = &visit.cart.checkout {
            if open.purchase == purchase {
                return Ok(Outcome::CheckedOut);
            }
            if time - open.at.0 <= CHECKOUT_MS {
                return Err(Refusal::CheckOutUnderWay);
            }
        }
        if visit.cart.lines.is_empty() {
            return Err(Refusal::CartEmpty);
        }
        let held: Vec<_> = visit.cart.lines.iter().map(|(item, held)| (*item, *held)).collect();
        let wanted: Vec<_> = lines.iter().map(|line| (line.item, line.quantity)).collect();
        if held != wanted || total(lines).is_none() {
            return Err(Refusal::CartChanged);
        }
        let sells = |id| sellers.contains(&id);
        if !lines.iter().all(|line| sells(line.seller)) {
            return Err(Refusal::NoAccount);
        }
        let (at, lines) = (WallTime(time), lines.to_vec());
        visit.cart.checkout = Some(Checkout { purchase, at, lines });
        self.touch(id);
        Ok(Outcome::CheckedOut)
    }

    fn record(&mut self, purchase: &Purchase) -> Result<(), Refusal> {
        if let Some(known) = self.purchases.iter_mut().find(|it| it.id == purchase.id) {
            if known.buyer != purchase.buyer || known.lines != purchase.lines {
                return Err(Refusal::PurchaseTaken);
            }
            known.reversed |= purchase.reversed;
            return Ok(());
        }
        if total(&purchase.lines).is_none() {
            return Err(Refusal::OutOfRange);
        }
        let buyer = Owner { side: Side::Buyer, id: purchase.buyer };
        if !self.accounts.iter().any(|it| it.owner == buyer) {
            return Err(Refusal::NoAccount);
        }
        let sellers = self.sellers();
        if !purchase.lines.iter().all(|line| sellers.contains(&line.seller)) {
            return Err(Refusal::NoAccount);
        }
        if self.purchases.len() >= self.limits.purchases {
            return Err(Refusal::Overloaded);
        }
        let open =
            |it: &Visit| it.cart.checkout.as_ref().map(|it| it.purchase) == Some(purchase.id);
        let carts = self.visits.iter_mut().filter(|it| it.session.owner == buyer && open(it));
        let mut carts: Vec<&mut Cart> = carts.map(|it| &mut it.cart).collect();
        carts.iter_mut().for_each(|cart| cart.checkout = None);
        carts.extend(self.saved.iter_mut().filter(|it| it.0 == buyer.id).map(|it| &mut it.1));
        for cart in carts.into_iter().filter(|_| !purchase.reversed) {
            purchase.lines.iter().for_each(|line| remove(cart, line.item, line.quantity));
        }
        self.purchases.push(purchase.clone());
        Ok(())
    }

    fn sellers(&self) -> Vec<AccountId> {
        let sellers = self.accounts.iter().filter(|it| it.owner.side == Side::Seller);
        sellers.map(|it| it.owner.id).collect()
    }

    /// What an account bought or sold, and what was said of it.
    pub(super) fn tally(&self, owner: Owner) -> (u64, Thumbs) {
        let stand = self.purchases.iter().filter(|it| !it.reversed);
        let lines = stand.flat_map(|it| it.lines.iter().map(|line| (it.buyer, line)));
        let mine = lines.filter(|(buyer, line)| match owner.side {
            Side::Seller => line.seller == owner.id,
            Side::Buyer => *buyer == owner.id,
        });
        let units = mine.map(|(_, line)| line.quantity).sum();
        let about = |it: &&(AccountId, ItemId, AccountId, Vote)| {
            owner.side == Side::Seller && it.2 == owner.id
        };
        (units, thumbs(self.votes.iter().filter(about).map(|it| it.3)))
    }
}

pub(super) fn thumbs(votes: impl Iterator<Item = Vote>) -> Thumbs {
    votes.fold(Thumbs::default(), |sum, vote| match vote {
        Vote::Up => Thumbs { up: sum.up + 1, ..sum },
        Vote::Down => Thumbs { down: sum.down + 1, ..sum },
    })
}

fn remove(cart: &mut Cart, item: ItemId, quantity: u64) {
    let left = cart.lines.get(&item).map_or(0, |held| held.saturating_sub(quantity));
    cart.lines.remove(&item);
    if left > 0 {
        cart.lines.insert(item, left);
    }
}
