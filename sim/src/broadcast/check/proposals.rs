//! What was proposed, by whom, and where it came to stand. Commands name themselves, so that judges need no map of bytes.

use bytes::Bytes;
use replication::contract::{Command, Position};
use replication::rotating_sequencer::Life;

/// A command that an engine took or refused.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The command.
    pub command: Command,
    /// The member that was asked.
    pub member: u8,
    /// Its disk and its start then.
    pub life: Life,
    /// How many commands this start of the member had taken before.
    pub count: u64,
    /// The engine took it.
    pub taken: bool,
    /// When, in µs.
    pub at: u64,
    /// Where it stands, once anybody delivered it.
    pub position: Option<Position>,
}

/// All of them.
#[derive(Default)]
pub struct Proposals(Vec<Proposal>);

impl Proposals {
    /// The next command, of this many bytes beyond its name.
    pub fn next_command(&self, ahead: usize, padding: usize) -> Command {
        let mut bytes = ((self.0.len() + ahead) as u32).to_be_bytes().to_vec();
        bytes.resize(4 + padding, 0x5a);
        Bytes::from(bytes)
    }

    /// Remembers one; it must be the one that [`Proposals::next_command`] named.
    pub fn push(&mut self, proposal: Proposal) {
        assert_eq!(
            number(&proposal.command),
            Some(self.0.len()),
            "commands are numbered as they are proposed"
        );
        self.0.push(proposal);
    }

    /// The proposal of a command, if its bytes are exactly those that were proposed.
    pub fn of(&mut self, command: &Command) -> Option<&mut Proposal> {
        self.0.get_mut(number(command)?).filter(|proposal| proposal.command == *command)
    }

    /// All of them, in the sequence in which they were proposed.
    pub fn iter(&self) -> impl Iterator<Item = &Proposal> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None yet?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The number in a command's name.
pub fn number(command: &[u8]) -> Option<usize> {
    let name: [u8; 4] = command.get(..4)?.try_into().ok()?;
    Some(u32::from_be_bytes(name) as usize)
}
