//! Transport security towards a real PostgreSQL, step by step as `sslmode` names it.

use crate::certificates::Authority;
use crate::postgres_server::{Server, skip};
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::connect;

/// Three roles: one that has to come encrypted, one that must not, one with an odd password that may do either.
const RULES: &str = "local all all trust\n\
    hostssl all encrypted 127.0.0.1/32 trust\n\
    hostnossl all clear 127.0.0.1/32 trust\n\
    host all either 127.0.0.1/32 scram-sha-256\n";

/// Whether a session came about encrypted, or why none came about.
async fn session(url: &str) -> Result<bool, String> {
    let (endpoint, database) = PostgresEndpoint::from_url(url).map_err(|e| e.to_string())?;
    let database = database.unwrap_or_else(|| "postgres".to_owned());
    let session = connect(&endpoint, &database, "test").await.map_err(|e| e.to_string())?;
    let row = session.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
    Ok(row.map_err(|e| e.to_string())?.get(0))
}

#[tokio::test]
async fn transport_security_means_what_it_means_to_libpq() {
    let (mut server, authority, other) = match (Server::start(), Authority::new(), Authority::new()) {
        (Ok(server), Ok(authority), Ok(other)) => (server, authority, other),
        (Err(reason), _, _) | (_, Err(reason), _) | (_, _, Err(reason)) => return skip(&reason),
    };
    for role in ["encrypted", "clear"] {
        server.sql("postgres", &format!("CREATE ROLE {role} LOGIN"));
    }
    server.sql("postgres", "CREATE ROLE either LOGIN PASSWORD 'a/b:c@d?e#f%g h'");
    server.sql("postgres", "CREATE DATABASE \"web-modeler ö\"");
    let issued = authority.issue("IP:127.0.0.1", 30);
    let port = server.listen(&issued.certificate, &issued.key, RULES);
    let (good, bad) = (authority.path().display().to_string(), other.path().display().to_string());
    let (encrypted, clear) = (Ok(true), Ok(false));
    let refused = |words: &'static str| Err(words);
    let cases = [
        ("encrypted", "127.0.0.1", "", encrypted),
        ("clear", "127.0.0.1", "", clear),
        ("encrypted", "127.0.0.1", "?sslmode=disable", refused("pg_hba.conf")),
        ("clear", "127.0.0.1", "?sslmode=disable", clear),
        ("encrypted", "127.0.0.1", "?sslmode=allow", encrypted),
        ("clear", "127.0.0.1", "?sslmode=allow", clear),
        ("encrypted", "localhost", "?sslmode=prefer", encrypted),
        ("encrypted", "localhost", "?sslmode=require", encrypted),
        ("clear", "127.0.0.1", "?sslmode=require", refused("pg_hba.conf")),
        ("encrypted", "127.0.0.1", "?sslmode=require&sslrootcert=GOOD", encrypted),
        (
            "encrypted",
            "127.0.0.1",
            "?sslmode=require&sslrootcert=BAD",
            refused("give the authority's PEM file"),
        ),
        ("encrypted", "localhost", "?sslmode=verify-ca&sslrootcert=GOOD", encrypted),
        (
            "encrypted",
            "localhost",
            "?sslmode=verify-ca&sslrootcert=BAD",
            refused("give the authority's PEM file"),
        ),
        ("encrypted", "127.0.0.1", "?sslmode=verify-full&sslrootcert=GOOD", encrypted),
        ("encrypted", "localhost", "?sslmode=verify-full&sslrootcert=GOOD", refused("write the host name")),
        (
            "encrypted",
            "127.0.0.1",
            "?sslmode=verify-full&sslrootcert=BAD",
            refused("give the authority's PEM file"),
        ),
        ("encrypted", "127.0.0.1", "?sslmode=verify-full", refused("give the authority's PEM file")),
        (
            "either:a%2Fb%3Ac%40d%3Fe%23f%25g%20h",
            "127.0.0.1",
            "/web-modeler%20%C3%B6?sslmode=require",
            encrypted,
        ),
        ("either:wrong", "127.0.0.1", "?sslmode=prefer", refused("password authentication failed")),
    ];
    for (user, host, rest, expected) in cases {
        let rest = rest.replace("GOOD", &good).replace("BAD", &bad);
        let url = format!("postgres://{user}@{host}:{port}{rest}");
        match (session(&url).await, expected) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted, "{url}"),
            (Err(error), Err(words)) => {
                assert!(error.contains(words) && !error.contains('\n'), "{url}: {error}");
                assert!(!error.contains("wrong"), "{url}: {error}");
            }
            (found, wanted) => panic!("{url}: {found:?} instead of {wanted:?}"),
        }
    }
}

#[tokio::test]
async fn an_expired_certificate_is_told() {
    let (mut server, authority) = match (Server::start(), Authority::new()) {
        (Ok(server), Ok(authority)) => (server, authority),
        (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
    };
    let issued = authority.issue("IP:127.0.0.1", -1);
    let port = server.listen(
        &issued.certificate,
        &issued.key,
        "host all all 127.0.0.1/32 trust\nlocal all all trust\n",
    );
    let ca = authority.path();
    let url = |mode: &str| format!("postgres://127.0.0.1:{port}?sslmode={mode}&sslrootcert={}", ca.display());
    for mode in ["verify-ca", "verify-full"] {
        let error = session(&url(mode)).await.expect_err("expired");
        assert!(error.contains("renew it on the server"), "{error}");
    }
    assert_eq!(session(&format!("postgres://127.0.0.1:{port}?sslmode=require")).await, Ok(true));
}
