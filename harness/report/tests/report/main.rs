//! Every report of four runs: a green one, a red one with hostile data, one that proves little, one that was cut short.

mod files;
mod junit;
mod markdown;
mod matrix;
mod proof;
mod samples;
mod sarif;
mod screen;
