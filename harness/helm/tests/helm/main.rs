//! Rules and judgements against charts, fixtures and chance.

mod charts;
mod corpus;
mod objects;
mod properties;
mod write;
