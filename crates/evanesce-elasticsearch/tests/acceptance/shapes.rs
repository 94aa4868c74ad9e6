//! Lines as the logs of real systems write them, with a value in the place where such a
//! system would put it.

use crate::draw::Draw;

/// What a line says of a person, and words of it that are nobody's and have to stay.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) stays: &'static str,
    pub(crate) write: fn(&mut Draw, word: &str, value: &str) -> String,
}

pub(crate) const SHAPES: &[Shape] = &[
    Shape { name: "nginx access", stays: "\"GET /account", write: nginx },
    Shape { name: "nginx error", stays: "upstream timed out", write: nginx_error },
    Shape { name: "sshd", stays: "input_userauth_request", write: sshd },
    Shape { name: "JSON", stays: "profile saved", write: json },
    Shape { name: "nested JSON", stays: "order refused", write: nested },
    Shape { name: "Java", stays: "java.lang.IllegalArgumentException", write: java },
    Shape { name: "PostgreSQL", stays: "duplicate key value violates", write: postgres },
    Shape { name: "PostgreSQL statement", stays: "parameters", write: statement },
    Shape { name: "Kubernetes", stays: "Reconciled record", write: klog },
    Shape { name: "logfmt", stays: "level=warn", write: logfmt },
    Shape { name: "Python", stays: "Traceback (most recent call last)", write: python },
    Shape { name: "Rust", stays: "cannot accept", write: rust },
];

fn nginx(d: &mut Draw, word: &str, value: &str) -> String {
    let size = d.within(200, 9000);
    format!(
        "- - [25/Nov/2026:13:{:02}:{:02} +0000] \"GET /account?{word}={} HTTP/1.1\" 200 {size} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
        d.below(60),
        d.below(60),
        encoded(value),
    )
}

fn nginx_error(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "2026/11/25 13:07:{:02} [error] {}#0: *{} upstream timed out (110: Connection timed out) while reading response header from upstream, request: \"POST /v2/people HTTP/1.1\", {word}: \"{value}\"",
        d.below(60),
        d.within(100, 999),
        d.within(10, 99),
    )
}

fn sshd(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "Nov 25 13:{:02}:{:02} gate sshd[{}]: input_userauth_request: invalid user {word} {value} [preauth]",
        d.below(60),
        d.below(60),
        d.within(1000, 9999),
    )
}

fn json(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        r#"{{"level":"info","logger":"app.people","msg":"profile saved","{word}":"{}","took_ms":{}}}"#,
        quoted(value),
        d.below(900),
    )
}

fn nested(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        r#"{{"severity":"WARNING","message":"order refused","http":{{"status":422,"path":"/orders"}},"body":{{"items":{},"customer":{{"{word}":"{}"}}}}}}"#,
        d.within(1, 9),
        quoted(value),
    )
}

fn java(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "java.lang.IllegalArgumentException: {word} {value} is not acceptable\n\tat org.example.people.Registry.add(Registry.java:{})\n\tat org.example.web.Api.post(Api.java:{})\n\tat java.base/java.lang.Thread.run(Thread.java:840)",
        d.within(10, 400),
        d.within(10, 400),
    )
}

fn postgres(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "2026-11-25 13:07:{:02} UTC [{}] ERROR:  duplicate key value violates unique constraint \"people_{word}_key\"\nDETAIL:  Key ({word})=({value}) already exists.",
        d.below(60),
        d.within(1000, 9999),
    )
}

fn statement(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "LOG:  duration: {}.{:03} ms  execute s_12: UPDATE people SET {word} = $1 WHERE id = $2\nDETAIL:  parameters: $1 = '{value}', $2 = '{}'",
        d.within(1, 99),
        d.below(1000),
        d.within(10, 99),
    )
}

fn klog(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "I1125 13:07:{:02}.{:06}       1 controller.go:{}] \"Reconciled record\" {word}=\"{}\" pod=\"default/api-7d9f\"",
        d.below(60),
        d.below(1_000_000),
        d.within(10, 400),
        quoted(value),
    )
}

fn logfmt(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "level=warn component=billing attempt={} {word}=\"{}\" msg=\"charge postponed\"",
        d.within(1, 9),
        quoted(value),
    )
}

fn python(d: &mut Draw, word: &str, value: &str) -> String {
    format!(
        "Traceback (most recent call last):\n  File \"/srv/app/people.py\", line {}, in add\n    registry.add({word}='{value}')\nValueError: {word} '{value}' is taken",
        d.within(10, 400),
    )
}

fn rust(d: &mut Draw, word: &str, value: &str) -> String {
    format!("cannot accept Some(Row {{ id: {}, {word}: {value:?} }})", d.within(10, 99))
}

/// A value of a query, percent-encoded (RFC 3986, section 2.1), a space as a plus sign.
pub(crate) fn encoded(value: &str) -> String {
    let mut made = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' => made.push('+'),
            b'-' | b'.' | b'_' | b'~' => made.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => made.push(char::from(byte)),
            _ => made.push_str(&format!("%{byte:02X}")),
        }
    }
    made
}

/// A text with its escapes of a query undone, wherever they stand.
pub(crate) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut made = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                made.push(byte);
                made.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => made.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&made).into_owned()
}

fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
