//! Writing JSON text member by member, so that documents keep the member order, the number spelling and the escapes
//! that a real application produced. A tree of values would sort the members and lose integers beyond 64 bits.

use std::fmt::Write;

/// How characters outside ASCII are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// As they are, in UTF-8; only what JSON demands is escaped.
    Needed,
    /// As `\uXXXX`, with surrogate pairs beyond the basic plane; the solidus is escaped, too.
    Ascii,
}

/// A JSON text under construction. Commas come by themselves.
#[derive(Debug)]
pub(super) struct Json {
    out: String,
    escapes: Escapes,
}

impl Json {
    pub(super) fn new(escapes: Escapes) -> Self {
        Self { out: String::with_capacity(768), escapes }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn separate(&mut self) {
        // A string value ends in a quote, so these bytes can only be structure.
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }

    pub(super) fn open_object(&mut self) -> &mut Self {
        self.separate();
        self.out.push('{');
        self
    }

    pub(super) fn close_object(&mut self) -> &mut Self {
        self.out.push('}');
        self
    }

    pub(super) fn open_array(&mut self) -> &mut Self {
        self.separate();
        self.out.push('[');
        self
    }

    pub(super) fn close_array(&mut self) -> &mut Self {
        self.out.push(']');
        self
    }

    /// The name of the member whose value is written next.
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.quote(name);
        self.out.push(':');
        self
    }

    /// A value that is JSON text already.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.out.push_str(text);
        self
    }

    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.quote(text);
        self
    }

    pub(super) fn integer(&mut self, number: i64) -> &mut Self {
        self.separate();
        // Writing into a String cannot fail.
        let _ = write!(self.out, "{number}");
        self
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.raw("null")
    }

    pub(super) fn text_member(&mut self, name: &str, text: &str) -> &mut Self {
        self.key(name).string(text)
    }

    pub(super) fn integer_member(&mut self, name: &str, number: i64) -> &mut Self {
        self.key(name).integer(number)
    }

    pub(super) fn raw_member(&mut self, name: &str, text: &str) -> &mut Self {
        self.key(name).raw(text)
    }

    /// The text, or `null`.
    pub(super) fn optional_member(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        self.key(name);
        match text {
            Some(text) => self.string(text),
            None => self.null(),
        }
    }

    fn quote(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\t' => self.out.push_str("\\t"),
                '\r' => self.out.push_str("\\r"),
                c if (c as u32) < 0x20 => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                '/' if self.escapes == Escapes::Ascii => self.out.push_str("\\/"),
                c if self.escapes == Escapes::Ascii && !c.is_ascii() => {
                    let mut units = [0_u16; 2];
                    for unit in c.encode_utf16(&mut units) {
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
