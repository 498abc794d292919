//! Who logs in for `verify keycloak --login`. Secrets come from the environment or standard input, never from an argument.

use crate::cli::LoginArguments;
use drydock_stores::endpoint::AddressError;
use drydock_stores::keycloak::LoginRequest;
use secrecy::SecretString;
use std::io::BufRead;

const PASSWORD: &str = "DRYDOCK_LOGIN_PASSWORD";
const CLIENT_SECRET: &str = "DRYDOCK_LOGIN_CLIENT_SECRET";
/// The client of Keycloak's own administration programs: public, and open to direct access grants.
const CLIENT: &str = "admin-cli";

/// Whether a login is asked for.
pub(super) fn is_asked(arguments: &LoginArguments) -> bool {
    arguments.login.is_some() || arguments.login_client.is_some()
}

/// The login that is asked for, with its secrets.
///
/// # Errors
/// A secret is in neither place.
pub(super) fn request(arguments: &LoginArguments) -> Result<Option<LoginRequest>, AddressError> {
    if !is_asked(arguments) {
        return Ok(None);
    }
    let secret = |variable: &str| std::env::var(variable).ok().filter(|text| !text.is_empty());
    let needed = |variable: &str, what: &str| match secret(variable) {
        Some(secret) => Ok(SecretString::from(secret)),
        None => line(&mut std::io::stdin().lock()).ok_or_else(|| {
            AddressError::new(format!("no {what}: set {variable}, or write it as a line to standard input"))
        }),
    };
    let LoginArguments { login, login_client, login_realm } = arguments;
    let user = match login {
        Some(user) => Some((user.clone(), needed(PASSWORD, "password to log in with")?)),
        None => None,
    };
    let client_secret = match user {
        Some(_) => secret(CLIENT_SECRET).map(SecretString::from),
        None => Some(needed(CLIENT_SECRET, "client secret to log in with")?),
    };
    let client = login_client.clone().unwrap_or_else(|| CLIENT.to_owned());
    Ok(Some(LoginRequest { realm: login_realm.clone(), user, client, client_secret }))
}

/// The first line, without its end; `None` if there is none or it is empty.
fn line(input: &mut dyn BufRead) -> Option<SecretString> {
    let mut line = String::new();
    input.read_line(&mut line).ok()?;
    let text = line.trim_end_matches(['\r', '\n']);
    (!text.is_empty()).then(|| SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_line_is_read_as_it_is() {
        let read = |text: &str| line(&mut text.as_bytes()).map(|s| s.expose_secret().to_owned());
        assert_eq!(read(" p w \r\nmore"), Some(" p w ".to_owned()));
        assert_eq!(read("pw"), Some("pw".to_owned()));
        assert_eq!((read(""), read("\n")), (None, None));
    }
}
