//! Requests: commands on their way to everybody, numbered per member and life.

use std::collections::VecDeque;

use super::log::RequestId;
use super::message::{Body, Part};
use super::notes::{Note, covered, parts};
use super::view::Life;
use super::{RotatingSequencer, Standing};
use crate::contract::{Command, ProposeError};

/// This member's own commands.
#[derive(Default)]
pub(super) struct Own {
    /// Taken, and not yet part of a Request.
    staged: VecDeque<Command>,
    /// Number of the next one.
    pub(super) next: u64,
    /// Delivered up to here.
    done: u64,
    /// Where the Requests end that were sent and are not delivered.
    sent: VecDeque<u64>,
}

impl RotatingSequencer {
    /// Takes commands for the sequence.
    pub(super) fn take_commands(&mut self, commands: Vec<Command>) -> Result<(), ProposeError> {
        if !self.is_normal() {
            return Err(ProposeError::NotLeader { epoch: self.kept.ballot.round, leader: None });
        }
        let limit = self.config.limits.undelivered;
        let undelivered = self.own.staged.len() + (self.own.next - self.own.done) as usize;
        if undelivered + commands.len() > limit {
            return Err(ProposeError::Full { undelivered, limit });
        }
        self.own.staged.extend(commands);
        Ok(())
    }

    /// As many Requests as the window takes.
    pub(super) fn send_requests(&mut self) {
        while self.own.sent.len() < self.config.limits.request_window {
            let commands = self.next_commands();
            if commands.is_empty() {
                return;
            }
            let (first, member, life) = (self.own.next, self.me as u8, self.life);
            self.own.next += commands.len() as u64;
            self.own.sent.push_back(self.own.next);
            self.keep(Part { member, life, first, commands: commands.clone() });
            self.broadcast(Body::Request { first, commands });
        }
    }

    /// What fits into one Request.
    fn next_commands(&mut self) -> Vec<Command> {
        let limits = &self.config.limits;
        let (mut commands, mut bytes) = (Vec::new(), 0);
        while let Some(command) = self.own.staged.front() {
            bytes += command.len();
            let full = commands.len() >= limits.request_commands || bytes > limits.request_bytes;
            if full && !commands.is_empty() {
                break;
            }
            commands.extend(self.own.staged.pop_front());
        }
        commands
    }

    /// Another Sequence was delivered, or many by a snapshot: the window opens.
    pub(super) fn own_delivered(&mut self) {
        self.own.done = covered(&self.done.frontier, self.me, self.life).max(self.own.done);
        while self.own.sent.front().is_some_and(|upto| *upto <= self.own.done) {
            self.own.sent.pop_front();
        }
    }

    pub(super) fn take_requests(
        &mut self,
        from: usize,
        life: Life,
        first: u64,
        commands: Vec<Command>,
    ) {
        self.keep(Part { member: from as u8, life, first, commands });
    }

    /// Keeps Requests that are new, of lives in the view, and not too far ahead.
    pub(super) fn keep(&mut self, part: Part) {
        let (Standing::Normal(normal), Some(view)) = (&mut self.standing, &self.kept.view) else {
            return;
        };
        let member = usize::from(part.member);
        if member >= normal.have.len() || view.life(member) != Some(part.life) {
            return;
        }
        let log = &mut self.kept.log;
        let from = normal.have[member];
        let most = covered(log.frontier(), member, part.life) + self.config.limits.request_ahead;
        let Part { life, first, .. } = part;
        let numbered = (first..most).zip(part.commands).filter(|(number, _)| *number >= from);
        let requests = numbered
            .map(|(number, command)| (RequestId { member: part.member, life, number }, command));
        let new: Vec<_> =
            requests.filter(|(id, command)| log.insert(*id, command.clone())).collect();
        normal.have[member] = log.contiguous(member, life, from);
        for part in parts(new) {
            self.note(&Note::Requests(part));
        }
    }
}
