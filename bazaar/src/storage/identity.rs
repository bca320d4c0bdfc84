//! What a folder knows about itself: whose it is, which incarnation its contents are, how often it was started.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use crc32c::crc32c;
use replication::contract::Incarnation;

use super::files::{self, FileError};
use crate::driver::clock;

const TITLE: &str = "bazaar-identity 1";
/// First boot numbers are drawn below this. They do not begin at 1, so that a folder which was removed by hand does not
/// repeat the numbers of the one before it; and they stay small, so that sessions can be numbered above them.
const FIRST_BOOTS: u64 = 1 << 20;

/// What has to be finished before the contents may be used. Written before it is begun, so a crash in between cannot leave
/// half of it unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing.
    Ready,
    /// The contents are being thrown away.
    Emptying,
    /// The log is being set aside; the store stays.
    SettingAside,
}

/// The identity file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Whose folder it is.
    pub owner: String,
    /// Of these contents.
    pub incarnation: Incarnation,
    /// Of the present start; never repeats.
    pub boot: u64,
    /// What is under way.
    pub phase: Phase,
}

/// An identity file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// The contents are not what was written.
    #[error("{0} is damaged")]
    Damaged(String),
}

impl Identity {
    /// Of a new folder.
    pub fn create(owner: &str) -> Result<Identity, FileError> {
        let boot = files::random()? % FIRST_BOOTS + 1;
        let incarnation = later_than(0);
        Ok(Identity { owner: owner.to_owned(), incarnation, boot, phase: Phase::Emptying })
    }

    /// The next start of the same contents.
    pub fn next_boot(self) -> Identity {
        Identity { boot: self.boot + 1, ..self }
    }

    /// Contents that are no longer what peers were told about.
    pub fn renew(self, phase: Phase) -> Result<Identity, FileError> {
        Ok(Identity { incarnation: later_than(self.incarnation), phase, ..self })
    }

    /// Reads the file; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Identity>, IdentityError> {
        match fs::read(path) {
            Ok(bytes) => match parse(&bytes) {
                Some(identity) => Ok(Some(identity)),
                None => Err(IdentityError::Damaged(path.display().to_string())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::at("cannot read", path)(error).into()),
        }
    }

    /// Replaces the file durably.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::replace(path, self.text().as_bytes())
    }

    fn text(&self) -> String {
        let phase = match self.phase {
            Phase::Ready => "ready",
            Phase::Emptying => "emptying",
            Phase::SettingAside => "setting-aside",
        };
        let (owner, incarnation, boot) = (&self.owner, self.incarnation, self.boot);
        let mut text = format!(
            "{TITLE}\nowner {owner}\nincarnation {incarnation}\nboot {boot}\nphase {phase}\n"
        );
        let sum = crc32c(text.as_bytes());
        writeln!(text, "checksum {sum}").expect("writing to a string cannot fail");
        text
    }
}

fn parse(bytes: &[u8]) -> Option<Identity> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    field("bazaar-identity").filter(|version| *version == "1")?;
    let identity = Identity {
        owner: field("owner")?.to_owned(),
        incarnation: number(field("incarnation")?)?,
        boot: number(field("boot")?)?,
        phase: match field("phase")? {
            "ready" => Phase::Ready,
            "emptying" => Phase::Emptying,
            "setting-aside" => Phase::SettingAside,
            _ => return None,
        },
    };
    // Writing it again must give the very same bytes: this checks the checksum and everything else.
    (identity.text() == text).then_some(identity)
}

fn number<N: FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}

/// An incarnation greater than an earlier one of the same replica, also of one whose folder is gone: microseconds since 1970.
/// The register refuses a smaller one, since it could be a message of a disk that was lost.
fn later_than(before: Incarnation) -> Incarnation {
    let micros = clock::now().wall.0.saturating_mul(1_000);
    micros.max(before.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity");
        assert_eq!(Identity::read(&path).unwrap(), None);
        for phase in [Phase::Ready, Phase::Emptying, Phase::SettingAside] {
            let identity = Identity { phase, ..Identity::create("orders-2").unwrap() };
            assert!(identity.incarnation != 0 && identity.boot != 0);
            identity.write(&path).unwrap();
            assert_eq!(Identity::read(&path).unwrap(), Some(identity));
        }
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            assert!(matches!(Identity::read(&path), Err(IdentityError::Damaged(_))), "byte {at}");
        }
    }
}
