//! What differs after a dump and a restore, or is empty, without being a loss.

use crate::postgres_server::{Server, skip};
use drydock_core::{Finding, Outcome};
use drydock_stores::compare::{self, CheckResult, DatabasePair, Options};

/// What a dump prints otherwise than it was written, and kinds of objects that are rare.
pub(crate) const RARE: &str = "
CREATE TABLE late_parent (a int); CREATE TABLE late_child (b int) INHERITS (late_parent);
ALTER TABLE late_parent ADD late int;
CREATE TABLE lists (v varchar(9) CHECK (v IN ('a', NULL)), w varchar CHECK (w IN ('a', lower('B'))));
CREATE INDEX lists_upper ON lists (upper(v)); ALTER INDEX lists_upper ALTER COLUMN 1 SET STATISTICS 500;
CREATE VIEW constants(c1, c2) AS VALUES (1, 'a'::varchar(3)), (2, 'b');
CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere OPTIONS (host 'a');
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'one');
CREATE PUBLICATION news FOR TABLE lists (v) WHERE (v > 'a') WITH (publish = 'insert');
CREATE SCHEMA press; CREATE PUBLICATION all_press FOR TABLES IN SCHEMA press;
CREATE OPERATOR FAMILY several USING btree;";

/// Everything that was told, but for what is outside of what was asked for.
pub(crate) fn findings(results: &[CheckResult]) -> Vec<&Finding> {
    results.iter().flat_map(|r| &r.findings).filter(|f| f.outcome != Outcome::NotAsked).collect()
}

/// Compares the database `src` of a server with another of its databases.
pub(crate) async fn compare(server: &Server, target: &str) -> Vec<CheckResult> {
    let pair = DatabasePair { source: "src".into(), target: target.into() };
    let endpoint = server.endpoint("postgres");
    compare::postgres(&endpoint, &endpoint, &[pair], &Options::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_empty_or_out_of_date_on_the_source_is_no_difference() {
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => return skip(&reason),
    };
    server.sql("postgres", "CREATE DATABASE src TEMPLATE template0");
    server.sql("src", "CREATE TABLE t (a int)");
    server.dump_and_restore("src", "same");
    // Neither rows nor sequences nor large objects: compared all the same.
    let results = compare(&server, "same").await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
    for result in &results {
        assert!(result.compared > 0, "{} compared nothing", result.check);
    }
    // A view over another that is out of date: the restore fills both.
    server.sql("src", "CREATE MATERIALIZED VIEW one AS SELECT a FROM t");
    server.sql("src", "CREATE MATERIALIZED VIEW two AS SELECT a + 1 AS b FROM one; INSERT INTO t VALUES (1)");
    server.dump_and_restore("src", "fresh");
    let results = compare(&server, "fresh").await;
    let found = findings(&results);
    assert!(found.len() == 2 && found.iter().all(|f| f.outcome == Outcome::Expected), "{found:#?}");
}
