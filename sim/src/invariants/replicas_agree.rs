//! At one position of a group's sequence every replica applies the same command after the same prefix, now and for ever.
//!
//! Source: the agreement promise of `replication::contract`; Ongaro and Ousterhout (2014), State Machine Safety. Judged
//! whenever a replica tells its store what it applied, also when it applies it again, and whenever it takes a snapshot: the chain
//! hash beside the rows names the whole prefix.

use std::collections::BTreeMap;

use market::rows::{RowChange, Table};
use node::service::ServiceKind;
use replication::contract::{ChainHash, Position};

use super::Broken;

const NAME: &str = "replicas_agree";

/// What was applied at each position, by group.
#[derive(Default)]
pub struct Prefixes(BTreeMap<(ServiceKind, Position), ChainHash>);

impl Prefixes {
    /// A replica applied a prefix.
    pub fn saw(
        &mut self,
        group: ServiceKind,
        position: Position,
        hash: ChainHash,
    ) -> Result<(), Broken> {
        let known = *self.0.entry((group, position)).or_insert(hash);
        match known == hash {
            true => Ok(()),
            false => {
                Err((NAME, format!("position {position} of {group} is {known:?} and {hash:?}")))
            }
        }
    }
}

/// The chain hash among row changes.
pub fn hash_among(changes: &[RowChange]) -> Option<ChainHash> {
    let row = changes.iter().find(|row| row.table == Table::Facts && row.key == b"chain")?;
    Some(ChainHash(row.value.as_ref()?.as_slice().try_into().ok()?))
}

/// Row changes of one position must say which prefix they belong to.
pub fn no_hash(group: ServiceKind, position: Position) -> Broken {
    (NAME, format!("a replica of {group} applied position {position} without its chain hash"))
}

#[cfg(test)]
mod tests {
    use super::Prefixes;
    use node::service::ServiceKind;
    use replication::contract::ChainHash;

    #[test]
    fn another_command_at_the_same_position_is_seen() {
        let (mut prefixes, catalog) = (Prefixes::default(), ServiceKind::Catalog);
        assert!(prefixes.saw(catalog, 4, ChainHash([1; 16])).is_ok());
        assert!(prefixes.saw(catalog, 4, ChainHash([1; 16])).is_ok());
        assert!(prefixes.saw(ServiceKind::Orders, 4, ChainHash([2; 16])).is_ok());
        assert!(prefixes.saw(catalog, 4, ChainHash([2; 16])).is_err());
    }
}
