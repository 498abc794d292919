//! The application's pods, where the environment has any: stopped at the freeze until none is left, started on a side with as
//! many replicas as before, and held against what they were. Users are served by this process as long as the pods run.

use super::kept::{Readers, keep};
use super::rollback::millis;
use super::{RealWorld, Stepped, environment, of_environment};
use crate::flow::Facts;
use drydock_core::Component;
use drydock_core::event::NoteLevel;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_environments::{ReleaseState, Side};
use drydock_stores::compare::CheckResult;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

impl RealWorld {
    /// Stops the pods, unless the official scripts do. One that is left is told: it may still write.
    pub(super) async fn stop_pods(&mut self, facts: &mut Facts) -> Stepped<()> {
        if self.config.scenario.scripts().is_some() {
            return self.note_pods(facts).await;
        }
        let began = Instant::now();
        self.remember_release().await?;
        // Where it was stopped before and not started since, what came back meanwhile must not be forgotten.
        let found = self.came_back().await?;
        let stopped = self.environment()?.stop_applications().await.map_err(of_environment)?;
        let Some(stopped) = stopped else { return Ok(()) };
        facts.insert("pods_stopped_seconds".into(), json!(super::prepare::round(stopped.took.as_secs_f64())));
        facts.insert("replicas".into(), json!(stopped.replicas));
        self.note_rest(found).await?;
        let findings = left_over(&stopped.left);
        let compared = stopped.replicas.len() as u64;
        let note = format!(
            "{compared} workloads of the application were scaled to zero, and no pod of theirs was left"
        );
        let note = if findings.is_empty() { note } else { String::new() };
        let check = checks::CL_STOPPED;
        self.conclude(vec![CheckResult { check, compared, findings, note, millis: millis(began) }]);
        Ok(())
    }

    /// Points the pods to a side and starts them.
    pub(super) async fn start_pods(&mut self, side: Side, facts: &mut Facts) -> Stepped<()> {
        let started = self.environment()?.start_applications(side).await.map_err(of_environment)?;
        let Some(started) = started else { return Ok(()) };
        facts.insert("replicas".into(), json!(started.replicas));
        facts.insert("pods_ready_seconds".into(), json!(super::prepare::round(started.took.as_secs_f64())));
        Ok(())
    }

    /// Holds the release against what it was before the application was stopped for the first time, and asks the stores behind it.
    pub(super) async fn check_pods(&mut self, serving: Side) -> Stepped<()> {
        let began = Instant::now();
        let now = self.environment()?.describe_release().await.map_err(of_environment)?;
        let Some(now) = now else { return Ok(()) };
        let path = self.release_file()?;
        let before: ReleaseState = fs::read(&path)
            .map_err(|e| e.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()))
            .map_err(|e| {
                environment(
                    format!("what the release was, in {}, cannot be read: {e}", path.display()),
                    "rehearse again from the beginning",
                )
            })?;
        let took = millis(began);
        let results = judge(&before, &now, serving, &self.stays());
        self.conclude(results.into_iter().map(|result| CheckResult { millis: took, ..result }).collect());
        self.check_answers(serving).await
    }

    /// Brings the pods of lent stores back to the source, wherever an earlier run has left them.
    pub(super) async fn renew_release(&mut self) -> Stepped<()> {
        // What it was then is nothing to hold this run's release against.
        let _ = fs::remove_file(self.release_file()?);
        self.forget_rest()?;
        self.start_pods(Side::Source, &mut Facts::new()).await
    }

    /// Keeps what the release is, once: a second stop finds what a first one has changed.
    pub(super) async fn remember_release(&mut self) -> Stepped<()> {
        let path = self.release_file()?;
        if path.exists() {
            return Ok(());
        }
        let state = self.environment()?.describe_release().await.map_err(of_environment)?;
        let Some(state) = state else { return Ok(()) };
        for (name, pod) in state.pods.iter().filter(|(_, pod)| !pod.ready) {
            let text = format!(
                "the pod {name} of {} was not ready before the application was stopped",
                pod.workload
            );
            self.note(NoteLevel::Warning, text);
        }
        keep(&path, &state, Readers::Owner)
    }

    /// Hosts of databases that a real chart has by themselves, and that nobody asked to move. The chart of this repository is pointed to
    /// the target as a whole.
    fn stays(&self) -> Vec<&'static str> {
        let moved = self.components();
        let apart = [
            (Component::Identity, "camunda-identity-postgresql"),
            (Component::Webmodeler, "camunda-postgresql-web-modeler"),
        ];
        let stays = apart.into_iter().filter(|(component, _)| self.has_chart() && !moved.contains(component));
        stays.map(|(_, host)| host).collect()
    }

    /// In the work directory: digests of Secrets stay out of the run folder.
    fn release_file(&self) -> Stepped<PathBuf> {
        Ok(self.environment()?.work_dir().join("release.json"))
    }
}

fn left_over(left: &[String]) -> Vec<Finding> {
    if left.is_empty() {
        return Vec::new();
    }
    let count = left.len() as u64;
    let message =
        format!("{count} pods of the application are still there after it was stopped, and may write");
    let finding = Finding::data(checks::CL_STOPPED, Kind::StillActive, "application", message)
        .items(count, left.iter().cloned().map(Sample::named))
        .next("find out who keeps them, stop that first, and rehearse again");
    vec![finding]
}

/// Two moments of one release, the side that users are on at the second, and the hosts that are right on either side.
fn judge(before: &ReleaseState, now: &ReleaseState, serving: Side, stays: &[&str]) -> Vec<CheckResult> {
    let result = |check, compared: usize, findings, note: &str| CheckResult {
        check,
        compared: compared as u64,
        findings,
        note: note.to_owned(),
        millis: 0,
    };
    vec![
        result(
            checks::CL_REPLICAS,
            before.replicas.len(),
            replicas(before, now),
            "replicas of each workload, before the freeze and now",
        ),
        result(
            checks::CL_PODS,
            now.pods.len(),
            pods(now, serving, stays),
            "each pod against what its workload asks for, and the hosts that it is configured with",
        ),
        result(checks::CL_CLAIMS, before.claims.len(), claims(before, now), "claims and their volumes"),
        result(
            checks::CL_SECRETS,
            before.secrets.len(),
            secrets(before, now),
            "Secrets, key by key, by digests",
        ),
    ]
}

fn replicas(before: &ReleaseState, now: &ReleaseState) -> Vec<Finding> {
    let next = "scale it to the number that it had";
    let each = |(name, had): (&String, &i32)| {
        let (kind, message) = match now.replicas.get(name) {
            Some(has) if has == had => return None,
            Some(has) => {
                (Kind::Changed, format!("{name} has {has} replicas, and had {had} before the freeze"))
            }
            None => (Kind::Missing, format!("{name} is gone; it had {had} replicas before the freeze")),
        };
        Some(Finding::access(checks::CL_REPLICAS, kind, name, message).next(next))
    };
    before.replicas.iter().filter_map(each).collect()
}

fn pods(now: &ReleaseState, serving: Side, stays: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, pod) in &now.pods {
        let workload = &pod.workload;
        if !pod.ready {
            let message = format!("the pod {name} of {workload} is not ready");
            findings.push(
                Finding::access(checks::CL_PODS, Kind::Unusable, workload, message)
                    .next("read its log and events.log in the run folder"),
            );
        }
        if !pod.outdated.is_empty() {
            let message =
                format!("the pod {name} of {workload} is one of before: {}", pod.outdated.join("; "));
            findings.push(
                Finding::access(checks::CL_PODS, Kind::Stale, workload, message)
                    .next("remove the pod, so that its controller makes it anew"),
            );
        }
    }
    let ours = ReleaseState::names_of(serving);
    let others = ReleaseState::names_of(match serving {
        Side::Source => Side::Target,
        Side::Target => Side::Source,
    });
    for (workload, hosts) in &now.hosts {
        let astray =
            |host: &&String| !ours.contains(host) && others.contains(host) && !stays.contains(&host.as_str());
        for host in hosts.iter().filter(astray) {
            let message = format!("{workload} is configured with {host}, and users are on the {serving}");
            findings.push(
                Finding::access(checks::CL_PODS, Kind::Changed, workload, message)
                    .next("mend the value that names the host, and upgrade the release again"),
            );
        }
    }
    findings
}

fn claims(before: &ReleaseState, now: &ReleaseState) -> Vec<Finding> {
    let next = "go back before users write: the old volume is still there";
    let each = |(name, had): (&String, &drydock_environments::ClaimState)| {
        let (kind, message) = match now.claims.get(name) {
            None => (Kind::Missing, format!("the claim {name} is gone; it was bound to {}", had.volume)),
            Some(has) if has.volume != had.volume => (
                Kind::Changed,
                format!("the claim {name} is bound to {}, and was to {}", has.volume, had.volume),
            ),
            Some(has) if has.phase != had.phase => {
                (Kind::Unusable, format!("the claim {name} is {}, and was {}", has.phase, had.phase))
            }
            Some(_) => return None,
        };
        Some(Finding::data(checks::CL_CLAIMS, kind, name, message).next(next))
    };
    before.claims.iter().filter_map(each).collect()
}

fn secrets(before: &ReleaseState, now: &ReleaseState) -> Vec<Finding> {
    let next = "bring it back from the release's history (helm rollback)";
    let none = BTreeMap::new();
    let each = |(name, had): (&String, &BTreeMap<String, String>)| {
        let has = now.secrets.get(name).unwrap_or(&none);
        let lost: Vec<&String> = had.keys().filter(|key| !has.contains_key(*key)).collect();
        let changed: Vec<&String> = had
            .iter()
            .filter(|(key, value)| has.get(*key).is_some_and(|v| v != *value))
            .map(|(key, _)| key)
            .collect();
        let (kind, keys, what) = match (now.secrets.contains_key(name), lost.is_empty(), changed.is_empty()) {
            (false, ..) => (Kind::Missing, had.keys().collect(), "is gone"),
            (true, false, _) => (Kind::Missing, lost, "has lost keys"),
            (true, true, false) => (Kind::Changed, changed, "has other values"),
            (true, true, true) => return None,
        };
        let finding = Finding::access(checks::CL_SECRETS, kind, name, format!("the Secret {name} {what}"));
        Some(finding.items(keys.len() as u64, keys.into_iter().map(Sample::named)).next(next))
    };
    before.secrets.iter().filter_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_environments::{ClaimState, PodState};

    fn release(side: Side) -> ReleaseState {
        let host = ReleaseState::names_of(side).swap_remove(0);
        let claim = |volume: &str| ClaimState { volume: volume.into(), phase: "Bound".into() };
        let workload = "deployment/camunda-operate".to_owned();
        let secret = BTreeMap::from([
            ("password".to_owned(), "a".to_owned()),
            ("postgres-password".to_owned(), "b".to_owned()),
        ]);
        ReleaseState {
            replicas: BTreeMap::from([(workload.clone(), 1), ("statefulset/camunda-zeebe".to_owned(), 3)]),
            pods: BTreeMap::from([(
                "camunda-operate-x".to_owned(),
                PodState { workload: workload.clone(), ready: true, outdated: Vec::new() },
            )]),
            hosts: BTreeMap::from([(workload, vec![host])]),
            claims: BTreeMap::from([("data-camunda-zeebe-0".to_owned(), claim("pv-1"))]),
            secrets: BTreeMap::from([("camunda-postgresql".to_owned(), secret)]),
        }
    }

    /// Checks that object, with the kinds of their findings, when something was done to the release.
    fn objects(change: impl FnOnce(&mut ReleaseState)) -> Vec<(&'static str, Kind)> {
        let (before, mut now) = (release(Side::Source), release(Side::Target));
        change(&mut now);
        let results = judge(&before, &now, Side::Target, &[]);
        results.iter().flat_map(|r| r.findings.iter().map(|f| (r.check, f.kind))).collect()
    }

    #[test]
    fn a_release_that_is_as_before_is_equal_and_everything_was_compared() {
        assert!(objects(|_| {}).is_empty());
        let results = judge(&release(Side::Source), &release(Side::Target), Side::Target, &[]);
        assert!(results.iter().all(|r| r.compared > 0));
        let checked: Vec<&str> = results.iter().map(|r| r.check).collect();
        let others: Vec<&str> = checks::CLUSTER
            .into_iter()
            .filter(|check| ![checks::CL_STOPPED, checks::CL_ANSWERS, checks::CL_OPERATORS].contains(check))
            .collect();
        assert_eq!(checked, others);
    }

    #[test]
    fn a_database_that_nobody_asked_to_move_may_stay() {
        let (before, mut now) = (release(Side::Source), release(Side::Target));
        let host = "camunda-identity-postgresql";
        now.hosts.insert("deployment/camunda-identity".into(), vec![host.into()]);
        let objections = |stays: &[&str]| -> usize {
            judge(&before, &now, Side::Target, stays).iter().map(|result| result.findings.len()).sum()
        };
        assert_eq!((objections(&[]), objections(&[host]), objections(&["camunda-postgresql"])), (1, 0, 1));
    }

    #[test]
    fn each_check_has_changes_that_turn_it_red() {
        let operate = "deployment/camunda-operate".to_owned();
        let pod = |now: &mut ReleaseState, change: fn(&mut PodState)| now.pods.values_mut().for_each(change);
        let secret = |now: &mut ReleaseState| now.secrets.values_mut().next().cloned().unwrap_or_default();
        type Change = Box<dyn FnOnce(&mut ReleaseState)>;
        let cases: [(&str, Kind, Change); 11] = [
            (
                checks::CL_REPLICAS,
                Kind::Changed,
                Box::new(|n| n.replicas.values_mut().for_each(|r| *r = (*r).min(1) - i32::from(*r == 1))),
            ),
            (checks::CL_REPLICAS, Kind::Missing, Box::new(|n| n.replicas.clear())),
            (checks::CL_PODS, Kind::Unusable, Box::new(move |n| pod(n, |p| p.ready = false))),
            (
                checks::CL_PODS,
                Kind::Stale,
                Box::new(move |n| pod(n, |p| p.outdated.push("old image".into()))),
            ),
            (
                checks::CL_PODS,
                Kind::Changed,
                Box::new(move |n| {
                    n.hosts.insert(operate, ReleaseState::names_of(Side::Source));
                }),
            ),
            (checks::CL_CLAIMS, Kind::Missing, Box::new(|n| n.claims.clear())),
            (
                checks::CL_CLAIMS,
                Kind::Changed,
                Box::new(|n| n.claims.values_mut().for_each(|c| c.volume = "pv-2".into())),
            ),
            (
                checks::CL_CLAIMS,
                Kind::Unusable,
                Box::new(|n| n.claims.values_mut().for_each(|c| c.phase = "Lost".into())),
            ),
            (checks::CL_SECRETS, Kind::Missing, Box::new(|n| n.secrets.clear())),
            (
                checks::CL_SECRETS,
                Kind::Missing,
                Box::new(move |n| {
                    let mut left = secret(n);
                    left.remove("password");
                    n.secrets.values_mut().for_each(|s| s.clone_from(&left));
                }),
            ),
            (
                checks::CL_SECRETS,
                Kind::Changed,
                Box::new(|n| {
                    n.secrets.values_mut().for_each(|s| {
                        s.insert("password".into(), "other".into());
                    });
                }),
            ),
        ];
        for (check, kind, change) in cases {
            let told = objects(change);
            assert!(
                !told.is_empty() && told.iter().all(|found| *found == (check, kind)),
                "{check} {kind:?}: {told:?}"
            );
        }
    }

    #[test]
    fn a_pod_that_is_ending_is_told_with_its_name() {
        assert!(left_over(&[]).is_empty());
        let told = left_over(&["camunda-zeebe-0 (ending since 2026-01-01T00:00:00Z)".to_owned()]);
        assert_eq!((told[0].check.as_str(), told[0].kind), (checks::CL_STOPPED, Kind::StillActive));
        assert!(told[0].samples[0].item.contains("ending since"), "{told:?}");
    }
}
