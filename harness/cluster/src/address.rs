//! One GET of a text from an address: metrics, a topology.

use std::time::Duration;
use thiserror::Error;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Why there is no answer. The address is told without what may be a password in it.
#[derive(Debug, Error)]
#[error("cannot read {address}: {reason}")]
pub struct FetchError {
    /// The address without user and password.
    pub address: String,
    /// What is wrong.
    pub reason: String,
}

/// What an address answers with.
///
/// # Errors
/// It does not answer in time, or with another status than success.
pub async fn fetch(address: &str) -> Result<String, FetchError> {
    let shown = without_login(address);
    let failed = |reason: String| FetchError { address: shown.clone(), reason };
    let plain = |error: reqwest::Error| failed(error.without_url().to_string());
    let client = reqwest::Client::builder().timeout(LIMIT).build().map_err(plain)?;
    let response = client.get(address).send().await.map_err(plain)?;
    let status = response.status();
    if !status.is_success() {
        return Err(failed(format!("it answered {status}")));
    }
    response.text().await.map_err(plain)
}

/// An address without user and password.
pub fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::without_login;

    #[test]
    fn logins_are_not_told() {
        assert_eq!(without_login("http://u:p@ss@h:8080/v2/topology"), "http://h:8080/v2/topology");
        assert_eq!(without_login("http://h/x@y"), "http://h/x@y");
    }
}
