use super::document::{Document, Table};

pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n\n{}\n", escape(&document.title), escape(&document.subtitle));
    for section in &document.sections {
        out.push_str(&format!("\n## {}\n", section.title));
        if !section.text.is_empty() {
            out.push_str(&format!("\n{}\n", escape(&section.text)));
        }
        if let Some(table) = &section.table {
            out.push('\n');
            write_table(&mut out, table);
        }
        if !section.points.is_empty() {
            out.push('\n');
        }
        for point in &section.points {
            out.push_str(&format!("- {}\n", escape(point)));
        }
    }
    out
}

fn write_table(out: &mut String, table: &Table) {
    out.push_str(&format!("| {} |\n", table.head.join(" | ")));
    out.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| escape(&cell.text)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

// Nothing that is shown holds such characters today; the form does not rely on it.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '`' | '*' | '[' | ']' | '<' | '>' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
