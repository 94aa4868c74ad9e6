//! Passwords that stand after a word and a blank: options of commands, lines of settings,
//! sentences with the password in quotes.

use super::placeholder::{is_placeholder, is_reference};
use super::push;
use crate::window::{Window, alnum};
use crate::words::ends_with;
use crate::{Finding, Kind};

/// What stands after the run of letters from `start` on.
pub(super) fn word(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    // Almost no word begins as one of these does.
    let second = w.at(start + 1).to_ascii_lowercase();
    if w.before(start) != b'-' && !matches!(second, b'a' | b's' | b'w' | b'y') {
        return;
    }
    let end = w.marks().end(start, |block| block.alnum);
    w.count(1);
    let word = &w.bytes[start..end];
    let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    match word.len() {
        1 if word == b"u" && w.before(start) == b'-' => user(w, start, end, out),
        1 if word == b"p" && w.before(start) == b'-' => argument_of(w, start, end, out),
        2 if is("by") && ends_with(w.lead_in(start), "identified ") => {
            password(w, start, end, out);
        }
        4 if is("user") && w.before(start) == b'-' => user(w, start, end, out),
        3 | 4 | 6 | 8 | 10
            if ["pwd", "pass", "passwd", "password", "passphrase"].iter().any(|p| is(p)) =>
        {
            password(w, start, end, out);
        }
        _ => {}
    }
}

// `-p VALUE` of commands whose option for a password it is.
fn argument_of(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let open = w.right(end, 8, |b| b == b' ' || b == b'\t');
    let (open, stop) = match quoted(w, open) {
        Some(inside) => inside,
        None => (open, w.right(open, 128, |b| b > b' ' && !quote(b))),
    };
    let value = &w.bytes[open..stop];
    let known = ["sshpass", "psexec", "PsExec", "PSEXEC"].iter().any(|it| in_command(w, start, it));
    if open > end && value.len() >= 3 && !is_placeholder(value) && value[0] != b'-' && known {
        push(out, Kind::Secret, (open, stop), 70, "the password of a command");
    }
}

const fn quote(b: u8) -> bool {
    matches!(b, b'"' | b'\'' | b'`')
}

fn password(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let open = w.right(end, 16, |b| b == b' ' || b == b'\t');
    if open == end || w.at(open) == 0 {
        return;
    }
    let line = w.lead_in(start);
    let option = line.ends_with("--") || line.ends_with(" -") || line == "-";
    let first = line.trim_start().is_empty();
    let clause = ["identified ", "with ", "encrypted "].iter().any(|word| ends_with(line, word));
    if let Some((from, to)) = quoted(w, open) {
        if (option || first || clause) && to - from >= 3 && !is_reference(&w.bytes[from..to]) {
            push(out, Kind::Secret, (from, to), 70, "a quoted value after the word for a password");
        }
        return;
    }
    let stop = w.right(open, 128, |b| b > b' ' && !quote(b));
    let value = &w.bytes[open..stop];
    let chosen = value.iter().any(|b| !b.is_ascii_alphabetic() && !b".,;:!?)-".contains(b));
    if option && value.len() >= 4 && chosen && value[0] != b'-' && !is_placeholder(value) {
        push(out, Kind::Secret, (open, stop), 65, "a value after the option for a password");
    } else if value.len() >= 3 && !is_placeholder(value) && after_login(w, start, chosen) {
        push(out, Kind::Secret, (open, stop), 75, "login and password");
    } else {
        said(w, open, out);
    }
}

// "login NAME " before it, as in a netrc; "machine HOST" as well, if it may be prose.
fn after_login(w: &Window<'_>, start: usize, chosen: bool) -> bool {
    let blank = |b: u8| b.is_ascii_whitespace();
    let name_end = w.left(start, 16, blank);
    let name = w.left(name_end, 64, |b| b > b' ');
    let end = w.left(name, 16, blank);
    let login = name_end < start
        && end < name
        && w.bytes[..end].ends_with(b"login")
        && !alnum(w.before(end.saturating_sub(5)));
    let machine =
        |from: usize| w.text.get(w.ceil(from)..end).is_some_and(|t| t.contains("machine "));
    login && (chosen || machine(end.saturating_sub(96)))
}

// "password is 'VALUE'", "password for NAME is 'VALUE'", in one line.
fn said(w: &Window<'_>, from: usize, out: &mut Vec<Finding>) {
    let rest = w.right(from, 64, |b| b >= b' ');
    let text = &w.bytes[from..rest];
    let is = if text.starts_with(b"is ") {
        Some(2)
    } else if text.starts_with(b"for ") {
        text.windows(4).position(|four| four == b" is ").map(|at| at + 3)
    } else {
        None
    };
    let Some((open, stop)) = is.and_then(|is| quoted(w, from + is + 1)) else { return };
    let value = &w.bytes[open..stop];
    let starts_well = !matches!(
        value.first(),
        None | Some(b'#' | b'$' | b'|' | b'{' | b'<' | b'+' | b' ' | b'(' | b')')
    );
    if (4..=60).contains(&value.len()) && starts_well && !is_placeholder(value) {
        push(out, Kind::Secret, (open, stop), 60, "a password in quotes in a sentence");
    }
}

// The inside of the quotes that open here, in one line.
fn quoted(w: &Window<'_>, open: usize) -> Option<(usize, usize)> {
    let quote = w.at(open);
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let stop = w.right(open + 1, 128, |b| b >= b' ' && b != quote);
    (w.at(stop) == quote).then_some((open + 1, stop))
}

// curl's `-u name:password`: the command stands somewhere before in the same line, or
// in one that a backslash continues.
fn user(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let open = w.right(end, 8, |b| matches!(b, b' ' | b'\t' | b'='));
    let stop = match quoted(w, open) {
        Some((_, stop)) => stop + 1,
        None => argument(w, open),
    };
    let value = &w.bytes[open..stop];
    let bare = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let Some(colon) = bare.iter().position(|b| *b == b':') else { return };
    let trim = |part: &'_ [u8]| -> Vec<u8> {
        part.iter().copied().filter(|b| !matches!(b, b'"' | b'\'')).collect()
    };
    let (name, password) = (trim(&bare[..colon]), trim(&bare[colon + 1..]));
    let known = |part: &[u8]| {
        part.is_empty() || (part.len() >= 3 && !is_placeholder(part) && !is_usual(part))
    };
    let long = name.len() >= 3 || password.len() >= 3;
    // One of the two may be left out, and the other is the token then.
    let fits = known(&name) && known(&password)
        || (password.len() >= 3 && known(&password) && !is_reference(&name));
    if long && fits && !is_reference(&password) && in_command(w, start, "curl") {
        push(out, Kind::Secret, (open, stop), 75, "the user and password of a command");
    }
}

// Words and quoted parts that stand together.
fn argument(w: &Window<'_>, open: usize) -> usize {
    let mut at = open;
    for _ in 0..4 {
        at = w.right(at, 128, |b| b > b' ' && !matches!(b, b'"' | b'\'' | b'`' | b'\\'));
        match quoted(w, at) {
            Some((_, stop)) => at = stop + 1,
            None => break,
        }
    }
    at
}

fn is_usual(part: &[u8]) -> bool {
    const USUAL: &[&str] = &[
        "password", "pass", "passwd", "pwd", "secret", "token", "test", "changeit", "user",
        "username",
    ];
    USUAL.iter().any(|usual| part.eq_ignore_ascii_case(usual.as_bytes()))
}

// Whether the command stands before in the same line, or in one that goes on in this.
fn in_command(w: &Window<'_>, start: usize, command: &str) -> bool {
    let from = w.ceil(start.saturating_sub(256)).min(start);
    w.count(start - from);
    let Some(text) = w.text.get(from..start) else { return false };
    let Some(at) = text.rfind(command) else { return false };
    text[at..]
        .match_indices('\n')
        .all(|(end, _)| text[..at + end].trim_end_matches('\r').ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use crate::{Kind, Scanner};

    fn found(text: &str) -> Vec<&str> {
        let found = Scanner::default().scan(text);
        found.iter().filter(|f| f.kind == Kind::Secret).map(|f| &text[f.start..f.end]).collect()
    }

    #[test]
    fn options_settings_and_sentences() {
        for (text, value) in [
            ("curl -u reader:Qx7!kd82 https://a.example", "reader:Qx7!kd82"),
            ("curl -X POST \\\n  --user reader:'Qx7!kd82' -d", "reader:'Qx7!kd82'"),
            ("machine a.example login reader password Qx7!kd82", "Qx7!kd82"),
            ("run --password Qx7!kd82 --all", "Qx7!kd82"),
            ("sshpass -p 'Qx7!kd82' ssh a.example", "Qx7!kd82"),
            ("CREATE USER 'a'@'b' IDENTIFIED BY 'Qx7!kd82';", "Qx7!kd82"),
            ("ALTER ROLE a WITH PASSWORD 'Qx7!kd82';", "Qx7!kd82"),
            ("Connect -Password \"Qx7!kd82\"", "Qx7!kd82"),
            ("  password \"quartermain\"", "quartermain"),
            ("The password for the reader is 'quartermain'.", "quartermain"),
        ] {
            assert_eq!(found(text), [value], "{text}");
        }
    }

    #[test]
    fn what_only_speaks_of_passwords() {
        for text in [
            "curl -u \"$NAME:$PASSWORD\" https://a.example",
            "curl -u user:password https://a.example",
            "sudo -u reader:staff ls",
            "run --password-stdin --all",
            "run --password $PASSWORD",
            "the password is required, the password for readers is known",
            "a login and password are needed",
            "ls -u a:b\ncurl",
            "mkdir -p Qx7kd82 && cp -p Qx7kd82 a",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
