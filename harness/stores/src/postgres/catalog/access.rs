//! Who may do what: owners, grants, policies, settings, roles.

use super::{access_queries as queries, rows, section, server_queries as server};
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
    /// What belongs to the server: tablespaces, rights to set parameters, settings of every role.
    pub server: Shape,
    /// Whether this role may see which roles have passwords.
    pub passwords: Passwords,
}

/// Whether it can be seen which roles have passwords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Passwords {
    /// It can; the passwords themselves are not read.
    Seen,
    /// Only a superuser may, and managed services allow nobody to.
    #[default]
    Hidden,
}

/// Reads them all.
pub(super) async fn read(session: &Connection, database: &str, major: u32) -> Result<Access, String> {
    let mut objects = Shape::default();
    for part in queries::OBJECTS {
        objects.0.extend(section(session, database, &[&queries::expand(part)]).await?.0);
    }
    for (object, attributes) in section(session, database, &queries::ATTRIBUTES).await?.0 {
        objects.0.entry(object).or_default().extend(attributes);
    }
    let mut own = section(session, database, &queries::OWN).await?;
    own.0.extend(section(session, database, &[server::CHANGED_GRANTS]).await?.0);
    let mut roles = Shape::default();
    for [_, role, _, attribute, value] in rows::<5>(session, queries::ROLES).await? {
        if let (Some(role), Some(attribute), Some(value)) = (role, attribute, value) {
            roles.set(role, attribute, value);
        }
    }
    let mut details = Vec::new();
    if major >= 16 {
        details.extend(rows::<3>(session, server::MEMBERSHIPS).await?);
    }
    let hashes = rows::<3>(session, server::PASSWORDS).await;
    let passwords = if hashes.is_ok() { Passwords::Seen } else { Passwords::Hidden };
    details.extend(hashes.unwrap_or_default());
    for [role, attribute, value] in details {
        if let (Some(role), Some(attribute), Some(value)) = (role, attribute, value) {
            roles.set(role, attribute, value);
        }
    }
    let mut shared = vec![server::EVERY_ROLE, server::TABLESPACES];
    if major >= 15 {
        shared.push(server::PARAMETERS);
    }
    let server = section(session, "server", &shared).await?;
    let referenced = rows::<1>(session, queries::REFERENCED).await?.into_iter().filter_map(|[r]| r).collect();
    Ok(Access { objects, own, roles, referenced, server, passwords })
}
