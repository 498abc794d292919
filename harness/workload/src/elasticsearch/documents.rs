//! The documents of one index, made one at a time.

use super::catalogue::{Amount, IdStyle, Product};
use super::instance::{DateStyle, ELEMENTS, Instance, PROCESSES, VARIABLES, definition_key, key};
use super::json::{Escapes, Json};
use super::layout::{Age, PARTITIONS, Place, imported_types, records_of};
use super::text::{automatic_id, large_string, uuid, variable_name};
use super::values::{Scope, intent};
use super::{Document, records, shapes};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use std::sync::Arc;

/// Elasticsearch's usual ceiling for a single text in Camunda: gRPC messages end at 4 MiB, users' at about one.
const LARGE: usize = 1_048_576 - 16_384;
/// Which document of an index is the large one.
const LARGE_ORDINAL: u64 = 5;

/// Lazily made documents; owns what it needs.
#[derive(Debug)]
pub(super) struct Documents {
    places: Arc<[Place]>,
    number: usize,
    seed: u64,
    next: u64,
    rng: ChaCha8Rng,
}

impl Documents {
    pub(super) fn new(places: Arc<[Place]>, number: usize, seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(places[number].name.as_bytes());
        let rng = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
        Self { places, number, seed, next: 0, rng }
    }

    /// Whether one of the index's documents is about 1 MiB: the newest variables of Operate and of the exporter.
    pub(super) fn has_large(place: &Place) -> bool {
        place.shape().name == "variable"
            && place.documents > LARGE_ORDINAL
            && place.cohort() == 0
            && matches!(
                (place.component().product, place.age),
                (Product::Operate, Age::Live) | (Product::Zeebe, Age::Days(0))
            )
    }
}

impl Iterator for Documents {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        let places = Arc::clone(&self.places);
        let place = &places[self.number];
        if self.next >= place.documents {
            return None;
        }
        let ordinal = self.next;
        self.next += 1;
        Some(self.document(place, ordinal))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.places[self.number].documents - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

impl Documents {
    fn document(&mut self, place: &Place, ordinal: u64) -> Document {
        let product = place.component().product;
        let name = place.shape().name.as_str();
        if place.shape().amount == Amount::Positions {
            return self.import_position(place, ordinal);
        }
        match (product, name) {
            (Product::Zeebe, _) => self.record(place, ordinal),
            (Product::Operate, "list-view") => {
                let each = 1 + ELEMENTS + VARIABLES;
                let instance = self.instance(place, ordinal / each);
                match ordinal % each {
                    0 => shapes::list_view_parent(&instance),
                    n if n <= ELEMENTS => shapes::list_view_activity(&instance, n - 1),
                    n => shapes::list_view_variable(&instance, n - 1 - ELEMENTS),
                }
            }
            (Product::Operate, "flownode-instance") => {
                let instance = self.instance(place, ordinal / ELEMENTS);
                shapes::flownode_instance(&instance, ordinal % ELEMENTS)
            }
            (Product::Operate, "variable") => {
                let instance = self.instance(place, ordinal / VARIABLES);
                let large = (Self::has_large(place) && ordinal == LARGE_ORDINAL)
                    .then(|| large_string(instance.traits, LARGE));
                shapes::variable(&instance, ordinal % VARIABLES, large.as_deref())
            }
            (Product::Tasklist, "list-view") => {
                let instance = self.instance(place, ordinal / shapes::TASK_VIEW);
                shapes::task_view(&instance, ordinal % shapes::TASK_VIEW)
            }
            _ => self.plain(place, ordinal),
        }
    }

    fn instance(&self, place: &Place, number: u64) -> Instance {
        Instance::numbered(self.seed, place.cohort(), place.age, number)
    }

    /// A document without ties to others of its index.
    fn plain(&mut self, place: &Place, ordinal: u64) -> Document {
        let (component, shape) = (place.component(), place.shape());
        let slot = place.each.as_ref().and_then(|each| shape.each.iter().position(|e| e == each));
        let (number, sub) = match shape.id {
            IdStyle::Instance => (ordinal * shape.each.len().max(1) as u64 + slot.unwrap_or(0) as u64, 0),
            IdStyle::ScopeName => (ordinal / VARIABLES, ordinal % VARIABLES),
            IdStyle::Key if shape.name == "process-instance" => (ordinal, 0),
            _ => (ordinal / 3, 32 + ordinal % 3),
        };
        let instance = self.instance(place, number);
        let fixed = matches!(shape.amount, Amount::Fixed(_));
        let process = match &place.each {
            Some(each) => PROCESSES.iter().find(|p| p.id == each).unwrap_or(&PROCESSES[2]),
            None if fixed => &PROCESSES[ordinal as usize % PROCESSES.len()],
            None => instance.process(),
        };
        let own_key = if fixed { definition_key(ordinal) } else { instance.sub_key(sub) };
        let id = match shape.id {
            IdStyle::Automatic => automatic_id(&mut self.rng),
            IdStyle::Uuid => uuid(&mut self.rng),
            IdStyle::Instance => instance.key.to_string(),
            IdStyle::InstanceElement => format!("{}_{}", instance.key, instance.sub_key(sub)),
            IdStyle::InstanceFlow => format!("{}_flow-{sub}", instance.key),
            IdStyle::KeyIntent => format!("{own_key}-{}", intent(ordinal)),
            IdStyle::KeyNumber => format!("{own_key}-{}", ordinal % 2 + 1),
            IdStyle::Ordinal => (ordinal + 1).to_string(),
            IdStyle::ScopeName => format!("{}-{}", instance.key, variable_name(ordinal)),
            IdStyle::User => ["demo", "view", "act"]
                .get(ordinal as usize)
                .map_or_else(|| format!("user-{ordinal}"), |name| (*name).to_owned()),
            IdStyle::VersionStep => format!("8.{}.0-{}", ordinal / 9 + 1, ordinal % 9 + 1),
            IdStyle::Key | IdStyle::Join | IdStyle::PartitionPosition | IdStyle::PartitionType => {
                own_key.to_string()
            }
        };
        let mut json = Json::new(self.escapes(ordinal));
        json.open_object();
        let mut scope = Scope {
            instance: &instance,
            process,
            ordinal,
            id: &id,
            key: own_key,
            nulls: component.null_style,
            dates: DateStyle::Offset,
            rng: &mut self.rng,
        };
        scope.members(&mut json, &shape.fields);
        json.close_object();
        Document { id, routing: None, source: json.finish() }
    }

    fn record(&mut self, place: &Place, ordinal: u64) -> Document {
        let shape = place.shape();
        let global = place.before + ordinal;
        let spot = records::Place::of(place.shape, global);
        let json = Json::new(self.escapes(global));
        match shape.name.as_str() {
            "process-instance" => {
                // Numbers start again each day, because every day has instances of its own.
                let (number, step) = instance_of(place, global, records::LIFECYCLE);
                let instance = self.record_instance(place, number);
                let millis = instance.started + step as i64 * 40;
                records::process_instance(&instance, spot, step, millis, json)
            }
            "variable" => {
                let (number, variable) = instance_of(place, global, VARIABLES);
                let instance = self.record_instance(place, number);
                let large = (Self::has_large(place) && ordinal == LARGE_ORDINAL)
                    .then(|| large_string(instance.traits, LARGE));
                records::variable(&instance, spot, variable, large.as_deref(), json)
            }
            name => {
                let (number, sub) = instance_of(place, global, 3);
                let instance = self.record_instance(place, number);
                let fixed = matches!(shape.amount, Amount::Fixed(_));
                let own_key = match fixed {
                    true => key(spot.partition, 5_000 + global * 3),
                    false => instance.sub_key(32 + sub),
                };
                let mut scope = Scope {
                    process: if fixed {
                        &PROCESSES[global as usize % PROCESSES.len()]
                    } else {
                        instance.process()
                    },
                    instance: &instance,
                    ordinal: global,
                    id: "",
                    key: own_key,
                    nulls: place.component().null_style,
                    dates: DateStyle::Offset,
                    rng: &mut self.rng,
                };
                let value_type = name.replace('-', "_").to_uppercase();
                let what = record_intent(name, sub);
                records::record(spot, &value_type, what, own_key, instance.started + 9, json, |json| {
                    json.open_object();
                    scope.members(json, &shape.fields);
                    json.close_object();
                })
            }
        }
    }

    /// Records of the last day belong to running instances, those of earlier days to the archived ones of that day.
    fn record_instance(&self, place: &Place, number: u64) -> Instance {
        let age = if place.age == Age::Days(0) { Age::Live } else { place.age };
        Instance::numbered(self.seed, place.cohort(), age, number)
    }

    /// Up to which record an importer has read: exactly to the last one that is there.
    fn import_position(&self, place: &Place, ordinal: u64) -> Document {
        let types = imported_types(&self.places, place.set);
        // Where a profile is too small for its fixed documents, the list is cut short, never wrong.
        let record_type = types[(ordinal / PARTITIONS) as usize % types.len()];
        let partition = ordinal % PARTITIONS + 1;
        let id = format!("{partition}-{record_type}");
        let mut last = None;
        for records in records_of(&self.places, place.set(), record_type) {
            let end = records.before + records.documents;
            // The largest ordinal below `end` on this partition.
            let global = (end + PARTITIONS - partition) / PARTITIONS * PARTITIONS + partition - 1;
            let global = global.checked_sub(PARTITIONS).filter(|g| *g >= records.before && *g < end);
            if let Some(global) = global {
                last = Some((records::Place::of(records.shape, global), records.name.as_str()));
            }
        }
        let mut json = Json::new(Escapes::Needed);
        json.open_object()
            .text_member("id", &id)
            .text_member("aliasName", record_type)
            .integer_member("partitionId", partition as i64)
            .integer_member("position", last.map_or(0, |(spot, _)| spot.position))
            .integer_member("sequence", last.map_or(0, |(spot, _)| spot.sequence));
        if place.component().product == Product::Operate {
            json.key("postImporterPosition");
            match last {
                Some((spot, _)) if record_type == "incident" => json.integer(spot.position),
                _ => json.null(),
            };
        }
        json.optional_member("indexName", last.map(|(_, name)| name)).close_object();
        Document { id, routing: None, source: json.finish() }
    }

    fn escapes(&self, ordinal: u64) -> Escapes {
        if ordinal % 9 == 4 { Escapes::Ascii } else { Escapes::Needed }
    }
}

/// Instance number within the day, and number of the record within the instance.
fn instance_of(place: &Place, global: u64, each: u64) -> (u64, u64) {
    // Whole turns before this day are taken off, so that partitions keep their order.
    let skipped = place.before / PARTITIONS * PARTITIONS;
    records::Place::instance_of(global - skipped, each)
}

fn record_intent(record_type: &str, sub: u64) -> &'static str {
    match (record_type, sub) {
        ("job" | "user-task" | "timer" | "incident", 1) => "COMPLETED",
        ("decision-evaluation", _) => "EVALUATED",
        ("message", 1) => "EXPIRED",
        ("command-distribution", _) => "STARTED",
        _ => "CREATED",
    }
}
