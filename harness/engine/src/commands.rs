//! What workers and people ask Camunda to do, through its REST API version 2.

use crate::error::{EngineError, Result};
use crate::processes::Resource;
use crate::session::Session;
use serde_json::{Value, json};
use std::time::Duration;

/// A definition that a deployment made, or had already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What it is.
    pub kind: DefinitionKind,
    /// Its own name.
    pub id: String,
    /// Its key.
    pub key: i64,
    /// Its version, from 1.
    pub version: i64,
}

/// Kinds of definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// A process.
    Process,
    /// A decision.
    Decision,
    /// A form.
    Form,
}

/// A job that was given to this worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its key.
    pub key: i64,
    /// Its type.
    pub kind: String,
    /// The instance it belongs to.
    pub instance: i64,
    /// The flow node instance it belongs to: what a person sees of it.
    pub element: i64,
    /// Variables of its scope.
    pub variables: Value,
}

/// Reads a key, which some interfaces give as a number and some as a text.
pub(crate) fn key_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

impl Session {
    /// Deploys these files at once. What is there already in the same form gets no new version.
    ///
    /// # Errors
    /// They are refused, or nobody answers.
    pub async fn deploy(&self, resources: &[Resource]) -> Result<Vec<Definition>> {
        let path = "/v2/deployments";
        let (kind, body) = form_of(resources);
        let answer = self.post_raw(path, kind, body).await?;
        let deployed = answer["deployments"]
            .as_array()
            .ok_or_else(|| EngineError::lacks("POST", path, "deployments"))?;
        Ok(deployed.iter().filter_map(definition_of).collect())
    }

    /// Starts an instance of the newest version, and tells its key.
    ///
    /// # Errors
    /// It is refused, or nobody answers.
    pub async fn start_instance(&self, process: &str, variables: Value) -> Result<i64> {
        let path = "/v2/process-instances";
        let answer = self.post(path, json!({"processDefinitionId": process, "variables": variables})).await?;
        key_of(&answer["processInstanceKey"])
            .ok_or_else(|| EngineError::lacks("POST", path, "processInstanceKey"))
    }

    /// Cancels an instance.
    ///
    /// # Errors
    /// It has ended (404), or nobody answers.
    pub async fn cancel_instance(&self, instance: i64) -> Result<()> {
        self.post(&format!("/v2/process-instances/{instance}/cancellation"), json!({})).await.map(drop)
    }

    /// Removes an instance that has ended, as people do in Operate.
    ///
    /// # Errors
    /// It is not there (404), has not ended, or nobody answers.
    pub async fn delete_instance(&self, instance: i64) -> Result<()> {
        self.delete(&format!("/v1/process-instances/{instance}")).await.map(drop)
    }

    /// Takes jobs, at most so many; none if there are none within `wait`.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn activate_jobs(&self, kind: &str, most: usize, wait: Duration) -> Result<Vec<Job>> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(1).max(1);
        let request = json!({
            "type": kind, "worker": "drydock", "timeout": 30_000, "maxJobsToActivate": most, "requestTimeout": wait,
        });
        let answer = self.post("/v2/jobs/activation", request).await?;
        let jobs = answer["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(jobs.iter().filter_map(job_of).collect())
    }

    /// Completes a job.
    ///
    /// # Errors
    /// It is not there any more (404), or nobody answers.
    pub async fn complete_job(&self, job: i64, variables: Value) -> Result<()> {
        self.post(&format!("/v2/jobs/{job}/completion"), json!({"variables": variables})).await.map(drop)
    }

    /// Fails a job for good, which raises an incident.
    ///
    /// # Errors
    /// As [`Session::complete_job`].
    pub async fn fail_job(&self, job: i64, message: &str) -> Result<()> {
        let body = json!({"retries": 0, "errorMessage": message});
        self.post(&format!("/v2/jobs/{job}/failure"), body).await.map(drop)
    }

    /// Gives a job new retries, so that an incident about it can be resolved.
    ///
    /// # Errors
    /// As [`Session::complete_job`].
    pub async fn retry_job(&self, job: i64) -> Result<()> {
        let path = format!("/v2/jobs/{job}");
        self.patch(&path, json!({"changeset": {"retries": 1}})).await.map(drop)
    }

    /// Resolves an incident.
    ///
    /// # Errors
    /// It is not there any more (404), its cause stays, or nobody answers.
    pub async fn resolve_incident(&self, incident: i64) -> Result<()> {
        self.post(&format!("/v2/incidents/{incident}/resolution"), json!({})).await.map(drop)
    }

    /// Assigns a user task.
    ///
    /// # Errors
    /// It is not there any more (404), or nobody answers.
    pub async fn assign_task(&self, task: i64, assignee: &str) -> Result<()> {
        let body = json!({"assignee": assignee, "allowOverride": true, "action": "claim"});
        self.post(&format!("/v2/user-tasks/{task}/assignment"), body).await.map(drop)
    }

    /// Completes a user task.
    ///
    /// # Errors
    /// As [`Session::assign_task`].
    pub async fn complete_task(&self, task: i64, variables: Value) -> Result<()> {
        self.post(&format!("/v2/user-tasks/{task}/completion"), json!({"variables": variables}))
            .await
            .map(drop)
    }

    /// Publishes a message that waits for its receiver, and tells its key.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn publish(&self, name: &str, correlation: &str, wait: Duration) -> Result<i64> {
        let path = "/v2/messages/publication";
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let body = json!({"name": name, "correlationKey": correlation, "timeToLive": wait, "variables": {}});
        let answer = self.post(path, body).await?;
        key_of(&answer["messageKey"]).ok_or_else(|| EngineError::lacks("POST", path, "messageKey"))
    }
}

fn definition_of(deployed: &Value) -> Option<Definition> {
    use DefinitionKind::{Decision, Form, Process};
    let read = |kind, part: &Value, id: &str, key: &str, version: &str| {
        Some(Definition {
            kind,
            id: part[id].as_str()?.to_owned(),
            key: key_of(&part[key])?,
            version: part[version].as_i64()?,
        })
    };
    let process = &deployed["processDefinition"];
    let decision = &deployed["decisionDefinition"];
    let form = &deployed["form"];
    read(Process, process, "processDefinitionId", "processDefinitionKey", "processDefinitionVersion")
        .or_else(|| read(Decision, decision, "decisionDefinitionId", "decisionDefinitionKey", "version"))
        .or_else(|| read(Form, form, "formId", "formKey", "version"))
}

fn job_of(job: &Value) -> Option<Job> {
    Some(Job {
        key: key_of(&job["key"]).or_else(|| key_of(&job["jobKey"]))?,
        kind: job["type"].as_str()?.to_owned(),
        instance: key_of(&job["processInstanceKey"])?,
        element: key_of(&job["elementInstanceKey"])?,
        variables: job["variables"].clone(),
    })
}

/// The media type and the body of a form with these files.
fn form_of(resources: &[Resource]) -> (String, Vec<u8>) {
    let digest = resources.iter().fold(blake3::Hasher::new(), |mut hasher, resource| {
        hasher.update(resource.text.as_bytes());
        hasher
    });
    // Made of the files themselves, so that no file holds it.
    let boundary = format!("drydock-{}", &digest.finalize().to_hex()[..32]);
    let mut body = String::new();
    for resource in resources {
        body.push_str(&format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"resources\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{}\r\n",
            resource.name, resource.text
        ));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    (format!("multipart/form-data; boundary={boundary}"), body.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::RESOURCES;

    #[test]
    fn keys_are_read_whole_whether_they_are_numbers_or_texts() {
        assert_eq!(key_of(&json!(9_007_199_254_740_993_i64)), Some(9_007_199_254_740_993));
        assert_eq!(key_of(&json!("9007199254740993")), Some(9_007_199_254_740_993));
        assert_eq!(key_of(&json!(1.5)), None);
    }

    #[test]
    fn a_deployments_answer_is_read_whatever_it_deployed() {
        let process = json!({"processDefinition":
            {"processDefinitionId": "p", "processDefinitionKey": 3, "processDefinitionVersion": 2}});
        let form = json!({"form": {"formId": "f", "formKey": "4", "version": 1}, "processDefinition": null});
        let requirements = json!({"decisionRequirements": {"version": 1}});
        let read: Vec<_> = [process, form, requirements].iter().filter_map(definition_of).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].id.as_str(), read[0].key, read[0].version), ("p", 3, 2));
        assert_eq!(read[1].kind, DefinitionKind::Form);
    }

    #[test]
    fn a_form_holds_each_file_once_between_boundaries_that_no_file_holds() {
        let (kind, body) = form_of(&RESOURCES);
        let boundary = kind.split_once("boundary=").unwrap().1.to_owned();
        let body = String::from_utf8(body).unwrap();
        assert_eq!(body.matches(&boundary).count(), RESOURCES.len() + 1);
        assert!(RESOURCES.iter().all(|r| body.contains(r.text) && !r.text.contains(&boundary)));
    }
}
