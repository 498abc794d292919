//! The facts about Camunda's indices, read from the data files in `fixtures/camunda`, which are compiled in.

use super::fields::{Field, RawFields};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The components that keep indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Product {
    Zeebe,
    Operate,
    Tasklist,
    Optimize,
}

/// How index names are made of prefix, name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Naming {
    /// `<prefix>-<name>-<version>_`, dated twins append the day.
    Versioned,
    /// `<prefix>_<name>_<version>_<day>`.
    Record,
    /// `<prefix>-<name>_v<version>`.
    Suffixed,
}

/// How a component writes a value it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NullStyle {
    /// As `null`.
    Null,
    /// By leaving the member out.
    Absent,
    /// As `-1`, an empty text or `false`.
    Sentinel,
}

/// How an index comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Made at start, without a template.
    Static,
    /// Made at start, with a template.
    Templated,
    /// As templated, with a dated twin for each day on which instances ended.
    Archived,
    /// Dated from the start, one for each day with records.
    Record,
}

/// What a document's `_id` is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdStyle {
    Automatic,
    Instance,
    #[serde(rename = "instance_element")]
    InstanceElement,
    #[serde(rename = "instance_flow")]
    InstanceFlow,
    Join,
    Key,
    KeyIntent,
    KeyNumber,
    Ordinal,
    PartitionPosition,
    PartitionType,
    ScopeName,
    User,
    Uuid,
    VersionStep,
}

/// A named group of index settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Preset {
    #[serde(rename = "refresh-1s-live")]
    Refresh1sLive,
    #[serde(rename = "refresh-2s")]
    Refresh2s,
    CaseInsensitive,
    PathTree,
    Optimize,
    NestedLimit,
    WideWindow,
    Hidden,
}

/// One index of a component.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIndex {
    name: String,
    version: String,
    kind: Kind,
    id: IdStyle,
    #[serde(default)]
    days: u32,
    tiny: Option<u32>,
    #[serde(default)]
    live: f64,
    #[serde(default)]
    dated: f64,
    at_most: Option<u64>,
    #[serde(default)]
    positions: bool,
    shards: Option<u32>,
    bytes: u64,
    #[serde(default)]
    settings: Vec<Preset>,
    dynamic: Option<String>,
    #[serde(default)]
    each: Vec<String>,
    fields: RawFields,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProduct {
    product: Product,
    #[serde(rename = "prefix")]
    _prefix: String,
    naming: Naming,
    null_style: NullStyle,
    envelope: Option<RawFields>,
    indices: Vec<RawIndex>,
}

/// How many documents an index gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Amount {
    /// A share of the documents: weight of the live index and of its dated twins together.
    Share { live: f64, dated: f64 },
    /// A fixed number, as long as the profile is not too small for it.
    Fixed(u64),
    /// One for each partition and record type that the importer reads.
    Positions,
}

/// One index of a component, with its fields in order.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) kind: Kind,
    pub(super) id: IdStyle,
    pub(super) days: u32,
    pub(super) tiny: Option<u32>,
    pub(super) amount: Amount,
    pub(super) shards: u32,
    /// Average size of a document's source, in bytes.
    pub(super) bytes: u64,
    pub(super) settings: Vec<Preset>,
    pub(super) dynamic: String,
    pub(super) each: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// One component.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) product: Product,
    pub(super) naming: Naming,
    pub(super) null_style: NullStyle,
    pub(super) envelope: Vec<Field>,
    pub(super) shapes: Vec<Shape>,
}

impl Component {
    /// The shape of that name.
    pub(super) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.iter().find(|s| s.name == name)
    }
}

/// An index of a set that has only some of its component's indices.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Only {
    pub(super) name: String,
    pub(super) days: Option<u32>,
    pub(super) tiny: Option<u32>,
}

/// One component under one index prefix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    pub(super) family: String,
    pub(super) product: Product,
    pub(super) prefix: String,
    pub(super) share: f64,
    #[serde(default)]
    pub(super) only: Vec<Only>,
}

/// Everything the data files say.
#[derive(Debug)]
pub(super) struct Catalogue {
    components: BTreeMap<Product, Component>,
    pub(super) sets: Vec<Set>,
}

impl Catalogue {
    /// The catalogue of Camunda 8.6.
    pub(super) fn get() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
            // The files are compiled in and read by every test of this module: an error cannot reach a user.
            Catalogue::read().expect("the compiled-in data files are well-formed")
        });
        &CATALOGUE
    }

    /// The component; the files cover all four.
    pub(super) fn component(&self, product: Product) -> &Component {
        &self.components[&product]
    }

    fn read() -> Result<Self, String> {
        let mut components = BTreeMap::new();
        for (file, text) in [
            ("zeebe.yaml", include_str!("../../../../fixtures/camunda/8.6/zeebe.yaml")),
            ("operate.yaml", include_str!("../../../../fixtures/camunda/8.6/operate.yaml")),
            ("tasklist.yaml", include_str!("../../../../fixtures/camunda/8.6/tasklist.yaml")),
            ("optimize.yaml", include_str!("../../../../fixtures/camunda/8.6/optimize.yaml")),
        ] {
            let raw: RawProduct = serde_saphyr::from_str(text).map_err(|e| format!("{file}: {e}"))?;
            let component = component(raw).map_err(|e| format!("{file}: {e}"))?;
            components.insert(component.product, component);
        }
        let sets = serde_saphyr::from_str(include_str!("../../../../fixtures/camunda/8.6/prefixes.yaml"))
            .map_err(|e| format!("prefixes.yaml: {e}"))?;
        Ok(Self { components, sets })
    }
}

fn component(raw: RawProduct) -> Result<Component, String> {
    let shapes: Result<Vec<Shape>, String> = raw.indices.into_iter().map(shape).collect();
    Ok(Component {
        product: raw.product,
        naming: raw.naming,
        null_style: raw.null_style,
        envelope: raw.envelope.map(RawFields::resolve).transpose()?.unwrap_or_default(),
        shapes: shapes?,
    })
}

fn shape(raw: RawIndex) -> Result<Shape, String> {
    let amount = match (raw.positions, raw.at_most) {
        (true, _) => Amount::Positions,
        (false, Some(number)) => Amount::Fixed(number),
        (false, None) => Amount::Share { live: raw.live, dated: raw.dated },
    };
    Ok(Shape {
        fields: raw.fields.resolve().map_err(|e| format!("{}: {e}", raw.name))?,
        name: raw.name,
        version: raw.version,
        kind: raw.kind,
        id: raw.id,
        days: raw.days,
        tiny: raw.tiny,
        amount,
        shards: raw.shards.unwrap_or(1),
        bytes: raw.bytes,
        settings: raw.settings,
        dynamic: raw.dynamic.unwrap_or_else(|| "strict".to_owned()),
        each: raw.each,
    })
}
