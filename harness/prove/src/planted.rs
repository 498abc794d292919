//! What was harmed, and what must be told of it.

use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome};

/// Checks that tell what people notice of a loss, which has a check of its own.
const CONSEQUENCES: [&str; 3] = [checks::ES_ACCESS, checks::ES_IMPORTS, checks::PG_QUERIES];

/// One corruption as it was planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// The check that must tell.
    pub check: &'static str,
    /// As what.
    pub kind: Kind,
    /// The subject of the finding.
    pub subject: String,
    /// Texts that its message or samples must hold: the item, the field.
    pub named: Vec<String>,
    /// Other subjects that may be told as well.
    pub also: Vec<String>,
    /// A check that may tell what follows from it.
    pub followed_by: Option<&'static str>,
    /// How many items the check must count under this kind and subject, where that is certain.
    pub count: Option<u64>,
}

impl Planted {
    /// A corruption of which `check` must tell as `kind` about `subject`.
    pub fn new(check: &'static str, kind: Kind, subject: impl Into<String>) -> Self {
        Self {
            check,
            kind,
            subject: subject.into(),
            named: Vec::new(),
            also: Vec::new(),
            followed_by: None,
            count: None,
        }
    }

    /// Adds a text that must be told.
    #[must_use]
    pub fn named(mut self, text: impl Into<String>) -> Self {
        self.named.push(text.into());
        self
    }

    /// Adds another subject that may be told.
    #[must_use]
    pub fn also(mut self, subject: impl Into<String>) -> Self {
        self.also.push(subject.into());
        self
    }

    /// Names a check that may tell what follows: what tomorrow's index lacks, where its template was harmed.
    #[must_use]
    pub fn followed_by(mut self, check: &'static str) -> Self {
        self.followed_by = Some(check);
        self
    }

    /// Sets how many items must be counted.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Whether the right check told something.
    pub fn is_caught(&self, findings: &[Finding]) -> bool {
        findings.iter().any(|f| f.check.as_str() == self.check && f.outcome == Outcome::Different)
    }

    /// Whether the findings name exactly this.
    ///
    /// # Errors
    /// What is missing, or blamed wrongly.
    pub fn is_named(&self, findings: &[Finding]) -> Result<(), String> {
        let ours: Vec<&Finding> = findings
            .iter()
            .filter(|f| f.check.as_str() == self.check && f.kind == self.kind && f.subject == self.subject)
            .collect();
        if ours.is_empty() {
            return Err(format!("nothing tells `{}` of {} under {}", self.kind, self.subject, self.check));
        }
        let told: String = ours.iter().map(|f| text_of(f)).collect();
        if let Some(absent) = self.named.iter().find(|text| !told.contains(text.as_str())) {
            return Err(format!("{} does not name {absent}", self.check));
        }
        let counted: u64 = ours.iter().map(|f| f.count).sum();
        if let Some(count) = self.count.filter(|count| *count != counted) {
            return Err(format!("{} counts {counted} instead of {count}", self.check));
        }
        let consequence = |check: &str| CONSEQUENCES.contains(&check) && !CONSEQUENCES.contains(&self.check);
        let follows =
            |f: &Finding| self.followed_by == Some(f.check.as_str()) || consequence(f.check.as_str());
        let blamed = findings
            .iter()
            .find(|f| f.subject != self.subject && !self.also.contains(&f.subject) && !follows(f));
        match blamed {
            Some(f) => Err(format!("{} blames {} as well", f.check, f.subject)),
            None => Ok(()),
        }
    }
}

fn text_of(finding: &Finding) -> String {
    let mut text = format!("{}\n", finding.message);
    for sample in &finding.samples {
        for part in [Some(&sample.item), sample.source.as_ref(), sample.target.as_ref()].into_iter().flatten()
        {
            text.push_str(part);
            text.push('\n');
        }
    }
    text
}
