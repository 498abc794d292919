//! Ports of the loopback interface for servers that are told where to listen before they do.
//!
//! A store takes its port seconds after it was chosen. Meanwhile the kernel gives ports of its ephemeral range to
//! outgoing connections of anybody, even to one that asks whether the store listens already: it then meets itself. A
//! port below that range stays free.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Below are ports that well-known services use.
const LOWEST: u16 = 15_000;
/// Ports tried before the machine counts as full.
const TRIES: usize = 256;
/// First port of the ephemeral range of most systems that do not say it: Linux begins earliest.
const USUAL_EPHEMERAL: u16 = 32_768;

/// Listens on a port that no outgoing connection is given.
///
/// # Errors
/// None of 256 ports could be bound; the reason of the last one.
pub fn listen() -> Result<TcpListener> {
    let range = range(fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().as_deref());
    let mut last = Error::from(ErrorKind::AddrInUse);
    for _ in 0..TRIES {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, next(&range))) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A port that nobody listens on and that no outgoing connection is given. This process is told each one once, until all
/// were told.
///
/// # Errors
/// As [`listen`].
pub fn free() -> Result<u16> {
    Ok(listen()?.local_addr()?.port())
}

/// Two tests or two stores that start side by side never get the same port, two processes hardly ever.
fn next(range: &RangeInclusive<u16>) -> u16 {
    static BEGIN: OnceLock<usize> = OnceLock::new();
    static TOLD: AtomicUsize = AtomicUsize::new(0);
    // A random state is all the chance that the standard library offers.
    let begin = *BEGIN.get_or_init(|| usize::try_from(RandomState::new().hash_one(0) >> 33).unwrap_or(0));
    let nth = begin.wrapping_add(TOLD.fetch_add(1, Ordering::Relaxed));
    let offset = nth % range.len();
    range.start() + u16::try_from(offset).unwrap_or(0)
}

/// The ports to choose from, given what the kernel says of its ephemeral range: below it, or above where it begins low,
/// or from it where it leaves nothing.
fn range(ephemeral: Option<&str>) -> RangeInclusive<u16> {
    let mut words = ephemeral.unwrap_or_default().split_whitespace().map(str::parse::<u16>);
    let (low, high) = match (words.next(), words.next()) {
        (Some(Ok(low)), Some(Ok(high))) => (low, high),
        _ => (USUAL_EPHEMERAL, u16::MAX),
    };
    let enough = |from: u16, to: u16| usize::from(to.saturating_sub(from)) >= TRIES;
    if enough(LOWEST, low.saturating_sub(1)) {
        LOWEST..=low - 1
    } else if enough(high, u16::MAX) {
        high + 1..=u16::MAX
    } else {
        LOWEST..=u16::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_kernels_own_ports_are_left_to_it() {
        assert_eq!(range(Some("32768\t60999\n")), 15_000..=32_767);
        assert_eq!(range(Some("1024 60999")), 61_000..=65_535);
        assert_eq!(range(Some("1024 65535")), 15_000..=65_535);
        for unreadable in [None, Some(""), Some("32768"), Some("many more")] {
            assert_eq!(range(unreadable), 15_000..=32_767, "{unreadable:?}");
        }
    }

    #[test]
    fn no_port_is_told_twice_and_a_taken_one_never() {
        let held = listen().expect("a port");
        let taken = held.local_addr().expect("an address").port();
        let told: Vec<u16> = (0..500).map(|_| free().expect("a port")).collect();
        assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
        assert!(!told.contains(&taken));
        let whole = listen().expect("a port");
        assert_ne!(whole.local_addr().expect("an address").port(), taken);
    }

    #[test]
    fn a_question_before_the_server_listens_never_meets_itself() {
        // In the ephemeral range about one question in some ten thousand does.
        let port = free().expect("a port");
        for _ in 0..40_000 {
            assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
        }
    }
}
