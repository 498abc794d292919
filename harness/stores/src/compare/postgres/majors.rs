//! What two major versions say differently about the same definition. Only what is known for certain is evened out; the
//! rest is reported.

use drydock_parity::shape::Shape;

/// Evens out known differences of access between majors.
pub(super) fn even_out_access(database: &str, source: (&mut Shape, u32), target: (&mut Shape, u32)) {
    let (a, major_a) = source;
    let (b, major_b) = target;
    if major_a.min(major_b) < 17 && major_a.max(major_b) >= 17 {
        // The privilege to maintain a table exists from PostgreSQL 17 on; every owner has it by default.
        for shape in [&mut *a, &mut *b] {
            for attributes in shape.0.values_mut() {
                attributes
                    .retain(|name, _| !(name.starts_with("grant owner") && name.ends_with(" MAINTAIN")));
            }
        }
    }
    if major_a.min(major_b) < 15 && major_a.max(major_b) >= 15 {
        // Schema public belongs to the bootstrap superuser and is open to everybody up to PostgreSQL 14; from 15 on it
        // belongs to pg_database_owner, and only that role may create in it. Both are "as the server makes it".
        let public = format!("{database}.public");
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
