//! The migration jobs and the importer as the cluster has them.

use crate::check::Check;
use crate::objects::{Inventory, Nature, Object};
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;

/// What the names of the jobs hold, and what each migrates.
const JOBS: [(&str, &str); 2] = [
    ("-migration-data", "processes, tasks and usage metrics"),
    ("-migration-identity", "users, roles and rights"),
];

/// What the name of the importer ends in.
pub(super) const IMPORTER: &str = "-migration-importer";

/// Judges the jobs among the objects of a namespace: each must have completed.
pub fn jobs(objects: &Inventory) -> Check {
    let mut check = Check::new(checks::MIGRATION_DATA);
    let mut names = Vec::new();
    for job in objects.of("Job") {
        let Some((_, what)) = JOBS.iter().find(|(part, _)| job.name.contains(part)) else { continue };
        check.compared += 1;
        names.push(job.name.clone());
        let at = job.place();
        if let Some((kind, state, next)) = state(job, objects.nature) {
            let message = format!("{} ({at}), which migrates {what}, {state}", job.title());
            let told = match kind {
                Kind::NotCompared => Finding::not_compared(check.check, job.title(), message),
                kind => Finding::data(check.check, kind, job.title(), message),
            };
            check.findings.push(told.next(next).at(at));
        }
    }
    if names.is_empty() {
        let message = "there is no migration job among the objects: it has not been started, or was removed with its result";
        check.findings.push(
            Finding::not_compared(check.check, "Job", message)
                .next("read the objects while the jobs are there, or give what they counted with --metrics"),
        );
    }
    for importer in objects.of("Deployment").filter(|d| d.name.ends_with(IMPORTER)) {
        check.compared += 1;
        let wanted = importer.field(&["spec", "replicas"]).as_u64().unwrap_or(1);
        let ready = importer.field(&["status", "readyReplicas"]).as_u64().unwrap_or_default();
        if objects.nature == Nature::Live && ready < wanted {
            let at = importer.place();
            let message = format!("{} ({at}) has {ready} of {wanted} pods ready", importer.title());
            check.findings.push(
                Finding::data(check.check, Kind::Unusable, importer.title(), message)
                    .next("look at its logs: what 8.7 wrote last is not imported until it runs")
                    .at(at),
            );
        }
    }
    check.note = format!("jobs {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    check
}

/// What is wrong with a job, and what to do next; nothing if it has completed.
fn state(job: &Object, nature: Nature) -> Option<(Kind, String, &'static str)> {
    let conditions = job.field(&["status", "conditions"]);
    let holds = |kind: &str| {
        let mut all = conditions.as_array().into_iter().flatten();
        all.any(|c| c["type"] == kind && c["status"] == "True")
    };
    let number = |key: &str| job.field(&["status", key]).as_u64().unwrap_or_default();
    if holds("Complete") {
        return None;
    }
    if holds("Failed") {
        let state = format!("has failed {} times and was given up", number("failed").max(1));
        return Some((
            Kind::Unusable,
            state,
            "read its log, mend the cause, delete the job and upgrade again: it goes on where it was",
        ));
    }
    if nature == Nature::Rendered {
        let state = "is a template: whether it has run is not known".to_owned();
        return Some((
            Kind::NotCompared,
            state,
            "give the objects of the cluster (kubectl get jobs -o yaml)",
        ));
    }
    if *job.field(&["spec", "suspend"]) == serde_json::Value::Bool(true) {
        return Some((Kind::Unusable, "is suspended".to_owned(), "let it run"));
    }
    let state =
        format!("has not completed: {} running, {} failed so far", number("active"), number("failed"));
    Some((Kind::StillActive, state, "let it go on, and look again"))
}

#[cfg(test)]
mod tests {
    use super::jobs;
    use crate::objects::Inventory;
    use drydock_core::Outcome;
    use drydock_core::finding::Kind;
    use serde_json::{Value, json};

    fn told(job: &Value, ready: u64) -> Vec<(Outcome, Kind)> {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "status": job,
            "metadata": {"name": "camunda-zeebe-migration-data", "uid": "1"}});
        let importer = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1}, "status": {"readyReplicas": ready},
            "metadata": {"name": "camunda-zeebe-migration-importer", "uid": "2"}});
        let objects = Inventory::of_values("staging/camunda", vec![job, importer]).unwrap();
        jobs(&objects).findings.into_iter().map(|f| (f.outcome, f.kind)).collect()
    }

    #[test]
    fn completed_failed_and_running_jobs() {
        let condition = |kind: &str| json!({"conditions": [{"type": kind, "status": "True"}]});
        assert_eq!(told(&condition("Complete"), 1), []);
        assert_eq!(told(&condition("Failed"), 1), [(Outcome::Different, Kind::Unusable)]);
        assert_eq!(told(&json!({"active": 1}), 1), [(Outcome::Different, Kind::StillActive)]);
        assert_eq!(told(&condition("Complete"), 0), [(Outcome::Different, Kind::Unusable)]);
    }

    #[test]
    fn no_job_and_no_state_prove_nothing() {
        assert_eq!(jobs(&Inventory::default()).outcome(), Outcome::NotProven);
        let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: camunda-zeebe-migration-identity}\n";
        let rendered = Inventory::read(&[("f".into(), text.into())]).unwrap();
        assert_eq!(jobs(&rendered).outcome(), Outcome::NotProven);
    }
}
