//! Secrets in manifests of Kubernetes: a document of the kind `Secret` holds base64 under
//! names of any sort.

use super::placeholder::is_reference;
use super::push;
use crate::window::{Window, alnum};
use crate::{Finding, Kind};

// How far from its kind the data of a document may lie, before and behind.
const BEFORE: usize = 3 * 1024;
const BEHIND: usize = 3 * 1024;

/// The values under `data:` and `stringData:` of the documents whose `kind:` lies at
/// these places, which are in order. Each line is read for one of them only.
pub(super) fn secrets(w: &Window<'_>, kinds: &[usize], out: &mut Vec<Finding>) {
    let mut done = 0;
    for &at in kinds {
        let line = line_start(w, at);
        let apart = w.bytes[line..at].iter().all(|b| *b == b' ');
        if at < done || !apart || !is_secret(w, at + "kind:".len()) {
            continue;
        }
        let from = w.ceil(at.saturating_sub(BEFORE).max(done));
        let to = w.ceil((at + BEHIND).min(w.bytes.len()));
        w.count(to - from);
        let indent = at - line;
        let (before, behind) = (&w.text[from..line.max(from)], &w.text[line.max(from)..to]);
        let first = before.rfind("\n---").map_or(0, |i| i + 4);
        let last = behind.find("\n---").unwrap_or(behind.len());
        document(w, (from + first, line.max(from) + last), indent, out);
        done = line.max(from) + last;
    }
}

fn line_start(w: &Window<'_>, at: usize) -> usize {
    w.left(at, 64, |b| b != b'\n')
}

// The whole rest of the line is the word, in quotes or not.
fn is_secret(w: &Window<'_>, from: usize) -> bool {
    let open = w.right(from, 8, |b| matches!(b, b' ' | b'\t' | b'"' | b'\''));
    let word = w.bytes.get(open..open + 6).is_some_and(|it| it.eq_ignore_ascii_case(b"secret"));
    let end = w.right(open + 6, 256, |b| matches!(b, b' ' | b'\t' | b'\r' | b'"' | b'\''));
    word && matches!(w.at(end), b'\n' | 0)
}

fn document(w: &Window<'_>, (from, to): (usize, usize), indent: usize, out: &mut Vec<Finding>) {
    let (mut start, mut inside, mut plain) = (from, false, false);
    for line in w.text[from..to].split_inclusive('\n') {
        let body = line.trim_start_matches(' ');
        let depth = line.len() - body.len();
        let text = body.trim_end();
        if depth == indent && !text.is_empty() {
            plain = text == "stringData:";
            inside = plain || text == "data:";
        } else if inside && depth > indent {
            let value = text.find(':').filter(|_| !text.starts_with('#')).map_or(0, |i| i + 1);
            let value = &text[value..];
            let bare = value.trim_matches([' ', '"', '\'']);
            let at = start + depth + (text.len() - value.len()) + lead(value);
            if is_value(bare, plain) {
                push(out, Kind::Secret, (at, at + bare.len()), 75, "the data of a secret");
            }
        }
        start += line.len();
    }
}

fn lead(value: &str) -> usize {
    value.len() - value.trim_start_matches([' ', '"', '\'']).len()
}

fn is_value(value: &str, plain: bool) -> bool {
    let base64 = value.bytes().all(|b| alnum(b) || matches!(b, b'+' | b'/' | b'='));
    let long = if plain { value.len() >= 4 } else { value.len() >= 10 && base64 };
    long && !is_reference(value.as_bytes()) && !value.contains("{{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let (w, mut out) = (Window::new(text), Vec::new());
        let kinds: Vec<usize> = text.match_indices("kind:").map(|(at, _)| at).collect();
        secrets(&w, &kinds, &mut out);
        out.iter().map(|f| text[f.start..f.end].to_owned()).collect()
    }

    #[test]
    fn the_data_of_a_secret_is_found_before_and_after_its_kind() {
        let after = "kind: Secret\nmetadata:\n  name: bmFtZSBuYW1lIQ\ndata:\n  a: cXVhcnRlcm1haW4=\n  b: |\n    cXVhcnRlcm1haW4=\n";
        assert_eq!(found(after), ["cXVhcnRlcm1haW4=", "cXVhcnRlcm1haW4="]);
        let before = "data:\n  a: 'cXVhcnRlcm1haW4='\nkind: \"Secret\"";
        assert_eq!(found(before), ["cXVhcnRlcm1haW4="]);
    }

    #[test]
    fn other_kinds_and_other_documents_have_none() {
        for text in [
            "kind: ConfigMap\ndata:\n  a: cXVhcnRlcm1haW4=\n",
            "kind: SecretList\ndata:\n  a: cXVhcnRlcm1haW4=\n",
            "kind: Secret\n---\ndata:\n  a: cXVhcnRlcm1haW4=\n",
            "kind: Secret\ndata:\n  a: {{ .Values.a }}\n  b: ''\n",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
