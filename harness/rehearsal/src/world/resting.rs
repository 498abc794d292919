//! From the freeze to the start on either side the application has to stay stopped. A controller that brings it back for seconds is
//! told as one that keeps it: by what the cluster counts, not by looking at the right moment.

use super::kept::{Readers, keep};
use super::{RealWorld, Stepped, environment, of_environment};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_environments::{Resting, RestingWorkload, Side};
use drydock_stores::compare::CheckResult;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// What was stopped, and what is known of it since.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Rest {
    /// The applications when no pod of them was left.
    then: Resting,
    /// What was found since, or when it was stopped before.
    found: Vec<Finding>,
    /// Whether it was looked at for the last time. It is started then, which changes what the cluster counts.
    over: bool,
}

impl RealWorld {
    /// Notes how the applications are now that they were stopped.
    pub(super) async fn note_rest(&self, found: Vec<Finding>) -> Stepped<()> {
        let now = self.environment()?.resting_applications().await.map_err(of_environment)?;
        let Some(then) = now else { return Ok(()) };
        keep(&self.rest_file()?, &Rest { then, found, over: false }, Readers::Owner)
    }

    /// What came back since the applications were stopped, unless they were started since.
    pub(super) async fn came_back(&self) -> Stepped<Vec<Finding>> {
        match self.kept_rest()? {
            Some(rest) if !rest.over => self.since(rest).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Looks for the last time before the application is started. A step that is repeated has started some of it already, and tells what
    /// was found then.
    pub(super) async fn check_rest(&mut self) -> Stepped<()> {
        let began = Instant::now();
        let Some(mut rest) = self.kept_rest()? else { return Ok(()) };
        let (compared, then) = (rest.then.workloads.len() as u64, rest.then.clone());
        if !rest.over {
            rest = Rest { found: self.since(rest).await?, over: true, then };
            keep(&self.rest_file()?, &rest, Readers::Owner)?;
        }
        self.conclude(vec![CheckResult {
            check: checks::CL_STOPPED,
            compared,
            findings: rest.found,
            note: format!("{compared} workloads of the application were scaled to zero, and stayed so until they were started on purpose"),
            millis: super::compare::millis(began),
        }]);
        Ok(())
    }

    /// Asks the stores that users are on by the names that pods know.
    pub(super) async fn check_answers(&mut self, serving: Side) -> Stepped<()> {
        let began = Instant::now();
        let answers = self.environment()?.store_answers(serving).await.map_err(of_environment)?;
        let Some(answers) = answers else { return Ok(()) };
        let findings = answers.iter().filter_map(|answer| {
            let why = answer.silent.as_ref()?;
            let (address, users) = (&answer.address, &answer.applications);
            let message = match users.as_slice() {
                [] => format!(
                    "{address}, a store of the {serving}, is not reached from inside the cluster: {why}"
                ),
                users => format!(
                    "{address} is not reached from inside the cluster, and {} live on it: {why}",
                    users.join(", ")
                ),
            };
            let finding = Finding::access(checks::CL_ANSWERS, Kind::Unusable, address.clone(), message);
            let named = users.iter().cloned().map(Sample::named);
            Some(finding.items(users.len() as u64, named).next(
                "compare the Service's selector with the labels of the pods, and look at its endpoints",
            ))
        });
        self.conclude(vec![CheckResult {
            check: checks::CL_ANSWERS,
            compared: answers.len() as u64,
            findings: findings.collect(),
            note: "each store by the name that pods know, asked from the cluster's node".into(),
            millis: super::compare::millis(began),
        }]);
        Ok(())
    }

    /// Forgets what an earlier run on these stores has noted.
    pub(super) fn forget_rest(&self) -> Stepped<()> {
        let _ = fs::remove_file(self.rest_file()?);
        Ok(())
    }

    async fn since(&self, rest: Rest) -> Stepped<Vec<Finding>> {
        let now = self.environment()?.resting_applications().await.map_err(of_environment)?;
        let mut found = rest.found;
        found.extend(now.map(|now| touched(&rest.then, &now)).unwrap_or_default());
        Ok(found)
    }

    fn kept_rest(&self) -> Stepped<Option<Rest>> {
        let path = self.rest_file()?;
        let Ok(text) = fs::read(&path) else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|e| {
            environment(
                format!("what was stopped, in {}, cannot be read: {e}", path.display()),
                "rehearse again from the beginning",
            )
        })
    }

    fn rest_file(&self) -> Stepped<PathBuf> {
        Ok(self.environment()?.work_dir().join("rest.json"))
    }
}

/// What was started, or only touched, of applications that were to be at rest.
fn touched(then: &Resting, now: &Resting) -> Vec<Finding> {
    let next = "suspend autoscalers and whatever reconciles the release, and rehearse again: what its pods wrote may be on one side only";
    let told = |name: &str, message: String| {
        Finding::data(checks::CL_STOPPED, Kind::StillActive, name, message).next(next)
    };
    let mut findings: Vec<Finding> = now
        .workloads
        .iter()
        .filter_map(|(name, RestingWorkload { mark, replicas })| {
            let message = match then.workloads.get(name) {
                _ if *replicas > 0 => format!("{name} was scaled to {replicas} after the freeze, and may write"),
                None => format!("{name} was made after the freeze"),
                Some(was) if was.mark.uid != mark.uid => format!("{name} was made anew after the freeze, and may have written"),
                Some(was) if was.mark.generation != mark.generation => {
                    format!("{name} was changed after the freeze and is at zero again: its pods may have written meanwhile")
                }
                Some(_) => return None,
            };
            Some(told(name, message))
        })
        .collect();
    // Those that stayed at the freeze were told then.
    let come = now.pods.iter().filter(|pod| !then.pods.iter().any(|old| name_of(old) == name_of(pod)));
    let come: Vec<Sample> = come.cloned().map(Sample::named).collect();
    if !come.is_empty() {
        let count = come.len() as u64;
        let message = format!("{count} pods of the application came after the freeze");
        findings.push(told("application", message).items(count, come));
    }
    findings
}

/// Of a pod for people, its name alone.
fn name_of(described: &str) -> &str {
    described.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_environments::WorkloadMark;
    use std::collections::BTreeMap;

    fn resting(generation: i64, uid: &str, replicas: i32, pods: &[&str]) -> Resting {
        let mark = WorkloadMark { uid: uid.into(), generation };
        Resting {
            workloads: BTreeMap::from([(
                "deployment/camunda-operate".into(),
                RestingWorkload { mark, replicas },
            )]),
            pods: pods.iter().map(|pod| (*pod).to_owned()).collect(),
        }
    }

    #[test]
    fn whatever_rests_is_no_finding_and_each_way_to_come_back_is_one() {
        let then = resting(4, "u", 0, &["held (ending since 1)"]);
        assert_eq!(touched(&then, &then), []);
        assert_eq!(
            touched(&then, &resting(4, "u", 0, &["held (ending since 2)"])),
            [],
            "it was told at the freeze"
        );
        assert_eq!(touched(&then, &resting(4, "u", 0, &[])), []);
        for (now, words) in [
            (resting(5, "u", 1, &[]), "scaled to 1"),
            (resting(6, "u", 0, &[]), "is at zero again"),
            (resting(1, "v", 0, &[]), "made anew"),
            (resting(4, "u", 0, &["new (Running)"]), "1 pods"),
        ] {
            let found = touched(&then, &now);
            assert_eq!(found.len(), 1, "{words}: {found:?}");
            assert!(found[0].message.contains(words), "{words}: {found:?}");
            assert_eq!((found[0].check.as_str(), found[0].kind), (checks::CL_STOPPED, Kind::StillActive));
            assert!(crate::guard::objects(&found[0]), "the clean-up is not refused");
        }
        assert!(
            touched(&Resting::default(), &then).iter().any(|f| f.message.contains("made after the freeze"))
        );
    }
}
