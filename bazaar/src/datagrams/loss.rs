//! Losses on purpose: what a bad network does, for tests.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Decides which datagrams are lost on their way in.
#[derive(Debug, Default)]
pub struct Loss(Option<(f64, Box<ChaCha8Rng>)>);

impl Loss {
    /// Loses each datagram with this probability, from 0 to 1; the same ones of a sequence for the same seed.
    pub fn new(probability: f64, seed: u64) -> Loss {
        let some = probability > 0.0;
        Loss(some.then(|| (probability.min(1.0), Box::new(ChaCha8Rng::seed_from_u64(seed)))))
    }

    /// Is the next one lost?
    pub(super) fn strikes(&mut self) -> bool {
        match &mut self.0 {
            Some((probability, rng)) => rng.random_bool(*probability),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_loses_the_same_and_about_as_many_as_asked_for() {
        let draw = |probability, seed| {
            let mut loss = Loss::new(probability, seed);
            (0..10_000).map(|_| loss.strikes()).collect::<Vec<bool>>()
        };
        let lost = draw(0.2, 7).into_iter().filter(|lost| *lost).count();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert_eq!(draw(0.2, 7), draw(0.2, 7));
        assert_ne!(draw(0.2, 7), draw(0.2, 8));
        assert!(!draw(0.0, 7).contains(&true) && !draw(1.0, 7).contains(&false));
    }
}
