//! The command as users meet it.

mod external;
mod helm;
mod prove;
mod quick;
mod real;
mod support;
