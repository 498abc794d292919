//! The command as users meet it.

mod drill;
mod external;
mod helm;
mod helm_render;
mod prove;
mod quick;
mod real;
mod support;
