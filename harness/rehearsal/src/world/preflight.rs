//! Preflight as a step of a rehearsal, and the mistakes that it is to find.

use super::{RealWorld, Stepped, environment, of_environment, store_failed};
use crate::flow::Facts;
use drydock_core::Component;
use drydock_core::event::NoteLevel;
use drydock_core::names::checks;
use drydock_core::scenario::Misconfiguration;
use drydock_environments::Side;
use drydock_migration::preflight::{Known, TimeLimits, judge_dump, judge_times, preflight};
use drydock_stores::StorePair;
use drydock_stores::compare::CheckResult;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::{ElasticsearchAuth, PostgresTls};
use serde_json::json;
use std::time::Duration;

/// A port at which nothing listens: whoever does needs the rights of root, and a service that nobody runs.
const NOBODYS_PORT: u16 = 1;
/// Fewer shards than any migration needs.
const TOO_FEW_SHARDS: u32 = 1;

impl RealWorld {
    /// Looks whether the migration can be begun. What objects ends the run here: users work on, and nothing was changed.
    pub(super) async fn validate_targets(&mut self) -> Stepped<Facts> {
        self.misconfigure().await?;
        let context = self.migration()?;
        let known = Known { limits: self.time_limits(), postgres_free: self.environment()?.free_bytes() };
        let cancel = self.cancel.clone();
        let Some(found) = cancel.run_until_cancelled(preflight(&context, &known)).await else {
            return Err(environment("interrupted", "run `drydock rehearse --resume` with this run"));
        };
        let refusals = found.refusals().len();
        let first = found.refusals().first().map(|f| (f.check.to_string(), f.next.clone()));
        self.conclude(found.checks);
        match first {
            None => Ok(found.facts),
            Some((check, mend)) => Err(refused(refusals, &check, mend)),
        }
    }

    fn time_limits(&self) -> TimeLimits {
        let budgets = &self.config.scenario.budgets;
        let positive = |budget: Option<_>| budget.and_then(|b: jiff::SignedDuration| b.try_into().ok());
        TimeLimits { step: positive(budgets.step), downtime: positive(budgets.downtime) }
    }

    /// After a backup: the dump was read again, and tells how long the final one is going to take.
    pub(super) fn dump_made(&mut self, component: Component, facts: &Facts) -> Stepped<()> {
        let entries = facts.get("entries").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if let Some(seconds) = facts.get("seconds").and_then(serde_json::Value::as_f64) {
            self.dump_times
                .insert(format!("phase-3/backup/{component}"), Duration::from_secs_f64(seconds.max(0.0)));
        }
        let check = CheckResult {
            check: checks::PRE_DUMP,
            compared: entries,
            findings: judge_dump(component, facts.get("unreadable").and_then(serde_json::Value::as_str)),
            note: "each first dump was read to its end".into(),
            millis: 0,
        };
        let first = check.findings.first().map(|f| f.next.clone());
        self.conclude(vec![check]);
        first.map_or(Ok(()), |mend| Err(refused(1, checks::PRE_DUMP, mend)))
    }

    /// The last look before the freeze: whether the dumps, at the pace of the first ones, keep the limits.
    pub(super) fn foresee_cutover(&mut self) -> Stepped<()> {
        let limits = TimeLimits { downtime: None, ..self.time_limits() };
        if limits.step.is_none() || self.dump_times.is_empty() {
            return Ok(());
        }
        let findings = judge_times(&self.dump_times, limits, "as its first dump took");
        let first = findings.first().map(|f| f.next.clone());
        let check = CheckResult {
            check: checks::PRE_TIMEOUTS,
            compared: self.dump_times.len() as u64,
            findings,
            note: "from sizes, and from the first dumps".into(),
            millis: 0,
        };
        self.conclude(vec![check]);
        first.map_or(Ok(()), |mend| Err(refused(1, checks::PRE_TIMEOUTS, mend)))
    }

    /// Makes the mistake that the scenario asks for, where it lies in the target itself.
    async fn misconfigure(&self) -> Stepped<()> {
        let Some(mistake) = self.config.scenario.target.misconfigured else { return Ok(()) };
        self.note(
            NoteLevel::Warning,
            format!("the target is misconfigured on purpose: {}", mistake.as_str()),
        );
        let setting = match mistake {
            Misconfiguration::TooFewShards => json!({"cluster.max_shards_per_node": TOO_FEW_SHARDS}),
            Misconfiguration::ReadOnlyBlock => json!({"cluster.blocks.read_only": true}),
            // In the address, or in how the target was started.
            Misconfiguration::WrongCa
            | Misconfiguration::WrongPassword
            | Misconfiguration::UnreachableHost
            | Misconfiguration::WhitelistMissing => return Ok(()),
        };
        let target = self.side(Side::Target)?.elasticsearch;
        let failed = |e: &dyn std::fmt::Display| store_failed("misconfigure the target", e);
        let client = Client::new(&target, Timeouts::default()).map_err(|e| failed(&e))?;
        client.put("/_cluster/settings", &json!({"persistent": setting})).await.map_err(|e| failed(&e))?;
        Ok(())
    }

    /// The target as the user wrote it down: where a mistake in that is asked for, not as it is.
    pub(super) fn target_as_written(&self) -> Stepped<StorePair> {
        let mut target = self.side(Side::Target)?;
        match self.config.scenario.target.misconfigured {
            Some(Misconfiguration::WrongCa) => {
                let pem = drydock_environments::foreign_authority().map_err(of_environment)?;
                target.elasticsearch.ca_pem = Some(pem.clone());
                target.postgres.tls = PostgresTls::VerifyFull { ca_pem: Some(pem) };
            }
            Some(Misconfiguration::WrongPassword) => {
                let wrong = || "not the password".to_owned().into();
                target.postgres.password = Some(wrong());
                if let ElasticsearchAuth::Basic { password, .. } = &mut target.elasticsearch.auth {
                    *password = wrong();
                }
            }
            Some(Misconfiguration::UnreachableHost) => {
                target.postgres.port = NOBODYS_PORT;
                let url = &target.elasticsearch.url;
                let host = url.rsplit_once(':').map_or(url.as_str(), |(host, _)| host);
                target.elasticsearch.url = format!("{host}:{NOBODYS_PORT}");
            }
            Some(
                Misconfiguration::WhitelistMissing
                | Misconfiguration::TooFewShards
                | Misconfiguration::ReadOnlyBlock,
            )
            | None => {}
        }
        Ok(target)
    }
}

fn refused(count: usize, check: &str, mend: String) -> crate::flow::StepError {
    let others = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    environment(format!("preflight refuses to begin: {check}{others}"), mend)
}
