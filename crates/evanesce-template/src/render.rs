use std::fmt::Write;

use crate::insight::Insight;
use crate::template::{Step, Template};

/// In which form a template is written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// An HTML fragment, one `article`, without style or script.
    Html,
    /// JSON (RFC 8259), which can also stand inside HTML.
    Json,
    /// Markdown.
    Markdown,
}

impl Template {
    /// Writes the template. The newsletter's words are escaped for the form: none
    /// of them is ever markup.
    #[must_use]
    pub fn render(&self, form: Form) -> String {
        let mut out = String::new();
        // Writing to a `String` does not fail.
        let _ = match form {
            Form::Html => html(self, &mut out),
            Form::Json => json(self, &mut out),
            Form::Markdown => markdown(self, &mut out),
        };
        out
    }
}

fn markdown(template: &Template, out: &mut String) -> std::fmt::Result {
    let Template { title, insights, steps, generated_at, expires_at } = template;
    writeln!(out, "# Implementation template: {}\n", Marked(title))?;
    writeln!(out, "Made {generated_at}, valid until {expires_at}.\n")?;
    writeln!(out, "## Steps\n")?;
    for Step { number, action, why, effort, from } in steps {
        let (effort, from) = (effort.label(), from + 1);
        writeln!(out, "{number}. [ ] {} *({effort}, insight {from})*", Marked(action))?;
        writeln!(out, "   {}", Marked(why))?;
    }
    writeln!(out, "\n## Insights\n")?;
    for (place, insight) in insights.iter().enumerate() {
        let (number, words) = (place + 1, Marked(insight.statement()));
        writeln!(out, "{number}. {words} *({})*", Facts(insight))?;
    }
    Ok(())
}

fn html(template: &Template, out: &mut String) -> std::fmt::Result {
    let Template { title, insights, steps, generated_at, expires_at } = template;
    writeln!(out, "<article class=\"evanesce-template\">")?;
    writeln!(out, "<h1>Implementation template: {}</h1>", Escaped(title))?;
    write!(out, "<p>Made <time datetime=\"{generated_at}\">{generated_at}</time>, ")?;
    writeln!(out, "valid until <time datetime=\"{expires_at}\">{expires_at}</time>.</p>")?;
    writeln!(out, "<h2>Steps</h2>\n<ol>")?;
    for Step { action, why, effort, from, .. } in steps {
        let (effort, from) = (effort.label(), from + 1);
        writeln!(out, "<li><p>{}</p>", Escaped(action))?;
        writeln!(out, "<p><small>{} {effort}, insight {from}</small></p></li>", Escaped(why))?;
    }
    writeln!(out, "</ol>\n<h2>Insights</h2>\n<ol>")?;
    for insight in insights {
        let words = Escaped(insight.statement());
        writeln!(out, "<li>{words} <small>{}</small></li>", Facts(insight))?;
    }
    writeln!(out, "</ol>\n</article>")
}

fn json(template: &Template, out: &mut String) -> std::fmt::Result {
    let Template { title, insights, steps, generated_at, expires_at } = template;
    write!(out, "{{\"title\":{},\"generated_at\":\"{generated_at}\",", Quoted(title))?;
    write!(out, "\"expires_at\":\"{expires_at}\",\"topic\":\"{}\",", template.topic().label())?;
    out.write_str("\"steps\":[")?;
    for (place, Step { number, action, why, effort, from }) in steps.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(out, "{comma}{{\"number\":{number},\"action\":{},", Quoted(action))?;
        write!(out, "\"why\":{},\"effort\":\"{}\",", Quoted(why), effort.label())?;
        write!(out, "\"insight\":{from}}}")?;
    }
    out.write_str("],\"insights\":[")?;
    for (place, insight) in insights.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(out, "{comma}{{\"title\":{},", Quoted(insight.title()))?;
        write!(out, "\"statement\":{},", Quoted(insight.statement()))?;
        write!(out, "\"topic\":\"{}\",", insight.topic().label())?;
        write!(out, "\"kind\":\"{}\",", insight.kind().label())?;
        let (span, section) = (insight.span(), insight.section());
        write!(out, "\"score\":{},\"section\":{section},", insight.score())?;
        write!(out, "\"span\":[{},{}]}}", span.start(), span.end())?;
    }
    out.write_str("]}")
}

// Topic, kind and source: our own words and numbers only.
struct Facts<'a>(&'a Insight);

impl std::fmt::Display for Facts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (topic, kind, span) = (self.0.topic(), self.0.kind(), self.0.span());
        let (topic, kind) = (topic.label(), kind.label());
        write!(f, "{topic}, {kind}; source bytes {}–{}", span.start(), span.end())
    }
}

struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

// Each mark that could begin something, at whatever place, as CommonMark 2.4 says.
struct Marked<'a>(&'a str);

impl std::fmt::Display for Marked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                    write!(f, "\\{c}")?;
                }
                '\n' | '\r' => f.write_char(' ')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                // Not special in JSON, but where JSON stands inside a page.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' | '\u{7f}' => {
                    write!(f, "\\u{:04x}", u32::from(c))?;
                }
                _ => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
