//! The command as users meet it.

mod prove;
mod quick;
mod real;
mod support;
