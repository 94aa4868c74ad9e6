use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use evanesce_core::{Append, BoxFuture, Entry, Error, Incorporated, Label};

use crate::{AuditError, Log};

/// Who did what an entry tells: a role that the embedding program declares, such as
/// `operator` or `privacy-officer`, and never a person. 1 to 32 of `a-z 0-9 -`.
///
/// A role is made from a literal, and a [`Log`] takes those alone that were declared
/// when it was opened ([`LogOptions::role`](crate::LogOptions::role)).
///
/// ```
/// use evanesce_audit::Role;
/// const OPERATOR: Role = Role::new("operator");
/// assert_eq!(OPERATOR.as_str(), "operator");
/// ```
/// ```compile_fail
/// # use evanesce_audit::Role;
/// const ANNA: Role = Role::new("anna@example.org");
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Role(Cow<'static, str>);

impl Role {
    /// A role from a literal. In a `const` a malformed one does not build.
    ///
    /// # Panics
    /// Outside a `const`, on a malformed name.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_role(name), "a role is named by 1 to 32 of a-z 0-9 -");
        Self(Cow::Borrowed(name))
    }

    // What a leaf says; whether the role was declared, its writer had to ask.
    pub(crate) fn parse(name: &str) -> Result<Self, AuditError> {
        if is_role(name) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(AuditError::Malformed)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A log to which everything is appended in one role: [`Log::acting`].
pub struct Acting {
    log: Arc<Log>,
    role: Role,
}

impl Log {
    /// The log for what is done in a role, for those operations whose actor matters:
    /// an emergency purge, a weaker setting, a rotation of keys.
    ///
    /// # Errors
    /// [`AuditError::Role`] for a role that was not declared when the log was opened.
    pub fn acting(self: &Arc<Self>, role: &Role) -> Result<Acting, AuditError> {
        if self.declares(role) {
            Ok(Acting { log: Arc::clone(self), role: role.clone() })
        } else {
            Err(AuditError::Role)
        }
    }
}

impl Append for Acting {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        Box::pin(async move {
            let incorporated = self.log.append_as(entry, Some(&self.role)).await?;
            // A role is spelled as a label may be.
            Ok(Incorporated { actor: Label::parse(self.role.as_str()).ok(), ..incorporated })
        })
    }

    fn count(&self, entry: Entry) {
        self.log.count_as(entry, Some(&self.role));
    }
}

const fn is_role(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > 32 {
        return false;
    }
    let mut i = 0;
    while i < bytes.len() {
        if !matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        i += 1;
    }
    true
}
