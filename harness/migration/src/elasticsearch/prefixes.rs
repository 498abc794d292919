//! Which index names belong to the migration.

use super::encode;

/// Name prefixes. None at all stands for every name that does not begin with a dot.
#[derive(Debug, Clone)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    /// A trailing `*` is the habit of the official scripts and means nothing here.
    pub(crate) fn new(prefixes: &[String]) -> Self {
        Self(prefixes.iter().map(|p| p.trim_end_matches('*').to_owned()).collect())
    }

    /// Whether a name belongs to the migration.
    pub(crate) fn matches(&self, name: &str) -> bool {
        if self.0.is_empty() {
            !name.starts_with('.')
        } else {
            self.0.iter().any(|p| name.starts_with(p.as_str()))
        }
    }

    /// Whether names are chosen at all.
    pub(crate) fn is_selective(&self) -> bool {
        !self.0.is_empty()
    }

    /// The same as an index expression for a path. It may match more than [`Prefixes::matches`], never less.
    pub(crate) fn pattern(&self) -> String {
        if self.0.is_empty() {
            return "*".to_owned();
        }
        let parts: Vec<String> = self.0.iter().map(|p| format!("{}*", encode(p))).collect();
        parts.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_a_habit_and_dots_are_left_out() {
        let prefixes = Prefixes::new(&["zeebe-*".into(), "operate-".into()]);
        assert!(
            prefixes.matches("zeebe-record_job")
                && prefixes.matches("operate-x")
                && !prefixes.matches("acme")
        );
        assert_eq!(prefixes.pattern(), "zeebe-*,operate-*");
        let all = Prefixes::new(&[]);
        assert!(all.matches("x") && !all.matches(".kibana"));
    }
}
