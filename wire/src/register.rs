//! The register: configuration, wished changes, refusals.

use std::collections::{BTreeMap, BTreeSet};

use node::message::{Heartbeat, Leads};
use replication::contract::{Incarnation, ReplicaId};
use replication::register::{Configuration, Refusal, RegisterCommand};

use crate::convert::{at_most, decode_replicas, encode_set, incarnation, replica, required};
use crate::error::DecodeError;
use crate::limits::MAX_REPLICAS;
use crate::v1;

fn decode_set(set: Vec<u32>) -> Result<BTreeSet<ReplicaId>, DecodeError> {
    decode_replicas(set, "in-sync replicas")
}

pub(crate) fn encode_disk((replica, incarnation): (ReplicaId, Incarnation)) -> v1::Disk {
    v1::Disk { replica: replica.into(), incarnation }
}

pub(crate) fn decode_disk(disk: v1::Disk) -> Result<(ReplicaId, Incarnation), DecodeError> {
    Ok((replica(disk.replica)?, incarnation(disk.incarnation)?))
}

impl From<Configuration> for v1::Configuration {
    fn from(configuration: Configuration) -> Self {
        v1::Configuration {
            version: configuration.version,
            epoch: configuration.epoch,
            leader: configuration.leader.map(u32::from),
            in_sync: encode_set(configuration.in_sync),
            disks: configuration.incarnations.into_iter().map(encode_disk).collect(),
        }
    }
}

impl TryFrom<v1::Configuration> for Configuration {
    type Error = DecodeError;

    fn try_from(configuration: v1::Configuration) -> Result<Self, DecodeError> {
        at_most(configuration.disks.len(), MAX_REPLICAS, "enrolled replicas")?;
        let incarnations: Result<BTreeMap<_, _>, _> =
            configuration.disks.into_iter().map(decode_disk).collect();
        Ok(Configuration {
            version: configuration.version,
            epoch: configuration.epoch,
            leader: configuration.leader.map(replica).transpose()?,
            in_sync: decode_set(configuration.in_sync)?,
            incarnations: incarnations?,
        })
    }
}

pub(crate) fn configuration(part: Option<v1::Configuration>) -> Result<Configuration, DecodeError> {
    required(part, "configuration")?.try_into()
}

impl From<Heartbeat> for v1::Heartbeat {
    fn from(heartbeat: Heartbeat) -> Self {
        v1::Heartbeat { version: heartbeat.version, leads: heartbeat.leads }
    }
}

impl From<v1::Heartbeat> for Heartbeat {
    fn from(heartbeat: v1::Heartbeat) -> Self {
        Heartbeat { version: heartbeat.version, leads: heartbeat.leads }
    }
}

impl From<Leads> for v1::Leads {
    fn from(leads: Leads) -> Self {
        v1::Leads { term: leads.term }
    }
}

impl From<v1::Leads> for Leads {
    fn from(leads: v1::Leads) -> Self {
        Leads { term: leads.term }
    }
}

impl From<RegisterCommand> for v1::RegisterCommand {
    fn from(command: RegisterCommand) -> Self {
        use v1::register_command::Command as Wire;
        let command = match command {
            RegisterCommand::Elect { expect, candidate, incarnation, log_end, drop } => {
                let (candidate, drop) = (candidate.into(), drop.map(u32::from));
                Wire::Elect(v1::Elect { expect, candidate, incarnation, log_end, drop })
            }
            RegisterCommand::AlterInSync { expect, epoch, in_sync, added } => {
                let (in_sync, added) = (encode_set(in_sync), added.map(encode_disk));
                Wire::AlterInSync(v1::AlterInSync { expect, epoch, in_sync, added })
            }
            RegisterCommand::Enrol { replica, incarnation, epoch } => {
                let disk = Some(encode_disk((replica, incarnation)));
                Wire::Enrol(v1::Enrol { disk, epoch })
            }
        };
        v1::RegisterCommand { command: Some(command) }
    }
}

impl TryFrom<v1::RegisterCommand> for RegisterCommand {
    type Error = DecodeError;

    fn try_from(command: v1::RegisterCommand) -> Result<Self, DecodeError> {
        use v1::register_command::Command as Wire;
        Ok(match required(command.command, "change of the register")? {
            Wire::Elect(elect) => RegisterCommand::Elect {
                expect: elect.expect,
                candidate: replica(elect.candidate)?,
                incarnation: incarnation(elect.incarnation)?,
                log_end: elect.log_end,
                drop: elect.drop.map(replica).transpose()?,
            },
            Wire::AlterInSync(alter) => RegisterCommand::AlterInSync {
                expect: alter.expect,
                epoch: alter.epoch,
                in_sync: decode_set(alter.in_sync)?,
                added: alter.added.map(decode_disk).transpose()?,
            },
            Wire::Enrol(enrol) => {
                let (replica, incarnation) = decode_disk(required(enrol.disk, "disk")?)?;
                RegisterCommand::Enrol { replica, incarnation, epoch: enrol.epoch }
            }
        })
    }
}

impl From<Refusal> for v1::RegisterRefusal {
    fn from(refusal: Refusal) -> Self {
        use v1::register_refusal::Refusal as Wire;
        let refusal = match refusal {
            Refusal::Stale { version, expected } => Wire::Stale(v1::Stale { version, expected }),
            Refusal::Fenced { epoch, current } => Wire::Fenced(v1::EpochOver { epoch, current }),
            Refusal::Ineligible { candidate } => Wire::Ineligible(candidate.into()),
            Refusal::OtherDisk { replica } => Wire::OtherDisk(replica.into()),
            Refusal::BadSet => Wire::BadSet(v1::Empty {}),
            Refusal::RegisterLostData { replica, epoch, current } => {
                let replica = replica.into();
                Wire::RegisterLostData(v1::RegisterLostData { replica, epoch, current })
            }
        };
        v1::RegisterRefusal { refusal: Some(refusal) }
    }
}

impl TryFrom<v1::RegisterRefusal> for Refusal {
    type Error = DecodeError;

    fn try_from(refusal: v1::RegisterRefusal) -> Result<Self, DecodeError> {
        use v1::register_refusal::Refusal as Wire;
        Ok(match required(refusal.refusal, "refusal of the register")? {
            Wire::Stale(v1::Stale { version, expected }) => Refusal::Stale { version, expected },
            Wire::Fenced(v1::EpochOver { epoch, current }) => Refusal::Fenced { epoch, current },
            Wire::Ineligible(candidate) => Refusal::Ineligible { candidate: replica(candidate)? },
            Wire::OtherDisk(other) => Refusal::OtherDisk { replica: replica(other)? },
            Wire::BadSet(v1::Empty {}) => Refusal::BadSet,
            Wire::RegisterLostData(lost) => Refusal::RegisterLostData {
                replica: replica(lost.replica)?,
                epoch: lost.epoch,
                current: lost.current,
            },
        })
    }
}
