use std::fmt::Display;

/// What a command says, and the status that it ends with.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) status: u8,
    /// For standard output: the result, and nothing else.
    pub(crate) out: String,
    /// For standard error: whatever a person has to be told besides.
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn done(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    /// Nothing was done, because what was asked for cannot be.
    pub(crate) fn unusable(why: &str) -> Self {
        Self { status: 2, err: format!("evanesce: {why}\n"), ..Self::default() }
    }

    pub(crate) fn of<E: Display>(result: Result<String, E>, status: impl Fn(&E) -> u8) -> Self {
        match result {
            Ok(out) => Self::done(out),
            Err(refused) => {
                let err = format!("evanesce: {refused}\n");
                Self { status: status(&refused), err, ..Self::default() }
            }
        }
    }
}
