//! How much there is to carry, and how people write such figures.

use crate::history::MeasuredRun;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Everything that a step's duration may depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volumes {
    /// Documents in the migrated indices at the freeze; nested ones not counted.
    pub documents: u64,
    /// Bytes of their primaries on disk.
    pub bytes: u64,
    /// Indices.
    pub indices: u64,
    /// Bytes of the largest index's primaries.
    pub largest_index_bytes: u64,
    /// Rows in the migrated databases.
    #[serde(default)]
    pub rows: u64,
    /// Bytes of the migrated databases as the server counts them.
    pub row_bytes: u64,
    /// Tables with data in them or not.
    #[serde(default)]
    pub tables: u64,
    /// Documents that were written, replaced or removed between a warm copy and the freeze.
    #[serde(default)]
    pub changed: u64,
}

/// One of the [`Volumes`] that durations are fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// [`Volumes::documents`].
    Documents,
    /// [`Volumes::bytes`].
    Bytes,
    /// [`Volumes::indices`].
    Indices,
    /// [`Volumes::largest_index_bytes`].
    LargestIndexBytes,
    /// [`Volumes::row_bytes`].
    RowBytes,
    /// [`Volumes::tables`].
    Tables,
    /// [`Volumes::changed`].
    Changed,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Documents,
        Self::Bytes,
        Self::Indices,
        Self::LargestIndexBytes,
        Self::RowBytes,
        Self::Tables,
        Self::Changed,
    ];

    /// The figure itself.
    #[expect(clippy::cast_precision_loss, reason = "counts and bytes for durations in seconds")]
    pub fn of(self, volumes: &Volumes) -> f64 {
        let n = match self {
            Self::Documents => volumes.documents,
            Self::Bytes => volumes.bytes,
            Self::Indices => volumes.indices,
            Self::LargestIndexBytes => volumes.largest_index_bytes,
            Self::RowBytes => volumes.row_bytes,
            Self::Tables => volumes.tables,
            Self::Changed => volumes.changed,
        };
        n as f64
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Bytes => "bytes of documents",
            Self::Indices => "indices",
            Self::LargestIndexBytes => "bytes of the largest index",
            Self::RowBytes => "bytes of databases",
            Self::Tables => "tables",
            Self::Changed => "documents changed since the warm copy",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// Volumes as far as somebody named them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Documents.
    pub documents: Option<u64>,
    /// Bytes of their primaries on disk.
    pub bytes: Option<u64>,
    /// Indices.
    pub indices: Option<u64>,
    /// Bytes of the largest index.
    pub largest_index_bytes: Option<u64>,
    /// Bytes of the databases.
    pub row_bytes: Option<u64>,
    /// Tables.
    pub tables: Option<u64>,
    /// Documents changed between a warm copy and the freeze.
    pub changed: Option<u64>,
}

/// A figure that nobody named, and where it was taken from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assumed {
    /// Which.
    pub measure: Measure,
    /// What was taken.
    pub value: u64,
    /// Why this.
    pub because: String,
}

impl Asked {
    /// Fills in what nobody named from the shape of what was measured. Growing one named figure never lowers another.
    pub fn complete(&self, runs: &[&MeasuredRun]) -> (Volumes, Vec<Assumed>) {
        let mut assumed = Vec::new();
        let mut taken = |measure, value: f64, because: &str| {
            let value = whole(value);
            assumed.push(Assumed { measure, value, because: because.into() });
            value
        };
        let figure = |measure: Measure| median(runs.iter().map(|r| measure.of(&r.volumes)).collect());
        let (documents, bytes) = match (self.documents, self.bytes) {
            (Some(documents), Some(bytes)) => (documents, bytes),
            (Some(documents), None) => {
                let value = beside(runs, Measure::Bytes, (Measure::Documents, as_float(documents)));
                (documents, taken(Measure::Bytes, value, "as bytes grew with documents in what was measured"))
            }
            (None, Some(bytes)) => {
                let value = beside(runs, Measure::Documents, (Measure::Bytes, as_float(bytes)));
                (taken(Measure::Documents, value, "as bytes grew with documents in what was measured"), bytes)
            }
            (None, None) => (
                taken(Measure::Documents, figure(Measure::Documents), "the median of what was measured"),
                taken(Measure::Bytes, figure(Measure::Bytes), "the median of what was measured"),
            ),
        };
        let largest_index_bytes = self.largest_index_bytes.unwrap_or_else(|| {
            let value = beside(runs, Measure::LargestIndexBytes, (Measure::Bytes, as_float(bytes)));
            taken(
                Measure::LargestIndexBytes,
                value.min(as_float(bytes)),
                "as the largest index grew with all of them in what was measured",
            )
        });
        let mut or_median = |given: Option<u64>, measure| {
            given.unwrap_or_else(|| taken(measure, figure(measure), "the median of what was measured"))
        };
        let volumes = Volumes {
            documents,
            bytes,
            indices: or_median(self.indices, Measure::Indices),
            largest_index_bytes,
            rows: 0,
            row_bytes: or_median(self.row_bytes, Measure::RowBytes),
            tables: or_median(self.tables, Measure::Tables),
            changed: or_median(self.changed, Measure::Changed),
        };
        (volumes, assumed)
    }
}

/// What one measure is likely to be where another has this value: on the line through the middle of all runs, which has a
/// part that every installation has and one that grows (Theil-Sen), or in proportion where no two runs differ enough.
fn beside(runs: &[&MeasuredRun], wanted: Measure, (given, value): (Measure, f64)) -> f64 {
    let points: Vec<(f64, f64)> = runs
        .iter()
        .map(|r| (given.of(&r.volumes), wanted.of(&r.volumes)))
        .filter(|(given, _)| *given > 0.0)
        .collect();
    let slopes = slopes(&points, 1.2);
    if slopes.is_empty() {
        return value * median(points.iter().map(|(x, y)| y / x).collect());
    }
    let slope = median(slopes).max(0.0);
    let fixed = median(points.iter().map(|(x, y)| y - slope * x).collect()).max(0.0);
    fixed + slope * value
}

/// Slopes of the lines through each two points whose x differ by more than the factor `apart`.
pub fn slopes(points: &[(f64, f64)], apart: f64) -> Vec<f64> {
    let after = |at: usize| points[at + 1..].iter();
    let lines = |(at, (x, y)): (usize, &(f64, f64))| {
        let (x, y) = (*x, *y);
        let differs = move |(other, _): &&(f64, f64)| x.max(*other) > x.min(*other) * apart;
        after(at).filter(differs).map(move |(other, z)| (z - y) / (other - x))
    };
    points.iter().enumerate().flat_map(lines).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes for durations in seconds")]
fn as_float(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and negative is 0")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Median; 0 of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Reads a count: `250`, `10k`, `6.5M`, `1.2G`.
///
/// # Errors
/// It is none, in words.
pub fn parse_count(text: &str) -> Result<u64, String> {
    let unit = |suffix: &str| match suffix {
        "" => Some(1.0),
        "k" | "K" => Some(1e3),
        "M" | "m" => Some(1e6),
        "G" | "g" | "B" => Some(1e9),
        _ => None,
    };
    quantity(text, unit).ok_or_else(|| format!("{text} is no count: write 250, 10k or 6.5M"))
}

/// Reads a size: `31MB`, `8.9GiB`, `500000`.
///
/// # Errors
/// It is none, in words.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let unit = |suffix: &str| {
        let power = |binary: bool, n: i32| if binary { 1024_f64.powi(n) } else { 1000_f64.powi(n) };
        let lower = suffix.to_ascii_lowercase();
        let (stem, binary) = match lower.strip_suffix("ib") {
            Some(stem) => (stem, true),
            None => (lower.strip_suffix('b').unwrap_or(&lower), false),
        };
        match stem {
            "" if !binary => Some(1.0),
            "k" => Some(power(binary, 1)),
            "m" => Some(power(binary, 2)),
            "g" => Some(power(binary, 3)),
            "t" => Some(power(binary, 4)),
            _ => None,
        }
    };
    quantity(text, unit).ok_or_else(|| format!("{text} is no size: write 31MB, 8.9GiB or 500000"))
}

fn quantity(text: &str, unit: impl Fn(&str) -> Option<f64>) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some(whole(number * unit(text[end..].trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_people_write_them() {
        assert_eq!(parse_count("6.5M"), Ok(6_500_000));
        assert_eq!(parse_count("10k"), Ok(10_000));
        assert_eq!(parse_count("250"), Ok(250));
        assert_eq!(parse_bytes("31MB"), Ok(31_000_000));
        assert_eq!(parse_bytes("8.9 GiB"), Ok(9_556_302_234));
        assert_eq!(parse_bytes("2kib"), Ok(2048));
        assert_eq!(parse_bytes("7"), Ok(7));
        for wrong in ["", "k", "-1", "1e6", "6,5M", "10 km", "1.2.3"] {
            assert!(parse_count(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "5ib", "5 PB", "GB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
