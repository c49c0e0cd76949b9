//! Chances that a test can repeat: numbers from a seed, by SplitMix64.
//! Not for secrets, and never seeded from the clock.

#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    /// From 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        // 53 bits are a fraction exactly.
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
