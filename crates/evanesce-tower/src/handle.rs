use std::ops::Deref;

use evanesce_core::ErasureReceipt;
use evanesce_memory::Ephemeral;
use evanesce_purge::EraseError;
use evanesce_service::ServiceError;

use crate::Visitor;

/// The session of the request: everything that
/// [`evanesce_service::Session`] offers, and what changes its token, which then goes out
/// with the response or is taken back.
pub struct Session<T> {
    session: evanesce_service::Session<T>,
    visitor: Visitor<T>,
}

impl<T: Ephemeral> Session<T> {
    pub(crate) const fn new(session: evanesce_service::Session<T>, visitor: Visitor<T>) -> Self {
        Self { session, visitor }
    }

    /// Moves the session to a fresh token, as after a change of privilege. The old token is
    /// dead at once.
    ///
    /// # Errors
    /// [`ServiceError::Session`]; the handle then keeps the token that it had.
    pub async fn rotate(&mut self) -> Result<(), ServiceError> {
        self.session.rotate().await?;
        self.visitor.give(self.session.token());
        Ok(())
    }

    /// Changes the data under a fresh token, as when somebody signs in. The token comes
    /// first: who knew the old one, and perhaps planted it, never has the new privilege
    /// (session fixation). Where the change fails, the session stands under the fresh token
    /// as it was.
    ///
    /// # Errors
    /// [`ServiceError::Session`].
    pub async fn elevate<R: Send>(
        &mut self,
        change: impl FnMut(&mut T) -> R + Send,
    ) -> Result<R, ServiceError> {
        self.rotate().await?;
        self.session.update(change).await
    }

    /// Erases the session. The response takes the token back and asks the browser to clear
    /// what it keeps, also where only the receipt is missing.
    ///
    /// # Errors
    /// [`ServiceError::Erase`]; the request is then remembered and goes on.
    pub async fn erase(self) -> Result<ErasureReceipt, ServiceError> {
        let Self { session, visitor } = self;
        let erased = session.erase().await;
        let unreceipted =
            matches!(&erased, Err(ServiceError::Erase(EraseError::Unreceipted { .. })));
        if erased.is_ok() || unreceipted {
            visitor.take();
        }
        erased
    }
}

/// Without `DerefMut`: a token that changed behind the visitor's back would never reach the
/// client.
impl<T> Deref for Session<T> {
    type Target = evanesce_service::Session<T>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}
