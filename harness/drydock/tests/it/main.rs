//! The command as users meet it.

mod quick;
mod real;
mod support;
