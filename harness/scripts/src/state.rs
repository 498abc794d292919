//! What the scripts remember of themselves: `.state/migration.env`.

use crate::error::ScriptsError;
use crate::tree::Checkout;
use drydock_core::plan::ScriptPhase;
use std::collections::BTreeMap;
use std::fs;

/// The file, in the folder of the state.
pub(crate) const FILE: &str = "migration.env";

/// The keys that are there, with their values; none before the first phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

impl State {
    /// Reads the state of a copy.
    ///
    /// # Errors
    /// The file cannot be read, or holds what is no state: nobody may say then what the scripts call done.
    pub fn of(checkout: &Checkout) -> Result<Self, ScriptsError> {
        let path = checkout.state_folder().join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|line| {
                ScriptsError::new(
                    format!("line {line} of {FILE} is no `export KEY=\"value\"`"),
                    "look at the file in the run folder; rehearse again from the beginning",
                )
            }),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(ScriptsError::io("read", &path, &e)),
        }
    }

    /// Reads lines `export KEY="value"`; of two with one key the later one counts, as it does for a shell.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut state = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.strip_prefix("export ").and_then(|l| l.split_once('=')).ok_or(number)?;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let value = quoted.or((!value.contains('"')).then_some(value)).ok_or(number)?;
            if key.is_empty() || !key.chars().all(plain) {
                return Err(number);
            }
            state.insert(key.to_owned(), value.to_owned());
        }
        Ok(Self(state))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether a phase is recorded as completed.
    pub fn is_complete(&self, phase: ScriptPhase) -> bool {
        let key = |number| format!("PHASE_{number}_COMPLETED");
        phase.number().is_some_and(|number| self.get(&key(number)) == Some("true"))
    }

    /// Whether a phase was recorded as completed since `before` was read.
    pub fn completed_since(&self, before: &Self, phase: ScriptPhase) -> bool {
        let key = phase.number().map(|number| format!("PHASE_{number}_TIMESTAMP")).unwrap_or_default();
        let stamp = |state: &Self| state.get(&key).map(str::to_owned);
        self.is_complete(phase) && !(before.is_complete(phase) && stamp(self) == stamp(before))
    }

    /// Figures that the scripts measured themselves, by key: durations, and counts of the copies.
    pub fn figures(&self) -> impl Iterator<Item = (&str, &str)> {
        let told = |key: &str| key.ends_with("_DURATION") || key.contains("_REINDEX_");
        self.0.iter().filter(move |(key, _)| told(key)).map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_lines_counts_and_a_phase_is_complete_only_when_it_says_true() {
        let text = "export PHASE_1_COMPLETED=\"true\"\nexport PHASE_1_TIMESTAMP=\"a\"\n\nexport PHASE_2_COMPLETED=\"false\"\n\
                    export PHASE_2_DURATION=\"1s\"\nexport PHASE_2_DURATION=\"2s\"\nexport ES_STS=\"camunda-elasticsearch-master\"\n";
        let state = State::parse(text).unwrap();
        assert!(state.is_complete(ScriptPhase::Deploy) && !state.is_complete(ScriptPhase::Backup));
        assert!(!state.is_complete(ScriptPhase::Cutover));
        assert_eq!(state.figures().collect::<Vec<_>>(), [("PHASE_2_DURATION", "2s")]);
        let later = State::parse(&text.replace("\"a\"", "\"b\"")).unwrap();
        assert!(later.completed_since(&state, ScriptPhase::Deploy));
        assert!(!state.completed_since(&state, ScriptPhase::Deploy));
        assert!(state.completed_since(&State::default(), ScriptPhase::Deploy));
    }

    #[test]
    fn what_is_no_state_is_told_with_its_line() {
        for (text, line) in [
            ("export A=\"b\"\nPHASE_3_COMPLETED=true\n", 2),
            ("export A=\"b\nc\"\n", 1),
            ("\0\0\0\n", 1),
            ("export =\"b\"\n", 1),
            ("export A B=\"b\"\n", 1),
        ] {
            assert_eq!(State::parse(text), Err(line), "{text:?}");
        }
    }
}
