//! Runs as their records tell them.

use drydock_core::event::{Ending, ProbeSummary, RECORD_VERSION, RunStarted, ServiceState, Side};
use drydock_core::ledger::Seen;
use drydock_core::names::checks;
use drydock_core::summary::NO_WRITE_SECONDS;
use drydock_core::{
    Class, Entry, Event, FamilyProof, Finding, Ground, Kind, LedgerLine, Outcome, Plan, Proof, ProofMiss,
    Record, RunId, Sample, Scenario, StepId, StepOutcome, Store, Summary,
};
use std::collections::BTreeMap;

/// Text that would do harm if it reached a terminal, a web page or a dashboard as it is.
pub(crate) const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}a\r\nEQUAL (exit code 0)\u{202e}|`x`<img src=http://h/p.png>![i](http://h)]]>\u{0}\u{fffe}";

/// A proof of two families in which so many corruptions were missed.
pub(crate) fn proof(missed: u64) -> Proof {
    let family = |name: &str, variants: u64, missed: u64| FamilyProof {
        family: name.to_owned(),
        variants,
        caught: variants - missed,
        named: variants - missed,
        clean_pairs: 500,
        false_alarms: 0,
        checks: vec![checks::ES_DOCUMENTS.to_owned()],
    };
    let misses = (0..missed).map(|n| ProofMiss {
        family: "documents".to_owned(),
        variant: format!("routing dropped {n}"),
        why: format!("nothing was told of {HOSTILE}"),
    });
    Proof {
        ground: Ground::InMemory,
        seed: 42,
        families: vec![family("documents", 179, missed), family("rows", 1_108, 0)],
        misses: misses.collect(),
        millis: 412,
    }
}

struct Run {
    started: RunStarted,
    events: Vec<(u64, Event)>,
    ms: u64,
}

impl Run {
    fn of(yaml: &str) -> Self {
        let scenario = Scenario::from_yaml("scenarios/x.yaml", yaml).unwrap();
        let started = RunStarted {
            record_version: RECORD_VERSION,
            drydock: "0.1.0".into(),
            run: RunId(format!("{}-20260102T030405Z-4711", scenario.name)),
            scenario_file: "scenarios/x.yaml".into(),
            plan: Plan::of(&scenario),
            scenario,
            ledger: Vec::new(),
            machine: [("cores".to_owned(), "2".to_owned())].into(),
        };
        let mut run = Self { started, events: Vec::new(), ms: 0 };
        run.event(0, Event::Proof(proof(0)));
        run
    }

    fn event(&mut self, millis: u64, event: Event) -> &mut Self {
        self.ms += millis;
        self.events.push((self.ms, event));
        self
    }

    fn stores(&mut self) -> &mut Self {
        for side in [Side::Source, Side::Target] {
            for (store, version) in [(Store::Postgres, "15.14"), (Store::Elasticsearch, "8.16.6")] {
                let disclosed = "a local process: one node, no TLS".to_owned();
                self.event(10, Event::StoreReady { side, store, version: version.into(), disclosed });
            }
        }
        self
    }

    /// Every step of the plan up to (and with) the one whose id begins so.
    fn steps_until(&mut self, last: &str) -> &mut Self {
        for step in self.started.plan.steps.clone() {
            self.event(1, Event::StepStarted { step: step.id.clone() });
            match step.id.as_str() {
                "phase-3/freeze" => self.event(1, Event::Service { state: ServiceState::Closed }),
                "phase-3/switch" => self.event(1, Event::Service { state: ServiceState::OnTarget }),
                _ => self,
            };
            let mut facts = BTreeMap::new();
            if step.id.as_str() == "conclude/workload" {
                facts.insert(NO_WRITE_SECONDS.into(), serde_json::json!({"elasticsearch": 17.5}));
            }
            let ended =
                Event::StepFinished { step: step.id.clone(), outcome: StepOutcome::Done, millis: 900, facts };
            self.event(900, ended);
            if step.id.as_str() == last {
                break;
            }
        }
        self
    }

    fn digest(&mut self) -> &mut Self {
        self.event(
            0,
            Event::DataDigest {
                moment: "seeded".into(),
                digest: "3f9a01c47b5e2d8890aa6c1f00d4e7b2".into(),
                documents: 50_000,
                rows: 23_456,
            },
        )
    }

    fn finding(&mut self, finding: Finding) -> &mut Self {
        self.event(0, Event::Finding(finding))
    }

    fn check(&mut self, check: &str, compared: u64, outcome: Outcome) -> &mut Self {
        self.event(
            40,
            Event::CheckFinished {
                check: check.into(),
                outcome,
                compared,
                note: format!("{compared} compared in both directions, nothing left out"),
                millis: 40,
            },
        )
    }

    fn probes(&mut self) -> &mut Self {
        let probes =
            [("elasticsearch/write", Some(29_950)), ("postgres/read", Some(29_800)), ("identity/open", None)];
        for (probe, until) in probes {
            if until.is_some() {
                self.event(
                    0,
                    Event::ProbeOutage {
                        probe: probe.into(),
                        from_ms: 12_600,
                        until_ms: until,
                        failed: 345,
                        error: "connection refused".into(),
                        resolution_ms: Some(50),
                    },
                );
            }
            self.event(
                0,
                Event::ProbeSummary(ProbeSummary {
                    probe: probe.into(),
                    interval_ms: 50,
                    far_interval_ms: Some(1000),
                    sent: 1000,
                    failed: if until.is_some() { 345 } else { 0 },
                    p50_us: 1_200,
                    p99_us: 9_800,
                    max_us: 45_000,
                }),
            );
        }
        self
    }

    fn record(&self) -> Record {
        let first = (0, Event::RunStarted(Box::new(self.started.clone())));
        let entries =
            (0..).zip(std::iter::once(&first).chain(&self.events)).map(|(seq, (ms, event))| Entry {
                seq,
                at: jiff::Timestamp::from_millisecond(1_767_323_045_000 + i64::try_from(*ms).unwrap())
                    .unwrap(),
                ms: *ms,
                event: event.clone(),
            });
        Record { started: self.started.clone(), entries: entries.collect(), torn: None, whole_bytes: 0 }
    }

    fn ends(&mut self, ending: Ending) -> Record {
        self.event(1, Event::RunFinished { ending });
        self.record()
    }
}

pub(crate) fn green_record() -> Record {
    let mut run = Run::of("name: standard\nbudgets: {downtime: 5min}\n");
    run.started.ledger.push(LedgerLine {
        check: "postgres/*".into(),
        subject: "keycloak.*jgroups_ping*".into(),
        kind: None,
        reason: "the dump leaves the rows of jgroups_ping out on purpose".into(),
        source: "migration contract 7.1".into(),
        expires: "1.0".into(),
        seen: Seen::Always,
    });
    run.stores().digest().steps_until("conclude/tear-down").probes();
    for (i, check) in (1_u64..).zip(checks::all()) {
        run.check(check, i * i * 1237, Outcome::Equal);
    }
    run.finding(
        Finding::data(
            checks::PG_ROWS,
            Kind::Missing,
            "keycloak.public.jgroups_ping",
            "2 rows are on the source only",
        )
        .items(2, [Sample::named("(own_addr)=(a)")]),
    );
    run.ends(Ending::Complete)
}

/// Nothing differs, but a check of the build misses what was planted in a copy.
pub(crate) fn unproven_build() -> Summary {
    let mut record = green_record();
    let failed = record.entries.iter_mut().find(|e| matches!(e.event, Event::Proof(_)));
    failed.unwrap().event = Event::Proof(proof(3));
    Summary::of(&record)
}

pub(crate) fn green() -> Summary {
    Summary::of(&green_record())
}

fn losses() -> Vec<Finding> {
    let next = "drydock verify elasticsearch --source … --target … looks again at this index alone";
    vec![
        Finding::data(
            checks::ES_INDICES,
            Kind::Missing,
            "tasklist-task-8.5.0_2025-11-30",
            "the index is on the source only, with 412 documents",
        )
        .next("create it and copy it again: run the restore of elasticsearch once more"),
        Finding::data(
            checks::ES_COUNTS,
            Kind::Missing,
            "tasklist-task-8.5.0_2025-11-30",
            "412 documents on the source, none on the target",
        )
        .items(412, [])
        .next(next),
        Finding::data(
            checks::ES_DOCUMENTS,
            Kind::Missing,
            "operate-list-view-8.3.0_",
            "1 document is on the source only",
        )
        .items(
            1,
            [Sample::both(
                "2251799813685281 (routing 2251799813685279)",
                Some("{\"state\":\"ACTIVE\"}".into()),
                None,
            )],
        )
        .next(next),
        Finding::data(
            checks::ES_ALIASES,
            Kind::Missing,
            "operate-list-view-8.3.0_/alias/operate-list-view-alias",
            "alias is missing on the target",
        )
        .next("add the alias; without it Operate finds no instances"),
        Finding::data(checks::PG_ROWS, Kind::Missing, "identity.public.users", "1 row is on the source only")
            .items(1, [Sample::both("(id)=(4711)", Some("(4711,demo)".into()), None)])
            .next("drydock verify postgres --source … --target … looks again at this table alone"),
        Finding::data(
            checks::PG_SEQUENCES,
            Kind::Changed,
            "webmodeler.public.projects_id_seq",
            "last value differs",
        )
        .items(1, [Sample::both("last_value", Some("512".into()), Some("1".into()))])
        .next("setval to the value of the source, or the next insert fails on its primary key"),
    ]
}

/// Five losses planted on purpose, and found.
pub(crate) fn planted() -> Summary {
    Summary::of(&planted_record())
}

pub(crate) fn planted_record() -> Record {
    let mut run = Run::of("name: planted-loss\nbudgets: {downtime: 10s}\n");
    run.stores().digest().steps_until("conclude/tear-down").probes();
    for (fault, item) in [
        ("lose-document", "operate-list-view-8.3.0_/2251799813685281"),
        ("lose-row", "identity.public.users (id)=(4711)"),
        ("lose-index", "tasklist-task-8.5.0_2025-11-30"),
        ("lose-alias", "operate-list-view-alias"),
        ("lose-sequence", "webmodeler.public.projects_id_seq"),
    ] {
        let after = StepId::from("phase-3/restore/elasticsearch");
        run.event(0, Event::FaultPlanted { fault: fault.into(), after, item: item.into() });
    }
    for (i, check) in (1_u64..).zip(checks::all()) {
        let found: Vec<Finding> = losses().into_iter().filter(|f| f.check.as_str() == check).collect();
        let outcome = if found.is_empty() { Outcome::Equal } else { Outcome::Different };
        for finding in found {
            run.finding(finding);
        }
        if check == checks::DOWNTIME {
            run.finding(
                Finding {
                    class: Class::Budget,
                    ..Finding::data(
                        check,
                        Kind::OverBudget,
                        "downtime",
                        "17.4 s, 7.4 s over the budget of 10 s",
                    )
                }
                .next("see which step of phase 3 took longest"),
            );
        }
        run.check(check, i * 100, outcome);
    }
    run.ends(Ending::Complete)
}

/// Data that tries to steer whatever shows it, and more findings than fit.
pub(crate) fn hostile(findings: u64) -> Summary {
    Summary::of(&hostile_record(findings))
}

pub(crate) fn hostile_record(findings: u64) -> Record {
    let mut run = Run::of(
        "name: hostile\nmigration: {components: [elasticsearch]}\nworkload: {writes_per_second: 0}\n",
    );
    run.stores().digest().steps_until("conclude/tear-down").probes();
    run.event(0, Event::FaultPlanted { fault: HOSTILE.into(), after: HOSTILE.into(), item: HOSTILE.into() });
    run.event(0, Event::Note { level: drydock_core::event::NoteLevel::Warning, text: HOSTILE.into() });
    for number in 0..findings {
        let sample = Sample::both(format!("{number}{HOSTILE}"), Some(HOSTILE.into()), Some(HOSTILE.into()));
        run.finding(
            Finding::data(checks::ES_DOCUMENTS, Kind::Changed, format!("operate-{number}{HOSTILE}"), HOSTILE)
                .items(number + 1, [sample.clone(), sample])
                .next(HOSTILE),
        );
    }
    let of_databases = [checks::PRE_EXTENSIONS, checks::PRE_DUMP];
    let asked = |c: &&str| c.starts_with("elasticsearch/") || c.starts_with("preflight/");
    for check in checks::all().filter(asked).filter(|c| !of_databases.contains(c)) {
        run.check(check, 5, if check == checks::ES_DOCUMENTS { Outcome::Different } else { Outcome::Equal });
    }
    run.check(checks::FREEZE, 1, Outcome::Equal).check(checks::TARGETS, 1, Outcome::Equal).check(
        checks::DOWNTIME,
        1,
        Outcome::Equal,
    );
    run.finding(Finding {
        outcome: Outcome::NotAsked,
        ..Finding::data(checks::ES_INDICES, Kind::NotAsked, HOSTILE, "3 indices lie outside of the prefixes")
    });
    run.ends(Ending::Complete)
}

/// Every check red, each finding with a next step of its own.
pub(crate) fn all_red() -> Summary {
    let mut run = Run::of("name: as-upstream\nbudgets: {downtime: 10s}\n");
    run.stores().digest().steps_until("conclude/tear-down").probes();
    for check in checks::all() {
        for item in 0..3 {
            run.finding(
                Finding::data(
                    check,
                    Kind::Changed,
                    format!("{check}-subject-{item}-with-a-name-of-usual-length"),
                    "it differs in one attribute",
                )
                .items(1, [Sample::both(format!("2251799813685{item}"), Some("1".into()), Some("2".into()))])
                .next(format!("look at number {item} of {check} and mend it")),
            );
        }
        run.check(check, 1_234_567, Outcome::Different);
    }
    Summary::of(&run.ends(Ending::Complete))
}

/// The target's disk filled up in phase 3.
pub(crate) fn not_proven() -> Summary {
    let mut run = Run::of("name: standard\n");
    run.stores().digest().steps_until("phase-3/backup/elasticsearch");
    let step = StepId::from("phase-3/restore/identity");
    run.event(5, Event::StepStarted { step: step.clone() });
    run.finding(
        Finding {
            class: Class::Environment,
            outcome: Outcome::NotProven,
            ..Finding::data(
                step.as_str(),
                Kind::Environment,
                step.as_str(),
                "pg_restore of identity: no space left on device",
            )
        }
        .next("free 2 GiB below the run folder, then go on with `drydock rehearse --resume RUN`"),
    );
    let outcome = StepOutcome::EnvironmentFailed;
    run.event(3200, Event::StepFinished { step, outcome, millis: 3200, facts: BTreeMap::new() });
    run.check(checks::FREEZE, 12, Outcome::Equal);
    Summary::of(&run.ends(Ending::Stopped))
}

/// Killed in the middle of a copy, its last line torn.
pub(crate) fn killed() -> Summary {
    Summary::of(&killed_record())
}

pub(crate) fn killed_record() -> Record {
    let mut run = Run::of("name: standard\n");
    run.stores().digest().steps_until("phase-3/restore/webmodeler");
    run.event(5, Event::StepStarted { step: "phase-3/restore/elasticsearch".into() });
    let mut record = run.record();
    record.torn = Some(drydock_core::record::TornLine { line: 99, bytes: 17 });
    record
}
