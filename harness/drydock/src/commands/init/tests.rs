//! Whatever is answered, what is written can be read, and says what was answered.

use super::ask::Asker;
use super::release::Found;
use super::write::{Answers, scenario};
use super::{Refused, answers};
use crate::cli::{Cli, Command, Init, TargetStores, Way};
use clap::{Parser, ValueEnum};
use drydock_core::scenario::{ExpectedVerdict, Managed, Procedure, Profile, Reindex, ledger_from_yaml};
use drydock_core::{Component, Plan, Scenario};

fn base() -> Answers {
    Answers {
        name: "first".into(),
        way: Way::Standard,
        target: TargetStores::Here,
        components: Component::ALL.to_vec(),
        prefixes: vec!["own-".into()],
        profile: Profile::Small,
        downtime: Some("5min".into()),
        rollback_after: None,
        postgres_source: 15,
        postgres_target: 15,
        ledger: "first.expected.yaml".into(),
        found: vec!["Read from nothing:".into()],
    }
}

/// Every subset that is not empty.
fn subsets() -> impl Iterator<Item = Vec<Component>> {
    (1_u8..16).map(|bits| {
        Component::ALL.into_iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, c)| c).collect()
    })
}

#[test]
fn every_combination_of_answers_is_a_scenario_that_says_them() {
    let mut written = 0;
    for way in Way::value_variants() {
        for target in TargetStores::value_variants() {
            for components in subsets() {
                for rollback_after in [None, Some(0), Some(137)] {
                    if rollback_after.is_some() && matches!(way, Way::Estimate | Way::DryRun | Way::ChartOnly)
                    {
                        // Told as wrong usage: there is no way back from these.
                        continue;
                    }
                    for (postgres_target, downtime) in [(15, None), (17, Some("1h 30min".to_owned()))] {
                        let answers = Answers {
                            way: *way,
                            target: *target,
                            components: components.clone(),
                            rollback_after,
                            postgres_target,
                            downtime,
                            ..base()
                        };
                        check(&answers);
                        written += 1;
                    }
                }
            }
        }
    }
    assert_eq!(written, 2 * 15 * 2 * (6 * 3 + 3));
}

fn check(answers: &Answers) {
    let text = scenario(answers);
    let read = Scenario::from_yaml("drydock.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(read.name, answers.name);
    assert_eq!(read.migration.components(), answers.components, "{text}");
    assert_eq!(
        read.target.managed == Managed::Elsewhere,
        answers.target == TargetStores::Elsewhere,
        "{text}"
    );
    assert_eq!((read.source.postgres.version, read.target.postgres.version), (15, answers.postgres_target));
    assert_eq!(read.data.profile, answers.profile);
    // Users only read Identity's database: where nothing else is moved there is no write to wait for.
    let written = match answers.components[..] {
        [Component::Identity] => answers.rollback_after.map(|_| 0),
        _ => answers.rollback_after,
    };
    assert_eq!(read.rollback.as_ref().map(|r| r.after_writes), written, "{text}");
    assert_eq!(read.migration.reindex == Reindex::Warm, answers.way == Way::Warm);
    assert_eq!(read.procedure == Procedure::DryRun, answers.way == Way::DryRun);
    let limited = answers.downtime.is_some() && answers.way != Way::DryRun;
    assert_eq!(read.budgets.downtime.is_some(), limited, "{text}");
    if answers.components.contains(&Component::Elasticsearch) {
        for prefix in ["own-", "acme-"] {
            assert_eq!(read.migration.index_prefixes.iter().filter(|p| *p == prefix).count(), 1, "{text}");
        }
    }
    // A scenario that is meant to be red says what may be red in it, or that it does not.
    let red = read.expect.verdict == ExpectedVerdict::Different;
    assert_eq!(red, answers.way == Way::Upstream || written.is_some_and(|n| n > 0), "{text}");
    let named: Option<Vec<&str>> =
        read.expect.checks.as_ref().map(|c| c.iter().map(drydock_core::CheckId::as_str).collect());
    let upstream = answers.way == Way::Upstream;
    assert_eq!(named, (red && !upstream).then(|| vec!["rollback/writes"]), "{text}");
    assert_eq!(text.contains("any difference passes"), upstream, "{text}");
    let databases = answers.components.iter().any(|c| c.database().is_some());
    let moves = !matches!(answers.way, Way::DryRun | Way::ChartOnly);
    assert_eq!(read.expected, if databases && moves { vec!["first.expected.yaml"] } else { vec![] });
    assert!(!Plan::of(&read).checks.is_empty());
}

#[test]
fn the_ledger_that_is_written_can_be_read() {
    assert!(ledger_from_yaml("ledger", super::STANDARD_LEDGER).is_ok());
}

#[test]
fn names_that_yaml_would_read_otherwise_are_quoted() {
    for name in ["yes", "NO", "1e3", "8.10", "null", "-a", "2026-01-01", "a.b"] {
        let text = scenario(&Answers { name: name.into(), ..base() });
        let read = Scenario::from_yaml("drydock.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(read.name, name);
    }
    let text = scenario(&Answers { prefixes: vec!["a: b\n\"c".into()], ..base() });
    let error = Scenario::from_yaml("drydock.yaml", &text).unwrap_err();
    assert!(error.message.contains("is no prefix of index names"), "{error}");
}

#[test]
fn what_was_found_stays_a_comment() {
    let text = scenario(&Answers { found: vec!["Read from a\nseed: 7\n:".into()], ..base() });
    let read = Scenario::from_yaml("drydock.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_ne!(read.seed, 7);
}

fn arguments(line: &str) -> Init {
    match Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command) {
        Ok(Command::Init(init)) => *init,
        other => panic!("{other:?}"),
    }
}

fn nothing_found() -> Found {
    Found { components: Component::ALL.to_vec(), prefixes: Vec::new(), postgres: 15, told: Vec::new() }
}

fn asked(line: &str, typed: &str) -> (Result<Answers, Refused>, String) {
    let mut questions = Vec::new();
    let mut asker = Asker::new(typed.as_bytes(), &mut questions);
    let came = answers(&arguments(line), nothing_found(), Some(&mut asker));
    (came, String::from_utf8(questions).unwrap())
}

#[test]
fn what_no_flag_says_is_asked_for_and_enter_takes_what_is_usual() {
    let (came, questions) =
        asked("drydock init --way warm", "night\nelsewhere\nkeycloak, elasticsearch\n\ntiny\nnone\n");
    let Ok(came) = came else { panic!("{questions}") };
    assert_eq!((came.name.as_str(), came.way, came.target), ("night", Way::Warm, TargetStores::Elsewhere));
    assert_eq!(came.components, [Component::Keycloak, Component::Elasticsearch]);
    assert_eq!((came.profile, came.downtime), (Profile::Tiny, None));
    assert!(!questions.contains("way to migrate") && questions.contains("longest outage"), "{questions}");

    let (came, _) = asked("drydock init", "\n\n\n\n\n\n\n");
    let Ok(came) = came else { panic!("usual answers are refused") };
    assert_eq!((came.name.as_str(), came.way), ("drydock", Way::Standard));
    assert_eq!(came.components, Component::ALL);
}

#[test]
fn a_wrong_answer_is_told_with_what_was_meant() {
    let (came, _) = asked("drydock init", "\nwram\n\n\n\n\n\n");
    assert!(matches!(came, Err(Refused::Usage(why)) if why.contains("did you mean `warm`?")));
    let (came, _) = asked("drydock init", "\n");
    assert!(matches!(came, Err(Refused::CouldNotRun(why)) if why.contains("as flags")));
}
