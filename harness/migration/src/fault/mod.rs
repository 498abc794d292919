//! Losses planted on purpose, so that a check is seen to fire. One item is harmed at a time, chosen by the seed among what
//! exists; the same seed on the same data harms the same item.

mod accounts;
mod during;
mod elasticsearch;
mod guessed;
mod late;
mod postgres;
mod trial;

pub use during::{
    Ground, accept_rows, pass_by, passing_index, password_statement, recreate_documents, refuse_rows,
    unrefreshed_index,
};

use crate::context::MigrationContext;
use crate::error::MigrationError;
use drydock_core::Component;
use drydock_core::glob;
use drydock_core::scenario::FaultKind;

/// What was harmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlantedItem {
    /// The exact item: `operate-list-view-8.3.0_ document 2251799813688872`, `keycloak.public.user_entity id=7`.
    pub item: String,
    /// The subject under which a check tells it: index, `index/alias`, `template/name`, `database.schema.table`.
    pub subject: String,
}

/// Does the harm that `kind` names, on the target (a late write: on the source). `at` narrows the choice to indices,
/// `database.schema.table` (or another object of a schema) that match it, `*` standing for anything.
///
/// # Errors
/// Nothing exists that could be harmed so, or a store does not answer; both are the rehearsal's surroundings, not the
/// migration.
pub async fn plant(
    kind: FaultKind,
    at: Option<&str>,
    seed: u64,
    cx: &MigrationContext,
) -> Result<Vec<PlantedItem>, MigrationError> {
    let choice = Choice { kind, at, seed };
    let planted = match kind {
        FaultKind::LoseDocument
        | FaultKind::ChangeDocument
        | FaultKind::RerouteDocument
        | FaultKind::GhostDocument
        | FaultKind::LoseIndex
        | FaultKind::LoseAlias
        | FaultKind::LoseTemplate
        | FaultKind::ChangeSetting
        | FaultKind::NarrowResultWindow
        | FaultKind::AdvanceImportPosition
        | FaultKind::DynamicMapping => elasticsearch::plant(cx, &choice).await?.into_iter().collect(),
        FaultKind::LoseRow
        | FaultKind::ChangeRow
        | FaultKind::LoseSequence
        | FaultKind::LoseTableIndex
        | FaultKind::LoseGrant
        | FaultKind::ChangeLargeObject
        | FaultKind::ResetSequences
        | FaultKind::LoseExtension
        | FaultKind::StaleLock => postgres::plant(cx, &choice).await?.into_iter().collect(),
        FaultKind::RegenerateClientSecret
        | FaultKind::RotateSigningKey
        | FaultKind::LoseUser
        | FaultKind::LoseRoleMapping => accounts::plant(cx, &choice).await?.into_iter().collect(),
        FaultKind::LateWrite => late::plant(cx, &choice).await?,
        FaultKind::LeaveIndex | FaultKind::LeaveDatabase | FaultKind::TouchSetting => {
            vec![trial::plant(cx, &choice).await?]
        }
        failure => {
            let what = format!("{} is a failure, which is not planted between steps", failure.as_str());
            return Err(MigrationError::Internal(what));
        }
    };
    if planted.is_empty() { Err(choice.nothing()) } else { Ok(planted) }
}

/// How a victim is chosen.
#[derive(Debug, Clone, Copy)]
struct Choice<'a> {
    kind: FaultKind,
    at: Option<&'a str>,
    seed: u64,
}

impl Choice<'_> {
    /// Whether a victim may be this one, or in it.
    fn allows(&self, name: &str) -> bool {
        self.at.is_none_or(|at| glob::matches(at, name))
    }

    /// A number that depends on seed, fault and name alone.
    fn number(&self, name: &str) -> u64 {
        let text = format!("{}/{}/{name}", self.seed, self.kind.as_str());
        let hash = blake3::hash(text.as_bytes());
        // A hash has 32 bytes.
        hash.as_bytes().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte))
    }

    /// Candidates in the order in which they are tried, whatever order they came in.
    fn order<T>(&self, candidates: Vec<T>, name: impl Fn(&T) -> String) -> Vec<T> {
        let mut keyed: Vec<((u64, String), T)> = candidates
            .into_iter()
            .map(|c| {
                let name = name(&c);
                ((self.number(&name), name), c)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed.into_iter().map(|(_, c)| c).collect()
    }

    fn nothing(&self) -> MigrationError {
        let place = self.at.map(|at| format!(" at {at}")).unwrap_or_default();
        MigrationError::environment(
            format!("plant {}{place}", self.kind.as_str()),
            "nothing exists there that could be harmed so",
            "name another place in the scenario, or none",
        )
    }
}

/// Databases of the scenario's components.
fn databases(cx: &MigrationContext) -> Vec<&'static str> {
    cx.spec.components().into_iter().filter_map(Component::database).collect()
}

/// Tables that are not compared, because their rows mean nothing elsewhere.
fn is_volatile(table: &str) -> bool {
    table.eq_ignore_ascii_case("jgroups_ping")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_and_the_order_of_candidates_does_not() {
        let choice = |seed| Choice { kind: FaultKind::LoseRow, at: None, seed };
        let names = |list: Vec<&'static str>, seed| choice(seed).order(list, |n| (*n).to_owned());
        let forward = names(vec!["a", "b", "c", "d", "e"], 1);
        assert_eq!(forward, names(vec!["e", "d", "c", "b", "a"], 1));
        assert!((2..10).any(|seed| names(vec!["a", "b", "c", "d", "e"], seed) != forward));
        assert!(
            Choice { kind: FaultKind::LoseRow, at: Some("keycloak.*.realm"), seed: 1 }
                .allows("keycloak.public.realm")
        );
        assert!(is_volatile("JGROUPS_PING"));
    }
}
