//! Arguments of `drydock observe`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Observe {
    /// File that names the stores on both sides; passwords come from variables or files that it names
    pub(crate) file: PathBuf,
    /// The migration is over when this file is there. Ctrl-C once and the file's deadline say the same
    #[arg(long, value_name = "FILE")]
    pub(crate) until: Option<PathBuf>,
    /// Where run folders go
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
