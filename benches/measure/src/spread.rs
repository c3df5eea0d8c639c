//! Several rounds as one figure.
use serde::{Deserialize, Serialize};

/// The median of several rounds, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// `None` if there is no value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Some(Self { median, min, max })
    }

    /// With so many decimals: the median (least-most).
    pub fn show(this: Option<Self>, decimals: usize) -> String {
        match this {
            None => "-".into(),
            Some(Self { median, min, max }) => {
                format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
            }
        }
    }
}
