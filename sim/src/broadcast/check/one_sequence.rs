//! Every member delivers the same sequence, without a gap, in every life and on every disk that it ever had.
//!
//! Source: PROTOCOLS.md D.4, uniform total order; E.3, "prefix comparison and hash chain over the deliveries of all members,
//! crashed ones included". Equal chain hashes mean equal prefixes, so one comparison per delivery compares everything.

use replication::contract::{ChainHash, Command, Entry, Position};

use crate::invariants::Broken;

/// The property's name.
pub const NAME: &str = "one_sequence";

/// The one sequence: what anybody delivered first at each position.
#[derive(Default)]
pub struct OneSequence {
    entries: Vec<(ChainHash, Command)>,
}

impl OneSequence {
    /// Last position that anybody delivered.
    pub fn end(&self) -> Position {
        self.entries.len() as Position
    }

    /// Hash of the prefix that ends there, if anybody delivered it.
    pub fn hash(&self, position: Position) -> Option<ChainHash> {
        match position {
            0 => Some(ChainHash::EMPTY),
            _ => self.entries.get(position as usize - 1).map(|(hash, _)| *hash),
        }
    }

    /// What stands there, if anybody delivered it.
    pub fn command(&self, position: Position) -> Option<&Command> {
        self.entries.get((position as usize).checked_sub(1)?).map(|(_, command)| command)
    }

    /// A member whose last position was `cursor` delivers. True if nobody has delivered this position before.
    pub fn delivered(
        &mut self,
        member: u8,
        cursor: Position,
        entry: &Entry,
    ) -> Result<bool, Broken> {
        let position = entry.position;
        if position != cursor + 1 {
            return Err((
                NAME,
                format!("member {member} delivers {position} right after {cursor}"),
            ));
        }
        if let Some((hash, command)) = self.entries.get(position as usize - 1) {
            if *hash != entry.hash || *command != entry.command {
                return Err((
                    NAME,
                    format!(
                        "member {member} delivers another command at {position}, or after another prefix"
                    ),
                ));
            }
            return Ok(false);
        }
        let before = self.hash(position - 1);
        let before = before.ok_or_else(|| {
            (
                NAME,
                format!("member {member} delivers {position} after a prefix that nobody delivered"),
            )
        })?;
        if before.extend(&entry.command) != entry.hash {
            return Err((
                NAME,
                format!("member {member}'s hash at {position} is not that of the prefix"),
            ));
        }
        self.entries.push((entry.hash, entry.command.clone()));
        Ok(true)
    }

    /// A member goes on from a state that was given to it, or that it found on its disk.
    pub fn reflects(&self, member: u8, position: Position, hash: ChainHash) -> Result<(), Broken> {
        match self.hash(position) {
            Some(known) if known == hash => Ok(()),
            known => Err((
                NAME,
                format!(
                    "member {member} has a state as of {position} with {hash:?}, the sequence has {known:?}"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn entry(position: Position, before: ChainHash, text: &'static [u8]) -> Entry {
        Entry { position, hash: before.extend(text), command: Bytes::from_static(text) }
    }

    #[test]
    fn another_command_a_gap_and_a_wrong_hash_are_seen() {
        let mut one = OneSequence::default();
        let first = entry(1, ChainHash::EMPTY, b"a");
        assert_eq!(one.delivered(1, 0, &first), Ok(true));
        assert_eq!(one.delivered(2, 0, &first), Ok(false));
        assert!(one.delivered(3, 0, &entry(1, ChainHash::EMPTY, b"b")).is_err());
        assert!(one.delivered(1, 1, &entry(3, first.hash, b"c")).is_err());
        assert!(one.delivered(1, 1, &entry(2, ChainHash::EMPTY, b"c")).is_err());
        assert_eq!(one.delivered(1, 1, &entry(2, first.hash, b"c")), Ok(true));
        assert!(one.reflects(2, 1, first.hash).is_ok());
        assert!(one.reflects(2, 2, first.hash).is_err());
    }
}
