//! What is sent to the catalog in an epoch comes from one life of one replica.
//!
//! Source: PROTOCOLS.md A.4 (a crashed leader never resumes its own epoch); batches and questions are named by epoch, so another life
//! would use names again that are taken. Judged whenever an order replica sends the catalog something with an epoch on it.

use std::collections::BTreeMap;

use replication::contract::Epoch;

use super::Broken;

const NAME: &str = "an_epoch_has_one_life";

/// Which host used each epoch, in which life.
#[derive(Default)]
pub struct Lives(BTreeMap<Epoch, (usize, u32)>);

impl Lives {
    /// A process spoke in an epoch.
    pub fn saw(&mut self, epoch: Epoch, host: usize, life: u32) -> Result<(), Broken> {
        let known = *self.0.entry(epoch).or_insert((host, life));
        match known == (host, life) {
            true => Ok(()),
            false => Err((
                NAME,
                format!(
                    "epoch {epoch} was used by host and life {known:?}, and by {:?}",
                    (host, life)
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lives;

    #[test]
    fn a_second_life_is_seen() {
        let mut lives = Lives::default();
        assert!(lives.saw(3, 1, 1).is_ok());
        assert!(lives.saw(3, 1, 1).is_ok());
        assert!(lives.saw(4, 1, 3).is_ok());
        assert!(lives.saw(3, 1, 3).is_err());
    }
}
