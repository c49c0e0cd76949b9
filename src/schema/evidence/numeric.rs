//! Which precision a `numeric` without one gets: one that holds every value there is, with room.
//! Never narrower than the default, and never another than a person chose.

use crate::schema::options::Numeric;

/// The widest of a column's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digits {
    /// Before the point; none for numbers below 1.
    pub whole: u64,
    /// After the point, without zeros at the end.
    pub scale: u64,
    pub nan: u64,
    pub infinite: u64,
}

impl Digits {
    /// From the values of [`super::probe::Ask::aggregates`]: the largest number, the scale, and two counts.
    pub fn read(values: &[Option<String>]) -> Self {
        let text = |at: usize| values.get(at).and_then(Option::as_deref).unwrap_or("0");
        let number = |at: usize| text(at).parse().unwrap_or_default();
        let whole = text(0).split('.').next().unwrap_or_default().trim_start_matches('0');
        Self { whole: whole.len() as u64, scale: number(1), nan: number(2), infinite: number(3) }
    }

    pub fn or(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            scale: self.scale.max(other.scale),
            nan: self.nan.saturating_add(other.nan),
            infinite: self.infinite.saturating_add(other.infinite),
        }
    }
}

/// Whether each of the numbers is stored as it is.
pub fn holds(to: Numeric, digits: &Digits) -> bool {
    digits.scale <= u64::from(to.scale) && digits.whole <= u64::from(to.precision).saturating_sub(u64::from(to.scale))
}

/// The default where it holds; else each side that is too narrow becomes the next full ten above what was measured, so there is room
/// for one digit at least. Without room for that: exactly what was measured. `None` when not even that is within `digits_at_most`.
pub fn choose(default: Numeric, digits: &Digits, digits_at_most: u64) -> Option<Numeric> {
    if holds(default, digits) {
        return Some(default);
    }
    let roomy = |needed: u64, had: u64| if needed <= had { had } else { (needed / 10 + 1) * 10 };
    let scale = u64::from(default.scale);
    let whole = u64::from(default.precision).saturating_sub(scale);
    let candidates = [(roomy(digits.whole, whole), roomy(digits.scale, scale)), (digits.whole, digits.scale)];
    let fits = candidates.into_iter().find(|(whole, scale)| whole + scale <= digits_at_most)?;
    Some(Numeric { precision: u16::try_from(fits.0 + fits.1).ok()?, scale: u16::try_from(fits.1).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Numeric = Numeric { precision: 38, scale: 9 };

    fn digits(whole: u64, scale: u64) -> Digits {
        Digits { whole, scale, ..Digits::default() }
    }

    #[test]
    fn a_precision_is_kept_widened_with_room_or_given_up() {
        for (found, then) in [
            (digits(0, 0), Some((38, 9))),
            (digits(29, 9), Some((38, 9))),
            (digits(3, 10), Some((49, 20))),
            (digits(30, 2), Some((49, 9))),
            (digits(40, 19), Some((70, 20))),
            (digits(900, 95), Some((995, 95))),
            (digits(990, 20), None),
        ] {
            let chosen = choose(DEFAULT, &found, 1000).map(|numeric| (numeric.precision, numeric.scale));
            assert_eq!(chosen, then, "{found:?}");
        }
    }

    #[test]
    fn digits_are_read_from_the_largest_number_and_the_scale() {
        let values = |all: [&str; 4]| all.map(|text| (!text.is_empty()).then(|| text.to_owned()));
        assert_eq!(Digits::read(&values(["0.0012", "4", "0", "0"])), digits(0, 4));
        assert_eq!(Digits::read(&values(["123456789.12", "4", "2", "1"])), Digits { whole: 9, scale: 4, nan: 2, infinite: 1 });
        assert_eq!(Digits::read(&values(["", "", "0", "0"])), digits(0, 0));
    }
}
