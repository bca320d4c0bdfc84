//! The only source of chance in a world: a ChaCha stream that is the same everywhere for the same seed.

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of choices.
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of a seed. `stream` keeps the choices of separate concerns apart.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut inner = ChaCha8Rng::seed_from_u64(seed);
        inner.set_stream(stream);
        Rng(inner)
    }

    /// Any 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 0 up to but not including `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Like [`Rng::between`], but every order of magnitude is equally likely.
    pub fn between_log(&mut self, low: u64, high: u64) -> u64 {
        let (low_ln, high_ln) = ((low.max(1) as f64).ln(), (high.max(1) as f64).ln());
        ((low_ln + (high_ln - low_ln) * self.unit()).exp() as u64).clamp(low, high)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// 0.0 up to but not including 1.0.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponentially distributed with this mean, cut at ten times the mean.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let drawn = -(1.0 - self.unit()).ln() * mean as f64;
        (drawn as u64).min(mean.saturating_mul(10))
    }

    /// One of several; the slice must not be empty.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn same_seed_same_choices_other_stream_other_choices() {
        let draw = |seed, stream| {
            let mut rng = Rng::new(seed, stream);
            (0..50).map(|_| rng.between(3, 900)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 0), draw(7, 0));
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 0), draw(8, 0));
    }

    #[test]
    fn ranges_hold_their_ends() {
        let mut rng = Rng::new(1, 0);
        for _ in 0..2_000 {
            assert!((5..=9).contains(&rng.between(5, 9)));
            assert!((5..=9_000).contains(&rng.between_log(5, 9_000)));
            assert!(rng.below(3) < 3);
        }
        assert_eq!(rng.between(4, 4), 4);
        assert!(!rng.chance(0.0));
        assert!(rng.chance(1.0));
    }
}
