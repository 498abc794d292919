//! What operators say of the targets that they keep. A store may hold everything and answer while its operator is stuck: nobody
//! replaces a node then, or renews a certificate.

use super::{RealWorld, Stepped, of_environment};
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use drydock_environments::{OperatorState, Side};
use drydock_stores::compare::CheckResult;
use std::time::{Duration, Instant};

/// How long an operator may be behind the store that it keeps.
const BEHIND: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(1);

impl RealWorld {
    /// Asks the operators of the targets, until they say that all is in order or have had their time.
    pub(super) async fn check_operators(&mut self) -> Stepped<()> {
        if !self.config.scenario.is_operated() {
            return Ok(());
        }
        let began = Instant::now();
        // What was said before says nothing about whoever said it.
        let called = match self.environment()?.call_operators(Side::Target).await {
            Ok(called) => called,
            Err(error) if error.what.contains("webhook") => {
                self.conclude(vec![not_called(&error.what)]);
                return Ok(());
            }
            Err(error) => return Err(of_environment(error)),
        };
        let told = loop {
            let told = self.environment()?.operators(Side::Target, called.as_deref()).await;
            let told = told.map_err(of_environment)?;
            if began.elapsed() > BEHIND || told.iter().all(|one| one.complaint.is_none()) {
                break told;
            }
            tokio::time::sleep(LOOK).await;
        };
        self.conclude(vec![judge(&told, super::compare::millis(began))]);
        Ok(())
    }
}

/// Nobody takes what an operator is told: with the operator its hook is away, which is asked first.
fn not_called(why: &str) -> CheckResult {
    // What the server adds to its own words is for programs.
    let why = why.split(" (Status {").next().unwrap_or(why);
    let message = format!("an operator of the target takes no change: {why}");
    let finding = Finding::access(checks::CL_OPERATORS, Kind::Unusable, "operators", message)
        .next("look whether the operators' pods run, before users write");
    CheckResult {
        check: checks::CL_OPERATORS,
        compared: 1,
        findings: vec![finding],
        note: "asked for a sign of life".into(),
        millis: 0,
    }
}

fn judge(told: &[OperatorState], millis: u64) -> CheckResult {
    let findings = told.iter().filter_map(|one| {
        let (why, operator, resource) = (one.complaint.as_ref()?, one.operator, &one.resource);
        let message = format!("{operator} does not hold {resource} for being in order: {why}");
        let finding = Finding::access(checks::CL_OPERATORS, Kind::Unusable, resource.clone(), message);
        Some(finding.next(
            "read the status and the events of the resource, and mend what it asks for before users write",
        ))
    });
    CheckResult {
        check: checks::CL_OPERATORS,
        compared: told.len() as u64,
        findings: findings.collect(),
        note: format!("waited for up to {} s, because an operator is behind its store", BEHIND.as_secs()),
        millis,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::Outcome;

    #[test]
    fn a_store_that_its_operator_has_given_up_is_red_though_it_answers() {
        let state = |complaint: Option<&str>| OperatorState {
            operator: "ECK",
            resource: "Elasticsearch/target-es".into(),
            complaint: complaint.map(ToOwned::to_owned),
        };
        let well = [state(None), state(None)];
        let result = judge(&well, 1);
        assert_eq!((result.compared, result.findings.len()), (2, 0));
        let ill = [state(None), state(Some("phase ApplyingChanges"))];
        let result = judge(&ill, 1);
        assert_eq!(result.findings.len(), 1);
        let found = &result.findings[0];
        assert_eq!((found.outcome, found.subject.as_str()), (Outcome::Different, "Elasticsearch/target-es"));
        assert!(found.message.contains("phase ApplyingChanges"), "{}", found.message);
        let away = not_called("failed calling webhook (Status { code: 500 })");
        assert_eq!(away.findings[0].outcome, Outcome::Different);
        assert!(away.compared > 0 && away.findings[0].message.ends_with("failed calling webhook"));
    }
}
