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
            commands::app::choose_place,
            commands::app::sign_in,
            commands::app::sign_in_demo,
            commands::app::sign_out,
            commands::app::look_up_invite,
            commands::app::accept_invite,
            commands::app::read_link,
            commands::app::begin_team,
            commands::app::look_up_setup,
            commands::app::set_up,
            commands::app::open_window,
            commands::account::password_strength,
            commands::account::change_email,
            commands::account::change_password,
            commands::account::create_password_reset,
            commands::account::auth_options,
            commands::account::forgot_password,
            commands::account::look_up_password_reset,
            commands::account::reset_password,
            commands::account::sign_in_code,
            commands::account::begin_second_factor_at_sign_in,
            commands::account::confirm_second_factor_at_sign_in,
            commands::account::set_up_second_factor,
            commands::account::confirm_second_factor,
            commands::account::renew_recovery_codes,
            commands::account::remove_second_factor,
            commands::desk::link_followed,
            commands::desk::answer_leaving,
            commands::desk::resume_sign_in,
            commands::sound::sound_devices,
            commands::sound::test_tone,
            commands::sound::meter_microphone,
            commands::sound::compare_microphones,
            commands::service::call_service,
            commands::service::invite_member,
            commands::service::save_usage_csv,
            commands::service::save_audit_csv,
            commands::service::save_export,
            commands::service::upload_import_part,
            commands::service::save_import_template,
            commands::service::save_leads_csv,
            commands::recording::play_recording,
            commands::recording::pause_playback,
            commands::recording::save_recording,
            commands::recording::pause_recording,
            commands::call::answer,
            commands::call::decline_call,
            commands::call::place_call,
            commands::call::hang_up,
            commands::call::hold,
            commands::call::dtmf,
            commands::call::mute,
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
            events::MicrophoneLevels,
            events::Quality,
            events::LeadKey,
            events::LeadQuality,
            events::Playback,
            events::Message,
            events::SoundDevicesChanged,
        ])
        .disable_serde_phases()
}

#[cfg(test)]
mod tests {
    use super::*;
    use specta::Types;
    use specta::datatype::DataType;
    use specta_typescript::{Exporter, Typescript, primitives};
    use std::path::Path;
    use wire::route::{self, Input, Output, PathId, Rule, Visitor};

    /// The routes that the window may ask, with their types.
    #[derive(Default)]
    struct Routes {
        types: Types,
        routes: Vec<(Rule, [Option<DataType>; 3])>,
    }

    impl Visitor for Routes {
        fn route<Id: PathId, In: Input, Out: Output>(&mut self, route: route::Route<Id, In, Out>) {
            if route.rule.window {
                let id = Id::typescript(&mut self.types);
                let input = In::typescript(&mut self.types);
                let answer = Out::typescript(&mut self.types);
                self.routes.push((route.rule, [id, input, answer]));
            }
        }
    }

    impl Routes {
        fn typescript(&self) -> String {
            let exporter = Exporter::from(Typescript::default());
            let mut text = String::from(
                "\n/** A route of the service by its name, with its id, what goes in, and what comes out. */\n\
                 export type Route<Id, In, Out> = {\n\
                 \treadonly name: string,\n\
                 \treadonly types?: (id: Id, input: In) => Out,\n\
                 };\n\n\
                 /** The routes that the window may ask. */\n\
                 export const route = {\n",
            );
            for (rule, types) in &self.routes {
                let [id, input, answer] = types.each_ref().map(|one| match one {
                    Some(one) => primitives::reference(&exporter, &self.types, one).unwrap(),
                    None => "null".to_owned(),
                });
                let about = rule.doc.split("\n\n").next().unwrap_or_default();
                let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
                text.push_str(&format!(
                    "\t/** {about} */\n\t{}: {{ name: \"{}\" }} as Route<{id}, {input}, {answer}>,\n",
                    camel(rule.name),
                    rule.name,
                ));
            }
            text.push_str("};\n");
            text
        }
    }

    /// `CREATE_ROLE` as TypeScript writes it: `createRole`.
    fn camel(name: &str) -> String {
        let mut camel = String::new();
        for (at, word) in name.split('_').enumerate() {
            let lower = word.to_ascii_lowercase();
            let (first, rest) = lower.split_at(1);
            match at {
                0 => camel.push_str(first),
                _ => camel.push_str(&first.to_ascii_uppercase()),
            }
            camel.push_str(rest);
        }
        camel
    }

    /// `UPDATE_BINDINGS=1 cargo test --lib bindings` writes it anew.
    #[test]
    fn the_generated_typescript_is_not_stale() {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("bindings.ts");
        let mut routes = Routes::default();
        route::visit(&mut routes);
        let builder = builder().types(&routes.types);
        builder.export(Typescript::default(), &new).unwrap();
        let mut new = std::fs::read_to_string(new).unwrap();
        new.push_str(&routes.typescript());
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
