use super::super::server::SourceDatabase;
use super::super::tell::refuses;
use super::*;

/// Two servers that fit.
fn fitting() -> Servers {
    let server = Server {
        version: 150_018,
        may_create: true,
        role: "admin".into(),
        read_only: None,
        available: ["plpgsql", "pgcrypto", "pg_trgm"].map(Into::into).into(),
    };
    let database = SourceDatabase {
        bytes: 1000,
        extensions: ["plpgsql", "pgcrypto"].map(Into::into).into(),
        unreadable: Vec::new(),
        role: "keycloak".into(),
    };
    Servers {
        source: server.clone(),
        target: server,
        databases: [("keycloak".to_owned(), database)].into(),
        absent: Vec::new(),
        there: [("keycloak".to_owned(), 0)].into(),
    }
}

fn all(servers: &Servers, client: Option<u32>, free: Option<u64>) -> Vec<Finding> {
    let judged = [
        versions(servers, client),
        empty(servers),
        blocks(servers),
        privileges(servers),
        extensions(servers),
        space(servers, free),
    ];
    judged.concat()
}

#[test]
fn servers_that_fit_are_let_pass() {
    let mut servers = fitting();
    assert_eq!(all(&servers, Some(15), Some(1300)), []);
    // A newer target and newer client programs fit as well; a database that is not there yet is made.
    servers.target.version = 170_002;
    servers.there.clear();
    assert_eq!(all(&servers, Some(17), Some(5000)), []);
    // Nobody could tell the room: told, and no reason to stop.
    let told = all(&servers, None, None);
    assert!(told.len() == 1 && !refuses(&told[0]), "{told:?}");
}

#[test]
fn each_misfit_is_one_refusal_with_its_mend() {
    type Harm = fn(&mut Servers);
    let cases: [(&str, Harm, &str, &str); 10] = [
        (checks::PRE_VERSIONS, |s| s.target.version = 140_010, "older than the source's 15", "15 or newer"),
        (
            checks::PRE_EMPTY,
            |s| s.absent.push("identity".into()),
            "no database identity",
            "leave the component out",
        ),
        (checks::PRE_EMPTY, |s| *s.there.entry("keycloak".into()).or_default() = 3, "3 objects", "drop it"),
        (checks::PRE_BLOCKS, |s| s.target.read_only = Some("it is a standby"), "a standby", "primary"),
        (
            checks::PRE_BLOCKS,
            |s| s.target.read_only = Some("default_transaction_read_only is on"),
            "default_transaction_read_only is on",
            "off",
        ),
        (checks::PRE_PRIVILEGES, |s| s.target.may_create = false, "role admin", "CREATEDB CREATEROLE"),
        (
            checks::PRE_PRIVILEGES,
            |s| s.databases.values_mut().for_each(|d| d.unreadable.push("public.secret".into())),
            "public.secret",
            "GRANT pg_read_all_data TO keycloak",
        ),
        (
            checks::PRE_PRIVILEGES,
            |s| s.databases.values_mut().for_each(|d| d.unreadable.push(WHOLE.into())),
            "the database as a whole",
            "GRANT CONNECT ON DATABASE keycloak TO keycloak",
        ),
        (
            checks::PRE_EXTENSIONS,
            |s| {
                s.target.available.remove("pgcrypto");
            },
            "pgcrypto",
            "install the package of pgcrypto",
        ),
        (
            checks::PRE_SPACE,
            |s| s.databases.values_mut().for_each(|d| d.bytes = 2000),
            "2000 B, with growth 2600 B",
            "make 1300 B more room",
        ),
    ];
    for (check, harm, words, mend) in cases {
        let mut servers = fitting();
        harm(&mut servers);
        let findings = all(&servers, Some(15), Some(1300));
        let [finding] = findings.as_slice() else { panic!("{check}: {findings:?}") };
        assert!(finding.check.as_str() == check && refuses(finding), "{finding:?}");
        assert!(finding.message.contains(words) && !finding.message.contains('\n'), "{finding:?}");
        assert!(finding.next.contains(mend), "{finding:?}");
    }
    let old = all(&fitting(), Some(14), Some(1300));
    assert!(old.len() == 1 && old[0].subject == "pg_dump" && refuses(&old[0]), "{old:?}");
}
