//! Signs of Bitnami parts, for values and objects alike.

use regex::Regex;
use std::sync::OnceLock;

/// What services of the Bitnami charts end in, after the release's name.
const SERVICES: [&str; 9] = [
    "elasticsearch",
    "elasticsearch-master-hl",
    "keycloak",
    "keycloak-headless",
    "postgresql",
    "postgresql-hl",
    "identity-postgresql",
    "identity-postgresql-hl",
    "postgresql-web-modeler",
];

/// Parts of an image's path that only Bitnami's images, their copies and their enterprise builds have.
const IMAGE_PARTS: [&str; 6] =
    ["bitnami", "bitnamilegacy", "bitnamisecure", "bitnamicharts", "vendor-ee", "keycloak-ee"];

/// Whether the label `helm.sh/chart` names one of Bitnami's charts within the platform's.
pub fn chart_is_bitnami(label: &str) -> bool {
    let (name, version) = label.rsplit_once('-').unwrap_or((label, ""));
    let charts = [
        "elasticsearch",
        "kibana",
        "postgresql",
        "identityPostgresql",
        "webModelerPostgresql",
        "web-modeler-postgresql",
        "identityKeycloak",
        "keycloak",
    ];
    charts.contains(&name) && version.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether an image is one of Bitnami's, also where it was copied to another registry.
pub fn image_is_bitnami(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or(image);
    let parts: Vec<&str> = name.split('/').collect();
    let (last, folders) = match parts.split_last() {
        Some((last, folders)) => (*last, folders),
        None => return false,
    };
    // Camunda's Keycloak image is built on Bitnami's layout.
    let keycloak = last.split(':').next() == Some("keycloak") && folders.last() == Some(&"camunda");
    keycloak || folders.iter().any(|part| IMAGE_PARTS.contains(part))
}

/// Paths below the folders that only Bitnami's images have.
pub fn paths_in(text: &str) -> Vec<String> {
    if !text.contains("bitnami") {
        return Vec::new();
    }
    static PATHS: OnceLock<Option<Regex>> = OnceLock::new();
    let regex = PATHS.get_or_init(|| {
        Regex::new(r"(?:^|[\s=:,;\x22'(])(/(?:opt/)?bitnami(?:/[\w./-]*)?)(?:$|[^\w.-])").ok()
    });
    regex.iter().flat_map(|r| r.captures_iter(text)).map(|c| c[1].to_owned()).collect()
}

/// Hosts within a text that are services of the release's Bitnami parts, each with the service's name without the release.
/// `{{ .Release.Name }}-elasticsearch` counts as well.
pub fn hosts_in(text: &str, release: &str) -> Vec<(String, String)> {
    if !text.contains(release) && !text.contains(".Release.Name") {
        return Vec::new();
    }
    static NAMES: OnceLock<Option<Regex>> = OnceLock::new();
    let templated = text.replace("{{ .Release.Name }}", release).replace("{{.Release.Name}}", release);
    let regex = NAMES.get_or_init(|| Regex::new(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*").ok());
    let mut found = Vec::new();
    for host in regex.iter().flat_map(|r| r.find_iter(&templated)) {
        // A word of a path or of a name with other characters is no host.
        let before = templated[..host.start()].chars().next_back();
        let after = templated[host.end()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if word(before) || word(after) {
            continue;
        }
        let label = host.as_str().split('.').next().unwrap_or_default();
        let service = label.strip_prefix(release).and_then(|l| l.strip_prefix('-'));
        if let Some(service) = service.filter(|s| SERVICES.contains(s) || *s == "postgresql-web-modeler-hl") {
            let pair = (host.as_str().to_owned(), service.to_owned());
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{hosts_in, image_is_bitnami, paths_in};

    #[test]
    fn images_are_known_by_their_path_wherever_they_were_copied() {
        for image in [
            "bitnami/postgresql:15",
            "docker.example/mirror/bitnamilegacy/os-shell:12",
            "camunda/keycloak:26.3.3",
            "reg.example/vendor-ee/elasticsearch@sha256:00",
        ] {
            assert!(image_is_bitnami(image), "{image}");
        }
        for image in ["postgres:15", "camunda/camunda:8.8.0", "quay.example/keycloak/keycloak:26", "bitnami"]
        {
            assert!(!image_is_bitnami(image), "{image}");
        }
    }

    #[test]
    fn hosts_are_whole_names() {
        let hosts = |text: &str| hosts_in(text, "camunda").into_iter().map(|h| h.1).collect::<Vec<_>>();
        assert_eq!(hosts("http://camunda-elasticsearch:9200"), ["elasticsearch"]);
        assert_eq!(
            hosts("jdbc:postgresql://camunda-identity-postgresql.ns.svc:5432/x"),
            ["identity-postgresql"]
        );
        assert_eq!(hosts("{{ .Release.Name }}-keycloak"), ["keycloak"]);
        assert!(hosts("http://my-camunda-elasticsearch:9200 camunda-elasticsearch-es-http").is_empty());
        assert!(hosts("camunda-elasticsearch_x").is_empty());
    }

    #[test]
    fn paths_of_bitnami_images() {
        assert_eq!(paths_in("/opt/bitnami/keycloak/data/tmp"), ["/opt/bitnami/keycloak/data/tmp"]);
        assert!(paths_in("bitnami_keycloak and /data/bitnami").is_empty());
    }
}
