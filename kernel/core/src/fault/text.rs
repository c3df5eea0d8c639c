//! The small words of rules: probabilities, times, names of machines.
use alloc::string::{String, ToString};
use core::fmt;
use core::time::Duration;

/// The longest name of a machine, bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a part of a rule is none.
pub(super) type Reason = &'static str;

pub(super) fn probability(text: &str) -> Result<f64, Reason> {
    let value: f64 = text.parse().map_err(|_| "expected a probability from 0 to 1")?;
    // Minus zero would not be read as it is printed.
    if (0.0..=1.0).contains(&value) { Ok(value.abs()) } else { Err("a probability is from 0 to 1") }
}

/// Units, the longest first, with their nanoseconds.
const UNITS: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// Reads `5ms`, `200us`, `1.5s`, `10ns`.
pub fn parse_span(text: &str) -> Result<Duration, &'static str> {
    const WANTED: Reason = "expected a time such as 5ms, 200us or 1.5s";
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(WANTED)?;
    let (number, unit) = text.split_at(digits);
    let &(_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(WANTED)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || part.is_empty() || part.contains('.') {
        return Err(WANTED);
    }
    let whole: u64 = whole.parse().map_err(|_| "the time is too long")?;
    let mut total = whole.checked_mul(nanos).ok_or("the time is too long")?;
    let mut place = nanos;
    for digit in part.bytes().map(|digit| u64::from(digit - b'0')) {
        if place % 10 != 0 && digit != 0 {
            return Err("a time is in whole nanoseconds");
        }
        place /= 10;
        total = total.checked_add(digit * place).ok_or("the time is too long")?;
    }
    Ok(Duration::from_nanos(total))
}

/// A time as [`parse_span`] reads it.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        let (unit, size) = UNITS.into_iter().find(|(_, size)| nanos >= *size).unwrap_or(("s", 1));
        write!(f, "{}", nanos / size)?;
        let mut rest = nanos % size;
        if rest > 0 {
            f.write_str(".")?;
            let mut place = size;
            while rest > 0 {
                place /= 10;
                write!(f, "{}", rest / place)?;
                rest %= place;
            }
        }
        f.write_str(unit)
    }
}

/// Checks the name of a machine: letters, digits, `_` and `-`.
pub fn check_name(text: &str) -> Result<(), &'static str> {
    let right = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.chars().all(right) {
        return Err("a machine's name is 1 to 64 letters, digits, '_' and '-'");
    }
    Ok(())
}

pub(super) fn name(text: &str) -> Result<String, Reason> {
    check_name(text).map(|()| text.to_string())
}
