//! Where the owner of an organization's calls is found.

use super::request::{Reply, Request};
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use wire::OrganizationId;

/// A request on its way to an owner, and where its answer goes.
pub struct Envelope {
    /// Whose calls it is about: of another organization's the owner says nothing (A3).
    pub organization: OrganizationId,
    pub request: Request,
    pub reply: Reply,
}

/// Which owner has an organization's calls. The seam for calls on several machines: there it is a link
/// to the machine that has them.
#[async_trait]
pub trait Placement: Send + Sync {
    /// Puts a request in the queue of its owner, behind those that were sent before. An envelope that
    /// cannot be delivered is dropped, and with it the way back.
    async fn send(&self, envelope: Envelope);
}

/// What waits in the owner's queue.
pub enum Message {
    Asked(Envelope),
    /// End every call, and answer when that is told and kept.
    Stop(oneshot::Sender<()>),
}

/// One owner has all calls, in this process.
pub struct InProcess(pub mpsc::Sender<Message>);

#[async_trait]
impl Placement for InProcess {
    async fn send(&self, envelope: Envelope) {
        // The owner may have stopped.
        let _ = self.0.send(Message::Asked(envelope)).await;
    }
}
