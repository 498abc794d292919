//! Whether every store answers at its address, with its certificate and its login.

use super::tell::{Check, refuse, with_mend};
use crate::context::{MigrationContext, client};
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use drydock_stores::StorePair;
use drydock_stores::compare::CheckResult;
use drydock_stores::postgres::{APPLICATION_NAME, connect};

/// Database that every server has.
const MAINTENANCE: &str = "postgres";

/// Tries all stores at the same time.
pub(super) async fn all(cx: &MigrationContext, postgres: bool, elasticsearch: bool) -> CheckResult {
    let mut check = Check::begin(checks::PRE_REACHABLE);
    let server = async |side: &StorePair, name: &str| {
        if postgres { Some(server(side, name).await) } else { None }
    };
    let cluster = async |side: &StorePair, name: &str| {
        if elasticsearch { Some(cluster(side, name).await) } else { None }
    };
    let found = tokio::join!(
        server(&cx.source, "source"),
        server(&cx.target, "target"),
        cluster(&cx.source, "source"),
        cluster(&cx.target, "target"),
    );
    for one in [found.0, found.1, found.2, found.3].into_iter().flatten() {
        check.judged(1, one.into_iter().collect());
    }
    check.end()
}

async fn server(side: &StorePair, name: &str) -> Option<Finding> {
    let error = connect(&side.postgres, MAINTENANCE, APPLICATION_NAME).await.err()?.to_string();
    let mend = if error.contains("28P01") || error.contains("28000") {
        format!("check role and password of the {name} PostgreSQL")
    } else {
        format!("check that the {name} PostgreSQL runs and can be reached from here")
    };
    let subject = format!("{name} PostgreSQL");
    let (what, mend) = with_mend(&error, &mend);
    Some(refuse(checks::PRE_REACHABLE, &subject, format!("the {subject}: {what}"), mend))
}

async fn cluster(side: &StorePair, name: &str) -> Option<Finding> {
    let subject = format!("{name} Elasticsearch");
    let error = match client(side) {
        Ok(client) => client.get("/").await.err()?.to_string(),
        Err(error) => error.parts().0,
    };
    let (what, mend) =
        with_mend(&error, &format!("check that the {subject} runs and can be reached from here"));
    let url = &side.elasticsearch.url;
    Some(refuse(checks::PRE_REACHABLE, &subject, format!("the {subject} at {url}: {what}"), mend))
}
