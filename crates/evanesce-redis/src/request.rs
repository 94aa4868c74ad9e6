use crate::error::{Effect, Refusal};
use crate::reply::Reply;
use crate::scripts::Script;
use crate::wire::Ask;

/// One or several commands that go in one write, and what a lost answer means.
pub(crate) struct Request<F> {
    pub(crate) effect: Effect,
    /// The number of the command that decides: if it was refused, nothing has happened
    /// that may not happen again.
    pub(crate) decisive: usize,
    pub(crate) encode: F,
}

/// What writes commands, once for each time that they are sent.
pub(crate) trait Encode: Fn(&mut Out<'_>) + Sync {}

impl<F: Fn(&mut Out<'_>) + Sync> Encode for F {}

impl<F: Encode> Request<F> {
    pub(crate) const fn read(encode: F) -> Self {
        Self { effect: Effect::None, decisive: 0, encode }
    }

    pub(crate) const fn write(encode: F) -> Self {
        Self { effect: Effect::Write, decisive: 0, encode }
    }

    /// That the command which decides was refused.
    pub(crate) fn refusal<'r>(&self, reply: &'r Reply) -> Option<&'r Refusal> {
        let decisive = match reply {
            Reply::Array(answers) => answers.get(self.decisive)?,
            reply => reply,
        };
        match decisive {
            Reply::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Where commands are written, in the form that a server reads: an array of strings
/// (<https://github.com/redis/redis-specifications/blob/master/protocol/RESP2.md>).
pub(crate) struct Out<'a> {
    buffer: &'a mut Vec<u8>,
    ask: Ask,
    commands: u32,
}

impl<'a> Out<'a> {
    pub(crate) const fn new(buffer: &'a mut Vec<u8>, ask: Ask) -> Self {
        Self { buffer, ask, commands: 0 }
    }

    /// How many commands there are, each of which has one answer.
    pub(crate) const fn commands(&self) -> u32 {
        self.commands
    }

    /// A command of this name with so many arguments, which are to follow.
    pub(crate) fn command(&mut self, name: &str, arguments: usize) -> &mut Self {
        if self.ask == Ask::WithAsking {
            self.buffer.extend_from_slice(b"*1\r\n$6\r\nASKING\r\n");
            self.commands += 1;
        }
        self.commands += 1;
        self.head(b'*', 1 + arguments);
        self.arg(name)
    }

    /// Runs a script on so many keys, which are to follow, and then so many arguments.
    pub(crate) fn script(&mut self, script: &Script, keys: usize, arguments: usize) -> &mut Self {
        self.command("EVALSHA", 2 + keys + arguments).arg(script.hash()).number(keys as u64)
    }

    /// A command with all of its arguments.
    pub(crate) fn words(&mut self, words: &[&str]) -> &mut Self {
        if let Some((name, arguments)) = words.split_first() {
            self.command(name, arguments.len());
            for argument in arguments {
                self.arg(argument);
            }
        }
        self
    }

    pub(crate) fn arg(&mut self, argument: impl AsRef<[u8]>) -> &mut Self {
        let argument = argument.as_ref();
        self.head(b'$', argument.len());
        self.buffer.extend_from_slice(argument);
        self.buffer.extend_from_slice(b"\r\n");
        self
    }

    /// An argument that `write` writes, of exactly `length` bytes.
    pub(crate) fn arg_of(&mut self, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.head(b'$', length);
        write(self.buffer);
        self.buffer.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        self.arg(decimal(number, &mut digits))
    }

    fn head(&mut self, kind: u8, number: usize) {
        let mut digits = [0; 20];
        self.buffer.push(kind);
        self.buffer.extend_from_slice(decimal(number as u64, &mut digits));
        self.buffer.extend_from_slice(b"\r\n");
    }
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(ask: Ask, encode: impl Fn(&mut Out<'_>)) -> (String, u32) {
        let mut buffer = Vec::new();
        let mut out = Out::new(&mut buffer, ask);
        encode(&mut out);
        let commands = out.commands();
        (String::from_utf8(buffer).unwrap(), commands)
    }

    #[test]
    fn commands_are_arrays_of_strings() {
        let (text, commands) = encoded(Ask::Plainly, |out| {
            out.words(&["PING"]).command("SET", 2).arg("k").number(70);
        });
        assert_eq!(text, "*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n70\r\n");
        assert_eq!(commands, 2);
        let (text, commands) = encoded(Ask::WithAsking, |out| {
            out.words(&["PING"]);
        });
        assert_eq!(text, "*1\r\n$6\r\nASKING\r\n*1\r\n$4\r\nPING\r\n");
        assert_eq!(commands, 2);
    }

    proptest! {
        #[test]
        fn numbers_are_decimal(number: u64) {
            let mut digits = [0; 20];
            let text = number.to_string();
            prop_assert_eq!(decimal(number, &mut digits), text.as_bytes());
        }
    }
}
