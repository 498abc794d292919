//! Statements of the driver, and what each is answered with. They are known by how they begin: one that is not known is a gap.

use super::server::{Refusal, Server};
use super::{MAINTENANCE, SUPERUSER};

/// Types that are answered with and asked for, by their number on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Bool,
    Int4,
    Int8,
    Oid,
}

impl Kind {
    pub(super) fn oid(self) -> i32 {
        match self {
            Self::Bool => 16,
            Self::Int8 => 20,
            Self::Int4 => 23,
            Self::Text => 25,
            Self::Oid => 26,
            Self::Texts => 1009,
        }
    }
}

/// One value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Text(String),
    Bool(bool),
    Int4(i32),
    Int8(i64),
    Oid(u32),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A statement of the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// `SET`, and what else changes nothing that is simulated.
    Setting,
    One,
    Analyze,
    RoleIsThere,
    MakeRole(String),
    DatabaseIsThere,
    GiveDatabase,
    DropDatabase(String),
    MakeDatabase {
        name: String,
        owner: String,
    },
    Contents,
    Size,
    Locale,
    Roles,
    FirstRole,
    Concerned,
    Password,
    Version,
    Memberships,
    Owners,
    PublicOwner,
    DatabaseRights,
    Settings,
    Comment,
    Others,
    Sessions,
    Tables,
    Sequences,
    Position,
    /// What is there of acknowledged rows.
    Rows {
        table: String,
        value: bool,
    },
}

/// How statements begin that are always the same.
const KNOWN: [(&str, Statement); 25] = [
    ("SET ", Statement::Setting),
    ("SELECT 1 FROM pg_roles WHERE rolname = $1", Statement::RoleIsThere),
    ("SELECT 1 FROM pg_database WHERE datname = $1", Statement::DatabaseIsThere),
    ("SELECT 1", Statement::One),
    ("ANALYZE", Statement::Analyze),
    ("ALTER DATABASE ", Statement::GiveDatabase),
    ("WITH mine AS (SELECT oid FROM pg_namespace", Statement::Contents),
    ("SELECT pg_database_size(current_database())", Statement::Size),
    ("SELECT datcollate::text, datctype::text FROM pg_database", Statement::Locale),
    ("SELECT rolname::text FROM pg_roles WHERE oid = 10", Statement::FirstRole),
    ("SELECT rolname::text FROM pg_roles", Statement::Roles),
    ("WITH RECURSIVE this AS (SELECT oid, datdba, datacl FROM pg_database", Statement::Concerned),
    ("SELECT rolpassword FROM pg_authid", Statement::Password),
    ("SELECT current_setting('server_version_num')::int", Statement::Version),
    ("SELECT g.rolname::text, u.rolname::text, m.admin_option", Statement::Memberships),
    ("WITH o(class, object, owner) AS", Statement::Owners),
    ("SELECT r.rolname::text FROM pg_namespace n", Statement::PublicOwner),
    ("SELECT datacl::text FROM pg_database", Statement::DatabaseRights),
    ("SELECT s.setdatabase <> 0, r.rolname::text, unnest(s.setconfig)", Statement::Settings),
    ("SELECT shobj_description(oid, 'pg_database')", Statement::Comment),
    ("SELECT pid, coalesce(nullif(application_name, '')", Statement::Others),
    ("SELECT pid, coalesce(application_name, '')", Statement::Sessions),
    ("SELECT n.nspname::text, c.relname::text, c.oid, coalesce(pg_relation_filenode", Statement::Tables),
    ("SELECT schemaname::text, sequencename::text, last_value FROM pg_sequences", Statement::Sequences),
    ("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')", Statement::Position),
];

impl Statement {
    /// The statement of a text; nothing if nobody taught it to the simulator.
    pub(super) fn of(sql: &str) -> Option<Self> {
        let sql = sql.trim();
        if let Some((_, statement)) = KNOWN.iter().find(|(begins, _)| sql.starts_with(begins)) {
            return Some(statement.clone());
        }
        if let Some(rest) = sql.strip_prefix("CREATE ROLE ").or_else(|| sql.strip_prefix("ALTER ROLE ")) {
            return Some(Self::MakeRole(identifier(rest)?));
        }
        if let Some(rest) = sql.strip_prefix("DROP DATABASE IF EXISTS ") {
            return rest.ends_with(" WITH (FORCE)").then(|| identifier(rest).map(Self::DropDatabase))?;
        }
        if let Some(rest) = sql.strip_prefix("CREATE DATABASE ") {
            let (_, owner) = rest.split_once(" OWNER ")?;
            return Some(Self::MakeDatabase { name: identifier(rest)?, owner: identifier(owner)? });
        }
        Self::of_rows(sql)
    }

    /// `SELECT key::text, count(*), … FROM public.table WHERE key::text = ANY($1) GROUP BY 1`.
    fn of_rows(sql: &str) -> Option<Self> {
        let rest = sql.strip_prefix("SELECT id::text, count(*), ")?;
        let (value, rest) = rest.split_once(" FROM public.")?;
        let table = rest.strip_suffix(" WHERE id::text = ANY($1) GROUP BY 1")?;
        let value = match value {
            "NULL" => false,
            "min(value::text)" => true,
            _ => return None,
        };
        Some(Self::Rows { table: table.to_owned(), value })
    }

    /// What it asks for.
    pub(super) fn parameters(&self) -> &'static [Kind] {
        match self {
            Self::RoleIsThere
            | Self::DatabaseIsThere
            | Self::Locale
            | Self::Password
            | Self::Owners
            | Self::Others => &[Kind::Text],
            Self::Memberships | Self::Sessions | Self::Rows { .. } => &[Kind::Texts],
            _ => &[],
        }
    }

    /// What it answers with.
    pub(super) fn columns(&self) -> &'static [Kind] {
        use Kind::{Bool, Int4, Int8, Oid, Text};
        match self {
            Self::Setting
            | Self::Analyze
            | Self::MakeRole(_)
            | Self::GiveDatabase
            | Self::DropDatabase(_)
            | Self::MakeDatabase { .. } => &[],
            Self::One | Self::RoleIsThere | Self::DatabaseIsThere | Self::Version => &[Int4],
            Self::Contents | Self::Size => &[Int8],
            Self::Locale => &[Text, Text],
            Self::Roles
            | Self::FirstRole
            | Self::Password
            | Self::PublicOwner
            | Self::DatabaseRights
            | Self::Comment => &[Text],
            Self::Concerned => &[Text, Bool, Bool, Bool, Bool, Bool, Bool, Bool, Int4, Text, Text],
            Self::Memberships => &[Text, Text, Bool, Bool, Bool],
            Self::Owners => &[Text, Text, Text, Bool],
            Self::Settings => &[Bool, Text, Text],
            Self::Others => &[Int4, Text, Text, Text],
            Self::Sessions => &[Int4, Text, Text, Text, Text, Text, Bool],
            Self::Tables => &[Text, Text, Oid, Oid, Int8, Int8, Int8],
            Self::Sequences => &[Text, Text, Int8],
            Self::Position => &[Int8, Int8, Int8],
            Self::Rows { .. } => &[Text, Int8, Text],
        }
    }

    /// Carries it out on a session. `parameters` holds the texts that were handed over, those of an array one by one.
    pub(super) fn carry_out(
        &self,
        server: &mut Server,
        session: i32,
        parameters: &[String],
    ) -> Result<Vec<Vec<Value>>, Refusal> {
        let database = server.backend(session)?.database.clone();
        let first = parameters.first().map(String::as_str).unwrap_or_default();
        match self {
            Self::MakeRole(role) => server.make_role(role),
            Self::DropDatabase(name) => server.drop_database(name),
            Self::MakeDatabase { name, owner } => server.make_database(name, owner)?,
            Self::Setting | Self::Analyze | Self::GiveDatabase => {}
            _ => return Ok(self.answer(server, session, &database, first, parameters)),
        }
        Ok(Vec::new())
    }

    fn answer(
        &self,
        server: &Server,
        session: i32,
        database: &str,
        first: &str,
        parameters: &[String],
    ) -> Vec<Vec<Value>> {
        let there = |is_there: bool| if is_there { vec![vec![Value::Int4(1)]] } else { Vec::new() };
        match self {
            Self::One => there(true),
            Self::RoleIsThere => there(server.roles.contains(first)),
            Self::DatabaseIsThere => there(server.databases.contains_key(first)),
            Self::Locale if server.databases.contains_key(first) => vec![vec!["C".into(), "C".into()]],
            Self::Roles => server.roles.iter().map(|role| vec![role.as_str().into()]).collect(),
            Self::FirstRole => vec![vec![SUPERUSER.into()]],
            Self::Version => vec![vec![Value::Int4(150_000)]],
            Self::Password => vec![vec!["SCRAM-SHA-256$simulated".into()]],
            Self::PublicOwner => vec![vec!["pg_database_owner".into()]],
            Self::DatabaseRights | Self::Comment => vec![vec![Value::Null]],
            Self::Concerned => server.concerned(database),
            Self::Contents => vec![vec![Value::Int8(server.contents(database))]],
            Self::Size => vec![vec![Value::Int8(8_000_000 + server.contents(database))]],
            Self::Others => server.others(session, database, first),
            Self::Sessions => server.sessions(session, parameters),
            Self::Tables => server.tables(database),
            Self::Sequences => server.sequences(database),
            Self::Position => server.position(),
            Self::Rows { table, value } => server.rows(database, table, *value, parameters),
            // Second roles, owners and rights of others are not simulated: there are none.
            _ => Vec::new(),
        }
    }
}

/// The quoted name that a text begins with.
fn identifier(text: &str) -> Option<String> {
    let (name, _) = text.strip_prefix('"')?.split_once('"')?;
    (name != MAINTENANCE).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_known_by_their_beginning_and_others_are_not() {
        assert_eq!(Statement::of("SELECT 1"), Some(Statement::One));
        assert_eq!(Statement::of("SELECT 1 FROM pg_roles WHERE rolname = $1"), Some(Statement::RoleIsThere));
        let made = Statement::of("CREATE DATABASE \"a\" OWNER \"b\" TEMPLATE template0 ENCODING 'UTF8'");
        assert_eq!(made, Some(Statement::MakeDatabase { name: "a".into(), owner: "b".into() }));
        assert_eq!(Statement::of("DROP DATABASE IF EXISTS \"a\""), None, "without FORCE it is another one");
        let rows = "SELECT id::text, count(*), min(value::text) FROM public.users WHERE id::text = ANY($1) GROUP BY 1";
        assert_eq!(Statement::of(rows), Some(Statement::Rows { table: "users".into(), value: true }));
        assert_eq!(Statement::of("TRUNCATE public.users"), None);
    }
}
