//! Whether the PostgreSQL servers fit, as pure functions of what was seen.

use super::server::{Server, Servers, WHOLE};
use super::tell::{refuse, size, tell};
use drydock_core::finding::{Finding, Sample};
use drydock_core::names::checks;

const TARGET: &str = "target PostgreSQL";
const SOURCE: &str = "source PostgreSQL";

fn major(server: &Server) -> i32 {
    server.version / 10_000
}

/// The target is no older than the source, and neither is `pg_dump`. `client`: its major version, where it is known.
pub(super) fn versions(servers: &Servers, client: Option<u32>) -> Vec<Finding> {
    let (from, to) = (major(&servers.source), major(&servers.target));
    let mut findings = Vec::new();
    if to < from {
        findings.push(refuse(
            checks::PRE_VERSIONS,
            TARGET,
            format!("the target PostgreSQL is version {to}, older than the source's {from}"),
            format!("use a target of version {from} or newer"),
        ));
    }
    match client {
        Some(client) if i64::from(client) < i64::from(from) => findings.push(refuse(
            checks::PRE_VERSIONS,
            "pg_dump",
            format!("pg_dump is version {client}, older than the source PostgreSQL {from}, which it refuses to dump"),
            format!("install the client programs of PostgreSQL {from} or newer, and name them with --postgres-home"),
        )),
        _ => {}
    }
    findings
}

/// The target's databases hold nothing yet, and the source has all of them.
pub(super) fn empty(servers: &Servers) -> Vec<Finding> {
    let absent = servers.absent.iter().map(|database| {
        refuse(
            checks::PRE_EMPTY,
            database,
            format!("the source PostgreSQL has no database {database}"),
            "leave the component out of `components`, or name the right source",
        )
    });
    let full = servers.there.iter().filter(|(_, objects)| **objects > 0).map(|(database, objects)| {
        refuse(
            checks::PRE_EMPTY,
            database,
            format!("database {database} on the target is not empty: {objects} objects are in it"),
            "drop it or name another target; nothing was changed in it",
        )
    });
    absent.chain(full).collect()
}

/// The target takes writes.
pub(super) fn blocks(servers: &Servers) -> Vec<Finding> {
    let why = servers.target.read_only;
    why.map(|why| {
        refuse(
            checks::PRE_BLOCKS,
            TARGET,
            format!("the target PostgreSQL takes no writes: {why}"),
            "name the primary server, or set default_transaction_read_only to off",
        )
    })
    .into_iter()
    .collect()
}

/// The target's role may create what is needed, and the source's may read everything.
pub(super) fn privileges(servers: &Servers) -> Vec<Finding> {
    let mut findings = Vec::new();
    let target = &servers.target;
    if !target.may_create {
        findings.push(refuse(
            checks::PRE_PRIVILEGES,
            TARGET,
            format!("role {} of the target PostgreSQL may not create databases and roles", target.role),
            format!("ALTER ROLE {} CREATEDB CREATEROLE on the target, or use another role", target.role),
        ));
    }
    for (name, database) in &servers.databases {
        if database.unreadable.is_empty() {
            continue;
        }
        let samples = database.unreadable.iter().map(Sample::named);
        findings.push(
            refuse(
                checks::PRE_PRIVILEGES,
                name,
                format!(
                    "role {} may not read {} objects of the source's database {name}, so pg_dump fails: {}",
                    database.role,
                    database.unreadable.len(),
                    database.unreadable[0]
                ),
                if database.unreadable[0] == WHOLE {
                    format!("GRANT CONNECT ON DATABASE {name} TO {} on the source", database.role)
                } else {
                    format!(
                        "GRANT pg_read_all_data TO {} on the source, or give the tables to it",
                        database.role
                    )
                },
            )
            .items(database.unreadable.len() as u64, samples),
        );
    }
    findings
}

/// Whatever the source's databases use can be installed on the target.
pub(super) fn extensions(servers: &Servers) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, database) in &servers.databases {
        let missing: Vec<&String> = database.extensions.difference(&servers.target.available).collect();
        if let Some(first) = missing.first() {
            let all: Vec<&str> = missing.iter().map(|e| e.as_str()).collect();
            findings.push(
                refuse(
                    checks::PRE_EXTENSIONS,
                    name,
                    format!(
                        "database {name} uses the extension {}, which the target PostgreSQL does not have",
                        all.join(", ")
                    ),
                    format!(
                        "install the package of {first} on the target, or allow it in the managed service"
                    ),
                )
                .items(missing.len() as u64, all.iter().map(|e| Sample::named(*e))),
            );
        }
    }
    findings
}

/// The target has room for the source and a third more. `free`: bytes, where somebody could tell.
pub(super) fn space(servers: &Servers, free: Option<u64>) -> Vec<Finding> {
    let bytes: u64 = servers.databases.values().map(|d| d.bytes).sum();
    let needed = with_growth(bytes);
    match free {
        Some(free) if free < needed => vec![refuse(
            checks::PRE_SPACE,
            TARGET,
            format!(
                "the source's databases take {}, with growth {}, and the target PostgreSQL has {} left",
                size(bytes),
                size(needed),
                size(free)
            ),
            format!("make {} more room on the target's disk", size(needed - free)),
        )],
        Some(_) => Vec::new(),
        None => vec![tell(
            checks::PRE_SPACE,
            SOURCE,
            format!(
                "free space of the target PostgreSQL cannot be asked over its protocol; {} are needed",
                size(needed)
            ),
            "look at the disk of the target, or at the limits of the managed service",
        )],
    }
}

/// What the checklist of the guide asks for: the source's size and three tenths.
pub(super) fn with_growth(bytes: u64) -> u64 {
    bytes.saturating_add(bytes.saturating_mul(3) / 10)
}

#[cfg(test)]
#[path = "judge_server_tests.rs"]
mod tests;
