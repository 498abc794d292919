//! Changes of accounts, as an administrator makes them. For rehearsals alone: whatever looks at an installation sends `GET` requests
//! and logs in, no more.

use super::api::{Admin, KeycloakError, escape};
use reqwest::Method;
use serde_json::{Value as Json, json};

impl Admin {
    /// Makes a realm with everything that its description holds, users and their credentials included.
    ///
    /// # Errors
    /// No answer, or the server refuses: there may be one of that name.
    pub async fn make_realm(&self, realm: &Json) -> Result<(), KeycloakError> {
        self.send(Method::POST, "", realm).await
    }

    /// Makes a user of a realm, as the admin API describes one, credentials included.
    ///
    /// # Errors
    /// No answer, or the server refuses: the name may be taken.
    pub async fn make_user(&self, realm: &str, user: &Json) -> Result<(), KeycloakError> {
        self.send(Method::POST, &format!("/{}/users", escape(realm)), user).await
    }

    /// Takes from a user the right to log in. Everything else about it stays.
    ///
    /// # Errors
    /// No answer, no such user, or the server refuses.
    pub async fn lock_out(&self, realm: &str, user: &str) -> Result<(), KeycloakError> {
        let realm = escape(realm);
        let path = format!("/{realm}/users");
        let found = self.get(&format!("{path}?exact=true&username={}", escape(user))).await?;
        let id = found[0]["id"].as_str().map(escape).ok_or_else(|| self.refused(&Method::GET, &path, 404))?;
        // What a change leaves out may be taken for removed.
        let mut whole = self.get(&format!("{path}/{id}")).await?;
        whole["enabled"] = json!(false);
        self.send(Method::PUT, &format!("{path}/{id}"), &whole).await
    }

    async fn send(&self, method: Method, path: &str, body: &Json) -> Result<(), KeycloakError> {
        let url = format!("{}/admin/realms{path}", self.endpoint.url);
        let token = self.token().await?;
        let request = self.http.request(method.clone(), url).bearer_auth(token).json(body);
        let answer = request.send().await.map_err(|e| KeycloakError::Transport {
            what: what(&method, path),
            url: self.endpoint.url.clone(),
            reason: e.without_url().to_string(),
        })?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(self.refused(&method, path, status.as_u16())),
        }
    }

    fn refused(&self, method: &Method, path: &str, status: u16) -> KeycloakError {
        KeycloakError::Refused { what: what(method, path), url: self.endpoint.url.clone(), status }
    }
}

fn what(method: &Method, path: &str) -> String {
    format!("{method} /admin/realms{path}")
}
