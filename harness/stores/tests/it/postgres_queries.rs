//! Rows and definitions are alike, and yet nobody can log in: the file of an index is an old one, as after a volume was put
//! together from two moments. Only asking as the application asks shows it.

use crate::postgres_clean::{compare, findings};
use crate::postgres_server::{Server, skip};
use drydock_core::names::checks::{PG_QUERIES, PG_ROWS};
use drydock_stores::postgres::connect;

const TABLES: &str = "CREATE TABLE user_entity (id varchar(36) PRIMARY KEY, realm_id varchar(255), username varchar(255),
                        enabled boolean NOT NULL, filler text, CONSTRAINT uk_name UNIQUE (realm_id, username));
                      CREATE TABLE user_attribute (id int PRIMARY KEY, user_id varchar(36) REFERENCES user_entity)";
const ROWS: &str =
    "INSERT INTO user_entity SELECT 'user-' || n, 'camunda-platform', 'name-' || n, true, repeat('x', 200)
                      FROM generate_series(1, 3000) n;
                    INSERT INTO user_attribute SELECT n, 'user-' || n FROM generate_series(1, 3000) n;
                    ANALYZE; CHECKPOINT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_does_not_find_its_rows_is_told() {
    let mut server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    for database in ["src", "harmed"] {
        server.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0"));
        server.sql(database, TABLES);
    }
    server.sql("harmed", "CHECKPOINT");
    let file = {
        let session =
            connect(&server.endpoint("postgres"), "harmed", "drydock-test").await.expect("it answers");
        let row =
            session.query_one("SELECT pg_relation_filepath('public.uk_name')", &[]).await.expect("a path");
        server.directory().join("data").join(row.get::<_, String>(0))
    };
    let empty = std::fs::read(&file).expect("the index of an empty table");
    server.sql("src", ROWS);
    server.sql("harmed", ROWS);
    let clean = compare(&server, "harmed").await;
    assert!(findings(&clean).is_empty(), "{:#?}", findings(&clean));

    server.crash();
    std::fs::write(&file, &empty).expect("an old file in the place of the new one");
    server.run().expect("it starts");
    let results = compare(&server, "harmed").await;
    let told = findings(&results);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].check.as_str(), PG_QUERIES);
    assert_eq!(
        (told[0].count, told[0].samples.len()),
        (200, 10),
        "every login that is tried fails: {told:#?}"
    );
    assert!(
        told[0].subject.contains("finds its user by name") && told[0].next.contains("REINDEX"),
        "{told:#?}"
    );
    let rows = results.iter().find(|r| r.check == PG_ROWS).expect("rows are compared");
    assert!(rows.findings.is_empty() && rows.compared >= 6_000, "no row is blamed for it");

    server.sql("harmed", "REINDEX TABLE user_entity");
    let mended = compare(&server, "harmed").await;
    assert!(findings(&mended).is_empty(), "{:#?}", findings(&mended));
}
