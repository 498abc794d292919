//! The command as users meet it.

mod external;
mod helm;
mod helm_render;
mod kills;
mod prove;
mod quick;
mod real;
mod support;
