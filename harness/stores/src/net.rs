//! Process-wide network set-up.

use std::sync::Once;

/// Installs the one TLS provider of this program (rustls with ring). Safe to call any number of times; every client
/// constructor of this crate calls it, because reqwest panics where no provider is installed.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error only says that somebody else installed a provider first, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
