//! Dump and restore as they are carried out by hand: roles with `pg_dumpall`, each database as its superuser with owners and
//! rights, and a restore that is undone as a whole where one statement fails.

use super::dump::{DumpKind, path};
use super::server::MAINTENANCE;
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use crate::program::{self, Output, database_argument};
use drydock_core::Component;
use drydock_core::scenario::{DatabaseMover, Grants};
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use serde_json::json;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The last words of a plain dump that was written to its end.
const COMPLETE: &str = "-- PostgreSQL database dump complete";

/// What stands above every object of one.
const HEADER: &[u8] = b"\n-- Name: ";

/// Flags of `pg_dump`. Rights and owners are left out where the scenario leaves them behind.
pub(super) fn dump_arguments(cx: &MigrationContext) -> Vec<String> {
    let format = match cx.spec.database_mover {
        DatabaseMover::Plain => "plain",
        DatabaseMover::Scripts | DatabaseMover::Custom => "custom",
    };
    let mut arguments = vec![format!("--format={format}")];
    if cx.spec.grants == Grants::Leave {
        arguments.extend(["--no-owner", "--no-privileges"].map(Into::into));
    }
    arguments
}

/// Whom a client program works as: with rights and owners the superuser, who alone may give them.
pub(super) fn works_as(
    cx: &MigrationContext,
    side: &drydock_stores::StorePair,
    database: &str,
) -> Result<PostgresEndpoint, MigrationError> {
    match cx.spec.grants {
        Grants::Carry => Ok(side.postgres.clone()),
        Grants::Leave => cx.as_role(side, database),
    }
}

/// Looks whether a plain dump was written to its end, and returns the number of its statements, roughly.
pub(super) fn entries(file: &Path) -> Result<usize, MigrationError> {
    let text = std::fs::read(file).map_err(|e| MigrationError::io("read", file, &e))?;
    let tail = &text[text.len().saturating_sub(4096)..];
    if !String::from_utf8_lossy(tail).lines().any(|l| l == COMPLETE) {
        return Err(MigrationError::migration(
            format!("read the dump {}", file.display()),
            format!("it does not end with {COMPLETE:?}: it was cut short"),
            "make room on the disk, then dump the database again",
        ));
    }
    Ok(text.windows(HEADER.len()).filter(|w| *w == HEADER).count())
}

/// Where the hash of a finished dump lies.
fn seal(file: &Path) -> PathBuf {
    file.with_extension("blake3")
}

/// Notes what a finished dump must be found as.
pub(super) fn note_hash(file: &Path, hash: &str) -> Result<(), MigrationError> {
    let path = seal(file);
    std::fs::write(&path, hash).map_err(|e| MigrationError::io("write", &path, &e))
}

/// Whether a dump is what was written. `psql` takes the end of a file for the end of the data, and says nothing.
pub(super) async fn check_hash(file: &Path) -> Result<(), MigrationError> {
    let path = seal(file);
    let wanted = std::fs::read_to_string(&path).map_err(|e| MigrationError::io("read", &path, &e))?;
    let (bytes, hash) = super::hash_of(file).await.map_err(|e| MigrationError::io("read", file, &e))?;
    if hash == wanted {
        return Ok(());
    }
    Err(MigrationError::migration(
        format!("read the dump {}", file.display()),
        format!("its {bytes} bytes are not what pg_dump wrote: it was cut short or changed"),
        "rehearse again: the dump is made in phase-3/backup",
    ))
}

/// Restores a dump into its database, whole or not at all.
pub(super) async fn restore(
    cx: &MigrationContext,
    component: Component,
    database: &str,
) -> Result<Output, MigrationError> {
    let file = path(cx, component, DumpKind::Final);
    check_hash(&file).await?;
    let endpoint = works_as(cx, &cx.target, database)?;
    let (name, mut arguments): (_, Vec<String>) = match cx.spec.database_mover {
        DatabaseMover::Plain => ("psql", {
            let mut arguments = psql_arguments();
            arguments.push("--single-transaction".into());
            arguments.push(format!("--file={}", file.display()));
            arguments
        }),
        DatabaseMover::Scripts | DatabaseMover::Custom => {
            ("pg_restore", ["--single-transaction", "--exit-on-error"].map(Into::into).to_vec())
        }
    };
    arguments.push(database_argument(database));
    if name == "pg_restore" {
        if cx.spec.grants == Grants::Leave {
            arguments.extend(["--no-owner", "--no-privileges"].map(Into::into));
        }
        arguments.push(file.display().to_string());
    }
    let log = format!("{name}-{component}");
    let output = program::run(cx, name, arguments, Some(&endpoint), &log).await?;
    if output.code == 0 {
        return Ok(output);
    }
    Err(MigrationError::from_words(
        format!("restore database {database} with {name}"),
        cx.redactor().apply(&program::last_words(&output)),
        &format!(
            "see logs/{log}.log; the transaction was undone, so the database on the target is as empty as before"
        ),
    ))
}

/// Without `~/.psqlrc`, stopping at the first error, and saying only what is wrong.
fn psql_arguments() -> Vec<String> {
    ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"].map(Into::into).to_vec()
}

/// Carries every role of the source server with `pg_dumpall --roles-only` and `psql`. Tablespaces, which `--globals-only`
/// would add, are folders of one machine.
///
/// The servers' own superusers are left out: the dump would give the target's one the source's password, and with it
/// everybody who works there would be locked out.
pub(crate) async fn carry_roles(
    cx: &MigrationContext,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let file = cx.dumps.join("roles.sql");
    std::fs::create_dir_all(&cx.dumps).map_err(|e| MigrationError::io("create", &cx.dumps, &e))?;
    // It holds password hashes: its owner's alone from the first byte.
    open(&file)?;
    let arguments = vec!["--roles-only".to_owned(), format!("--file={}", file.display())];
    let output =
        program::run(cx, "pg_dumpall", arguments, Some(&cx.source.postgres), "pg_dumpall-roles").await?;
    if output.code != 0 {
        return Err(MigrationError::from_words(
            "pg_dumpall of the roles of the source",
            cx.redactor().apply(&program::last_words(&output)),
            "see logs/pg_dumpall-roles.log",
        ));
    }
    let text = std::fs::read_to_string(&file).map_err(|e| MigrationError::io("read", &file, &e))?;
    let own = [superuser(&cx.source.postgres).await?, superuser(&cx.target.postgres).await?];
    let there = roles(&cx.target.postgres).await?;
    let kept = without(&text, &own, &there);
    let made = kept.lines().filter(|l| l.starts_with("CREATE ROLE ")).count();
    let kept = format!("SET log_statement = 'none';\nSET log_min_error_statement = 'panic';\n{kept}");
    open(&file).and_then(|mut f| {
        std::io::Write::write_all(&mut f, kept.as_bytes()).map_err(|e| MigrationError::io("write", &file, &e))
    })?;
    reporter.note(&format!(
        "pg_dumpall also holds the superusers {}; they were left out, or the target's would have got the source's password",
        own.join(" and ")
    ));
    let mut arguments = psql_arguments();
    arguments.extend(["--single-transaction".to_owned(), format!("--file={}", file.display())]);
    arguments.push(database_argument(MAINTENANCE));
    let output = program::run(cx, "psql", arguments, Some(&cx.target.postgres), "psql-roles").await?;
    // The hashes have done their work.
    let _ = std::fs::remove_file(&file);
    if output.code != 0 {
        return Err(MigrationError::from_words(
            "make the roles of the source on the target",
            cx.redactor().apply(&program::last_words(&output)),
            "see logs/psql-roles.log; no role was made",
        ));
    }
    Ok(Facts::from([("roles_created".into(), json!(made))]))
}

fn open(file: &Path) -> Result<std::fs::File, MigrationError> {
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .map_err(|e| MigrationError::io("write", file, &e))
}

/// The role that made the server.
async fn superuser(endpoint: &PostgresEndpoint) -> Result<String, MigrationError> {
    let session = connect(endpoint, MAINTENANCE, APPLICATION_NAME).await?;
    let row = session
        .query_one("SELECT rolname::text FROM pg_roles WHERE oid = 10", &[])
        .await
        .map_err(|e| MigrationError::statement("ask a server for its first role", &e))?;
    Ok(row.get(0))
}

async fn roles(endpoint: &PostgresEndpoint) -> Result<Vec<String>, MigrationError> {
    let session = connect(endpoint, MAINTENANCE, APPLICATION_NAME).await?;
    Ok(super::roles::names(&session).await?.into_iter().collect())
}

/// The statements without those that would make or change the servers' own roles, or make a role that is there.
fn without(text: &str, own: &[String], there: &[String]) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let about = |verb: &str, end: &str, names: &[String]| {
            names.iter().any(|n| {
                [n.clone(), super::identifier(n)]
                    .iter()
                    .any(|n| line.starts_with(&format!("{verb} ROLE {n}{end}")))
            })
        };
        let dropped = about("CREATE", ";", there) || about("CREATE", ";", own) || about("ALTER", " ", own);
        if !dropped {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_superusers_keep_their_passwords() {
        let text = "CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER PASSWORD 'x';\nCREATE ROLE \"Admin\";\n\
            ALTER ROLE \"Admin\" WITH SUPERUSER;\nCREATE ROLE keycloak;\nALTER ROLE keycloak WITH LOGIN PASSWORD 'y';\n\
            CREATE ROLE postgres2;\nALTER ROLE postgres2 SET work_mem TO '5MB';\nGRANT keycloak TO postgres2 GRANTED BY postgres;\n";
        let kept =
            without(text, &["postgres".into(), "Admin".into()], &["keycloak".into(), "postgres".into()]);
        assert_eq!(
            kept,
            "ALTER ROLE keycloak WITH LOGIN PASSWORD 'y';\nCREATE ROLE postgres2;\nALTER ROLE postgres2 SET work_mem TO '5MB';\n\
             GRANT keycloak TO postgres2 GRANTED BY postgres;\n"
        );
    }

    #[test]
    fn a_plain_dump_without_its_last_line_is_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.dump");
        std::fs::write(&file, format!("--\n-- Name: t; Type: TABLE\n--\n\n{COMPLETE}\n--\n\n")).unwrap();
        assert_eq!(entries(&file).unwrap(), 1);
        std::fs::write(&file, "--\n-- Name: t; Type: TABLE\n--\nCOPY t FROM stdin;\n1\n2\n").unwrap();
        assert!(entries(&file).unwrap_err().to_string().contains("cut short"));
    }
}
