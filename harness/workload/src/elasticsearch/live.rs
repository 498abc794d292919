//! Single realistic documents and index names, for a writer that acts like Camunda while it runs.

use super::Document;
use super::catalogue::{Catalogue, Product};
use super::instance::{ELEMENTS, Instance, InstanceState, VARIABLES, key};
use super::json::{Escapes, Json};
use super::layout::index_name;
use super::{records, shapes};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The Operate indices that an instance is archived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperateIndex {
    /// Instances, their elements and variables, joined.
    ListView,
    /// Flow node instances.
    FlownodeInstance,
    /// Variables.
    Variable,
}

impl OperateIndex {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ListView, Self::FlownodeInstance, Self::Variable];

    fn shape(self) -> &'static str {
        match self {
            Self::ListView => "list-view",
            Self::FlownodeInstance => "flownode-instance",
            Self::Variable => "variable",
        }
    }
}

fn name(product: Product, prefix: &str, shape: &str, date: Option<Date>) -> String {
    let component = Catalogue::get().component(product);
    match component.shape(shape) {
        Some(found) => index_name(component, prefix, found, None, date),
        // Only shapes that a test looks up are asked for.
        None => unreachable!("{shape} is in the catalogue"),
    }
}

/// Name of the index that running instances are in.
pub fn live_index(index: OperateIndex) -> String {
    name(Product::Operate, "operate", index.shape(), None)
}

/// Name of the index that instances which ended on that day (UTC) are moved to. A template gives it its alias.
pub fn archived_index(index: OperateIndex, date: Date) -> String {
    name(Product::Operate, "operate", index.shape(), Some(date))
}

/// Name of the index of process-instance records written on that day (UTC).
pub fn zeebe_index(date: Date) -> String {
    name(Product::Zeebe, "zeebe-record", "process-instance", Some(date))
}

/// Key of the live writer's instance with that number: far above all seeded keys, 64 apart for the keys of its parts.
pub fn live_key(partition: u16, number: u64) -> i64 {
    key(partition.into(), (1 << 44) + number * 64)
}

/// The documents of one instance, each with the name of its live index: list-view parent, one element, one variable,
/// the element's flow node instance, and the variable itself. The same key gives the same ids, so that a second call
/// with another state makes the update.
///
/// `key` comes from [`live_key`]; `partition` must be its partition. `at` is when the instance started; a finished
/// instance ended within the minute after.
pub fn operate_instance(
    key: i64,
    partition: u16,
    state: InstanceState,
    at: Timestamp,
) -> Vec<(String, Document)> {
    let instance = Instance::live(key, partition, state, at);
    // The user task is where instances wait, so its state follows the instance's.
    let element = (ELEMENTS - 2) % ELEMENTS;
    let number = instance.traits % VARIABLES;
    let list_view = live_index(OperateIndex::ListView);
    vec![
        (list_view.clone(), shapes::list_view_parent(&instance)),
        (list_view.clone(), shapes::list_view_activity(&instance, element)),
        (list_view, shapes::list_view_variable(&instance, number)),
        (live_index(OperateIndex::FlownodeInstance), shapes::flownode_instance(&instance, element)),
        (live_index(OperateIndex::Variable), shapes::variable(&instance, number, None)),
    ]
}

/// A process-instance record about the instance with that key, with the name of its index.
///
/// `position` is the record's position in the partition's log; positions of seeded records stay below 2^40.
pub fn zeebe_record(partition: u16, position: i64, key: i64, at: Timestamp) -> (String, Document) {
    let instance = Instance::live(key, partition, InstanceState::Active, at);
    let place = records::Place {
        partition: partition.into(),
        position,
        sequence: super::instance::key(partition.into(), position.unsigned_abs()),
    };
    let step = position.unsigned_abs() % records::LIFECYCLE;
    let document =
        records::process_instance(&instance, place, step, at.as_millisecond(), Json::new(Escapes::Needed));
    (zeebe_index(TimeZone::UTC.to_datetime(at).date()), document)
}
