//! Room for desks: there are two cores.

use tokio::sync::{Semaphore, SemaphorePermit};

const DESKS_MAX: u32 = 2;
static ROOM: Semaphore = Semaphore::const_new(DESKS_MAX as usize);

/// Room for a desk at which people mostly look and click, beside another such one.
pub async fn quiet_desk() -> SemaphorePermit<'static> {
    room(1).await
}

/// All the room, for a desk at which it's judged what is heard.
pub async fn sounding_desk() -> SemaphorePermit<'static> {
    room(DESKS_MAX).await
}

async fn room(desks: u32) -> SemaphorePermit<'static> {
    ROOM.acquire_many(desks).await.expect("it's never closed")
}
