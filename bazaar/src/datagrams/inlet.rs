//! From datagrams to messages: judged by length, head, window and seal, in that sequence, before anything is parsed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::header::{EVERYBODY, HEAD, Head};
use super::items::Item;
use super::limits::JUMBO_BYTES;
use super::partials::Partials;
use super::seal::{Key, SEAL};
use super::tally::{Cause, Tally};
use super::window::Window;

/// What is known of one sender.
#[derive(Debug, Default)]
struct Sender {
    window: Window,
    partials: Partials,
}

/// What takes datagrams apart.
#[derive(Debug)]
pub(super) struct Inlet {
    us: u8,
    key: Key,
    senders: BTreeMap<u8, Sender>,
}

impl Inlet {
    pub(super) fn new(us: u8, key: Key, members: &BTreeSet<u8>) -> Inlet {
        let others = members.iter().filter(|member| **member != us);
        Inlet { us, key, senders: others.map(|member| (*member, Sender::default())).collect() }
    }

    /// Judges a datagram and hands its messages over. Nothing changes here before its seal was found good.
    pub(super) fn open(
        &mut self,
        now: Instant,
        datagram: &[u8],
        mut deliver: impl FnMut(u8, &[u8]),
    ) -> Result<(), Cause> {
        if datagram.len() > JUMBO_BYTES {
            return Err(Cause::Size);
        }
        let (sealed, seal) = datagram.split_last_chunk::<SEAL>().ok_or(Cause::Size)?;
        let (head, mut items) = sealed.split_first_chunk::<HEAD>().ok_or(Cause::Size)?;
        let head = Head::read(self.key.cluster(), head).ok_or(Cause::Foreign)?;
        let sender = self.senders.get_mut(&head.from).ok_or(Cause::Stranger)?;
        if head.to != EVERYBODY && head.to != self.us {
            return Err(Cause::Stranger);
        }
        sender.window.judge(head.life, head.number)?;
        if !self.key.fits(sealed, seal) {
            return Err(Cause::Forged);
        }
        if sender.window.take(head.life, head.number) {
            sender.partials.clear();
        }
        while !items.is_empty() {
            let (item, rest) = Item::read(items).map_err(|_| Cause::Malformed)?;
            items = rest;
            match item {
                Item::Whole(message) => deliver(head.from, message),
                Item::Piece(piece) => {
                    if let Some(message) = sender.partials.take(now, piece) {
                        deliver(head.from, &message);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives up messages that waited too long for their pieces, and counts them.
    pub(super) fn expire(&mut self, now: Instant, tally: &Tally) {
        for sender in self.senders.values_mut() {
            sender.partials.expire(now);
            tally.count_dropped(Cause::Incomplete, sender.partials.take_lost());
        }
    }
}
