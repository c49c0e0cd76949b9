//! Dollars and quantities as whole numbers: what a price is, how it is multiplied, rounded and shown.
//! Never a float: sums of money must be exact, and what is shown must add up.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

/// One cent in the units of [`Money`].
const CENT: i128 = 1_000_000;

/// US dollars in units of 1e-8: small enough for the price of one request, large enough for 92 billion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(i64);

/// How much of a unit, in thousandths: 182.5 vCPU-hours is `Quantity::thousandths(182_500)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity(i64);

impl Money {
    pub const ZERO: Self = Self(0);

    /// Whole cents: `Money::cents(1234)` is $12.34.
    pub const fn cents(cents: i32) -> Self {
        Self(cents as i64 * CENT as i64)
    }

    /// `"0.04048"` → $0.04048; `None` unless digits, at most one point and at most 8 decimals.
    pub fn parse(text: &str) -> Option<Self> {
        decimal(text, 8).map(Self)
    }

    /// Price times quantity, rounded half up to the cent, so that shown lines add up to the shown total. `None` when it overflows.
    pub fn times(self, quantity: Quantity) -> Option<Self> {
        let thousandths = i128::from(self.0).checked_mul(i128::from(quantity.0))?;
        let cents = (thousandths + 500 * CENT).div_euclid(1_000 * CENT);
        i64::try_from(cents.checked_mul(CENT)?).ok().map(Self)
    }

    /// All decimals that matter, at least two: `$0.004445`, `$8.00`. For unit prices.
    pub fn exact(self) -> String {
        let (dollars, rest) = (self.0.unsigned_abs() / 100_000_000, self.0.unsigned_abs() % 100_000_000);
        let decimals = format!("{rest:08}");
        let kept = decimals.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}${}.{}", crate::text::count(dollars), decimals.get(..kept).unwrap_or(&decimals))
    }

    /// With a sign, for differences: `+$36.50`, `-$9.01`.
    pub fn signed(self) -> String {
        if self.0 > 0 { format!("+{self}") } else { self.to_string() }
    }
}

impl Quantity {
    pub const fn thousandths(n: i64) -> Self {
        Self(n)
    }

    /// Whole units; saturates far above anything that is ever counted here.
    pub fn whole(n: u64) -> Self {
        Self(i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// `"182.5"` → 182.5; at most three decimals.
    pub fn parse(text: &str) -> Option<Self> {
        decimal(text, 3).map(Self)
    }

    pub(super) const fn in_thousandths(self) -> i64 {
        self.0
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This many of it.
    #[must_use]
    pub fn by(self, n: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX)))
    }
}

/// Digits with at most `places` decimals as a whole number of the smallest unit.
fn decimal(text: &str, places: usize) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}

impl fmt::Display for Money {
    /// `$12.34`, `-$1,234.00`; rounded half up to the cent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = (i128::from(self.0.unsigned_abs()) + CENT / 2) / CENT;
        let dollars = u64::try_from(cents / 100).unwrap_or(u64::MAX);
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        f.pad(&format!("{sign}${}.{:02}", crate::text::count(dollars), cents % 100))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        let whole = crate::text::count(whole.unsigned_abs());
        if rest == 0 { f.pad(&whole) } else { f.pad(format!("{whole}.{rest:03}").trim_end_matches('0')) }
    }
}

impl serde::Serialize for Money {
    /// A text such as `"12.34"`, with every decimal that matters: JSON numbers are floats.
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.exact().replace(['$', ','], ""))
    }
}

impl serde::Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_string().replace(',', ""))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_and_shown_exactly() {
        for (text, shown, exact) in
            [("0.04048", "$0.04", "$0.04048"), ("8", "$8.00", "$8.00"), ("1234.5", "$1,234.50", "$1,234.50"), ("0.005", "$0.01", "$0.005")]
        {
            let money = Money::parse(text).unwrap();
            assert_eq!((money.to_string().as_str(), money.exact().as_str()), (shown, exact));
        }
        for bad in ["", "-1", "1.", ".5", "1.2.3", "1,000", "0.123456789"] {
            assert_eq!(Money::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn products_are_rounded_half_up_to_the_cent() {
        let times = |price: &str, quantity: &str| Money::parse(price).unwrap().times(Quantity::parse(quantity).unwrap()).unwrap();
        assert_eq!(times("0.0225", "730"), Money::cents(1643)); // 16.425
        assert_eq!(times("0.04048", "182.5"), Money::cents(739)); // 7.3876
        assert_eq!(times("0.004445", "365"), Money::cents(162)); // 1.622425
    }

    #[test]
    fn differences_carry_their_sign() {
        assert_eq!((Money::cents(100) - Money::cents(250)).signed(), "-$1.50");
        assert_eq!(Money::cents(150).signed(), "+$1.50");
        assert_eq!(Money::ZERO.signed(), "$0.00");
        assert_eq!(Quantity::thousandths(1_182_500).to_string(), "1,182.5");
    }
}
