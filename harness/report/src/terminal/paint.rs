//! Colours, where they are wanted. Nothing is told by colour alone.

use anstyle::{AnsiColor, Style};
use drydock_core::{ExitCode, Outcome};

/// Whether escapes for colours may be written. The caller knows: terminal or not, `NO_COLOR`, an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Text alone.
    Plain,
    /// ANSI escapes.
    Ansi,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) Color);

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        match self.0 {
            Color::Ansi if !text.trim().is_empty() => format!("{style}{text}{style:#}"),
            _ => text.to_owned(),
        }
    }

    pub(crate) fn verdict(self, exit: ExitCode, text: &str) -> String {
        let color = match exit {
            ExitCode::Equal => AnsiColor::Green,
            ExitCode::Different | ExitCode::RollbackFailed => AnsiColor::Red,
            _ => AnsiColor::Yellow,
        };
        self.with(color.on_default().bold(), text)
    }

    pub(crate) fn outcome(self, outcome: Outcome, text: &str) -> String {
        let style = match outcome {
            Outcome::Equal => AnsiColor::Green.on_default(),
            Outcome::Expected => AnsiColor::Cyan.on_default(),
            Outcome::NotAsked => Style::new().dimmed(),
            Outcome::NotProven => AnsiColor::Yellow.on_default(),
            Outcome::Different => AnsiColor::Red.on_default(),
        };
        self.with(style, text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }
}
