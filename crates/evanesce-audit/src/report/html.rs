use super::chart;
use super::document::{Document, Section, Table, Tone};

const STYLE: &str = include_str!("report.css");

pub(super) fn write(document: &Document) -> String {
    let title = escape(&document.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n",
        escape(&document.subtitle)
    );
    out.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
    for Section { id, title, .. } in &document.sections {
        out.push_str(&format!("<li><a href=\"#{id}\">{title}</a></li>\n"));
    }
    out.push_str("</ul>\n</nav>\n");
    for section in &document.sections {
        write_section(&mut out, section);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn write_section(out: &mut String, section: &Section) {
    let Section { id, title, .. } = section;
    out.push_str(&format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n"));
    if !section.text.is_empty() {
        out.push_str(&format!("<p>{}</p>\n", escape(&section.text)));
    }
    if let Some((title, bars)) = &section.chart {
        out.push_str(&chart::write(title, bars));
    }
    if let Some(table) = &section.table {
        write_table(out, title, table);
    }
    if !section.points.is_empty() {
        out.push_str("<ul>\n");
        for point in &section.points {
            out.push_str(&format!("<li>{}</li>\n", escape(point)));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

// The roles are said again, because on a narrow screen rows become cards, and
// browsers then forget that they were rows.
fn write_table(out: &mut String, title: &str, table: &Table) {
    out.push_str(&format!("<table role=\"table\">\n<caption>{title}</caption>\n"));
    out.push_str("<thead role=\"rowgroup\">\n<tr role=\"row\">");
    for head in &table.head {
        out.push_str(&format!("<th role=\"columnheader\" scope=\"col\">{head}</th>"));
    }
    out.push_str("</tr>\n</thead>\n<tbody role=\"rowgroup\">\n");
    for row in &table.rows {
        out.push_str("<tr role=\"row\">");
        for (cell, head) in row.iter().zip(&table.head) {
            let (class, sign) = match cell.tone {
                Tone::Bad => (" class=\"bad\"", "\u{2717} "),
                Tone::Good => (" class=\"good\"", "\u{2713} "),
                Tone::Open => (" class=\"open\"", "? "),
                Tone::Plain => ("", ""),
            };
            let sign = if sign.is_empty() {
                String::new()
            } else {
                format!("<span aria-hidden=\"true\">{sign}</span>")
            };
            let mut text = escape(&cell.text);
            if let Some(id) = cell.link {
                text = format!("<a href=\"#{id}\">{text}</a>");
            }
            out.push_str(&format!(
                "<td role=\"cell\" data-head=\"{head}\"{class}>{sign}<span>{text}</span></td>"
            ));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::Bar;
    use crate::report::document::Cell;

    #[test]
    fn markup_in_a_text_is_shown_and_not_run() {
        let cell = Cell {
            text: "<img src=x onerror=\"alert('1')\">&".into(),
            tone: Tone::Plain,
            link: None,
        };
        let bar = Bar {
            name: "<script>".into(),
            figure: "<b>".into(),
            share: Some(2.0),
            tone: Tone::Bad,
        };
        let document = Document {
            title: "a <b>title</b>".into(),
            subtitle: "</title><script>".into(),
            sections: vec![Section {
                id: "one",
                title: "One",
                text: "<p>".into(),
                table: Some(Table { head: vec!["Head"], rows: vec![vec![cell]] }),
                points: vec!["<li>".into()],
                chart: Some(("Bars", vec![bar])),
            }],
        };
        let html = write(&document);
        for raw in ["<b>", "<script", "<img", "onerror=\"", "<p><p>", "<li><li>"] {
            assert!(!html.contains(raw), "{raw}");
        }
    }
}
