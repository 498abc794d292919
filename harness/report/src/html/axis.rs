//! Scales of charts: round ticks, and where a value falls.

/// Round numbers from 0 to `end`, about so many; the last one is not beyond `end`.
pub(super) fn ticks(end: f64, about: usize, steps: &[f64]) -> Vec<f64> {
    if !end.is_finite() || end <= 0.0 {
        return vec![0.0];
    }
    let rough = end / about.max(1) as f64;
    // Of the steps given, the first that is wide enough; beyond them, one of 1, 2 and 5 times a power of ten.
    let step = steps.iter().copied().find(|s| *s >= rough).unwrap_or_else(|| {
        let power = 10_f64.powf(rough.log10().floor());
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|f| f * power).find(|s| *s >= rough).unwrap_or(rough)
    });
    let mut ticks = Vec::new();
    let mut n = 0.0;
    while n * step <= end * (1.0 + 1e-9) && ticks.len() < 100 {
        ticks.push(n * step);
        n += 1.0;
    }
    ticks
}

/// Steps in which people read time, in seconds.
pub(super) const TIME: [f64; 20] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0,
    1800.0, 3600.0, 7200.0,
];

/// A scale from values to places on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Logarithmic,
}

impl Scale {
    /// Values from `from` to `to` fall evenly from `begin` to `end`.
    pub(super) fn linear(from: f64, to: f64, begin: f64, end: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, begin, end, kind: Kind::Linear }
    }

    /// Equal ratios take equal room; both values must be above 0.
    pub(super) fn logarithmic(from: f64, to: f64, begin: f64, end: f64) -> Self {
        let (from, to) = (from.log10(), to.log10());
        Self { kind: Kind::Logarithmic, ..Self::linear(from, to, begin, end) }
    }

    /// The place of a value, at most at the ends of the scale.
    pub(super) fn at(self, value: f64) -> f64 {
        let value = if self.kind == Kind::Logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value - self.from) / (self.to - self.from);
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.begin + share * (self.end - self.begin)
    }
}

/// A coordinate as text.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A width as text: what is there stays visible.
pub(super) fn wide(value: f64) -> String {
    at(value.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks(77.0, 6, &TIME), [0.0, 15.0, 30.0, 45.0, 60.0, 75.0]);
        assert_eq!(ticks(4.0 * 3600.0, 6, &TIME), [0.0, 3600.0, 7200.0, 10800.0, 14400.0]);
        assert_eq!(ticks(0.5, 5, &[]), [0.0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5]);
        assert_eq!(ticks(0.0, 5, &TIME), [0.0]);
        assert_eq!(ticks(f64::NAN, 5, &TIME), [0.0]);
        assert!((1..400).all(|n| (1..13).contains(&ticks(f64::from(n * n), 6, &TIME).len())));
    }

    #[test]
    fn values_fall_on_the_scale_and_never_beside_it() {
        let scale = Scale::linear(0.0, 10.0, 100.0, 200.0);
        assert_eq!([-1.0, 0.0, 5.0, 99.0].map(|v| scale.at(v)), [100.0, 100.0, 150.0, 200.0]);
        let scale = Scale::logarithmic(10.0, 1000.0, 0.0, 100.0);
        assert_eq!([0.0, 10.0, 100.0, 1000.0].map(|v| scale.at(v)), [0.0, 0.0, 50.0, 100.0]);
        assert!(Scale::linear(3.0, 3.0, 0.0, 1.0).at(3.0).is_finite());
        assert_eq!((at(2.0), at(2.25), wide(0.0)), ("2".into(), "2.2".into(), "1".into()));
    }
}
