//! Durations, sizes and factors as people say them.

/// Seconds, minutes or hours: `42 s`, `38 min`, `3.6 h`.
pub fn span(seconds: f64) -> String {
    let unit = unit(seconds);
    format!("{} {}", unit.figure(seconds), unit.name)
}

/// Both ends of an interval in the unit of the figure between them.
pub fn around(seconds: f64, low: f64, high: f64) -> (String, String) {
    let unit = unit(seconds);
    (unit.figure(low), unit.figure(high))
}

/// A step's time: `0.42 s`, `12.3 s`, `38:05 min`.
pub fn short(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{}:{:02} min", whole(s) / 60, whole(s) % 60),
    }
}

struct Unit {
    seconds: f64,
    digits: usize,
    name: &'static str,
}

impl Unit {
    fn figure(&self, seconds: f64) -> String {
        format!("{:.*}", self.digits, seconds / self.seconds)
    }
}

fn unit(seconds: f64) -> Unit {
    let (seconds, digits, name) = match seconds {
        s if s < 10.0 => (1.0, 1, "s"),
        s if s < 100.0 => (1.0, 0, "s"),
        s if s < 600.0 => (60.0, 1, "min"),
        s if s < 10_000.0 => (60.0, 0, "min"),
        _ => (3600.0, 1, "h"),
    };
    Unit { seconds, digits, name }
}

/// A size in decimal units: `31 MB`, `9.6 GB`.
pub fn bytes(value: f64) -> String {
    match value {
        v if v < 1e3 => format!("{v:.0} bytes"),
        v if v < 1e6 => format!("{:.0} kB", v / 1e3),
        v if v < 1e7 => format!("{:.1} MB", v / 1e6),
        v if v < 1e9 => format!("{:.0} MB", v / 1e6),
        v if v < 1e12 => format!("{:.1} GB", v / 1e9),
        v => format!("{:.1} TB", v / 1e12),
    }
}

/// `13x`, `1.4x`.
pub fn factor(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}x") } else { format!("{value:.0}x") }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and negative is 0")]
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_ends_keep_the_unit() {
        assert_eq!(span(2280.0), "38 min");
        assert_eq!(around(2280.0, 1860.0, 2820.0), ("31".into(), "47".into()));
        assert_eq!((span(4.2), span(42.4), span(13_060.0)), ("4.2 s".into(), "42 s".into(), "3.6 h".into()));
        assert_eq!((bytes(31e6), bytes(9.556e9)), ("31 MB".into(), "9.6 GB".into()));
        assert_eq!((factor(13.2), factor(1.44)), ("13x".into(), "1.4x".into()));
        assert_eq!((short(0.423), short(2285.0)), ("0.42 s".into(), "38:05 min".into()));
    }
}
