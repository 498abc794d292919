//! What can go wrong with a realm on its way, each planted in the answers of the admin API.

use crate::fake_keycloak::Answers;
use drydock_core::Kind;
use drydock_core::Kind::{Changed, Extra, Missing};
use serde_json::{Value as Json, json};

/// One planted fault: what must be told (kind and subject below the realm), and nothing else.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) told: &'static [(Kind, &'static str)],
    pub(crate) plant: fn(&mut Answers),
}

const REALM: &str = "/camunda-platform";

pub(crate) fn at<'a>(answers: &'a mut Answers, path: &str) -> &'a mut Json {
    let path = format!("{REALM}{path}");
    answers.get_mut(&path).unwrap_or_else(|| panic!("nothing was recorded at {path}"))
}

fn list<'a>(answers: &'a mut Answers, path: &str) -> &'a mut Vec<Json> {
    at(answers, path).as_array_mut().unwrap_or_else(|| panic!("{path} is no list"))
}

/// The element of a list whose field says so.
fn item<'a>(list: &'a mut [Json], field: &str, value: &str) -> &'a mut Json {
    list.iter_mut().find(|item| item[field] == value).unwrap_or_else(|| panic!("no {field} {value}"))
}

fn without(list: &mut Vec<Json>, field: &str, value: &str) {
    let before = list.len();
    list.retain(|item| item[field] != value);
    assert!(list.len() < before, "no {field} {value} to take out");
}

fn strings_without(json: &mut Json, value: &str) {
    let list = json.as_array_mut().expect("a list");
    let before = list.len();
    list.retain(|item| item != value);
    assert!(list.len() < before, "no {value} to take out");
}

fn id_of(answers: &mut Answers, path: &str, field: &str, value: &str) -> String {
    item(list(answers, path), field, value)["id"].as_str().expect("an identifier").to_owned()
}

fn user<'a>(answers: &'a mut Answers, name: &str) -> &'a mut Json {
    item(list(answers, "/users"), "username", name)
}

fn of_user<'a>(answers: &'a mut Answers, name: &str, part: &str) -> &'a mut Json {
    let id = id_of(answers, "/users", "username", name);
    at(answers, &format!("/users/{id}/{part}"))
}

fn client<'a>(answers: &'a mut Answers, name: &str) -> &'a mut Json {
    item(list(answers, "/clients"), "clientId", name)
}

fn of_client<'a>(answers: &'a mut Answers, name: &str, part: &str) -> &'a mut Json {
    let id = id_of(answers, "/clients", "clientId", name);
    at(answers, &format!("/clients/{id}/{part}"))
}

fn realm(answers: &mut Answers) -> &mut Json {
    &mut answers.get_mut("").expect("the list of realms")[0]
}

const fn fault(name: &'static str, told: &'static [(Kind, &'static str)], plant: fn(&mut Answers)) -> Fault {
    Fault { name, told, plant }
}

/// Users: who there is, whether they may log in, with what, and what they may do then.
pub(crate) fn users() -> Vec<Fault> {
    vec![
        fault("user missing", &[(Missing, "users")], |a| {
            without(list(a, "/users"), "username", "user4");
        }),
        fault("user added", &[(Extra, "users")], |a| {
            let mut added = user(a, "user4").clone();
            added["username"] = json!("intruder");
            list(a, "/users").push(added);
        }),
        fault("user disabled", &[(Changed, "users/enabled")], |a| user(a, "user1")["enabled"] = json!(false)),
        fault("address changed", &[(Changed, "users/profile")], |a| {
            user(a, "user1")["email"] = json!("other@example.com");
        }),
        fault("attribute value lost", &[(Missing, "users/attributes")], |a| {
            strings_without(&mut user(a, "user1")["attributes"]["phone"], "x");
        }),
        fault("credential missing", &[(Missing, "users/credentials")], |a| {
            *of_user(a, "user1", "credentials") = json!([]);
        }),
        fault("password set anew", &[(Changed, "users/credentials")], |a| {
            of_user(a, "user1", "credentials")[0]["createdDate"] = json!(1_600_000_000_000_u64);
        }),
        fault("realm role mapping lost", &[(Missing, "users/roles")], |a| {
            without(
                of_user(a, "user0", "role-mappings")["realmMappings"].as_array_mut().expect("a list"),
                "name",
                "Operate",
            );
        }),
        fault("client role mapping lost", &[(Missing, "users/roles")], |a| {
            drop(
                of_user(a, "user1", "role-mappings")
                    .as_object_mut()
                    .expect("an object")
                    .remove("clientMappings"),
            );
        }),
        fault("membership lost", &[(Missing, "users/groups")], |a| {
            *of_user(a, "user1", "groups") = json!([])
        }),
        fault("required action lost", &[(Missing, "users/required-actions")], |a| {
            user(a, "user3")["requiredActions"] = json!([]);
        }),
        fault("required action added", &[(Extra, "users/required-actions")], |a| {
            user(a, "user1")["requiredActions"] = json!(["UPDATE_PASSWORD"]);
        }),
        fault("account at the identity provider lost", &[(Missing, "users/identities")], |a| {
            *of_user(a, "user2", "federated-identity") = json!([]);
        }),
        fault("account at the identity provider of another", &[(Changed, "users/identities")], |a| {
            of_user(a, "user2", "federated-identity")[0]["userId"] = json!("ext9");
        }),
        fault("service account cut off", &[(Missing, "users")], |a| {
            let id = id_of(a, "/clients", "clientId", "operate");
            a.remove(&format!("{REALM}/clients/{id}/service-account-user"));
        }),
    ]
}

/// Clients, their secrets and addresses, and what ends up in tokens.
pub(crate) fn clients() -> Vec<Fault> {
    vec![
        // Its service account and the roles that it defines go with it.
        fault("client missing", &[(Missing, "clients"), (Missing, "users"), (Missing, "users/roles")], |a| {
            without(list(a, "/clients"), "clientId", "operate");
            let roles = of_user(a, "user1", "role-mappings").as_object_mut().expect("an object");
            roles.remove("clientMappings");
        }),
        fault("client secret regenerated", &[(Changed, "clients/secrets")], |a| {
            client(a, "operate")["secret"] = json!("another-s3cret");
        }),
        fault("client secret lost", &[(Missing, "clients/secrets")], |a| {
            drop(client(a, "operate").as_object_mut().expect("an object").remove("secret"));
        }),
        fault("client disabled", &[(Changed, "clients/enabled")], |a| {
            client(a, "operate")["enabled"] = json!(false)
        }),
        fault("redirect address changed", &[(Changed, "clients/redirect-uris")], |a| {
            client(a, "operate")["redirectUris"][1] = json!("http://c/operate");
        }),
        fault("redirect address lost", &[(Missing, "clients/redirect-uris")], |a| {
            strings_without(&mut client(a, "operate")["redirectUris"], "http://b/operate");
        }),
        fault("redirect address added", &[(Extra, "clients/redirect-uris")], |a| {
            client(a, "operate")["redirectUris"].as_array_mut().expect("a list").push(json!("*"));
        }),
        fault("web origins lost", &[(Missing, "clients/web-origins")], |a| {
            client(a, "operate")["webOrigins"] = json!([]);
        }),
        fault("direct grants switched off", &[(Changed, "clients/settings")], |a| {
            client(a, "operate")["directAccessGrantsEnabled"] = json!(false);
        }),
        fault("default client scope lost", &[(Missing, "clients/client-scopes")], |a| {
            strings_without(&mut client(a, "operate")["defaultClientScopes"], "camunda-identity");
        }),
        fault(
            "default client scope became optional",
            &[(Missing, "clients/client-scopes"), (Extra, "clients/client-scopes")],
            |a| {
                strings_without(&mut client(a, "operate")["defaultClientScopes"], "camunda-identity");
                client(a, "operate")["optionalClientScopes"] = json!(["camunda-identity"]);
            },
        ),
        fault("role of the scope mapping lost", &[(Missing, "clients/roles")], |a| {
            *of_client(a, "optimize", "scope-mappings") = json!({});
        }),
        fault("mapper lost", &[(Missing, "protocol-mappers")], |a| {
            client(a, "operate")["protocolMappers"] = json!([])
        }),
        fault("mapper with another audience", &[(Changed, "protocol-mappers/configuration")], |a| {
            client(a, "operate")["protocolMappers"][0]["config"]["included.custom.audience"] =
                json!("other-api");
        }),
        fault("client role lost", &[(Missing, "roles")], |a| {
            without(of_client(a, "operate", "roles").as_array_mut().expect("a list"), "name", "write:*");
        }),
        fault("client scope lost", &[(Missing, "client-scopes")], |a| {
            without(list(a, "/client-scopes"), "name", "camunda-identity");
            let scopes = |scope: &Json| scope["name"] == "camunda-identity";
            list(a, "/default-optional-client-scopes").retain(|scope| !scopes(scope));
        }),
        fault("mapper of a client scope changed", &[(Changed, "protocol-mappers/configuration")], |a| {
            let scope = item(list(a, "/client-scopes"), "name", "camunda-identity");
            scope["protocolMappers"][0]["config"]["full.path"] = json!("true");
        }),
        fault(
            "policy of the authorization services turned round",
            &[(Changed, "authorization-objects/settings")],
            |a| {
                of_client(a, "camunda-identity", "authz/resource-server/settings")["policies"][0]["logic"] =
                    json!("NEGATIVE");
            },
        ),
    ]
}

/// Everything else a realm is made of.
pub(crate) fn realms() -> Vec<Fault> {
    vec![
        fault("realm missing", &[(Missing, "realms")], |a| *a.get_mut("").expect("realms") = json!([])),
        fault("realm setting changed", &[(Changed, "settings")], |a| {
            realm(a)["accessTokenLifespan"] = json!(60)
        }),
        fault("password policy lost", &[(Missing, "settings")], |a| {
            drop(realm(a).as_object_mut().expect("an object").remove("passwordPolicy"));
        }),
        fault("mail server changed", &[(Changed, "configuration")], |a| {
            realm(a)["smtpServer"]["host"] = json!("other.example")
        }),
        fault("mail password lost", &[(Missing, "secrets")], |a| {
            drop(realm(a)["smtpServer"].as_object_mut().expect("an object").remove("password"));
        }),
        fault("realm attribute changed", &[(Changed, "attributes")], |a| {
            realm(a)["attributes"]["x.custom"] = json!("w")
        }),
        fault("another browser flow", &[(Changed, "flows")], |a| {
            realm(a)["browserFlow"] = json!("registration")
        }),
        fault("realm key rotated", &[(Changed, "realm-keys/key-material")], |a| {
            let key = item(at(a, "/keys")["keys"].as_array_mut().expect("a list"), "algorithm", "RS256");
            key["kid"] = json!("another");
            key["publicKey"] = json!("another");
            key["certificate"] = json!("another");
        }),
        fault("another realm key", &[(Extra, "realm-keys")], |a| {
            let keys = at(a, "/keys")["keys"].as_array_mut().expect("a list");
            let mut key = item(keys, "algorithm", "RS256").clone();
            key["kid"] = json!("another");
            key["publicKey"] = json!("another");
            keys.push(key);
        }),
        fault("realm key lost", &[(Missing, "realm-keys")], |a| {
            without(at(a, "/keys")["keys"].as_array_mut().expect("a list"), "algorithm", "HS512");
        }),
        fault("realm key passive", &[(Changed, "realm-keys/enabled")], |a| {
            item(at(a, "/keys")["keys"].as_array_mut().expect("a list"), "algorithm", "RS256")["status"] =
                json!("PASSIVE");
        }),
        fault(
            "role lost",
            &[
                (Missing, "roles"),
                (Changed, "roles/composites"),
                (Changed, "users/roles"),
                (Changed, "clients/roles"),
                (Changed, "groups/roles"),
            ],
            |a| {
                without(list(a, "/roles"), "name", "Operate");
            },
        ),
        fault("role attribute lost", &[(Missing, "roles/attributes")], |a| {
            item(list(a, "/roles"), "name", "Operate")["attributes"] = json!({});
        }),
        fault("composite role lost", &[(Missing, "roles/composites")], |a| {
            let id = id_of(a, "/roles", "name", "Default user role");
            without(list(a, &format!("/roles-by-id/{id}/composites")), "name", "Tasklist");
        }),
        fault("group lost", &[(Missing, "groups"), (Missing, "users/groups")], |a| {
            let id = id_of(a, "/groups", "name", "ops");
            *at(a, &format!("/groups/{id}/children")) = json!([]);
            for name in ["user2", "user5"] {
                *of_user(a, name, "groups") = json!([]);
            }
        }),
        fault("role of a group lost", &[(Missing, "groups/roles")], |a| {
            let id = id_of(a, "/groups", "name", "ops");
            *at(a, &format!("/groups/{id}/role-mappings")) = json!({});
        }),
        fault("group attribute changed", &[(Changed, "groups/attributes")], |a| {
            item(list(a, "/groups"), "name", "ops")["attributes"]["cost"][0] = json!("z");
        }),
        fault("default group lost", &[(Missing, "groups")], |a| {
            *at(a, "/default-groups") = json!([]);
            realm(a)["defaultGroups"] = json!([]);
        }),
        fault(
            "identity provider missing",
            &[(Missing, "identity-providers"), (Missing, "identity-provider-mappers")],
            |a| {
                without(list(a, "/identity-provider/instances"), "alias", "corp");
            },
        ),
        fault("identity provider switched off", &[(Changed, "identity-providers/enabled")], |a| {
            list(a, "/identity-provider/instances")[0]["enabled"] = json!(false);
        }),
        fault(
            "identity provider with another address",
            &[(Changed, "identity-providers/configuration")],
            |a| {
                list(a, "/identity-provider/instances")[0]["config"]["tokenUrl"] =
                    json!("https://other.example/token");
            },
        ),
        fault("secret of the identity provider lost", &[(Missing, "identity-providers/secrets")], |a| {
            let config = &mut list(a, "/identity-provider/instances")[0]["config"];
            drop(config.as_object_mut().expect("an object").remove("clientSecret"));
        }),
        fault(
            "mapper of the identity provider changed",
            &[(Changed, "identity-provider-mappers/configuration")],
            |a| {
                list(a, "/identity-provider/instances/corp/mappers")[0]["config"]["claim"] = json!("other");
            },
        ),
        fault("component changed", &[(Changed, "components/configuration")], |a| {
            item(list(a, "/components"), "name", "Max Clients Limit")["config"]["max-clients"] = json!(["1"]);
        }),
        fault("step of a flow switched off", &[(Changed, "authentication-steps/settings")], |a| {
            let flow = item(list(a, "/authentication/flows"), "alias", "browser");
            flow["authenticationExecutions"][0]["requirement"] = json!("DISABLED");
        }),
        fault("step of a flow lost", &[(Missing, "authentication-steps")], |a| {
            let flow = item(list(a, "/authentication/flows"), "alias", "browser");
            without(
                flow["authenticationExecutions"].as_array_mut().expect("a list"),
                "authenticator",
                "auth-cookie",
            );
        }),
        fault("flow lost", &[(Missing, "authentication-flows")], |a| {
            without(list(a, "/authentication/flows"), "alias", "docker auth");
        }),
        fault("required action switched off", &[(Changed, "required-actions/enabled")], |a| {
            item(list(a, "/authentication/required-actions"), "alias", "VERIFY_EMAIL")["enabled"] =
                json!(false);
        }),
        fault("required action by default", &[(Changed, "required-actions/settings")], |a| {
            item(list(a, "/authentication/required-actions"), "alias", "VERIFY_EMAIL")["defaultAction"] =
                json!(true);
        }),
        fault("realm's default scope lost", &[(Missing, "client-scopes")], |a| {
            without(list(a, "/default-default-client-scopes"), "name", "basic");
        }),
        fault("organization lost", &[(Missing, "organizations")], |a| *at(a, "/organizations") = json!([])),
        fault("domain of the organization lost", &[(Missing, "organizations/settings")], |a| {
            without(
                list(a, "/organizations")[0]["domains"].as_array_mut().expect("a list"),
                "name",
                "b.example",
            );
        }),
    ]
}
