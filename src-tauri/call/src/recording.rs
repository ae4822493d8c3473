//! What a call knows of its recording (R1): how it stands, and that the rep may pause it.

use crate::{Machine, Output, Refusal};
use wire::{Call, CallRecording, RecordingStatus, UserId};

/// Sets how a call's recording stands, on a call in progress or past. It has an address once it can be
/// played.
pub fn recorded(call: &mut Call, recording: CallRecording) {
    call.recording_url = (recording.status == RecordingStatus::Stored)
        .then(|| format!("/api/v1/activity/call/{}/recording/", call.id));
    call.recording = Some(recording);
}

impl Machine {
    pub(crate) fn recording_changed(&mut self, mut recording: CallRecording) {
        let paused = |of: &CallRecording| of.status == RecordingStatus::Paused;
        // Whoever writes the file knows later than the rep that it is paused.
        if recording.status == RecordingStatus::Recording
            && self.call.recording.as_ref().is_some_and(paused)
        {
            recording.status = RecordingStatus::Paused;
        }
        if self.call.recording.as_ref() != Some(&recording) {
            recorded(&mut self.call, recording);
            self.put(Output::CallChanged);
        }
    }

    pub(crate) fn set_recording_paused(
        &mut self,
        user: &UserId,
        paused: bool,
    ) -> Result<(), Refusal> {
        self.rep_only(user, "pause the recording")?;
        let (from, to) = if paused {
            (RecordingStatus::Recording, RecordingStatus::Paused)
        } else {
            (RecordingStatus::Paused, RecordingStatus::Recording)
        };
        let recording = self.call.recording.as_mut();
        let recording = recording.ok_or_else(Refusal::not_recorded)?;
        if recording.status == from {
            recording.status = to;
            self.put(Output::SetRecordingPaused(paused));
            self.put(Output::CallChanged);
        } else if recording.status != to {
            return Err(Refusal::not_recorded());
        }
        Ok(())
    }
}
