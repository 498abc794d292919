//! Keycloak in a container beside the PostgreSQL of its side, from whatever image holds one.
//!
//! Images differ in where it lies, which program starts it, and what it was built for. So it is looked for and started by its own
//! program, with the same configuration file as a process has: variables of the image would come before that, and are taken away.

use super::{KeycloakAccount, KeycloakConfig, homes, name_of, settings};
use crate::beside::START_LIMIT;
use crate::config::Side;
use crate::containers::{Beside, Containers, Wanted, Wish};
use crate::error::{Progress, Result};
use drydock_stores::PostgresEndpoint;
use serde_json::Value;
use std::path::Path;
use testcontainers::{ContainerRequest, CopyTargetOptions, GenericImage, ImageExt};

/// Port that it listens on inside of its container.
const PORT: u16 = 8080;
/// In a folder that every image has.
const CONFIGURATION: &str = "/etc/drydock-keycloak.conf";
const AUTHORITY: &str = "/etc/drydock-database-ca.pem";
const REALM: &str = "/etc/drydock-realm.json";
/// What the container may take beside the heap, MiB: more than a process needs, as an image that was built for something else
/// builds itself at its start.
const BESIDE_HEAP_MIB: u64 = 512;
/// What the program below ends with where it finds no Keycloak.
const MISFIT: i64 = 64;

/// Looks for Keycloak where the images of its own project and Bitnami's have it. A variable that begins with `KC_` is an option,
/// and comes before the file; `kc.sh` takes its own Java options from a variable if there is one.
const START: &str = r#"
for home in /opt/keycloak /opt/bitnami/keycloak "${KEYCLOAK_HOME:-}"; do
  [ -f "$home/bin/kc.sh" ] && break
  home=
done
[ -n "$home" ] || { echo "there is no bin/kc.sh in /opt/keycloak or /opt/bitnami/keycloak: this image holds no Keycloak" >&2; exit 64; }
for name in $(env | sed -n 's/^\(KC_[A-Za-z0-9_]*\)=.*/\1/p') JAVA_OPTS JAVA_OPTS_APPEND; do unset "$name"; done
if [ -f "$DRYDOCK_REALM" ]; then
  mkdir -p "$home/data/import" && ln -sf "$DRYDOCK_REALM" "$home/data/import/realm.json" || exit 73
  set -- "$@" --import-realm
fi
exec "$home/bin/kc.sh" "$@"
"#;

/// It runs and has answered.
#[derive(Debug)]
pub(super) struct Contained {
    pub(super) beside: Beside,
    /// As it says itself, else the tag of its image.
    pub(super) version: String,
    /// What a reader of a report must know about its container.
    pub(super) deviations: String,
}

/// Starts it on the PostgreSQL of a side.
pub(super) async fn start(
    containers: &Containers,
    (side, database): (Side, &PostgresEndpoint),
    (config, account): (&KeycloakConfig, &KeycloakAccount),
    realm: Option<&Value>,
    log: &Path,
    progress: &dyn Progress,
) -> Result<Contained> {
    let whom = name_of(side);
    let wish = Wish {
        side,
        wanted: Wanted::Keycloak,
        whom: &whom,
        inside: PORT,
        memory_bytes: memory_mib(config) << 20,
        misfit: MISFIT,
        limit: START_LIMIT,
        log,
    };
    let furnish = |bare| furnish(bare, database, (config, account), realm);
    let answers = |port| super::answers(account, port);
    let beside = containers.start_beside(&wish, "/bin/sh", furnish, answers).await?;
    if realm.is_some() {
        // It holds passwords, and nobody reads it again.
        beside.remove_files(&[REALM]).await?;
    }
    let version = match beside.in_log(version_in).await {
        Some(version) => version,
        None => beside.image().tag.clone(),
    };
    progress.note(&format!("{whom} runs from {}", beside.image()));
    let mut deviations = format!("at most {} MiB", memory_mib(config));
    if settings::authority_of(database).is_some() {
        deviations.push_str(", certificate of the database held against its authority alone");
    }
    Ok(Contained { beside, version, deviations })
}

fn memory_mib(config: &KeycloakConfig) -> u64 {
    u64::from(config.heap_mib) + BESIDE_HEAP_MIB
}

/// What a container needs to become this Keycloak. Secrets are in files, which whoever may list containers does not see.
fn furnish(
    bare: ContainerRequest<GenericImage>,
    database: &PostgresEndpoint,
    (config, account): (&KeycloakConfig, &KeycloakAccount),
    realm: Option<&Value>,
) -> ContainerRequest<GenericImage> {
    // The image's own user reads them, whoever that is.
    let place = |path: &str| CopyTargetOptions::new(path).with_mode(0o444);
    let text = settings::text(database, account, ("0.0.0.0", PORT), Path::new(AUTHORITY));
    let heap = format!("-Xms64m -Xmx{}m -XX:-UseG1GC -XX:+UseSerialGC -XX:-UsePerfData", config.heap_mib);
    let mut request = bare
        .with_env_var("JAVA_OPTS_KC_HEAP", heap)
        .with_env_var("DRYDOCK_REALM", REALM)
        .with_env_var("TZ", "UTC")
        .with_copy_to(place(CONFIGURATION), text.into_bytes())
        .with_cmd(arguments());
    if let Some(ca_pem) = settings::authority_of(database) {
        request = request.with_copy_to(place(AUTHORITY), ca_pem.as_bytes().to_vec());
    }
    if let Some(realm) = realm {
        request = request.with_copy_to(place(REALM), realm.to_string().into_bytes());
    }
    request
}

/// Not `--optimized`: one that was built for all of this starts as fast, and any other one builds itself first.
fn arguments() -> Vec<String> {
    let file = format!("--config-file={CONFIGURATION}");
    ["-c", START, "keycloak", &file, "start"]
        .into_iter()
        .chain(homes::BUILT_FOR)
        // As images that are built in advance have it; a probe may ask for it.
        .chain(["--health-enabled=true"])
        .map(ToOwned::to_owned)
        .collect()
}

/// What it says about itself once it has started: `Keycloak 26.3.3 on JVM (powered by …) started in 9.2s`. The last one counts.
fn version_in(log: &str) -> Option<String> {
    let mut told = log.lines().rev().filter_map(|line| {
        let (before, _) = line.split_once(" on JVM (powered by")?;
        let (_, version) = before.rsplit_once("Keycloak ")?;
        (!version.is_empty() && !version.contains(' ')).then(|| version.to_owned())
    });
    told.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_stores::endpoint::PostgresTls;
    use secrecy::SecretString;
    use std::process::Command;

    fn request(tls: PostgresTls, realm: Option<&Value>) -> ContainerRequest<GenericImage> {
        let database = PostgresEndpoint {
            host: "drydock-run-1-source-postgres".into(),
            port: 5432,
            user: "postgres".into(),
            password: Some(SecretString::from("of the superuser")),
            tls,
            transport: Default::default(),
        };
        let account = KeycloakAccount {
            database: "keycloak".into(),
            role: "keycloak".into(),
            password: SecretString::from("database-s3cret"),
            administrator: "admin".into(),
            administrator_password: SecretString::from("root-s3cret"),
        };
        let bare = GenericImage::new("keycloak/keycloak", "26").with_entrypoint("/bin/sh");
        let config = KeycloakConfig { heap_mib: 384 };
        furnish(bare.into(), &database, (&config, &account), realm)
    }

    #[test]
    fn secrets_are_in_files_and_nowhere_else() {
        let realm = serde_json::json!({"realm": "r", "password": "user-s3cret"});
        let secured = PostgresTls::VerifyCa { ca_pem: "the authority".into() };
        let request = request(secured, Some(&realm));
        let variables: Vec<_> = request.env_vars().map(|(n, v)| format!("{n}={v}")).collect();
        let words: Vec<_> = request.cmd().map(|word| word.to_string()).collect();
        let told = format!("{variables:?} {words:?} {:?}", request.labels());
        assert!(!told.contains("s3cret") && !told.contains("superuser"), "{told}");
        assert!(told.contains("-Xmx384m"), "{told}");
        let copied: Vec<String> = request.copy_to_sources().map(|c| format!("{c:?}")).collect();
        assert_eq!(copied.len(), 3, "{copied:?}");
        let bytes = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
        let configuration = copied.iter().find(|c| c.contains(CONFIGURATION)).expect("a configuration");
        for part in ["http-host=0.0.0.0\n", "http-port=8080\n", "database-s3cret", "sslmode=verify-ca"] {
            assert!(configuration.contains(&bytes(part)), "{part}");
        }
        assert!(!configuration.contains(&bytes("of the superuser")));
        assert!(copied.iter().any(|c| c.contains(AUTHORITY) && c.contains(&bytes("the authority"))));
    }

    #[test]
    fn without_realm_and_authority_there_are_no_such_files() {
        assert_eq!(request(PostgresTls::Off, None).copy_to_sources().count(), 1);
    }

    #[test]
    fn the_version_is_the_one_it_told_last() {
        let log = "INFO  [io.quarkus] (main) Keycloak 25.0.6 on JVM (powered by Quarkus 3.8.5) started in 9.1s. Listening\n\
                   INFO  [io.quarkus] (main) Keycloak 26.7.3 on JVM (powered by Quarkus 3.33.1) started in 9.1s.\nmore";
        assert_eq!(version_in(log).as_deref(), Some("26.7.3"));
        for other in [
            "",
            "Keycloak is starting",
            "Keycloak  on JVM (powered by x",
            "no Keycloak at all on JVM (powered by x",
        ] {
            assert_eq!(version_in(other), None, "{other}");
        }
    }

    /// Runs the script on this machine, with a `kc.sh` that tells what it was given.
    fn started(variables: &[(&str, &str)], files: &[&str]) -> (Option<i32>, String) {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("kc");
        std::fs::create_dir_all(home.join("bin")).unwrap();
        for file in files {
            let text = if *file == "bin/kc.sh" { "#!/bin/sh\necho \"$@\"; env" } else { "{}" };
            std::fs::write(home.join(file), text).unwrap();
            crate::cache::set_mode(&home.join(file), 0o755).unwrap();
        }
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("KEYCLOAK_HOME", &home);
        command.env("DRYDOCK_REALM", home.join("realm.json")).envs(variables.iter().copied());
        let output = command.args(arguments()).output().unwrap();
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        if home.join("data/import/realm.json").is_file() {
            told.push_str("the realm is in its place");
        }
        (output.status.code(), told)
    }

    #[test]
    fn what_an_image_says_by_variables_does_not_come_before_the_file() {
        let image =
            [("KC_DB_URL", "jdbc:h2:mem"), ("KC_HOSTNAME", "x"), ("JAVA_OPTS", "-Xmx9g"), ("OTHER", "kept")];
        let (code, told) = started(&image, &["bin/kc.sh", "realm.json"]);
        assert_eq!(code, Some(0), "{told}");
        assert!(!told.contains("KC_") && !told.contains("-Xmx9g") && told.contains("OTHER=kept"), "{told}");
        assert!(told.starts_with("--config-file=/etc/drydock-keycloak.conf start --db=postgres"), "{told}");
        assert!(told.contains("--import-realm\n") && told.contains("the realm is in its place"), "{told}");
        let (_, told) = started(&[], &["bin/kc.sh"]);
        assert!(!told.contains("--import-realm"), "{told}");
    }

    #[test]
    fn an_image_without_keycloak_says_so() {
        let (code, told) = started(&[], &["realm.json"]);
        assert_eq!(code, Some(64));
        assert!(told.contains("holds no Keycloak"), "{told}");
    }
}
