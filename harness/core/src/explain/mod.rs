//! What checks, faults, findings and exit codes mean, in words: the one source of `drydock explain` and of the pages in
//! `docs/`. Text only.

mod application;
mod cluster;
mod elasticsearch;
mod faults;
mod going_on;
mod helm;
mod kinds;
mod migration;
mod postgres;
mod preflight;
mod scripts;

use crate::exit::ExitCode;
use crate::finding::Kind;
use crate::scenario::{Course, FaultKind, did_you_mean};
use std::fmt;

/// Three answers for people who met a word in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// What it means.
    pub means: &'static str,
    /// How it comes about outside of rehearsals.
    pub happens: &'static str,
    /// What to do.
    pub act: &'static str,
}

const fn text(means: &'static str, happens: &'static str, act: &'static str) -> Explanation {
    Explanation { means, happens, act }
}

const CHECKS: [&[(&str, Explanation)]; 9] = [
    preflight::TEXTS,
    elasticsearch::TEXTS,
    postgres::TEXTS,
    migration::TEXTS,
    application::TEXTS,
    going_on::TEXTS,
    cluster::TEXTS,
    scripts::TEXTS,
    helm::TEXTS,
];

/// Something that can be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A check, by its name.
    Check(&'static str),
    /// A fault.
    Fault(FaultKind),
    /// A kind of finding.
    Finding(Kind),
    /// An exit code.
    Exit(ExitCode),
}

impl Topic {
    /// Everything that can be explained: checks in report order, then faults, findings and exit codes.
    pub fn all() -> impl Iterator<Item = Self> {
        let checks = CHECKS.into_iter().flatten().map(|(name, _)| Self::Check(name));
        let faults = FaultKind::ALL.into_iter().map(Self::Fault);
        let findings = Kind::ALL.into_iter().map(Self::Finding);
        checks.chain(faults).chain(findings).chain(ExitCode::ALL.into_iter().map(Self::Exit))
    }

    /// What a name stands for. A word may be both a fault and a finding, and the end of a check's name stands for every
    /// check that ends so.
    ///
    /// # Errors
    /// Nothing is called so: what was probably meant, or how to see all names.
    pub fn named(name: &str) -> Result<Vec<Self>, String> {
        let word = name.trim().to_lowercase().replace(['_', ' '], "-");
        let mut found: Vec<Self> = Self::all().filter(|t| t.name() == word || t.is_number(&word)).collect();
        if found.is_empty() {
            let end = format!("/{word}");
            found.extend(Self::all().filter(|t| matches!(t, Self::Check(_)) && t.name().ends_with(&end)));
        }
        if found.is_empty() {
            let names: Vec<String> = Self::all().map(Self::name).collect();
            let mut known: Vec<&str> = names.iter().map(String::as_str).collect();
            // People also misspell the part of a check's name that they remember.
            known.extend(names.iter().filter_map(|n| n.split_once('/')).map(|(_, end)| end));
            return Err(
                did_you_mean(&word, &known).unwrap_or_else(|| "`drydock explain` lists all names".to_owned())
            );
        }
        Ok(found)
    }

    /// Its name as `drydock explain` takes it: that of scenarios and ledgers for faults and findings.
    pub fn name(self) -> String {
        match self {
            Self::Check(name) => name.to_owned(),
            Self::Fault(fault) => fault.as_str().to_owned(),
            Self::Finding(kind) => kind.as_str().to_owned(),
            Self::Exit(exit) => exit.as_str().to_owned(),
        }
    }

    /// What sort of thing it is.
    pub fn sort(self) -> Sort {
        match self {
            Self::Check(_) => Sort::Check,
            Self::Fault(_) => Sort::Fault,
            Self::Finding(_) => Sort::Finding,
            Self::Exit(_) => Sort::Exit,
        }
    }

    /// Its words.
    pub fn explanation(self) -> Explanation {
        match self {
            Self::Check(name) => of_check(name),
            Self::Fault(fault) => faults::of(fault),
            Self::Finding(kind) => kinds::of_kind(kind),
            Self::Exit(exit) => kinds::of_exit(exit),
        }
    }

    /// Names that belong to it: for a check the faults that it must tell of, for a fault the checks that must tell of it.
    pub fn related(self) -> Vec<&'static str> {
        match self {
            Self::Check(name) => FaultKind::ALL
                .into_iter()
                .filter(|fault| fault.effect().red.contains(&name))
                .map(FaultKind::as_str)
                .collect(),
            Self::Fault(fault) => fault.effect().red.to_vec(),
            Self::Finding(_) | Self::Exit(_) => Vec::new(),
        }
    }

    /// What a run makes of a fault; `None` for everything else.
    pub fn course(self) -> Option<&'static str> {
        let Self::Fault(fault) = self else { return None };
        if fault == FaultKind::DrydockKilled {
            // Nobody is left who could end with a code.
            return Some("the process is killed and leaves no exit code; the run can be resumed");
        }
        Some(match fault.effect().course {
            Course::Through => "a run bears it and ends as an undisturbed one",
            Course::Stops => "a run stops with exit code 5, and can be resumed",
            Course::Either => {
                "a run bears it, or stops with exit code 5 and can be resumed: that depends on how soon it passes"
            }
            Course::Fails => "the migration fails, with exit code 1",
            Course::Told => "a run goes to its end, and its checks tell of it",
        })
    }

    fn is_number(self, word: &str) -> bool {
        matches!(self, Self::Exit(exit) if exit.code().to_string() == word)
    }
}

/// What sort of thing a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A check.
    Check,
    /// A fault.
    Fault,
    /// A kind of finding.
    Finding,
    /// An exit code.
    Exit,
}

impl Sort {
    /// Every sort, in the order in which lists show them.
    pub const ALL: [Self; 4] = [Self::Check, Self::Fault, Self::Finding, Self::Exit];

    /// As a heading of a list.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Check => "checks",
            Self::Fault => "faults",
            Self::Finding => "findings",
            Self::Exit => "exit codes",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Check => "check",
            Self::Fault => "fault",
            Self::Finding => "finding",
            Self::Exit => "exit code",
        })
    }
}

/// The words of a check. Topics are made of the same tables, so that every check that is a topic has some.
fn of_check(name: &str) -> Explanation {
    CHECKS
        .into_iter()
        .flatten()
        .find_map(|(known, words)| (*known == name).then_some(*words))
        .unwrap_or(text("", "", ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every constant of `names::checks` that holds one name, read from the source: no list can forget one.
    fn names_of_checks() -> BTreeSet<&'static str> {
        let source = include_str!("../names.rs");
        source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(": &str = \""))
            .filter_map(|(_, rest)| rest.strip_suffix("\";"))
            .collect()
    }

    #[test]
    fn every_check_has_its_words_once() {
        let all = names_of_checks();
        assert!(all.len() > 60, "{}", all.len());
        let explained: Vec<&str> = CHECKS.into_iter().flatten().map(|(name, _)| *name).collect();
        let once: BTreeSet<&str> = explained.iter().copied().collect();
        assert_eq!(once.len(), explained.len(), "a check stands there twice");
        assert_eq!(once, all);
    }

    #[test]
    fn every_topic_has_three_sentences() {
        for topic in Topic::all() {
            let Explanation { means, happens, act } = topic.explanation();
            for words in [means, happens, act] {
                assert!(words.len() > 20 && words.ends_with('.'), "{topic:?}: {words:?}");
                assert!(!words.contains("  ") && !words.contains('\n'), "{topic:?}: {words:?}");
            }
        }
    }

    #[test]
    fn only_a_killed_process_leaves_no_exit_code() {
        for fault in FaultKind::ALL.into_iter().filter(|f| f.effect().course == Course::Stops) {
            let course = Topic::Fault(fault).course().unwrap();
            let killed = fault == FaultKind::DrydockKilled;
            assert_eq!(course.contains("no exit code"), killed, "{fault:?}: {course}");
            assert_eq!(course.contains("exit code 5"), !killed, "{fault:?}: {course}");
            assert!(course.contains("can be resumed"), "{fault:?}: {course}");
        }
    }

    #[test]
    fn lists_of_findings_are_those_of_the_schema() {
        let schema = schemars::schema_for!(Kind).to_value().to_string();
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(schema.contains(&format!("\"{}\"", kind.as_str())), "{schema}");
        }
        assert_eq!(schema.matches("\"const\"").count(), Kind::ALL.len(), "{schema}");
    }

    #[test]
    fn names_are_found_and_misspelt_ones_are_mended() {
        let found =
            |name: &str| Topic::named(name).map(|t| t.into_iter().map(Topic::sort).collect::<Vec<_>>());
        assert_eq!(found("elasticsearch/documents"), Ok(vec![Sort::Check]));
        assert_eq!(found("late-write"), Ok(vec![Sort::Fault, Sort::Finding]));
        assert_eq!(found("late write"), found("late-write"));
        assert_eq!(found("130"), Ok(vec![Sort::Exit]));
        assert_eq!(found("not_proven"), Ok(vec![Sort::Exit]));
        assert_eq!(found("counts"), Ok(vec![Sort::Check, Sort::Check]));
        assert_eq!(found("elasticsearch/documnts"), Err("did you mean `elasticsearch/documents`?".into()));
        assert_eq!(found("documnets"), Err("did you mean `documents`?".into()));
        assert_eq!(found("lose-dokument"), Err("did you mean `lose-document`?".into()));
        assert!(found("quite something else entirely").is_err_and(|e| e.contains("drydock explain")));
    }
}
