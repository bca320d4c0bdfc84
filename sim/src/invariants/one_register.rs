//! The register has one history: a version is one configuration, and its own rules hold in each.
//!
//! Source: the invariants of `replication::register::Configuration`; PROTOCOLS.md A.2, A.7 (I3 rests on it).

use replication::register::Configuration;

use super::Broken;

const NAME: &str = "one_register";

/// The newest configuration that left the catalog.
#[derive(Default)]
pub struct Register {
    newest: Configuration,
}

impl Register {
    /// The newest configuration.
    pub fn newest(&self) -> &Configuration {
        &self.newest
    }

    /// The catalog told a configuration to somebody. Returns the one before, if this one is new.
    pub fn told(&mut self, configuration: &Configuration) -> Result<Option<Configuration>, Broken> {
        if configuration == &self.newest {
            return Ok(None);
        }
        if configuration.version <= self.newest.version {
            // Links reorder messages, but here they are seen as they are sent, and the catalog never unlearns.
            let detail = format!("{configuration:?} was told after {:?}", self.newest);
            return Err((NAME, detail));
        }
        let sound = configuration.epoch >= self.newest.epoch
            && configuration.leader.is_none_or(|leader| configuration.in_sync.contains(&leader))
            && configuration.in_sync.iter().all(|id| configuration.incarnations.contains_key(id));
        if !sound {
            return Err((NAME, format!("{configuration:?} follows {:?}", self.newest)));
        }
        Ok(Some(std::mem::replace(&mut self.newest, configuration.clone())))
    }
}
