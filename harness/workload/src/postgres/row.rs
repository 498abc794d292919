//! One row in PostgreSQL's COPY text format, with the literals of arrays and composite values.

use std::fmt::{Display, Write as _};

/// Writes the fields of one row, left to right.
#[derive(Debug)]
pub(super) struct Row<'a> {
    out: &'a mut Vec<u8>,
    started: bool,
}

impl<'a> Row<'a> {
    /// Starts a row at the end of `out`.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, started: false }
    }

    /// Ends the row.
    pub(super) fn end(self) {
        self.out.push(b'\n');
    }

    fn separate(&mut self) {
        if self.started {
            self.out.push(b'\t');
        }
        self.started = true;
    }

    /// A value of any type, as the server's input function of that type reads it.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        for &byte in value.as_bytes() {
            match byte {
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                other => self.out.push(other),
            }
        }
        self
    }

    /// SQL NULL.
    pub(super) fn null(&mut self) -> &mut Self {
        self.separate();
        self.out.extend_from_slice(b"\\N");
        self
    }

    /// A value or NULL.
    pub(super) fn option(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A number, or anything whose display form needs no escape.
    pub(super) fn plain(&mut self, value: impl Display) -> &mut Self {
        let text = value.to_string();
        self.text(&text)
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.text(if value { "t" } else { "f" })
    }

    /// A bytea, in hex.
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let mut text = String::with_capacity(2 + value.len() * 2);
        text.push_str("\\x");
        text.push_str(&hex(value));
        self.text(&text)
    }

    /// A one-dimensional array.
    pub(super) fn array(&mut self, items: &[Option<&str>]) -> &mut Self {
        let literal = array(items);
        self.text(&literal)
    }
}

/// Lower-case hex digits of `value`.
pub(super) fn hex(value: &[u8]) -> String {
    value.iter().fold(String::with_capacity(value.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Literal of a one-dimensional array; `None` is a NULL element.
pub(super) fn array(items: &[Option<&str>]) -> String {
    let mut literal = String::from("{");
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            literal.push(',');
        }
        match item {
            None => literal.push_str("NULL"),
            Some(text) => quoted(&mut literal, text),
        }
    }
    literal.push('}');
    literal
}

/// Literal of a composite value; `None` is a NULL field.
pub(super) fn composite(fields: &[Option<&str>]) -> String {
    let mut literal = String::from("(");
    for (position, field) in fields.iter().enumerate() {
        if position > 0 {
            literal.push(',');
        }
        if let Some(text) = field {
            quoted(&mut literal, text);
        }
    }
    literal.push(')');
    literal
}

fn quoted(literal: &mut String, text: &str) {
    literal.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            literal.push('\\');
        }
        literal.push(character);
    }
    literal.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Row, array, composite};

    #[test]
    fn fields_are_escaped_for_copy() {
        let mut out = Vec::new();
        let mut row = Row::new(&mut out);
        row.text("a\tb\\N\r\n").null().text("").bytes(&[0, 255]).boolean(true).plain(-7);
        row.end();
        assert_eq!(String::from_utf8(out).unwrap(), "a\\tb\\\\N\\r\\n\t\\N\t\t\\\\x00ff\tt\t-7\n");
    }

    #[test]
    fn nested_literals_keep_quotes_and_backslashes() {
        assert_eq!(array(&[Some("a\"b"), None, Some("NULL"), Some("")]), r#"{"a\"b",NULL,"NULL",""}"#);
        assert_eq!(composite(&[Some(r"x\y"), None, Some("{}")]), r#"("x\\y",,"{}")"#);
    }
}
