//! The proof of the checks in record, verdict and summary.

use crate::support::{Run, written};
use drydock_core::event::Ending;
use drydock_core::verdict::PROOF;
use drydock_core::{
    Event, ExitCode, FamilyProof, Finding, Ground, Kind, Outcome, Proof, ProofMiss, Record, Summary, Verdict,
};

/// A proof of one family with so many corruptions caught and named.
fn proof(variants: u64, caught: u64, named: u64, false_alarms: u64) -> Proof {
    let miss = ProofMiss {
        family: "documents".into(),
        variant: "routing dropped".into(),
        why: "nothing was told".into(),
    };
    Proof {
        ground: Ground::InMemory,
        seed: 42,
        families: vec![FamilyProof {
            family: "documents".into(),
            variants,
            caught,
            named,
            clean_pairs: 5,
            false_alarms,
            checks: Vec::new(),
        }],
        misses: vec![miss],
        millis: 1,
    }
}

#[test]
fn a_build_whose_checks_fail_their_proof_is_never_green() {
    let run = |proof| {
        let run = Run::asking(&["postgres/rows"]).event(Event::Proof(proof)).check("postgres/rows", 7);
        Verdict::of(&run.ends(Ending::Complete))
    };
    assert!(run(proof(9, 9, 9, 0)).is_green());
    for failed in [proof(9, 8, 8, 0), proof(9, 9, 8, 0), proof(9, 9, 9, 1), proof(0, 0, 0, 0)] {
        let verdict = run(failed);
        assert_eq!(verdict.exit_code, ExitCode::NotProven.code(), "{}", verdict.headline);
        assert_eq!(verdict.headline, "not proven: the checks of this build failed their own proof");
        let told = &verdict.findings[0].finding;
        assert_eq!(told.check.as_str(), PROOF);
        assert!(told.samples[0].item.contains("routing dropped") && told.next.contains("--seed 42"));
    }
    // A proven loss is told as such all the same.
    let record = Run::asking(&["postgres/rows"])
        .event(Event::Proof(proof(9, 8, 8, 0)))
        .finding(Finding::data("postgres/rows", Kind::Missing, "t", "a row is missing"))
        .check_told("postgres/rows", 7, Outcome::Different)
        .ends(Ending::Complete);
    assert_eq!(Verdict::of(&record).exit_code, ExitCode::Different.code());
}

#[test]
fn each_life_of_a_run_brings_its_own_proof_and_the_worst_counts() {
    let resumed = |starts_over: Option<&str>| {
        let event = Event::RunResumed { steps_kept: 0, starts_over: starts_over.map(Into::into) };
        Run::asking(&["postgres/rows"])
            .event(Event::Proof(proof(9, 8, 8, 0)))
            .event(event)
            .event(Event::Proof(proof(9, 9, 9, 0)))
            .check("postgres/rows", 7)
            .ends(Ending::Complete)
    };
    assert!(!Verdict::of(&resumed(None)).is_green());
    assert!(Verdict::of(&resumed(Some("the source is gone"))).is_green());
}

#[test]
fn a_record_without_a_proof_stays_readable_and_says_so() {
    let mut run = Run::asking(&["postgres/rows"]).check("postgres/rows", 7);
    run.started.record_version = 1;
    let record = Record::read(written(&run.ends(Ending::Complete)).as_slice()).unwrap();
    let summary = Summary::of(&record);
    assert!(summary.verdict.is_green());
    assert_eq!(summary.honesty.proof, None);
    assert_eq!(summary.honesty.cost[0].compared, 7);
}

#[test]
fn what_was_not_compared_or_not_told_in_full_stands_in_the_honesty_block() {
    let record = Run::asking(&["postgres/rows"])
        .event(Event::Proof(proof(9, 9, 9, 0)))
        .finding(Finding::not_compared("postgres/rows", "t", "no right to read it"))
        .finding(
            Finding::data("postgres/rows", Kind::Missing, "u", "rows are missing")
                .items(30, (0..12).map(|n| drydock_core::Sample::named(n.to_string()))),
        )
        .check_told("postgres/rows", 7, Outcome::Different)
        .ends(Ending::Complete);
    let honesty = Summary::of(&record).honesty;
    assert_eq!(honesty.not_compared.len(), 1);
    assert_eq!(honesty.not_compared[0].subject, "t");
    assert_eq!(honesty.sampled, ["postgres/rows u: 10 of 30 shown"]);
    assert_eq!(honesty.seconds_of_checking, 0.001);
    assert!(honesty.proof.is_some_and(|p| p.holds()));
}
