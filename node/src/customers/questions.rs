//! Questions, and what they wait for.
//!
//! A fresh one waits for a barrier: asked of the engine after the question came in, passed once everything acknowledged before
//! has been delivered here. All fresh questions of a burst share one. Any other is answered at once from what is here.

use std::collections::VecDeque;

use market::customers::{Owner, SessionId, Side};
use replication::contract::Barrier;

use super::CustomersProcess;
use super::answers::Asker;
use crate::limits::{BARRIERS_UNDER_WAY, CUSTOMER_ITEMS, CUSTOMER_PAGE, CUSTOMER_QUESTIONS};
use crate::message::{
    AccountSeen, Credentials, CustomerAnswer, CustomerQuestion, CustomerReply, SessionSeen,
};
use crate::process::Now;
use crate::service::ServiceId;

/// Who asks what.
type Asked = (Asker, CustomerQuestion);

/// Fresh questions that are not answered yet. Bounded by [`CUSTOMER_QUESTIONS`].
#[derive(Debug, Default)]
pub(super) struct Questions {
    gathered: Vec<Asked>,
    behind: VecDeque<(Barrier, Vec<Asked>)>,
}

impl Questions {
    pub(super) fn len(&self) -> usize {
        let behind: usize = self.behind.iter().map(|(_, asked)| asked.len()).sum();
        self.gathered.len() + behind
    }

    /// Everything that this barrier lets go: one that was asked for earlier is passed with it.
    fn passed(&mut self, barrier: Barrier) -> Vec<Asked> {
        let passed = self.behind.iter().take_while(|(asked, _)| *asked <= barrier).count();
        self.behind.drain(..passed).flat_map(|(_, questions)| questions).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Asked> {
        let mut all = self.passed(Barrier::MAX);
        all.append(&mut self.gathered);
        all
    }

    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.gathered.retain(|(asker, _)| asker.gateway != gateway);
        for (_, asked) in &mut self.behind {
            asked.retain(|(asker, _)| asker.gateway != gateway);
        }
    }
}

impl CustomersProcess {
    pub(super) fn ask(&mut self, now: Now, asker: Asker, question: CustomerQuestion, fresh: bool) {
        if !fresh {
            let answer = self.answer(now, &question);
            self.answers.put(asker, CustomerReply::Read(answer));
        } else if self.questions.len() < CUSTOMER_QUESTIONS {
            self.questions.gathered.push((asker, question));
        } else {
            self.answers.put(asker, CustomerReply::Busy);
        }
    }

    /// Asks for the barrier of what was gathered.
    pub(super) fn ask_barrier(&mut self, now: Now) {
        let questions = &mut self.questions;
        if questions.gathered.is_empty() || questions.behind.len() >= BARRIERS_UNDER_WAY {
            return;
        }
        let gathered = std::mem::take(&mut questions.gathered);
        match self.engine.barrier(now.time) {
            Some(barrier) => questions.behind.push_back((barrier, gathered)),
            None => {
                let not_here = self.not_here();
                for (asker, _) in gathered {
                    self.answers.put(asker, not_here.clone());
                }
            }
        }
    }

    /// Everything acknowledged before these questions came has been delivered here.
    pub(super) fn passed(&mut self, now: Now, barrier: Barrier) {
        for (asker, question) in self.questions.passed(barrier) {
            let answer = self.answer(now, &question);
            self.answers.put(asker, CustomerReply::Read(answer));
        }
    }

    /// What is here. A question with a session counts as a use of it.
    fn answer(&mut self, now: Now, question: &CustomerQuestion) -> CustomerAnswer {
        match question {
            CustomerQuestion::Credentials { side, login } => {
                let found = self.law.by_login(*side, login);
                let at = self.clock.at(now).max(self.law.time());
                CustomerAnswer::Credentials(found.map(|(owner, account)| Credentials {
                    owner,
                    password: account.password.clone(),
                    locked: account.is_locked(at),
                }))
            }
            CustomerQuestion::Session { session } => {
                let owner = self.visit(now, *session);
                let seen = owner.and_then(|owner| Some((owner, self.law.account(owner)?)));
                CustomerAnswer::Session(
                    seen.map(|(owner, account)| SessionSeen { owner, name: account.name.clone() }),
                )
            }
            CustomerQuestion::Cart { session } => {
                let buyer = self.buyer(now, *session);
                let cart = |_| self.law.cart(*session).cloned().unwrap_or_default();
                CustomerAnswer::Cart(buyer.map(cart))
            }
            CustomerQuestion::Purchases { session, below, max } => {
                let max = CUSTOMER_PAGE.min(usize::try_from(*max).unwrap_or(usize::MAX));
                let buyer = self.buyer(now, *session);
                let page =
                    |id| self.law.purchases(id, *below, max).map(|(at, it)| (at, it.clone()));
                CustomerAnswer::Purchases(buyer.map(|id| page(id).collect()))
            }
            CustomerQuestion::Purchase { id } => {
                CustomerAnswer::Purchase(self.law.purchase(*id).cloned())
            }
            CustomerQuestion::Account { owner } => {
                let account = self.law.account(*owner);
                CustomerAnswer::Account(account.map(|account| AccountSeen {
                    id: owner.id,
                    name: account.name.clone(),
                    items: account.items,
                    thumbs: account.thumbs,
                }))
            }
            CustomerQuestion::Thumbs { items } => {
                let items = items.iter().take(CUSTOMER_ITEMS);
                CustomerAnswer::Thumbs(items.map(|item| self.law.item_thumbs(*item)).collect())
            }
            CustomerQuestion::ToldBelow => CustomerAnswer::ToldBelow(self.law.told_below()),
        }
    }

    /// Whose session it is, if it stands. It was used just now.
    fn visit(&mut self, now: Now, id: SessionId) -> Option<Owner> {
        let at = self.clock.at(now);
        let session = self.law.session(id, at)?;
        let owner = session.owner;
        if session.wants_touch(at.max(self.law.time())) {
            self.touches.wanted(now.time, id);
        }
        Some(owner)
    }

    fn buyer(&mut self, now: Now, id: SessionId) -> Option<u64> {
        self.visit(now, id).filter(|owner| owner.side == Side::Buyer).map(|owner| owner.id)
    }
}
