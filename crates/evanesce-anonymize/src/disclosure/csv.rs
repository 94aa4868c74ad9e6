use std::borrow::Cow;

use super::DisclosureError;

/// The fields of a line.
pub(crate) type Record<'t> = Vec<Cow<'t, str>>;

/// Records of RFC 4180 with any delimiter; empty lines are passed over. Each
/// character is read once.
pub(crate) struct Records<'t> {
    rest: &'t str,
    delimiter: char,
}

impl<'t> Records<'t> {
    pub(crate) const fn new(text: &'t str, delimiter: char) -> Self {
        Self { rest: text, delimiter }
    }

    fn record(&mut self) -> Result<Record<'t>, DisclosureError> {
        let mut fields = Vec::new();
        loop {
            let field = self.field()?;
            fields.push(field);
            if let Some(rest) = self.rest.strip_prefix(self.delimiter) {
                self.rest = rest;
                continue;
            }
            let rest = self.rest;
            let rest = rest.strip_prefix('\r').unwrap_or(rest);
            self.rest = rest.strip_prefix('\n').unwrap_or(rest);
            return Ok(fields);
        }
    }

    fn field(&mut self) -> Result<Cow<'t, str>, DisclosureError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let is_end = |it: char| it == self.delimiter || it == '\n' || it == '\r';
            let end = self.rest.find(is_end).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(Cow::Borrowed(field));
        };
        let mut field = Cow::Borrowed("");
        let mut rest = quoted;
        loop {
            let end = rest.find('"').ok_or(DisclosureError::Quotes)?;
            field += &rest[..end];
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(after) => {
                    field += "\"";
                    rest = after;
                }
                None => break,
            }
        }
        if !(rest.is_empty() || rest.starts_with([self.delimiter, '\n', '\r'])) {
            return Err(DisclosureError::Quotes);
        }
        self.rest = rest;
        Ok(field)
    }
}

/// Adds a line of fields.
pub(crate) fn write<'f>(text: &mut String, fields: impl Iterator<Item = &'f str>, delimiter: char) {
    for (place, field) in fields.enumerate() {
        if place > 0 {
            text.push(delimiter);
        }
        if field.is_empty() || field.contains([delimiter, '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push('\n');
}

impl<'t> Iterator for Records<'t> {
    type Item = Result<Record<'t>, DisclosureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches(['\r', '\n']);
        if self.rest.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.rest = "";
        }
        Some(record)
    }
}
