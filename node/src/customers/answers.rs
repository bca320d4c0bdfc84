//! Answers of a burst, by gateway, cut into messages that are not too long.

use std::collections::BTreeMap;

use crate::limits::CUSTOMER_ANSWER;
use crate::message::{CustomerReply, Message};
use crate::process::Effect;
use crate::service::ServiceId;

/// Whoever asked, and their own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) gateway: ServiceId,
    pub(super) id: u64,
}

/// Answers that leave at the end of the burst.
#[derive(Debug, Default)]
pub(super) struct Answers {
    ready: BTreeMap<ServiceId, Vec<(u64, CustomerReply)>>,
}

impl Answers {
    pub(super) fn put(&mut self, asker: Asker, reply: CustomerReply) {
        self.ready.entry(asker.gateway).or_default().push((asker.id, reply));
    }

    pub(super) fn leave(&mut self, effects: &mut Vec<Effect>) {
        for (to, replies) in std::mem::take(&mut self.ready) {
            let (mut part, mut bytes) = (Vec::new(), 0);
            for reply in replies {
                bytes += reply.1.cost();
                part.push(reply);
                if bytes >= CUSTOMER_ANSWER {
                    let message = Message::CustomersAnswer(std::mem::take(&mut part));
                    effects.push(Effect::Send { to, message });
                    bytes = 0;
                }
            }
            if !part.is_empty() {
                effects.push(Effect::Send { to, message: Message::CustomersAnswer(part) });
            }
        }
    }
}
