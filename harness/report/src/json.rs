//! The report for programs. Its schema is `reports/schema.json`.

use drydock_core::Summary;
use drydock_core::printable::printable_json;
use std::io::{self, Write};

/// The whole summary, `report_version` included, as indented JSON with a line end.
pub fn render(summary: &Summary) -> String {
    let mut bytes = Vec::new();
    // Strings, numbers and maps with string keys: there is nothing in a summary that JSON cannot hold, and nothing that a vector
    // could not take.
    match write(summary, &mut bytes) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(error) => format!("{{\"error\": \"{error}\"}}\n"),
    }
}

/// Writes the same, part by part: of a million findings the text is as large as everything else about them.
///
/// # Errors
/// Whatever the writer says.
pub fn write(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut Shown(&mut *out), summary)?;
    out.write_all(b"\n")
}

/// Lets nothing through that hides.
struct Shown<'w, W>(&'w mut W);

impl<W: Write> Write for Shown<'_, W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        // Texts are cut at what JSON escapes, so that every part holds whole characters.
        let text = std::str::from_utf8(part).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        self.0.write_all(printable_json(text).as_bytes())?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
