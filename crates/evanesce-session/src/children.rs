use evanesce_core::{Operation, Timestamp};
use evanesce_crypto::{CryptoError, random_secret};
use evanesce_memory::{Ephemeral, SecretBytes, to_secret};
use zeroize::Zeroizing;

use crate::held::{Held, Whose};
use crate::payload::Parts;
use crate::sessions::copy;
use crate::token::{self, SECRET};
use crate::{
    Compartment, Destroyed, Failed, LookupId, SessionError, Sessions, Tag, Token, Write, keys,
};

/// The bearer secret of one child session. Alone it opens nothing: the parent's token is
/// needed beside it, and a parent that lives.
///
/// Its text is `evc1_` and 51 characters, otherwise as [`Token`]'s. A child's token where
/// a session's is wanted does not build.
pub struct ChildToken {
    tag: Tag,
    secret: SecretBytes,
}

impl ChildToken {
    /// Reads a child token's text, in a time that depends on its length alone.
    ///
    /// # Errors
    /// As [`Token::parse`].
    pub fn parse(text: &str) -> Result<Self, SessionError> {
        let (tag, secret) = token::parse(PREFIX, text)?;
        Ok(Self { tag, secret })
    }

    /// The token as its client keeps it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        token::to_text(PREFIX, self.tag, &self.secret)
    }

    fn mint(tag: Tag) -> Result<Self, SessionError> {
        Ok(Self { tag, secret: random_secret(SECRET)? })
    }
}

/// Children: sessions below a session, each with a token of its own, that cannot outlive
/// their parent.
///
/// What opens a child is derived from its token, from its epoch and from a secret that is
/// sealed in its parent's record. So a child ends for everybody in the moment in which its
/// parent is destroyed, taken, expired, idle or purged, without being looked for; a rotated
/// parent keeps its children. What is left of it is ciphertext without a key, until its own
/// expiry. A use of a child counts as one of its parent.
impl Sessions {
    /// Opens a child of a session. It ends with its parent at the latest.
    ///
    /// # Errors
    /// As [`open`](Self::open), and as [`read`](Self::read) for the parent.
    pub fn open_child<'s, T: Ephemeral>(
        &'s self,
        parent: &'s Token,
        value: &T,
    ) -> impl Future<Output = Result<ChildToken, SessionError>> + Send + use<'s, T> {
        let data = to_secret(value);
        async move {
            let opened = self.insert_child(parent, data.map_err(SessionError::from)).await;
            self.audited(Operation::SessionOpened, opened)
        }
    }

    /// Lends a child's data to `look`.
    ///
    /// # Errors
    /// As [`read`](Self::read), for the child and for its parent; for the child of another
    /// parent [`SessionError::Absent`] or [`SessionError::Crypto`].
    pub async fn read_child<T: Ephemeral, R>(
        &self,
        parent: &Token,
        child: &ChildToken,
        look: impl FnOnce(&T) -> R,
    ) -> Result<R, SessionError> {
        let read = self.look(Whose::Child(parent, child), look).await;
        self.audited(Operation::SessionRead, read)
    }

    /// Lends a child's data to `change` and writes it back, under the same rules as
    /// [`update`](Self::update).
    ///
    /// # Errors
    /// As [`read_child`](Self::read_child) and [`update`](Self::update).
    pub async fn update_child<T: Ephemeral, R>(
        &self,
        parent: &Token,
        child: &ChildToken,
        change: impl FnMut(&mut T) -> R,
    ) -> Result<R, SessionError> {
        let updated = self.change(Whose::Child(parent, child), change).await;
        self.audited(Operation::SessionUpdated, updated)
    }

    /// Destroys a child; its parent stays. The token is consumed only when that is certain.
    ///
    /// # Errors
    /// [`Failed`] with the child's token, if the store failed.
    pub async fn destroy_child(&self, child: ChildToken) -> Result<Destroyed, Failed<ChildToken>> {
        let destroyed = async {
            let id = self.child_lookup(&child)?;
            Ok(match self.0.parts.store.remove(&id).await? {
                Write::Applied => Destroyed::Removed,
                Write::Conflict | Write::Gone => Destroyed::Absent,
            })
        };
        let destroyed = destroyed.await;
        self.audited(Operation::SessionDestroyed, destroyed)
            .map_err(|error| Failed { token: child, error })
    }

    pub(crate) fn child_lookup(&self, child: &ChildToken) -> Result<LookupId, SessionError> {
        keys::child_lookup_id(&self.0.parts.namespace, child.tag, &child.secret)
    }

    /// A child's half of its key, if its parent has ever had children.
    pub(crate) fn child_half(
        &self,
        parent: &Held,
        child: &ChildToken,
        id: &LookupId,
    ) -> Result<SecretBytes, SessionError> {
        let family = parent.payload.expose(|bytes| {
            let room = Parts::read(bytes)?.room(FAMILY);
            Ok::<_, SessionError>(copy(room.ok_or(SessionError::Absent)?)?)
        })?;
        keys::child_half(&self.0.parts.namespace, (&child.secret, id), &family)
    }

    async fn insert_child(
        &self,
        parent: &Token,
        data: Result<SecretBytes, SessionError>,
    ) -> Result<ChildToken, SessionError> {
        self.admit()?;
        let max = self.0.policy.max_bytes;
        let payload = data?.expose(|data| Parts::new(data).write(max))?;
        let (family, latest) = self.family(parent).await?;
        let (tag, namespace) = (parent.tag(), &self.0.parts.namespace);
        let mint = || {
            let child = ChildToken::mint(tag)?;
            let id = self.child_lookup(&child)?;
            let half = keys::child_half(namespace, (&child.secret, &id), &family)?;
            Ok(((child, half), id))
        };
        let minted = self.insert_new(tag, &payload, Some(latest), mint, |(_, half)| half).await;
        Ok(minted?.0)
    }

    /// What a parent's payload keeps for its children, made for the first of them, and when
    /// the parent ends.
    async fn family(&self, parent: &Token) -> Result<(SecretBytes, Timestamp), SessionError> {
        let max = self.0.policy.max_bytes;
        let family = self.rewrite(Whose::Own(parent), |header, parts| {
            if let Some(family) = parts.room(FAMILY) {
                return Ok((None, (copy(family)?, header.absolute)));
            }
            let family = random_secret(SECRET)?;
            let payload = family.expose(|bytes| {
                if bytes.len() != SECRET {
                    return Err(SessionError::Crypto(CryptoError::KeyLength));
                }
                let mut parts = parts.clone();
                parts.put(FAMILY, bytes);
                parts.write(max)
            })?;
            Ok((Some(payload), (family, header.absolute)))
        });
        family.await
    }
}

const PREFIX: &str = "evc1_";
/// Where a parent keeps the secret of its children.
pub(crate) const FAMILY: Compartment = Compartment::reserved("@children");
