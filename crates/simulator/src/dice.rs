//! Chance that depends on the seed and on *what* is decided, never on *when*: two runs in which tasks
//! interleave differently still give every number the same person and every message the same fault.

use rand::{Rng, SeedableRng, rngs::SmallRng};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice {
    seed: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The random numbers that belong to one named question, e.g. `["person", "+1555…", "0"]`.
    pub(crate) fn about(self, question: &[&str]) -> SmallRng {
        SmallRng::seed_from_u64(question.iter().fold(self.seed ^ FNV_OFFSET, |hash, part| {
            // The separator keeps ["a", "bc"] apart from ["ab", "c"].
            part.bytes().chain([0xff]).fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
        }))
    }

    /// Whether a thing of this probability happens.
    pub(crate) fn happens(self, probability: f64, question: &[&str]) -> bool {
        probability > 0.0 && self.about(question).random::<f64>() < probability
    }
}

// FNV-1a, written out because the standard hasher promises no stable result between releases.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
