//! The sound: its connection, its end, its stamp.

use std::time::Duration;

use crate::my_call::Sound;
use crate::{
    Coaching, EndReason, Failure, MediaId, MediaInput, MediaRole, MediaStatus, Notice, Output,
    Reply, Request, RequestId,
};

use super::{Purpose, Session, refuse};

/// The longest wait before sound that was lost is tried again: the leg is held for 30 s.
const MEDIA_RETRY_MAX: Duration = Duration::from_secs(2);

impl Session {
    pub(super) fn start_sound(&mut self, sound: Sound) {
        self.sound = Some(sound);
        self.start_media();
    }

    pub(super) fn start_media(&mut self) {
        if let Some(sound) = &mut self.sound {
            self.next_media += 1;
            let media = MediaId(self.next_media);
            sound.media = Some(media);
            sound.retry_at = None;
            let role = sound.role;
            self.outputs.push_back(Output::MediaStart(media, role));
        }
    }

    pub(super) fn media(&mut self, now: Duration, id: MediaId, media: MediaInput) {
        let Some(sound) = self.sound.as_mut().filter(|s| s.media == Some(id)) else {
            return;
        };
        match media {
            MediaInput::Offered(sdp) => {
                let call_id = sound.call_id.clone();
                self.request(Request::Media(call_id, sdp), Purpose::Media(id));
            }
            MediaInput::Connected => {
                sound.status = MediaStatus::Connected;
                sound.backoff.reset();
                if self.view.coaching.as_ref().is_some_and(Coaching::in_doubt) {
                    self.reread_at = Some(now);
                }
            }
            MediaInput::Lost { jitter } => self.media_lost(now, id, jitter),
        }
    }

    pub(super) fn media_lost(&mut self, now: Duration, id: MediaId, jitter: f32) {
        if let Some(sound) = self.sound.as_mut().filter(|s| s.media == Some(id)) {
            sound.media = None;
            if sound.status == MediaStatus::Connected {
                sound.status = MediaStatus::Reconnecting;
            }
            let wait = sound.backoff.next_within(jitter, MEDIA_RETRY_MAX);
            sound.retry_at = Some(now.saturating_add(wait));
            self.doubt();
            self.outputs.push_back(Output::MediaClose(id));
        }
    }

    pub(super) fn media_answered(
        &mut self,
        now: Duration,
        id: MediaId,
        result: Result<Reply, Failure>,
    ) {
        if self.sound.as_ref().and_then(|sound| sound.media) != Some(id) {
            return;
        }
        match result {
            Ok(Reply::MediaAnswer(sdp)) => self.outputs.push_back(Output::MediaAnswer(id, sdp)),
            Ok(_) => self.media_lost(now, id, 1.0),
            Err(failure) => {
                self.media_lost(now, id, 1.0);
                self.notify(Notice::Trouble(failure));
            }
        }
    }

    pub(super) fn end_sound_of(&mut self, role: MediaRole) {
        if self.sound.as_ref().is_some_and(|sound| sound.role == role) {
            self.end_sound();
        }
    }

    pub(super) fn end_sound(&mut self) {
        if let Some(sound) = self.sound.take() {
            self.restamp();
            self.microphone(None);
            if let Some(media) = sound.media {
                self.outputs.push_back(Output::MediaClose(media));
            }
            self.outputs.push_back(Output::MediaEnd);
        }
    }

    pub(super) fn end_coaching(&mut self, reason: EndReason) {
        if let Some(mut coaching) = self.view.coaching.take() {
            self.reread_at = None;
            self.hold = None;
            self.end_sound_of(MediaRole::Coach);
            for command in coaching.waiting() {
                self.finish(command, refuse("the coaching is over"));
            }
            self.notify(Notice::CoachingEnded(coaching.call_id, reason));
        }
    }

    /// The grant is not known for sure any more: Listen until it is read anew.
    pub(super) fn doubt(&mut self) {
        let next_request = RequestId(self.next_request);
        if let Some(coaching) = &mut self.view.coaching {
            coaching.doubt(next_request);
            self.restamp();
        }
    }

    /// The microphone of a call that is over troubles nobody.
    pub(super) fn microphone(&mut self, trouble: Option<String>) {
        let trouble = trouble.filter(|_| self.sound.is_some());
        if self.view.microphone_trouble != trouble {
            self.view.microphone_trouble.clone_from(&trouble);
            self.notify(Notice::Microphone(trouble));
        }
    }

    pub(super) fn apply_muted(&mut self) {
        let Some(sound) = &self.sound else {
            return;
        };
        let muted = sound.muted;
        if let Some(my_call) = &mut self.view.my_call {
            my_call.muted = muted;
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.notify(notice);
        }
        if let Some(coaching) = &mut self.view.coaching {
            coaching.muted = muted;
            self.notify_coaching();
        }
    }
}
