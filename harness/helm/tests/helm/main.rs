//! Rules and judgements against charts, fixtures and chance.

mod charts;
mod corpus;
#[path = "../../../core/tests/core/dice.rs"]
mod dice;
mod every_key;
mod fuzzed;
mod objects;
mod properties;
mod write;
