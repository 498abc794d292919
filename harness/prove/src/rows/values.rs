//! Corruptions of one value of one row.

use super::world::{LARGE_OBJECTS, LOG, MENTIONS, TYPES, USERS, World};
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;

/// Changes one value of any row that has one. `told` is the place the check must name: a column, or a path within one.
fn writes(
    title: &str,
    path: &'static str,
    told: &'static str,
    change: fn(&str) -> Option<String>,
) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let table = world.tables.get_mut(path)?;
        let at = table.column(told.split('.').next()?)?;
        let filled: Vec<usize> = (0..table.rows.len()).filter(|n| table.rows[*n][at].is_some()).collect();
        let number = *dice.pick(&filled)?;
        let label = table.label(&table.rows[number]);
        let value = &mut table.rows[number][at];
        let other = change(value.as_deref()?);
        if other == *value {
            return None;
        }
        *value = other;
        let check = if path == LARGE_OBJECTS { checks::PG_LARGE_OBJECTS } else { checks::PG_ROWS };
        Some(Planted::new(check, Kind::Changed, path).named(label).named(told).count(1))
    })
}

/// Puts a value where null is.
fn fills(title: &str, path: &'static str, column: &'static str, with: &'static str) -> Variant<World> {
    Variant::new(title, move |world: &mut World, _| {
        let table = world.tables.get_mut(path)?;
        let at = table.column(column)?;
        let number = table.rows.iter().position(|row| row[at].is_none())?;
        let label = table.label(&table.rows[number]);
        table.rows[number][at] = Some(with.to_owned());
        let check = if path == LARGE_OBJECTS { checks::PG_LARGE_OBJECTS } else { checks::PG_ROWS };
        Some(Planted::new(check, Kind::Changed, path).named(label).named(column).count(1))
    })
}

fn cut(value: &str, characters: usize) -> String {
    value.chars().take(characters).collect()
}

fn texts() -> Vec<Variant<World>> {
    vec![
        writes("value become null", USERS, "email", |_| None),
        writes("empty text become null", USERS, "service_link", |_| None),
        writes("empty text become a blank", USERS, "service_link", |_| Some(" ".to_owned())),
        fills("null become an empty text", USERS, "email", ""),
        fills("null become the word NULL", USERS, "email", "NULL"),
        fills("null become a backslash and N", USERS, "email", "\\N"),
        fills("null become a default", USERS, "email", "unknown@example.org"),
        writes("trailing blank added", USERS, "username", |v| Some(format!("{v} "))),
        writes("trailing blank cut off", USERS, "first_name", |v| Some(v.trim_end().to_owned())),
        writes("padding of a fixed-width text cut off", TYPES, "code", |v| Some(v.trim_end().to_owned())),
        writes("letter in another case", USERS, "username", |v| Some(v.to_uppercase())),
        writes("UTF-8 read as Latin-1", USERS, "first_name", |v| Some(v.bytes().map(char::from).collect())),
        writes("letters outside ASCII become question marks", USERS, "first_name", |v| {
            Some(v.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect())
        }),
        writes("accents decomposed", USERS, "first_name", |v| Some(v.replace('\u{fc}', "u\u{308}"))),
        writes("character outside of the first plane lost", USERS, "first_name", |v| {
            Some(v.replace('\u{1F600}', ""))
        }),
        writes("line end become a backslash and n", TYPES, "note", |v| Some(v.replace('\n', "\\n"))),
        writes("line ends changed", TYPES, "note", |v| Some(v.replace('\n', "\r\n"))),
        writes("tab become a blank", TYPES, "note", |v| Some(v.replace('\t', " "))),
        writes("backslash lost", TYPES, "note", |v| Some(v.replace('\\', ""))),
        writes("backslash and N become nothing", TYPES, "note", |v| Some(v.replace("\\N", ""))),
        writes("text cut", TYPES, "note", |v| Some(cut(v, 12))),
        writes("text become empty", TYPES, "note", |_| Some(String::new())),
        writes("value of a composite-key row changed", MENTIONS, "text", |v| Some(format!("{v}!"))),
        writes("secret changed", USERS, "password_hash", |v| Some(format!("{v}0"))),
        writes("secret become null", USERS, "password_hash", |_| None),
    ]
}

fn numbers_and_times() -> Vec<Variant<World>> {
    vec![
        writes("last digit of a bigint", TYPES, "size", |v| {
            let last = if v.ends_with('9') { '8' } else { '9' };
            Some(format!("{}{last}", &v[..v.len() - 1]))
        }),
        writes("bigint become negative", TYPES, "size", |v| Some(format!("-{v}"))),
        writes("scale of a numeric lost", TYPES, "price", |v| Some(v.trim_end_matches('0').to_owned())),
        writes("numeric rounded", TYPES, "price", |v| Some(v.replace(".50", ".00"))),
        writes("numeric with a decimal comma", TYPES, "price", |v| Some(v.replace('.', ","))),
        writes("last digits of a double", TYPES, "ratio", |v| {
            v.parse::<f64>().ok().map(|n| format!("{}", n as f32))
        }),
        writes("double become not a number", TYPES, "ratio", |_| Some("NaN".to_owned())),
        writes("number zero become one", USERS, "not_before", |_| Some("1".to_owned())),
        writes("milliseconds become seconds", USERS, "created_timestamp", |v| {
            Some(v[..v.len() - 3].to_owned())
        }),
        writes("truth turned", TYPES, "flag", |_| Some("t".to_owned())),
        writes("truth become null", USERS, "enabled", |_| None),
        writes("time shifted by the zone", TYPES, "updated", |v| Some(v.replace(" 10:", " 11:"))),
        writes("microseconds cut to milliseconds", TYPES, "updated", |v| {
            Some(format!("{}+00", cut(v, v.len() - 6)))
        }),
        writes("zone dropped", TYPES, "updated", |v| Some(v.trim_end_matches("+00").to_owned())),
        writes("time become infinity", TYPES, "updated", |_| Some("infinity".to_owned())),
        writes("day off by one", TYPES, "day", |_| Some("2026-11-19".to_owned())),
        writes("interval written in hours", TYPES, "span", |_| Some("26:03:04".to_owned())),
        writes("fraction of a time lost", TYPES, "at_time", |_| Some("10:11:12".to_owned())),
        writes("bound of a range closed", TYPES, "valid", |v| Some(v.replace(')', "]"))),
        writes("bits shifted", TYPES, "bits", |_| Some("01100110".to_owned())),
        writes("address without its network", TYPES, "address", |_| Some("192.168.0.1".to_owned())),
        writes("label of an enum changed", TYPES, "state", |_| Some("FINAL".to_owned())),
        writes("uuid with a digit changed", TYPES, "owner", |v| Some(v.replace("-aaaa-", "-aaab-"))),
        writes("search vector computed anew", TYPES, "search", |v| Some(v.replace(":2", ":3"))),
    ]
}

fn nested() -> Vec<Variant<World>> {
    vec![
        writes("bit of a bytea turned", TYPES, "content", |v| {
            let bit = if v.ends_with('0') { '1' } else { '0' };
            Some(format!("{}{bit}", &v[..v.len() - 1]))
        }),
        writes("bytea cut", TYPES, "content", |v| Some(v[..v.len() - 2].to_owned())),
        writes("bytea become empty", TYPES, "content", |_| Some("\\x".to_owned())),
        writes("bytea in another format", TYPES, "content", |_| Some("\\001\\002".to_owned())),
        writes("array in another order", TYPES, "labels", |v| Some(v.replace("alpha,beta", "beta,alpha"))),
        writes("array element lost", TYPES, "labels", |v| Some(v.replace("beta,", ""))),
        writes("null of an array become a text", TYPES, "labels", |v| Some(v.replace("NULL", "\"NULL\""))),
        writes("array made flat", TYPES, "numbers", |_| Some("{1,2,3,4}".to_owned())),
        writes("array become empty", TYPES, "labels", |_| Some("{}".to_owned())),
        writes("jsonb key lost", TYPES, "settings.a.b", |v| Some(v.replace("\"b\": 1, ", ""))),
        writes("jsonb null lost", TYPES, "settings.a.c", |v| Some(v.replace(", \"c\": null", ""))),
        writes("jsonb value changed", TYPES, "settings.a.b", |v| Some(v.replace("\"b\": 1", "\"b\": 2"))),
        writes("scale of a jsonb number lost", TYPES, "settings.n", |v| Some(v.replace("1.0", "1"))),
        writes("jsonb key through a double", TYPES, "settings.id", |v| {
            let (head, tail) = v.rsplit_once(' ')?;
            let number = tail.trim_end_matches('}').parse::<f64>().ok()? as i64;
            Some(format!("{head} {}}}", number + 2))
        }),
        writes("jsonb list in another order", TYPES, "settings.list[0]", |v| {
            Some(v.replace("[1, 2, 3]", "[3, 2, 1]"))
        }),
        writes("jsonb element lost", TYPES, "settings.list[2]", |v| Some(v.replace("[1, 2, 3]", "[1, 2]"))),
        writes("jsonb become null", TYPES, "settings", |_| None),
        writes("jsonb null instead of a jsonb", USERS, "attributes", |_| Some("null".to_owned())),
        writes("jsonb attribute emptied", USERS, "attributes.roles", |v| Some(v.replace("\"admin\", ", ""))),
        writes("text of a json written anew", TYPES, "raw", |_| Some("{\"a\":2,\"b\":1}".to_owned())),
        writes("value of a row without key changed", LOG, "ip", |_| Some("10.9.9.9".to_owned())).keyless(),
    ]
}

fn large_objects() -> Vec<Variant<World>> {
    vec![
        writes("bytes of a large object changed", LARGE_OBJECTS, "sha256", |v| {
            Some(v.chars().rev().collect::<String>() + "0")
        }),
        writes("large object cut", LARGE_OBJECTS, "bytes", |_| Some("1024".to_owned())),
        writes("owner of a large object changed", LARGE_OBJECTS, "owner", |_| Some("postgres".to_owned())),
        writes("grant on a large object lost", LARGE_OBJECTS, "grants", |_| None),
        writes("comment of a large object lost", LARGE_OBJECTS, "comment", |_| None),
        fills("comment on a large object too much", LARGE_OBJECTS, "comment", "new"),
    ]
}

impl Variant<World> {
    /// The same in a table without key, where a changed row is one that is gone and one too much.
    fn keyless(self) -> Self {
        let plant = self.plant;
        Variant::new(self.name, move |world: &mut World, dice| {
            let planted = plant(world, dice)?;
            Some(Planted {
                kind: Kind::Missing,
                named: planted.named.into_iter().take(1).collect(),
                ..planted
            })
        })
    }
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [texts(), numbers_and_times(), nested(), large_objects()].into_iter().flatten().collect()
}
