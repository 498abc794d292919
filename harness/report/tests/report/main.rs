//! Every report of four runs: a green one, a red one with hostile data, one that proves little, one that was cut short.

mod browser;
mod charts;
mod dom;
mod estimates;
mod files;
mod html;
mod junit;
mod markdown;
mod matrix;
mod pack;
mod prometheus;
mod proof;
mod samples;
mod sarif;
mod screen;
mod trace;
