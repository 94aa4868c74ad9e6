//! Reading line protocol, more strictly than InfluxDB does: what it would guess at is
//! refused here, so that a line says to both of us the same.

/// What one line says. Fields are numbers; flags count as 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) measurement: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) fields: Vec<(String, f64)>,
    pub(crate) nanos: Option<i64>,
}

/// Reads a text that is exactly one line, with or without its line feed.
pub(crate) fn line(text: &str) -> Option<Parsed> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.contains(['\n', '\r', '\0', '"']) || text.starts_with('#') {
        return None;
    }
    let mut rest = text;
    let (measurement, mut end) = token(&mut rest, &[',', ' '])?;
    let mut tags = Vec::new();
    while end == Some(',') {
        let (key, equals) = token(&mut rest, &['=', ',', ' '])?;
        let (value, next) = token(&mut rest, &['=', ',', ' '])?;
        if equals != Some('=') || next == Some('=') {
            return None;
        }
        tags.push((key, value));
        end = next;
    }
    let mut fields = Vec::new();
    let mut more = end == Some(' ');
    let mut time = false;
    while more {
        let (key, equals) = token(&mut rest, &['=', ',', ' '])?;
        let (value, next) = token(&mut rest, &['=', ',', ' '])?;
        if equals != Some('=') || next == Some('=') {
            return None;
        }
        fields.push((key, number(&value)?));
        more = next == Some(',');
        time = next == Some(' ');
    }
    let nanos = if time { Some(rest.parse().ok()?) } else { None };
    (!fields.is_empty()).then_some(Parsed { measurement, tags, fields, nanos })
}

/// A word that is not empty, up to one of the stops, and the stop; a backslash only
/// ever escapes one of `,`, `=` and space.
fn token(rest: &mut &str, stops: &[char]) -> Option<(String, Option<char>)> {
    let mut word = String::new();
    let mut chars = rest.chars();
    let mut stop = None;
    while let Some(c) = chars.next() {
        if c == '\\' {
            word.push(chars.next().filter(|next| matches!(next, ',' | '=' | ' '))?);
        } else if stops.contains(&c) {
            stop = Some(c);
            break;
        } else {
            word.push(c);
        }
    }
    *rest = chars.as_str();
    (!word.is_empty()).then_some((word, stop))
}

fn number(text: &str) -> Option<f64> {
    match text {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(1.0),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(0.0),
        _ => {}
    }
    // Rust's parser also knows words such as `inf`, which the format does not.
    if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eEiu".contains(&b)) {
        return None;
    }
    if let Some(integer) = text.strip_suffix('i') {
        return integer.parse::<i64>().ok().map(|n| n as f64);
    }
    if let Some(integer) = text.strip_suffix('u') {
        return integer.parse::<u64>().ok().map(|n| n as f64);
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // From the examples of the line protocol reference, without string fields.
    #[test]
    fn known_lines_are_read() {
        let parsed = line("myMeasurement,tag\\ Key1=tag\\ Value1,tag2=v fieldKey=100,n=1i,u=2u,b=t 1556813561098000000").unwrap();
        assert_eq!(parsed.measurement, "myMeasurement");
        assert_eq!(
            parsed.tags,
            [("tag Key1".into(), "tag Value1".into()), ("tag2".into(), "v".into())]
        );
        assert_eq!(
            parsed.fields,
            [("fieldKey".into(), 100.0), ("n".into(), 1.0), ("u".into(), 2.0), ("b".into(), 1.0)]
        );
        assert_eq!(parsed.nanos, Some(1_556_813_561_098_000_000));
        assert_eq!(line("myMeasurement fieldKey=-1.234456e+78\n").unwrap().nanos, None);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for text in [
            "",
            "\n",
            "m",
            "m ",
            "m f",
            "m f=",
            "m f=1\nm2 f=1",
            "m f=1\n\n",
            "m f=1\r\n",
            "# comment f=1",
            "m,k=v",
            "m,k= f=1",
            "m,=v f=1",
            "m,k=a=b f=1",
            "m,k=v\\ f=1",
            "m,k=v\\x f=1",
            "m f=1 2 3",
            "m f=1 x",
            "m f=\"text\"",
            "m f=nan",
            "m f=inf",
            "m f=1e999",
            "m f=1ii",
            " f=1",
            ",k=v f=1",
            "m  f=1",
        ] {
            assert_eq!(line(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = line(&text);
        }

        #[test]
        fn no_text_of_the_formats_letters_panics(text in "[mkv=, \\\\\"0-9eiu.\n-]{0,60}") {
            let _ = line(&text);
        }
    }
}
