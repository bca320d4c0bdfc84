//! What every role of a replica shares: log, epoch, commit, the register as known, and the effects to hand out.

use super::{Config, Message, log::Log};
use crate::contract::{
    self, ChainHash, Effect, Epoch, HardState, Incarnation, Position, Recovered, ReplicaId,
};
use crate::register::Configuration;

pub(super) struct Core {
    pub(super) config: Config,
    pub(super) log: Log,
    /// Highest epoch adopted (durable once `Log::durable_epoch` says so).
    pub(super) epoch: Epoch,
    /// Known committed. At most `log.end()`; delivered as far as it is durable here.
    pub(super) commit: Position,
    pub(super) delivered: Position,
    /// The newest configuration seen; version 0 before the first.
    pub(super) known: Configuration,
    pub(super) out: Vec<Effect>,
}

impl Core {
    pub(super) fn new(config: Config, recovered: Recovered) -> Self {
        let (state, applied) = (recovered.state, recovered.applied);
        let log = Log::new(recovered);
        let commit = state.commit.min(log.end()).max(applied);
        Core {
            config,
            log,
            epoch: state.epoch,
            commit,
            delivered: applied,
            known: Configuration::default(),
            out: Vec::new(),
        }
    }

    /// The register knows this disk under this name.
    pub(super) fn enrolled(&self) -> bool {
        self.known.knows(self.config.id, self.config.incarnation)
    }

    /// How far this disk holds the log.
    pub(super) fn durable(&self) -> Position {
        #[cfg(feature = "mutants")]
        if self.config.mutant == Some(crate::mutants::Mutant::AckBeforeDurable) {
            return self.log.end();
        }
        self.log.durable()
    }

    /// The adopted epoch is on disk, so it may be acted on.
    pub(super) fn epoch_is_durable(&self) -> bool {
        self.log.durable_epoch() == self.epoch
    }

    pub(super) fn send(&mut self, to: ReplicaId, message: Message) {
        self.out.push(Effect::Send { to, message: contract::Message::PrimaryBackup(message) });
    }

    /// The disk the register knows for a peer.
    pub(super) fn disk_of(&self, peer: ReplicaId) -> Option<Incarnation> {
        self.known.incarnations.get(&peer).copied()
    }

    /// Learns that everything up to `position` is committed.
    pub(super) fn learn_commit(&mut self, position: Position) {
        self.commit = self.commit.max(position.min(self.log.end()));
        self.deliver();
    }

    /// Delivers what is committed and durable here.
    pub(super) fn deliver(&mut self) {
        let until = self.commit.min(self.durable());
        while self.delivered < until {
            let Some(entry) = self.log.get(self.delivered + 1) else { return };
            self.delivered = entry.position;
            self.out.push(Effect::Deliver(entry.clone()));
        }
    }

    /// Makes one write of everything staged since the last call.
    pub(super) fn persist(&mut self) {
        let state = HardState { epoch: self.epoch, vote: 0, commit: self.commit };
        if let Some(effect) = self.log.persist(state) {
            self.out.push(effect);
        }
    }

    /// Where an empty append to a follower that stands at `previous` starts. Where the hash of that place is no
    /// longer in memory, the empty prefix serves: every log begins with it.
    pub(super) fn anchor(&self, previous: Position) -> (Position, ChainHash) {
        self.log.hash_at(previous).map_or((0, ChainHash::EMPTY), |hash| (previous, hash))
    }
}
