//! The members of the customers' group speak by datagrams; whatever else a process says goes over links.
//!
//! What a burst says to all members alike is found here and packed once for all of them.

use std::sync::Arc;

use node::message::Message;
use node::service::ServiceId;
use replication::contract;
use replication::rotating_sequencer as rotating;

use crate::datagrams::{Datagrams, Sink, To};
use crate::driver::{self, InputSender};
use crate::links::Links;

/// The driver's messages, on the way that fits each.
pub struct ByDatagram {
    links: Arc<Links>,
    datagrams: Arc<Datagrams>,
    /// How many other members there are.
    others: usize,
}

impl ByDatagram {
    /// The way to so many other members.
    pub fn new(links: Arc<Links>, datagrams: Arc<Datagrams>, others: usize) -> Self {
        ByDatagram { links, datagrams, others }
    }
}

impl driver::Links for ByDatagram {
    fn send(&self, to: ServiceId, messages: Vec<Message>) {
        self.send_all(vec![(to, messages)]);
    }

    fn send_all(&self, burst: Vec<(ServiceId, Vec<Message>)>) {
        let mut spoken = Vec::new();
        for (to, messages) in burst {
            let (by_datagram, by_link) = split(messages);
            if !by_datagram.is_empty() {
                spoken.push((to.id, by_datagram));
            }
            if !by_link.is_empty() {
                self.links.send(to, by_link);
            }
        }
        let packed: Vec<(To, Vec<u8>)> = addressed(&spoken, self.others)
            .into_iter()
            .map(|(to, message)| (to, message.encode()))
            .collect();
        if !packed.is_empty() {
            self.datagrams.send(packed.iter().map(|(to, message)| (*to, &message[..])));
        }
    }
}

fn split(messages: Vec<Message>) -> (Vec<rotating::Message>, Vec<Message>) {
    let (mut by_datagram, mut by_link) = (Vec::new(), Vec::new());
    for message in messages {
        match message {
            Message::Replication(contract::Message::RotatingSequencer(message)) => {
                by_datagram.push(message);
            }
            other => by_link.push(other),
        }
    }
    (by_datagram, by_link)
}

/// Each message with those it is for: what all the others are told stands there once.
fn addressed<M: PartialEq>(spoken: &[(u8, Vec<M>)], others: usize) -> Vec<(To, &M)> {
    let alone = |skip: &dyn Fn(usize, usize) -> bool| {
        let each = spoken.iter().enumerate().flat_map(|(peer, (id, messages))| {
            messages.iter().enumerate().map(move |(at, message)| (peer, at, *id, message))
        });
        each.filter(|(peer, at, ..)| !skip(*peer, *at))
            .map(|(_, _, id, message)| (To::One(id), message))
            .collect::<Vec<_>>()
    };
    if spoken.len() < others || others < 2 {
        return alone(&|_, _| false);
    }
    let (_, first) = &spoken[0];
    let mut told = Vec::new();
    let mut shared: Vec<Vec<usize>> = vec![Vec::new(); spoken.len()];
    for (at, message) in first.iter().enumerate() {
        // The same sequence everywhere, so what was passed over once is not looked for again.
        let places: Option<Vec<usize>> = spoken[1..]
            .iter()
            .zip(&shared[1..])
            .map(|((_, theirs), found)| {
                let from = found.last().map_or(0, |last| last + 1);
                theirs[from..].iter().position(|other| other == message).map(|place| from + place)
            })
            .collect();
        if let Some(places) = places {
            told.push((To::All, message));
            shared[0].push(at);
            places.into_iter().zip(&mut shared[1..]).for_each(|(place, found)| found.push(place));
        }
    }
    told.extend(alone(&|peer, at| shared[peer].binary_search(&at).is_ok()));
    told
}

/// Messages out of datagrams lead into the driver's mailbox.
pub struct FromDatagrams {
    to: InputSender,
    burst: Vec<(ServiceId, Vec<Message>)>,
}

impl FromDatagrams {
    /// Into this mailbox.
    pub fn new(to: InputSender) -> Self {
        FromDatagrams { to, burst: Vec::new() }
    }
}

impl Sink for FromDatagrams {
    fn message(&mut self, from: u8, message: &[u8]) -> bool {
        let Ok(message) = rotating::Message::decode(message) else { return false };
        let message = Message::Replication(contract::Message::RotatingSequencer(message));
        let from = ServiceId::customers(from);
        match self.burst.iter_mut().find(|(peer, _)| *peer == from) {
            Some((_, messages)) => messages.push(message),
            None => self.burst.push((from, vec![message])),
        }
        true
    }

    fn flush(&mut self) -> usize {
        let mut refused = 0;
        for (from, messages) in self.burst.drain(..) {
            let count = messages.len();
            if !self.to.deliver(from, messages) {
                refused += count;
            }
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(spoken: &[(u8, Vec<char>)], others: usize) -> Vec<(To, char)> {
        let mut told: Vec<_> =
            addressed(spoken, others).into_iter().map(|(to, message)| (to, *message)).collect();
        told.sort();
        told
    }

    #[test]
    fn what_all_are_told_is_told_once() {
        let spoken = [(2, vec!['a', 'x', 'b']), (3, vec!['a', 'b']), (4, vec!['y', 'a', 'b', 'a'])];
        let told = sorted(&spoken, 3);
        assert_eq!(
            told,
            [
                (To::All, 'a'),
                (To::All, 'b'),
                (To::One(2), 'x'),
                (To::One(4), 'a'),
                (To::One(4), 'y')
            ]
        );
    }

    #[test]
    fn what_some_are_not_told_is_not_for_all() {
        let spoken = [(2, vec!['a']), (3, vec!['a'])];
        assert_eq!(sorted(&spoken, 3), [(To::One(2), 'a'), (To::One(3), 'a')]);
        assert_eq!(sorted(&spoken, 2), [(To::All, 'a')]);
        assert_eq!(sorted(&[(2, vec!['a'])], 1), [(To::One(2), 'a')]);
        assert_eq!(sorted(&[], 4), []);
        let other = [(2, vec!['a']), (3, vec!['b'])];
        assert_eq!(sorted(&other, 2), [(To::One(2), 'a'), (To::One(3), 'b')]);
    }
}
