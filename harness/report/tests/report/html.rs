//! The page for people: what it tells, that it loads nothing, and that no data becomes markup.

use crate::dom::assert_sound;
use crate::samples;
use drydock_core::finding::Precision;
use drydock_core::verdict::Judged;
use drydock_core::{Finding, Kind, Sample, Summary};
use drydock_report::html::{MAX_BYTES, render};

/// A page without its stylesheet and the digest of it, which change together.
fn without_style(html: &str) -> String {
    let (head, rest) = html.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let (before, digest) = head.split_once("'sha256-").unwrap();
    let (_, after) = digest.split_once('\'').unwrap();
    format!("{before}'sha256-…'{after}<style>…</style>{body}")
}

#[test]
fn pages_as_they_are() {
    insta::assert_snapshot!("html-green", without_style(&render(&samples::green())));
    insta::assert_snapshot!("html-planted", without_style(&render(&samples::planted())));
    insta::assert_snapshot!("html-hostile", without_style(&render(&samples::hostile(1))));
}

#[test]
fn every_run_has_a_sound_page() {
    for summary in [
        samples::green(),
        samples::planted(),
        samples::hostile(3),
        samples::all_red(),
        samples::not_proven(),
        samples::killed(),
        samples::unproven_build(),
    ] {
        let html = render(&summary);
        assert_sound(&html);
        assert_eq!(html, render(&summary), "the same summary gives the same page");
    }
}

#[test]
fn the_verdict_comes_first_in_plain_words() {
    for (summary, class, word, meaning) in [
        (samples::green(), "verdict good", "EQUAL:", "gives no reason against the migration"),
        (samples::planted(), "verdict bad", "DIFFERENT:", "planted on purpose"),
        (samples::all_red(), "verdict bad", "DIFFERENT:", "Do not migrate"),
        (samples::not_proven(), "verdict doubt", "COULD NOT RUN:", "says nothing about the migration"),
        (samples::unproven_build(), "verdict doubt", "NOT PROVEN:", "no evidence for the migration"),
        (samples::killed(), "verdict doubt", "INTERRUPTED:", "cut short"),
    ] {
        let page = assert_sound(&render(&summary));
        let verdict = page.by_id("verdict");
        assert_eq!(verdict.attribute("class").as_deref(), Some(class));
        assert!(verdict.text().contains(word) && verdict.text().contains(meaning), "{}", verdict.text());
        assert_eq!(page.all("h2")[0].attribute("id").as_deref(), Some("verdict-title"));
    }
}

#[test]
fn it_tells_everything_that_a_board_asks_for() {
    let page = assert_sound(&render(&samples::planted()));
    for (section, told) in [
        ("timeline", vec!["Timeline of phases", "3 Cutover", "closed for", "probe postgres/read"]),
        (
            "downtime",
            vec!["by the phase clock", "17.4 s", "elasticsearch/write", "budget 10.0 s MISSED", "0.050 s"],
        ),
        ("checks", vec!["PostgreSQL", "elasticsearch/documents", "compared in both directions"]),
        (
            "differences",
            vec![
                "tasklist-task-8.5.0_2025-11-30",
                "missing 412",
                "2251799813685281 (routing 2251799813685279)",
                "absent",
                "setval",
            ],
        ),
        ("not-checked", vec!["Nothing was sampled"]),
        ("proof", vec!["1,287 caught and named of 1,287", "documents", "clean pairs"]),
        ("cost", vec!["of comparing", "3,000 requests"]),
        ("environment", vec!["15.14", "8.16.6", "one node, no TLS", "cores", "Seed"]),
        ("steps", vec!["phase-3/restore/elasticsearch", "done"]),
        ("repeat", vec!["drydock rehearse scenarios/planted-loss.yaml --seed", "--verify-pack"]),
    ] {
        let text = page.by_id(section).text();
        for word in told {
            assert!(text.contains(word), "{word} is missing in {section}: {text}");
        }
    }
    // A schema difference stands among the schema's, a lost row among the data.
    let text = page.by_id("differences").text();
    let (data, schema) = (text.find("Data: documents").unwrap(), text.find("Schema: mappings").unwrap());
    let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is missing"));
    assert!((data..schema).contains(&place("identity.public.users")));
    assert!(place("webmodeler.public.projects_id_seq") > schema);
    // A clean run has no such objects, and says so.
    let clean = assert_sound(&render(&samples::green())).by_id("differences").text();
    assert!(clean.contains("No difference was found") && !clean.contains("identity.public.users"));
    assert!(!clean.contains("Nothing is said of it"));
    // Where nothing was compared, nothing is said to be alike.
    let mut blind = samples::green();
    blind.verdict.checks.retain(|c| !c.check.as_str().contains('/'));
    let text = assert_sound(&render(&blind)).by_id("differences").text();
    assert_eq!(text.matches("Nothing is said of it").count(), 1, "the schema was not compared: {text}");
}

#[test]
fn the_picture_shows_the_outage() {
    let page = assert_sound(&render(&samples::green()));
    let of = |class: &str| {
        page.elements().iter().filter(|e| e.attribute("class").as_deref() == Some(class)).count()
    };
    // Closed once: shaded once, once on the service, once for each of two probes.
    assert_eq!((of("shade"), of("out")), (1, 3));
    let mut open = samples::green();
    open.downtime.closures.clear();
    open.downtime.outages.clear();
    let page = assert_sound(&render(&open));
    let classes: Vec<_> = page.elements().iter().filter_map(|e| e.attribute("class")).collect();
    assert!(!classes.iter().any(|c| c == "shade" || c == "out"));
}

#[test]
fn data_stays_data() {
    let page = assert_sound(&render(&samples::hostile(3)));
    let text = page.text();
    // It is there, and can be read.
    assert!(text.contains("<img src=http://h/p.png>![i](http://h)]]>\\u{0}\\u{fffe}"), "{text}");
    assert!(text.contains("\\u{1b}[2J") && text.contains("\\u{202e}"));
}

fn hundred_thousand() -> Summary {
    let mut summary = samples::hostile(1);
    let long = samples::HOSTILE.repeat(100);
    let sample = Sample::both(long.clone(), Some(long.clone()), Some(long.clone()));
    let template = summary.verdict.findings[0].finding.clone();
    let many = (0..100_000).map(|n| {
        let finding = if n < 20 {
            // The worst of them: long in every field.
            Finding::data("elasticsearch/documents", Kind::Changed, format!("{n}{long}"), long.clone())
                .items(1_000_000, vec![sample.clone(); 10])
                .next(long.clone())
        } else {
            Finding { subject: format!("index-{n}"), precision: Precision::AtLeast, ..template.clone() }
        };
        Judged { finding, expected_because: None }
    });
    summary.verdict.findings = many.collect();
    summary
}

#[test]
fn a_hundred_thousand_findings_fit_and_the_rest_is_counted() {
    let mut summary = hundred_thousand();
    let html = render(&summary);
    assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
    let text = assert_sound(&html).by_id("differences").text();
    let left_out = text
        .split(" more objects in report.json")
        .next()
        .unwrap()
        .rsplit(|c: char| !c.is_ascii_digit() && c != ',')
        .next();
    let left_out: usize = left_out.unwrap().replace(',', "").parse().unwrap();
    let shown = html.matches("<details").count();
    assert_eq!(shown + left_out, 100_000, "{shown} shown, {left_out} left out");
    assert!(shown > 0, "something is shown in any case");
    // Everything else may be long as well.
    let long = samples::HOSTILE.repeat(20);
    summary.scenario.clone_from(&long);
    summary.verdict.headline.clone_from(&long);
    summary.notes = vec![long.clone(); 500];
    summary.downtime.outages = (0..500)
        .map(|n| drydock_core::summary::Outage {
            probe: format!("{n}{long}"),
            from_seconds: f64::from(n),
            seconds: None,
            error: long.clone(),
            resolution_seconds: None,
        })
        .collect();
    summary.machine = (0..500).map(|n| (format!("{n}{long}"), long.clone())).collect();
    summary.honesty.sampled = vec![long.clone(); 500];
    let step = summary.steps[0].clone();
    summary.steps = (0..500)
        .map(|n| drydock_core::summary::StepReport {
            step: format!("{n}{long}").as_str().into(),
            about: long.clone(),
            facts: (0..20).map(|f| (format!("{f}{long}"), long.clone().into())).collect(),
            ..step.clone()
        })
        .collect();
    for check in &mut summary.verdict.checks {
        check.note.clone_from(&long);
    }
    let html = render(&summary);
    assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
    assert_sound(&html);
}

/// Contrast of two colours as WCAG 2 defines it.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_text_can_be_read_in_light_in_dark_and_on_paper() {
    let html = render(&samples::green());
    let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let schemes: Vec<&str> =
        style.match_indices(":root {").map(|(at, _)| style[at..].split('}').next().unwrap()).collect();
    assert_eq!(schemes.len(), 3, "light, dark, paper");
    for scheme in schemes {
        let colour = |name: &str| -> &str {
            let from = scheme.find(&format!("--{name}: #")).unwrap_or_else(|| panic!("{name} in {scheme}"));
            let from = from + name.len() + 4;
            &scheme[from..from + 7]
        };
        let mut pairs = vec![];
        for ground in ["ground", "raised"] {
            pairs.extend(["ink", "faint", "link", "good", "bad", "doubt"].map(|text| (text, ground, 4.5)));
            // Parts of pictures.
            pairs.extend(["bar", "out", "up", "doubt"].map(|part| (part, ground, 3.0)));
        }
        for tone in ["good", "bad", "doubt"] {
            let ground = format!("{tone}-ground");
            assert!(contrast(colour(tone), colour(&ground)) >= 4.5, "{tone}");
            assert!(contrast(colour("ink"), colour(&ground)) >= 4.5, "{tone}");
        }
        for (text, ground, least) in pairs {
            let found = contrast(colour(text), colour(ground));
            assert!(found >= least, "{text} on {ground}: {found:.2} in {scheme}");
        }
    }
}
