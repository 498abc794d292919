//! `pg_dump`: what was committed when it began, whatever is committed meanwhile.

use super::archive::{Entry, Line, PART, Writing};
use super::programs::{Asked, Stop, Work};

pub(super) async fn dump(work: &mut Work, asked: &Asked) -> Result<i32, Stop> {
    let unwritable = |e: std::io::Error| Stop::Failed(format!("could not open output file: {e}"));
    let snapshot = work.peer.server().database_of(work.session).map(|d| d.clone());
    let snapshot = snapshot.map_err(|refusal| Stop::Failed(refusal.message))?;
    let stays = |name: &str| asked.excluded.iter().any(|pattern| matches(pattern, name));
    let mut contents: Vec<Entry> = snapshot.tables.keys().cloned().map(Entry::Table).collect();
    contents.extend(snapshot.sequences.keys().cloned().map(Entry::Sequence));
    let tables: Vec<&String> = snapshot.tables.keys().filter(|name| !stays(name)).collect();
    contents.extend(tables.iter().map(|name| Entry::TableData((*name).clone())));
    contents.extend(
        snapshot.sequences.iter().filter(|(name, _)| !stays(name)).map(|(name, s)| Entry::SequenceSet {
            name: name.clone(),
            last: s.last,
            called: s.called,
        }),
    );
    contents
        .extend(snapshot.tables.iter().filter(|(_, t)| t.keyed).map(|(n, _)| Entry::Constraint(n.clone())));
    let mut file = Writing::begin(&asked.file).map_err(unwritable)?;
    file.line(&Line::Contents(contents)).map_err(unwritable)?;
    for (at, name) in tables.iter().enumerate() {
        if at == tables.len() / 2 {
            work.half_way()?;
        }
        let Some(table) = snapshot.tables.get(*name) else { continue };
        let rows: Vec<(String, String)> = table
            .rows
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |value| (key.clone(), value.to_string())))
            .collect();
        for part in rows.chunks(PART) {
            work.part().await?;
            let line = Line::Rows { table: (*name).clone(), rows: part.to_vec() };
            file.line(&line).map_err(unwritable)?;
        }
        work.part().await?;
        file.line(&Line::Complete((*name).clone())).map_err(unwritable)?;
    }
    file.line(&Line::End).map_err(unwritable)?;
    Ok(0)
}

/// A pattern with at most one star, at its beginning.
fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_prefix('*').map_or(pattern == name, |end| name.ends_with(end))
}
