//! The page of a benchmark or an estimate: downtime against volume, with its interval and the points that were measured.

use super::axis::{Scale, TIME, at, ticks};
use super::capped::{Column, LIST, list, scrolled, table};
use super::page::{Page, Section, code, data, data_within};
use super::timeline::clock;
use super::words::Tone;
use crate::text::{count, seconds};
use maud::{Markup, html};

/// Everything that the page shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bench {
    /// What it is about: scenario or history.
    pub subject: String,
    /// Version of Drydock.
    pub drydock: String,
    /// The answer, in one sentence: `38 min, 90 % between 31 and 47`.
    pub answer: String,
    /// How sure it is.
    pub certainty: Certainty,
    /// Lines below the answer: what stands out, what is missing.
    pub remarks: Vec<String>,
    /// One series for each way of migrating.
    pub series: Vec<Series>,
    /// Where a prediction is wanted; documents.
    pub asked: Option<f64>,
    /// Longest outage allowed; seconds.
    pub budget_seconds: Option<f64>,
    /// What the prediction consists of, per step.
    pub parts: Vec<Part>,
    /// Facts of machine, versions, seeds: name and value.
    pub environment: Vec<(String, String)>,
}

/// How far the answer can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Certainty {
    /// Within what was measured, with an interval.
    Measured,
    /// Beyond what was measured, or from another machine.
    Extrapolated,
    /// Too few runs for an interval.
    #[default]
    TooFew,
}

/// One way of migrating.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// What was measured.
    pub points: Vec<Point>,
    /// What is predicted, by rising volume.
    pub band: Vec<Predicted>,
}

/// One measured run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Volume in documents.
    pub documents: f64,
    /// Downtime in seconds.
    pub seconds: f64,
}

impl Point {
    /// Whether it has a place on a chart.
    fn is_real(self) -> bool {
        self.documents.is_finite() && self.documents >= 0.0 && self.seconds.is_finite() && self.seconds >= 0.0
    }
}

/// A prediction at one volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    /// Volume in documents.
    pub documents: f64,
    /// Most likely downtime in seconds.
    pub seconds: f64,
    /// Its interval in seconds; absent where there are too few runs for one.
    pub interval: Option<(f64, f64)>,
}

/// One step of a prediction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// The step.
    pub step: String,
    /// Predicted seconds.
    pub seconds: f64,
    /// Their interval.
    pub interval: Option<(f64, f64)>,
}

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 980.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 380.0;
/// Series told apart by colour, dashes and the shape of their points.
const MOST_SERIES: usize = 3;
/// Points drawn of one series.
const MOST_POINTS: usize = 400;

/// The page.
pub fn render(bench: &Bench) -> String {
    let mut sections = vec![Section::new("chart", "Downtime against volume", figure(bench))];
    if !bench.parts.is_empty() {
        sections.push(Section::new("parts", "What it consists of", parts(bench)));
    }
    sections.push(Section::new("points", "What was measured", points(bench)));
    sections.push(Section::new("environment", "Environment and versions", html! {
        dl { @for (name, value) in bench.environment.iter().take(60) { dt { (data(name)) } dd { (data(value)) } } }
    }));
    let page = Page {
        kind: "Downtime report",
        subject: &bench.subject,
        facts: Vec::new(),
        lead: lead(bench),
        drydock: &bench.drydock,
    };
    page.with(&sections)
}

fn lead(bench: &Bench) -> Markup {
    let (tone, word) = match bench.certainty {
        Certainty::Measured => (Tone::Good, "Within what was measured"),
        Certainty::Extrapolated => (Tone::Doubt, "Beyond what was measured here"),
        Certainty::TooFew => (Tone::Doubt, "Too few runs for an interval"),
    };
    html! {
        section id="verdict" class={ "verdict " (tone.class()) } aria-labelledby="verdict-title" {
            h2 id="verdict-title" { span.sign aria-hidden="true" { (tone.sign()) } span { (data(&bench.answer)) } }
            p.meaning { (word) "." }
            @if !bench.remarks.is_empty() { (list(&bench.remarks, "remark", |r| html! { (data(r)) })) }
        }
    }
}

/// The chart alone, to be put into another page.
fn figure(bench: &Bench) -> Markup {
    let Some(frame) = Frame::of(bench) else {
        return html! { p { "Nothing was measured yet." } };
    };
    let drawn = bench.series.iter().take(MOST_SERIES);
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (at(BOTTOM + 44.0)) } role="img" aria-labelledby="chart-name chart-text" {
            title id="chart-name" { "Downtime against number of documents" }
            desc id="chart-text" { (described(bench)) }
            @for tick in frame.times() {
                line.grid x1=(LEFT) x2=(RIGHT) y1=(at(frame.y.at(tick))) y2=(at(frame.y.at(tick))) {}
                text.tick x=(at(LEFT - 8.0)) y=(at(frame.y.at(tick) + 4.0)) text-anchor="end" { (clock(tick)) }
            }
            @for tick in frame.volumes() {
                line.grid x1=(at(frame.x.at(tick))) x2=(at(frame.x.at(tick))) y1=(TOP) y2=(at(BOTTOM)) {}
                text.tick x=(at(frame.x.at(tick))) y=(at(BOTTOM + 16.0)) text-anchor="middle" { (volume(tick)) }
            }
            line.axis x1=(LEFT) x2=(RIGHT) y1=(at(BOTTOM)) y2=(at(BOTTOM)) {}
            text.unit x=(RIGHT) y=(at(BOTTOM + 36.0)) text-anchor="end" { "documents" }
            text.unit x="4" y=(at(TOP)) { "min:s" }
            @if let Some(budget) = bench.budget_seconds.filter(|b| *b <= frame.slowest) {
                line.budget x1=(LEFT) x2=(RIGHT) y1=(at(frame.y.at(budget))) y2=(at(frame.y.at(budget))) {}
                text.tick x=(at(LEFT + 6.0)) y=(at(frame.y.at(budget) - 5.0)) { "budget " (seconds(budget)) }
            }
            @for (n, series) in drawn.enumerate() { (frame.series(n, series)) }
            @if let Some(asked) = bench.asked.filter(|a| *a > 0.0) {
                line.edge x1=(at(frame.x.at(asked))) x2=(at(frame.x.at(asked))) y1=(TOP) y2=(at(BOTTOM)) {}
                text.strong x=(at(frame.x.at(asked) - 6.0)) y=(at(BOTTOM - 8.0)) text-anchor="end" { (volume(asked)) " asked" }
            }
        }
    };
    html! {
        figure {
            (scrolled("Downtime against volume", &picture))
            figcaption {
                "Points: measured runs. Lines: most likely downtime, dotted beyond the largest volume that was measured. Shaded: its interval."
                @for (n, series) in bench.series.iter().take(MOST_SERIES).enumerate() {
                    " " (data_within(&series.name, 80)) ": " (["circles", "squares", "triangles"][n]) "."
                }
                @if frame.logarithmic { " Both axes are logarithmic." }
                @if bench.series.len() > MOST_SERIES { " Further series are in the table below." }
            }
        }
    }
}

struct Frame {
    x: Scale,
    y: Scale,
    least: f64,
    most: f64,
    fastest: f64,
    slowest: f64,
    logarithmic: bool,
}

impl Frame {
    fn of(bench: &Bench) -> Option<Self> {
        let (mut volumes, mut times) = (Vec::new(), Vec::new());
        for series in bench.series.iter().take(MOST_SERIES) {
            volumes.extend(series.points.iter().map(|p| p.documents));
            volumes.extend(series.band.iter().map(|p| p.documents));
            times.extend(series.points.iter().map(|p| p.seconds));
            times.extend(series.band.iter().map(|p| p.interval.map_or(p.seconds, |(_, high)| high)));
        }
        volumes.extend(bench.asked);
        volumes.retain(|v| v.is_finite() && *v > 0.0);
        times.retain(|t| t.is_finite() && *t >= 0.0);
        let least = volumes.iter().copied().reduce(f64::min)?;
        let most = volumes.iter().copied().reduce(f64::max)?;
        let slowest = times.iter().copied().reduce(f64::max)?.max(0.001) * 1.1;
        let fastest = times.iter().copied().reduce(f64::min)?.max(0.001) / 1.1;
        // Over a wide range, equal ratios take equal room on both axes: what grows in proportion stays a straight line.
        let (x, y) = if most / least > 30.0 {
            let x = Scale::logarithmic(least, most, LEFT + 12.0, RIGHT - 12.0);
            (x, Scale::logarithmic(fastest, slowest, BOTTOM, TOP))
        } else {
            (Scale::linear(0.0, most, LEFT, RIGHT - 12.0), Scale::linear(0.0, slowest, BOTTOM, TOP))
        };
        Some(Self { x, y, least, most, fastest, slowest, logarithmic: most / least > 30.0 })
    }

    /// Round times along the axis.
    fn times(&self) -> Vec<f64> {
        if !self.logarithmic {
            return ticks(self.slowest, 6, &TIME);
        }
        let beyond = [14_400.0, 28_800.0, 86_400.0, 172_800.0, 604_800.0];
        let all = TIME.into_iter().chain(beyond).filter(|t| (self.fastest..=self.slowest).contains(t));
        let within: Vec<f64> = all.collect();
        let every = within.len().div_ceil(9).max(1);
        within.into_iter().step_by(every).collect()
    }

    /// Round volumes along the axis.
    fn volumes(&self) -> Vec<f64> {
        if !self.logarithmic {
            return ticks(self.most, 6, &[]).into_iter().skip(1).collect();
        }
        let powers = (0..16).map(|n| 10_f64.powi(n));
        let all = powers.flat_map(|p| [p, 2.0 * p, 5.0 * p]);
        let within: Vec<f64> = all.filter(|v| (self.least..=self.most).contains(v)).collect();
        if within.len() > 12 {
            within.into_iter().filter(|v| v.log10().fract() == 0.0).collect()
        } else {
            within
        }
    }

    fn series(&self, n: usize, series: &Series) -> Markup {
        let measured = series.points.iter().filter(|p| p.is_real()).map(|p| p.documents).fold(0.0, f64::max);
        let line = |points: &mut dyn Iterator<Item = (f64, f64)>| -> String {
            points
                .map(|(v, s)| format!("{},{}", at(self.x.at(v)), at(self.y.at(s))))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let drawn = if self.logarithmic { from(&series.band, self.least) } else { series.band.clone() };
        let band: Vec<(f64, f64, f64)> =
            drawn.iter().filter_map(|p| p.interval.map(|(low, high)| (p.documents, low, high))).collect();
        let outline = line(
            &mut band
                .iter()
                .map(|(v, low, _)| (*v, *low))
                .chain(band.iter().rev().map(|(v, _, high)| (*v, *high))),
        );
        let known = || drawn.iter().filter(|p| p.documents <= measured);
        let within = line(&mut known().map(|p| (p.documents, p.seconds)));
        let last = known().next_back();
        let further = drawn.iter().filter(|p| p.documents > measured);
        let beyond = line(&mut last.into_iter().chain(further).map(|p| (p.documents, p.seconds)));
        html! {
            g class={ "series-" (n) } {
                @if !band.is_empty() { polygon.band points=(outline) {} }
                polyline.line points=(within) {}
                polyline class="line beyond" points=(beyond) {}
                @if let Some(last) = series.band.last().filter(|p| p.seconds.is_finite()) {
                    text.strong x=(at(self.x.at(last.documents) - 10.0)) y=(at(self.y.at(last.seconds) - 14.0)) text-anchor="end" {
                        (data_within(&series.name, 30))
                    }
                }
                @for point in series.points.iter().filter(|p| p.is_real()).take(MOST_POINTS) { (self.point(n, *point)) }
            }
        }
    }

    fn point(&self, n: usize, point: Point) -> Markup {
        let (x, y) = (self.x.at(point.documents), self.y.at(point.seconds));
        let told = format!("{} documents: {}", volume(point.documents), seconds(point.seconds));
        html! {
            @match n {
                0 => circle.point cx=(at(x)) cy=(at(y)) r="4.5" { title { (told) } },
                1 => rect.point x=(at(x - 4.0)) y=(at(y - 4.0)) width="8" height="8" { title { (told) } },
                _ => polygon.point points={ (at(x)) "," (at(y - 5.0)) " " (at(x + 5.0)) "," (at(y + 4.0)) " " (at(x - 5.0)) "," (at(y + 4.0)) } { title { (told) } },
            }
        }
    }
}

/// The part of a prediction from a volume on: a logarithmic axis has no place for what lies below its beginning.
fn from(band: &[Predicted], least: f64) -> Vec<Predicted> {
    let first =
        band.windows(2).find(|pair| pair[0].documents < least && pair[1].documents > least).map(|pair| {
            let share = (least - pair[0].documents) / (pair[1].documents - pair[0].documents);
            let between = |a: f64, b: f64| a + (b - a) * share;
            Predicted {
                documents: least,
                seconds: between(pair[0].seconds, pair[1].seconds),
                interval: pair[0]
                    .interval
                    .zip(pair[1].interval)
                    .map(|(a, b)| (between(a.0, b.0), between(a.1, b.1))),
            }
        });
    first.into_iter().chain(band.iter().copied().filter(|p| p.documents >= least)).collect()
}

fn described(bench: &Bench) -> String {
    let series = bench.series.iter().take(MOST_SERIES).map(|s| {
        let points = count(s.points.len() as u64);
        let last = s.band.last().map(|p| {
            let interval = interval(p.interval);
            format!("; predicted at {} documents: {}{interval}", volume(p.documents), seconds(p.seconds))
        });
        format!("{}: {points} measured runs{}", data_within(&s.name, 80), last.unwrap_or_default())
    });
    format!("{}. The figures are in the tables below.", series.collect::<Vec<_>>().join(". "))
}

fn interval(interval: Option<(f64, f64)>) -> String {
    interval
        .map_or_else(String::new, |(low, high)| format!(", between {} and {}", seconds(low), seconds(high)))
}

fn parts(bench: &Bench) -> Markup {
    let whole: f64 = bench.parts.iter().map(|p| p.seconds).sum();
    let columns = [
        ("step", Column::Text),
        ("predicted", Column::Number),
        ("between", Column::Number),
        ("share", Column::Number),
    ];
    table("The prediction by step.", &columns, LIST, &bench.parts, "step", |p| {
        html! {
            tr {
                th scope="row" { (code(&p.step)) }
                td.number { (seconds(p.seconds)) }
                td.number { @if let Some((low, high)) = p.interval { (seconds(low)) " and " (seconds(high)) } @else { "no interval" } }
                td.number { @if whole > 0.0 { (format!("{:.0} %", 100.0 * p.seconds / whole)) } }
            }
        }
    })
}

fn points(bench: &Bench) -> Markup {
    let columns = [("way", Column::Text), ("documents", Column::Number), ("downtime", Column::Number)];
    let all: Vec<(&str, Point)> =
        bench.series.iter().flat_map(|s| s.points.iter().map(|p| (s.name.as_str(), *p))).collect();
    if all.is_empty() {
        return html! { p { "Nothing was measured yet." } };
    }
    table("One line a run; nothing is averaged.", &columns, LIST, all, "run", |(name, point)| {
        html! {
            tr {
                th scope="row" { (data(name)) }
                td.number { (volume(point.documents)) }
                td.number { (seconds(point.seconds)) }
            }
        }
    })
}

/// A number of documents in short: `6.5 M`, `200 k`.
fn volume(documents: f64) -> String {
    let short = |n: f64, unit: &str| {
        let text = format!("{n:.2}");
        format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match documents {
        d if d >= 1e9 => short(d / 1e9, "G"),
        d if d >= 1e6 => short(d / 1e6, "M"),
        d if d >= 1e3 => short(d / 1e3, "k"),
        d => format!("{d:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Predicted, from, volume};

    #[test]
    fn a_prediction_from_nothing_on_begins_where_the_axis_does() {
        let at = |documents: f64| Predicted {
            documents,
            seconds: 3.0 + documents / 10.0,
            interval: Some((documents / 10.0, 6.0 + documents / 10.0)),
        };
        let all = [at(0.0), at(40.0), at(80.0)];
        assert_eq!(from(&all, 10.0), [at(10.0), at(40.0), at(80.0)]);
        assert_eq!(from(&all, 40.0), [at(40.0), at(80.0)]);
        assert_eq!(from(&all[1..], 10.0), [at(40.0), at(80.0)]);
        assert_eq!(from(&[], 10.0), []);
    }

    #[test]
    fn volumes_read_well() {
        assert_eq!([12.0, 1000.0, 200_000.0, 6.5e6].map(volume), ["12", "1 k", "200 k", "6.5 M"]);
    }
}
