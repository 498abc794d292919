//! Who may do what: owners, grants, policies, settings, roles.

use super::{access_queries as queries, rows, section};
use crate::postgres::Connection;
use drydock_parity::shape::Shape;
use std::collections::BTreeSet;

/// Access to one database.
#[derive(Debug, Default)]
pub struct Access {
    /// Owner and grants of every object. An object that one side lacks altogether is told by another check.
    pub objects: Shape,
    /// Policies and default privileges: they exist for access alone.
    pub own: Shape,
    /// Every role of the server that an administrator made, by plain name.
    pub roles: Shape,
    /// The roles that this database depends on.
    pub referenced: BTreeSet<String>,
}

/// Reads them all.
pub(super) async fn read(session: &Connection, database: &str) -> Result<Access, String> {
    let mut objects = Shape::default();
    for part in queries::OBJECTS {
        objects.0.extend(section(session, database, &[&queries::expand(part)]).await?.0);
    }
    for (object, attributes) in section(session, database, &queries::ATTRIBUTES).await?.0 {
        objects.0.entry(object).or_default().extend(attributes);
    }
    let own = section(session, database, &queries::OWN).await?;
    let mut roles = Shape::default();
    for [_, role, _, attribute, value] in rows::<5>(session, queries::ROLES).await? {
        if let (Some(role), Some(attribute), Some(value)) = (role, attribute, value) {
            roles.set(role, attribute, value);
        }
    }
    let referenced = rows::<1>(session, queries::REFERENCED).await?.into_iter().filter_map(|[r]| r).collect();
    Ok(Access { objects, own, roles, referenced })
}
