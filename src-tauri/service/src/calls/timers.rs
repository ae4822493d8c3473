//! When calls want to be woken.

use super::owner::Owner;
use crate::clock::now;
use call::Input;
use wire::CallId;

impl Owner {
    /// Sees to it that the call is woken when it wants to be.
    pub(super) fn schedule(&mut self, call: &CallId) {
        let Some(live) = self.state.live.get_mut(call) else {
            return;
        };
        let wake = live.machine.wake_at();
        if wake != live.wake {
            if let Some(at) = live.wake {
                self.state.timers.remove(&(at, call.clone()));
            }
            if let Some(at) = wake {
                self.state.timers.insert((at, call.clone()));
            }
            live.wake = wake;
        }
    }

    /// Wakes every call whose moment has come.
    pub(super) async fn timer(&mut self) {
        let now = now();
        let due: Vec<CallId> = self
            .state
            .timers
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, call)| call.clone())
            .collect();
        for call in due {
            self.tell(&call, Input::TimePassed).await;
        }
    }
}
