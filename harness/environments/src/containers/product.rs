//! Which product an image holds that answers as Elasticsearch does, and by which names it is told what it has to know.

use super::images::Image;
use super::recipe::inside;
use crate::config::Store;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};

/// The product behind the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Elastic's, and images that take the same settings.
    Elasticsearch,
    /// OpenSearch, whose settings of security have names of their own.
    OpenSearch,
}

impl Product {
    /// By the name of the image: nothing else of it is known before it runs.
    pub(crate) fn of(image: &Image) -> Self {
        let last = image.name.rsplit('/').next().unwrap_or(&image.name);
        if last.to_ascii_lowercase().contains("opensearch") { Self::OpenSearch } else { Self::Elasticsearch }
    }

    /// Where its image keeps data. A new volume takes over that folder's owner.
    pub(crate) fn data(self) -> &'static str {
        match self {
            Self::Elasticsearch => "/usr/share/elasticsearch/data",
            Self::OpenSearch => "/usr/share/opensearch/data",
        }
    }

    /// Variables with options of the virtual machine: of the node, and of the programs that start it, where it has such.
    pub(crate) fn java_variables(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Elasticsearch => ("ES_JAVA_OPTS", Some("CLI_JAVA_OPTS")),
            Self::OpenSearch => ("OPENSEARCH_JAVA_OPTS", None),
        }
    }

    /// The setting that names clusters from which documents may be read.
    pub(crate) fn whitelist(self) -> &'static str {
        match self {
            Self::Elasticsearch => "reindex.remote.whitelist",
            Self::OpenSearch => "reindex.remote.allowlist",
        }
    }

    /// Variables and settings of its security, on or off. Both images take settings as variables of their names.
    ///
    /// # Errors
    /// It cannot be switched on here.
    pub(crate) fn security(self, on: bool) -> Result<Vec<(&'static str, String)>> {
        match (self, on) {
            (Self::Elasticsearch, false) => Ok(vec![("xpack.security.enabled", "false".to_owned())]),
            (Self::Elasticsearch, true) => Ok(vec![
                ("xpack.security.enabled", "true".to_owned()),
                ("xpack.security.transport.ssl.enabled", "false".to_owned()),
                ("xpack.security.http.ssl.enabled", "true".to_owned()),
                ("xpack.security.http.ssl.certificate", "http.pem".to_owned()),
                ("xpack.security.http.ssl.key", "http.key".to_owned()),
            ]),
            // Without the demonstration's certificates and users, whose password everybody knows.
            (Self::OpenSearch, false) => Ok(vec![
                ("DISABLE_SECURITY_PLUGIN", "true".to_owned()),
                ("DISABLE_INSTALL_DEMO_CONFIG", "true".to_owned()),
                ("DISABLE_PERFORMANCE_ANALYZER_AGENT_CLI", "true".to_owned()),
            ]),
            (Self::OpenSearch, true) => Err(EnvironmentError::new(
                EnvironmentProblem::Configuration,
                "an image of OpenSearch is not started with TLS and passwords here",
                "leave `managed: elsewhere` out of that side, or name an image of Elasticsearch",
            )),
        }
    }

    /// Addresses from which documents may be read: any that ends with the port of a node. The source's own is known only when it
    /// runs, and may change when it is started again. A single `*` in front is no plain word of YAML, which images write these
    /// settings down in.
    pub(crate) fn any_peer() -> String {
        let any: Vec<String> = (1..=9).map(|d| format!("{d}*:{}", inside(Store::Elasticsearch))).collect();
        any.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_name_tells() {
        for (name, product) in [
            ("elasticsearch", Product::Elasticsearch),
            ("docker.example/elasticsearch/elasticsearch", Product::Elasticsearch),
            ("opensearchproject/opensearch", Product::OpenSearch),
            ("mirror.example:5000/team/OpenSearch-ours", Product::OpenSearch),
            ("opensearchproject/elasticsearch", Product::Elasticsearch),
            ("opensearch@sha256", Product::OpenSearch),
        ] {
            assert_eq!(Product::of(&Image { name: name.into(), tag: "1".into() }), product, "{name}");
        }
    }

    #[test]
    fn no_product_is_told_what_another_one_knows() {
        let names = |product: Product| -> Vec<&str> {
            let told = product.security(false).unwrap().into_iter().map(|(name, _)| name);
            told.chain([product.whitelist(), product.java_variables().0]).collect()
        };
        assert!(names(Product::OpenSearch).iter().all(|n| !n.contains("xpack") && !n.starts_with("ES_")));
        assert!(names(Product::Elasticsearch).iter().all(|n| !n.contains("SECURITY_PLUGIN")));
        assert_ne!(Product::OpenSearch.data(), Product::Elasticsearch.data());
        let refused = Product::OpenSearch.security(true).unwrap_err();
        assert_eq!(refused.code, EnvironmentProblem::Configuration);
        assert!(
            Product::Elasticsearch
                .security(true)
                .unwrap()
                .iter()
                .any(|(name, _)| name.ends_with("http.ssl.key"))
        );
    }
}
