//! How the leader that an orders group elected itself becomes the one whose trades the catalog decides.
//!
//! Under primary-backup the register elects, and the engine follows it. Under Raft the group elects, and the register is told:
//! the catalog goes on deciding for one replica in one epoch, and every stamp on what is sent there is an epoch of the register,
//! never a term.
//!
//! # Step by step
//! 1. The engine says that this replica leads: it has every order delivered that was ever committed.
//! 2. A barrier proves that it still does. (A leader that was deposed without knowing it would only take the register away
//!    from the one that leads.)
//! 3. `Elect` with itself as the candidate opens a new epoch. The answer, like any later change, comes as a configuration.
//! 4. The epoch becomes an entry of the group's log. Once that is delivered, the replica reads the outbox and opens.
//! 5. Should the register name anybody else, or a newer epoch, while this replica still leads: from step 2 again.
//!
//! # Why the epoch goes into the log
//! Batches and questions are named by epoch, so no replica may use an epoch in two lives. The next leader, this replica's next life
//! included, has delivered every epoch that was used, and uses none that the log has already. For the same reason a register that
//! stands below the log's epoch has lost its data, and that is found out after a restart, too. Primary-backup keeps the epoch in
//! its hard state for both ends; here the hard state holds the term.
//!
//! # What may lead, and what may be cut from the outbox
//! The register makes a replica of its in-sync set leader whatever its log holds, and any other only if its log reaches the
//! outbox. Nobody but this leader is known to the register to hold anything, so it keeps the set to itself: it has the set cut to
//! {itself} before it has the outbox cut (`outbox.rs`). Then whoever leads next reaches the outbox, or is not made leader, even if
//! the group lost more disks than it may. As long as it did not, its leaders hold every committed order, and only committed
//! orders are cut: so they reach the outbox always.

use replication::contract::{Barrier, Epoch};
use replication::register::RegisterCommand;
use replication::time::Time;

use super::command::Command;
use super::{OrdersProcess, Standing};
use crate::limits::{QUESTION_RESEND, REGISTER_PAUSE};
use crate::message::Message;
use crate::process::{Effect, Now};

/// How far a leader of the group has come with the register.
#[derive(Debug, Default)]
pub(super) struct Registering {
    /// Asked of the engine and not passed yet.
    proof: Option<Barrier>,
    /// The version for which the register was asked last, and when.
    asked: Option<(u64, Time)>,
    /// The last epoch that this leader gave to the log.
    noted: Epoch,
}

impl Registering {
    /// What the register was asked may be lost.
    pub(super) fn ask_at_once(&mut self) {
        self.asked = None;
    }
}

impl OrdersProcess {
    /// Goes on with whatever is missing. (While this replica gets ready to stop, another one is to lead.)
    pub(super) fn tend_register(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if !self.elects_itself() {
            return;
        }
        self.enrol(now, effects);
        if self.standing != Standing::Registering || self.is_draining() {
            return;
        }
        if self.is_named_anew() {
            self.note_reign(now);
        } else {
            self.prove(now);
        }
    }

    /// Without the disk on its list the register makes this replica nothing. Followers enrol too: so it need not be done when
    /// one of them has just begun to lead.
    fn enrol(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let (replica, incarnation) = (self.id(), self.incarnation);
        let lately = self.enrolled_at.is_some_and(|at| now.time.since(at) < QUESTION_RESEND);
        if lately || self.configuration.knows(replica, incarnation) {
            return;
        }
        self.enrolled_at = Some(now.time);
        let epoch = self.known_epoch();
        let enrol = RegisterCommand::Enrol { replica, incarnation, epoch };
        effects.push(Effect::Send { to: self.catalog(), message: Message::Configure(enrol) });
    }

    /// The register names this replica and disk, in an epoch that nobody has used.
    fn is_named_anew(&self) -> bool {
        let known = &self.configuration;
        known.leader == Some(self.id())
            && known.knows(self.id(), self.incarnation)
            && known.epoch > self.reign
    }

    fn note_reign(&mut self, now: Now) {
        let epoch = self.configuration.epoch;
        if self.mutants.reign_not_logged() {
            return self.take_over(epoch);
        }
        if self.registering.noted < epoch {
            let command = Command::Reign(epoch).encode();
            // Not taken: this replica hands over, or is deposed, or the log is full. The next burst tries again.
            if self.engine.propose(now.time, vec![command]).is_ok() {
                self.registering.noted = epoch;
            }
        }
    }

    /// Asks for the proof on which the register may be asked; not too often.
    fn prove(&mut self, now: Now) {
        let known = &self.configuration;
        let waits = self.registering.asked.is_some_and(|(version, at)| {
            let answered = known.version > version;
            now.time.since(at) < if answered { REGISTER_PAUSE } else { QUESTION_RESEND }
        });
        if !waits && self.registering.proof.is_none() && known.knows(self.id(), self.incarnation) {
            self.registering.proof = self.engine.barrier(now.time);
        }
    }

    /// A barrier is passed: this replica led when it was asked for.
    pub(super) fn proven(&mut self, now: Now, barrier: Barrier, effects: &mut Vec<Effect>) {
        if self.registering.proof.take_if(|proof| *proof <= barrier).is_none()
            || self.standing != Standing::Registering
            || self.is_named_anew()
        {
            return;
        }
        let expect = self.configuration.version;
        self.registering.asked = Some((expect, now.time));
        let elect = RegisterCommand::Elect {
            expect,
            candidate: self.id(),
            incarnation: self.incarnation,
            log_end: self.law.count(),
            drop: None,
        };
        effects.push(Effect::Send { to: self.catalog(), message: Message::Configure(elect) });
    }

    /// An epoch of the log is delivered. If it is the one that the register still means, this replica takes over.
    pub(super) fn reign_delivered(&mut self, epoch: Epoch) {
        self.reign = self.reign.max(epoch);
        let known = &self.configuration;
        let meant = known.leader == Some(self.id()) && known.epoch == epoch;
        if self.standing == Standing::Registering && self.registering.noted == epoch && meant {
            self.take_over(epoch);
        }
    }

    /// The group made this replica its leader.
    pub(super) fn begin_to_register(&mut self) {
        self.registering = Registering::default();
        self.proposed = self.law.count();
        self.standing = Standing::Registering;
        if self.mutants.trade_unregistered() && self.configuration.leader.is_some() {
            self.take_over(self.configuration.epoch);
        }
    }

    /// The register changed. A reign that it does not mean any more is over, though the group may still be led from here.
    pub(super) fn follow_register(&mut self) {
        let known = &self.configuration;
        let meant = (known.leader == Some(self.id())).then_some(known.epoch);
        if self.elects_itself() && self.standing.epoch().is_some_and(|epoch| meant != Some(epoch)) {
            self.outbox.reset();
            self.standing = Standing::Registering;
        }
    }

    /// The highest epoch of the register that this replica remembers.
    pub(super) fn known_epoch(&self) -> Epoch {
        if self.elects_itself() {
            self.reign.max(self.configuration.epoch)
        } else {
            self.engine.status().epoch
        }
    }
}
