//! What an estimate says, and what it refuses to say.

use crate::synthetic::{Maker, PLANTED, Planted, machine};
use drydock_estimate::{Asked, Estimate, History, Machine, Measure, Model, Question, Way, estimate};

fn asked(documents: u64) -> Question {
    Question { asked: Asked { documents: Some(documents), ..Asked::default() }, ..Question::default() }
}

fn one(history: &History, question: &Question) -> Estimate {
    let mut all = estimate(history, question);
    assert_eq!(all.estimates.len(), 1, "{all:?}");
    all.estimates.remove(0)
}

fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / b
}

#[test]
fn planted_rates_are_recovered_and_carried_far_beyond_the_measured_range() {
    let mut maker = Maker::new(PLANTED, 3);
    let history = maker.history(&[10_000, 50_000, 100_000, 200_000], 5);
    let told = one(&history, &asked(1_000_000));
    let truth = maker.truth(&Maker::volumes(1_000_000, 115));
    assert!(relative(told.seconds.expect("a figure"), truth) < 0.10, "{:?} of {truth}", told.seconds);
    let interval = told.interval.expect("an interval");
    assert!(interval.contains(truth), "{interval:?} without {truth}");
    let beyond = told.beyond.first().expect("it is marked");
    assert!((beyond.factor - 5.0).abs() < 0.01, "{beyond:?}");
    assert_eq!(told.steps[0].step, "phase-3/restore/elasticsearch");
    assert!(told.steps[0].share > 0.9, "{:?}", told.steps);
    let backtest = told.backtest.expect("a back-test");
    assert_eq!((backtest.runs, backtest.with_interval), (20, 20));
    assert!(backtest.median_error < 0.08, "{backtest:?}");
}

#[test]
fn two_runs_give_no_interval_and_say_how_many_are_missing() {
    let history = Maker::new(PLANTED, 3).history(&[10_000, 50_000], 1);
    let told = one(&history, &asked(40_000));
    assert_eq!((told.interval, told.runs_missing), (None, 7));
    assert!(told.refused.as_deref().is_some_and(|r| r.contains("7 more are needed")), "{:?}", told.refused);
    assert!(told.seconds.is_some_and(|s| s > 5.0), "{:?}", told.seconds);
    assert!(told.backtest.is_none());
}

#[test]
fn one_volume_tells_nothing_about_growth() {
    let history = Maker::new(PLANTED, 3).history(&[10_000], 12);
    let far = one(&history, &asked(100_000));
    assert_eq!((far.seconds, far.interval), (None, None));
    assert!(far.refused.is_some());
    let near = one(&history, &asked(10_000));
    assert!(near.seconds.is_some() && near.interval.is_none(), "{near:?}");
}

#[test]
fn an_empty_history_gives_no_figure() {
    let all = estimate(&History::default(), &asked(1));
    assert!(all.estimates.is_empty());
    assert!(all.left_out.iter().any(|l| l.contains("no run")), "{:?}", all.left_out);
}

#[test]
fn a_run_on_a_busy_machine_does_not_move_the_estimate() {
    let clean = Maker::new(PLANTED, 5).history(&[10_000, 50_000, 200_000], 4);
    let before = one(&clean, &asked(500_000)).seconds.expect("a figure");
    for factor in [6.0, 0.2] {
        for hit in [1, 2] {
            let mut spoilt = clean.clone();
            let run = &mut spoilt.runs[hit];
            run.steps.iter_mut().for_each(|s| s.seconds *= factor);
            run.downtime_seconds = run.downtime_seconds.map(|s| s * factor);
            let after = one(&spoilt, &asked(500_000)).seconds.expect("a figure");
            assert!(relative(after, before) < 0.10, "run {hit} times {factor}: {after} instead of {before}");
        }
    }
}

#[test]
fn what_grows_together_in_the_history_widens_the_interval_where_it_does_not() {
    // Documents and bytes always grew together: nobody can know which of them costs the time.
    let history = Maker::new(Planted { noise: 0.01, ..PLANTED }, 9).history(&[10_000, 50_000, 200_000], 5);
    let usual = asked(200_000);
    let mut heavy = asked(200_000);
    heavy.asked.bytes = Some(200_000 * 1_400 * 4);
    let (usual, heavy) = (one(&history, &usual), one(&history, &heavy));
    let width = |e: &Estimate| e.interval.map(|i| i.high / i.low).unwrap_or_default();
    assert!(width(&heavy) > width(&usual) * 1.5, "{} and {}", width(&heavy), width(&usual));
    assert!(heavy.marks.iter().any(|m| m.contains("4.0 times as many bytes")), "{:?}", heavy.marks);
    assert!(usual.marks.is_empty(), "{:?}", usual.marks);
}

#[test]
fn the_curve_passes_by_what_was_measured_however_little_is_asked() {
    let mut history = Maker::new(PLANTED, 9).history(&[10_000, 50_000, 200_000], 5);
    // What every installation has, however little it did.
    history.runs.iter_mut().for_each(|r| r.volumes.bytes += 4_000_000);
    let measured = history.runs.iter().filter(|r| r.volumes.documents > 150_000);
    let most = measured.filter_map(|r| r.downtime_seconds).fold(0.0, f64::max);
    for documents in [0, 10, 1_000, 200_000] {
        let told = one(&history, &asked(documents));
        let end = told.curve.last().expect("a curve");
        assert!(relative(end.seconds, most) < 0.25, "{documents}: {end:?}, measured {most}");
        assert!(told.marks.is_empty(), "{documents}: {:?}", told.marks);
    }
}

#[test]
fn larger_databases_than_ever_measured_are_taken_as_proportional_and_marked() {
    let history = Maker::new(PLANTED, 9).history(&[10_000, 50_000, 200_000], 4);
    let mut question = asked(50_000);
    let before = one(&history, &question);
    question.asked.row_bytes = Some(310_000_000);
    let after = one(&history, &question);
    let step =
        |e: &Estimate| e.steps.iter().find(|s| s.step == "phase-3/restore/keycloak").map(|s| s.seconds);
    let grown = step(&after).unwrap_or_default() / step(&before).unwrap_or_default();
    assert!((grown - 10.0).abs() < 0.5, "{grown}");
    assert!(after.marks.iter().any(|m| m.contains("proportional")), "{:?}", after.marks);
    assert!(after.beyond.iter().any(|b| b.measure == Measure::RowBytes), "{:?}", after.beyond);
}

#[test]
fn a_budget_is_held_against_the_whole_interval() {
    use drydock_estimate::{Budget, Question};
    let mut history = Maker::new(PLANTED, 9).history(&[10_000, 50_000, 200_000], 4);
    let mut warm =
        Maker::new(Planted { per_document: 0.0, ..PLANTED }, 10).history(&[10_000, 50_000, 200_000], 4);
    warm.runs.iter_mut().for_each(|r| r.way = Way::Warm);
    history.runs.append(&mut warm.runs);
    let question = Question { budget_seconds: Some(30.0), ..asked(200_000) };
    let all = estimate(&history, &question);
    let meets = |way| all.estimates.iter().find(|e| e.way == way).and_then(|e| e.meets);
    let told = |b: Option<Budget>| serde_json::to_value(b).expect("json")["meets"].clone();
    assert_eq!(told(meets(Way::Warm)), "surely");
    assert_eq!(told(meets(Way::Standard)), "never");
}

#[test]
fn a_history_of_another_machine_is_carried_by_probes_and_marked() {
    let history = Maker::new(PLANTED, 9).history(&[10_000, 50_000, 200_000], 4);
    let there = one(&history, &Question { here: Some(machine()), ..asked(50_000) });
    assert!(there.carry.is_none());
    let faster = Machine {
        processor: "another".into(),
        compute_mib_per_second: Some(4_000.0),
        loopback_mib_per_second: Some(6_000.0),
        ..machine()
    };
    let here = one(&history, &Question { here: Some(faster.clone()), ..asked(50_000) });
    let (a, b) = (there.seconds.expect("a figure"), here.seconds.expect("a figure"));
    assert!((a / b - 2.0).abs() < 1e-6, "{a} {b}");
    assert!(here.carry.is_some());
    // Two runs of its own say more than probes.
    let mut mixed = history;
    for n in [10_000, 50_000] {
        let mut own = Maker::new(Planted { noise: 0.0, ..PLANTED }, 1).run(n, 115);
        own.machine = faster.clone();
        own.steps.iter_mut().for_each(|s| s.seconds *= 3.0);
        own.downtime_seconds = own.downtime_seconds.map(|s| s * 3.0);
        mixed.runs.push(own);
    }
    let here = one(&mixed, &Question { here: Some(faster), ..asked(50_000) });
    let factor = here.carry.map(|c| c.factor).unwrap_or_default();
    assert!(relative(factor, 3.0) < 0.1, "{factor}");
    let unprobed = Machine { processor: "third".into(), compute_mib_per_second: None, ..machine() };
    let marked = one(&mixed, &Question { here: Some(unprobed), ..asked(50_000) });
    assert!(
        marked.carry.is_none() && marked.marks.iter().any(|m| m.contains("not probed")),
        "{:?}",
        marked.marks
    );
}

#[test]
fn indices_are_told_apart_from_documents_where_they_vary() {
    let mut maker = Maker::new(Planted { noise: 0.02, ..PLANTED }, 11);
    let mut history = History::default();
    for n in [5_000, 20_000, 60_000, 120_000] {
        for indices in [36, 115, 400] {
            let run = maker.run(n, indices);
            history.runs.push(run);
        }
    }
    let runs: Vec<_> = history.runs.iter().collect();
    let model = Model::fit(&runs, 1).expect("a model");
    for (documents, indices) in [(20_000, 36), (20_000, 400), (120_000, 115)] {
        let volumes = Maker::volumes(documents, indices);
        let (told, truth) = (model.predict(&volumes, 0.9).seconds, maker.truth(&volumes));
        assert!(relative(told, truth) < 0.08, "{documents} in {indices}: {told} instead of {truth}");
    }
}
