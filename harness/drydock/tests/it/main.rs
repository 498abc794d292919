//! The command as users meet it.

mod containers;
mod documented;
mod drill;
mod estimate;
mod everyday;
mod external;
mod helm;
mod helm_render;
mod kills;
mod kind;
mod licences;
mod many_findings;
mod migrated_store;
mod newcomer;
mod odd_places;
mod pack;
mod pipelines;
mod prove;
mod quick;
mod real;
mod real_camunda;
mod real_keycloak;
mod secret_login;
mod shown;
mod simulate;
mod support;
