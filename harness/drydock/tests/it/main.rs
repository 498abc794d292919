//! The command as users meet it.

mod containers;
mod drill;
mod estimate;
mod external;
mod helm;
mod helm_render;
mod kills;
mod migrated_store;
mod pack;
mod prove;
mod quick;
mod real;
mod secret_login;
mod support;
