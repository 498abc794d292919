//! The SQL of each database: before the rows, after the rows, and the second role's rights.

use super::{IDENTITY, KEYCLOAK, WEBMODELER};

macro_rules! sql {
    ($path:literal) => {
        include_str!(concat!("../../../../fixtures/postgres/", $path))
    };
}

/// An extension a schema needs, and what to do where the server does not ship it.
#[derive(Debug)]
pub(super) struct Extension {
    pub(super) name: &'static str,
    /// SQL that creates objects of the same names without the extension.
    pub(super) fallback: &'static str,
}

const CITEXT: Extension = Extension { name: "citext", fallback: sql!("fallback-citext.sql") };
const PGCRYPTO: Extension = Extension { name: "pgcrypto", fallback: sql!("fallback-pgcrypto.sql") };

/// One database's SQL.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    /// Both are trusted: the database's owner may create them and owns them afterwards.
    pub(super) extensions: &'static [Extension],
    pub(super) before: &'static str,
    pub(super) after: &'static str,
    pub(super) grants: &'static str,
    /// Whether rows refer to large objects.
    pub(super) large_objects: bool,
}

/// The three databases, in the order in which the migration moves them.
pub(super) const SCHEMAS: [Schema; 3] = [
    Schema {
        name: IDENTITY,
        extensions: &[CITEXT, PGCRYPTO],
        before: sql!("identity/schema.sql"),
        after: sql!("identity/after.sql"),
        grants: sql!("identity/grants.sql"),
        large_objects: false,
    },
    Schema {
        name: KEYCLOAK,
        extensions: &[PGCRYPTO],
        before: sql!("keycloak/schema.sql"),
        after: sql!("keycloak/after.sql"),
        grants: sql!("keycloak/grants.sql"),
        large_objects: false,
    },
    Schema {
        name: WEBMODELER,
        extensions: &[CITEXT],
        before: sql!("webmodeler/schema.sql"),
        after: sql!("webmodeler/after.sql"),
        grants: sql!("webmodeler/grants.sql"),
        large_objects: true,
    },
];
