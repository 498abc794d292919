//! Free ports, and a clear word about taken ones.

use crate::config::{Side, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::procfs;
use std::net::{Ipv4Addr, TcpListener};

/// Which port a store listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PortChoice {
    /// This one, or an error.
    Fixed(u16),
    /// This one if it is free, else any.
    Preferred(u16),
    /// Any free one.
    Any,
}

/// A port held by a listening socket until the store is about to take it, so that two stores that start side by side
/// never choose the same one.
#[derive(Debug)]
pub(crate) struct HeldPort {
    listener: TcpListener,
    port: u16,
}

impl HeldPort {
    /// Holds a port of the loopback interface.
    pub(crate) fn take(choice: PortChoice, side: Side, store: Store) -> Result<Self> {
        Self::take_for(choice, &format!("{side} {store}"))
    }

    /// As [`HeldPort::take`], for whoever is no store.
    pub(crate) fn take_for(choice: PortChoice, whom: &str) -> Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let any = || drydock_ports::listen().map_err(|e| none_free(&e));
        let listener = match choice {
            PortChoice::Fixed(port) => bind(port).map_err(|e| taken(port, whom, &e))?,
            PortChoice::Preferred(port) => bind(port).or_else(|_| any())?,
            PortChoice::Any => any()?,
        };
        let port = listener.local_addr().map_err(|e| none_free(&e))?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The socket itself, for whoever serves in this process. Within a runtime.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn listen(self) -> std::io::Result<tokio::net::TcpListener> {
        self.listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(self.listener)
    }

    /// Lets go of the port. A listening socket without connections leaves nothing behind.
    pub(crate) fn release(self) -> u16 {
        drop(self.listener);
        self.port
    }
}

/// A port that nobody listens on now, for whoever is given its number only.
pub(crate) fn free_for(whom: &str) -> Result<u16> {
    drydock_ports::free().map_err(|e| {
        EnvironmentError::new(
            EnvironmentProblem::PortTaken,
            format!("cannot get a free port for the {whom}: {e}"),
            "check that the loopback interface is up",
        )
    })
}

fn taken(port: u16, whom: &str, error: &std::io::Error) -> EnvironmentError {
    let reason = match procfs::listener(port) {
        Some((pid, name)) => format!("is taken by {name} (process {pid})"),
        None => format!("cannot be bound: {error}"),
    };
    EnvironmentError::new(
        EnvironmentProblem::PortTaken,
        format!("port {port}, fixed for the {whom}, {reason}"),
        "free the port, or leave it out of the configuration so that a free one is chosen",
    )
}

fn none_free(error: &std::io::Error) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::PortTaken,
        format!("cannot get a free port of the loopback interface: {error}"),
        "check that the loopback interface is up and that the machine is not out of ports",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_port_that_is_taken_names_port_and_process() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let error = HeldPort::take(PortChoice::Fixed(port), Side::Source, Store::Postgres).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::PortTaken);
        assert!(error.what.contains(&port.to_string()), "{}", error.what);
        assert!(error.what.contains(&std::process::id().to_string()), "{}", error.what);
    }

    #[test]
    fn a_preferred_port_that_is_taken_is_replaced() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let got = HeldPort::take(PortChoice::Preferred(port), Side::Source, Store::Postgres).unwrap();
        assert_ne!(got.port(), port);
    }
}
