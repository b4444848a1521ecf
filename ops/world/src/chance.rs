//! Chance that can be repeated: the same seed draws the same. It must never be used where a secret is needed.

/// A stream of numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// A number in `0..bound`; 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // 128 bits, so that small bounds are not favoured over large ones.
        u64::try_from((u128::from(self.draw()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// True `permille` times of a thousand.
    pub fn permille(&mut self, permille: u32) -> bool {
        self.below(1000) < u64::from(permille)
    }

    /// One of `choices`, which are never empty: a table of this crate.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        &choices[at]
    }
}

/// The stream that belongs to a text, such as a shipment's id: the same text in every process, so that a
/// repeated request is answered alike.
#[must_use]
pub fn of_text(text: &str) -> Chance {
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    Chance::new(mixed(hash))
}

fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_something_else() {
        let draws = |seed| {
            let mut chance = Chance::new(seed);
            (0..20).map(|_| chance.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        assert_eq!(of_text("a").draw(), of_text("a").draw());
        assert_ne!(of_text("a").draw(), of_text("b").draw());
    }

    #[test]
    fn draws_stay_below_their_bound_and_reach_all_of_it() {
        let mut chance = Chance::new(1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[chance.below(10) as usize] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(chance.below(0), 0);
        assert!((0..1000).filter(|_| chance.permille(100)).count().abs_diff(100) < 50);
        assert!(!chance.permille(0) && chance.permille(1000));
    }
}
