//! Bars as inline SVG: no script, no font, no colour that says what no text says.

use super::document::Tone;
use super::html::escape;

/// One bar of a chart, drawn to a share of the whole width.
pub(super) struct Bar {
    pub(super) name: String,
    /// What stands at its end.
    pub(super) figure: String,
    /// From 0 to 1; `None` draws no bar.
    pub(super) share: Option<f64>,
    pub(super) tone: Tone,
}

// The name and the figure stand above their bar, so that a phone shows them at full size.
const ROW: usize = 40;
const WIDTH: usize = 360;

pub(super) fn write(title: &str, bars: &[Bar]) -> String {
    let height = bars.len() * ROW;
    let title = escape(title);
    let mut out = format!(
        "<svg class=\"chart\" role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 {WIDTH} {height}\">\n<title>{title}</title>\n"
    );
    for (at, bar) in bars.iter().enumerate() {
        let (line, top) = (at * ROW + 14, at * ROW + 20);
        let (name, figure) = (escape(&bar.name), escape(&bar.figure));
        out.push_str(&format!(
            "<text x=\"0\" y=\"{line}\">{name}</text>\n\
             <text x=\"{WIDTH}\" y=\"{line}\" text-anchor=\"end\">{figure}</text>\n\
             <rect class=\"track\" x=\"0\" y=\"{top}\" width=\"{WIDTH}\" height=\"10\" rx=\"3\"/>\n"
        ));
        if let Some(share) = bar.share {
            let width = share.clamp(0.0, 1.0) * WIDTH as f64;
            let tone = match bar.tone {
                Tone::Bad => "bad",
                Tone::Good => "good",
                Tone::Open => "open",
                Tone::Plain => "plain",
            };
            out.push_str(&format!(
                "<rect class=\"{tone}\" x=\"0\" y=\"{top}\" width=\"{width:.1}\" height=\"10\" rx=\"3\"/>\n"
            ));
        }
    }
    out.push_str("</svg>\n");
    out
}
