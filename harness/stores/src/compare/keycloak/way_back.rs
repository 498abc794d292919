//! After a way back: everybody who could log in before the freeze still can, and what was done to accounts on the target is undone,
//! account by account.

use super::super::result::CheckResult;
use super::accounts::{KnownAccounts, name_of};
use crate::keycloak::{KeycloakEndpoint, LoginOutcome, LoginRequest, log_in_as};
use drydock_core::names::checks;
use drydock_core::scenario::Budgets;
use drydock_core::{Finding, Kind, Sample};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const CHECK: &str = checks::KC_WAY_BACK;
/// Accounts asked at once: each hash of a password keeps a core busy.
const AT_ONCE: usize = 4;

/// Something that was done to an account on the target, and acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDeed {
    /// The account, by [`name_of`] its login.
    pub account: String,
    /// What was done.
    pub what: AccountChange,
    /// When it was acknowledged, milliseconds of the run's clock.
    pub ms: u64,
}

/// Kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChange {
    /// It was made, and could log in.
    Made,
    /// It could log in, and may not any more.
    LockedOut,
}

/// Whether an account may log in; why not, or why nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Granted,
    Refused(String),
    Unknown(String),
}

/// Asks the source again, account by account. `requests` are those that it was asked before, and those of the accounts that were made
/// since. Never fails: what cannot be told is a finding. Users could write to the target until `closed_ms`.
pub async fn keycloak_way_back(
    known: &KnownAccounts,
    source: &KeycloakEndpoint,
    requests: &[LoginRequest],
    deeds: &[AccountDeed],
    budgets: &Budgets,
    closed_ms: u64,
) -> CheckResult {
    let began = Instant::now();
    let asked = stream::iter(requests).map(|request| async move {
        let login = match log_in_as(source, request).await {
            Ok(LoginOutcome::Granted(_)) => Login::Granted,
            Ok(LoginOutcome::Refused(why)) => Login::Refused(why),
            Err(error) => Login::Unknown(error.to_string()),
        };
        (name_of(request), login)
    });
    let now: BTreeMap<String, Login> = asked.buffer_unordered(AT_ONCE).collect().await;
    let (granted, refused) = known.outcomes();
    let before = granted.into_iter().map(|name| (name, true));
    let before = before.chain(refused.into_iter().map(|(name, _)| (name, false))).collect();
    let result = judge(&before, &now, deeds, budgets, closed_ms);
    CheckResult { millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), ..result }
}

/// Holds who may log in now against who could at the freeze, and against what was done since.
fn judge(
    before: &BTreeMap<&str, bool>,
    now: &BTreeMap<String, Login>,
    deeds: &[AccountDeed],
    budgets: &Budgets,
    closed_ms: u64,
) -> CheckResult {
    let mut told = Told::default();
    let changed: BTreeMap<&str, &AccountDeed> =
        deeds.iter().map(|deed| (deed.account.as_str(), deed)).collect();
    for (account, may) in before {
        match (now.get(*account), may, changed.get(account)) {
            (None, ..) => told.not_known(account, "it was not asked again"),
            (Some(Login::Unknown(why)), ..) => told.not_known(account, why),
            // Undone with the way back: no reason to let somebody in.
            (Some(Login::Granted), _, Some(deed)) => told.undone(deed),
            (Some(_), _, Some(_)) => told.kept += 1,
            (Some(Login::Refused(why)), true, None) => {
                let sample = Sample::both(*account, Some(format!("refused: {why}")), None);
                told.shut_out.push(sample);
            }
            (Some(Login::Granted), false, None) => told.let_in.push(Sample::named(*account)),
            (Some(_), _, None) => told.alike += 1,
        }
    }
    for deed in deeds.iter().filter(|deed| !before.contains_key(deed.account.as_str())) {
        match now.get(&deed.account) {
            Some(Login::Granted) => told.kept += 1,
            Some(Login::Refused(_)) => told.undone(deed),
            Some(Login::Unknown(why)) => told.not_known(&deed.account, why),
            None => told.not_known(&deed.account, "it was not asked again"),
        }
    }
    told.result(deeds.len(), budgets, closed_ms)
}

/// What became of the accounts.
#[derive(Default)]
struct Told<'a> {
    /// As before the freeze.
    alike: u64,
    /// Changed on the target, and so still.
    kept: u64,
    undone: Vec<&'a AccountDeed>,
    shut_out: Vec<Sample>,
    let_in: Vec<Sample>,
    unknown: BTreeMap<String, Vec<Sample>>,
}

impl<'a> Told<'a> {
    fn undone(&mut self, deed: &'a AccountDeed) {
        self.undone.push(deed);
    }

    fn not_known(&mut self, account: &str, why: &str) {
        self.unknown.entry(why.to_owned()).or_default().push(Sample::named(account));
    }

    fn result(self, on_target: usize, budgets: &Budgets, closed_ms: u64) -> CheckResult {
        let mut findings = Vec::new();
        let oldest = self.undone.iter().map(|deed| deed.ms).min().unwrap_or(closed_ms);
        let window = Duration::from_millis(closed_ms.saturating_sub(oldest));
        let loss = budgets.loss(self.undone.len() as u64, window);
        for (what, kind, so, again) in [
            (
                AccountChange::Made,
                Kind::LostWrite,
                "were made on the target and cannot log in on the source",
                "make them again there",
            ),
            (
                AccountChange::LockedOut,
                Kind::Extra,
                "were locked out on the target and may log in on the source again",
                "lock them out there before users are let in",
            ),
        ] {
            let of = self.undone.iter().filter(|deed| deed.what == what);
            let samples: Vec<Sample> = of.map(|deed| Sample::named(deed.account.as_str())).collect();
            findings.extend(finding(kind, "on the target", so, samples).map(|f| loss.weigh(f, again)));
        }
        let next =
            "look what was done to the source since the freeze, and at source-keycloak.log in the run folder";
        let shut_out = finding(
            Kind::Unusable,
            "before the cutover",
            "logged in before the freeze and are refused on the source now",
            self.shut_out,
        );
        let let_in = finding(
            Kind::Extra,
            "before the cutover",
            "were refused before the freeze and may log in on the source now",
            self.let_in,
        );
        findings.extend(shut_out.into_iter().chain(let_in).map(|finding| finding.next(next)));
        for (why, samples) in self.unknown {
            let message =
                format!("of {} accounts nobody knows whether they may log in: {why}", samples.len());
            let finding =
                Finding::not_compared(CHECK, "source", message).items(samples.len() as u64, samples);
            findings.push(finding.next("look at source-keycloak.log in the run folder"));
        }
        let compared: u64 = findings.iter().filter(|f| f.kind != Kind::NotCompared).map(|f| f.count).sum();
        let note = format!(
            "{} accounts are as before the freeze; of {on_target} changes of accounts on the target {} are kept and {} undone",
            self.alike,
            self.kept,
            self.undone.len()
        );
        CheckResult { check: CHECK, compared: compared + self.alike + self.kept, findings, note, millis: 0 }
    }
}

fn finding(kind: Kind, subject: &str, so: &str, samples: Vec<Sample>) -> Option<Finding> {
    let count = samples.len() as u64;
    let message = format!("{count} accounts {so}");
    (count > 0).then(|| Finding::access(CHECK, kind, subject, message).items(count, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_core::{Class, Outcome};

    fn refused() -> Login {
        Login::Refused("invalid_grant".into())
    }

    /// Ann and Bob may log in at the freeze and Cem may not. On the target Dora is made and Bob locked out.
    fn deeds() -> [AccountDeed; 2] {
        let deed = |account: &str, what, ms| AccountDeed { account: account.into(), what, ms };
        [deed("dora", AccountChange::Made, 1_000), deed("bob", AccountChange::LockedOut, 2_000)]
    }

    fn judged(now: &[(&str, Login)], budgets: &Budgets) -> CheckResult {
        let before = BTreeMap::from([("ann", true), ("bob", true), ("cem", false)]);
        let now = now.iter().map(|(name, login)| ((*name).to_owned(), login.clone())).collect();
        judge(&before, &now, &deeds(), budgets, 61_000)
    }

    fn told(result: &CheckResult) -> Vec<(Kind, Outcome, &str, Vec<&str>)> {
        let of = |f: &'_ Finding| -> Vec<String> { f.samples.iter().map(|s| s.item.clone()).collect() };
        assert!(result.findings.iter().all(|f| f.count == of(f).len() as u64 && !f.next.is_empty()));
        let findings = result.findings.iter();
        findings
            .map(|f| {
                let items = f.samples.iter().map(|s| s.item.as_str()).collect();
                (f.kind, f.outcome, f.subject.as_str(), items)
            })
            .collect()
    }

    /// The source as it was frozen.
    fn back() -> Vec<(&'static str, Login)> {
        vec![("ann", Login::Granted), ("bob", Login::Granted), ("cem", refused()), ("dora", refused())]
    }

    #[test]
    fn what_was_done_on_the_target_is_told_account_by_account_and_nobody_else_is_blamed() {
        let result = judged(&back(), &Budgets::default());
        assert_eq!(
            told(&result),
            [
                (Kind::LostWrite, Outcome::Different, "on the target", vec!["dora"]),
                (Kind::Extra, Outcome::Different, "on the target", vec!["bob"]),
            ]
        );
        assert_eq!(result.compared, 4);
        assert!(
            result.note.contains("2 accounts are as before")
                && result.note.ends_with("0 are kept and 2 undone")
        );
        let allowed = Budgets { rpo_items: Some(2), ..Budgets::default() };
        assert!(judged(&back(), &allowed).findings.iter().all(|f| f.outcome == Outcome::Expected));
        let fewer = Budgets { rpo_items: Some(1), ..Budgets::default() };
        assert!(judged(&back(), &fewer).findings.iter().all(|f| f.class == Class::Budget));
    }

    #[test]
    fn where_the_changes_came_along_nothing_objects() {
        let mut now = back();
        now[1].1 = refused();
        now[3].1 = Login::Granted;
        let result = judged(&now, &Budgets::default());
        assert!(result.findings.is_empty(), "{:?}", result.findings);
        assert_eq!(result.compared, 4);
    }

    #[test]
    fn whoever_is_shut_out_or_let_in_since_the_freeze_is_told_whatever_the_budget_allows() {
        let all = Budgets { rpo_items: Some(100), ..Budgets::default() };
        for (at, login, kind, name) in
            [(0, refused(), Kind::Unusable, "ann"), (2, Login::Granted, Kind::Extra, "cem")]
        {
            let mut now = back();
            now[at].1 = login;
            let result = judged(&now, &all);
            let red: Vec<_> = told(&result).into_iter().filter(|t| t.1 == Outcome::Different).collect();
            assert_eq!(red, [(kind, Outcome::Different, "before the cutover", vec![name])]);
        }
    }

    #[test]
    fn an_account_that_nobody_answers_for_proves_nothing() {
        for at in 0..4 {
            let mut now = back();
            now[at].1 = Login::Unknown("status 500".into());
            let result = judged(&now, &Budgets::default());
            assert!(told(&result).iter().any(|t| t.1 == Outcome::NotProven && t.3 == [back()[at].0]));
            assert_eq!(result.compared, 3);
            now.remove(at);
            assert!(
                judged(&now, &Budgets::default()).findings.iter().any(|f| f.outcome == Outcome::NotProven)
            );
        }
    }
}
