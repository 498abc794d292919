//! The model against histories whose truth is known.

mod estimates;
mod history;
mod properties;
mod published;
mod regressions;
mod synthetic;
