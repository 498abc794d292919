//! How Keycloak is configured: by a file that nobody else can read. What its command line or environment says, everybody on
//! the machine sees.

use super::KeycloakAccount;
use crate::error::Result;
use crate::user::StoreUser;
use crate::workdir::write_private;
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use secrecy::ExposeSecret;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The address that tokens name as their issuer. It is one and the same on both sides, as the address of an installation is,
/// and is nobody's.
pub(crate) const ISSUER: &str = "http://keycloak.drydock.invalid/auth";
const MAIN: &str = "io.quarkus.bootstrap.runner.QuarkusEntryPoint";
/// Sessions of one Keycloak on its server, which serves a rehearsal as well.
const POOL: u32 = 15;

/// What a start is made of.
#[derive(Debug)]
pub(super) struct Settings {
    /// Its own home: configuration, scratch files and, at the first start, the realm to fill it with.
    pub(super) directory: PathBuf,
    pub(super) heap_mib: u32,
    pub(super) database: PostgresEndpoint,
    pub(super) account: KeycloakAccount,
}

impl Settings {
    pub(super) fn file(&self) -> PathBuf {
        self.directory.join("conf/keycloak.conf")
    }

    /// The realm that a start imports.
    pub(super) fn import(&self) -> PathBuf {
        self.directory.join("data/import/realm.json")
    }

    fn authority(&self) -> PathBuf {
        self.directory.join("conf/database-ca.pem")
    }

    /// Writes the configuration for a port.
    pub(super) fn write(&self, port: u16, user: &StoreUser) -> Result<()> {
        if let Some(ca_pem) = authority_of(&self.database) {
            write_private(&self.authority(), ca_pem.as_bytes())?;
            user.own(&self.authority())?;
        }
        let text = text(&self.database, &self.account, ("127.0.0.1", port), &self.authority());
        write_private(&self.file(), text.as_bytes())?;
        user.own(&self.file())
    }

    /// Puts the realm where a start looks for it.
    pub(super) fn place(&self, realm: &serde_json::Value, user: &StoreUser) -> Result<()> {
        let file = self.import();
        write_private(&file, realm.to_string().as_bytes())?;
        user.own(&file)
    }

    /// Arguments of `java`. Nothing in them is secret.
    pub(super) fn arguments(&self, runner: &Path) -> Vec<OsString> {
        let directory = self.directory.display();
        let mut arguments: Vec<OsString> = [
            "-Xms64m".to_owned(),
            format!("-Xmx{}m", self.heap_mib),
            "-XX:MetaspaceSize=96m".to_owned(),
            "-XX:MaxMetaspaceSize=256m".to_owned(),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:-UsePerfData".to_owned(),
            "-XX:+ExitOnOutOfMemoryError".to_owned(),
            format!("-XX:ErrorFile={directory}/data/hs_err_pid%p.log"),
            "-Dfile.encoding=UTF-8".to_owned(),
            format!("-Djava.io.tmpdir={directory}/data/tmp"),
            format!("-Dkc.home.dir={directory}"),
            format!("-Djboss.server.config.dir={directory}/conf"),
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager".to_owned(),
            "-Dpicocli.disable.closures=true".to_owned(),
            "-Dquarkus-log-max-startup-records=10000".to_owned(),
            "-Djava.net.preferIPv4Stack=true".to_owned(),
            "--add-opens=java.base/java.util=ALL-UNNAMED".to_owned(),
            "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED".to_owned(),
            "--add-opens=java.base/java.security=ALL-UNNAMED".to_owned(),
            "--add-opens=java.base/java.lang=ALL-UNNAMED".to_owned(),
            "--enable-native-access=ALL-UNNAMED".to_owned(),
            "-Duser.language=en".to_owned(),
            "-Duser.country=US".to_owned(),
            "-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory".to_owned(),
            "-classpath".to_owned(),
        ]
        .into_iter()
        .map(OsString::from)
        .collect();
        arguments.push(runner.into());
        arguments.push(MAIN.into());
        arguments.push(format!("--config-file={}", self.file().display()).into());
        arguments.extend(["start", "--optimized"].map(OsString::from));
        if self.import().is_file() {
            arguments.push("--import-realm".into());
        }
        arguments
    }

    /// The whole environment of the process.
    pub(super) fn environment(&self) -> Vec<(String, OsString)> {
        vec![
            ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
            ("HOME".into(), self.directory.clone().into()),
            ("TZ".into(), "UTC".into()),
        ]
    }
}

/// The authority that a connection to the database is held against.
pub(super) fn authority_of(database: &PostgresEndpoint) -> Option<&str> {
    match &database.tls {
        PostgresTls::VerifyCa { ca_pem } | PostgresTls::VerifyFull { ca_pem: Some(ca_pem) } => Some(ca_pem),
        _ => None,
    }
}

/// The configuration file of one that listens at an address, and finds the database's authority in a file.
pub(super) fn text(
    server: &PostgresEndpoint,
    account: &KeycloakAccount,
    (listen, port): (&str, u16),
    authority: &Path,
) -> String {
    let PostgresEndpoint { host, port: database_port, tls, .. } = server;
    let KeycloakAccount { database, role, password, administrator, administrator_password } = account;
    let mut url = format!("jdbc:postgresql://{host}:{database_port}/{database}?sslmode={}", tls.sslmode());
    if authority_of(server).is_some() {
        // Writing into a text cannot fail.
        let _ = write!(url, "&sslrootcert={}", authority.display());
    }
    let lines = [
        ("db-url", url),
        ("db-username", role.clone()),
        ("db-password", password.expose_secret().to_owned()),
        ("db-pool-initial-size", "1".into()),
        ("db-pool-min-size", "1".into()),
        ("db-pool-max-size", POOL.to_string()),
        ("http-enabled", "true".into()),
        ("http-host", listen.into()),
        ("http-port", port.to_string()),
        ("hostname", ISSUER.into()),
        ("hostname-backchannel-dynamic", "false".into()),
        ("cache", "local".into()),
        ("log-level", "INFO".into()),
        ("bootstrap-admin-username", administrator.clone()),
        ("bootstrap-admin-password", administrator_password.expose_secret().to_owned()),
    ];
    lines.into_iter().fold(String::new(), |mut text, (key, value)| {
        // A dollar begins a reference, a backslash escapes what follows.
        let value = value.replace('\\', "\\\\").replace('$', "$$");
        let _ = writeln!(text, "{key}={value}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn settings(directory: &Path, tls: PostgresTls) -> Settings {
        Settings {
            directory: directory.to_owned(),
            heap_mib: 384,
            database: PostgresEndpoint {
                host: "127.0.0.1".into(),
                port: 5432,
                user: "postgres".into(),
                password: Some(SecretString::from("of the superuser")),
                tls,
                transport: Default::default(),
            },
            account: KeycloakAccount {
                database: "keycloak".into(),
                role: "keycloak".into(),
                password: SecretString::from("a$b\\c"),
                administrator: "admin".into(),
                administrator_password: SecretString::from("root-s3cret"),
            },
        }
    }

    #[test]
    fn secrets_stand_in_the_file_alone_and_it_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("conf")).unwrap();
        let settings = settings(dir.path(), PostgresTls::VerifyFull { ca_pem: Some("the authority".into()) });
        settings.write(8123, &StoreUser::Caller).unwrap();
        let text = std::fs::read_to_string(settings.file()).unwrap();
        assert!(text.contains("db-password=a$$b\\\\c\n") && text.contains("http-port=8123\n"), "{text}");
        assert!(text.contains("sslmode=verify-full&sslrootcert="), "{text}");
        assert!(!text.contains("of the superuser"));
        for file in [settings.file(), settings.authority()] {
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let shown = format!("{:?} {:?}", settings.arguments(Path::new("/x.jar")), settings.environment());
        assert!(!shown.contains("s3cret") && !shown.contains("a$b"), "{shown}");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn a_realm_is_imported_only_while_it_lies_there() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), PostgresTls::Off);
        let asked = |s: &Settings| s.arguments(Path::new("/x.jar")).contains(&"--import-realm".into());
        assert!(!asked(&settings));
        std::fs::create_dir_all(dir.path().join("data/import")).unwrap();
        settings.place(&serde_json::json!({"realm": "r"}), &StoreUser::Caller).unwrap();
        assert!(asked(&settings));
    }
}
