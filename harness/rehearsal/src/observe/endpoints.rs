//! From the file of an observation to stores that can be read: addresses from the file or from the variables that `verify` reads,
//! secrets from variables or files of their own.

use drydock_core::Store;
use drydock_core::event::Side;
use drydock_core::observe::{Address, Observation, Secret};
use drydock_stores::compare::DatabasePair;
use drydock_stores::endpoint::ElasticsearchAuth;
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use secrecy::SecretString;
use std::path::Path;

/// One thing on the source and its counterpart on the target.
#[derive(Debug, Clone)]
pub(super) struct Both<T> {
    pub(super) source: T,
    pub(super) target: T,
}

/// The stores that are watched. At least one of the two.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    pub(super) elasticsearch: Option<Both<ElasticsearchEndpoint>>,
    pub(super) postgres: Option<Both<PostgresEndpoint>>,
    pub(super) databases: Vec<DatabasePair>,
    pub(super) prefixes: Vec<String>,
}

/// Where variables come from; tests bring their own.
pub(super) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

impl Endpoints {
    /// Resolves all addresses and secrets. `folder` is where the file lies.
    ///
    /// # Errors
    /// What is missing or wrong, in words that hold no secret, and what to do.
    pub(super) fn of(
        observation: &Observation,
        folder: &Path,
        variables: Variables<'_>,
    ) -> Result<Self, (String, String)> {
        let (source, target) = (&observation.source, &observation.target);
        let elasticsearch = match (&source.elasticsearch, &target.elasticsearch) {
            (Some(source), Some(target)) => Some(Both {
                source: cluster(Side::Source, source, folder, variables)?,
                target: cluster(Side::Target, target, folder, variables)?,
            }),
            _ => None,
        };
        let postgres = match (&source.postgres, &target.postgres) {
            (Some(source), Some(target)) => Some(Both {
                source: server(Side::Source, source, folder, variables)?,
                target: server(Side::Target, target, folder, variables)?,
            }),
            _ => None,
        };
        let pairs = observation.database_pairs().into_iter();
        let databases = pairs.map(|(source, target)| DatabasePair { source, target }).collect();
        Ok(Self { elasticsearch, postgres, databases, prefixes: observation.index_prefixes.clone() })
    }

    /// Names of the databases of one side.
    pub(super) fn databases(&self, side: Side) -> Vec<String> {
        let name = |pair: &DatabasePair| match side {
            Side::Source => pair.source.clone(),
            Side::Target => pair.target.clone(),
        };
        self.databases.iter().map(name).collect()
    }

    /// Where a store is, without anything that opens it.
    pub(super) fn address(&self, side: Side, store: Store) -> String {
        fn of<T>(both: Option<&Both<T>>, side: Side) -> Option<&T> {
            both.map(|both| if side == Side::Source { &both.source } else { &both.target })
        }
        let address = match store {
            Store::Elasticsearch => of(self.elasticsearch.as_ref(), side).map(|e| e.url.clone()),
            Store::Postgres => of(self.postgres.as_ref(), side).map(|p| format!("{}:{}", p.host, p.port)),
        };
        address.unwrap_or_default()
    }

    /// The stores that are watched.
    pub(super) fn stores(&self) -> Vec<Store> {
        let has = [
            (Store::Postgres, self.postgres.is_some()),
            (Store::Elasticsearch, self.elasticsearch.is_some()),
        ];
        has.into_iter().filter(|(_, has)| *has).map(|(store, _)| store).collect()
    }
}

/// The variable that `verify` reads: `DRYDOCK_SOURCE_ELASTICSEARCH`.
fn variable_of(side: Side, store: Store) -> String {
    format!("DRYDOCK_{side}_{store}").to_uppercase()
}

fn url(
    side: Side,
    store: Store,
    address: &Address,
    variables: Variables<'_>,
) -> Result<String, (String, String)> {
    let name = variable_of(side, store);
    address.url.clone().or_else(|| variables(&name).filter(|v| !v.is_empty())).ok_or_else(|| {
        let what = format!("nobody said where {store} of the {side} is");
        (what, format!("add `url:` to `{side}: {{{store}: …}}` of the file, or set {name}"))
    })
}

fn secret(
    place: &Secret<'_>,
    folder: &Path,
    variables: Variables<'_>,
) -> Result<SecretString, (String, String)> {
    let text = match place {
        Secret::Variable(name) => variables(name).ok_or_else(|| {
            (format!("the variable {name} holds no secret: it is not set"), format!("set {name}"))
        })?,
        Secret::File(path) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path).map_err(|error| {
                let what = format!("cannot read the secret in {}: {error}", path.display());
                (what, "name the file relative to that of the observation".to_owned())
            })?;
            text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)).to_owned()
        }
    };
    Ok(SecretString::from(text))
}

fn cluster(
    side: Side,
    address: &Address,
    folder: &Path,
    variables: Variables<'_>,
) -> Result<ElasticsearchEndpoint, (String, String)> {
    let url = url(side, Store::Elasticsearch, address, variables)?;
    let wrong =
        |error: String| (format!("elasticsearch of the {side}: {error}"), "mend the address".to_owned());
    let mut endpoint = ElasticsearchEndpoint::from_url(&url).map_err(|e| wrong(e.to_string()))?;
    if let Some(place) = address.password() {
        let password = secret(&place, folder, variables)?;
        let ElasticsearchAuth::Basic { user, .. } = &endpoint.auth else {
            return Err(wrong(
                "there is a password, and the address names no user (http://user@host)".into(),
            ));
        };
        endpoint.auth = ElasticsearchAuth::Basic { user: user.clone(), password };
    } else if let Some(place) = address.api_key() {
        endpoint.auth = ElasticsearchAuth::ApiKey(secret(&place, folder, variables)?);
    } else if matches!(endpoint.auth, ElasticsearchAuth::None)
        && let Some(key) = variables(&format!("DRYDOCK_{side}_API_KEY").to_uppercase())
    {
        endpoint.auth = ElasticsearchAuth::ApiKey(SecretString::from(key));
    }
    if let Some(ca) = &address.ca {
        let path = folder.join(ca);
        let pem = std::fs::read_to_string(&path)
            .map_err(|e| wrong(format!("cannot read the certificate {}: {e}", path.display())))?;
        endpoint.ca_pem = Some(pem);
    }
    Ok(endpoint)
}

fn server(
    side: Side,
    address: &Address,
    folder: &Path,
    variables: Variables<'_>,
) -> Result<PostgresEndpoint, (String, String)> {
    let url = url(side, Store::Postgres, address, variables)?;
    let (mut endpoint, _) = PostgresEndpoint::from_url(&url)
        .map_err(|e| (format!("postgres of the {side}: {e}"), "mend the address".to_owned()))?;
    if let Some(place) = address.password() {
        endpoint.password = Some(secret(&place, folder, variables)?);
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name: o\nsource:\n  elasticsearch: {url: 'http://eva@old:9200', password_env: OLD}\n  \
        postgres: {url: 'postgres://eva@old', password_file: pw}\ntarget: {elasticsearch: {}, postgres: {}}\n\
        databases: [a, b=c]\nindex_prefixes: [operate-]\n";

    fn variables(name: &str) -> Option<String> {
        let known = [
            ("OLD", "one-secret"),
            ("DRYDOCK_TARGET_ELASTICSEARCH", "https://new:9200"),
            ("DRYDOCK_TARGET_POSTGRES", "postgres://adam:two-secret@new/x"),
            ("DRYDOCK_TARGET_API_KEY", "three-secret"),
        ];
        known.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn addresses_and_secrets_are_found_where_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), "four-secret\r\n").unwrap();
        let observation = Observation::from_yaml("o.yaml", FILE).unwrap();
        let found = Endpoints::of(&observation, folder.path(), &variables).unwrap();
        let (elasticsearch, postgres) =
            (found.elasticsearch.clone().unwrap(), found.postgres.clone().unwrap());
        let ElasticsearchAuth::Basic { user, password } = &elasticsearch.source.auth else {
            panic!("no login")
        };
        assert_eq!((user.as_str(), secrecy::ExposeSecret::expose_secret(password)), ("eva", "one-secret"));
        assert!(matches!(elasticsearch.target.auth, ElasticsearchAuth::ApiKey(_)));
        assert_eq!(postgres.source.password_for_client(), "four-secret");
        assert_eq!(
            (postgres.target.user.as_str(), postgres.target.password_for_client()),
            ("adam", "two-secret")
        );
        assert_eq!(found.databases(Side::Target), ["a", "c"]);
        assert!(!format!("{found:?}").contains("-secret"));
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_set() {
        let folder = tempfile::tempdir().unwrap();
        let told = |file: &str, variables: Variables<'_>| {
            let observation = Observation::from_yaml("o.yaml", file).unwrap();
            let (what, help) = Endpoints::of(&observation, folder.path(), variables).unwrap_err();
            format!("{what}; {help}")
        };
        assert!(told(FILE, &|_| None).contains("set OLD"));
        assert!(told(FILE, &variables).contains("cannot read the secret"));
        let no_url = FILE.replace("url: 'http://eva@old:9200', password_env: OLD", "");
        assert!(told(&no_url, &|_| None).contains("set DRYDOCK_SOURCE_ELASTICSEARCH"));
        let no_user = FILE.replace("eva@old:9200", "old:9200");
        assert!(told(&no_user, &variables).contains("names no user"));
    }
}
