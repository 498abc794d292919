//! Ways to log in that were chosen by environment variables and that the new chart's programs do not have. Those chosen by
//! keys (Keycloak, another issuer, users of its own) are spoken of by the rules.

use super::defaults::finding_at;
use super::road::{Road, Version};
use super::supplied::Supplied;
use crate::check::Check;
use serde_json::Value;

/// First chart whose orchestration cluster logs users in by OpenID Connect or by users of its own, and by nothing else.
const SINCE: Version = Version::new(13, 0, 0);

/// Blocks whose programs are part of the orchestration cluster.
const BLOCKS: [&str; 3] = ["orchestration", "operate", "tasklist"];

/// Looks for login by LDAP among the values that are used with the new chart.
pub(super) fn check(road: &Road, new: &Supplied, check: &mut Check) {
    if road.from >= SINCE || road.to < SINCE {
        return;
    }
    for leaf in new.leaves.values() {
        let keys = leaf.path.keys();
        let of_programs = matches!(keys, [block, last] if BLOCKS.contains(&block.as_str()) && last == "env");
        if !of_programs {
            continue;
        }
        check.compared += 1;
        let ldap = leaf.value.as_array().into_iter().flatten().find_map(variable);
        if let Some(name) = ldap {
            let what = format!(
                "{name} has users log in by LDAP, which the orchestration cluster does not have: they cannot get in"
            );
            let next = "connect the directory to Keycloak or to another issuer, log in by OpenID Connect (global.security.authentication.method: oidc), and take the variables out";
            check.findings.push(finding_at(new, leaf, &what, next));
        }
    }
}

/// The name of a variable that switches login by LDAP on.
fn variable(item: &Value) -> Option<&str> {
    let name = item["name"].as_str()?;
    let by_name = name.contains("_LDAP_");
    let profiles = name == "SPRING_PROFILES_ACTIVE"
        && item["value"].as_str().is_some_and(|all| all.split([',', ' ']).any(|one| one == "ldap-auth"));
    (by_name || profiles).then_some(name)
}
