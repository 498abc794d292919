//! The writes of running components: logins, saved diagrams, changed accounts, ended sessions. Each is one statement,
//! so that it is there as a whole or not at all, and its keys follow from its number.

use super::seed::Databases;
use super::tables::{client_public_id, file_id, realm_id, user_id};
use super::{KEYCLOAK, WEBMODELER};
use crate::acknowledged::{Item, Now};
use drydock_stores::postgres::PostgresError;
use jiff::Timestamp;
use tokio_postgres::Client;

/// What was done to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The row is new.
    Insert,
    /// The row existed and was changed.
    Update,
    /// The row was removed.
    Delete,
}

/// One row of which the server confirmed the change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acknowledged {
    /// The database.
    pub database: &'static str,
    /// Schema and table, quoted as in SQL.
    pub table: &'static str,
    /// The column that `key` is found in.
    pub column: &'static str,
    /// The key, as text.
    pub key: String,
    /// What was done.
    pub operation: Operation,
    /// What the write left in the row, as `column=value`, where a row of that key may have been there before.
    pub left: Option<String>,
}

impl Acknowledged {
    fn new(table: Target, key: String, operation: Operation) -> Self {
        let (database, table, column) = table;
        Self { database, table, column, key, operation, left: None }
    }

    fn leaving(self, column: &str, value: &str) -> Self {
        Self { left: Some(format!("{column}={value}")), ..self }
    }

    /// The row as the log of acknowledged writes names it.
    pub fn item(&self) -> Item {
        Item::Postgres {
            database: self.database.to_owned(),
            table: self.table.to_owned(),
            column: self.column.to_owned(),
            key: self.key.clone(),
        }
    }

    /// What became of the row.
    pub fn now(&self) -> Now {
        match self.operation {
            Operation::Insert | Operation::Update => Now::Stored,
            Operation::Delete => Now::Gone,
        }
    }
}

type Target = (&'static str, &'static str, &'static str);
const EVENT: Target = (KEYCLOAK, "public.event_entity", "id");
const SESSION: Target = (KEYCLOAK, "public.offline_user_session", "user_session_id");
const USER: Target = (KEYCLOAK, "public.user_entity", "id");
const FILE: Target = (WEBMODELER, "public.files", "id");
const VERSION: Target = (WEBMODELER, "public.file_versions", "id");

/// User number `n` (going round) logs in at `at`: one event and one session. `client` is a session on `keycloak`.
///
/// # Errors
/// The server's refusal; a number used twice is refused as a duplicate key.
pub async fn login_event(
    databases: &Databases,
    client: &Client,
    n: u64,
    at: Timestamp,
) -> Result<Vec<Acknowledged>, PostgresError> {
    let g = databases.generator();
    let (event, session) = (g.id("live-event", n), g.id("live-session", n));
    let sql = "WITH s AS (INSERT INTO public.offline_user_session (user_session_id, user_id, realm_id, created_on, \
               offline_flag, data, last_session_refresh) VALUES ($1, $2, $3, $4, '0', '{}', $4)) \
               INSERT INTO public.event_entity (id, client_id, details_json, ip_address, realm_id, session_id, event_time, \
               type, user_id) VALUES ($5, $6, '{\"auth_method\":\"openid-connect\"}', '10.1.0.1', $3, $1, $7, 'LOGIN', $2)";
    // The column is a 32-bit count of seconds, as in Keycloak itself.
    let seconds = i32::try_from(at.as_second()).unwrap_or(i32::MAX);
    client
        .execute(
            sql,
            &[
                &session,
                &user_id(g, n),
                &realm_id(g, 1),
                &seconds,
                &event,
                &client_public_id(g, n),
                &at.as_millisecond(),
            ],
        )
        .await
        .map_err(|e| PostgresError::statement(format!("record login {n}"), &e))?;
    Ok(vec![
        Acknowledged::new(EVENT, event, Operation::Insert),
        Acknowledged::new(SESSION, session, Operation::Insert),
    ])
}

/// The session that login `n` starts.
pub fn session_of_login(databases: &Databases, n: u64) -> Item {
    Acknowledged::new(SESSION, databases.generator().id("live-session", n), Operation::Insert).item()
}

/// Ends the session that login `n` started. `client` is a session on `keycloak`. Empty if there was none.
///
/// # Errors
/// The server's refusal.
pub async fn delete_session(
    databases: &Databases,
    client: &Client,
    n: u64,
) -> Result<Vec<Acknowledged>, PostgresError> {
    let session = databases.generator().id("live-session", n);
    let deleted = client
        .execute(
            "DELETE FROM public.offline_user_session WHERE user_session_id = $1 AND offline_flag = '0'",
            &[&session],
        )
        .await
        .map_err(|e| PostgresError::statement(format!("end session {n}"), &e))?;
    Ok((deleted > 0).then(|| Acknowledged::new(SESSION, session, Operation::Delete)).into_iter().collect())
}

/// Changes the last name and the revocation time of user number `n` (going round). `client` is a session on `keycloak`.
/// Empty if the user does not exist.
///
/// # Errors
/// The server's refusal.
pub async fn update_user(
    databases: &Databases,
    client: &Client,
    n: u64,
    at: Timestamp,
) -> Result<Vec<Acknowledged>, PostgresError> {
    let user = user_id(databases.generator(), n);
    let name = format!("changed \"{n}\" \\ é");
    let seconds = i32::try_from(at.as_second()).unwrap_or(i32::MAX);
    let changed = client
        .execute(
            "UPDATE public.user_entity SET last_name = $1, not_before = $2 WHERE id = $3",
            &[&name, &seconds, &user],
        )
        .await
        .map_err(|e| PostgresError::statement(format!("change user {n}"), &e))?;
    let row = Acknowledged::new(USER, user, Operation::Update).leaving("last_name", &name);
    Ok((changed > 0).then_some(row).into_iter().collect())
}

/// Saves diagram number `n` at `at`: three times of four into a file of the seed (going round), otherwise into a new
/// file; always with a new version, whose revision the sequence gives. `client` is a session on `webmodeler`.
///
/// # Errors
/// The server's refusal; a number used twice is refused as a duplicate key.
pub async fn save_diagram(
    databases: &Databases,
    client: &Client,
    n: u64,
    at: Timestamp,
) -> Result<Vec<Acknowledged>, PostgresError> {
    let g = databases.generator();
    let version = g.id("live-version", n);
    let content = g.draw("live-diagram", n).diagram(1_200);
    let (file, operation) = match n % 4 {
        3 => (g.id("live-file", n), Operation::Insert),
        _ => (file_id(g, n), Operation::Update),
    };
    // The version comes first: it takes the revision that the file then shows. Their references to each other are
    // checked at the end of the transaction.
    let head = "WITH v AS (INSERT INTO public.file_versions (id, file_id, content, created) \
                VALUES ($1::text::uuid, $2::text::uuid, $3, $4) RETURNING id, file_id, revision, content, created)";
    let tail = match operation {
        Operation::Insert => {
            "INSERT INTO public.files (id, project_id, name, type, content, revision, current_version_id, created, updated) \
             SELECT v.file_id, $5::text::uuid, $6::text, 'BPMN', v.content, v.revision, v.id, v.created, v.created FROM v"
        }
        _ => {
            "UPDATE public.files f SET content = v.content, revision = v.revision, current_version_id = v.id, \
             updated = v.created FROM v WHERE f.id = v.file_id AND ($5::text, $6::text) IS NOT NULL"
        }
    };
    let project = g.id("project", n % g.profile.projects);
    client
        .execute(
            &format!("{head} {tail}"),
            &[&version, &file, &content, &at, &project, &format!("live {n}.bpmn")],
        )
        .await
        .map_err(|e| PostgresError::statement(format!("save diagram {n}"), &e))?;
    let file = Acknowledged::new(FILE, file, operation).leaving("current_version_id", &version);
    Ok(vec![Acknowledged::new(VERSION, version, Operation::Insert), file])
}

/// Keeps a version of a diagram of the seed without making it the current one: one row. `client` is a session on
/// `webmodeler`.
///
/// # Errors
/// The server's refusal; a number used twice, here or for a saved diagram, is refused as a duplicate key.
pub async fn keep_version(
    databases: &Databases,
    client: &Client,
    n: u64,
    at: Timestamp,
) -> Result<Vec<Acknowledged>, PostgresError> {
    let g = databases.generator();
    let (version, file) = (g.id("live-version", n), file_id(g, n));
    client
        .execute(
            "INSERT INTO public.file_versions (id, file_id, content, created) VALUES ($1::text::uuid, $2::text::uuid, $3, $4)",
            &[&version, &file, &g.draw("live-diagram", n).diagram(400), &at],
        )
        .await
        .map_err(|e| PostgresError::statement(format!("keep version {n}"), &e))?;
    Ok(vec![Acknowledged::new(VERSION, version, Operation::Insert)])
}

/// Those of `rows` that `client`'s database, `database`, contradicts: inserted or updated rows that are not there, deleted
/// rows that are. Give each row once, with its last operation.
///
/// # Errors
/// The server's refusal of a query.
pub async fn missing(
    client: &Client,
    database: &str,
    rows: &[Acknowledged],
) -> Result<Vec<Acknowledged>, PostgresError> {
    let mut contradicted = Vec::new();
    for (_, table, column) in [EVENT, SESSION, USER, FILE, VERSION].into_iter().filter(|t| t.0 == database) {
        let of_table: Vec<&Acknowledged> =
            rows.iter().filter(|row| row.database == database && row.table == table).collect();
        let keys: Vec<&str> = of_table.iter().map(|row| row.key.as_str()).collect();
        let sql = format!("SELECT DISTINCT {column}::text FROM {table} WHERE {column}::text = ANY($1)");
        let present: std::collections::HashSet<String> = client
            .query(&sql, &[&keys])
            .await
            .map_err(|e| PostgresError::statement(format!("look for acknowledged rows in {table}"), &e))?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let expected = |row: &Acknowledged| row.operation != Operation::Delete;
        contradicted
            .extend(of_table.into_iter().filter(|row| present.contains(&row.key) != expected(row)).cloned());
    }
    Ok(contradicted)
}
