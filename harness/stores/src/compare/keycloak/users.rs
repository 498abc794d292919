//! Users of two databases: digested as they stream by; where a bucket differs, its users are read again and compared.

use super::super::result::Options;
use super::Found;
use super::database::{Sides, both, user_ids, users_not_compared};
use crate::keycloak::{Layout, RowError, UserTable, read_users, user_tables};
use crate::postgres::Connection;
use drydock_core::names::checks;
use drydock_parity::BucketTable;
use drydock_parity::realm::{Collected, Names, Report, Sealer, UserDigests, UserIdentifiers, compare_users};

/// Digests of one table of users, or why there are none.
type OfTable = Result<UserDigests, RowError>;

/// Compares the users of realms that are on both sides, and adds what was found to the report.
pub(super) async fn compare_users_of(
    sides: &Sides,
    layouts: [&Layout; 2],
    sealer: Sealer,
    mut report: Report,
    options: &Options,
    found: &mut Found,
) -> Report {
    let tables = || std::iter::once(None).chain(user_tables().iter().map(Some));
    let mut readable = Vec::new();
    let (mut source, mut target) = (BucketTable::new(options.buckets), BucketTable::new(options.buckets));
    let (mut other_ids, mut users) = (false, 0);
    for table in tables() {
        let (a, b) = tokio::join!(
            digest(&sides.source, layouts[0], table, &sealer, &report.pairing.source, options.buckets),
            digest(&sides.target, layouts[1], table, &sealer, &report.pairing.target, options.buckets)
        );
        match both(a, b) {
            Ok((a, b)) => {
                source.merge(&a.buckets);
                target.merge(&b.buckets);
                other_ids |= a.ids != b.ids;
                users += a.users;
                readable.push(table);
            }
            Err(reason) => {
                let name = table.map_or("user_entity", |t| t.table);
                found.findings.push(users_not_compared(&report.label, name, &reason));
            }
        }
    }
    found.count(checks::KC_USERS, users);
    let selection = BucketTable::differing(&source, &target, options.max_located);
    report.unexamined = selection.unexamined_at_least();
    if !selection.is_empty() {
        let mut collected =
            [Collected::new(selection.clone(), sealer.key()), Collected::new(selection, sealer.key())];
        let [ours, theirs] = &mut collected;
        let read = tokio::join!(
            collect(&sides.source, layouts[0], &readable, &sealer, |fact| ours
                .add(fact, &report.pairing.source)),
            collect(&sides.target, layouts[1], &readable, &sealer, |fact| theirs
                .add(fact, &report.pairing.target))
        );
        match both(read.0, read.1) {
            Ok(_) => {
                let [ours, theirs] = collected;
                report.users = compare_users(ours, theirs);
            }
            Err(reason) => found.findings.push(users_not_compared(&report.label, "users", &reason)),
        }
    }
    // Identifiers are held for all users, and only where some differ: after an import, that is.
    if other_ids && readable.contains(&None) {
        let (mut ours, mut theirs) = (UserIdentifiers::default(), UserIdentifiers::default());
        let read = tokio::join!(
            collect(&sides.source, layouts[0], &[None], &sealer, |fact| ours
                .add(&fact, &report.pairing.source)),
            collect(&sides.target, layouts[1], &[None], &sealer, |fact| theirs
                .add(&fact, &report.pairing.target))
        );
        match both(read.0, read.1) {
            Ok(_) => report.other_ids.extend(user_ids(ours.differing(&theirs))),
            Err(reason) => found.findings.push(users_not_compared(&report.label, "user_entity", &reason)),
        }
    }
    report
}

async fn digest(
    session: &Connection,
    layout: &Layout,
    table: Option<&UserTable>,
    sealer: &Sealer,
    names: &Names,
    buckets: usize,
) -> OfTable {
    let mut digests = UserDigests::new(buckets, sealer.key());
    read_users(session, layout, table, sealer, |fact| digests.add(fact, names)).await?;
    Ok(digests)
}

async fn collect(
    session: &Connection,
    layout: &Layout,
    tables: &[Option<&UserTable>],
    sealer: &Sealer,
    mut consume: impl FnMut(drydock_parity::realm::UserFact) + Send,
) -> Result<(), RowError> {
    for table in tables {
        read_users(session, layout, *table, sealer, &mut consume).await?;
    }
    Ok(())
}
