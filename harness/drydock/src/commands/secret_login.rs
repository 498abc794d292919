//! Whether a Secret of the objects after still opens the door it is for: one login, with the value as it stands there. Asked
//! for by `verify objects --login`, and never made otherwise.

use super::live::Unread;
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use drydock_helm::Check;
use drydock_helm::objects::{Inventory, secret_value};
use drydock_stores::PostgresEndpoint;
use drydock_stores::keycloak::{KeycloakEndpoint, LoginOutcome, LoginRequest, log_in_as};
use drydock_stores::postgres::{APPLICATION_NAME, PostgresError, connect};
use secrecy::SecretString;

/// How an address is written.
const FORM: &str = "write SECRET/KEY=postgres://USER@HOST:PORT/DATABASE, or SECRET/KEY=https://CLIENT@HOST/realms/REALM, \
                    with ?user=NAME for a user who logs in through that client";

/// Words of PostgreSQL for a password that is not taken: SQLSTATE.
const REFUSED: [&str; 2] = ["28P01", "28000"];

/// A door and the key to it.
struct Login {
    /// `SECRET/KEY`.
    subject: String,
    value: Vec<u8>,
    door: Door,
}

enum Door {
    Postgres { endpoint: Box<PostgresEndpoint>, database: String },
    Keycloak { endpoint: Box<KeycloakEndpoint>, realm: String, client: String, user: Option<String> },
}

/// How one login came out.
enum Opened {
    Yes,
    /// Anybody gets in: the login says nothing about the Secret.
    ForAnybody,
    Refused(String),
    /// Nobody answered.
    Unreached(String),
}

/// Makes every login that was asked for.
pub(super) async fn check(asked: &[String], after: &Inventory) -> Result<Check, Unread> {
    let mut check = Check::new(checks::OBJECTS_SECRETS);
    for one in asked {
        let login = read(one, after).map_err(Unread::Usage)?;
        check.compared += 1;
        let who = login.door.told();
        let subject = format!("Secret/{} login", login.subject);
        let name = &login.subject;
        let found = match login.open().await {
            Opened::Yes => continue,
            Opened::ForAnybody => Finding::not_compared(
                check.check,
                subject,
                format!("{who} gets in with any password: that the one of {name} is taken says nothing"),
            )
            .next("ask from where passwords are asked for (pg_hba.conf: not `trust`)"),
            Opened::Refused(reason) => {
                let message = format!("{who} does not get in with what {name} holds: {reason}");
                Finding::access(check.check, Kind::Unusable, subject, message)
                    .next("put the old value back, or set the same password behind the door")
            }
            Opened::Unreached(reason) => {
                let message = format!("{who} could not try what {name} holds: {reason}");
                Finding::not_compared(check.check, subject, message)
                    .next("ask from where the address can be reached, or forward the port to here")
            }
        };
        check.findings.push(found);
    }
    check.note = format!("{} logins", asked.len());
    Ok(check)
}

/// Reads `SECRET/KEY=ADDRESS`. Nothing of an address is repeated: a password may stand in it.
fn read(asked: &str, after: &Inventory) -> Result<Login, String> {
    let wrong = |why: &str| format!("--login: {why}; {FORM}");
    let (subject, address) = asked.split_once('=').ok_or_else(|| wrong("it names no address"))?;
    let (secret, key) = subject.split_once('/').ok_or_else(|| wrong("it names no key of a Secret"))?;
    let value =
        secret_value(after, secret, key).map_err(|e| format!("--login: {e} among the objects after"))?;
    let door = if address.starts_with("postgres") {
        let (endpoint, database) = PostgresEndpoint::from_url(address).map_err(|e| wrong(&e.to_string()))?;
        let database = database.ok_or_else(|| wrong("the address names no database"))?;
        Door::Postgres { endpoint: Box::new(endpoint), database }
    } else {
        keycloak(address).ok_or_else(|| wrong("this is no such address"))?
    };
    Ok(Login { subject: subject.to_owned(), value, door })
}

fn keycloak(address: &str) -> Option<Door> {
    let (scheme, rest) = address.split_once("://").filter(|(s, _)| matches!(*s, "http" | "https"))?;
    let (client, rest) = rest.split_once('@').filter(|(c, _)| !c.is_empty() && !c.contains([':', '/']))?;
    let (host, realm) = rest.split_once("/realms/")?;
    let (realm, user) = match realm.split_once("?user=") {
        Some((realm, user)) => (realm, Some(user.to_owned())),
        None => (realm, None),
    };
    // The reader of addresses asks for an account, which this login does not use.
    let endpoint = KeycloakEndpoint::from_url(&format!("{scheme}://{client}:-@{host}")).ok()?;
    let realm = realm.trim_end_matches('/').to_owned();
    let known = !realm.is_empty() && !realm.contains(['/', '?']);
    known.then(|| Door::Keycloak { endpoint: Box::new(endpoint), realm, client: client.to_owned(), user })
}

impl Door {
    fn told(&self) -> String {
        match self {
            Self::Postgres { endpoint, database } => {
                format!(
                    "role {} on database {database} at {}:{}",
                    endpoint.user, endpoint.host, endpoint.port
                )
            }
            Self::Keycloak { endpoint, realm, client, user } => {
                let who =
                    user.as_ref().map_or_else(|| format!("client {client}"), |user| format!("user {user}"));
                format!("{who} of realm {realm} at {}", endpoint.url)
            }
        }
    }
}

impl Login {
    async fn open(&self) -> Opened {
        // What is no text can be no password: it is refused like a wrong one.
        let Ok(secret) = String::from_utf8(self.value.clone()) else {
            return Opened::Refused("it is no text".to_owned());
        };
        match &self.door {
            Door::Postgres { endpoint, database } => {
                let with =
                    |password: String| endpoint.with_role(&endpoint.user, Some(SecretString::from(password)));
                match connect(&with(secret.clone()), database, APPLICATION_NAME).await {
                    Err(PostgresError::Connect { reason, .. })
                        if REFUSED.iter().any(|s| reason.contains(s)) =>
                    {
                        Opened::Refused(reason)
                    }
                    Err(error) => Opened::Unreached(error.to_string()),
                    Ok(_) => {
                        match connect(&with(format!("{secret}-not")), database, APPLICATION_NAME).await {
                            Ok(_) => Opened::ForAnybody,
                            Err(_) => Opened::Yes,
                        }
                    }
                }
            }
            Door::Keycloak { endpoint, realm, client, user } => {
                let secret = SecretString::from(secret);
                let (user, client_secret) = match user {
                    Some(user) => (Some((user.clone(), secret)), None),
                    None => (None, Some(secret)),
                };
                let request =
                    LoginRequest { realm: realm.clone(), user, client: client.clone(), client_secret };
                match log_in_as(endpoint, &request).await {
                    Ok(LoginOutcome::Granted(_)) => Opened::Yes,
                    Ok(LoginOutcome::Refused(reason)) => Opened::Refused(reason),
                    Err(error) => Opened::Unreached(error.to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Door, keycloak, read};
    use drydock_helm::objects::Inventory;

    fn after() -> Inventory {
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {p: aHVudGVyMg==}\n";
        Inventory::read(&[("f".into(), text.into())]).expect("objects")
    }

    #[test]
    fn both_doors_are_read() {
        let login = read("s/p=postgres://modeler@db:5433/modeler", &after()).expect("a login");
        assert_eq!(login.value, b"hunter2");
        assert_eq!(login.door.told(), "role modeler on database modeler at db:5433");
        let client = keycloak("https://zeebe@login.example/auth/realms/camunda").expect("a door");
        assert!(client.told().starts_with("client zeebe of realm camunda at https://login.example/auth"));
        let user = keycloak("http://admin-cli@h:8080/realms/r/?user=demo").expect("a door");
        assert!(matches!(&user, Door::Keycloak { user: Some(u), .. } if u == "demo"));
    }

    #[test]
    fn what_is_no_login_is_told_without_the_address() {
        for (asked, words) in [
            ("s/p", "names no address"),
            ("s=postgres://a@b/c", "names no key"),
            ("s/q=postgres://a@b/c", "Secret s has no key q"),
            ("t/p=postgres://a@b/c", "no Secret t"),
            ("s/p=postgres://a@b", "names no database"),
            ("s/p=https://zeebe:t0psecret@h/realms/r", "no such address"),
            ("s/p=ftp://h", "no such address"),
        ] {
            let told = read(asked, &after()).err().unwrap_or_default();
            assert!(told.contains(words) && !told.contains("t0psecret"), "{asked}: {told}");
        }
    }
}
