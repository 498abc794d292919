//! The program elasticdump, one pass of it for each kind of thing it carries.

use super::Files;
use crate::context::{Facts, MigrationContext};
use crate::elasticsearch::encode;
use crate::error::MigrationError;
use crate::program::{self, Program};
use drydock_core::scenario::{CreateIndices, DumpTool};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::endpoint::ElasticsearchAuth;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAME: &str = "elasticdump";
/// For one pass over one index.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Looks whether the program is there, if the scenario asks for it.
pub(crate) async fn prepare(cx: &MigrationContext) -> Result<Facts, MigrationError> {
    if cx.spec.tool != DumpTool::Elasticdump {
        return Ok(Facts::new());
    }
    for side in [&cx.source.elasticsearch, &cx.target.elasticsearch] {
        access(cx, side)?;
    }
    let output = run(cx, vec!["--version".into()], &cx.source.elasticsearch, "version").await?;
    Ok(Facts::from([("elasticdump".into(), json!(output.trim()))]))
}

/// Reads one index of the source into its files and returns the number of documents. Where the tool is to show what it
/// carries by itself, its own passes for analysis and mapping are made as well.
pub(super) async fn into_files(
    cx: &MigrationContext,
    files: &Files,
    largest: u32,
) -> Result<u64, MigrationError> {
    let source = &cx.source.elasticsearch;
    if cx.spec.create_indices == CreateIndices::Bare {
        if has_analysis(files)? {
            pass(cx, source, Direction::Out, "analyzer", files, &beside(files, "analyzer"), largest).await?;
        }
        pass(cx, source, Direction::Out, "mapping", files, &beside(files, "mapping"), largest).await?;
    }
    pass(cx, source, Direction::Out, "data", files, &files.documents, largest).await?;
    if !files.documents.exists() {
        super::private(&files.documents, b"")?;
    }
    let file = files.documents.clone();
    let read = move || -> std::io::Result<u64> {
        let mut lines = 0;
        let mut reader = std::io::BufReader::new(std::fs::File::open(file)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            lines += u64::from(!line.trim_ascii().is_empty());
            line.clear();
        }
        Ok(lines)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| MigrationError::Internal(format!("counting a dump failed: {e}")))?
        .map_err(|e| MigrationError::io("read", &files.documents, &e))
}

/// Makes an index on the target as the tool does: empty, then its analysis, then its mapping.
pub(super) async fn make(cx: &MigrationContext, files: &Files) -> Result<(), MigrationError> {
    let target = &cx.target.elasticsearch;
    if has_analysis(files)? {
        pass(cx, target, Direction::In, "analyzer", files, &beside(files, "analyzer"), u32::MAX).await?;
    }
    pass(cx, target, Direction::In, "mapping", files, &beside(files, "mapping"), u32::MAX).await
}

/// Writes the documents of one index to the target.
pub(super) async fn from_file(cx: &MigrationContext, files: &Files) -> Result<(), MigrationError> {
    pass(cx, &cx.target.elasticsearch, Direction::In, "data", files, &files.documents, u32::MAX).await
}

fn beside(files: &Files, what: &str) -> PathBuf {
    files.documents.with_extension(format!("{what}.json"))
}

/// Without any the tool's pass fails.
fn has_analysis(files: &Files) -> Result<bool, MigrationError> {
    let text =
        std::fs::read(&files.definition).map_err(|e| MigrationError::io("read", &files.definition, &e))?;
    let definition: Value = serde_json::from_slice(&text).unwrap_or_default();
    let settings = definition[&files.index]["settings"].as_object();
    Ok(settings.is_some_and(|s| s.keys().any(|k| k.starts_with("index.analysis."))))
}

/// Whether a pass reads from a cluster or writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Out,
    In,
}

async fn pass(
    cx: &MigrationContext,
    cluster: &ElasticsearchEndpoint,
    direction: Direction,
    what: &str,
    files: &Files,
    file: &Path,
    largest: u32,
) -> Result<(), MigrationError> {
    let index = format!("{}/{}", cluster.url.trim_end_matches('/'), encode(&files.index));
    let file = file.display().to_string();
    let (input, output) = match direction {
        Direction::Out => (index, file),
        Direction::In => (file, index),
    };
    let mut arguments = vec![
        format!("--input={input}"),
        format!("--output={output}"),
        format!("--type={what}"),
        format!("--limit={}", cx.spec.reindex_batch.min(1000).min(largest)),
    ];
    arguments.extend(access(cx, cluster)?);
    run(cx, arguments, cluster, &files.index).await.map(drop)
}

/// How the tool logs in: by a file that only its owner reads, because arguments can be read by everybody.
fn access(cx: &MigrationContext, cluster: &ElasticsearchEndpoint) -> Result<Option<String>, MigrationError> {
    let (user, password) = match &cluster.auth {
        ElasticsearchAuth::None => return Ok(None),
        ElasticsearchAuth::Basic { user, password } => (user, password.expose_secret()),
        ElasticsearchAuth::ApiKey(_) => {
            return Err(MigrationError::migration(
                format!("let elasticdump log in to {}", cx.redactor().apply(&cluster.url)),
                "it takes an API key only as an argument, which everybody on this machine could read",
                "give this cluster a user and a password, or use `tool: builtin`",
            ));
        }
    };
    let hash = blake3::hash(format!("{}\0{user}\0{password}", cluster.url).as_bytes()).to_hex();
    let path = cx.dumps.join(format!("elasticdump-{}.ini", &hash[..12]));
    let quoted = |text: &str| Value::from(text).to_string();
    let text = format!("user={}\npassword={}\n", quoted(user), quoted(password));
    std::fs::create_dir_all(&cx.dumps).map_err(|e| MigrationError::io("create", &cx.dumps, &e))?;
    super::private(&path, text.as_bytes())?;
    Ok(Some(format!("--httpAuthFile={}", path.display())))
}

/// Where the program is: a bare name would be looked for in the current folder.
fn find() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(NAME)).find(|p| p.is_file());
    found.unwrap_or_else(|| NAME.into())
}

async fn run(
    cx: &MigrationContext,
    arguments: Vec<String>,
    cluster: &ElasticsearchEndpoint,
    index: &str,
) -> Result<String, MigrationError> {
    let mut environment = Vec::new();
    if let Some(pem) = &cluster.ca_pem {
        environment.push(("NODE_EXTRA_CA_CERTS", program::ca_file(cx, pem)?.display().to_string()));
    }
    let program = Program {
        path: find(),
        environment,
        limit: LIMIT,
        missing: "install it (npm install --global elasticdump), or use `tool: builtin`",
    };
    let log = format!("elasticdump-{}", encode(index).replace('%', "_"));
    let output = program::execute(cx, program, arguments, &log).await?;
    if output.code != 0 {
        return Err(MigrationError::from_words(
            format!("run elasticdump for index {index}"),
            program::last_words(&output),
            &format!("see logs/{log}.log"),
        ));
    }
    Ok(output.stdout)
}
