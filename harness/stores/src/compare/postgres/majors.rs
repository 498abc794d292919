//! What two major versions say differently about the same definition. Only what is known for certain is evened out; the
//! rest is reported.

use drydock_parity::shape::Shape;
use regex::Regex;
use std::sync::LazyLock;

/// One or more names with a dot behind each: `public.`, `event_entity.`, `"Große Dateien".`.
static QUALIFIERS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?:(?:"(?:[^"]|"")+"|[A-Za-z_\x{80}-\x{10FFFF}][\w$]*)\.)+"#).ok());

/// Evens out known differences of definitions between majors.
pub(super) fn even_out_schema(source: (&mut Shape, u32), target: (&Shape, u32)) {
    let (a, major_a) = source;
    let (b, major_b) = target;
    if major_a.min(major_b) < 16 && major_a.max(major_b) >= 16 {
        // From PostgreSQL 16 on, columns of a query over a single relation are printed without its name.
        for (path, attributes) in &mut a.0 {
            let other = b.0.get(path).and_then(|o| o.get("definition"));
            if let (Some(own), Some(other)) = (attributes.get_mut("definition"), other)
                && unqualified(own) == unqualified(other)
            {
                own.clone_from(other);
            }
        }
    }
}

/// A query without the qualifiers of its names. What stands in quotes as a text stays as it is.
fn unqualified(query: &str) -> String {
    let Some(qualifiers) = QUALIFIERS.as_ref() else { return query.to_owned() };
    let parts = query.split('\'').enumerate();
    let parts = parts.map(|(n, part)| match n % 2 {
        0 => qualifiers.replace_all(part, "").into_owned(),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<String>>().join("'")
}

/// Evens out known differences of access between majors.
pub(super) fn even_out_access(database: &str, source: (&mut Shape, u32), target: (&mut Shape, u32)) {
    let (a, major_a) = source;
    let (b, major_b) = target;
    if major_a.min(major_b) < 17 && major_a.max(major_b) >= 17 {
        for shape in [&mut *a, &mut *b] {
            forget_maintenance(shape);
        }
    }
    if major_a.min(major_b) < 15 && major_a.max(major_b) >= 15 {
        // Schema public belongs to the bootstrap superuser and is open to everybody up to PostgreSQL 14; from 15 on it
        // belongs to pg_database_owner, and only that role may create in it. Both are "as the server makes it".
        let public = format!("{database}.public");
        // Carried over as it was, it is equal as it stands.
        if a.0.get(&public) == b.0.get(&public) {
            return;
        }
        for (shape, major) in [(a, major_a), (b, major_b)] {
            let Some(attributes) = shape.0.get_mut(&public) else { continue };
            let owner = attributes.get("owner").map(String::as_str);
            let default =
                if major < 15 { owner == Some("postgres") } else { owner == Some("pg_database_owner") };
            if default {
                attributes.insert("owner".to_owned(), "the server's default".to_owned());
                attributes.remove("grant PUBLIC CREATE");
            }
        }
    }
}

/// Evens out known differences of default privileges between majors.
pub(super) fn even_out_defaults(majors: (u32, u32), source: &mut Shape, target: &mut Shape) {
    if majors.0.min(majors.1) < 17 && majors.0.max(majors.1) >= 17 {
        forget_maintenance(source);
        forget_maintenance(target);
    }
}

/// The privilege to maintain a table exists from PostgreSQL 17 on. Every owner has it by default, and whoever was granted
/// all privileges before is granted this one as well when the grant is run again.
fn forget_maintenance(shape: &mut Shape) {
    const ALL: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"];
    for attributes in shape.0.values_mut() {
        let before = attributes.clone();
        attributes.retain(|name, how| {
            let Some(who) = name.strip_suffix(" MAINTAIN") else { return true };
            who != "grant owner"
                && ALL.iter().any(|privilege| before.get(&format!("{who} {privilege}")) != Some(how))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_to_maintain_goes_with_all_the_others_only() {
        let all = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
        let granted = |privileges: &[&str]| {
            let mut shape = Shape::default();
            for privilege in privileges {
                shape.set("d.s.t", format!("grant app {privilege}"), "granted");
            }
            shape
        };
        let (mut old, mut new) = (granted(&all[..7]), granted(&all));
        even_out_defaults((15, 17), &mut old, &mut new);
        assert_eq!(old, new);
        let (mut old, mut new) = (granted(&all[..3]), granted(&["SELECT", "INSERT", "UPDATE", "MAINTAIN"]));
        even_out_defaults((15, 17), &mut old, &mut new);
        assert_ne!(old, new);
    }

    fn view(definition: &str) -> Shape {
        let mut shape = Shape::default();
        shape.insert("d.s.v", [("definition".to_owned(), definition.to_owned())].into());
        shape
    }

    #[test]
    fn a_query_over_one_relation_is_printed_without_its_name_from_16_on() {
        let old = view(" SELECT t.id,\n t.\"N a\" FROM public.t WHERE (t.k = 'a.b'::text);");
        let new = view(" SELECT id,\n \"N a\" FROM public.t WHERE (k = 'a.b'::text);");
        let mut evened = old.clone();
        even_out_schema((&mut evened, 15), (&new, 17));
        assert_eq!(evened, new);
        let mut same_major = old.clone();
        even_out_schema((&mut same_major, 15), (&new, 15));
        assert_eq!(same_major, old);
    }

    #[test]
    fn another_column_or_text_stays_a_difference() {
        let old = view("SELECT t.id FROM public.t WHERE (t.k = 'a.b'::text);");
        for other in [
            "SELECT no FROM public.t WHERE (k = 'a.b'::text);",
            "SELECT id FROM public.t WHERE (k = 'c.b'::text);",
        ] {
            let mut evened = old.clone();
            even_out_schema((&mut evened, 15), (&view(other), 17));
            assert_eq!(evened, old, "{other}");
        }
    }
}
