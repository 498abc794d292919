//! Pages of benchmarks and drills.

use crate::dom::assert_sound;
use crate::samples::HOSTILE;
use drydock_core::ExitCode;
use drydock_report::html::bench::{Bench, Certainty, Part, Point, Predicted, Series, render};
use drydock_report::html::drill::{self, Cell, Drill, End, Row};

fn series(name: &str, rate: f64) -> Series {
    let volumes = [10e3, 50e3, 200e3];
    let point = |documents: f64, more: f64| Point { documents, seconds: 20.0 + documents / rate + more };
    let predicted = |documents: f64| {
        let seconds = 20.0 + documents / rate;
        Predicted { documents, seconds, interval: Some((seconds * 0.9, seconds * 1.1)) }
    };
    Series {
        name: name.to_owned(),
        points: volumes.iter().flat_map(|v| [point(*v, 0.0), point(*v, 2.0), point(*v, -1.0)]).collect(),
        band: [10e3, 50e3, 200e3, 1e6, 6.5e6].map(predicted).to_vec(),
    }
}

pub(crate) fn bench() -> Bench {
    Bench {
        subject: "standard".into(),
        drydock: "0.1.0".into(),
        answer: "38 min, 90 % between 31 and 47 min".into(),
        certainty: Certainty::Extrapolated,
        remarks: vec!["beyond the measured range by a factor of 13".into()],
        series: vec![series("standard", 3000.0), series("warm reindex", 30_000.0)],
        asked: Some(6.5e6),
        budget_seconds: Some(1800.0),
        parts: vec![
            Part {
                step: "phase-3/restore/elasticsearch".into(),
                seconds: 2166.0,
                interval: Some((1800.0, 2700.0)),
            },
            Part { step: "phase-3/restore/keycloak".into(), seconds: 114.0, interval: None },
        ],
        environment: vec![("cores".into(), "2".into())],
    }
}

pub(crate) fn drilled() -> Drill {
    let cell = |end: End, told: &str| Cell { end, told: told.to_owned() };
    Drill {
        subject: "standard".into(),
        drydock: "0.1.0".into(),
        exit: ExitCode::RollbackFailed,
        headline: "1 of 5 ways back did not restore the state before".into(),
        facts: vec!["seed 42".into()],
        corner: "way back from".into(),
        columns: vec!["no fault".into(), "target disk full".into(), "source restarted".into()],
        rows: vec![
            Row {
                name: "phase-3/freeze".into(),
                cells: vec![
                    cell(End::Restored, "1.2 s"),
                    cell(End::Restored, "1.4 s"),
                    cell(End::NotProven, "probe lost"),
                ],
            },
            Row {
                name: "phase-3/switch".into(),
                cells: vec![cell(End::Restored, "3.1 s"), cell(End::NotRestored, "12 rows missing")],
            },
        ],
        not_drilled: vec!["phase-5: the source is gone by then".into()],
    }
}

#[test]
fn pages_as_they_are() {
    let body = |html: String| html.split_once("<main>").unwrap().1.to_owned();
    insta::assert_snapshot!("html-bench", body(render(&bench())));
    insta::assert_snapshot!("html-drill", body(drill::render(&drilled())));
}

#[test]
fn a_benchmark_shows_every_point_and_its_interval() {
    let page = assert_sound(&render(&bench()));
    let of = |class: &str| {
        page.elements().iter().filter(|e| e.attribute("class").as_deref() == Some(class)).count()
    };
    assert_eq!((of("point"), of("band"), of("line"), of("line beyond")), (18, 2, 2, 2));
    let text = page.text();
    for told in [
        "38 min, 90 % between 31 and 47 min",
        "Beyond what was measured",
        "6.5 M asked",
        "budget 30 min",
        "95 %",
        "factor of 13",
    ] {
        assert!(text.contains(told), "{told} is missing: {text}");
    }
    // Without predictions there is no band, without points there is no chart: neither is an empty frame.
    let mut measured = bench();
    measured.series.iter_mut().for_each(|s| s.band.clear());
    let page = assert_sound(&render(&measured));
    assert!(!page.elements().iter().any(|e| e.attribute("class").as_deref() == Some("band")));
    let empty = Bench { series: Vec::new(), asked: None, ..bench() };
    let page = assert_sound(&render(&empty));
    assert!(page.all("svg").is_empty() && page.text().contains("Nothing was measured yet"));
}

#[test]
fn numbers_and_names_from_outside_do_no_harm() {
    let mut odd = bench();
    odd.answer = HOSTILE.into();
    odd.series[0].name = HOSTILE.into();
    odd.series[0].points.push(Point { documents: f64::NAN, seconds: f64::INFINITY });
    odd.series[0].points.push(Point { documents: -1.0, seconds: -1.0 });
    odd.series[0].points.extend(vec![Point { documents: 1.0, seconds: 1.0 }; 100_000]);
    odd.remarks = vec![HOSTILE.repeat(100); 1000];
    let html = render(&odd);
    assert!(html.len() <= drydock_report::html::MAX_BYTES);
    assert_sound(&html);
    let picture = html.split_once("<svg").unwrap().1.split_once("</svg>").unwrap().0;
    assert!(!picture.contains("NaN") && !picture.contains("inf"), "coordinates are numbers");

    let mut odd = drilled();
    odd.headline = HOSTILE.into();
    odd.columns = vec![HOSTILE.into(); 100];
    let row =
        Row { name: HOSTILE.into(), cells: vec![Cell { end: End::NotProven, told: HOSTILE.repeat(3) }; 100] };
    odd.rows = vec![row; 300];
    let html = drill::render(&odd);
    assert!(html.len() <= drydock_report::html::MAX_BYTES, "{}", html.len());
    let text = assert_sound(&html).text();
    assert!(text.contains("more rows in report.json") && text.contains("40 more columns in"), "{text}");
}

#[test]
fn a_drill_shows_every_cell_with_a_word() {
    let page = assert_sound(&drill::render(&drilled()));
    let cells: Vec<String> = page.all("td").iter().map(|c| c.text()).collect();
    assert_eq!(cells.len(), 6);
    assert!(cells[0].contains("restored") && cells[2].contains("not proven"));
    assert!(cells[4].contains("NOT restored") && cells[4].contains("12 rows missing"));
    // A drill that was not made is no empty cell.
    assert_eq!(cells[5], "not drilled");
    assert!(page.by_id("verdict").text().contains("ROLLBACK FAILED"));
    assert!(page.by_id("not-drilled").text().contains("the source is gone by then"));
}
