//! Tables as Keycloak, Web Modeler and Identity have them, small and with every type that a copy may damage.

use crate::dice::Dice;
use drydock_parity::Columns;
use std::collections::BTreeMap;

/// Users, with a key.
pub(super) const USERS: &str = "keycloak.public.user_entity";
/// Mentions, with a key of two columns.
pub(super) const MENTIONS: &str = "webmodeler.public.mentions";
/// A log without any key.
pub(super) const LOG: &str = "keycloak.public.event_log";
/// Every other type.
pub(super) const TYPES: &str = "webmodeler.public.files";
/// Partitions of one table.
pub(super) const PARTITIONS: [&str; 2] =
    ["webmodeler.public.events_2026_11", "webmodeler.public.events_2026_12"];
/// Large objects, as the check reads them.
pub(super) const LARGE_OBJECTS: &str = "webmodeler/large-objects";

/// One side: tables by path.
#[derive(Debug, Clone)]
pub struct World {
    /// Tables by `database.schema.table`.
    pub tables: BTreeMap<String, Table>,
}

/// One table: columns, key first, and rows of values; `None` is null.
#[derive(Debug, Clone)]
pub struct Table {
    /// Names of the columns, in the order in which the values stand.
    pub columns: Vec<String>,
    /// The same in the source's order, in which the check tells them.
    pub declared: Vec<String>,
    /// How many of them identify a row.
    pub key: usize,
    /// Its name.
    pub name: String,
    /// Values before `COPY` escapes them.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Table {
    fn new(path: &str, columns: &[&str], key: usize) -> Self {
        let name = path.rsplit('.').next().unwrap_or(path).to_owned();
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        Self { declared: columns.clone(), columns, key, name, rows: Vec::new() }
    }

    /// Whether these are large objects.
    pub fn is_large_objects(&self) -> bool {
        self.name == LARGE_OBJECTS
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// Puts the columns that are no key into another order, as a restored table may have them.
    pub fn columns_rotated(&mut self, dice: &mut Dice) {
        let by = dice.below(self.columns.len() - self.key);
        self.columns[self.key..].rotate_left(by);
        let key = self.key;
        self.rows.iter_mut().for_each(|row| row[key..].rotate_left(by));
    }

    /// The columns that both sides have, in the source's order.
    pub fn comparable_columns(&self, other: &Self) -> Columns {
        let names = self.columns.iter().filter(|name| other.columns.contains(name)).cloned().collect();
        Columns { names, key: self.key, table: self.name.clone() }
    }

    /// The rows as `COPY` prints them, columns in the order asked for.
    pub fn printed(&self, columns: &Columns) -> Vec<String> {
        self.rows.iter().map(|row| self.print(row, columns)).collect()
    }

    fn print(&self, row: &[Option<String>], columns: &Columns) -> String {
        let places = columns.names.iter().filter_map(|name| self.column(name));
        let values: Vec<String> =
            places.map(|at| copied(row.get(at).and_then(|value| value.as_deref()))).collect();
        values.join("\t")
    }

    /// A row of another table with the same columns, as it stands in this one.
    pub fn adopted(&self, from: &Self, row: &[Option<String>]) -> Vec<Option<String>> {
        let value = |name: &String| from.column(name).and_then(|at| row.get(at).cloned().flatten());
        self.columns.iter().map(value).collect()
    }

    /// Puts the rows into an order that does not depend on how the table is written.
    pub fn sort(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by_cached_key(|row| self.label(row));
        self.rows = rows;
    }

    /// The row's name as the check tells it.
    pub fn label(&self, row: &[Option<String>]) -> String {
        let columns = Columns { names: self.declared.clone(), key: self.key, table: self.name.clone() };
        columns.label(&self.print(row, &columns))
    }
}

/// A value in the text form of `COPY`.
fn copied(value: Option<&str>) -> String {
    let Some(value) = value else { return "\\N".to_owned() };
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c => text.push(c),
        }
    }
    text
}

impl World {
    /// Six tables and some large objects.
    pub fn generated(dice: &mut Dice) -> Self {
        let mut tables = BTreeMap::new();
        let mut add = |path: &str, columns: &[&str], key: usize, rows: Vec<Vec<Option<String>>>| {
            tables.insert(path.to_owned(), Table { rows, ..Table::new(path, columns, key) });
        };
        let users = (0..dice.between(5, 9)).map(|n| user(n, dice)).collect();
        let columns = [
            "id",
            "username",
            "email",
            "first_name",
            "enabled",
            "created_timestamp",
            "attributes",
            "not_before",
            "service_link",
            "password_hash",
        ];
        add(USERS, &columns, 1, users);
        let mentions = (0..dice.between(4, 8)).map(|n| {
            values([
                &(n / 2).to_string(),
                &format!("user-{}", n % 2),
                &dice.hex(8),
                "2026-11-20 10:11:12.123456+00",
            ])
        });
        add(MENTIONS, &["comment_id", "user_id", "text", "created"], 2, mentions.collect());
        // A log repeats itself: three of the same row, two of another.
        let mut log: Vec<Vec<Option<String>>> = Vec::new();
        for (kind, times) in [("LOGIN", 3), ("LOGOUT", 2), ("LOGIN_ERROR", 1)] {
            let row = values([kind, "2026-11-20 10:11:12+00", &format!("10.0.0.{}", dice.between(1, 99))]);
            log.extend(std::iter::repeat_n(row, times));
        }
        add(LOG, &["type", "at", "ip"], 0, log);
        let files = (0..dice.between(4, 7)).map(|n| file(n, dice)).collect();
        let columns = [
            "id", "size", "ratio", "price", "updated", "day", "span", "labels", "numbers", "content",
            "settings", "raw", "owner", "address", "bits", "valid", "flag", "note", "code", "at_time",
            "state", "search",
        ];
        add(TYPES, &columns, 1, files);
        for (month, path) in (11..).zip(PARTITIONS) {
            let rows = (0..4).map(|n| {
                values([&format!("{month}{n}"), &format!("2026-{month}-0{} 00:00:00", n + 1), &dice.hex(10)])
            });
            add(path, &["id", "at", "payload"], 1, rows.collect());
        }
        let objects = (0..3).map(|n| {
            let mut row = values([
                &(16_400 + n).to_string(),
                "webmodeler",
                "reader SELECT",
                "2048",
                &dice.hex(64),
                "an image",
            ]);
            if n == 1 {
                row[5] = None;
            }
            row
        });
        let rows = objects.collect();
        let columns = ["oid", "owner", "grants", "bytes", "sha256", "comment"];
        add(LARGE_OBJECTS, &columns, 1, rows);
        Self { tables }
    }
}

fn values<const N: usize>(all: [&str; N]) -> Vec<Option<String>> {
    all.iter().map(|v| Some((*v).to_owned())).collect()
}

fn user(number: i64, dice: &mut Dice) -> Vec<Option<String>> {
    let mut row = values([
        &format!("f3a1-{number}-{}", dice.hex(8)),
        &format!("user{number}"),
        &format!("user{number}@example.org"),
        "Zo\u{eb} M\u{fc}ller\u{1F600} ",
        "t",
        &(1_763_600_000_000 + dice.between(1, 99_999_999)).to_string(),
        &format!("{{\"roles\": [\"admin\", \"{}\"], \"level\": 3, \"manager\": null}}", dice.hex(4)),
        "0",
        "",
        &dice.hex(40),
    ]);
    if number == 1 {
        row[2] = None;
    }
    row
}

fn file(number: i64, dice: &mut Dice) -> Vec<Option<String>> {
    values([
        // Beyond 2^53, odd: a double cannot hold it.
        &(9_007_199_254_740_993 + number * 2).to_string(),
        &dice.between(1, 1 << 50).to_string(),
        &format!("{:?}", (dice.between(1, 99_999) * 7 + 1) as f64 / 7.0),
        &format!("{}.50", dice.between(1, 99_999)),
        &format!("2026-11-{:02} 10:11:12.{:06}+00", dice.between(12, 28), dice.between(1, 99_999) * 10 + 7),
        "2026-11-20",
        "1 day 02:03:04",
        "{alpha,beta,NULL,\"with, comma\"}",
        "{{1,2},{3,4}}",
        &format!("\\x{}", dice.hex(40)),
        &format!(
            "{{\"a\": {{\"b\": 1, \"c\": null}}, \"list\": [1, 2, 3], \"n\": 1.0, \"id\": {}}}",
            9_007_199_254_740_993 + number * 2
        ),
        "{\"b\":1,  \"a\":2}",
        &format!("{}-aaaa-4bbb-8ccc-{}", dice.hex(8), dice.hex(12)),
        "192.168.0.1/24",
        "10110011",
        "[2026-01-01,2027-01-01)",
        "f",
        "first line\nsecond\tline \\ with \\N and \u{e9}",
        "AB   ",
        "10:11:12.5",
        "DRAFT",
        "'camunda':1 'order':2",
    ])
}
