//! The commands and events, declared once: for Tauri, and for TypeScript by generation.

use tauri_specta::{Builder, collect_commands, collect_events};

use crate::{commands, events};

/// Where the generated TypeScript lies, from the root of the checkout.
pub const FILE: &str = "ui/src/bindings.ts";

/// All of them.
#[must_use]
pub fn builder() -> Builder<tauri::Wry> {
    Builder::<tauri::Wry>::new()
        .commands(collect_commands![
            commands::app::view,
            commands::app::settings,
            commands::app::set_settings,
            commands::app::set_server,
            commands::app::sign_in,
            commands::app::sign_in_demo,
            commands::app::sign_out,
            commands::app::look_up_invite,
            commands::app::accept_invite,
            commands::app::open_window,
            commands::sound::sound_devices,
            commands::sound::test_tone,
            commands::sound::meter_microphone,
            commands::directory::leads,
            commands::directory::lead,
            commands::directory::calls_of_lead,
            commands::directory::phone_numbers,
            commands::directory::groups,
            commands::admin::members,
            commands::admin::change_member,
            commands::admin::member_invites,
            commands::admin::invite_member,
            commands::admin::revoke_member_invite,
            commands::admin::roles,
            commands::admin::create_role,
            commands::admin::change_role,
            commands::admin::delete_role,
            commands::admin::create_group,
            commands::admin::change_group,
            commands::admin::delete_group,
            commands::admin::create_phone_number,
            commands::admin::change_phone_number,
            commands::admin::delete_phone_number,
            commands::admin::plans,
            commands::admin::change_organization,
            commands::admin::balance,
            commands::admin::usage,
            commands::admin::ledger,
            commands::admin::top_up,
            commands::admin::audit,
            commands::admin::save_usage_csv,
            commands::admin::save_audit_csv,
            commands::admin::save_export,
            commands::admin::delete_lead,
            commands::admin::inbound_call,
            commands::recording::recording_peaks,
            commands::recording::play_recording,
            commands::recording::pause_playback,
            commands::recording::save_recording,
            commands::recording::delete_recording,
            commands::recording::pause_recording,
            commands::call::answer,
            commands::call::decline_call,
            commands::call::place_call,
            commands::call::hang_up,
            commands::call::hold,
            commands::call::dtmf,
            commands::call::mute,
            commands::call::invitation_targets,
            commands::call::invite,
            commands::call::decline,
            commands::coach::join,
            commands::coach::set_mode,
            commands::coach::hold_to_whisper,
            commands::coach::leave,
        ])
        .events(collect_events![
            events::ViewChanged,
            events::Levels,
            events::MicrophoneLevel,
            events::Quality,
            events::LeadKey,
            events::LeadQuality,
            events::Playback,
            events::Message,
            events::SoundDevicesChanged,
            events::OpenCall,
        ])
        .disable_serde_phases()
}

#[cfg(test)]
mod tests {
    use super::*;
    use specta_typescript::Typescript;
    use std::path::Path;

    /// `UPDATE_BINDINGS=1 cargo test --lib bindings` writes it anew.
    #[test]
    fn the_generated_typescript_is_not_stale() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("bindings.ts");
        builder().export(Typescript::default(), &new).unwrap();
        let new = std::fs::read_to_string(new).unwrap();
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            std::fs::write(&kept, &new).unwrap();
        }
        let kept = std::fs::read_to_string(kept).unwrap();
        assert!(
            kept == new,
            "{FILE} is stale: run UPDATE_BINDINGS=1 cargo test --lib bindings"
        );
    }
}
