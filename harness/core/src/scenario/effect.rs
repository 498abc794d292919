//! What each fault must come to: when it happens, how the run ends, and which checks turn red. Whatever else turns red is a false
//! alarm.

use super::{EnvironmentName, Fault, FaultKind, Managed, Scenario};
use crate::names::{Component, checks};
use crate::plan::{Action, Plan, ScriptPhase, Step};

/// When a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Between two steps, on the data.
    After,
    /// While a step runs, or just before it begins.
    During,
}

/// How a run with one fault goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It bears it, and ends as an undisturbed one.
    Through,
    /// It stops, or is killed, and says nothing about the data. Resumed, it ends as an undisturbed one.
    Stops,
    /// It bears it where what broke is back in time, and else stops as above. Either way it ends as an undisturbed one.
    Either,
    /// It stops because the migration itself failed, with exit code 1. Run again without the cause, it ends as an undisturbed
    /// one.
    Fails,
    /// It goes to its end, and its checks tell.
    Told,
}

/// What a fault must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// How the run goes on.
    pub course: Course,
    /// Checks that turn red, on the data of this environment's profiles.
    pub red: &'static [&'static str],
    /// Checks that may turn red as well: which of the data was hit decides. Any other stays as it is.
    pub may: &'static [&'static str],
}

impl FaultKind {
    /// What it must come to.
    pub fn effect(self) -> Effect {
        use checks::{
            ES_ACCESS, ES_ALIASES, ES_CLUSTER, ES_COUNTS, ES_DOCUMENTS, ES_FUTURE, ES_IMPORTS, ES_INDICES,
            ES_MAPPINGS, ES_SETTINGS, ES_TEMPLATES, FREEZE, HARMLESS_TARGET, KC_CLIENTS, KC_LOGINS,
            KC_REALMS, KC_TOKENS, KC_USERS, PG_ACCESS, PG_COUNTS, PG_LARGE_OBJECTS, PG_QUERIES, PG_ROWS,
            PG_SCHEMA, PG_SEQUENCES, TARGETS,
        };
        // A real Keycloak is asked as well, where one runs.
        const KEYCLOAK: &[&str] = &[KC_REALMS, KC_USERS, KC_CLIENTS, PG_QUERIES, KC_LOGINS, KC_TOKENS];
        const DOCUMENTS: &[&str] = &[ES_ACCESS, ES_IMPORTS, checks::ACKNOWLEDGED];
        let told = |red: &'static [&'static str], may: &'static [&'static str]| Effect {
            course: Course::Told,
            red,
            may,
        };
        let through = Effect { course: Course::Through, red: &[], may: &[] };
        let stops = Effect { course: Course::Stops, red: &[], may: &[] };
        match self {
            Self::LoseDocument | Self::GhostDocument => told(&[ES_DOCUMENTS, ES_COUNTS], DOCUMENTS),
            Self::ChangeDocument | Self::RerouteDocument => told(&[ES_DOCUMENTS], DOCUMENTS),
            Self::LoseIndex => {
                told(&[ES_INDICES], &[ES_ACCESS, ES_IMPORTS, ES_ALIASES, checks::ACKNOWLEDGED, TARGETS])
            }
            Self::LoseAlias => told(&[ES_ALIASES, ES_ACCESS], &[]),
            Self::LoseTemplate => told(&[ES_TEMPLATES, ES_FUTURE], &[]),
            Self::ChangeSetting => told(&[ES_SETTINGS], &[]),
            Self::NarrowResultWindow => told(&[ES_SETTINGS, ES_ACCESS], &[]),
            Self::AdvanceImportPosition => told(&[ES_DOCUMENTS, ES_IMPORTS], &[ES_ACCESS]),
            Self::LoseRow => told(&[PG_ROWS, PG_COUNTS], KEYCLOAK),
            Self::ChangeRow => told(&[PG_ROWS], KEYCLOAK),
            Self::LoseSequence | Self::ResetSequences => told(&[PG_SEQUENCES], &[TARGETS]),
            Self::LoseTableIndex => told(&[PG_SCHEMA], &[]),
            Self::LoseGrant => told(&[PG_ACCESS], &[TARGETS]),
            Self::ChangeLargeObject => told(&[PG_LARGE_OBJECTS], &[]),
            Self::LateWrite => told(&[FREEZE], &[ES_COUNTS, ES_DOCUMENTS, ES_ACCESS, PG_COUNTS, PG_ROWS]),
            Self::LeaveIndex | Self::LeaveDatabase => told(&[HARMLESS_TARGET], &[ES_INDICES, PG_SCHEMA]),
            Self::TouchSetting => told(&[HARMLESS_TARGET], &[ES_CLUSTER]),
            Self::DynamicMapping => told(&[ES_MAPPINGS], &[ES_ACCESS, ES_SETTINGS, ES_ALIASES, ES_DOCUMENTS]),
            Self::LoseExtension => told(&[PG_SCHEMA], &[PG_QUERIES, PG_ROWS, TARGETS]),
            Self::StaleLock => told(&[PG_ROWS, TARGETS], &[]),
            Self::RegenerateClientSecret => told(&[PG_ROWS, KC_CLIENTS], &[KC_LOGINS, KC_TOKENS]),
            Self::RotateSigningKey => {
                told(&[PG_ROWS, PG_COUNTS, KC_REALMS], &[PG_QUERIES, KC_LOGINS, KC_TOKENS])
            }
            Self::LoseUser => told(&[PG_ROWS, PG_COUNTS, KC_USERS], &[PG_QUERIES, KC_LOGINS, KC_TOKENS]),
            Self::LoseRoleMapping => told(&[PG_ROWS, PG_COUNTS, KC_USERS], &[PG_QUERIES, KC_LOGINS]),
            Self::PassingSession => {
                told(&[FREEZE], &[PG_ROWS, PG_COUNTS, PG_QUERIES, KC_REALMS, KC_USERS, KC_CLIENTS])
            }
            Self::PassingIndex => told(&[FREEZE], &[]),
            Self::ScaledBackUp => told(&[checks::CL_STOPPED], &[]),
            Self::ServiceAstray => told(&[checks::CL_ANSWERS], &[]),
            Self::OperatorStuck => told(&[checks::CL_OPERATORS], &[]),
            Self::ConnectionReset
            | Self::SlowAnswers
            | Self::StuckAnswers
            | Self::TooManyRequests
            | Self::Unavailable
            | Self::GatewayTimeout
            | Self::ShortTimeout
            | Self::ScrollExpires
            | Self::SourcePaused
            | Self::TargetPaused
            | Self::NetworkCut
            | Self::UnrefreshedIndex
            | Self::RecreatedDocuments
            | Self::ClockSkew
            | Self::ApplicationPodKilled
            | Self::ApiServerAway => through,
            // Its controller starts another one at once, and clients wait for some seconds.
            Self::PodKilled => Effect { course: Course::Either, red: &[], may: &[] },
            Self::MappingRefused | Self::CopyRefused => Effect { course: Course::Fails, red: &[], may: &[] },
            Self::WrongCredentials
            | Self::SourceKilled
            | Self::TargetKilled
            | Self::ClientKilled
            | Self::DrydockKilled
            | Self::DiskFull
            | Self::ReadOnly
            | Self::ShardLimit
            | Self::SecretChanged
            | Self::SecondRestore
            | Self::TargetSession
            | Self::NodeCordoned
            | Self::JobUnschedulable
            | Self::VolumeFull => stops,
        }
    }

    /// When it happens.
    pub fn moment(self) -> Moment {
        match self.effect().course {
            Course::Through | Course::Stops | Course::Either | Course::Fails => Moment::During,
            Course::Told => match self {
                Self::PassingSession
                | Self::PassingIndex
                | Self::ScaledBackUp
                | Self::ServiceAstray
                | Self::OperatorStuck => Moment::During,
                _ => Moment::After,
            },
        }
    }

    /// Whether some check must notice it. What a run bears, or is stopped by, is no loss that a check could miss.
    pub fn must_be_told(self) -> bool {
        self.effect().course == Course::Told
    }

    /// Whether it needs a proxy that tells requests of Elasticsearch apart.
    pub fn reads_requests(self) -> bool {
        matches!(
            self,
            Self::StuckAnswers
                | Self::TooManyRequests
                | Self::Unavailable
                | Self::GatewayTimeout
                | Self::ShortTimeout
                | Self::WrongCredentials
                | Self::MappingRefused
                | Self::ScrollExpires
        )
    }

    /// Whether it happens to a cluster, and nowhere else.
    pub fn needs_cluster(self) -> bool {
        matches!(
            self,
            Self::PodKilled
                | Self::ApplicationPodKilled
                | Self::NodeCordoned
                | Self::VolumeFull
                | Self::ApiServerAway
                | Self::ScaledBackUp
                | Self::ServiceAstray
                | Self::OperatorStuck
                | Self::JobUnschedulable
        )
    }

    /// Whether it can happen in a step.
    pub fn fits(self, action: Action) -> bool {
        let copies = matches!(action, Action::CopyIndices | Action::CopyDelta | Action::WarmCopy);
        let restores = matches!(action, Action::Restore(_));
        let dumps = matches!(action, Action::InitialBackup(_) | Action::FinalBackup(_));
        match self {
            Self::ConnectionReset | Self::SlowAnswers | Self::NetworkCut => copies || restores,
            Self::SourceKilled | Self::SourcePaused => copies || dumps,
            Self::TargetKilled | Self::TargetPaused => copies || restores,
            Self::ClientKilled => dumps || restores,
            Self::SecretChanged
            | Self::SecondRestore
            | Self::CopyRefused
            | Self::TargetSession
            | Self::VolumeFull => restores,
            // Anywhere between the freeze and the switch, with steps on either side.
            Self::PassingSession | Self::PassingIndex | Self::ScaledBackUp => {
                copies && action != Action::WarmCopy || restores
            }
            Self::UnrefreshedIndex | Self::RecreatedDocuments => action == Action::SaveConfiguration,
            // While users still write what is migrated.
            Self::ClockSkew => {
                matches!(action, Action::InitialBackup(_) | Action::WarmCopy | Action::SaveConfiguration)
            }
            Self::DrydockKilled => true,
            Self::PodKilled => copies || dumps || restores,
            // While its pods run.
            Self::ApplicationPodKilled => {
                matches!(action, Action::InitialBackup(_) | Action::WarmCopy | Action::SaveConfiguration)
            }
            Self::NodeCordoned | Self::ServiceAstray | Self::OperatorStuck => action == Action::Switch,
            // While users work: the cutover's script is not made to be run a second time.
            Self::JobUnschedulable => action == Action::RunScript(ScriptPhase::Backup),
            // Steps that cannot do without it.
            Self::ApiServerAway => {
                matches!(action, Action::Freeze | Action::Switch | Action::Compare | Action::SwitchBack)
            }
            kind => copies && kind.moment() == Moment::During,
        }
    }

    /// The step in which it happens where the scenario names none: of those it can happen in, the one that copies all
    /// indices, else the first.
    pub fn usual_step(self, plan: &Plan) -> Option<&Step> {
        let fitting = || plan.steps.iter().filter(|s| self.fits(s.action));
        fitting()
            .find(|s| matches!(s.action, Action::CopyIndices | Action::CopyDelta))
            .or_else(|| fitting().next())
    }
}

impl Fault {
    /// The step in which a failure happens.
    pub fn step<'p>(&self, plan: &'p Plan) -> Option<&'p Step> {
        match &self.during {
            Some(during) => plan.step(during),
            None => self.fault.usual_step(plan),
        }
    }

    /// A mistake in how it is written: the word that is wrong, what is wrong, and what to write instead.
    pub(super) fn mistake(&self, scenario: &Scenario, plan: &Plan) -> Option<(String, String, String)> {
        let name = self.fault.as_str();
        let during = self.fault.moment() == Moment::During;
        let (wrong, right) = if during { (&self.after, "during") } else { (&self.during, "after") };
        if let Some(step) = wrong {
            let message = format!("{name} does not happen there");
            return Some((step.to_string(), message, format!("name its step with `{right}`")));
        }
        if !during {
            return None;
        }
        if let Some(at) = self.at.as_ref().filter(|_| self.number().is_none()) {
            let message = format!("{name} happens at a number, and {at:?} is none");
            return Some((
                at.clone(),
                message,
                "write the number of the request or of indices, `at: 3`".into(),
            ));
        }
        let fitting: Vec<&str> =
            plan.steps.iter().filter(|s| self.fault.fits(s.action)).map(|s| s.id.as_str()).collect();
        let word = self.during.as_ref().map_or(name, |d| d.as_str()).to_owned();
        if fitting.is_empty() {
            return Some((
                word,
                format!("no step of this plan is one that {name} can happen in"),
                "leave it out".into(),
            ));
        }
        match self.step(plan) {
            // Told by whoever looks steps up.
            None => return None,
            Some(step) if !self.fault.fits(step.action) => {
                return Some((
                    word,
                    format!("{name} cannot happen in {}", step.id),
                    format!("it can in {}", fitting.join(", ")),
                ));
            }
            Some(_) => {}
        }
        let sealed = scenario.target.managed != Managed::Here || scenario.source.managed != Managed::Here;
        (self.fault.reads_requests() && sealed).then(|| {
            let message =
                format!("{name} needs to read requests, and those to a managed store are encrypted");
            (word, message, "use connection-reset, or leave `managed: elsewhere` out".into())
        })
    }
}

impl Scenario {
    /// What cannot be done where the scenario takes place: where it stands, what is wrong, what to write instead. To be asked once
    /// it is known where that is, because the command line may name another place than the file.
    pub fn mistake_of_place(&self) -> Option<(Vec<String>, String, String)> {
        if let Some(found) = self.operators_out_of_place() {
            return Some(found);
        }
        let fault = self.faults.iter().map(|f| f.fault).find(|kind| kind.needs_cluster())?;
        let (name, place) = (fault.as_str(), &self.environment);
        let why = match place {
            EnvironmentName::Kind => return None,
            EnvironmentName::Embedded | EnvironmentName::Containers => {
                format!("{name} happens to a cluster, and `{place}` has none")
            }
            EnvironmentName::Context(_) => {
                format!("{name} happens to a whole cluster, and others use `{place}`")
            }
        };
        let help = "rehearse it with `--on kind` (or `environment: kind`), or leave it out";
        Some((vec!["faults".into(), name.into()], why, help.into()))
    }
}

/// The store that a step works on most.
pub fn component_of(action: Action) -> Component {
    match action {
        Action::PrepareDatabase(c)
        | Action::InitialBackup(c)
        | Action::FinalBackup(c)
        | Action::Restore(c)
        | Action::CarryGrants(c)
        | Action::TrialBackup(c)
        | Action::TrialRestore(c) => c,
        _ => Component::Elasticsearch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_fault_has_a_name_a_moment_and_an_effect() {
        let names: BTreeSet<&str> = FaultKind::ALL.iter().map(|k| k.as_str()).collect();
        assert_eq!(names.len(), FaultKind::ALL.len());
        for kind in FaultKind::ALL {
            assert_eq!(FaultKind::of_name(kind.as_str()), Some(kind));
            let effect = kind.effect();
            assert_eq!(effect.red.is_empty(), effect.course != Course::Told, "{}", kind.as_str());
            assert_eq!(kind.must_be_told(), effect.course == Course::Told);
        }
    }

    #[test]
    fn what_happens_to_a_cluster_is_refused_where_there_is_none() {
        let read = |environment: &str, kind: FaultKind| {
            // Refused elsewhere: it needs an operator, or the scripts.
            let operated = match kind {
                FaultKind::OperatorStuck => "target: {managed: operator}\n",
                FaultKind::JobUnschedulable => "driver: scripts\n",
                _ => "",
            };
            let text =
                format!("name: x\nenvironment: kind\n{operated}faults: [{{fault: {}}}]\n", kind.as_str());
            let environment = environment.parse().unwrap();
            Scenario { environment, ..Scenario::from_yaml("x", &text).unwrap() }
        };
        for kind in FaultKind::ALL {
            for environment in ["embedded", "containers", "context:staging"] {
                let mistake = read(environment, kind).mistake_of_place();
                assert_eq!(mistake.is_some(), kind.needs_cluster(), "{} on {environment}", kind.as_str());
                if let Some((path, what, help)) = mistake {
                    if kind == FaultKind::OperatorStuck && !environment.starts_with("context") {
                        assert_eq!(path, ["target", "managed"]);
                        continue;
                    }
                    assert_eq!(path, ["faults", kind.as_str()]);
                    assert!(what.contains(environment) && help.contains("--on kind"), "{what}; {help}");
                }
            }
            assert_eq!(read("kind", kind).mistake_of_place(), None);
            assert!(!kind.needs_cluster() || kind.moment() == Moment::During);
        }
    }

    #[test]
    fn every_failure_finds_its_step_in_the_usual_plan() {
        let scenario = Scenario::from_yaml("test", "name: test").unwrap();
        let plan = Plan::of(&scenario);
        let scripts =
            Scenario::from_yaml("test", "name: test\nenvironment: kind\ndriver: scripts\n").unwrap();
        let of_scripts = Plan::of(&scripts);
        for kind in FaultKind::ALL.into_iter().filter(|k| k.moment() == Moment::During) {
            let plan = if kind == FaultKind::JobUnschedulable { &of_scripts } else { &plan };
            assert!(kind.usual_step(plan).is_some(), "{}", kind.as_str());
        }
        let read =
            |faults: &str| Scenario::from_yaml("test", &format!("name: test\nfaults:\n  - {faults}\n"));
        let fault = &read("{fault: connection-reset, during: phase-3/restore/elasticsearch, at: 3}")
            .unwrap()
            .faults[0];
        assert_eq!(fault.number(), Some(3));
        let named = read("{fault: lose-row, at: keycloak.*}").unwrap();
        assert_eq!((named.faults[0].number(), named.faults[0].at.as_deref()), (None, Some("keycloak.*")));
        for (wrong, words) in [
            ("{fault: connection-reset, after: phase-3/restore/elasticsearch}", "does not happen there"),
            ("{fault: lose-row, during: phase-3/restore/identity}", "does not happen there"),
            ("{fault: disk-full, during: phase-3/restore/identity}", "cannot happen in"),
            ("{fault: disk-full, during: phase-3/restore/nothing}", "no step of this plan"),
            ("{fault: connection-reset, at: keycloak}", "happens at a number"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
