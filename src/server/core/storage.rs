//! Where the core puts what changed, and where it looks up what it does not hold in memory.

use crate::protocol::names::{AccountId, ConversationId, MessageId};
use crate::server::traffic::{Appended, Draft, MessageRecord, Pins, Reaction, Reactions, Write};

/// Where changes go, in order, to be stored together or not at all. The stored messages and `/post`
/// keys are part of the state, too: an id, and whether a key was used, depend on the earlier
/// operations and on nothing else.
pub(crate) trait Storage {
    /// Stores a change. A failure shows at the commit: then nothing of the transaction is stored,
    /// and the state is read again.
    fn write(&mut self, write: Write);

    /// Stores a message and gives it its id, or finds that its key was used.
    ///
    /// # Errors
    /// [`NotStored`] if the transaction has failed.
    fn append(&mut self, draft: &Draft) -> Result<Appended, NotStored>;

    /// What [`Storage::append`] would find under the draft's key; `None` if it was not used yet.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn find_post(&mut self, draft: &Draft) -> Result<Option<Appended>, NotStored>;

    /// The message that the account said under a key, kept or not; `None` if it was not used yet.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn posted(
        &mut self,
        by: AccountId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<MessageId>, NotStored>;

    /// A message that was stored before, earlier in this transaction included; `None` if it is not
    /// kept, or gone.
    ///
    /// # Errors
    /// [`NotStored`] if it could not be read. The transaction has then failed.
    fn find(&mut self, conversation: ConversationId, id: MessageId) -> Result<Option<MessageRecord>, NotStored>;

    /// What was said about a message before, this word by this account in particular.
    ///
    /// # Errors
    /// As [`Storage::find`].
    fn reactions(&mut self, reaction: &Reaction) -> Result<Reactions, NotStored>;

    /// Which messages of a conversation are pinned, this one in particular.
    ///
    /// # Errors
    /// As [`Storage::find`].
    fn pins(&mut self, conversation: ConversationId, id: MessageId) -> Result<Pins, NotStored>;
}

/// The transaction has failed, and nothing of it will be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the transaction has failed")]
pub(crate) struct NotStored;
