//! Lines of the scripts' own log: `[YYYY-MM-DD HH:MM:SS] LEVEL text`, and sections.

/// Weight of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know: `INFO`, `OK`, `DEBUG`.
    Info,
    /// `WARN`.
    Warning,
    /// `ERROR`.
    Error,
    /// The title of what begins.
    Section,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its weight.
    pub level: Level,
    /// What it says, without time and level.
    pub text: String,
}

impl LogLine {
    /// Reads a line; `None` for what is none of the log's.
    pub fn parse(line: &str) -> Option<Self> {
        let text = line.strip_prefix('[')?.split_once("] ")?.1.trim_end();
        if let Some(title) = text.strip_prefix("===== ").and_then(|t| t.strip_suffix(" =====")) {
            return Some(Self { level: Level::Section, text: title.to_owned() });
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let level = match word {
            "INFO" | "OK" | "DEBUG" => Level::Info,
            "WARN" => Level::Warning,
            "ERROR" => Level::Error,
            _ => return None,
        };
        Some(Self { level, text: rest.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_sections_are_told_apart() {
        let read = |line: &str| LogLine::parse(line).map(|l| (l.level, l.text));
        let at = "[2026-01-02 03:04:05]";
        assert_eq!(read(&format!("{at} INFO  a b")), Some((Level::Info, "a b".into())));
        assert_eq!(read(&format!("{at} WARN  x → y")), Some((Level::Warning, "x → y".into())));
        assert_eq!(read(&format!("{at} ERROR")), Some((Level::Error, String::new())));
        let section = Some((Level::Section, "Step 2/5: Freeze components".to_owned()));
        assert_eq!(read(&format!("{at} ===== Step 2/5: Freeze components =====")), section);
        for other in ["", "plain text", "[x", &format!("{at} SHOUT  a")] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }
}
