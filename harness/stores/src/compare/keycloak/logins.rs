//! One account logs in on both sides. Only where it is asked for: the servers note a session and an event.

use super::super::result::CheckResult;
use super::sealer;
use crate::keycloak::{KeycloakEndpoint, KeycloakError, LoginOutcome, LoginRequest, log_in_as};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome};
use drydock_parity::realm::{LoginName, compare_claims};
use std::time::Instant;

/// First part of every subject.
const LABEL: &str = "keycloak";
const CHECK: &str = checks::KC_LOGINS;

/// Logs in on both sides and compares how that ends, and what the tokens say. Never fails: what cannot be told is a
/// finding.
pub async fn keycloak_logins(
    source: &KeycloakEndpoint,
    target: &KeycloakEndpoint,
    request: &LoginRequest,
) -> CheckResult {
    let start = Instant::now();
    let who = request.who().to_owned();
    let name = LoginName { label: LABEL.to_owned(), realm: request.realm.clone(), who };
    let (a, b) = tokio::join!(log_in_as(source, request), log_in_as(target, request));
    let (compared, findings) = judge(a, b, request, &name);
    let through = match &request.user {
        Some(_) => format!("user {} through client {}", request.who(), request.client),
        None => format!("client {} itself", request.client),
    };
    let note = format!(
        "{through} logged in on each side: one session and one event there; claims compared without issuer address, times \
         and session"
    );
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    CheckResult { check: CHECK, compared, findings, note, millis }
}

pub(super) type Ended = Result<LoginOutcome, KeycloakError>;

pub(super) fn judge(a: Ended, b: Ended, request: &LoginRequest, name: &LoginName) -> (u64, Vec<Finding>) {
    use LoginOutcome::{Granted, Refused};
    let (realm, who) = (&name.realm, &name.who);
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            let sides = [("source", a.err()), ("target", b.err())];
            let reasons: Vec<String> =
                sides.into_iter().filter_map(|(side, error)| Some(format!("{side}: {}", error?))).collect();
            let finding = Finding::not_compared(CHECK, name.subject(), reasons.join("; "));
            return (0, vec![finding.next("look at address and state of both servers, then compare again")]);
        }
    };
    match (a, b) {
        (Granted(Some(a)), Granted(Some(b))) => match sealer() {
            Ok(sealer) => (1, compare_claims(&a, &b, name, &sealer)),
            Err(reason) => (1, vec![unread(name, &reason)]),
        },
        (Granted(_), Granted(_)) => {
            (1, vec![unread(name, "the access token is one that only its server can read")])
        }
        (Granted(_), Refused(reason)) => {
            let message =
                format!("realm {realm}: {who} logs in on the source, and is refused on the target: {reason}");
            let next = match request.user {
                Some(_) => {
                    "compare the user, its credentials and the client in keycloak/users and keycloak/clients"
                }
                None => {
                    "compare the client, its secret and its service account in keycloak/clients and keycloak/users"
                }
            };
            (1, vec![Finding::access(CHECK, Kind::Unusable, name.subject(), message).next(next)])
        }
        (Refused(reason), Granted(_)) => {
            let message =
                format!("realm {realm}: {who} logs in on the target, and is refused on the source: {reason}");
            let finding = Finding::access(CHECK, Kind::Extra, name.subject(), message);
            (1, vec![finding.next("look who changed the account, its password or the client on the target")])
        }
        (Refused(a), Refused(b)) => {
            let both = if a == b { a } else { format!("{a} (source), {b} (target)") };
            let message = format!(
                "realm {realm}: {who} is refused on both sides: {both}; whether the account survived the migration is not proven"
            );
            let next = "give an account and password that work on the source, and a client that allows direct access grants";
            let finding = Finding::access(CHECK, Kind::OldDirt, name.subject(), message).next(next);
            (0, vec![Finding { outcome: Outcome::NotProven, ..finding }])
        }
    }
}

fn unread(name: &LoginName, reason: &str) -> Finding {
    let message = format!(
        "realm {}: {} logs in on both sides, but the tokens are not compared: {reason}",
        name.realm, name.who
    );
    Finding::not_compared(CHECK, format!("{}/claims", name.subject()), message)
        .next("give a client whose access tokens are signed and neither encrypted nor opaque")
}
