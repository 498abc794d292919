//! What is wrong with the way back on purpose.

use super::{RealWorld, Stepped, environment, of_migration, store_failed};
use drydock_core::scenario::{FaultKind, Harm};
use drydock_core::{Action, Component, Event, StepId};
use drydock_environments::Side;
use drydock_migration::MigrationContext;
use drydock_migration::artefacts::{DESCRIPTION, path_of};
use drydock_migration::fault::plant;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_workload::acknowledged::{Item, Now, last_states};
use serde_json::{Value, json};
use std::fs;

/// What the application that does not leave calls itself.
const STRAGGLER: &str = "camunda-straggler";

impl RealWorld {
    /// Does the harm that the scenario asks for, when its step is done: a session that stays is there before the clean-up is
    /// allowed, everything else once the last step before the way back is done.
    pub(super) async fn harm_after(&mut self, after: &StepId) -> Stepped<()> {
        let Some(spec) = &self.config.scenario.rollback else { return Ok(()) };
        let Some(harm) = spec.harm else { return Ok(()) };
        let guarded = self.config.plan.id_of(Action::CleanupGuard).is_some();
        let due = match (harm, guarded) {
            (Harm::KeepSession, true) => self.config.plan.id_of(Action::Compare),
            _ => Some(&spec.from),
        };
        if due != Some(after) {
            return Ok(());
        }
        let item = self.harm(harm).await?;
        self.recorder.emit(Event::FaultPlanted {
            fault: harm.as_str().to_owned(),
            after: after.clone(),
            item,
        });
        Ok(())
    }

    async fn harm(&mut self, harm: Harm) -> Stepped<String> {
        let context = self.migration()?;
        match harm {
            Harm::LoseDocument => self.lose(FaultKind::LoseDocument, context).await,
            Harm::LoseRow => self.lose(FaultKind::LoseRow, context).await,
            Harm::ChangePassword => self.change_password().await,
            Harm::BlockWrites => self.block_writes().await,
            Harm::DuplicateWrite => self.duplicate_write().await,
            Harm::AlterDescription => alter_description(&context),
            Harm::TruncateDump => truncate_dump(&context),
            Harm::KeepSession => self.keep_session().await,
        }
    }

    /// The fault that losses of a migration are planted with, turned against the source.
    async fn lose(&self, kind: FaultKind, context: MigrationContext) -> Stepped<String> {
        let turned = MigrationContext { target: context.source.clone(), ..context };
        let items = plant(kind, None, self.config.scenario.seed, &turned).await.map_err(of_migration)?;
        Ok(items.into_iter().map(|i| i.item).collect::<Vec<_>>().join("; "))
    }

    async fn change_password(&self) -> Stepped<String> {
        let failed = |e: &dyn std::fmt::Display| store_failed("change a role's password", e);
        let Some(role) = self.databases().into_iter().next() else { return Err(nothing("no role")) };
        let source = self.side(Side::Source)?.postgres;
        let session = connect(&source, "postgres", APPLICATION_NAME).await.map_err(|e| failed(&e))?;
        // Component names need no quoting.
        session
            .batch_execute(&format!("ALTER ROLE {role} PASSWORD 'another one'"))
            .await
            .map_err(|e| failed(&e))?;
        Ok(format!("role {role}"))
    }

    async fn block_writes(&self) -> Stepped<String> {
        let failed = |e: &dyn std::fmt::Display| store_failed("block writes to an index", e);
        let client = self.source_client()?;
        let all = client.get("/_all/_settings/index.uuid").await.map_err(|e| failed(&e))?;
        let prefixes = self.scope().prefixes;
        let names = all.as_object().into_iter().flatten().map(|(name, _)| name);
        let mut ours: Vec<&String> =
            names.filter(|n| prefixes.iter().any(|p| n.starts_with(p.as_str()))).collect();
        ours.sort();
        let Some(index) = ours.first() else { return Err(nothing("no index")) };
        client
            .put(&format!("/{index}/_settings"), &json!({"index.blocks.write": true}))
            .await
            .map_err(|e| failed(&e))?;
        Ok((*index).clone())
    }

    /// Copies a document that a client was told of beside the index it lives in.
    async fn duplicate_write(&self) -> Stepped<String> {
        let failed = |e: &dyn std::fmt::Display| store_failed("write a document twice", e);
        let until = self.opened_ms.unwrap_or(u64::MAX);
        let states = last_states(&self.config.acknowledged, until).map_err(|e| failed(&e))?;
        let client = self.source_client()?;
        for (item, state) in states.known {
            let Item::Elasticsearch { index, id, routing } = &item else { continue };
            // An archive is told by its day; only a live index has a sibling to copy into.
            if state.now != Now::Stored || !index.ends_with('_') {
                continue;
            }
            let query = routing.as_ref().map(|r| format!("?routing={r}")).unwrap_or_default();
            let Ok(document) = client.get(&format!("/{index}/_doc/{id}{query}")).await else { continue };
            let path = format!("/{index}2020-01-01/_doc/{id}{query}");
            client.put(&path, &document["_source"]).await.map_err(|e| failed(&e))?;
            return Ok(format!("{item}, also in {index}2020-01-01"));
        }
        Err(nothing("no acknowledged document"))
    }

    async fn keep_session(&mut self) -> Stepped<String> {
        let failed = |e: &dyn std::fmt::Display| store_failed("open a session on the source", e);
        let Some((role, password)) = self.roles()?.into_iter().next() else {
            return Err(nothing("no role"));
        };
        let endpoint = self.side(Side::Source)?.postgres.with_role(&role, Some(password));
        let session = connect(&endpoint, &role, STRAGGLER).await.map_err(|e| failed(&e))?;
        self.straggler = Some(session);
        Ok(format!("{STRAGGLER} on database {role}"))
    }

    fn source_client(&self) -> Stepped<Client> {
        if !self.has_elasticsearch() {
            return Err(nothing("no index"));
        }
        Client::new(&self.side(Side::Source)?.elasticsearch, Timeouts::default())
            .map_err(|e| store_failed("set up a client of the source", &e))
    }
}

/// Leaves an index out of the saved description.
fn alter_description(context: &MigrationContext) -> Stepped<String> {
    let path = path_of(context, DESCRIPTION).filter(|p| p.exists());
    let Some(path) = path else { return Err(nothing("no description was saved")) };
    let failed = |e: &dyn std::fmt::Display| store_failed("change the saved description", e);
    let text = fs::read(&path).map_err(|e| failed(&e))?;
    let mut value: Value = serde_json::from_slice(&text).map_err(|e| failed(&e))?;
    let indices = value["indices"].as_object_mut();
    let first = indices.as_ref().and_then(|i| i.keys().next().cloned());
    match (indices, &first) {
        (Some(indices), Some(name)) => drop(indices.remove(name)),
        _ => value["version"] = json!(0),
    }
    fs::write(&path, value.to_string()).map_err(|e| failed(&e))?;
    Ok(format!("{DESCRIPTION} without {}", first.as_deref().unwrap_or("its version")))
}

/// Cuts the newest dump of the first component that has one into half.
fn truncate_dump(context: &MigrationContext) -> Stepped<String> {
    let names = ["final", "initial"].into_iter().flat_map(|kind| {
        Component::ALL.into_iter().map(move |component| format!("{kind} dump of {component}"))
    });
    let there =
        names.filter_map(|name| Some((path_of(context, &name)?, name))).find(|(path, _)| path.exists());
    let Some((path, name)) = there else { return Err(nothing("no dump was made")) };
    let cut = fs::OpenOptions::new().write(true).open(&path).and_then(|file| {
        let bytes = file.metadata()?.len();
        file.set_len(bytes / 2)
    });
    cut.map_err(|e| store_failed("cut a dump", &e))?;
    Ok(name)
}

fn nothing(what: &str) -> crate::flow::StepError {
    environment(
        format!("the way back cannot be harmed so: {what}"),
        "go back from a later step, or use another harm",
    )
}
