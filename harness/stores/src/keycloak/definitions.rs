//! Everything of a Keycloak database but its users, as objects with facts.

use super::database::{Layout, Row, RowError, canonical, read_rows, text};
use super::layout::{FACTS, FactTable, Holds, Name, OBJECTS, ObjectTable};
use crate::postgres::Connection;
use drydock_parity::realm::{Aspect, Facts, Object, ObjectKind, Realms, Sealer, Value, is_volatile};
use serde_json::Value as Json;
use std::collections::HashMap;

type Index = HashMap<(ObjectKind, String), usize>;

/// Reads realms, keys, roles, groups, flows, clients and whatever else defines who may do what.
///
/// # Errors
/// A table cannot be read: nothing is told then, because everything refers to everything.
pub async fn read_definitions(
    session: &Connection,
    layout: &Layout,
    sealer: &Sealer,
) -> Result<Realms, RowError> {
    let mut realms = Realms::default();
    for table in OBJECTS {
        read_rows(session, layout, table.table, |row| realms.objects.extend(object(table, &row, sealer)))
            .await?;
    }
    adopt(&mut realms.objects);
    let index: Index =
        realms.objects.iter().enumerate().map(|(at, o)| ((o.kind, o.id.clone()), at)).collect();
    for table in FACTS.iter().filter(|t| layout.has(t.table, t.value)) {
        let objects = &mut realms.objects;
        read_rows(session, layout, table.table, |row| {
            if let Some((kind, facts)) = owner(table, &row, objects, &index) {
                add_fact(table, kind, &row, sealer, facts);
            }
        })
        .await?;
    }
    Ok(realms)
}

fn object(table: &ObjectTable, row: &Row, sealer: &Sealer) -> Option<Object> {
    let id = text(row, table.id)?;
    let kind = (table.kind)(row);
    let mut facts = Facts::default();
    for (column, value) in row {
        let told = column == table.id || table.structural.contains(&column.as_str()) || is_volatile(column);
        if told || value.is_null() {
            continue;
        }
        let (aspect, value) = match value {
            Json::String(text) if table.references.contains(&column.as_str()) => {
                (aspect_of_reference(column), Value::Reference(text.clone()))
            }
            Json::String(text) => sealed(Aspect::Setting, sealer.value(column, &canonical(text.clone()))),
            // Numbers and switches are no secrets.
            other if column == "enabled" => (Aspect::Enabled, Value::Text(other.to_string())),
            other => (Aspect::Setting, Value::Text(other.to_string())),
        };
        facts.add(aspect, column.clone(), value);
    }
    let name = (table.name)(row).unwrap_or_else(|| "(no name)".to_owned());
    Some(Object { kind, id, parent: (table.parent)(row), name, facts })
}

fn aspect_of_reference(column: &str) -> Aspect {
    match column {
        "default_role" => Aspect::Roles,
        "auth_config" => Aspect::Flows,
        flow if flow.contains("flow") => Aspect::Flows,
        _ => Aspect::Setting,
    }
}

/// A sealed value is a secret, whatever else it is.
fn sealed(aspect: Aspect, value: Value) -> (Aspect, Value) {
    if matches!(value, Value::Secret(_)) { (Aspect::Secret, value) } else { (aspect, value) }
}

/// Names steps by the flow they lead to, and finds parents whose kind the row itself does not tell.
fn adopt(objects: &mut [Object]) {
    let flows: HashMap<String, String> = objects
        .iter()
        .filter(|o| o.kind == ObjectKind::Flow)
        .map(|o| (o.id.clone(), o.name.clone()))
        .collect();
    let components: HashMap<String, ObjectKind> = objects
        .iter()
        .filter(|o| matches!(o.kind, ObjectKind::Component | ObjectKind::Key | ObjectKind::Federation))
        .map(|o| (o.id.clone(), o.kind))
        .collect();
    // The group behind an organization is called after its identifier.
    let organizations: HashMap<String, String> = objects
        .iter()
        .filter(|o| o.kind == ObjectKind::Organization)
        .filter_map(|o| match o.facts.0.get(&(Aspect::Setting, "group_id".to_owned()))?.as_slice() {
            [Value::Reference(group)] => Some((group.clone(), format!("organization {}", o.name))),
            _ => None,
        })
        .collect();
    for object in objects {
        if object.kind == ObjectKind::Group
            && let Some(name) = organizations.get(&object.id)
        {
            object.name.clone_from(name);
        }
        if object.kind == ObjectKind::Execution && object.name == "subflow" {
            let leads = object.facts.0.get(&(Aspect::Flows, "auth_flow_id".to_owned()));
            if let Some([Value::Reference(id)]) = leads.map(Vec::as_slice)
                && let Some(alias) = flows.get(id)
            {
                object.name = format!("subflow {alias}");
            }
        }
        if let Some((kind @ ObjectKind::Federation, id)) = &mut object.parent
            && let Some(really) = components.get(id)
        {
            *kind = *really;
        }
    }
}

fn owner<'a>(
    table: &FactTable,
    row: &Row,
    objects: &'a mut [Object],
    index: &Index,
) -> Option<(ObjectKind, &'a mut Facts)> {
    let id = text(row, table.owner)?;
    let at = table.kinds.iter().find_map(|kind| index.get(&(*kind, id.clone())))?;
    let object = objects.get_mut(*at)?;
    Some((object.kind, &mut object.facts))
}

fn add_fact(table: &FactTable, kind: ObjectKind, row: &Row, sealer: &Sealer, facts: &mut Facts) {
    let name = match table.name {
        Name::Fixed(name) => name.to_owned(),
        Name::Column(column) => text(row, column).unwrap_or_default(),
        Name::Default(column) => match text(row, column).as_deref() {
            Some("true") => "default".to_owned(),
            _ => "optional".to_owned(),
        },
    };
    // When a federation was last synchronised changes by itself; where a provider is shown at login says nothing.
    if is_volatile(&name) || name == "hideOnLoginPage" {
        return;
    }
    let value = match text(row, table.value) {
        None => Value::Null,
        Some(id) if table.holds == Holds::Reference => Value::Reference(id),
        Some(text) => sealer.value(if name.is_empty() { table.table } else { &name }, &canonical(text)),
    };
    let (aspect, value) = sealed(table.aspect, value);
    let aspect = match (kind, aspect) {
        (ObjectKind::Key, Aspect::Secret) => Aspect::KeyMaterial,
        (_, aspect) => aspect,
    };
    facts.add(aspect, name, value);
}
