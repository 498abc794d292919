use super::*;

#[test]
fn credentials_leave_the_url() {
    for (url, base, user, password) in [
        ("https://elastic:p%40ss@es.example:9243/", "https://es.example:9243", "elastic", "p@ss"),
        ("http://a:b%2Fc%3F%23%25%3A@[::1]:9200", "http://[::1]:9200", "a", "b/c?#%:"),
        ("https://u:p:q@h/elastic/prefix//", "https://h/elastic/prefix", "u", "p:q"),
        ("https://d%C3%B6:%E2%82%AC@h", "https://h", "dö", "€"),
        ("https://u:100%@h", "https://h", "u", "100%"),
        ("https://u@h:443", "https://h", "u", ""),
        (" http://u:p@h:9200 ", "http://h:9200", "u", "p"),
    ] {
        let endpoint = ElasticsearchEndpoint::from_url(url).unwrap();
        assert_eq!(endpoint.url, base);
        let ElasticsearchAuth::Basic { user: found, password: secret } = &endpoint.auth else {
            panic!("no basic auth")
        };
        assert_eq!((found.as_str(), secret.expose_secret()), (user, password));
        assert!(password.is_empty() || !format!("{endpoint:?}").contains(&format!("{password:?}")));
    }
    let open = ElasticsearchEndpoint::from_url("http://127.0.0.1:9200/").unwrap();
    assert!(matches!(open.auth, ElasticsearchAuth::None));
}

#[test]
fn postgres_addresses_are_read_whole() {
    let (endpoint, database) =
        PostgresEndpoint::from_url("postgresql://me:a%2Fb@db.example/web-modeler").unwrap();
    assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.user.as_str()), ("db.example", 5432, "me"));
    assert_eq!(endpoint.password_for_client(), "a/b");
    assert_eq!(database.as_deref(), Some("web-modeler"));
    let (endpoint, database) =
        PostgresEndpoint::from_url("postgres://[::1]:5433?sslmode=verify-full").unwrap();
    assert_eq!((endpoint.host.as_str(), endpoint.port, database), ("::1", 5433, None));
    assert_eq!(endpoint.tls, PostgresTls::VerifyFull { ca_pem: None });
    let (endpoint, _) = PostgresEndpoint::from_url("postgres://x@%2Fvar%2Frun%2Fpostgresql/d").unwrap();
    assert_eq!(endpoint.host, "/var/run/postgresql");
    let (endpoint, _) = PostgresEndpoint::from_url("postgres://x@ignored/d?host=/run/pg").unwrap();
    assert_eq!(endpoint.host, "/run/pg");
    for (name, database) in [("d%C3%B6", "dö"), ("a%20b", "a b"), ("a%25", "a%")] {
        let (_, found) = PostgresEndpoint::from_url(&format!("postgres://h/{name}")).unwrap();
        assert_eq!(found.as_deref(), Some(database));
    }
}

#[test]
fn transport_security_is_libpqs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let ca = || "-----BEGIN CERTIFICATE-----\n".to_owned();
    let root = format!("sslrootcert={}", file.display());
    for (query, tls) in [
        (String::new(), PostgresTls::Prefer),
        ("sslmode=disable".into(), PostgresTls::Off),
        ("sslmode=allow".into(), PostgresTls::Allow),
        ("sslmode=prefer".into(), PostgresTls::Prefer),
        ("sslmode=require".into(), PostgresTls::Require),
        (format!("sslmode=require&{root}"), PostgresTls::VerifyCa { ca_pem: ca() }),
        (format!("sslmode=verify-ca&{root}"), PostgresTls::VerifyCa { ca_pem: ca() }),
        (format!("{root}&sslmode=verify-full"), PostgresTls::VerifyFull { ca_pem: Some(ca()) }),
        ("sslrootcert=system".into(), PostgresTls::VerifyFull { ca_pem: None }),
    ] {
        let (endpoint, _) = PostgresEndpoint::from_url(&format!("postgres://h/d?{query}")).unwrap();
        assert_eq!(endpoint.tls, tls, "{query}");
    }
    for query in [
        "sslmode=require&sslrootcert=system",
        "sslrootcert=/nowhere/ca.pem",
        "sslmode=strict",
        "sslmode=verify-ca",
    ] {
        assert!(PostgresEndpoint::from_url(&format!("postgres://h/d?{query}")).is_err(), "{query}");
    }
}

#[test]
fn mistakes_are_told_without_the_address() {
    for url in [
        "mysql://u:secret@h/d",
        "postgres://u:secret@h/d?ssl=1",
        "postgres://u:secret@h/d?sslmode=yes",
        "postgres://u:s?secret@h/d",
        "postgres://u:s/secret@h/d",
        "postgres://u:s#secret@h/d",
        "postgres://u:secret@h:port/d",
        "postgres://u:secret@/d",
        "secret",
    ] {
        let error = PostgresEndpoint::from_url(url).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    for url in [
        "ftp://u:secret@h",
        "http://u:s?secret@h",
        "http://u:s/secret@h",
        "http://u:s#secret@h",
        "http://:secret@h",
        "http://u:secret@h:99999",
        "http://h:9200/?pretty=secret",
        "secret:9200",
    ] {
        let error = ElasticsearchEndpoint::from_url(url).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
