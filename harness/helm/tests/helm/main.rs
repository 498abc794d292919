//! Rules and judgements against charts, fixtures and chance.

mod charts;
mod write;
mod objects;
mod corpus;
mod properties;
