//! What each table's rows are: a count and a function from row number to row.

mod identity;
mod keycloak_realm;
mod keycloak_users;
mod webmodeler;

use super::{IDENTITY, KEYCLOAK, generator::Generator, row::Row};

pub(super) use keycloak_realm::{client_public_id, realm_id};
pub(super) use keycloak_users::user_id;
pub(super) use webmodeler::{LARGE_OBJECTS, file_id, large_object, mean_diagram};

/// One table and its rows.
#[derive(Debug)]
pub(super) struct Table {
    /// Schema and name, quoted as SQL needs it.
    pub(super) name: &'static str,
    /// The columns a row fills, in the row's order; generated columns are left to the server.
    pub(super) columns: &'static str,
    /// How many rows.
    pub(super) rows: u64,
    /// Writes row number `n`, counted from 0.
    pub(super) write: fn(&Generator, u64, &mut Row<'_>),
}

/// The tables of `database` that have rows, in loading order.
pub(super) fn of(database: &str, generator: &Generator) -> Vec<Table> {
    match database {
        IDENTITY => identity::tables(generator),
        KEYCLOAK => {
            let mut tables = keycloak_realm::tables(generator);
            tables.extend(keycloak_users::tables(generator));
            tables
        }
        _ => webmodeler::tables(generator),
    }
}

/// Columns of Flyway's history table, which two of the databases have.
const FLYWAY_COLUMNS: &str = "installed_rank, version, description, type, script, checksum, installed_by, \
                              installed_on, execution_time, success";

fn flyway(g: &Generator, n: u64, row: &mut Row<'_>) {
    let version = format!("8.{}.{}", n / 4, n % 4);
    let checksum = g.draw("flyway", n).below(1 << 32) as u32 as i32;
    row.plain(n + 1);
    // A repeatable migration has no version and a baseline no checksum.
    row.option((n % 6 != 5).then_some(version.as_str()));
    row.plain(format_args!("change {n}")).text("SQL").plain(format_args!("V{version}__change_{n}.sql"));
    match n {
        0 => row.null(),
        _ => row.plain(checksum),
    };
    row.text("app").text(&g.time("flyway", n)).plain(n * 3 % 70).boolean(true);
}
