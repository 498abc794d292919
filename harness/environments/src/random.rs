//! Random bytes of the system, and bytes as text.

use crate::error::{EnvironmentError, Result};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that nobody can foretell.
///
/// # Errors
/// The system's source of them cannot be read.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; N];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| EnvironmentError::io("read", source, &e))?;
    Ok(bytes)
}

/// Two digits a byte, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
