//! Closing the window and quitting: not in the middle of a call without a question.

use serde::{Deserialize, Serialize};
use specta::Type;

/// How somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// By closing the window.
    Close,
    /// By quitting, from the tray.
    Quit,
}

/// What the window asks, while somebody on a call wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
pub struct LeavingQuestion {
    /// How they leave.
    pub how: Leaving,
    /// Whether the window can be hidden while the call goes on: there is a tray to bring it back.
    pub can_hide: bool,
}

/// What they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LeavingChoice {
    /// All stays as it is.
    Stay,
    /// The window goes, and the call goes on.
    Hide,
    /// The call ends here, and then the window goes.
    HangUp,
}

/// What is done when somebody wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask first.
    Ask,
    /// Hide the window; teammates still see one online, and invitations come.
    Hide,
    /// Hide it, and say that the call goes on.
    HideOnCall,
    /// End the app.
    End,
}

/// What happens while the app is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// On a call, as its rep or as a coach.
    pub is_on_call: bool,
    /// The window asks already. It may be one that shows nothing: asking again would lead nowhere.
    pub is_asked: bool,
    /// There is a tray to bring the window back.
    pub has_tray: bool,
}

/// What is done.
#[must_use]
pub const fn step(how: Leaving, now: Situation) -> Step {
    match how {
        _ if now.is_on_call && !now.is_asked => Step::Ask,
        Leaving::Close if now.is_on_call && now.has_tray => Step::HideOnCall,
        Leaving::Close if now.is_on_call => Step::Ask,
        Leaving::Close if now.has_tray => Step::Hide,
        Leaving::Close | Leaving::Quit => Step::End,
    }
}

/// What is done once the call was ended to leave.
#[must_use]
pub const fn after_call(how: Leaving, has_tray: bool) -> Step {
    let now = Situation {
        is_on_call: false,
        is_asked: false,
        has_tray,
    };
    step(how, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(how: Leaving, is_on_call: bool, is_asked: bool) -> [Step; 2] {
        [true, false].map(|has_tray| {
            let now = Situation {
                is_on_call,
                is_asked,
                has_tray,
            };
            step(how, now)
        })
    }

    #[test]
    fn on_a_call_nobody_leaves_without_a_question() {
        for how in [Leaving::Close, Leaving::Quit] {
            assert_eq!(steps(how, true, false), [Step::Ask, Step::Ask], "{how:?}");
        }
    }

    #[test]
    fn a_window_that_shows_no_question_can_still_be_left() {
        let closed = steps(Leaving::Close, true, true);
        // Without a tray nothing would be left of a call but its sound.
        assert_eq!(closed, [Step::HideOnCall, Step::Ask]);
        assert_eq!(steps(Leaving::Quit, true, true), [Step::End, Step::End]);
    }

    #[test]
    fn without_a_call_closing_hides_the_window_where_a_tray_brings_it_back() {
        let closed = steps(Leaving::Close, false, false);
        assert_eq!(closed, [Step::Hide, Step::End]);
        assert_eq!(steps(Leaving::Quit, false, false), [Step::End, Step::End]);
        assert_eq!(after_call(Leaving::Close, true), Step::Hide);
        assert_eq!(after_call(Leaving::Close, false), Step::End);
        assert_eq!(after_call(Leaving::Quit, true), Step::End);
    }
}
