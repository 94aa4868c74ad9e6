//! Requests by way of curl, with every secret on its standard input.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Ground;
use crate::failure::Failure;

pub(crate) struct Request<'a> {
    pub(crate) url: &'a str,
    pub(crate) user: Option<(&'a str, &'a str)>,
    /// JSON to send with POST; none asks with GET.
    pub(crate) body: Option<&'a str>,
}

/// Gives the body of a successful reply.
pub(crate) fn send(ground: &Ground, request: &Request) -> Result<String, Failure> {
    let mut config = format!("url = {}\n", quoted(request.url));
    if let Some((name, password)) = request.user {
        config += &format!("user = {}\n", quoted(&format!("{name}:{password}")));
    }
    if let Some(body) = request.body {
        config += &format!(
            "header = \"Content-Type: application/json\"\ndata-binary = {}\n",
            quoted(body)
        );
    }
    let mut command = Command::new("curl");
    command.args(["-q", "-sS", "-f", "--noproxy", "*", "--max-time", "10", "-K", "-", "--cacert"]);
    command.arg(ground.certs.authority_certificate());
    feed(&mut command, &config)
}

/// Runs a command with `input` on its standard input.
pub(crate) fn feed(command: &mut Command, input: &str) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let broken = |error| Failure::new(format!("{name} could not be run: {error}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(broken)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input.as_bytes()).map_err(broken)?;
    }
    let done = child.wait_with_output().map_err(broken)?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    Err(Failure::new(format!("{name} failed: {}", String::from_utf8_lossy(&done.stderr).trim())))
}

// The quoting of curl's configuration file.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quoted(r#"{"a":"\n"}"#), r#""{\"a\":\"\\n\"}""#);
    }

    #[test]
    fn a_command_reads_what_it_is_fed() {
        assert_eq!(feed(&mut Command::new("cat"), "secret").unwrap(), "secret");
        assert!(feed(Command::new("sh").args(["-c", "echo no >&2; exit 3"]), "").is_err());
    }
}
