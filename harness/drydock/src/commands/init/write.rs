//! The text of a scenario, from answers. Whatever is written here is read back before it is put anywhere.

use crate::cli::{TargetStores, Way};
use drydock_core::Component;
use drydock_core::scenario::Profile;
use std::fmt::Write as _;

/// Prefixes of indices that every release has.
pub(super) const USUAL_PREFIXES: [&str; 6] =
    ["zeebe-", "operate-", "tasklist-", "optimize-", "connectors-", "camunda-"];
/// The prefix that generated data has beside them.
const CHANGED_PREFIX: &str = "acme-";

/// Everything a scenario is written from.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) way: Way,
    pub(super) target: TargetStores,
    /// In the migration's order, each once.
    pub(super) components: Vec<Component>,
    /// Beside [`USUAL_PREFIXES`].
    pub(super) prefixes: Vec<String>,
    pub(super) profile: Profile,
    /// As it is written in the file; `None` for no limit.
    pub(super) downtime: Option<String>,
    pub(super) rollback_after: Option<u32>,
    pub(super) postgres_source: u16,
    pub(super) postgres_target: u16,
    /// Name of the file with expected differences, beside the scenario.
    pub(super) ledger: String,
    /// What the release's values told, one line each, for the head of the file.
    pub(super) found: Vec<String>,
}

impl Answers {
    /// Whether the way moves data. One that does not has neither differences to expect nor an outage to limit.
    pub(super) fn moves(&self) -> bool {
        !matches!(self.way, Way::DryRun | Way::ChartOnly)
    }

    fn has(&self, component: Component) -> bool {
        self.components.contains(&component)
    }

    /// Whether differences are expected: only databases have some that every migration shows, and the official scripts lose
    /// what they lose on purpose.
    pub(super) fn needs_ledger(&self) -> bool {
        self.moves() && self.components.iter().any(|c| c.database().is_some())
    }

    /// Whether users write to anything that is moved.
    fn has_writers(&self) -> bool {
        self.components.iter().any(|c| c.is_written_by_users())
    }

    /// Writes on the target before everything goes back; none where nobody could make them.
    fn writes_on_target(&self) -> Option<u32> {
        self.rollback_after.map(|writes| if self.has_writers() { writes } else { 0 })
    }
}

/// The file.
pub(super) fn scenario(answers: &Answers) -> String {
    let mut text = String::from("# A scenario for `drydock rehearse`, written by `drydock init`.\n");
    for line in &answers.found {
        // Names come from outside: none may end the comment.
        let _ = writeln!(text, "# {}", drydock_report::text::printable(line));
    }
    let _ = write!(text, "name: {}\ndescription: >\n  {}\n", quoted(&answers.name), description(answers.way));
    match answers.way {
        Way::Estimate => text.push_str("procedure: estimate-then-cutover\n"),
        Way::DryRun => text.push_str("procedure: dry-run\n"),
        Way::ChartOnly => text.push_str("procedure: chart-only\n"),
        _ => {}
    }
    sides(&mut text, answers);
    let documents = match answers.profile {
        Profile::Tiny => "some hundred documents: for a first look",
        Profile::Small => "5,000 documents",
        Profile::Medium => "50,000 documents",
        Profile::Large => "500,000 documents",
    };
    let _ = writeln!(
        text,
        "data:\n  profile: {:<8} # {documents}; `documents: N` for another number",
        word(&answers.profile)
    );
    if answers.way == Way::Warm && answers.has_writers() {
        text.push_str(
            "workload:\n  writes_per_second: 50\n  churn: archiving  # what users wrote is archived, deleted and made again\n  \
             writes_between: 120  # users work on for a while between the warm copy and the cutover\n",
        );
    }
    migration(&mut text, answers);
    let writes_on_target = answers.writes_on_target();
    if let Some(writes) = writes_on_target {
        let _ = write!(
            text,
            "# After so many writes on the target everything goes back. The official way back carries no data.\n\
             rollback:\n  from: phase-4/compare\n  after_writes: {writes}\n"
        );
    }
    budgets(&mut text, answers);
    if answers.way == Way::Upstream || writes_on_target.is_some_and(|writes| writes > 0) {
        text.push_str("# Whether that is how it is meant to end decides the exit code where several scenarios are rehearsed.\n");
        text.push_str("expect:\n  verdict: different\n");
        text.push_str(match answers.way {
            // What they leave behind depends on what is there: only a first run can tell.
            Way::Upstream => {
                "  # As it stands, any difference passes. With `checks: [...]` only those pass that a first run showed.\n"
            }
            _ => "  checks: [rollback/writes]  # what users wrote on the target is lost, and nothing else\n",
        });
    }
    if answers.needs_ledger() {
        let _ = write!(
            text,
            "# Differences that are no losses, each with its reason.\nexpected:\n  - {}\n",
            quoted(&answers.ledger)
        );
    }
    text
}

fn sides(text: &mut String, answers: &Answers) {
    let heap = if answers.profile == Profile::Large { 1024 } else { 512 };
    for (side, version) in [("source", answers.postgres_source), ("target", answers.postgres_target)] {
        let _ = writeln!(text, "{side}:");
        if side == "target" && answers.target == TargetStores::Elsewhere {
            text.push_str("  managed: elsewhere    # TLS and passwords, as a managed service has them\n");
        }
        let _ = write!(text, "  postgres: {{version: {version}}}\n  elasticsearch: {{heap_mib: {heap}}}\n");
    }
}

fn migration(text: &mut String, answers: &Answers) {
    text.push_str("migration:\n");
    if answers.components.len() < Component::ALL.len() {
        let names: Vec<&str> = answers.components.iter().map(|c| c.as_str()).collect();
        let _ = writeln!(
            text,
            "  # What is left out is neither moved nor compared.\n  components: [{}]",
            names.join(", ")
        );
    }
    if answers.has(Component::Elasticsearch) {
        let beside = answers.prefixes.iter().map(String::as_str).filter(|p| *p != CHANGED_PREFIX);
        let all = USUAL_PREFIXES.into_iter().chain([CHANGED_PREFIX]).chain(beside).map(quoted);
        let all: Vec<String> = all.collect();
        let _ = writeln!(
            text,
            "  # Indices whose names begin so are moved. acme- stands for an installation whose index prefix was changed.\n  \
             index_prefixes: [{}]",
            all.join(", ")
        );
    }
    text.push_str(match answers.way {
        Way::Upstream => "  create_indices: upstream\n  grants: leave\n",
        Way::Warm => "  reindex: warm\n  delta: exact\n",
        Way::Stream => "  mover: stream\n",
        Way::Snapshot => {
            "  mover: snapshot\n  # For clusters that are managed elsewhere; keys belong into the keystore of every node.\n  \
             # repository: {type: s3, settings: {bucket: NAME}}\n"
        }
        Way::Dump => "  mover: dump\n",
        Way::Standard | Way::Estimate | Way::DryRun | Way::ChartOnly => "",
    });
}

fn budgets(text: &mut String, answers: &Answers) {
    let downtime = answers.downtime.as_deref().filter(|_| answers.way != Way::DryRun);
    if downtime.is_none() && answers.rollback_after.is_none() {
        return;
    }
    text.push_str("# Limits; missing one ends with exit code 4.\nbudgets:\n");
    if let Some(downtime) = downtime {
        let _ = writeln!(text, "  downtime: {}", quoted(downtime));
    }
    if answers.rollback_after.is_some() {
        text.push_str("  rto: 10min    # from the decision to go back until users work again\n");
    }
}

fn description(way: Way) -> &'static str {
    match way {
        Way::Standard => "Everything is copied during one cutover, with all that indices and databases are.",
        Way::Upstream => {
            "The same as the official scripts do it, to see what they leave behind. It ends red."
        }
        Way::Warm => "Everything is copied while users work; during the cutover what changed since.",
        Way::Stream => "Indices are read in parallel and written with _bulk, during one cutover.",
        Way::Snapshot => "Indices travel in snapshots; databases are dumped and restored.",
        Way::Dump => "Indices travel in files; databases are dumped and restored.",
        Way::Estimate => {
            "A trial beside the targets first, then the cutover, held against what the trial predicted."
        }
        Way::DryRun => "Every step is announced and nothing is changed, on either side.",
        Way::ChartOnly => {
            "A new chart over the same data: nothing is moved, and everything must still be there."
        }
    }
}

/// A text in quotes, unless it is a plain word.
fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let word = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let boolean = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if plain && word && !boolean.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        // JSON's quotes are YAML's.
        serde_json::Value::from(text).to_string()
    }
}

/// A value of a closed list, as it stands in scenario files.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
