//! Arguments of the measurements.

use std::error::Error;

/// The number after a flag.
pub(crate) fn number(flag: &str, default: u64) -> Result<u64, Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|a| a != flag);
    match (arguments.next(), arguments.next()) {
        (None, _) => Ok(default),
        (Some(_), Some(value)) => Ok(value.parse()?),
        (Some(flag), None) => Err(format!("{flag} needs a number").into()),
    }
}
