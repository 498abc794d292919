//! What people can do in Camunda, as far as a migration can take it from them, and what in the store it hangs on.

use drydock_core::names::checks;
use serde::{Deserialize, Serialize};

/// One thing that people can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// See the deployed processes and their diagrams.
    Definitions,
    /// See the deployed decisions and their diagrams.
    Decisions,
    /// See the list of instances, with their states.
    Instances,
    /// Find instances by state, flow node, variable and message of error.
    Search,
    /// Read variables.
    Variables,
    /// See what an instance went through.
    History,
    /// See incidents.
    Incidents,
    /// See how decisions came about.
    DecisionInstances,
    /// See the list of tasks.
    Tasks,
    /// Find tasks by person and group.
    TasksByUser,
    /// Open the form of a task.
    Forms,
    /// Read the figures of the dashboard.
    Statistics,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Definitions,
        Self::Decisions,
        Self::Instances,
        Self::Search,
        Self::Variables,
        Self::History,
        Self::Incidents,
        Self::DecisionInstances,
        Self::Tasks,
        Self::TasksByUser,
        Self::Forms,
        Self::Statistics,
    ];

    /// Its name in records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Definitions => "definitions",
            Self::Decisions => "decisions",
            Self::Instances => "instances",
            Self::Search => "search",
            Self::Variables => "variables",
            Self::History => "history",
            Self::Incidents => "incidents",
            Self::DecisionInstances => "decision-instances",
            Self::Tasks => "tasks",
            Self::TasksByUser => "tasks-by-user",
            Self::Forms => "forms",
            Self::Statistics => "statistics",
        }
    }

    /// The check that asks whether people still can.
    pub fn check(self) -> &'static str {
        match self {
            Self::Definitions => checks::APP_DEFINITIONS,
            Self::Decisions => checks::APP_DECISIONS,
            Self::Instances => checks::APP_INSTANCES,
            Self::Search => checks::APP_SEARCH,
            Self::Variables => checks::APP_VARIABLES,
            Self::History => checks::APP_HISTORY,
            Self::Incidents => checks::APP_INCIDENTS,
            Self::DecisionInstances => checks::APP_DECISION_INSTANCES,
            Self::Tasks => checks::APP_TASKS,
            Self::TasksByUser => checks::APP_TASKS_BY_USER,
            Self::Forms => checks::APP_FORMS,
            Self::Statistics => checks::APP_STATISTICS,
        }
    }

    /// One of the things it shows, for people.
    pub fn item(self) -> &'static str {
        match self {
            Self::Definitions => "process definition",
            Self::Decisions => "decision definition",
            Self::Instances => "instance",
            Self::Search | Self::TasksByUser => "question",
            Self::Variables => "variable",
            Self::History => "flow node instance",
            Self::Incidents => "incident",
            Self::DecisionInstances => "decision instance",
            Self::Tasks => "task",
            Self::Forms => "form",
            Self::Statistics => "figure",
        }
    }

    /// Families of indices that its answer is read from: names without schema version and date.
    pub fn families(self) -> &'static [&'static str] {
        match self {
            Self::Definitions => &["operate-process"],
            Self::Decisions => &["operate-decision", "operate-decision-requirements"],
            Self::Instances => &["operate-list-view"],
            Self::Search => &["operate-list-view", "operate-variable"],
            Self::Variables => &["operate-variable"],
            Self::History => &["operate-flownode-instance", "operate-sequence-flow"],
            Self::Incidents => &["operate-incident"],
            Self::DecisionInstances => &["operate-decision-instance"],
            Self::Tasks | Self::TasksByUser => &["tasklist-task"],
            Self::Forms => &["tasklist-form", "tasklist-process"],
            Self::Statistics => &["operate-list-view", "operate-process", "operate-incident"],
        }
    }

    /// Whether it is read from an index, an alias or a template of this name: `operate-list-view-8.3.0_2026-11-21`,
    /// `operate-list-view-8.3.0_alias`, `operate-list-view-8.3.0_template`.
    pub fn reads(self, name: &str) -> bool {
        self.families().iter().any(|family| family_of(name) == Some(*family))
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of an index, alias or template of Operate and Tasklist without schema version and what follows it.
pub fn family_of(name: &str) -> Option<&str> {
    if !name.starts_with("operate-") && !name.starts_with("tasklist-") {
        return None;
    }
    let head = name.split('_').next().unwrap_or(name);
    let (family, version) = head.rsplit_once('-')?;
    let is_version =
        version.split('.').count() == 3 && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_version.then_some(family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_family_are_told_from_those_of_its_neighbours() {
        assert_eq!(family_of("operate-list-view-8.3.0_2026-11-21"), Some("operate-list-view"));
        assert_eq!(family_of("tasklist-task-8.5.0_template"), Some("tasklist-task"));
        assert_eq!(family_of("operate-decision-8.3.0_"), Some("operate-decision"));
        assert_eq!(family_of("zeebe-record_job_8.6.0_2026-11-21"), None);
        assert_eq!(family_of("operate-"), None);
        assert!(Capability::Decisions.reads("operate-decision-requirements-8.3.0_alias"));
        assert!(!Capability::Decisions.reads("operate-decision-instance-8.3.0_"));
        assert!(!Capability::Tasks.reads("tasklist-task-variable-8.3.0_"));
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = Capability::ALL.iter().map(|c| c.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Capability::ALL.len());
        for capability in Capability::ALL {
            assert_eq!(capability.check().strip_prefix("application/"), Some(capability.name()));
        }
    }
}
