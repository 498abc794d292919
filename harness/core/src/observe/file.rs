//! The file that says what to watch: stores and where their secrets are, never the secrets.

use crate::scenario::{Mistaken, ScenarioError, read, wrong_at};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `drydock observe` watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Name of the migration; begins the name of the run folder.
    pub name: String,
    /// Where the data comes from.
    pub source: ObservedSide,
    /// Where it goes.
    pub target: ObservedSide,
    /// Databases, `NAME` or `SOURCE=TARGET`. At least one where PostgreSQL is watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// Indices whose names begin so are watched and compared. At least one where Elasticsearch is watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index_prefixes: Vec<String>,
    /// How often to look, and what counts as rest.
    #[serde(default)]
    pub pace: Pace,
    /// Where the application's pods are; read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// An address of the application that users call: an answer below 500 within five seconds is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// `application_name`s whose open sessions on the source are nobody's writes: of monitoring, or of who migrates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub harmless_sessions: Vec<String>,
    /// Ledger files with differences that are expected, relative to this file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
}

/// One side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedSide {
    /// The cluster; left out on both sides if it is not watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elasticsearch: Option<Address>,
    /// The server; left out on both sides if it is not watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Address>,
}

/// Where a store is, and where the secret is that opens it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// `http[s]://[user@]host[:port]` or `postgres://user@host[:port][?sslmode=…]`, without a password. If absent, the variable
    /// that `drydock verify` reads as well has it: `DRYDOCK_SOURCE_ELASTICSEARCH`, `DRYDOCK_TARGET_POSTGRES` and so on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Name of a variable that holds the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// File that holds the password, relative to this one; a line break at its end does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// Elasticsearch: name of a variable that holds an API key, instead of a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Elasticsearch: file that holds an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<String>,
    /// Elasticsearch: certification authority (PEM) to trust, relative to this file. PostgreSQL has it in its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret<'a> {
    /// In a variable of this name.
    Variable(&'a str),
    /// In a file.
    File(&'a str),
}

impl Address {
    /// Where the password is, if there is one.
    pub fn password(&self) -> Option<Secret<'_>> {
        secret(self.password_env.as_deref(), self.password_file.as_deref())
    }

    /// Where the API key is, if there is one.
    pub fn api_key(&self) -> Option<Secret<'_>> {
        secret(self.api_key_env.as_deref(), self.api_key_file.as_deref())
    }
}

fn secret<'a>(variable: Option<&'a str>, file: Option<&'a str>) -> Option<Secret<'a>> {
    variable.map(Secret::Variable).or(file.map(Secret::File))
}

/// How often to look, and what counts as rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Between two looks.
    pub every: SignedDuration,
    /// The source counts as frozen when nothing moved for so long. At least 11 s: a PostgreSQL may keep a write to itself for ten.
    pub source_rests: SignedDuration,
    /// The copy counts as complete when the target stood still for so long. Longer than the pauses between the steps of whoever
    /// migrates: what is compared too early is compared again.
    pub target_rests: SignedDuration,
    /// The watch ends by itself after so long.
    pub deadline: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: SignedDuration::from_secs(2),
            source_rests: SignedDuration::from_secs(20),
            target_rests: SignedDuration::from_secs(30),
            deadline: SignedDuration::from_hours(12),
        }
    }
}

/// A release in a cluster, of which the pods are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// Context of the kubeconfig.
    pub context: String,
    /// Namespace of the application.
    pub namespace: String,
    /// Name of its release: the value of `app.kubernetes.io/instance`.
    pub release: String,
}

impl Observation {
    /// Reads an observation from YAML text. `file` is used in messages only.
    ///
    /// # Errors
    /// The text is no YAML, has unknown or misspelt keys, holds a password, or names nothing that could be compared.
    pub fn from_yaml(file: &str, text: &str) -> Result<Self, Box<ScenarioError>> {
        // Whoever is told of a mistake is shown the lines around it.
        let masked = without_passwords(text);
        let observation: Self = match read(file, text) {
            Ok(observation) => observation,
            Err(error) => return Err(read::<Self>(file, &masked).err().unwrap_or(error)),
        };
        match observation.mistake() {
            None => Ok(observation),
            Some((path, message, help)) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                Err(wrong_at(file, &masked, &path, &message, &help))
            }
        }
    }

    /// The JSON Schema of observation files.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Databases by their names on the source and on the target.
    pub fn database_pairs(&self) -> Vec<(String, String)> {
        let pair = |name: &String| match name.split_once('=') {
            Some((source, target)) => (source.to_owned(), target.to_owned()),
            None => (name.clone(), name.clone()),
        };
        self.databases.iter().map(pair).collect()
    }

    fn mistake(&self) -> Option<Mistaken> {
        let told = |path: &[&str], message: &str, help: &str| {
            Some((path.iter().map(|p| (*p).to_owned()).collect(), message.to_owned(), help.to_owned()))
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || !self.name.chars().all(fits) || self.name.starts_with('.') {
            return told(&["name"], "the name cannot be part of a file name", "use letters, digits, - and _");
        }
        let (source, target) = (&self.source, &self.target);
        for (what, one, other) in [
            ("elasticsearch", &source.elasticsearch, &target.elasticsearch),
            ("postgres", &source.postgres, &target.postgres),
        ] {
            if one.is_some() != other.is_some() {
                let side = if one.is_some() { "source" } else { "target" };
                return told(
                    &[side, what],
                    "this store is named on one side only",
                    "name it on both sides, or on none",
                );
            }
        }
        if source.elasticsearch.is_none() && source.postgres.is_none() {
            let help = "name `elasticsearch:` or `postgres:` on both sides";
            return told(&["source"], "no store is named, so that nothing can be compared", help);
        }
        if source.elasticsearch.is_some() && self.index_prefixes.is_empty() {
            let help =
                "add `index_prefixes: [zeebe-, operate-, tasklist-, optimize-, connectors-, camunda-]`";
            return told(&["source", "elasticsearch"], "nobody said which indices are watched", help);
        }
        if source.postgres.is_some() && self.databases.is_empty() {
            let help = "add `databases: [identity, keycloak, webmodeler]`, as they are called on the source";
            return told(&["source", "postgres"], "nobody said which databases are watched", help);
        }
        if let Some(prefix) =
            self.index_prefixes.iter().find(|p| p.is_empty() || p.contains(['*', ',', '/', ' ']))
        {
            let message = format!("{prefix:?} is no beginning of a name of an index");
            return told(&["index_prefixes"], &message, "write it as in `operate-`; `*` is implied");
        }
        if self.database_pairs().iter().any(|(a, b)| a.is_empty() || b.is_empty()) {
            return told(&["databases"], "a database has no name", "write NAME, or SOURCE=TARGET");
        }
        self.pace_mistake().or_else(|| self.address_mistake())
    }

    fn pace_mistake(&self) -> Option<Mistaken> {
        let Pace { every, source_rests, target_rests, deadline } = &self.pace;
        let least = |name: &str, given: &SignedDuration, least_ms: i128, why: &str| {
            (given.as_millis() < least_ms).then(|| {
                let path = vec!["pace".to_owned(), name.to_owned()];
                (path, format!("{given:#} is too short: {why}"), "write a longer one, as in 20s".to_owned())
            })
        };
        let late = i128::from(LATE_MS);
        least("every", every, 200, "looks more often than five times a second would be felt")
            .or_else(|| {
                least("source_rests", source_rests, late, "a PostgreSQL may keep a write to itself for 10 s")
            })
            .or_else(|| {
                least("target_rests", target_rests, every.as_millis(), "it must be seen in two looks")
            })
            .or_else(|| {
                least("deadline", deadline, source_rests.as_millis(), "no freeze could be seen in it")
            })
    }

    fn address_mistake(&self) -> Option<Mistaken> {
        let sides = [("source", &self.source), ("target", &self.target)];
        let all = sides.into_iter().flat_map(|(side, stores)| {
            let both = [("elasticsearch", &stores.elasticsearch), ("postgres", &stores.postgres)];
            both.map(|(what, address)| (side, what, address.as_ref()))
        });
        for (side, what, address) in all {
            let Some(address) = address else { continue };
            let told = |key: &str, message: &str, help: &str| {
                let path = [side, what, key].map(ToOwned::to_owned).to_vec();
                Some((path, message.to_owned(), help.to_owned()))
            };
            if address.url.as_deref().is_some_and(holds_password) {
                return told(
                    "url",
                    "the address holds a password, and files get about",
                    "take it out and name a variable (`password_env: NAME`) or a file (`password_file: PATH`)",
                );
            }
            let places =
                [&address.password_env, &address.password_file, &address.api_key_env, &address.api_key_file];
            if places.into_iter().flatten().count() > 1 {
                return told("url", "more than one secret is named for this store", "name one");
            }
            let key = address.api_key().is_some() || address.ca.is_some();
            if what == "postgres" && key {
                return told(
                    "url",
                    "PostgreSQL knows no API keys, and has its authority in the address",
                    "use `password_env` or `password_file`, and `?sslmode=verify-full&sslrootcert=FILE` in the address",
                );
            }
        }
        let application = self.application.as_deref()?;
        if holds_password(application) {
            let help = "probe an address that answers without a login: a 401 is an answer";
            return Some((vec!["application".into()], "the address holds a password".into(), help.into()));
        }
        (!application.starts_with("http://") && !application.starts_with("https://")).then(|| {
            let help = "write it as in https://camunda.example.com/operate";
            (vec!["application".into()], "this is no address of the web".into(), help.into())
        })
    }
}

/// How late figures of a write may reach whoever reads them, in milliseconds: an idle session of PostgreSQL 15 and later hands
/// its counters over within ten seconds.
pub const LATE_MS: u64 = 11_000;

/// A text in which the passwords of addresses are asterisks.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("://");
        let end = part.find(|c: char| c.is_whitespace() || "'\"".contains(c)).unwrap_or(part.len());
        match part[..end].rfind('@').and_then(|at| Some((part[..at].find(':')?, at))) {
            Some((colon, at)) => {
                shown.push_str(&part[..=colon]);
                shown.push_str("***");
                shown.push_str(&part[at..]);
            }
            None => shown.push_str(part),
        }
    }
    shown
}

/// Whether something stands between a colon and an @ of the authority.
fn holds_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // The last one: whoever forgot to write the @ of a password as %40 has written a password all the same.
    rest.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "name: cutover\nsource:\n  elasticsearch: {url: 'http://drydock@es.old:9200', password_env: OLD}\n  \
        postgres: {url: 'postgres://drydock@pg.old:5432', password_file: pg-old}\ntarget: {elasticsearch: {}, postgres: {}}\n\
        databases: [identity, keycloak=kc]\nindex_prefixes: [operate-]\n";

    fn told(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        let error = Observation::from_yaml("o.yaml", &WHOLE.replace(from, to)).expect_err(to);
        format!("{error}; {}", error.help.clone().unwrap_or_default())
    }

    #[test]
    fn a_whole_file_is_read_and_says_where_secrets_are() {
        let read = Observation::from_yaml("o.yaml", WHOLE).unwrap();
        let address = read.source.elasticsearch.clone().unwrap();
        assert_eq!(address.password(), Some(Secret::Variable("OLD")));
        assert_eq!(read.source.postgres.clone().unwrap().password(), Some(Secret::File("pg-old")));
        assert_eq!(read.database_pairs()[1], ("keycloak".into(), "kc".into()));
        assert_eq!(read.pace, Pace::default());
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_never_with_a_password() {
        let secret = told("drydock@es.old", "drydock:hunter2@es.old");
        assert!(secret.contains("o.yaml:3:") && secret.contains("password_env"), "{secret}");
        assert!(!secret.contains("hunter2"), "{secret}");
        assert!(!told("drydock@es.old", "drydock:hun@ter2@es.old").contains("ter2"));
        // Nor by the picture of the place, also where the mistake is another one.
        for more in ["", "\nunknown: 1"] {
            let text = WHOLE.replace("drydock@es.old", "drydock:hun@ter2@es.old") + more;
            let error = Observation::from_yaml("o.yaml", &text).expect_err("it holds a password");
            let picture = format!("{:?}", miette::Report::new_boxed(error));
            assert!(!picture.contains("hun") && !picture.contains("ter2"), "{picture}");
        }
        for (from, to, word) in [
            ("postgres: {}}", "}", "on one side only"),
            ("databases: [identity, keycloak=kc]\n", "", "databases"),
            ("index_prefixes: [operate-]\n", "", "index_prefixes"),
            ("[operate-]", "['operate-*']", "implied"),
            ("[operate-]", "['']", "no beginning"),
            ("keycloak=kc", "keycloak=", "no name"),
            ("name: cutover", "name: ../cutover", "file name"),
            ("password_env: OLD", "password_env: OLD, api_key_env: K", "more than one"),
            ("password_file: pg-old", "api_key_env: K", "no API keys"),
            ("password_env", "password", "unknown key"),
            ("name: cutover", "name: cutover\npace: {source_rests: 5s}", "too short"),
            ("name: cutover", "name: cutover\npace: {deadline: 10s}", "too short"),
            ("name: cutover", "name: cutover\napplication: ftp://x", "no address"),
            ("name: cutover", "name: cutover\napplication: 'https://a:b@x'", "without a login"),
        ] {
            let told = told(from, to);
            assert!(told.contains(word), "{to}: {told}");
        }
    }
}
