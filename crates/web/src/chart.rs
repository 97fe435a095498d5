//! Charts as our own SVG: bars, a line, an area, with title, description, tool tips, and the same numbers as a table.
//!
//! No style attributes (the CSP forbids them): colours come from the style sheet by class, so that light, dark and print
//! differ. Colour is never the only difference: series are named in the legend and the table. Every text
//! is escaped here, since the drawing passes the template as it is.

use std::fmt::Write as _;

use minijinja::{HtmlEscape, Value};
use model::Language;
use serde::Serialize;

use crate::kit::number_text;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 6.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 24.0;

/// How the values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// Bars, one group a label.
    Bars,
    /// A line through the values.
    Line,
    /// A line with the area below it filled.
    Area,
}

/// Values that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// One value for each label; negative ones are drawn as 0.
    pub values: Vec<i64>,
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What it shows.
    pub title: String,
    /// The same in a sentence, for who can't see it.
    pub description: String,
    /// What the labels are (the head of the table's first column).
    pub label_head: String,
    /// The labels along the bottom.
    pub labels: Vec<String>,
    /// One to four series.
    pub series: Vec<Series>,
}

/// A drawn chart, as `kit/chart.html` takes it.
#[derive(Debug, Clone, Serialize)]
pub struct Drawn {
    /// What it shows.
    pub title: String,
    /// Head of the table's first column.
    pub label_head: String,
    /// The drawing; safe HTML.
    pub svg: Value,
    /// The table's rows: label, then the values.
    pub rows: Vec<(String, Vec<i64>)>,
    /// The series' names.
    pub names: Vec<String>,
    /// True if every value is 0 or there are none.
    pub empty: bool,
}

impl Chart {
    /// Draws it. `id` is unique on the page.
    #[must_use]
    pub fn draw(&self, id: &str, language: Language) -> Drawn {
        let rows =
            self.labels.iter().enumerate().map(|(n, label)| (label.clone(), self.series.iter().map(|s| value(s, n)).collect())).collect();
        Drawn {
            title: self.title.clone(),
            label_head: self.label_head.clone(),
            svg: Value::from_safe_string(self.svg(id, language)),
            rows,
            names: self.series.iter().map(|series| series.name.clone()).collect(),
            empty: self.top() == 0,
        }
    }

    fn top(&self) -> i64 {
        self.series.iter().flat_map(|series| series.values.iter().copied()).max().unwrap_or(0).max(0)
    }

    fn svg(&self, id: &str, language: Language) -> String {
        let id = escape(id);
        let (step, ceiling) = scale(self.top());
        let mut out = format!(
            r#"<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{}</title><desc id="{id}-d">{}</desc>"#,
            escape(&self.title),
            escape(&self.description)
        );
        let mut tick = 0;
        while tick <= ceiling {
            let y = height_of(tick, ceiling);
            let _ = write!(out, r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}"/>"#, WIDTH - RIGHT);
            let _ = write!(
                out,
                r#"<text class="axis" x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 6.0,
                y + 4.0,
                number_text(language, tick)
            );
            tick += step;
        }
        self.draw_labels(&mut out);
        match self.kind {
            ChartKind::Bars => self.draw_bars(&mut out, ceiling, language),
            ChartKind::Line | ChartKind::Area => self.draw_lines(&mut out, ceiling, language),
        }
        out.push_str("</svg>");
        out
    }

    fn draw_labels(&self, out: &mut String) {
        let every = self.labels.len().div_ceil(7).max(1);
        for (n, label) in self.labels.iter().enumerate().step_by(every) {
            let x = self.center(n);
            let _ = write!(out, r#"<text class="axis" x="{x:.1}" y="{}" text-anchor="middle">{}</text>"#, HEIGHT - 6.0, escape(label));
        }
    }

    fn draw_bars(&self, out: &mut String, ceiling: i64, language: Language) {
        let slot = self.slot();
        let count = self.series.len().max(1) as f64;
        let bar = (slot * 0.72 / count).min(40.0);
        for (s, series) in self.series.iter().enumerate() {
            for n in 0..self.labels.len() {
                let y = height_of(value(series, n), ceiling);
                let x = self.center(n) - bar * count / 2.0 + bar * s as f64;
                let tip = self.tip(series, n, language);
                let _ = write!(
                    out,
                    r#"<rect class="bar s{s}" data-tip="{tip}" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" rx="1.5"><title>{tip}</title></rect>"#,
                    (bar - 1.5).max(1.0),
                    HEIGHT - BOTTOM - y
                );
            }
        }
    }

    fn draw_lines(&self, out: &mut String, ceiling: i64, language: Language) {
        let base = HEIGHT - BOTTOM;
        for (s, series) in self.series.iter().enumerate() {
            let points: Vec<(f64, f64)> = (0..self.labels.len()).map(|n| (self.center(n), height_of(value(series, n), ceiling))).collect();
            let line: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
            if let (ChartKind::Area, Some(first), Some(last)) = (self.kind, points.first(), points.last()) {
                let _ = write!(out, r#"<polygon class="area s{s}" points="{:.1},{base} {line}{:.1},{base}"/>"#, first.0, last.0);
            }
            let _ = write!(out, r#"<polyline class="line s{s}" points="{}"/>"#, line.trim_end());
            for (n, (x, y)) in points.iter().enumerate() {
                let tip = self.tip(series, n, language);
                let _ =
                    write!(out, r#"<circle class="dot s{s}" data-tip="{tip}" cx="{x:.1}" cy="{y:.1}" r="3"><title>{tip}</title></circle>"#);
            }
        }
    }

    fn tip(&self, series: &Series, n: usize, language: Language) -> String {
        let label = self.labels.get(n).map_or("", String::as_str);
        escape(&format!("{label} · {}: {}", series.name, number_text(language, value(series, n))))
    }

    fn slot(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / self.labels.len().max(1) as f64
    }

    fn center(&self, n: usize) -> f64 {
        LEFT + self.slot() * (n as f64 + 0.5)
    }
}

fn value(series: &Series, n: usize) -> i64 {
    series.values.get(n).copied().unwrap_or(0).max(0)
}

fn height_of(value: i64, ceiling: i64) -> f64 {
    let room = HEIGHT - TOP - BOTTOM;
    HEIGHT - BOTTOM - room * (value as f64 / ceiling.max(1) as f64)
}

/// Distance of the grid lines (1, 2 or 5 times a power of ten) and the top line, which is not below `top`.
fn scale(top: i64) -> (i64, i64) {
    let mut power = 1i64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if top <= step.saturating_mul(4) || step >= i64::MAX / 8 {
                let ceiling = top.div_ceil_to(step).max(step);
                return (step, ceiling);
            }
        }
        power = power.saturating_mul(10);
    }
}

trait DivCeilTo {
    fn div_ceil_to(self, step: i64) -> i64;
}

impl DivCeilTo for i64 {
    /// The least multiple of `step` that is not below; both are not negative.
    fn div_ceil_to(self, step: i64) -> i64 {
        self.saturating_add(step - 1).div_euclid(step).saturating_mul(step)
    }
}

fn escape(text: &str) -> String {
    HtmlEscape(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(kind: ChartKind, labels: &[&str], values: &[i64]) -> Chart {
        Chart {
            kind,
            title: "Mail <script>".into(),
            description: "x".into(),
            label_head: "Day".into(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            series: vec![Series { name: "\"Sent\" & more".into(), values: values.to_vec() }],
        }
    }

    #[test]
    fn x_10_texts_in_charts_are_escaped() {
        for kind in [ChartKind::Bars, ChartKind::Line, ChartKind::Area] {
            let svg = chart(kind, &["<b>", "\"onload=\""], &[1, 2]).draw("c\"", Language::En).svg.to_string();
            assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("style="), "{svg}");
            assert!(!svg.contains("\"onload=\"\"") && !svg.contains("\"Sent\""), "{svg}");
            assert_eq!(svg.matches("<title").count(), 3, "one for the whole, one a value");
        }
    }

    #[test]
    fn scales_are_round_and_not_below_the_top() {
        for (top, expected) in
            [(0, (1, 1)), (1, (1, 1)), (4, (1, 4)), (5, (2, 6)), (99, (50, 100)), (1234, (500, 1500)), (20_000, (5_000, 20_000))]
        {
            assert_eq!(scale(top), expected, "{top}");
        }
        let (step, ceiling) = scale(i64::MAX);
        assert!(step > 0 && ceiling > 0);
    }

    #[test]
    fn odd_data_is_drawn_without_nan() {
        for (labels, values) in
            [(&[][..], &[][..]), (&["a"][..], &[][..]), (&["a"][..], &[-5][..]), (&["a", "b"][..], &[0, i64::MAX / 16][..])]
        {
            for kind in [ChartKind::Bars, ChartKind::Area] {
                let drawn = chart(kind, labels, values).draw("c", Language::De);
                assert!(!drawn.svg.to_string().contains("NaN") && !drawn.svg.to_string().contains("inf"));
                assert_eq!(drawn.rows.len(), labels.len());
            }
        }
        assert!(chart(ChartKind::Bars, &["a"], &[0]).draw("c", Language::De).empty);
    }
}
