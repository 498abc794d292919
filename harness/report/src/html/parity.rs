//! What was found, by object: an index, a table, a setting; with samples of both sides and what to do next.

use super::capped::Share;
use super::page::{code, data};
use super::words::Tone;
use crate::choice::{is_echo, most_telling, what};
use crate::text::{count, counted};
use drydock_core::names::checks;
use drydock_core::verdict::Judged;
use drydock_core::{Class, Finding, Outcome, Summary};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The share of one topic.
const OBJECTS: Share = Share { items: 150, bytes: 110 * 1024 };
/// Findings told of one object.
const PER_OBJECT: Share = Share { items: 12, bytes: 24 * 1024 };
/// Objects that stand open; the others are opened by whoever reads them.
const OPEN: usize = 5;

/// What a finding is about, for people who look for one kind of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Documents, rows and what counts them.
    Data,
    /// Mappings, tables, settings, sequences: the shape of the data.
    Schema,
    /// Whether people and applications get at the data.
    Access,
    /// Values files and objects of the cluster.
    Configuration,
    /// Budgets, preflight, and the rehearsal itself.
    Rehearsal,
}

impl Topic {
    pub(super) const ALL: [Self; 5] =
        [Self::Data, Self::Schema, Self::Access, Self::Configuration, Self::Rehearsal];

    fn of(finding: &Finding) -> Self {
        match (finding.class, Self::of_check(finding.check.as_str())) {
            (Class::Budget | Class::Environment, _) => Self::Rehearsal,
            (Class::Access, Self::Data) => Self::Access,
            (_, topic) => topic,
        }
    }

    fn of_check(check: &str) -> Self {
        match check {
            checks::ES_MAPPINGS
            | checks::ES_SETTINGS
            | checks::ES_ALIASES
            | checks::ES_TEMPLATES
            | checks::ES_CLUSTER
            | checks::ES_FUTURE
            | checks::PG_SCHEMA
            | checks::PG_SEQUENCES
            | checks::PG_STATISTICS => Self::Schema,
            checks::ES_ACCESS
            | checks::PG_ACCESS
            | checks::PG_QUERIES
            | checks::PG_WRITES
            | checks::KC_LOGINS
            | checks::KC_TOKENS
            | checks::KC_WAY_BACK
            | checks::TARGETS => Self::Access,
            check if ["helm/", "objects/", "cluster/"].iter().any(|g| check.starts_with(g)) => {
                Self::Configuration
            }
            check if check.starts_with("preflight/") || check == checks::DOWNTIME => Self::Rehearsal,
            _ => Self::Data,
        }
    }

    /// Whether anything of it was compared at all.
    fn was_compared(self, summary: &Summary) -> bool {
        let mut checks = summary.verdict.checks.iter();
        checks.any(|c| c.compared > 0 && Self::of_check(c.check.as_str()) == self)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Data => "Data: documents and rows",
            Self::Schema => "Schema: mappings, tables, settings, sequences",
            Self::Access => "Access: what applications and people get at",
            Self::Configuration => "Configuration: values and objects",
            Self::Rehearsal => "Budgets, preflight and the rehearsal itself",
        }
    }
}

/// One object with all that was found about it.
struct Object<'a> {
    subject: &'a str,
    findings: Vec<&'a Judged>,
}

/// The section: a heading for each topic that has findings, and a line for each that has none.
pub(super) fn section(summary: &Summary) -> Markup {
    let telling = most_telling(summary, OPEN);
    html! {
        @for topic in Topic::ALL {
            @let objects = objects(summary, topic);
            @if objects.is_empty() {
                @if matches!(topic, Topic::Data | Topic::Schema | Topic::Access) {
                    h3 { (topic.title()) }
                    p.faint {
                        @if topic.was_compared(summary) { "No difference was found by the checks that were made." }
                        @else { "Nothing is said of it: no check of it was made." }
                    }
                }
            } @else {
                h3 { (topic.title()) " (" (counted(objects.len() as u64, "object")) ")" }
                @let capped = OBJECTS.of(&objects, |o| object(o, &telling));
                @for object in &capped.shown { (object) }
                (capped.rest("object"))
            }
        }
    }
}

/// Findings by subject, in the order of the verdict: the worst first.
fn objects(summary: &Summary, topic: Topic) -> Vec<Object<'_>> {
    let mut objects: Vec<Object<'_>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let echo = |j: &&Judged| is_echo(&j.finding);
    let all = || {
        let findings = summary.verdict.findings.iter();
        findings.filter(move |j| j.finding.outcome >= Outcome::NotProven && Topic::of(&j.finding) == topic)
    };
    // That a check proves nothing says less than why.
    for judged in all().filter(|j| !echo(j)).chain(all().filter(echo)) {
        let subject = judged.finding.subject.as_str();
        let at = *known.entry(subject).or_insert_with(|| {
            objects.push(Object { subject, findings: Vec::new() });
            objects.len() - 1
        });
        objects[at].findings.push(judged);
    }
    objects
}

fn object(object: &Object<'_>, telling: &[&Judged]) -> Markup {
    let worst = object.findings.iter().map(|j| j.finding.outcome).max().unwrap_or(Outcome::NotProven);
    let tone = Tone::of_outcome(worst);
    let open = object.findings.iter().any(|j| telling.iter().any(|t| std::ptr::eq(*t, *j)));
    let mut told: Vec<String> = object.findings.iter().map(|j| what(&j.finding)).collect();
    told.dedup();
    told.truncate(4);
    let findings = PER_OBJECT.of(&object.findings, |j| finding(&j.finding));
    html! {
        details open[open] {
            summary {
                span class={ "mark " (tone.class()) } { span aria-hidden="true" { (tone.sign()) " " } (told.join(", ")) }
                " " (code(object.subject))
            }
            @for finding in &findings.shown { (finding) }
            (findings.rest("finding"))
        }
    }
}

fn finding(finding: &Finding) -> Markup {
    let shown = finding.samples.len() as u64;
    html! {
        div.finding {
            p { (data(&finding.message)) }
            p.where {
                (code(finding.check.as_str())) " · " (finding.outcome) " · " (finding.class)
                @if let Some(place) = &finding.place { " · at " (code(&place.to_string())) }
            }
            @if !finding.samples.is_empty() {
                div.wide role="group" aria-label="Samples" tabindex="0" {
                    table {
                        caption {
                            @if finding.count > shown { (count(shown)) " of " (count(finding.count)) " shown" } @else { "All of them" }
                        }
                        thead { tr { th scope="col" { "item" } th scope="col" { "source" } th scope="col" { "target" } } }
                        tbody {
                            @for sample in &finding.samples {
                                tr {
                                    th scope="row" { (code(&sample.item)) }
                                    @for side in [&sample.source, &sample.target] {
                                        td { @if let Some(value) = side { (code(value)) } @else { span.faint { "absent" } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            @if !finding.next.is_empty() { p { b { "Next: " } (data(&finding.next)) } }
        }
    }
}
