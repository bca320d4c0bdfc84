//! Who speaks, checked before anything else is read.

use node::service::ServiceId;

use crate::convert::{no_longer, required};
use crate::error::DecodeError;
use crate::limits::MAX_CLUSTER_BYTES;
use crate::v1;

/// Version of the protocol that this program speaks. Raised when an older reader would misunderstand.
pub const PROTOCOL: u32 = 1;

/// Oldest version that this program still understands.
pub const OLDEST_PROTOCOL: u32 = 1;

/// Who speaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who.
    pub service: ServiceId,
    /// Whom the sender believes to speak to.
    pub peer: ServiceId,
    /// Of which deployment.
    pub cluster: String,
    /// Version the sender speaks.
    pub protocol: u32,
    /// Oldest version the sender understands.
    pub oldest_protocol: u32,
}

/// Why two services do not talk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Of another deployment.
    #[error("{service} belongs to cluster {theirs:?}, this is cluster {ours:?}")]
    Cluster {
        /// Who speaks.
        service: ServiceId,
        /// Their deployment.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// No common version of the protocol.
    #[error(
        "{service} speaks protocol {oldest} to {protocol}, this program {OLDEST_PROTOCOL} to {PROTOCOL}"
    )]
    Protocol {
        /// Who speaks.
        service: ServiceId,
        /// Their newest.
        protocol: u32,
        /// Their oldest.
        oldest: u32,
    },
    /// They are somebody else than the address book says.
    #[error("expected {expected} at this address, found {found}")]
    WrongPeer {
        /// Who should be there.
        expected: ServiceId,
        /// Who is.
        found: ServiceId,
    },
    /// They believe that this is somebody else.
    #[error("{service} looks for {wanted}, this is {us}")]
    NotUs {
        /// Who speaks.
        service: ServiceId,
        /// Whom they look for.
        wanted: ServiceId,
        /// Who this is.
        us: ServiceId,
    },
}

impl Hello {
    /// What `us` says to `peer`.
    pub fn new(us: ServiceId, peer: ServiceId, cluster: &str) -> Self {
        Hello {
            service: us,
            peer,
            cluster: cluster.to_owned(),
            protocol: PROTOCOL,
            oldest_protocol: OLDEST_PROTOCOL,
        }
    }

    /// May `us` of `cluster` talk with whoever said this?
    pub fn check(&self, us: ServiceId, cluster: &str) -> Result<(), HelloError> {
        let service = self.service;
        if self.cluster != cluster {
            let (theirs, ours) = (self.cluster.clone(), cluster.to_owned());
            return Err(HelloError::Cluster { service, theirs, ours });
        }
        if self.protocol < OLDEST_PROTOCOL || self.oldest_protocol > PROTOCOL {
            let (protocol, oldest) = (self.protocol, self.oldest_protocol);
            return Err(HelloError::Protocol { service, protocol, oldest });
        }
        if self.peer != us {
            return Err(HelloError::NotUs { service, wanted: self.peer, us });
        }
        Ok(())
    }
}

impl From<Hello> for v1::Hello {
    fn from(hello: Hello) -> Self {
        v1::Hello {
            service: Some(hello.service.into()),
            cluster: hello.cluster,
            protocol: hello.protocol,
            oldest_protocol: hello.oldest_protocol,
            peer: Some(hello.peer.into()),
        }
    }
}

impl TryFrom<v1::Hello> for Hello {
    type Error = DecodeError;

    fn try_from(hello: v1::Hello) -> Result<Self, DecodeError> {
        no_longer(hello.cluster.len(), MAX_CLUSTER_BYTES, "a cluster name")?;
        Ok(Hello {
            service: required(hello.service, "service of a hello")?.try_into()?,
            peer: required(hello.peer, "peer of a hello")?.try_into()?,
            cluster: hello.cluster,
            protocol: hello.protocol,
            oldest_protocol: hello.oldest_protocol,
        })
    }
}
