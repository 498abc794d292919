//! Data in Markdown: it must not become markup, a link, an image, a mention or HTML.

use crate::text::printable;

/// Data as a code span, in which nothing is interpreted. Its fence is longer than any run of backticks inside.
pub(super) fn code(text: &str) -> String {
    let text = printable(text);
    if text.is_empty() {
        return "*(empty)*".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A span drops one space at either end, so that text may begin and end with a backtick or a space.
    let spaced = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let gap = if spaced { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// A sentence that may contain data: punctuation with a meaning is escaped, what is made into a link without any is broken up.
pub(super) fn prose(text: &str) -> String {
    let text = printable(text);
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 16);
    let mut numbered = true;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("`@`"),
            '#' => out.push_str("`#`"),
            ':' if rest.starts_with("://") => out.push_str("`:`"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => out.push_str("`.`"),
            // Within a word an underscore means nothing, and names are full of them.
            '_' if within_word(text, at) => out.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // These mean something at the beginning of a line only.
            '-' | '+' | '=' if at == 0 => {
                out.push('\\');
                out.push(c);
            }
            '.' | ')' if numbered && at > 0 && matches!(rest.as_bytes().get(1), None | Some(b' ')) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        numbered &= c.is_ascii_digit();
    }
    out
}

fn within_word(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + 1..].chars().next();
    [before, after].iter().all(|c| c.is_some_and(char::is_alphanumeric))
}

/// Markdown fit for a table cell: a pipe ends a cell even inside of a code span, unless it is escaped.
pub(super) fn cell(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut escaped = false;
    for c in markdown.chars() {
        if c == '|' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_anything() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("<img src=x>\n# x"), "`<img src=x>\\n# x`");
        assert_eq!(code(""), "*(empty)*");
    }

    #[test]
    fn prose_stays_prose() {
        for (text, markdown) in [
            ("![x](http://h/p.png)", "!\\[x\\](http`:`//h/p.png)"),
            ("<script>alert(1)</script> & co", "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co"),
            ("*a* _b_ `c` ~~d~~ | e", "\\*a\\* \\_b\\_ \\`c\\` \\~\\~d\\~\\~ \\| e"),
            ("@team see #12 on www.example.org", "`@`team see `#`12 on www`.`example.org"),
            ("- item", "\\- item"),
            ("12. item 3.5", "12\\. item 3.5"),
            ("12.6 s of pg_dump", "12.6 s of pg_dump"),
            ("a\n\n# b", "a\\\\n\\\\n`#` b"),
        ] {
            assert_eq!(prose(text), markdown);
        }
    }

    #[test]
    fn pipes_do_not_end_cells() {
        assert_eq!(cell("`a|b` c\\|d \\\\|"), "`a\\|b` c\\|d \\\\\\|");
    }
}
