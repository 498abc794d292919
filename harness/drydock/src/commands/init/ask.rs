//! Questions on a terminal.

use std::io::{self, BufRead, Write};

/// Somebody who is asked.
pub(super) struct Asker<R, W> {
    answers: R,
    questions: W,
}

impl<R: BufRead, W: Write> Asker<R, W> {
    pub(super) fn new(answers: R, questions: W) -> Self {
        Self { answers, questions }
    }

    /// One line; what is usual if nothing is typed.
    ///
    /// # Errors
    /// The terminal went away, or the input ended.
    pub(super) fn ask(&mut self, question: &str, usual: &str) -> io::Result<String> {
        let usual_shown = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        write!(self.questions, "{question}{usual_shown}: ")?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the input has ended"));
        }
        let typed = line.trim();
        Ok(if typed.is_empty() { usual.to_owned() } else { typed.to_owned() })
    }
}
