//! How thoroughly stores are compared, by how many, and where it is told.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Depth {
    /// Let the stores count and digest by themselves; read in full only what then differs
    #[arg(long)]
    pub(crate) fast: bool,
}

// A comparison that several processes make together, for more than one machine can read.
#[derive(Debug, Args)]
pub(crate) struct Sharing {
    /// Compare one of N shares of documents and rows, and write what it finds into --parts: I/N with I from 0, or N alone where
    /// JOB_COMPLETION_INDEX tells I, as in an Indexed Job
    #[arg(long, value_name = "I/N", requires = "parts", conflicts_with_all = ["merge", "report", "json", "expected"])]
    pub(crate) shard: Option<String>,
    /// Folder that all shares write their parts into
    #[arg(long, value_name = "DIR", requires = "shard")]
    pub(crate) parts: Option<PathBuf>,
    /// Put the parts of all shares together: compare everything else, and take documents and rows from this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) merge: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Ledger file with expected differences (of stores: besides those that every migration shows); may be repeated
    #[arg(long, visible_alias = "ledger", value_name = "FILE")]
    pub(crate) expected: Vec<PathBuf>,
    /// Also write record.jsonl, report.json, report.md, report.html, junit.xml and trace.json into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
