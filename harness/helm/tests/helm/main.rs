//! Rules and judgements against charts, fixtures and chance.

mod charts;
mod corpus;
mod every_key;
mod fuzzed;
mod objects;
mod properties;
mod write;
