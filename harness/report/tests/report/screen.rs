//! The screen: one screen, nothing from outside steers it, and the exact items are named.

use crate::samples::{self, HOSTILE};
use drydock_core::Summary;
use drydock_report::terminal::{Color, render};
use drydock_report::text;
use std::path::Path;

fn screen(summary: &Summary, width: usize) -> String {
    render(summary, width, Color::Plain, Path::new("reports/runs/x"))
}

fn every() -> Vec<(&'static str, Summary)> {
    vec![
        ("green", samples::green()),
        ("planted", samples::planted()),
        ("hostile", samples::hostile(3)),
        ("hostile-many", samples::hostile(300)),
        ("all-red", samples::all_red()),
        ("not-proven", samples::not_proven()),
        ("killed", samples::killed()),
        ("unproven-build", samples::unproven_build()),
    ]
}

#[test]
fn it_is_one_screen_at_every_width() {
    for (name, summary) in every() {
        for width in [60, 72, 80, 100, 120, 160, 200] {
            let text = screen(&summary, width);
            let lines: Vec<&str> = text.lines().collect();
            let most = if width < 100 { 60 } else { 40 };
            assert!(lines.len() <= most, "{name} at {width}: {} lines\n{text}", lines.len());
            let widest = lines.iter().map(|l| text::width(l)).max().unwrap();
            assert!(widest <= width, "{name} at {width}: {widest} columns\n{text}");
        }
    }
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    for (name, summary) in every() {
        for width in [60, 100, 160] {
            let plain = screen(&summary, width);
            assert!(
                plain.chars().all(|c| c == '\n' || text::printable(&c.to_string()) == c.to_string()),
                "{name}: {plain:?}"
            );
            assert!(!plain.contains(HOSTILE));
            assert!(
                plain.lines().filter(|l| l.starts_with("EQUAL (exit code 0)")).count()
                    == usize::from(name == "green")
            );
            // Colours are the only escapes, and they change nothing but colours.
            let colored = render(&summary, width, Color::Ansi, Path::new("reports/runs/x"));
            assert_eq!(without_colors(&colored), plain, "{name} at {width}");
        }
    }
}

fn without_colors(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let code = &rest[at + 2..];
        let end = code.find('m').unwrap();
        assert!(code[..end].chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
        rest = &code[end + 1..];
    }
    out.push_str(rest);
    out
}

#[test]
fn every_planted_loss_is_named() {
    for width in [60, 100, 200] {
        let text = screen(&samples::planted(), width);
        for item in [
            "tasklist-task-8.5.0_2025-11-30",
            "2251799813685281",
            "operate-list-view-alias",
            "identity.public.users",
            "(id)=(4711)",
            "webmodeler.public.projects_id_seq",
        ] {
            assert!(text.contains(item), "{item} at {width}\n{text}");
        }
    }
}

#[test]
fn ten_findings_are_told_even_if_every_check_is_red() {
    let text = screen(&samples::all_red(), 100);
    for number in 1..=10 {
        assert!(text.lines().any(|l| l.starts_with(&format!("{number:>2}  "))), "{number}\n{text}");
    }
}

#[test]
fn screens_as_people_see_them() {
    for (name, summary) in every() {
        insta::assert_snapshot!(format!("screen-{name}-100"), screen(&summary, 100));
    }
    insta::assert_snapshot!("screen-planted-60", screen(&samples::planted(), 60));
    insta::assert_snapshot!("screen-planted-160", screen(&samples::planted(), 160));
}

#[test]
fn plan_and_exit_codes_are_aligned() {
    let scenario =
        drydock_core::Scenario::from_yaml("x", "name: x\nmigration: {components: [identity]}\n").unwrap();
    insta::assert_snapshot!("plan", drydock_report::plan_text(&drydock_core::Plan::of(&scenario)));
    insta::assert_snapshot!("exit-codes", drydock_report::exit_codes());
}
