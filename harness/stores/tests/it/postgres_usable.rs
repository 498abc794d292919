//! Whether an application can work is told by a real insert of its role, and by nothing less.

use crate::postgres_server::{Server, skip};
use drydock_stores::PostgresEndpoint;
use drydock_stores::compare::usable_by_role;
use drydock_stores::postgres::connect;
use secrecy::SecretString;

fn as_app(server: &Server) -> PostgresEndpoint {
    server.endpoint("postgres").with_role("app", Some(SecretString::from("app")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_cannot_work_is_told_table_by_table() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE ROLE app LOGIN PASSWORD 'app'");
    server.sql("postgres", "CREATE DATABASE app OWNER app");
    server.sql(
        "app",
        "SET ROLE app; CREATE SCHEMA shop;
         CREATE TABLE shop.keyed (id varchar PRIMARY KEY, total int GENERATED ALWAYS AS (1) STORED);
         CREATE TABLE shop.\"Odd Name\" (id serial PRIMARY KEY, n int);
         CREATE TABLE shop.numbered (id bigint GENERATED ALWAYS AS IDENTITY, n int);
         CREATE TABLE shop.dirty (n int); CREATE TABLE shop.bare (); CREATE TABLE shop.empty (n int);
         CREATE TABLE shop.parts (n int) PARTITION BY LIST (n);
         CREATE TABLE shop.part PARTITION OF shop.parts FOR VALUES IN (1);
         INSERT INTO shop.keyed VALUES ('a'); INSERT INTO shop.\"Odd Name\" (n) VALUES (1);
         INSERT INTO shop.numbered (n) VALUES (1); INSERT INTO shop.dirty VALUES (-1);
         INSERT INTO shop.bare DEFAULT VALUES; INSERT INTO shop.parts VALUES (1);
         ALTER TABLE shop.dirty ADD CHECK (n > 0) NOT VALID;
         CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION ''not on a Sunday''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON shop.keyed FOR EACH ROW EXECUTE FUNCTION shop.refuse();",
    );
    let rows = "SELECT (SELECT count(*) FROM shop.keyed) + (SELECT count(*) FROM shop.\"Odd Name\")
                + (SELECT count(*) FROM shop.numbered) + (SELECT count(*) FROM shop.bare)";
    let counted = async || {
        let session = connect(&server.endpoint("postgres"), "app", "drydock-test").await.expect("it answers");
        session.query_one(rows, &[]).await.expect("it counts").get::<_, i64>(0)
    };
    let before = counted().await;
    let usable = usable_by_role(&as_app(&server), "app").await.expect("it is asked");
    assert_eq!((usable.tables, usable.written), (8, 7), "{usable:?}");
    assert_eq!(usable.refused, [""; 0], "a key, an old constraint and a rule of the application are no news");
    assert_eq!(counted().await, before, "nothing stays");

    // Each is invisible in the right to insert into the table, but for the first.
    for (harm, mend, named) in [
        (
            "ALTER TABLE shop.dirty OWNER TO postgres",
            "ALTER TABLE shop.dirty OWNER TO app",
            "shop.dirty: the role may not",
        ),
        (
            "ALTER TABLE shop.\"Odd Name\" ALTER id SET DEFAULT nextval('public.away');
             ALTER SEQUENCE shop.\"Odd Name_id_seq\" OWNED BY NONE",
            "ALTER TABLE shop.\"Odd Name\" ALTER id SET DEFAULT nextval('shop.\"Odd Name_id_seq\"')",
            "shop.Odd Name: permission denied for sequence away",
        ),
        (
            "CREATE FUNCTION shop.broken() RETURNS trigger LANGUAGE plpgsql AS
               'BEGIN PERFORM shop.gone(); RETURN NEW; END';
             CREATE TRIGGER broken BEFORE INSERT ON shop.numbered FOR EACH ROW EXECUTE FUNCTION shop.broken()",
            "DROP TRIGGER broken ON shop.numbered",
            "shop.numbered: function shop.gone() does not exist",
        ),
    ] {
        server.sql("app", "CREATE SEQUENCE IF NOT EXISTS public.away");
        server.sql("app", harm);
        let usable = usable_by_role(&as_app(&server), "app").await.expect("it is asked");
        assert_eq!(usable.refused.len(), 1, "{harm}: {usable:?}");
        assert!(usable.refused[0].starts_with(named), "{usable:?}");
        server.sql("app", mend);
        let usable = usable_by_role(&as_app(&server), "app").await.expect("it is asked");
        assert_eq!(usable.refused, [""; 0], "{mend}");
    }
    server.sql("postgres", "ALTER DATABASE app SET default_transaction_read_only = on");
    let usable = usable_by_role(&as_app(&server), "app").await.expect("it is asked");
    assert_eq!((usable.written, usable.refused.len()), (0, 8), "{usable:?}");
    server.sql("postgres", "ALTER DATABASE app RESET default_transaction_read_only; ALTER ROLE app NOLOGIN");
    let refused = usable_by_role(&as_app(&server), "app").await.expect_err("it may not log in");
    assert!(refused.contains("not permitted to log in"), "{refused}");
}
