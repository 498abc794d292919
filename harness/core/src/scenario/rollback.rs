//! Going back: from which step, after how much work on the new side, and what is wrong with the way back on purpose.

use super::{Procedure, Scenario, did_you_mean};
use crate::names::StepId;
use crate::plan::{Action, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most writes that may be waited for before going back.
const MOST_WRITES: u32 = 100_000;

/// How the run goes back instead of coming to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackSpec {
    /// The last step before going back, any of phases 1 to 5.
    pub from: StepId,
    /// Writes to the new side before going back: the application stops writing after exactly so many were acknowledged, and
    /// makes only such as last, so that each of them can be missed. If 0, users write as they like.
    #[serde(default)]
    #[schemars(range(max = 100_000))]
    pub after_writes: u32,
    /// What the clean-up leaves of the source.
    #[serde(default)]
    pub volumes: Volumes,
    /// What is wrong with the way back, on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<Harm>,
}

impl RollbackSpec {
    /// Going back from a step, at once and with everything there.
    pub fn from_step(from: impl Into<StepId>) -> Self {
        Self { from: from.into(), after_writes: 0, volumes: Volumes::default(), harm: None }
    }
}

/// What the clean-up leaves of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Volumes {
    /// The stores are stopped; what they hold stays.
    #[default]
    Kept,
    /// What they hold is removed as well, as phase 5 of the official scripts does.
    Gone,
}

/// What is wrong with the way back, on purpose, so that a check is seen to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// One document of the source is deleted.
    LoseDocument,
    /// One row of the source is deleted.
    LoseRow,
    /// One role of the source gets another password.
    ChangePassword,
    /// One index of the source refuses writes.
    BlockWrites,
    /// One acknowledged write is on the source twice.
    DuplicateWrite,
    /// The saved description of the source is changed.
    AlterDescription,
    /// One dump loses its second half.
    TruncateDump,
    /// An application goes on holding a session on the source.
    KeepSession,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LoseDocument,
        Self::LoseRow,
        Self::ChangePassword,
        Self::BlockWrites,
        Self::DuplicateWrite,
        Self::AlterDescription,
        Self::TruncateDump,
        Self::KeepSession,
    ];

    /// Name as in scenario files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoseDocument => "lose-document",
            Self::LoseRow => "lose-row",
            Self::ChangePassword => "change-password",
            Self::BlockWrites => "block-writes",
            Self::DuplicateWrite => "duplicate-write",
            Self::AlterDescription => "alter-description",
            Self::TruncateDump => "truncate-dump",
            Self::KeepSession => "keep-session",
        }
    }
}

/// Where it stands, what is wrong, what to write instead.
pub(super) type Mistake = (Vec<String>, String, String);

pub(super) fn mistake(path: &[&str], message: impl Into<String>, help: impl Into<String>) -> Option<Mistake> {
    Some((path.iter().map(ToString::to_string).collect(), message.into(), help.into()))
}

impl Scenario {
    /// What the way back asks for and cannot be.
    pub(super) fn rollback_mistake(&self) -> Option<Mistake> {
        for (key, budget) in [("rto", self.budgets.rto), ("rpo", self.budgets.rpo)] {
            if budget.is_some_and(|d| d.is_negative()) {
                return mistake(
                    &["budgets", key],
                    format!("the {key} budget is negative"),
                    "write it as `90s` or `10min`",
                );
            }
        }
        if self.migration.soak.is_some_and(|d| d.is_negative()) {
            return mistake(&["migration", "soak"], "the soak time is negative", "write it as `10min`");
        }
        let spec = self.rollback.as_ref()?;
        if self.procedure != Procedure::Cutover {
            return mistake(
                &["rollback"],
                "only a plain cutover can be gone back from",
                "leave `procedure` out, or `rollback`",
            );
        }
        let from = spec.from.as_str();
        let whole = Plan::of(&Self { rollback: None, ..self.clone() });
        let steps: Vec<&str> = whole.ways_back().iter().map(|s| s.as_str()).collect();
        if !steps.contains(&from) {
            let message = match whole.step(&spec.from) {
                Some(_) => format!("nothing is there to go back from at {from}"),
                None => format!("{from} is no step of this plan"),
            };
            let help = did_you_mean(from, &steps).unwrap_or_else(|| {
                "`drydock drill --plan` lists the steps that can be gone back from".into()
            });
            return mistake(&["rollback", "from", from], message, help);
        }
        if spec.after_writes > MOST_WRITES {
            return mistake(
                &["rollback", "after_writes"],
                format!("after_writes is {}, more than {MOST_WRITES}", spec.after_writes),
                format!("use 0 to {MOST_WRITES}"),
            );
        }
        let position = |action| whole.steps.iter().position(|s| s.action == action);
        let at = whole.steps.iter().position(|s| s.id == spec.from);
        if spec.after_writes > 0 && at < position(Action::Switch) {
            return mistake(
                &["rollback", "after_writes"],
                format!("users do not work on the new side before the switch, and {from} comes before it"),
                "go back from phase-3/switch or later, or leave `after_writes` out",
            );
        }
        if spec.after_writes > 0 && !self.has_writing_users() {
            return mistake(
                &["rollback", "after_writes"],
                "writes are waited for, but nobody writes",
                "set `writes_per_second` and migrate a component that users write to, or leave `after_writes` out",
            );
        }
        if spec.volumes == Volumes::Gone && at < position(Action::CleanupSource) {
            return mistake(
                &["rollback", "volumes"],
                format!("the volumes go with the clean-up, and {from} comes before it"),
                "go back from phase-5/cleanup or later, or leave `volumes` out",
            );
        }
        None
    }
}
