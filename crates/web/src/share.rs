//! Parts of a whole as bars that lead somewhere: each bar is a link to the list of what it counts.
//!
//! Drawn by the server as [`crate::chart`] is: no style attributes, colours by class, every text escaped here, the same numbers
//! as a table. A bar says its number beside it, so that nothing is told by length or colour alone.

use std::fmt::Write as _;

use minijinja::{HtmlEscape, Value};
use model::Language;
use serde::Serialize;

use crate::kit::number_text;

const WIDTH: f64 = 480.0;
const ROW: f64 = 42.0;
/// Room for the number behind the longest bar.
const NUMBER: f64 = 90.0;

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it counts.
    pub label: String,
    /// How many; negative ones are drawn as 0.
    pub value: i64,
    /// Path of ours to the list of them.
    pub href: String,
    /// Which colour: 0 to 3, as series of charts have them.
    pub colour: usize,
}

/// Parts of a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What it shows.
    pub title: String,
    /// Head of the labels' column.
    pub label_head: String,
    /// Head of the numbers' column.
    pub value_head: String,
    /// The parts, in their order.
    pub parts: Vec<Part>,
}

/// A drawn one, as `kit/share.html` takes it.
#[derive(Debug, Clone, Serialize)]
pub struct DrawnShare {
    /// What it shows.
    pub title: String,
    /// Head of the labels' column.
    pub label_head: String,
    /// Head of the numbers' column.
    pub value_head: String,
    /// The drawing; safe HTML.
    pub svg: Value,
    /// The parts.
    pub parts: Vec<Part>,
    /// True if all are 0, or there are none.
    pub empty: bool,
}

impl Share {
    /// Draws it. `id` is unique on the page.
    #[must_use]
    pub fn draw(&self, id: &str, language: Language) -> DrawnShare {
        DrawnShare {
            title: self.title.clone(),
            label_head: self.label_head.clone(),
            value_head: self.value_head.clone(),
            svg: Value::from_safe_string(self.svg(id, language)),
            empty: self.parts.iter().all(|part| part.value <= 0),
            parts: self.parts.clone(),
        }
    }

    fn svg(&self, id: &str, language: Language) -> String {
        let id = escape(id);
        let top = self.parts.iter().map(|part| part.value).max().unwrap_or(0).max(1) as f64;
        let height = ROW * self.parts.len().max(1) as f64;
        let title = escape(&self.title);
        let mut out = format!(
            r#"<svg class="chart share" viewBox="0 0 {WIDTH} {height}" role="group" aria-labelledby="{id}-t"><title id="{id}-t">{title}</title>"#
        );
        for (n, part) in self.parts.iter().enumerate() {
            let y = ROW * n as f64;
            let value = part.value.max(0);
            let length = (WIDTH - NUMBER) * (value as f64 / top);
            let (label, number) = (escape(&part.label), number_text(language, value));
            let _ = write!(
                out,
                r#"<a href="{}"><rect class="touch" x="0" y="{y:.1}" width="{WIDTH}" height="{ROW}"/><text class="label" x="0" y="{:.1}">{label}</text><rect class="bar s{}" x="0" y="{:.1}" width="{:.1}" height="14" rx="2"/><text class="value" x="{:.1}" y="{:.1}">{number}</text></a>"#,
                escape(&part.href),
                y + 14.0,
                part.colour.min(3),
                y + 20.0,
                if value == 0 { 0.0 } else { length.max(2.0) },
                if value == 0 { 0.0 } else { length.max(2.0) + 8.0 },
                y + 32.0,
            );
        }
        out.push_str("</svg>");
        out
    }
}

fn escape(text: &str) -> String {
    HtmlEscape(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(label: &str, href: &str, values: &[i64]) -> Share {
        let part = |value: &i64| Part { label: label.into(), value: *value, href: href.into(), colour: 9 };
        Share { title: label.into(), label_head: "Reason".into(), value_head: "Devices".into(), parts: values.iter().map(part).collect() }
    }

    #[test]
    fn x_10_texts_and_links_in_bars_are_escaped() {
        let svg = share("<script>\"x\"", "/devices?q=\"><b>", &[3, 0]).draw("c\"", Language::En).svg.to_string();
        assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("style="), "{svg}");
        assert_eq!(svg.matches("<a href=").count(), 2);
    }

    #[test]
    fn odd_numbers_are_drawn_without_nan() {
        for values in [&[][..], &[0][..], &[-5, 1][..], &[i64::MAX, 1][..]] {
            let drawn = share("a", "/", values).draw("c", Language::De);
            let svg = drawn.svg.to_string();
            assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("=\"-"), "{svg}");
            assert_eq!(drawn.empty, values.iter().all(|value| *value <= 0));
        }
    }
}
