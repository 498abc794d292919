//! Which indices a profile has, under which names, with how many documents.

use super::allocation::{Claim, allocate};
use super::catalogue::{Amount, Catalogue, Component, Kind, Naming, Product, Set, Shape};
use super::profile::{Extent, Profile};
use jiff::civil::Date;

/// Number of Zeebe partitions. From partition 4 on, keys do not fit a double.
pub(super) const PARTITIONS: u64 = 5;

/// The last day of the seeded data. Fixed, because the data is a function of profile and seed alone.
pub(super) const LAST_DAY: Date = Date::constant(2026, 11, 20);

/// Record types that the importers of each application keep a position for.
const OPERATE_IMPORTS: [&str; 12] = [
    "decision",
    "decision-evaluation",
    "decision-requirements",
    "incident",
    "job",
    "message-subscription",
    "process",
    "process-instance",
    "process-message-subscription",
    "user-task",
    "variable",
    "variable-document",
];
const TASKLIST_IMPORTS: [&str; 6] = ["form", "job", "process", "process-instance", "user-task", "variable"];

/// Where an index stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// The live or static index.
    Live,
    /// The index of the day so many days before the last one.
    Days(u32),
}

/// One index of the layout.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) name: String,
    /// Position of the set in the catalogue.
    pub(super) set: usize,
    /// Position of the shape in its component.
    pub(super) shape: usize,
    pub(super) age: Age,
    /// Process or decision the index is for, where there is one index for each.
    pub(super) each: Option<String>,
    pub(super) documents: u64,
    /// Documents of the same record type in older days: the ordinal of this index's first document.
    pub(super) before: u64,
}

impl Place {
    pub(super) fn set(&self) -> &'static Set {
        &Catalogue::get().sets[self.set]
    }

    pub(super) fn component(&self) -> &'static Component {
        Catalogue::get().component(self.set().product)
    }

    pub(super) fn shape(&self) -> &'static Shape {
        &self.component().shapes[self.shape]
    }

    /// Separates the keys of instances that live in different sets or days.
    pub(super) fn cohort(&self) -> u64 {
        let installation = if self.set().family == "acme" { 32 } else { 0 };
        installation + if let Age::Days(days) = self.age { u64::from(days) } else { 0 }
    }
}

/// The day so many days before the last one.
pub(super) fn day(days: u32) -> Date {
    LAST_DAY.saturating_sub(jiff::Span::new().days(i64::from(days)))
}

/// Name of an index.
pub(super) fn index_name(
    component: &Component,
    prefix: &str,
    shape: &Shape,
    each: Option<&str>,
    date: Option<Date>,
) -> String {
    let date = date.map(|d| d.to_string()).unwrap_or_default();
    let each = each.map(|e| format!("-{e}")).unwrap_or_default();
    match component.naming {
        Naming::Versioned => format!("{prefix}-{}-{}_{date}", shape.name, shape.version),
        Naming::Record => format!("{prefix}_{}_{}_{date}", shape.name, shape.version),
        Naming::Suffixed => format!("{prefix}-{}{each}_v{}", shape.name, shape.version),
    }
}

/// Number of dated indices of a shape, or `None` where the profile does not have the shape.
pub(super) fn days_of(set: &Set, shape: &Shape, extent: Extent) -> Option<u32> {
    if set.only.is_empty() {
        return match extent {
            Extent::Tiny => shape.tiny,
            Extent::Full => Some(shape.days),
        };
    }
    let only = set.only.iter().find(|o| o.name == shape.name)?;
    match extent {
        Extent::Tiny => only.tiny,
        Extent::Full => Some(only.days.unwrap_or(0)),
    }
}

/// The record types whose positions the set's importers keep, in order.
pub(super) fn imported_types(places: &[Place], set: usize) -> Vec<&'static str> {
    let owner = &Catalogue::get().sets[set];
    let types: &[&'static str] =
        if owner.product == Product::Tasklist { &TASKLIST_IMPORTS } else { &OPERATE_IMPORTS };
    types.iter().copied().filter(|t| records_of(places, owner, t).next().is_some()).collect()
}

/// The record indices of one type that the importer of `owner` reads, oldest first.
pub(super) fn records_of<'a>(
    places: &'a [Place],
    owner: &'a Set,
    record_type: &'a str,
) -> impl Iterator<Item = &'a Place> {
    places.iter().filter(move |p| {
        let custom = |s: &Set| s.family == "acme";
        p.set().product == Product::Zeebe && custom(p.set()) == custom(owner) && p.shape().name == record_type
    })
}

/// All indices of a profile, sorted by name, with exact numbers of documents.
pub(super) fn places(profile: &Profile) -> Vec<Place> {
    let catalogue = Catalogue::get();
    let mut places = Vec::new();
    for (set_number, set) in catalogue.sets.iter().enumerate() {
        let component = catalogue.component(set.product);
        for (shape_number, shape) in component.shapes.iter().enumerate() {
            let Some(days) = days_of(set, shape, profile.extent()) else { continue };
            let mut add = |age: Age, each: Option<&str>| {
                let date = if let Age::Days(d) = age { Some(day(d)) } else { None };
                places.push(Place {
                    name: index_name(component, &set.prefix, shape, each, date),
                    set: set_number,
                    shape: shape_number,
                    age,
                    each: each.map(ToOwned::to_owned),
                    documents: 0,
                    before: 0,
                });
            };
            match shape.kind {
                Kind::Record => (0..days).rev().for_each(|d| add(Age::Days(d), None)),
                _ if shape.each.is_empty() => add(Age::Live, None),
                _ => shape.each.iter().for_each(|each| add(Age::Live, Some(each))),
            }
            if shape.kind == Kind::Archived {
                (1..=days).for_each(|d| add(Age::Days(d), None));
            }
        }
    }
    places.sort_by(|a, b| a.name.cmp(&b.name));
    let claims: Vec<Claim> = places.iter().map(|p| claim(p, &places, profile.extent())).collect();
    for (place, count) in places.iter_mut().zip(allocate(profile.documents(), &claims)) {
        place.documents = count;
    }
    // Names of one record type differ in the day only, so that sorting by name put the older days first.
    for i in 1..places.len() {
        let (earlier, later) = places.split_at_mut(i);
        if later[0].shape().kind == Kind::Record
            && earlier[i - 1].set == later[0].set
            && earlier[i - 1].shape == later[0].shape
        {
            later[0].before = earlier[i - 1].before + earlier[i - 1].documents;
        }
    }
    places
}

fn claim(place: &Place, places: &[Place], extent: Extent) -> Claim {
    let (shape, set) = (place.shape(), place.set());
    match shape.amount {
        Amount::Fixed(number) => Claim::Fixed(number),
        Amount::Positions => Claim::Fixed(imported_types(places, place.set).len() as u64 * PARTITIONS),
        Amount::Share { live, dated } => {
            let days = days_of(set, shape, extent).unwrap_or(0);
            let weight = match place.age {
                Age::Live if shape.each.is_empty() => live,
                Age::Live => live / shape.each.len() as f64,
                Age::Days(d) => dated * day_share(shape.kind, d, days),
            };
            Claim::Weight(weight * set.share)
        }
    }
}

/// Recent days hold more than older ones: the archive thins out as retention deletes.
fn day_share(kind: Kind, day: u32, days: u32) -> f64 {
    // Records count from day 0, archived indices from day 1.
    let first = if kind == Kind::Record { 0 } else { 1 };
    let weight = |d: u32| match d - first {
        0 => 9.0,
        1 => 6.0,
        _ => 1.0,
    };
    let sum: f64 = (first..first + days).map(weight).sum();
    weight(day) / sum
}
