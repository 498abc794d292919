//! Where in a scenario file something stands: good enough to point at, for files that have parsed already.

/// Line and column (from 1, in characters) of the last word of `path` that can be found: keys, from the outermost inwards,
/// or a value below the keys before it. `None` if not even the first is there.
pub(super) fn locate(text: &str, path: &[&str]) -> Option<(u64, u64)> {
    let lines: Vec<&str> = text.lines().map(without_comment).collect();
    let (mut found, mut region) = (None, Region { first: 0, from: 0, deeper_than: None });
    for word in path.iter().filter(|w| !w.is_empty()) {
        let Some((line, byte)) = region.find(&lines, word) else { break };
        region = Region {
            first: line,
            from: byte + word.len(),
            deeper_than: Some(column_of_key(lines[line], byte)),
        };
        found = Some((line as u64 + 1, lines[line][..byte].chars().count() as u64 + 1));
    }
    found
}

/// Byte offset of a line and column, both from 1.
pub(super) fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let mut start = 0;
    for (number, content) in (1_u64..).zip(text.split_inclusive('\n')) {
        if number == line {
            let nth = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
            let within = content.char_indices().nth(nth).map_or(content.trim_end().len(), |(i, _)| i);
            return start + within;
        }
        start += content.len();
    }
    0
}

/// The lines that belong to a key: the rest of its own, and those indented more deeply.
struct Region {
    first: usize,
    from: usize,
    /// Indentation of the key; `None` for the whole file.
    deeper_than: Option<usize>,
}

impl Region {
    fn find(&self, lines: &[&str], word: &str) -> Option<(usize, usize)> {
        for (number, line) in lines.iter().enumerate().skip(self.first) {
            let own_line = self.deeper_than.is_some() && number == self.first;
            let indent = line.len() - line.trim_start().len();
            if let Some(limit) = self.deeper_than
                && !own_line
                && !line.trim().is_empty()
                && indent <= limit
                // The entries of a list may stand as deep as the key they belong to.
                && !(indent == limit && line.trim_start().starts_with("- "))
            {
                return None;
            }
            let from = if own_line { self.from } else { 0 };
            let whole = line.get(from..).unwrap_or_default();
            let at = whole.match_indices(word).map(|(at, _)| from + at).find(|at| {
                let before = line[..*at].chars().next_back();
                let after = line[at + word.len()..].chars().next();
                let apart = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "{}[],:'\"".contains(c));
                let top_level = self.deeper_than.is_some() || *at == 0;
                top_level && apart(before) && apart(after)
            });
            if let Some(at) = at {
                return Some((number, at));
            }
        }
        None
    }
}

/// In a flow mapping every key stands on the line of the mapping; what counts is where that line begins.
fn column_of_key(line: &str, byte: usize) -> usize {
    if line[..byte].contains('{') { line.len() - line.trim_start().len() } else { byte }
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.find(" #").map_or(line, |at| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::locate;

    const TEXT: &str = "\
# target: nothing
name: x
description: about target and version
source: {postgres: {version: 15, port: 1}}
target:
  elasticsearch:
    port: 2   # version
  postgres:
    version: 17
faults:
- fault: lose-row
  after: phase-3/x
migration:
  index_prefixes: [operate-, 'zeebe-']
";

    #[test]
    fn words_are_found_where_they_belong() {
        for (path, expected) in [
            (&["name"][..], Some((2, 1))),
            (&["target"], Some((5, 1))),
            (&["target", "postgres", "version"], Some((9, 5))),
            (&["target", "postgres", "port"], Some((8, 3))),
            (&["target", "elasticsearch", "port"], Some((7, 5))),
            (&["source", "postgres", "version"], Some((4, 21))),
            (&["source", "elasticsearch", "version"], Some((4, 1))),
            (&["faults", "phase-3/x"], Some((12, 10))),
            (&["migration", "index_prefixes", "zeebe-"], Some((14, 31))),
            (&["migration", "index_prefixes", ""], Some((14, 3))),
            (&["workload"], None),
        ] {
            assert_eq!(locate(TEXT, path), expected, "{path:?}");
        }
    }
}
