//! Every account of an installation that is known with its password or secret: what the source answered before the freeze, held
//! against what the target answers now. For rehearsals, whose accounts are seeded.

use super::super::result::CheckResult;
use super::logins::judge;
use crate::keycloak::{
    Admin, KeycloakEndpoint, KeycloakError, LoginOutcome, LoginRequest, Tokens, asks_for_users, escape,
    is_active, log_in_and_stay, log_out, renew, signing_keys,
};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};
use drydock_parity::realm::LoginName;
use futures_util::{StreamExt, TryStreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// First part of every subject.
const LABEL: &str = "keycloak";
/// Accounts asked at once: each hash of a password keeps a core busy.
const AT_ONCE: usize = 4;

/// What a server answered about its accounts. Holds tokens: it is a secret as a whole, though `Debug` shows none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KnownAccounts {
    realm: String,
    /// By [`name_of`] the request.
    accounts: BTreeMap<String, Answered>,
    /// Users of the realm, as the server counts them.
    users: u64,
    /// Identifiers of the keys that its tokens are verified with.
    keys: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answered {
    outcome: LoginOutcome,
    tokens: Option<Tokens>,
    /// Whether the server, asked by the client, takes the token for good.
    active: bool,
    /// What it answers to who asks for the users of the realm.
    sees_users: Option<u16>,
}

impl KnownAccounts {
    /// The accounts that logged in, and those that were refused with the server's words.
    pub fn outcomes(&self) -> (Vec<&str>, Vec<(&str, &str)>) {
        let (mut granted, mut refused) = (Vec::new(), Vec::new());
        for (name, answered) in &self.accounts {
            match &answered.outcome {
                LoginOutcome::Granted(_) => granted.push(name.as_str()),
                LoginOutcome::Refused(why) => refused.push((name.as_str(), why.as_str())),
            }
        }
        (granted, refused)
    }

    /// Users of the realm, as the server counts them.
    pub fn users(&self) -> u64 {
        self.users
    }
}

/// What an account is called: the user and the client it came through, or the client.
pub fn name_of(request: &LoginRequest) -> String {
    match &request.user {
        Some((user, _)) => format!("{user} through {}", request.client),
        None => format!("client {}", request.client),
    }
}

/// Logs every account in, and leaves it logged in.
///
/// # Errors
/// The server does not answer, or does not let its administrator count users.
pub async fn ask_accounts(
    endpoint: &KeycloakEndpoint,
    realm: &str,
    requests: &[LoginRequest],
) -> Result<KnownAccounts, KeycloakError> {
    let asked = stream::iter(requests).map(|request| async move {
        let (outcome, tokens) = log_in_and_stay(endpoint, request).await?;
        let (mut active, mut sees_users) = (false, None);
        if let Some(tokens) = &tokens {
            sees_users = Some(asks_for_users(endpoint, &request.realm, tokens).await?);
            // A client without a secret may not ask about tokens.
            active = request.client_secret.is_some() && is_active(endpoint, request, tokens).await?;
        }
        Ok::<_, KeycloakError>((name_of(request), Answered { outcome, tokens, active, sees_users }))
    });
    let accounts = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    let keys = signing_keys(endpoint, realm).await?;
    let users = count_users(endpoint, realm).await?;
    Ok(KnownAccounts { realm: realm.to_owned(), accounts, users, keys })
}

async fn count_users(endpoint: &KeycloakEndpoint, realm: &str) -> Result<u64, KeycloakError> {
    let admin = Admin::open(endpoint).await?;
    let counted = admin.get(&format!("/{}/users/count", escape(realm))).await;
    admin.close().await;
    Ok(counted?.as_u64().unwrap_or_default())
}

/// Asks the target what the source was asked, and what became of what it had given. Never fails: what cannot be told is a
/// finding.
pub async fn keycloak_accounts(
    known: &KnownAccounts,
    target: &KeycloakEndpoint,
    requests: &[LoginRequest],
) -> Vec<CheckResult> {
    let began = Instant::now();
    // Causes are looked up with the administrator's eyes; where those are lost as well, findings name none.
    let admin = Admin::open(target).await.ok();
    let mut told = Told::default();
    let asking = stream::iter(requests).map(|request| one(known, target, request, admin.as_ref()));
    let asked: Vec<Vec<Observed>> = asking.buffered(AT_ONCE).collect().await;
    asked.into_iter().flatten().for_each(|observed| told.add(observed));
    if let Some(admin) = admin {
        admin.close().await;
    }
    told.count_users(known, count_users(target, &known.realm).await);
    let logins = told.result(checks::KC_LOGINS, known, began);

    let began = Instant::now();
    let mut told = Told::default();
    let keys = signing_keys(target, &known.realm).await;
    let held = stream::iter(requests).map(|request| still_good(known, target, request, keys.as_ref().ok()));
    let held: Vec<Option<Observed>> = held.buffered(AT_ONCE).collect().await;
    held.into_iter().flatten().for_each(|observed| told.add(observed));
    told.hold_keys(known, keys);
    vec![logins, told.result(checks::KC_TOKENS, known, began)]
}

/// What was seen of one account.
enum Observed {
    /// As on the source.
    Alike,
    /// Not so: kind, what is wrong and why, in words that hold for every account in the same case.
    Other { kind: Kind, what: String, next: &'static str, sample: Sample },
    /// It could not be told.
    Unknown { why: String, account: String },
    /// The claims of the tokens differ.
    Claims(Vec<Finding>),
}

/// Logs one account in and holds it against what it was.
async fn one(
    known: &KnownAccounts,
    target: &KeycloakEndpoint,
    request: &LoginRequest,
    admin: Option<&Admin>,
) -> Vec<Observed> {
    let account = name_of(request);
    let Some(before) = known.accounts.get(&account) else {
        return vec![Observed::Unknown { why: "the source was not asked about it".into(), account }];
    };
    let (outcome, tokens) = match log_in_and_stay(target, request).await {
        Ok(answer) => answer,
        Err(error) => return vec![Observed::Unknown { why: error.to_string(), account }],
    };
    let mut seen = match (&before.outcome, outcome) {
        // Whoever is locked out stays so; the words may be another version's.
        (LoginOutcome::Refused(_), LoginOutcome::Refused(_)) => vec![Observed::Alike],
        (LoginOutcome::Granted(_), LoginOutcome::Refused(why)) => {
            let cause = match admin {
                Some(admin) => cause_of(admin, request).await,
                None => "the administrator is refused as well, so the cause is not looked up".to_owned(),
            };
            let sample =
                Sample::both(account.clone(), Some("logs in".into()), Some(format!("refused: {why}")));
            let next = "compare the account in keycloak/users and keycloak/clients: the cause stands there";
            let what = format!("log in on the source and are refused on the target: {cause}");
            vec![Observed::Other { kind: Kind::Unusable, what, next, sample }]
        }
        (before, now) => {
            let name = LoginName {
                label: LABEL.to_owned(),
                realm: request.realm.clone(),
                who: request.who().to_owned(),
            };
            let (_, findings) = judge(Ok(before.clone()), Ok(now), request, &name);
            if findings.is_empty() { vec![Observed::Alike] } else { vec![Observed::Claims(findings)] }
        }
    };
    if let Some(tokens) = tokens {
        seen.extend(rights(target, request, before, &tokens, &account).await);
        log_out(target, request, &tokens).await;
    }
    if request.client_secret.is_some() && request.user.is_none() {
        seen.extend(refuses_another_secret(target, request, &account).await);
    }
    seen
}

/// Whether it may see what it might, and may not what it might not.
async fn rights(
    target: &KeycloakEndpoint,
    request: &LoginRequest,
    before: &Answered,
    tokens: &Tokens,
    account: &str,
) -> Option<Observed> {
    let before = before.sees_users?;
    let now = match asks_for_users(target, &request.realm, tokens).await {
        Ok(now) => now,
        Err(error) => {
            return Some(Observed::Unknown { why: error.to_string(), account: account.to_owned() });
        }
    };
    let allowed = |status: u16| (200..300).contains(&status);
    let (kind, what) = match (allowed(before), allowed(now)) {
        (false, true) => {
            (Kind::Extra, "may see the users of the realm on the target, which the source denies")
        }
        (true, false) => {
            (Kind::Missing, "may not see the users of the realm on the target, which the source allows")
        }
        _ => return None,
    };
    let side = |status: u16| Some(format!("status {status}"));
    Some(Observed::Other {
        kind,
        what: what.to_owned(),
        next: "compare the role mappings of these accounts, and the composites of their roles, in keycloak/users and keycloak/realms",
        sample: Sample::both(account, side(before), side(now)),
    })
}

/// A server that takes any secret would pass every other question.
async fn refuses_another_secret(
    target: &KeycloakEndpoint,
    request: &LoginRequest,
    account: &str,
) -> Option<Observed> {
    let secret = request.client_secret.as_ref().map(|s| format!("{}-not", s.expose_secret()))?;
    let wrong = LoginRequest { client_secret: Some(SecretString::from(secret)), ..request.clone() };
    match log_in_and_stay(target, &wrong).await {
        Ok((LoginOutcome::Refused(_), _)) => None,
        Ok((LoginOutcome::Granted(_), _)) => Some(Observed::Other {
            kind: Kind::Extra,
            what: "get a token on the target with a wrong secret".to_owned(),
            next: "look how these clients authenticate on the target",
            sample: Sample::named(account),
        }),
        Err(error) => Some(Observed::Unknown { why: error.to_string(), account: account.to_owned() }),
    }
}

/// Why an account is refused, as far as the administrator sees.
async fn cause_of(admin: &Admin, request: &LoginRequest) -> String {
    let realm = escape(&request.realm);
    let found = match &request.user {
        Some((user, _)) => user_cause(admin, &realm, user).await,
        None => Ok(None),
    };
    let found = match found {
        Ok(None) => client_cause(admin, &realm, request).await,
        found => found,
    };
    match found {
        Ok(Some(cause)) => cause.to_owned(),
        Ok(None) if request.user.is_some() => "its password is another".to_owned(),
        Ok(None) => "nothing that the administrator sees explains it".to_owned(),
        Err(error) => format!("the cause is not told: {error}"),
    }
}

async fn user_cause(admin: &Admin, realm: &str, user: &str) -> Result<Option<&'static str>, KeycloakError> {
    let found = admin.get(&format!("/{realm}/users?exact=true&username={}", escape(user))).await?;
    let Some(user) = found.as_array().and_then(|list| list.first()) else {
        return Ok(Some("the user is not there"));
    };
    if user["enabled"] != true {
        return Ok(Some("the user is disabled"));
    }
    let id = user["id"].as_str().unwrap_or_default();
    let credentials = admin.get(&format!("/{realm}/users/{}/credentials", escape(id))).await?;
    let has_password = credentials.as_array().into_iter().flatten().any(|c| c["type"] == "password");
    Ok(if !has_password {
        Some("the user has no password")
    } else if user["requiredActions"].as_array().is_some_and(|list| !list.is_empty()) {
        Some("the user has to do something else first (required actions)")
    } else {
        None
    })
}

async fn client_cause(
    admin: &Admin,
    realm: &str,
    request: &LoginRequest,
) -> Result<Option<&'static str>, KeycloakError> {
    let found = admin.get(&format!("/{realm}/clients?clientId={}", escape(&request.client))).await?;
    let Some(client) = found.as_array().and_then(|list| list.first()) else {
        return Ok(Some("the client is not there"));
    };
    if client["enabled"] != true {
        return Ok(Some("the client is disabled"));
    }
    let Some(secret) = &request.client_secret else { return Ok(None) };
    let id = client["id"].as_str().unwrap_or_default();
    let held: Json = admin.get(&format!("/{realm}/clients/{}/client-secret", escape(id))).await?;
    Ok(if held["value"].as_str() != Some(secret.expose_secret()) {
        Some("the secret of the client is another")
    } else if request.user.is_none() && client["serviceAccountsEnabled"] != true {
        Some("the client has no service account")
    } else if request.user.is_some() && client["directAccessGrantsEnabled"] != true {
        Some("the client takes no passwords of users any more")
    } else {
        None
    })
}

/// Whether the target takes what the source gave. Nothing for an account that holds nothing.
async fn still_good(
    known: &KnownAccounts,
    target: &KeycloakEndpoint,
    request: &LoginRequest,
    keys: Option<&BTreeSet<String>>,
) -> Option<Observed> {
    let account = name_of(request);
    let before = known.accounts.get(&account)?;
    let tokens = before.tokens.as_ref().filter(|_| before.active)?;
    let unknown =
        |error: KeycloakError| Observed::Unknown { why: error.to_string(), account: account.clone() };
    let next = "compare keys, sessions and clients of the realm; or plan for everybody to log in again";
    let lost = |what: String, told: &str| Observed::Other {
        kind: Kind::Unusable,
        what,
        next,
        sample: Sample::both(account.clone(), Some("active".into()), Some(told.to_owned())),
    };
    match is_active(target, request, tokens).await {
        Ok(true) => {}
        // Whoever may not ask any more is told by keycloak/logins; whether the token is good is not known then.
        Err(error) => return Some(unknown(error)),
        Ok(false) if tokens.expires() <= now() => {
            return Some(Observed::Unknown {
                why: "its token came to its own end meanwhile".into(),
                account,
            });
        }
        Ok(false) => {
            let signed_by_another = keys.is_some_and(|keys| tokens.key().is_some_and(|k| !keys.contains(&k)));
            let why = match signed_by_another {
                true => "the key that signed it is not among the keys of the target",
                false => {
                    "the target has the key that signed it, and not the session, the user or the client behind it"
                }
            };
            return Some(lost(
                format!("hold a token of the source that the target calls not active: {why}"),
                "not active",
            ));
        }
    }
    if tokens.has_session() {
        match renew(target, request, tokens).await {
            Ok(Ok(renewed)) => log_out(target, request, &renewed).await,
            Ok(Err(why)) => {
                return Some(lost(
                    "hold a session of the source that the target does not renew".into(),
                    &why,
                ));
            }
            Err(error) => return Some(unknown(error)),
        }
    }
    Some(Observed::Alike)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// What is told, with accounts in the same case together.
#[derive(Default)]
struct Told {
    compared: u64,
    alike: BTreeMap<(Kind, String), (&'static str, Vec<Sample>)>,
    unknown: BTreeMap<String, Vec<Sample>>,
    findings: Vec<Finding>,
}

impl Told {
    fn add(&mut self, observed: Observed) {
        match observed {
            Observed::Alike => self.compared += 1,
            Observed::Other { kind, what, next, sample } => {
                self.compared += 1;
                self.alike.entry((kind, what)).or_insert_with(|| (next, Vec::new())).1.push(sample);
            }
            Observed::Unknown { why, account } => {
                self.unknown.entry(why).or_default().push(Sample::named(account));
            }
            Observed::Claims(findings) => {
                self.compared += 1;
                self.findings.extend(findings);
            }
        }
    }

    fn count_users(&mut self, known: &KnownAccounts, counted: Result<u64, KeycloakError>) {
        let subject = format!("{LABEL}/{}/users", known.realm);
        let finding = match counted {
            Ok(users) if users == known.users => return self.compared += 1,
            Ok(users) => {
                let kind = if users < known.users { Kind::Missing } else { Kind::Extra };
                let message = format!(
                    "the server on the target counts {users} users in realm {}, the source counted {}",
                    known.realm, known.users
                );
                Finding::access(checks::KC_LOGINS, kind, subject, message)
                    .items(users.abs_diff(known.users), [])
                    .next("keycloak/users names them")
            }
            Err(error) => Finding::not_compared(
                checks::KC_LOGINS,
                subject,
                format!("the administrator cannot count users on the target: {error}"),
            )
            .next("look at the administrator's account in the realm master"),
        };
        self.findings.push(finding);
    }

    fn hold_keys(&mut self, known: &KnownAccounts, keys: Result<BTreeSet<String>, KeycloakError>) {
        let subject = format!("{LABEL}/{}/keys", known.realm);
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => {
                let finding = Finding::not_compared(checks::KC_TOKENS, subject, error.to_string());
                return self.findings.push(finding.next("look at address and state of the target's server"));
            }
        };
        self.compared += 1;
        let gone: Vec<&String> = known.keys.difference(&keys).collect();
        let new: Vec<&String> = keys.difference(&known.keys).collect();
        if gone.is_empty() && new.is_empty() {
            return;
        }
        let kind = match (gone.is_empty(), new.is_empty()) {
            (false, true) => Kind::Missing,
            (true, _) => Kind::Extra,
            _ => Kind::Changed,
        };
        let message = format!(
            "realm {} signs with other keys on the target: {} of {} are gone, {} are new; every token from before the \
             cutover is refused by whoever verifies it with the target's keys",
            known.realm,
            gone.len(),
            known.keys.len(),
            new.len()
        );
        let samples = (gone
            .iter()
            .map(|key| Sample::both(key.as_str(), Some("verifies tokens".into()), None)))
        .chain(new.iter().map(|key| Sample::both(key.as_str(), None, Some("verifies tokens".into()))));
        self.findings.push(
            Finding::access(checks::KC_TOKENS, kind, subject, message)
                .items((gone.len() + new.len()) as u64, samples)
                .next("carry the rows of the keys (component, component_config) with their private parts, and restart Keycloak"),
        );
    }

    fn result(self, check: &'static str, known: &KnownAccounts, began: Instant) -> CheckResult {
        let of_realm = |part: &str| format!("{LABEL}/{}/{part}", known.realm);
        let part = if check == checks::KC_TOKENS { "tokens" } else { "logins" };
        let mut findings = self.findings;
        for ((kind, what), (next, samples)) in self.alike {
            let count = samples.len() as u64;
            let message = format!("realm {}: {count} accounts {what}", known.realm);
            findings
                .push(Finding::access(check, kind, of_realm(part), message).items(count, samples).next(next));
        }
        for (why, samples) in self.unknown {
            let count = samples.len() as u64;
            let message = format!("realm {}: {count} accounts are not compared: {why}", known.realm);
            let finding = Finding::not_compared(check, of_realm(part), message).items(count, samples);
            findings.push(finding.next("look at address, state and log of the target's server"));
        }
        let note = match check {
            checks::KC_TOKENS => format!(
                "{} tokens and sessions from before the freeze shown to the target, and its signing keys",
                self.compared.saturating_sub(1)
            ),
            _ => format!(
                "{} accounts logged in on the target as before on the source, with their claims and rights; wrong secrets tried",
                known.accounts.len()
            ),
        };
        debug_assert!(findings.iter().all(|f| f.outcome >= Outcome::NotProven));
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        CheckResult { check, compared: self.compared, findings, note, millis }
    }
}
