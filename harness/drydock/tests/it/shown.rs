//! Commands that files of this repository show: read out of code blocks and scripts. Shared by the tests that parse them and
//! the test that runs them.

use std::fs;
use std::path::{Path, PathBuf};

/// One command line of this program.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Line in its file, from 1.
    pub(crate) line: usize,
    /// `drydock` and its arguments, without quotes.
    pub(crate) words: Vec<String>,
}

/// Every file below a folder with one of these endings, in order.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if path.extension().is_some_and(|e| endings.iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Commands in the code blocks of a page. Blocks of plain text hold what programs print.
pub(crate) fn in_page(text: &str) -> Vec<Shown> {
    let mut fence: Option<String> = None;
    let mut script = String::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        match (&fence, trimmed.strip_prefix("```")) {
            (None, Some(info)) => fence = Some(info.trim().to_owned()),
            (Some(_), Some(_)) => fence = None,
            (Some(info), None) if info != "text" => {
                script.push_str(trimmed.strip_prefix("$ ").unwrap_or(line))
            }
            _ => {}
        }
        // Lines keep their numbers.
        script.push('\n');
    }
    in_script(&script)
}

/// Commands in a script, or in the scripts within a pipeline's file.
pub(crate) fn in_script(text: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, first)) = lines.next() {
        let mut line = first.to_owned();
        while let Some(begun) = line.strip_suffix('\\') {
            let next = lines.next().map(|(_, next)| next.trim_start()).unwrap_or_default();
            line = format!("{begun}{next}");
        }
        for begin in begins(&line) {
            let mut words = words(&line[begin..]);
            if words.first().is_some_and(|w| w == "cargo") {
                let Some(end) = words.iter().position(|w| w == "--") else { continue };
                words.splice(..=end, ["drydock".to_owned()]);
            }
            shown.push(Shown { line: number + 1, words });
        }
    }
    shown
}

/// Where commands of this program begin in a line of a shell or a pipeline.
fn begins(line: &str) -> Vec<usize> {
    let before_a_command = [
        "", "$(", "|", "&&", "||", ";", "then", "do", "if", "!", "else", "run:", "-", "script:", "\"$(",
        "elif",
    ];
    let mut found = Vec::new();
    for name in ["drydock ", "cargo run --release -- ", "cargo run -q -- "] {
        for (at, _) in line.match_indices(name) {
            let before = &line[..at];
            if before.trim_start().starts_with('#') {
                continue;
            }
            let last = before.trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
            let glued = before.ends_with("$(");
            let apart = before.is_empty() || before.ends_with(char::is_whitespace) || glued;
            // `x=$(drydock …` is glued to a name.
            if apart && (before_a_command.contains(&last) || glued) {
                found.push(at);
            }
        }
    }
    found
}

/// Words of a command up to whatever ends it.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, '#') if word.is_none() => break,
            (None, '|' | ';' | '&' | ')' | '<') => break,
            (None, '>') => {
                // `2>` redirects as well, and is no argument.
                word = word.filter(|w| w != "2");
                break;
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
