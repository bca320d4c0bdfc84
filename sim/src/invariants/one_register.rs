//! The register has one history: a version is one configuration, and its own rules hold in each.
//!
//! Source: the invariants of `replication::register::Configuration`; PROTOCOLS.md A.2, A.7 (I3 rests on it).

use std::collections::BTreeMap;

use replication::register::Configuration;

use super::Broken;

const NAME: &str = "one_register";

/// Configurations that left the catalogs.
#[derive(Default)]
pub struct Register {
    newest: Configuration,
    known: BTreeMap<u64, Configuration>,
    /// The newest version each catalog told.
    told: BTreeMap<usize, u64>,
}

impl Register {
    /// The newest configuration.
    pub fn newest(&self) -> &Configuration {
        &self.newest
    }

    /// A catalog told a configuration to somebody. Returns the one before, if this one is new.
    pub fn told(
        &mut self,
        catalog: usize,
        configuration: &Configuration,
    ) -> Result<Option<Configuration>, Broken> {
        // Links reorder messages, but here they are seen as they are sent, and a catalog that leads never unlearns. Another one
        // that was deposed and does not know it may lag behind.
        let told = self.told.entry(catalog).or_default();
        if configuration.version < *told {
            let detail = format!("catalog-{} told {configuration:?} after {told}", catalog + 1);
            return Err((NAME, detail));
        }
        *told = configuration.version;
        if configuration.version <= self.newest.version {
            return self.again(configuration).map(|()| None);
        }
        let sound = configuration.epoch >= self.newest.epoch
            && configuration.leader.is_none_or(|leader| configuration.in_sync.contains(&leader))
            && configuration.in_sync.iter().all(|id| configuration.incarnations.contains_key(id));
        if !sound {
            return Err((NAME, format!("{configuration:?} follows {:?}", self.newest)));
        }
        self.known.insert(configuration.version, configuration.clone());
        Ok(Some(std::mem::replace(&mut self.newest, configuration.clone())))
    }

    /// A version that is not the newest: one that nobody was told before is between two that are known.
    fn again(&mut self, configuration: &Configuration) -> Result<(), Broken> {
        let version = configuration.version;
        let known = match version {
            0 => &Configuration::default(),
            _ => &*self.known.entry(version).or_insert_with(|| configuration.clone()),
        };
        match known == configuration {
            true => Ok(()),
            false => Err((NAME, format!("{configuration:?} and {known:?} have the same version"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Register;
    use replication::register::Configuration;

    fn version(version: u64, epoch: u64) -> Configuration {
        Configuration { version, epoch, ..Configuration::default() }
    }

    #[test]
    fn a_deposed_catalog_may_lag_but_not_contradict() {
        let mut register = Register::default();
        assert!(register.told(0, &version(3, 1)).is_ok());
        assert!(register.told(1, &version(5, 2)).is_ok());
        assert!(register.told(0, &version(3, 1)).is_ok());
        assert!(register.told(0, &version(5, 3)).is_err());
        assert!(register.told(1, &version(4, 2)).is_err(), "it told 5 before");
        assert_eq!(register.newest().version, 5);
    }
}
