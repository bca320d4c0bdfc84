//! Requests that change something: gathered over a burst, proposed together, known again when they are delivered.

use std::collections::BTreeMap;

use market::customers::Command as Law;
use replication::contract::{Command as Bytes, ProposeError};
use replication::time::Time;

use super::CustomersProcess;
use super::answers::Asker;
use super::command::{Command, Origin};
use crate::limits::{CUSTOMER_PATIENCE, CUSTOMER_WISHES};
use crate::message::CustomerReply;
use crate::process::Now;
use crate::service::ServiceId;

/// Wishes in hand. Bounded by [`CUSTOMER_WISHES`].
#[derive(Debug, Default)]
pub(super) struct Wishes {
    gathered: Vec<(u64, Bytes)>,
    /// By the number of their proposal: ascending in time, too. Includes the gathered ones.
    waiting: BTreeMap<u64, (Asker, Time)>,
    last: u64,
}

impl Wishes {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whoever waits for this one, if anybody does.
    pub(super) fn delivered(&mut self, number: u64) -> Option<Asker> {
        self.waiting.remove(&number).map(|(asker, _)| asker)
    }

    /// Everybody who has waited for too long.
    pub(super) fn impatient(&mut self, now: Time) -> Vec<Asker> {
        let mut gone = Vec::new();
        while let Some(first) = self.waiting.first_entry() {
            if now.since(first.get().1) < CUSTOMER_PATIENCE {
                break;
            }
            gone.push(first.remove().0);
        }
        gone
    }

    /// Everybody who waits: nobody does afterwards.
    pub(super) fn take_all(&mut self) -> Vec<Asker> {
        self.gathered.clear();
        std::mem::take(&mut self.waiting).into_values().map(|(asker, _)| asker).collect()
    }

    /// A gateway is gone: nobody there waits any more. What was proposed goes on.
    pub(super) fn forget(&mut self, gateway: ServiceId) {
        self.waiting.retain(|_, (asker, _)| asker.gateway != gateway);
    }
}

impl CustomersProcess {
    /// A command of the law, with its envelope.
    fn command(&mut self, law: Law) -> (u64, Bytes) {
        self.wishes.last += 1;
        let (member, boot, number) = (self.config.id, self.boot, self.wishes.last);
        (number, Command { origin: Origin { member, boot, number }, law }.encode())
    }

    /// Takes a wish for the next proposal, if there is room.
    pub(super) fn wish(&mut self, now: Now, asker: Asker, law: Law) {
        if self.wishes.len() >= CUSTOMER_WISHES {
            return self.answers.put(asker, CustomerReply::Busy);
        }
        let command = self.command(law);
        self.wishes.waiting.insert(command.0, (asker, now.time));
        self.wishes.gathered.push(command);
    }

    /// Takes a command that nobody waits for.
    pub(super) fn own_wish(&mut self, law: Law) {
        let command = self.command(law);
        self.wishes.gathered.push(command);
    }

    /// Proposes what the burst brought, all at once.
    pub(super) fn propose(&mut self, now: Now) {
        let gathered = std::mem::take(&mut self.wishes.gathered);
        if gathered.is_empty() {
            return;
        }
        let (numbers, commands): (Vec<u64>, Vec<Bytes>) = gathered.into_iter().unzip();
        let refusal = match self.engine.propose(now.time, commands) {
            Ok(_) => return,
            Err(ProposeError::Full { .. }) => CustomerReply::Busy,
            Err(ProposeError::NotLeader { leader, .. }) => CustomerReply::NotHere { ask: leader },
        };
        // Refused as a whole: none of it will be delivered.
        for asker in numbers.into_iter().filter_map(|number| self.wishes.delivered(number)) {
            self.answers.put(asker, refusal.clone());
        }
    }
}
