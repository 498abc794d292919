//! What the admin API tells of a realm, as objects with facts. What it keeps to itself (hashes, private keys) is not told.

use super::api::{Admin, KeycloakError, escape};
use super::shown::{SecretShown, as_sets, field, flatten, items, role_ids, secret_of};
use drydock_parity::realm::{Aspect, Facts, Object, ObjectKind, Realms, Sealer, Value};
use serde_json::Value as Json;

type Told<T> = Result<T, KeycloakError>;

struct Reader<'a> {
    admin: &'a Admin,
    sealer: &'a Sealer,
    /// `/NAME` of the realm.
    path: String,
    out: Realms,
    kept: Vec<Kept>,
}

/// A realm as its server tells it to the account that asks.
#[derive(Debug, Clone, Default)]
pub struct ServedRealm {
    /// Everything but its users.
    pub definitions: Realms,
    /// What the server keeps from this account.
    pub kept: Vec<Kept>,
}

/// Something the account may not see, though it may see the rest of the realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub what: KeptPart,
    /// Why it was not read.
    pub reason: String,
}

/// Parts of a realm that need rights of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptPart {
    /// Organizations and their members.
    Organizations,
    /// Resources, policies and permissions of clients.
    Authorization,
    /// Secrets of clients, of which the server shows only that they are there.
    MaskedSecrets,
    /// Secrets of clients, of which the server shows none at all.
    AbsentSecrets,
}

/// Reads one realm but its users. `told` is the realm as the list of realms shows it.
///
/// # Errors
/// Something that belongs to the realm cannot be read.
pub async fn read_realm(admin: &Admin, told: &Json, sealer: &Sealer) -> Told<ServedRealm> {
    let name = field(told, "realm").to_owned();
    let path = format!("/{}", escape(&name));
    let mut reader = Reader { admin, sealer, path, out: Realms::default(), kept: Vec::new() };
    let realm = (ObjectKind::Realm, field(told, "id").to_owned());
    reader.realm(told, &name, &realm.1).await?;
    reader.keys(&realm).await?;
    reader.roles(&format!("{}/roles", reader.path), &realm).await?;
    reader.groups(&realm).await?;
    reader.scopes(&realm).await?;
    reader.clients(&realm).await?;
    reader.providers(&realm).await?;
    reader.flows(&realm).await?;
    // A server of 26 refuses to list organizations even where the realm has none, unless the account may see them.
    if told["organizationsEnabled"] == true
        && let Err(error) = reader.organizations(&realm).await
    {
        reader.keep(KeptPart::Organizations, error)?;
    }
    Ok(ServedRealm { definitions: reader.out, kept: reader.kept })
}

impl Reader<'_> {
    /// Notes that the account may not see a part; anything else that went wrong goes on.
    fn keep(&mut self, what: KeptPart, error: KeycloakError) -> Told<()> {
        match error {
            KeycloakError::Refused { status: 401 | 403, .. } => {
                self.kept.push(Kept { what, reason: error.to_string() });
                Ok(())
            }
            other => Err(other),
        }
    }

    fn push(
        &mut self,
        kind: ObjectKind,
        json: &Json,
        parent: Option<(ObjectKind, String)>,
        name: String,
    ) -> &mut Facts {
        let id =
            ["id", "internalId"].iter().map(|f| field(json, f)).find(|id| !id.is_empty()).unwrap_or_default();
        let mut facts = Facts::default();
        flatten(json, &mut facts, self.sealer);
        let at = self.out.objects.len();
        self.out.objects.push(Object { kind, id: id.to_owned(), parent, name, facts });
        &mut self.out.objects[at].facts
    }

    async fn realm(&mut self, told: &Json, name: &str, id: &str) -> Told<()> {
        let mut more = Facts::default();
        for (list, called) in [("default", "default"), ("optional", "optional")] {
            let path = format!("{}/default-{list}-client-scopes", self.path);
            for scope in items(self.admin.get(&path).await?) {
                more.add(Aspect::Scopes, called, Value::Reference(field(&scope, "id").to_owned()));
            }
        }
        for group in items(self.admin.get(&format!("{}/default-groups", self.path)).await?) {
            more.add(Aspect::Groups, "default group", Value::Reference(field(&group, "id").to_owned()));
        }
        for locale in
            items(self.admin.find(&format!("{}/localization", self.path)).await?.unwrap_or_default())
        {
            let Some(locale) = locale.as_str() else { continue };
            if let Some(texts) =
                self.admin.find(&format!("{}/localization/{}", self.path, escape(locale))).await?
            {
                more.text(Aspect::Config, format!("texts {locale}"), texts.to_string());
            }
        }
        if let Some(role) = told["defaultRole"]["id"].as_str() {
            more.add(Aspect::Roles, "default role", Value::Reference(role.to_owned()));
        }
        let realm = serde_json::json!({ "id": id });
        self.push(ObjectKind::Realm, &realm, None, name.to_owned());
        if let Some(object) = self.out.objects.last_mut() {
            flatten(told, &mut object.facts, self.sealer);
            for ((aspect, name), values) in more.0 {
                object.facts.0.entry((aspect, name)).or_default().extend(values);
            }
        }
        Ok(())
    }

    async fn keys(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let told = self.admin.get(&format!("{}/keys", self.path)).await?;
        for key in told["keys"].as_array().into_iter().flatten() {
            let name = format!("{} {}", field(key, "algorithm"), field(key, "use"));
            let mut facts = Facts::default();
            for (part, aspect) in
                [("kid", Aspect::KeyMaterial), ("status", Aspect::Enabled), ("type", Aspect::Setting)]
            {
                facts.text(aspect, part, field(key, part));
            }
            facts.text(Aspect::Setting, "priority", key["providerPriority"].to_string());
            for part in ["publicKey", "certificate"] {
                facts.add(Aspect::KeyMaterial, part, self.sealer.secret(field(key, part)));
            }
            let parent = Some(realm.clone());
            self.out.objects.push(Object { kind: ObjectKind::Key, id: String::new(), parent, name, facts });
        }
        Ok(())
    }

    async fn roles(&mut self, path: &str, parent: &(ObjectKind, String)) -> Told<()> {
        for role in self.admin.list(path, "&briefRepresentation=false").await? {
            let mut parts = Vec::new();
            if role["composite"] == true {
                let path = format!("{}/roles-by-id/{}/composites", self.path, field(&role, "id"));
                parts = items(self.admin.get(&path).await?);
            }
            let facts =
                self.push(ObjectKind::Role, &role, Some(parent.clone()), field(&role, "name").to_owned());
            for part in parts {
                facts.add(Aspect::Composites, "", Value::Reference(field(&part, "id").to_owned()));
            }
        }
        Ok(())
    }

    async fn groups(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let top = self.admin.list(&format!("{}/groups", self.path), "&briefRepresentation=false").await?;
        let mut left: Vec<(Json, (ObjectKind, String))> =
            top.into_iter().map(|g| (g, realm.clone())).collect();
        while let Some((group, parent)) = left.pop() {
            let id = field(&group, "id").to_owned();
            let path = format!("{}/groups/{id}", self.path);
            let own = (ObjectKind::Group, id);
            // Servers before 23 show the groups inside with the group itself.
            let mut inside: Vec<Json> = group["subGroups"].as_array().cloned().unwrap_or_default();
            if inside.is_empty() && group["subGroupCount"].as_u64() != Some(0) {
                // Servers before 23 have no such path.
                let children =
                    self.admin.list(&format!("{path}/children"), "&briefRepresentation=false").await;
                inside = match children {
                    Err(KeycloakError::Refused { status: 404, .. }) if group["subGroupCount"].is_null() => {
                        Vec::new()
                    }
                    told => told?,
                };
            }
            left.extend(inside.into_iter().map(|g| (g, own.clone())));
            let roles = self.admin.get(&format!("{path}/role-mappings")).await?;
            let mut shown = group.clone();
            if let Some(parts) = shown.as_object_mut() {
                for told_apart in ["realmRoles", "clientRoles"] {
                    parts.remove(told_apart);
                }
            }
            let facts = self.push(ObjectKind::Group, &shown, Some(parent), field(&group, "name").to_owned());
            for role in role_ids(&roles) {
                facts.add(Aspect::Roles, "", Value::Reference(role));
            }
        }
        Ok(())
    }

    fn mappers(&mut self, of: &Json, parent: &(ObjectKind, String)) {
        for mapper in of["protocolMappers"].as_array().into_iter().flatten() {
            self.push(ObjectKind::Mapper, mapper, Some(parent.clone()), field(mapper, "name").to_owned());
        }
    }

    async fn scopes(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        for scope in items(self.admin.get(&format!("{}/client-scopes", self.path)).await?) {
            let id = field(&scope, "id").to_owned();
            let path = format!("{}/client-scopes/{id}/scope-mappings", self.path);
            let roles = self.admin.get(&path).await?;
            let facts = self.push(
                ObjectKind::ClientScope,
                &scope,
                Some(realm.clone()),
                field(&scope, "name").to_owned(),
            );
            for role in role_ids(&roles) {
                facts.add(Aspect::Roles, "scope", Value::Reference(role));
            }
            self.mappers(&scope, &(ObjectKind::ClientScope, id));
        }
        Ok(())
    }

    async fn clients(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let mut secrets = Vec::new();
        for client in self.admin.list(&format!("{}/clients", self.path), "").await? {
            let id = field(&client, "id").to_owned();
            let path = format!("{}/clients/{id}", self.path);
            let own = (ObjectKind::Client, id);
            let scope = self.admin.get(&format!("{path}/scope-mappings")).await?;
            let name = field(&client, "clientId").to_owned();
            let facts = self.push(ObjectKind::Client, &client, Some(realm.clone()), name.clone());
            for role in role_ids(&scope) {
                facts.add(Aspect::Roles, "scope", Value::Reference(role));
            }
            self.mappers(&client, &own);
            self.roles(&format!("{path}/roles"), &own).await?;
            secrets.extend(secret_of(&client));
            if client["authorizationServicesEnabled"] == true {
                match self.admin.find(&format!("{path}/authz/resource-server/settings")).await {
                    Ok(Some(settings)) => {
                        self.push(
                            ObjectKind::Authorization,
                            &as_sets(&settings),
                            Some(own),
                            "settings".to_owned(),
                        );
                    }
                    Ok(None) => {}
                    Err(error) => self.keep(KeptPart::Authorization, error)?,
                }
            }
        }
        // One that is not there is told as a difference, if the other side has it.
        if !secrets.contains(&SecretShown::Told) {
            let (what, reason) = match secrets.contains(&SecretShown::Masked) {
                true => (KeptPart::MaskedSecrets, "the server masks every client secret"),
                false => (KeptPart::AbsentSecrets, "the server tells no client secret at all"),
            };
            if !secrets.is_empty() {
                self.kept.push(Kept { what, reason: reason.to_owned() });
            }
        }
        Ok(())
    }

    async fn providers(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let path = format!("{}/identity-provider/instances", self.path);
        for provider in items(self.admin.get(&path).await?) {
            let alias = field(&provider, "alias").to_owned();
            self.push(ObjectKind::IdentityProvider, &provider, Some(realm.clone()), alias.clone());
            for mapper in items(self.admin.get(&format!("{path}/{}/mappers", escape(&alias))).await?) {
                let name = format!("{alias}/{}", field(&mapper, "name"));
                self.push(ObjectKind::IdentityProviderMapper, &mapper, Some(realm.clone()), name);
            }
        }
        let components = items(self.admin.get(&format!("{}/components", self.path)).await?);
        let kind = |component: &Json| match field(component, "providerType") {
            name if name.ends_with(".KeyProvider") => ObjectKind::Key,
            name if name.ends_with(".UserStorageProvider") => ObjectKind::Federation,
            _ => ObjectKind::Component,
        };
        for component in &components {
            let parent = components.iter().find(|c| c["id"] == component["parentId"]);
            let parent = parent.map_or(realm.clone(), |p| (kind(p), field(p, "id").to_owned()));
            let of = field(component, "providerType").rsplit('.').next().unwrap_or_default();
            let name = [of, field(component, "subType"), field(component, "name")];
            let name: Vec<&str> = name.into_iter().filter(|part| !part.is_empty()).collect();
            self.push(kind(component), component, Some(parent), name.join(" "));
        }
        Ok(())
    }

    async fn flows(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let path = format!("{}/authentication", self.path);
        for flow in items(self.admin.get(&format!("{path}/flows")).await?) {
            let alias = field(&flow, "alias").to_owned();
            let own = (ObjectKind::Flow, field(&flow, "id").to_owned());
            self.push(ObjectKind::Flow, &flow, Some(realm.clone()), alias.clone());
            for step in flow["authenticationExecutions"].as_array().into_iter().flatten() {
                let name = match field(step, "authenticator") {
                    "" => format!("subflow {}", field(step, "flowAlias")),
                    name => name.to_owned(),
                };
                self.push(ObjectKind::Execution, step, Some(own.clone()), name);
            }
            if flow["topLevel"] != true {
                continue;
            }
            for step in items(self.admin.get(&format!("{path}/flows/{}/executions", escape(&alias))).await?) {
                let Some(config) = step["authenticationConfig"].as_str() else { continue };
                if let Some(config) = self.admin.find(&format!("{path}/config/{config}")).await? {
                    let name = format!("{alias}/{}", field(&config, "alias"));
                    self.push(ObjectKind::ExecutionConfig, &config, Some(realm.clone()), name);
                }
            }
        }
        for action in items(self.admin.get(&format!("{path}/required-actions")).await?) {
            let alias = field(&action, "alias").to_owned();
            self.push(ObjectKind::RequiredAction, &action, Some(realm.clone()), alias);
        }
        Ok(())
    }

    async fn organizations(&mut self, realm: &(ObjectKind, String)) -> Told<()> {
        let path = format!("{}/organizations", self.path);
        for organization in self.admin.list(&path, "&briefRepresentation=false").await? {
            let members =
                self.admin.list(&format!("{path}/{}/members", field(&organization, "id")), "").await?;
            let name = field(&organization, "name").to_owned();
            let facts = self.push(ObjectKind::Organization, &organization, Some(realm.clone()), name);
            for member in members {
                facts.text(Aspect::Groups, "member", field(&member, "username"));
            }
        }
        Ok(())
    }
}
