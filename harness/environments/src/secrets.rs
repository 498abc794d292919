//! Passwords that follow from the one password of a run's source, so that a run that is taken up again knows them, and whoever
//! installs a release beforehand gives it those that the run is going to use.

use secrecy::{ExposeSecret, SecretString};

/// Letters of a password.
const LENGTH: usize = 32;

/// Password of a role of an application, on both sides.
pub fn role_password(run: &str, role: &str, superuser: &str) -> SecretString {
    derived("drydock 2026 application role password", &format!("{run}\0{role}\0{superuser}"))
}

/// Password of the administrator of a Keycloak whose role has this one.
pub fn administrator_password(role: &SecretString) -> SecretString {
    derived("drydock 2026 keycloak administrator password", role.expose_secret())
}

fn derived(purpose: &str, material: &str) -> SecretString {
    let key = blake3::derive_key(purpose, material.as_bytes());
    SecretString::from(blake3::Hash::from_bytes(key).to_hex()[..LENGTH].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_password_is_its_own_and_stays() {
        let told = |p: &SecretString| p.expose_secret().to_owned();
        let one = role_password("run-1", "keycloak", "p");
        assert_eq!(told(&one), told(&role_password("run-1", "keycloak", "p")));
        let others = [
            role_password("run-2", "keycloak", "p"),
            role_password("run-1", "identity", "p"),
            role_password("run-1", "keycloak", "q"),
            administrator_password(&one),
        ];
        assert!(others.iter().all(|other| told(other) != told(&one) && told(other).len() == LENGTH));
    }
}
