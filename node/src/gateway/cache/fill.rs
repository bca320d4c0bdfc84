//! Fills: questions for listings that are not in the cache, and the clients that wait for them.
//!
//! Many clients share one question. Whoever joined before it was sent may have any answer. Whoever joined later may not have
//! one that was read before a write became visible, so such a client may join only while nothing has voided the
//! question and the lease stands, and gets the answer only if it is *cacheable*: then no write was pending when
//! it was read, and every later one had to be invalidated here, voiding the question, before it became visible. Otherwise the
//! client's question is asked once more. (Without that last rule there is a stale read: invalidation confirmed, question sent
//! and read while the write is still pending, write visible, client joins.)
//!
//! A voided question still answers the clients that already wait: each of them asked before the write became visible.

use std::collections::{BTreeMap, BTreeSet};

use market::listing::Kind;
use market::name::Name;
use replication::time::{Span, Time};

use crate::gateway::limits::{FILL_RESEND, FILL_RESEND_MAX, MAX_FILLS, MAX_READS};
use crate::message::Fill as Question;
use crate::process::RequestId;

/// All fills under way.
#[derive(Debug)]
pub(super) struct Fills {
    /// Never used twice, not even by an earlier life of this process.
    next_token: u64,
    by_token: BTreeMap<u64, Fill>,
    /// Per name the one fill that is not voided.
    open: BTreeMap<Name, u64>,
    unsent: BTreeSet<u64>,
    readers: BTreeMap<RequestId, Reader>,
    due: BTreeSet<(Time, RequestId)>,
}

/// One question.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) name: Name,
    /// Session named in the question.
    pub(super) session: u64,
    /// An invalidation, a new session or another fill voided the token.
    pub(super) voided: bool,
    sent: Option<Time>,
    patience: Span,
    readers: BTreeSet<RequestId>,
}

/// One waiting client.
#[derive(Clone, Copy, Debug)]
struct Reader {
    token: u64,
    kind: Kind,
    deadline: Time,
    /// Joined after the question was sent.
    late: bool,
}

impl Fills {
    pub(super) fn new(first_token: u64) -> Self {
        Fills {
            next_token: first_token,
            by_token: BTreeMap::new(),
            open: BTreeMap::new(),
            unsent: BTreeSet::new(),
            readers: BTreeMap::new(),
            due: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_token.len()
    }

    pub(super) fn readers(&self) -> usize {
        self.readers.len()
    }

    /// Lets a client wait for a listing; `session` is the one whose lease stands, if any. False: too many wait already.
    pub(super) fn wait(
        &mut self,
        id: RequestId,
        name: &Name,
        kind: Kind,
        deadline: Time,
        session: Option<u64>,
    ) -> bool {
        if self.readers.len() >= MAX_READS || self.readers.contains_key(&id) {
            return false;
        }
        let Some(token) = self.joinable(name, session).or_else(|| self.open(name)) else {
            return false;
        };
        self.join(id, Reader { token, kind, deadline, late: false });
        true
    }

    fn join(&mut self, id: RequestId, reader: Reader) {
        let fill = self.by_token.get_mut(&reader.token).expect("an open fill is in the table");
        fill.readers.insert(id);
        self.due.insert((reader.deadline, id));
        self.readers.insert(id, Reader { late: fill.sent.is_some(), ..reader });
    }

    fn joinable(&self, name: &Name, session: Option<u64>) -> Option<u64> {
        let token = *self.open.get(name)?;
        let fill = self.by_token.get(&token)?;
        (fill.sent.is_none() || session == Some(fill.session)).then_some(token)
    }

    /// A new fill for a name; an older one of the name is voided, so that at most one can ever be installed.
    fn open(&mut self, name: &Name) -> Option<u64> {
        if self.by_token.len() >= MAX_FILLS {
            return None;
        }
        self.void(name);
        let token = self.next_token;
        self.next_token = self.next_token.wrapping_add(1);
        let fill = Fill {
            name: name.clone(),
            session: 0,
            voided: false,
            sent: None,
            patience: FILL_RESEND,
            readers: BTreeSet::new(),
        };
        self.by_token.insert(token, fill);
        self.open.insert(name.clone(), token);
        self.unsent.insert(token);
        Some(token)
    }

    /// Voids the token of a name's fill: its answer may be older than a write.
    pub(super) fn void(&mut self, name: &Name) {
        if let Some(token) = self.open.remove(name)
            && let Some(fill) = self.by_token.get_mut(&token)
        {
            fill.voided = true;
        }
    }

    /// Voids all tokens.
    pub(super) fn void_all(&mut self) {
        self.open.clear();
        self.by_token.values_mut().for_each(|fill| fill.voided = true);
    }

    /// The questions to send now: new ones, and those whose answer does not come.
    pub(super) fn questions(&mut self, now: Time, session: u64) -> Vec<Question> {
        let tokens = std::mem::take(&mut self.unsent);
        let mut questions = Vec::with_capacity(tokens.len());
        for token in tokens {
            let Some(fill) = self.by_token.get_mut(&token) else { continue };
            if fill.sent.is_none() {
                // A resent question keeps its first session: if that is over, the answer is not for keeping.
                fill.session = session;
            }
            fill.sent = Some(now);
            questions.push(Question { session: fill.session, token, name: fill.name.clone() });
        }
        questions
    }

    /// Marks the questions that have been silent for too long for sending again.
    pub(super) fn resend_silent(&mut self, now: Time) {
        for (token, fill) in &mut self.by_token {
            if fill.sent.is_some_and(|sent| now >= sent + fill.patience) {
                fill.patience = Span((fill.patience.0 * 2).min(FILL_RESEND_MAX.0));
                self.unsent.insert(*token);
            }
        }
    }

    /// Marks all questions for sending again: a link came up.
    pub(super) fn resend_all(&mut self) {
        self.unsent = self.by_token.keys().copied().collect();
    }

    /// Takes a fill that was answered, with the clients whom the answer serves; `session` is the one for which it is
    /// cacheable, if any. Clients whom it does not serve wait for a new question. Unknown and foreign answers give nothing.
    pub(super) fn answered(
        &mut self,
        token: u64,
        name: &Name,
        session: Option<u64>,
    ) -> Option<(Fill, Vec<(RequestId, Kind)>)> {
        if self.by_token.get(&token).is_none_or(|fill| fill.name != *name) {
            return None;
        }
        let mut fill = self.remove(token)?;
        let serves_late = fill.session != 0 && session == Some(fill.session);
        let mut served = Vec::with_capacity(fill.readers.len());
        for id in std::mem::take(&mut fill.readers) {
            let Some(reader) = self.leave(id) else { continue };
            if reader.late && !serves_late {
                self.ask_anew(id, name, reader);
            } else {
                served.push((id, reader.kind));
            }
        }
        Some((fill, served))
    }

    fn ask_anew(&mut self, id: RequestId, name: &Name, reader: Reader) {
        // There is room: one fill was just removed, and all late readers of it share the new one.
        if let Some(token) = self.joinable(name, None).or_else(|| self.open(name)) {
            self.join(id, Reader { token, ..reader });
        }
    }

    /// Clients whose time is over.
    pub(super) fn overdue(&mut self, now: Time) -> Vec<RequestId> {
        let mut over = Vec::new();
        while let Some((deadline, id)) = self.due.first().copied()
            && deadline <= now
        {
            self.forget(id);
            over.push(id);
        }
        over
    }

    /// A client does not wait any more. A fill nobody waits for is forgotten, and its answer with it.
    pub(super) fn forget(&mut self, id: RequestId) {
        let Some(reader) = self.leave(id) else { return };
        let Some(fill) = self.by_token.get_mut(&reader.token) else { return };
        fill.readers.remove(&id);
        if fill.readers.is_empty() {
            self.remove(reader.token);
        }
    }

    fn leave(&mut self, id: RequestId) -> Option<Reader> {
        let reader = self.readers.remove(&id)?;
        self.due.remove(&(reader.deadline, id));
        Some(reader)
    }

    fn remove(&mut self, token: u64) -> Option<Fill> {
        let fill = self.by_token.remove(&token)?;
        self.unsent.remove(&token);
        if self.open.get(&fill.name) == Some(&token) {
            self.open.remove(&fill.name);
        }
        Some(fill)
    }
}
