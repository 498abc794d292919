//! What can go wrong with a realm on its way, each planted in a copy of a database that a real Keycloak wrote.

use drydock_core::names::checks::{KC_CLIENTS, KC_REALMS, KC_USERS};

/// Identifiers by name, for the scripts below.
pub(crate) const HELPERS: &str = "
CREATE FUNCTION pg_temp.realm() RETURNS text LANGUAGE sql AS $$SELECT id FROM public.realm WHERE name = 'camunda-platform'$$;
CREATE FUNCTION pg_temp.account(n text) RETURNS text LANGUAGE sql AS
    $$SELECT id FROM public.user_entity WHERE username = n AND realm_id = pg_temp.realm()$$;
CREATE FUNCTION pg_temp.app(n text) RETURNS text LANGUAGE sql AS
    $$SELECT id FROM public.client WHERE client_id = n AND realm_id = pg_temp.realm()$$;
CREATE FUNCTION pg_temp.role(n text) RETURNS text LANGUAGE sql AS
    $$SELECT id FROM public.keycloak_role WHERE name = n AND realm_id = pg_temp.realm() AND NOT client_role$$;
CREATE FUNCTION pg_temp.grp(n text) RETURNS text LANGUAGE sql AS
    $$SELECT id FROM public.keycloak_group WHERE name = n AND realm_id = pg_temp.realm() AND type = 0$$;
CREATE FUNCTION pg_temp.provider(n text) RETURNS text LANGUAGE sql AS
    $$SELECT id FROM public.component WHERE provider_id = n AND realm_id = pg_temp.realm()$$;
SET session_replication_role = replica;
";

/// A name, the check and the subject that must tell it, and the script that plants it.
pub(crate) const CORRUPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "credential gone",
        KC_USERS,
        "src/camunda-platform/users/credentials",
        "DELETE FROM credential WHERE user_id=pg_temp.account('user1')",
    ),
    (
        "hash changed",
        KC_USERS,
        "src/camunda-platform/users/credentials",
        "UPDATE credential SET secret_data=replace(secret_data,'\"value\":\"','\"value\":\"A') WHERE user_id=pg_temp.account('user2')",
    ),
    (
        "iterations changed",
        KC_USERS,
        "src/camunda-platform/users/credentials",
        "UPDATE credential SET credential_data=replace(credential_data,'\"hashIterations\":5','\"hashIterations\":6') WHERE user_id=pg_temp.account('user2')",
    ),
    (
        "hashes swapped",
        KC_USERS,
        "src/camunda-platform/users/credentials",
        "UPDATE credential c SET secret_data=o.secret_data FROM credential o WHERE c.user_id=pg_temp.account('user3') AND o.user_id=pg_temp.account('user4')",
    ),
    (
        "password reset",
        KC_USERS,
        "src/camunda-platform/users/credentials",
        "UPDATE credential SET secret_data=replace(secret_data,'\"value\":\"','\"value\":\"A'), credential_data=replace(credential_data,'\"hashIterations\":5','\"hashIterations\":6'), created_date=created_date+1 WHERE user_id=pg_temp.account('user2')",
    ),
    (
        "user disabled",
        KC_USERS,
        "src/camunda-platform/users/enabled",
        "UPDATE user_entity SET enabled=false WHERE id=pg_temp.account('user1')",
    ),
    (
        "user renamed",
        KC_USERS,
        "src/camunda-platform/users/settings",
        "UPDATE user_entity SET username='userx' WHERE id=pg_temp.account('user1')",
    ),
    (
        "user gone",
        KC_USERS,
        "src/camunda-platform/users",
        "DELETE FROM credential WHERE user_id=pg_temp.account('user20'); DELETE FROM user_attribute WHERE user_id=pg_temp.account('user20'); DELETE FROM user_role_mapping WHERE user_id=pg_temp.account('user20'); DELETE FROM user_group_membership WHERE user_id=pg_temp.account('user20'); DELETE FROM user_required_action WHERE user_id=pg_temp.account('user20'); DELETE FROM user_entity WHERE username='user20'",
    ),
    (
        "user extra",
        KC_USERS,
        "src/camunda-platform/users",
        "INSERT INTO user_entity(id,email_constraint,email_verified,enabled,realm_id,username,not_before) VALUES('x-1','x-1',false,true,pg_temp.realm(),'intruder',0)",
    ),
    (
        "email changed",
        KC_USERS,
        "src/camunda-platform/users/profile",
        "UPDATE user_entity SET email='evil@example.com' WHERE id=pg_temp.account('user1')",
    ),
    (
        "attribute gone",
        KC_USERS,
        "src/camunda-platform/users/attributes",
        "DELETE FROM user_attribute WHERE name='phone' AND value='x' AND user_id=pg_temp.account('user1')",
    ),
    (
        "attribute twice",
        KC_USERS,
        "src/camunda-platform/users/attributes",
        "INSERT INTO user_attribute(id,name,value,user_id) VALUES('dup','phone','x',pg_temp.account('user1'))",
    ),
    (
        "attribute null to empty",
        KC_USERS,
        "src/camunda-platform/users/attributes",
        "UPDATE user_attribute SET value='' WHERE name='dept' AND user_id=pg_temp.account('user1')",
    ),
    (
        "role mapping gone",
        KC_USERS,
        "src/camunda-platform/users/roles",
        "DELETE FROM user_role_mapping WHERE user_id=pg_temp.account('user1') AND role_id=pg_temp.role('Operate')",
    ),
    (
        "role mapping extra",
        KC_USERS,
        "src/camunda-platform/users/roles",
        "INSERT INTO user_role_mapping(role_id,user_id) VALUES(pg_temp.role('Identity'),pg_temp.account('user1'))",
    ),
    (
        "service account role gone",
        KC_USERS,
        "src/camunda-platform/users/roles",
        "DELETE FROM user_role_mapping WHERE user_id=(SELECT id FROM user_entity WHERE username='service-account-zeebe') AND role_id IN (SELECT id FROM keycloak_role WHERE client_role)",
    ),
    (
        "service account cut off",
        KC_USERS,
        "src/camunda-platform/users/links",
        "UPDATE user_entity SET service_account_client_link=NULL WHERE username='service-account-zeebe'",
    ),
    (
        "membership gone",
        KC_USERS,
        "src/camunda-platform/users/groups",
        "DELETE FROM user_group_membership WHERE user_id=pg_temp.account('user1')",
    ),
    (
        "federated identity gone",
        KC_USERS,
        "src/camunda-platform/users/identities",
        "DELETE FROM federated_identity",
    ),
    (
        "federated identity changed",
        KC_USERS,
        "src/camunda-platform/users/identities",
        "UPDATE federated_identity SET federated_user_id='ext4'",
    ),
    (
        "required action gone",
        KC_USERS,
        "src/camunda-platform/users/required-actions",
        "DELETE FROM user_required_action WHERE user_id=pg_temp.account('user5')",
    ),
    (
        "required action extra",
        KC_USERS,
        "src/camunda-platform/users/required-actions",
        "INSERT INTO user_required_action(user_id,required_action) VALUES(pg_temp.account('user1'),'UPDATE_PASSWORD')",
    ),
    (
        "user tokens revoked",
        KC_USERS,
        "src/camunda-platform/users/settings",
        "UPDATE user_entity SET not_before=1900000000 WHERE id=pg_temp.account('user1')",
    ),
    (
        "user id changed",
        KC_USERS,
        "src/camunda-platform/users/ids",
        "INSERT INTO user_entity SELECT (jsonb_populate_record(u, '{\"id\":\"other-id\",\"email_constraint\":\"zz\",\"username\":\"tmp\"}')).* FROM user_entity u WHERE id=pg_temp.account('user1'); UPDATE credential SET user_id='other-id' WHERE user_id=pg_temp.account('user1'); UPDATE user_attribute SET user_id='other-id' WHERE user_id=pg_temp.account('user1'); UPDATE user_role_mapping SET user_id='other-id' WHERE user_id=pg_temp.account('user1'); UPDATE user_group_membership SET user_id='other-id' WHERE user_id=pg_temp.account('user1'); DELETE FROM user_entity WHERE id=pg_temp.account('user1'); UPDATE user_entity SET username='user1' WHERE id='other-id'",
    ),
    (
        "private key regenerated",
        KC_REALMS,
        "src/camunda-platform/realm-keys/key-material",
        "UPDATE component_config SET value='MIIE'||value WHERE name='privateKey' AND component_id=pg_temp.provider('rsa-generated')",
    ),
    (
        "hmac secret changed",
        KC_REALMS,
        "src/camunda-platform/realm-keys/key-material",
        "UPDATE component_config SET value='A'||value WHERE name='secret' AND component_id=pg_temp.provider('hmac-generated')",
    ),
    (
        "key provider gone",
        KC_REALMS,
        "src/camunda-platform/realm-keys",
        "DELETE FROM component_config WHERE component_id=pg_temp.provider('rsa-generated'); DELETE FROM component WHERE id=pg_temp.provider('rsa-generated')",
    ),
    (
        "key provider extra",
        KC_REALMS,
        "src/camunda-platform/realm-keys",
        "INSERT INTO component(id,name,parent_id,provider_id,provider_type,realm_id) VALUES('kx','rsa-new',pg_temp.realm(),'rsa-generated','org.keycloak.keys.KeyProvider',pg_temp.realm())",
    ),
    (
        "key priority",
        KC_REALMS,
        "src/camunda-platform/realm-keys/configuration",
        "UPDATE component_config SET value='99' WHERE name='priority' AND component_id=pg_temp.provider('rsa-generated')",
    ),
    (
        "realm disabled",
        KC_REALMS,
        "src/camunda-platform/enabled",
        "UPDATE realm SET enabled=false WHERE id=pg_temp.realm()",
    ),
    (
        "token lifespan",
        KC_REALMS,
        "src/camunda-platform/settings",
        "UPDATE realm SET access_token_lifespan=1 WHERE id=pg_temp.realm()",
    ),
    (
        "password policy",
        KC_REALMS,
        "src/camunda-platform/settings",
        "UPDATE realm SET password_policy=NULL WHERE id=pg_temp.realm()",
    ),
    (
        "realm renamed",
        KC_REALMS,
        "src/camunda-platform/settings",
        "UPDATE realm SET name='camunda' WHERE id=pg_temp.realm()",
    ),
    (
        "realm attribute",
        KC_REALMS,
        "src/camunda-platform/attributes",
        "UPDATE realm_attribute SET value='w' WHERE name='x.custom' AND realm_id=pg_temp.realm()",
    ),
    (
        "smtp password",
        KC_REALMS,
        "src/camunda-platform/secrets",
        "UPDATE realm_smtp_config SET value='other-s3cret' WHERE name='password'",
    ),
    (
        "locale gone",
        KC_REALMS,
        "src/camunda-platform/settings",
        "DELETE FROM realm_supported_locales WHERE value='de' AND realm_id=pg_temp.realm()",
    ),
    (
        "browser flow rebound",
        KC_REALMS,
        "src/camunda-platform/flows",
        "UPDATE realm SET browser_flow=(SELECT id FROM authentication_flow WHERE alias='registration' AND realm_id=pg_temp.realm()) WHERE id=pg_temp.realm()",
    ),
    (
        "default role changed",
        KC_REALMS,
        "src/camunda-platform/roles",
        "UPDATE realm SET default_role=pg_temp.role('Identity') WHERE id=pg_temp.realm()",
    ),
    (
        "default group gone",
        KC_REALMS,
        "src/camunda-platform/groups",
        "DELETE FROM realm_default_groups WHERE realm_id=pg_temp.realm()",
    ),
    (
        "default client scope gone",
        KC_REALMS,
        "src/camunda-platform/client-scopes",
        "DELETE FROM default_client_scope WHERE realm_id=pg_temp.realm() AND scope_id=(SELECT id FROM client_scope WHERE name='roles' AND realm_id=pg_temp.realm())",
    ),
    (
        "requirement changed",
        KC_REALMS,
        "src/camunda-platform/authentication-steps/settings",
        "UPDATE authentication_execution SET requirement=3 WHERE authenticator='auth-cookie' AND realm_id=pg_temp.realm()",
    ),
    (
        "step gone",
        KC_REALMS,
        "src/camunda-platform/authentication-steps",
        "DELETE FROM authentication_execution WHERE authenticator='auth-cookie' AND realm_id=pg_temp.realm()",
    ),
    (
        "step config",
        KC_REALMS,
        "src/camunda-platform/configurations-of-authentication-steps/configuration",
        "UPDATE authenticator_config_entry SET value='off' WHERE value='missing'",
    ),
    (
        "required action off",
        KC_REALMS,
        "src/camunda-platform/required-actions/enabled",
        "UPDATE required_action_provider SET enabled=false WHERE alias='UPDATE_PASSWORD' AND realm_id=pg_temp.realm()",
    ),
    (
        "required action provider gone",
        KC_REALMS,
        "src/camunda-platform/required-actions",
        "DELETE FROM required_action_provider WHERE alias='UPDATE_PASSWORD' AND realm_id=pg_temp.realm()",
    ),
    (
        "role gone",
        KC_REALMS,
        "src/camunda-platform/roles",
        "DELETE FROM composite_role WHERE child_role=pg_temp.role('Tasklist'); DELETE FROM user_role_mapping WHERE role_id=pg_temp.role('Tasklist'); DELETE FROM role_attribute WHERE role_id=pg_temp.role('Tasklist'); DELETE FROM keycloak_role WHERE id=pg_temp.role('Tasklist')",
    ),
    (
        "role renamed",
        KC_REALMS,
        "src/camunda-platform/roles/settings",
        "UPDATE keycloak_role SET name='Operator' WHERE id=pg_temp.role('Operate')",
    ),
    (
        "role attribute",
        KC_REALMS,
        "src/camunda-platform/roles/attributes",
        "UPDATE role_attribute SET value='3' WHERE value='2' AND role_id=pg_temp.role('Operate')",
    ),
    (
        "composite gone",
        KC_REALMS,
        "src/camunda-platform/roles/composites",
        "DELETE FROM composite_role WHERE composite=pg_temp.role('Default user role') AND child_role=pg_temp.role('Operate')",
    ),
    (
        "group renamed",
        KC_REALMS,
        "src/camunda-platform/groups/settings",
        "UPDATE keycloak_group SET name='operations' WHERE id=pg_temp.grp('ops')",
    ),
    (
        "group moved",
        KC_REALMS,
        "src/camunda-platform/groups",
        "UPDATE keycloak_group SET parent_group=pg_temp.grp('dev'), name='moved' WHERE parent_group=pg_temp.grp('ops')",
    ),
    (
        "group role gone",
        KC_REALMS,
        "src/camunda-platform/groups/roles",
        "DELETE FROM group_role_mapping WHERE group_id=pg_temp.grp('ops')",
    ),
    (
        "group attribute",
        KC_REALMS,
        "src/camunda-platform/groups/attributes",
        "DELETE FROM group_attribute WHERE group_id=pg_temp.grp('ops') AND value='x'",
    ),
    (
        "idp secret",
        KC_REALMS,
        "src/camunda-platform/identity-providers/secrets",
        "UPDATE identity_provider_config SET value='stolen-s3cret' WHERE name='clientSecret'",
    ),
    (
        "idp off",
        KC_REALMS,
        "src/camunda-platform/identity-providers/enabled",
        "UPDATE identity_provider SET enabled=false",
    ),
    (
        "idp mapper config",
        KC_REALMS,
        "src/camunda-platform/identity-provider-mappers/configuration",
        "UPDATE idp_mapper_config SET value='division' WHERE name='claim'",
    ),
    (
        "ldap bind credential",
        KC_REALMS,
        "src/camunda-platform/user-federations/secrets",
        "UPDATE component_config SET value='other-s3cret' WHERE name='bindCredential'",
    ),
    (
        "ldap mapper gone",
        KC_REALMS,
        "src/camunda-platform/components",
        "DELETE FROM component_config WHERE component_id=(SELECT id FROM component WHERE name='email' AND provider_type like '%LDAPStorageMapper'); DELETE FROM component WHERE name='email' AND provider_type like '%LDAPStorageMapper'",
    ),
    (
        "organization off",
        KC_REALMS,
        "src/camunda-platform/organizations/enabled",
        "UPDATE org SET enabled=false",
    ),
    (
        "organization domain",
        KC_REALMS,
        "src/camunda-platform/organizations/settings",
        "UPDATE org_domain SET name='other.org'",
    ),
    (
        "client secret",
        KC_CLIENTS,
        "src/camunda-platform/clients/secrets",
        "UPDATE client SET secret='stolen-s3cret' WHERE id=pg_temp.app('operate')",
    ),
    (
        "client off",
        KC_CLIENTS,
        "src/camunda-platform/clients/enabled",
        "UPDATE client SET enabled=false WHERE id=pg_temp.app('operate')",
    ),
    (
        "client public",
        KC_CLIENTS,
        "src/camunda-platform/clients/settings",
        "UPDATE client SET public_client=true WHERE id=pg_temp.app('operate')",
    ),
    (
        "direct access off",
        KC_CLIENTS,
        "src/camunda-platform/clients/settings",
        "UPDATE client SET direct_access_grants_enabled=false WHERE id=pg_temp.app('operate')",
    ),
    (
        "redirect uri gone",
        KC_CLIENTS,
        "src/camunda-platform/clients/redirect-uris",
        "DELETE FROM redirect_uris WHERE client_id=pg_temp.app('operate') AND value LIKE 'http://b/%'",
    ),
    (
        "redirect uri changed",
        KC_CLIENTS,
        "src/camunda-platform/clients/redirect-uris",
        "UPDATE redirect_uris SET value='http://evil/*' WHERE client_id=pg_temp.app('operate') AND value LIKE 'http://b/%'",
    ),
    (
        "redirect uri extra",
        KC_CLIENTS,
        "src/camunda-platform/clients/redirect-uris",
        "INSERT INTO redirect_uris VALUES(pg_temp.app('operate'),'http://evil/*')",
    ),
    (
        "client attribute",
        KC_CLIENTS,
        "src/camunda-platform/clients/attributes",
        "DELETE FROM client_attributes WHERE client_id=pg_temp.app('operate') AND name='post.logout.redirect.uris'",
    ),
    (
        "client scope default to optional",
        KC_CLIENTS,
        "src/camunda-platform/clients/client-scopes",
        "UPDATE client_scope_client SET default_scope=false WHERE client_id=pg_temp.app('tasklist') AND scope_id=(SELECT id FROM client_scope WHERE name='camunda-identity')",
    ),
    (
        "client scope gone from client",
        KC_CLIENTS,
        "src/camunda-platform/clients/client-scopes",
        "DELETE FROM client_scope_client WHERE client_id=pg_temp.app('operate') AND scope_id=(SELECT id FROM client_scope WHERE name='roles' AND realm_id=pg_temp.realm())",
    ),
    (
        "scope mapping gone",
        KC_CLIENTS,
        "src/camunda-platform/clients/roles",
        "DELETE FROM scope_mapping WHERE client_id=pg_temp.app('optimize')",
    ),
    (
        "client renamed",
        KC_CLIENTS,
        "src/camunda-platform/clients/settings",
        "UPDATE client SET client_id='operate2' WHERE id=pg_temp.app('operate')",
    ),
    (
        "mapper config",
        KC_CLIENTS,
        "src/camunda-platform/protocol-mappers/configuration",
        "UPDATE protocol_mapper_config SET value='other-api' WHERE value='operate-api'",
    ),
    (
        "mapper gone",
        KC_CLIENTS,
        "src/camunda-platform/protocol-mappers",
        "DELETE FROM protocol_mapper_config WHERE protocol_mapper_id IN (SELECT id FROM protocol_mapper WHERE client_id=pg_temp.app('operate')); DELETE FROM protocol_mapper WHERE client_id=pg_temp.app('operate')",
    ),
    (
        "scope mapper config",
        KC_CLIENTS,
        "src/camunda-platform/protocol-mappers/configuration",
        "UPDATE protocol_mapper_config SET value='grp' WHERE value='groups' AND name='claim.name' AND protocol_mapper_id IN (SELECT m.id FROM protocol_mapper m JOIN client_scope s ON s.id=m.client_scope_id WHERE s.name='camunda-identity')",
    ),
    (
        "client role gone",
        KC_CLIENTS,
        "src/camunda-platform/roles",
        "DELETE FROM composite_role WHERE child_role IN (SELECT id FROM keycloak_role WHERE client=pg_temp.app('connectors')); DELETE FROM keycloak_role WHERE client=pg_temp.app('connectors') AND name='write:*'",
    ),
    (
        "client flow binding",
        KC_CLIENTS,
        "src/camunda-platform/clients/flows",
        "INSERT INTO client_auth_flow_bindings VALUES(pg_temp.app('operate'),(SELECT id FROM authentication_flow WHERE alias='direct grant' AND realm_id=pg_temp.realm()),'browser')",
    ),
    (
        "authz resource uri",
        KC_CLIENTS,
        "src/camunda-platform/authorization-objects/settings",
        "UPDATE resource_uris SET value='/all/*' WHERE value='/doc/*'",
    ),
    (
        "authz decision",
        KC_CLIENTS,
        "src/camunda-platform/clients/settings",
        "UPDATE resource_server SET decision_strategy=0 WHERE id=pg_temp.app('camunda-identity')",
    ),
];
