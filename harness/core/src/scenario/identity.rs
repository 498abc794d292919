//! A real identity provider beside the stores, instead of generated rows in its database.

use super::{Procedure, Scenario};
use crate::names::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who logs people and applications in during a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityName {
    /// A real Keycloak on the source's database `keycloak`, and after the cutover on the target's.
    Keycloak,
}

/// Where it stands, what is wrong, what to write instead.
type Mistake = ([&'static str; 1], String, &'static str);

impl Scenario {
    /// Whether a real Keycloak is asked for.
    pub fn has_real_keycloak(&self) -> bool {
        self.identity == Some(IdentityName::Keycloak)
    }

    /// Why a real Keycloak cannot run in this scenario, and what to write instead.
    pub(super) fn identity_mistake(&self) -> Option<Mistake> {
        if !self.has_real_keycloak() {
            let named = [("source", &self.source), ("target", &self.target)];
            let (side, _) = named.into_iter().find(|(_, spec)| spec.keycloak.image.is_some())?;
            let why = format!("an image of Keycloak is named for the {side}, and none is asked for");
            return Some(([side], why, "add `identity: keycloak`, or leave `keycloak` out of the side"));
        }
        let (why, help) = if !self.migration.components().contains(&Component::Keycloak) {
            (
                "a real Keycloak is asked for, and its database is not migrated",
                "add `keycloak` to `migration.components`, or leave `identity` out",
            )
        } else if self.procedure != Procedure::Cutover {
            // Its own housekeeping writes whenever it likes, and those procedures promise that nothing moves.
            (
                "a real Keycloak runs in a plain cutover alone",
                "leave `procedure` out of the scenario, or `identity`",
            )
        } else if self.rollback.as_ref().is_some_and(|back| !self.is_frozen_at(&back.from)) {
            // Before the freeze a way back promises that nothing has moved either.
            (
                "a real Keycloak is not stopped before the step that is gone back from",
                "go back from `phase-3/freeze` or a later step, or leave `identity` out",
            )
        } else {
            return None;
        };
        Some((["identity"], why.to_owned(), help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Plan};

    fn read(more: &str) -> Result<Scenario, String> {
        Scenario::from_yaml("test", &format!("name: test\n{more}")).map_err(|e| e.to_string())
    }

    #[test]
    fn it_is_off_unless_asked_for_and_then_started_on_the_target_before_users_are_let_in() {
        assert!(!read("").unwrap().has_real_keycloak());
        let scenario = read("identity: keycloak\n").unwrap();
        let plan = Plan::of(&scenario);
        let at = |action| plan.steps.iter().position(|s| s.action == action).unwrap();
        assert_eq!(at(Action::Pin) + 1, at(Action::StartIdentity));
        assert_eq!(at(Action::StartIdentity) + 1, at(Action::Switch));
        let asked = |plan: &Plan, check: &str| plan.checks.iter().any(|c| c.as_str() == check);
        assert!(asked(&plan, "keycloak/logins") && asked(&plan, "keycloak/tokens"));
        let back = Plan::of(&read("identity: keycloak\nrollback: {from: phase-3/pin}\n").unwrap());
        assert!(asked(&back, "keycloak/way-back") && !asked(&plan, "keycloak/way-back"));
        let without = Plan::of(&read("").unwrap());
        assert!(without.id_of(Action::StartIdentity).is_none() && !asked(&without, "keycloak/logins"));
    }

    #[test]
    fn where_it_cannot_run_the_scenario_is_refused() {
        for (more, words) in [
            ("migration: {components: [identity]}\n", "its database is not migrated"),
            ("procedure: dry-run\n", "plain cutover"),
            ("rollback: {from: phase-2/backup/identity}\n", "is not stopped before"),
        ] {
            let error = read(&format!("identity: keycloak\n{more}")).unwrap_err();
            assert!(error.contains(words) && error.starts_with("test:2:"), "{error}");
            assert!(read(more).is_ok());
        }
        let image = "target: {keycloak: {image: \"keycloak/keycloak:26.3.3\"}}\n";
        let error = read(image).unwrap_err();
        assert!(error.contains("named for the target") && error.starts_with("test:2:"), "{error}");
        let scenario = read(&format!("identity: keycloak\n{image}")).unwrap();
        assert_eq!(scenario.target.keycloak.image.as_deref(), Some("keycloak/keycloak:26.3.3"));
        assert!(read("identity: keycloack\n").unwrap_err().contains("unknown value"));
    }
}
