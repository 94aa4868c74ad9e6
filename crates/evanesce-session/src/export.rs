use base64ct::{Base64, Encoding};
use evanesce_core::Operation;
use evanesce_memory::{Ephemeral, MemoryError, Plain, SecretBytes, from_bytes};

use crate::children::FAMILY;
use crate::held::Whose;
use crate::keys::Header;
use crate::payload::Parts;
use crate::{SessionError, Sessions, Token};

impl Sessions {
    /// Everything that is kept in a session, for the person whose it is (a copy of the data
    /// undergoing processing: Regulation (EU) 2016/679, article 15(3)), as JSON (RFC 8259) in
    /// guarded memory:
    ///
    /// `{"opened":…,"lastUsed":…,"ends":…,"data":…,"compartments":{"name":"Base64"}}`
    ///
    /// Times are milliseconds since 1970-01-01T00:00:00Z; `lastUsed` is true to a tenth of
    /// the idle time. The data has the names and shapes that its derive gives it. What the
    /// library keeps for the session's children is a key, and not in it; a child's own data
    /// lies under its own token.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`SessionError::Unencodable`].
    pub async fn export<T: Ephemeral>(&self, token: &Token) -> Result<SecretBytes, SessionError> {
        let exported = async {
            let whose = Whose::Own(token);
            let held = self.hold(whose).await?;
            let json = held.payload.expose(|bytes| {
                let parts = Parts::read(bytes)?;
                let data = Plain::new(from_bytes::<T>(parts.data)?).to_json()?;
                write(&held.header, &data, &parts)
            })?;
            self.touch(whose, held).await;
            Ok(json)
        };
        let exported = exported.await;
        self.audited(Operation::SessionRead, exported)
    }
}

fn write(
    header: &Header,
    data: &SecretBytes,
    parts: &Parts<'_>,
) -> Result<SecretBytes, SessionError> {
    let times = format!(
        "{{\"opened\":{},\"lastUsed\":{},\"ends\":{},\"data\":",
        header.opened.as_millis(),
        header.last_seen.as_millis(),
        header.expiry().as_millis(),
    );
    let rooms: Vec<_> =
        parts.rooms().filter(|(name, _)| *name != FAMILY.name().as_bytes()).collect();
    let room = |(name, held): &(&[u8], &[u8])| name.len() + 5 + Base64::encoded_len(held);
    let commas = rooms.len().saturating_sub(1);
    let len = times.len() + data.len() + OPEN.len() + CLOSE.len() + commas;
    let mut json = SecretBytes::zeroed(len + rooms.iter().map(room).sum::<usize>())?;
    let whole = json.expose_mut(|out| {
        let out = push(out, times.as_bytes())?;
        let out = data.expose(|data| push(out, data))?;
        let mut out = push(out, OPEN)?;
        for (at, (name, held)) in rooms.iter().enumerate() {
            // A name is of letters that JSON writes as they are: `Compartment::new` says so.
            for piece in [if at == 0 { &b"\""[..] } else { b",\"" }, name, b"\":\""] {
                out = push(out, piece)?;
            }
            let (here, rest) = out.split_at_mut_checked(Base64::encoded_len(held))?;
            Base64::encode(held, here).ok()?;
            out = push(rest, b"\"")?;
        }
        push(out, CLOSE).map(|rest| rest.is_empty())
    });
    if whole == Some(true) { Ok(json) } else { Err(MemoryError::Exhausted.into()) }
}

const OPEN: &[u8] = b",\"compartments\":{";
const CLOSE: &[u8] = b"}}";

fn push<'o>(out: &'o mut [u8], bytes: &[u8]) -> Option<&'o mut [u8]> {
    let (here, rest) = out.split_at_mut_checked(bytes.len())?;
    here.copy_from_slice(bytes);
    Some(rest)
}
