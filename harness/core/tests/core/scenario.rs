//! Mistakes in scenario files are told with their place and with what to write instead.

use drydock_core::Scenario;
use drydock_core::scenario::{EnvironmentName, ledger_from_yaml};
use miette::Diagnostic;

/// Text, place and message, help.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("nmae: x\n", "1:1: unknown key `nmae`", "did you mean `name`?"),
    (
        "name: x\nworkload:\n  writes_per_secnd: 5\n",
        "3:3: unknown key `writes_per_secnd`",
        "did you mean `writes_per_second`?",
    ),
    (
        "name: x\ncolour: red\n",
        "2:1: unknown key `colour`",
        "known here: name, description, seed, environment, driver, scripts, chart, procedure, source, target, identity, data, workload, \
         engine, camunda, migration, faults, rollback, budgets, expect, expected",
    ),
    (
        "name: x\nmigration:\n  delta: exact\n",
        "3:3: a cold copy has no delta",
        "add `reindex: warm`, or leave `delta` out",
    ),
    (
        "name: x\nmigration:\n  reindex: warm\n  mover: stream\n  delta: upstream\n",
        "5:3: the official scripts' delta is made by `_reindex`",
        "use `mover: reindex` with it, or `delta: exact`",
    ),
    (
        "name: x\nmigration:\n  reindex: warm\n  create_indices: upstream\n",
        "4:3: an exact delta needs indices that were made completely",
        "use `create_indices: complete` with it, or `delta: upstream`",
    ),
    (
        "name: x\nworkload:\n  writes_per_second: 0\n  writes_between: 5\n",
        "4:3: writes are waited for, but nobody writes",
        "set `writes_per_second` and migrate a component that users write to, or leave `writes_between` out",
    ),
    (
        "name: x\nmigration: {components: [identity]}\nworkload: {writes_between: 5}\n",
        "3:12: writes are waited for, but nobody writes",
        "set `writes_per_second` and migrate a component that users write to, or leave `writes_between` out",
    ),
    (
        "name: x\nmigration: {components: [identity]}\nrollback: {from: phase-5/cleanup, after_writes: 5}\n",
        "3:35: writes are waited for, but nobody writes",
        "set `writes_per_second` and migrate a component that users write to, or leave `after_writes` out",
    ),
    (
        "name: x\nmigration:\n  mover: snapshot\n  reindex: warm\n",
        "4:3: this mover copies everything during the cutover",
        "leave `reindex` out, or use `mover: reindex` or `mover: stream`",
    ),
    (
        "name: x\nmigration:\n  create_indices: bare\n",
        "3:3: this mover has no tool of its own that could make indices",
        "use `create_indices: upstream` or `complete` with it",
    ),
    (
        "name: x\nmigration:\n  mover: dump\n  create_indices: upstream\n",
        "4:3: the official scripts make indices for `_reindex` alone",
        "use `create_indices: bare` for what this way loses, or `complete`",
    ),
    (
        "name: x\nmigration:\n  tool: elasticdump\n",
        "3:3: elasticdump is a tool of `mover: dump`",
        "add `mover: dump`, or leave `tool` out",
    ),
    (
        "name: x\nmigration:\n  mover: dump\n  tool: elasticdump\n  versions: keep\n",
        "5:3: elasticdump does not carry versions",
        "leave `versions` out, or use `tool: builtin`",
    ),
    (
        "name: x\nmigration:\n  repository: {type: fs, settings: {location: /x}}\n",
        "3:3: only snapshots are kept in a repository",
        "add `mover: snapshot`, or leave `repository` out",
    ),
    (
        "name: x\nmigration:\n  mover: snapshot\n  repository: {type: s3, settings: {bucket: b, secret_key: k}}\n",
        "4:3: keys in the settings of a repository can be read by every user of the cluster",
        "put them into the keystore of every node: bin/elasticsearch-keystore add s3.client.default.access_key",
    ),
    (
        "name: x\nmigration:\n  mover: snapshot\n  repository: {type: s3}\n",
        "4:3: the repository has no place",
        "give type fs a `location`, and type s3 a `bucket`, below `settings`",
    ),
    (
        "name: x\nsource: {managed: elsewhere}\n",
        "2:10: only the target may be managed by others",
        "leave `managed` out of the source",
    ),
    (
        "name: x\nsource: {misconfigured: wrong-ca}\n",
        "2:10: only the target may be misconfigured",
        "move `misconfigured` to the target",
    ),
    (
        "name: x\ntarget:\n  misconfigured: wrong-ca\n",
        "3:3: wrong-ca needs a target that is reached over TLS",
        "add `managed: elsewhere` to the target",
    ),
    (
        "name: x\ntarget:\n  misconfigured: read-only-block\nmigration: {components: [identity]}\n",
        "3:3: read-only-block is about Elasticsearch, which is not migrated",
        "add `elasticsearch` to `components`, or use another misconfiguration",
    ),
    (
        "name: x\ntarget:\n  misconfigured: whitelist-missing\nmigration: {mover: stream}\n",
        "3:3: whitelist-missing harms only `_reindex` from remote",
        "use `mover: reindex` with it, or another misconfiguration",
    ),
    (
        "name: x\ntarget:\n  misconfigured: wrong-cs\n",
        "3:18: unknown value `wrong-cs`",
        "did you mean `wrong-ca`?",
    ),
    (
        "name: x\nbudgets: {step: 0s}\n",
        "2:11: the step budget is not positive",
        "write it as `90s` or `10min`",
    ),
    ("name: x\nengine: camnda\n", "2:9: unknown value `camnda`", "did you mean `camunda`?"),
    (
        "name: x\ncamunda: {instances: 30}\n",
        "2:1: nothing is to be started that `camunda` could set up",
        "add `engine: camunda`, or leave `camunda` out",
    ),
    (
        "name: x\nengine: camunda\ncamunda: {partitions: 9}\n",
        "3:11: partitions is 9, outside of 1 to 8",
        "`docs/reference/scenario.md` tells what is allowed",
    ),
    (
        "name: x\nengine: camunda\ncamunda:\n  archive_after: 1ms\n",
        "4:3: archive_after is shorter than a second",
        "`docs/reference/scenario.md` tells what is allowed",
    ),
    (
        "name: x\nengine: camunda\nmigration: {components: [identity]}\n",
        "2:1: a real Camunda keeps its data in Elasticsearch, which is not migrated",
        "add `elasticsearch` to `components`, or leave `engine` out",
    ),
    (
        "name: x\nengine: camunda\ntarget: {managed: elsewhere}\n",
        "3:1: a real Camunda is started on the target, and is given neither a certificate nor a login for it",
        "leave `managed` and `misconfigured` out of the target",
    ),
    (
        "name: x\nengine: camunda\nmigration:\n  index_prefixes: [zeebe-, operate-]\n",
        "4:3: indices that begin with tasklist- are not migrated, and Camunda needs them",
        "add tasklist- to `index_prefixes`",
    ),
    (
        "name: x\nengine: camunda\nprocedure: dry-run\n",
        "3:1: a real Camunda takes part in a cutover only",
        "use `procedure: cutover` with it, or leave `engine` out",
    ),
    (
        "name: x\nengine: camunda\nrollback: {from: phase-2/backup/identity}\n",
        "3:12: a real Camunda is not stopped before this step, so that there is nothing to go back from",
        "go back from `phase-3/freeze` or a later step, or leave `engine` out",
    ),
    (
        "name: x\nengine: camunda\nfaults:\n  - {fault: disk-full, during: phase-3/restore/elasticsearch}\n",
        "4:13: disk-full strikes a running step, which is not rehearsed with a real Camunda",
        "plant losses (`lose-index`, `lose-alias`) with it, or leave `engine` out",
    ),
    ("name: x\nmigration:\n  mover: steam\n", "3:10: unknown value `steam`", "did you mean `stream`?"),
    ("name: x\nmigration:\n  grants: cary\n", "3:11: unknown value `cary`", "did you mean `carry`?"),
    ("name: x\nfaults:\n  - fault: lose-rwo\n", "3:12: unknown value `lose-rwo`", "did you mean `lose-row`?"),
    ("description: y\n", "1:1: the key `name` is missing", "add `name:`"),
    ("name: x\nfaults:\n  - at: y\n", "3:5: the key `fault` is missing", "add `fault:`"),
    (
        "name: x\nseed: many\n",
        "2:7: expected a whole number from 0 to 18446744073709551615",
        "write it in digits, without a unit",
    ),
    (
        "name: x\nsource:\n  postgres: {port: 70000}\n",
        "3:20: expected a whole number from 0 to 65535",
        "write it in digits, without a unit",
    ),
    (
        "name: x\ndata: 7\n",
        "2:7: expected keys with values below this one",
        "write `key: value` on indented lines, or {key: value}",
    ),
    ("name: x\nexpected: y\n", "2:11: expected a list", "write `- item` on indented lines, or [item, item]"),
    (
        "name: x\nbudgets:\n  downtime: 90\n",
        "3:13: expected a duration",
        "write a number with its unit: `90s`, `10min`, `1h 30min`",
    ),
    ("name: [x\n", "1:7: expected one text", "put it in quotes if it contains brackets, braces or a colon"),
    (
        "name: x\n  data: y\n",
        "2:7: mapping values are not allowed in this context",
        "indent keys of one level alike, and put a text that contains `: ` in quotes",
    ),
    ("name: x\nseed: 1\nname: y\n", "3:1: the key `name` stands here twice", "keep one of them"),
    (
        "name: x\ndata:\n\tprofile: tiny\n",
        "3:2: tabs disallowed within this context (block indentation)",
        "indent with spaces",
    ),
    ("", "1:1: the file holds nothing", "a scenario begins with `name:`, a ledger with `expected:`"),
    (
        "# only this\n",
        "2:1: the file holds nothing",
        "a scenario begins with `name:`, a ledger with `expected:`",
    ),
    (
        "name: x\n---\nname: y\n",
        "3:1: a second YAML document begins here",
        "one file holds one document: take `---` out",
    ),
    (
        "seed: 1\nname: a/b\n",
        "2:1: the name \"a/b\" cannot be part of a file name",
        "use letters, digits, - and _",
    ),
    (
        "name: x\nfaults:\n  - fault: lose-row\n    after: phase-3/restore/identiy\n",
        "4:12: lose-row is to be planted after phase-3/restore/identiy, which is no step of this plan",
        "did you mean `phase-3/restore/identity`?",
    ),
    (
        "name: x\nmigration: {components: [identity]}\nfaults:\n  - {fault: lose-row, after: phase-3/restore/elasticsearch}\n",
        "4:30: lose-row is to be planted after phase-3/restore/elasticsearch, which is no step of this plan",
        "`drydock rehearse --plan` lists the steps",
    ),
    (
        "name: x\ndescription: the target is older\nsource:\n  postgres: {version: 17}\ntarget:\n  postgres: {version: 15}\n",
        "6:14: a dump of PostgreSQL 17 cannot be restored into 15",
        "give the target the same major version or a newer one",
    ),
    (
        "name: x\nsource:\n  postgres:\n    version: 16\n",
        "4:5: PostgreSQL 16 is not among the versions this environment starts",
        "use 14, 15 or 17",
    ),
    (
        "name: x\nsource:\n  postgres: {port: 5432}\n  elasticsearch: {port: 5432}\n",
        "4:19: port 5432 is given to two stores",
        "give each store its own port, or leave `port` out and a free one is taken",
    ),
    (
        "name: x\nsource: &one\n  postgres: {port: 5432}\ntarget: *one\n",
        "4:1: port 5432 is given to two stores",
        "give each store its own port, or leave `port` out and a free one is taken",
    ),
    (
        "name: x\nbudgets: {downtime: 0s}\n",
        "2:11: the downtime budget is not positive",
        "write it as `90s` or `10min`",
    ),
    (
        "name: x\nmigration:\n  reindex_parallelism: 17\n",
        "3:3: reindex_parallelism is 17, outside of 1 to 16",
        "use 1 to 16",
    ),
    (
        "name: x\nmigration:\n  index_prefixes: [operate-, 'zeebe-*']\n",
        "3:31: \"zeebe-*\" is no prefix of index names: `*` is implied",
        "write the beginning of the names as it is, `operate-`",
    ),
    (
        "name: x\ndata: {documents: 0}\n",
        "2:8: a source without documents proves nothing",
        "ask for at least 1",
    ),
];

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    for (text, message, help) in MISTAKES {
        let error = Scenario::from_yaml("s.yaml", text).unwrap_err();
        assert_eq!(error.to_string(), format!("s.yaml:{message}"), "{text:?}");
        assert_eq!(error.help.as_deref(), Some(*help), "{text:?}");
        let (line, column) = (error.line, error.column);
        assert!(error.to_string().starts_with(&format!("s.yaml:{line}:{column}: ")));
    }
}

#[test]
fn the_mark_lies_within_the_text_even_beyond_ascii() {
    for text in [
        "name: x\ndescription: äöü€𝄞\nseed: ä\n",
        "name: 𝄞\n",
        "näme: x\n",
        "name: x\ndata: {prøfile: 𝄞}\r\n",
    ] {
        let error = Scenario::from_yaml("s.yaml", text).unwrap_err();
        let label = error.labels().unwrap().next().unwrap();
        assert!(text.get(label.offset()..label.offset() + label.len()).is_some(), "{text:?} {label:?}");
    }
}

#[test]
fn ledgers_are_told_in_the_same_way() {
    let error =
        ledger_from_yaml("l.yaml", "expected:\n  - check: a\n    subject: b\n    reson: c\n").unwrap_err();
    assert_eq!(error.to_string(), "l.yaml:4:5: unknown key `reson`");
    assert_eq!(error.help.as_deref(), Some("did you mean `reason`?"));
}

#[test]
fn what_is_written_with_all_defaults_reads_back_the_same() {
    let scenario =
        Scenario::from_yaml("s.yaml", "name: x\nbudgets: {downtime: 5min}\nfaults: [{fault: lose-row}]\n")
            .unwrap();
    let json = serde_json::to_string(&scenario).unwrap();
    // JSON is YAML: what the record holds can be rehearsed again.
    assert_eq!(Scenario::from_yaml("s.json", &json).unwrap(), scenario);
}

/// The files people start from.
#[test]
fn committed_scenarios_and_ledgers_are_valid() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let name = path.display().to_string();
        let scenario = Scenario::from_yaml(&name, &std::fs::read_to_string(&path).unwrap());
        let scenario = scenario.unwrap_or_else(|e| panic!("{e}: {:?}", e.help));
        assert_eq!(Some(scenario.name.as_str()), path.file_stem().and_then(|s| s.to_str()));
        for ledger in &scenario.expected {
            let path = path.parent().unwrap().join(ledger);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let ledger =
                ledger_from_yaml(&path.display().to_string(), &text).unwrap_or_else(|e| panic!("{e}"));
            for line in &ledger.expected {
                assert!(!line.is_expired(env!("CARGO_PKG_VERSION")), "{line:?}");
                assert!(!line.reason.is_empty() && !line.source.is_empty(), "{line:?}");
            }
        }
        seen += 1;
    }
    assert!(seen > 0, "no scenario found");
}

#[test]
fn what_could_never_be_met_is_no_expectation() {
    let read = |expect: &str| {
        let yaml = format!("name: x\nprocedure: dry-run\nexpect: {expect}\n");
        Scenario::from_yaml("x.yaml", &yaml).map(drop).map_err(|e| e.to_string())
    };
    assert!(read("{verdict: different, checks: [harmless/target]}").is_ok());
    assert!(read("{verdict: different}").is_ok() && read("{}").is_ok());
    let unknown = read("{verdict: different, checks: [harmles/target]}").unwrap_err();
    assert!(unknown.contains("harmles/target is no check of this scenario"), "{unknown}");
    // A check of another procedure: it would never be made.
    assert!(read("{verdict: different, checks: [elasticsearch/documents]}").is_err());
    assert!(read("{checks: [harmless/target]}").unwrap_err().contains("verdict is to be equal"));
}

#[test]
fn each_side_may_name_its_images() {
    let text = "name: x\nenvironment: containers\nsource: {postgres: {version: 14, image: \"team/postgres:{version}\"}}\n\
                target: {elasticsearch: {image: \"elasticsearch:8.18.0\"}}\n";
    let scenario = Scenario::from_yaml("x.yaml", text).expect("it is right");
    assert_eq!(scenario.environment, EnvironmentName::Containers);
    assert_eq!(scenario.source.postgres.image.as_deref(), Some("team/postgres:{version}"));
    assert_eq!(scenario.target.elasticsearch.image.as_deref(), Some("elasticsearch:8.18.0"));
    assert_eq!((scenario.target.postgres.image, scenario.source.elasticsearch.image), (None, None));
    let mistake =
        Scenario::from_yaml("x.yaml", "name: x\nenvironment: container\n").expect_err("it is wrong");
    assert!(mistake.to_string().contains("2:"), "{mistake}");
}
