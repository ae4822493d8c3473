//! The start and the end of the program: plugins, the window, and what runs behind it.

use std::process::ExitCode;

use log::LevelFilter;
use tauri::{AppHandle, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_deep_link::DeepLinkExt;
use tauri_plugin_log::{RotationStrategy, Target, TargetKind};
use tauri_specta::Event as _;
use tokio::sync::watch;
use wire::CallId;

use crate::app::{App, Parts, checked};
use crate::args::Args;
use crate::error::AppError;
use crate::events::OpenCall;
use crate::local_service::{self, LocalSettings};
use crate::presenter::Presenter;
use crate::settings::SettingsFile;
use crate::view::{AppView, Server, WINDOW};
use crate::{bindings, pump, shortcut, tray};

/// The log is a few files of this size at most.
const LOG_BYTES_MAX: u128 = 2 * 1024 * 1024;
const LOG_FILES_MAX: usize = 3;
/// The links that open a call begin so.
const CALL_LINK: &str = "callcoaching://call/";

/// Runs the app until it is quit.
pub fn run(args: Args) -> ExitCode {
    let mut context = tauri::generate_context!();
    let base = context.config().identifier.clone();
    context.config_mut().identifier = args.profile.identifier(&base);
    let bindings = bindings::builder();
    let built = tauri::Builder::default()
        // First, so that a second start of this profile does nothing but show the window.
        .plugin(tauri_plugin_single_instance::init(|app, _, _| {
            tray::show_window(app)
        }))
        .plugin(log_plugin())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_global_shortcut::Builder::new().build())
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .arg("--hidden")
                .build(),
        )
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_window_state::Builder::new().build())
        .invoke_handler(bindings.invoke_handler())
        .on_window_event(|window, event| {
            // Teammates still see one online, and invitations come: quitting is in the tray.
            if let WindowEvent::CloseRequested { api, .. } = event
                && window.app_handle().tray_by_id(tray::ID).is_some()
            {
                api.prevent_close();
                let _ = window.hide();
                // Nobody looks at a meter any more.
                if let Some(shell) = window.app_handle().try_state::<App>() {
                    shell.close_meters();
                }
            }
        })
        .setup(move |app| {
            bindings.mount_events(app);
            Ok(set_up(app.handle(), &base, args)?)
        })
        .build(context);
    match built {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(on_run_event)).unwrap_or(1)),
        Err(error) => {
            eprintln!("call-coaching: {error}");
            ExitCode::FAILURE
        }
    }
}

fn log_plugin() -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let mut log = tauri_plugin_log::Builder::new()
        .targets([
            Target::new(TargetKind::LogDir { file_name: None }),
            Target::new(TargetKind::Stderr),
        ])
        .max_file_size(LOG_BYTES_MAX)
        .rotation_strategy(RotationStrategy::KeepSome(LOG_FILES_MAX))
        .level(LevelFilter::Warn);
    for ours in ["desktop", "client", "session", "sound"] {
        log = log.level_for(ours, LevelFilter::Info);
    }
    // These call the end of a connection an error, and a missing name a warning.
    for noisy in ["pulseaudio", "rtc_dtls"] {
        log = log.level_for(noisy, LevelFilter::Off);
    }
    // What could hold a token is not logged at any level.
    for secret in client::SECRET_LOG_TARGETS {
        log = log.level_for(*secret, LevelFilter::Off);
    }
    log.build()
}

fn set_up(app: &AppHandle, base: &str, args: Args) -> Result<(), AppError> {
    let paths = app.path();
    let file = SettingsFile::new(&paths.app_config_dir()?);
    let kept = file.load();
    let server = match args.server {
        Some(url) => Some(checked(&url)?),
        None => kept.server.clone(),
    };
    let local = LocalSettings {
        port: args.local_port,
        program: args.service,
        // Every profile talks to the same one.
        data: paths.data_dir()?.join(base).join("service"),
    };
    let local_url = local.url();
    let first = AppView {
        profile: args.profile.to_string(),
        version: app.package_info().version.to_string(),
        server: Server {
            local: server.is_none(),
            url: server.clone().unwrap_or_else(|| local_url.clone()),
        },
        ..AppView::default()
    };
    let presenter = Presenter::start(app.clone(), first);
    let card = sound::SoundCard::start()?;
    let (local_wanted, wanted) = watch::channel(false);
    let parts = Parts {
        profile: args.profile,
        presenter: presenter.clone(),
        card: card.clone(),
        local_url,
        local_wanted,
        file,
        kept,
    };
    app.manage(App::new(app, parts, server.as_deref())?);
    tauri::async_runtime::spawn(local_service::keep_running(
        local,
        wanted,
        presenter.clone(),
    ));
    tauri::async_runtime::spawn(pump::sound(app.clone(), presenter, card));
    take_up_kept_sign_in(app);
    if let Err(error) = tray::build(app) {
        log::warn!("no tray: {error}");
    }
    let shortcut = app.state::<App>().settings().hold_to_whisper;
    // A key that is taken is said on the Settings page.
    let _ = shortcut::register(app, shortcut.as_deref());
    open_window(app, !args.hidden)?;
    follow_links(app, args.link);
    Ok(())
}

fn open_window(app: &AppHandle, visible: bool) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::default())
        .title("Call Coaching")
        .inner_size(1180.0, 780.0)
        .min_inner_size(720.0, 560.0)
        .visible(visible)
        .zoom_hotkeys_enabled(true)
        .build()?;
    // Elsewhere the shell is not told of it.
    #[cfg(target_os = "linux")]
    crate::page::keep(&window)?;
    Ok(())
}

/// A sign-in that was kept by an earlier run.
fn take_up_kept_sign_in(app: &AppHandle) {
    let session = app.state::<App>().session();
    tauri::async_runtime::spawn(async move {
        match session.resume().await {
            Ok(Some(_)) => log::info!("signed in as before"),
            Ok(None) => log::info!("no sign-in is kept"),
            Err(error) => log::info!("the kept sign-in is over: {error}"),
        }
    });
}

/// Links that the program is started with, and those that come while it runs.
fn follow_links(app: &AppHandle, first: Option<String>) {
    // An installed package registers the scheme; a program that was only built does not.
    let target = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            open_link(&target, url.as_str());
        }
    });
    if let Some(link) = first {
        let target = app.clone();
        let presenter = app.state::<App>().presenter.clone();
        tauri::async_runtime::spawn(async move {
            presenter.until_signed_in().await;
            open_link(&target, &link);
        });
    }
}

fn open_link(app: &AppHandle, link: &str) {
    let id = link
        .strip_prefix(CALL_LINK)
        .map(|rest| rest.trim_end_matches('/'));
    match id.map(CallId::parse) {
        Some(Ok(call_id)) => {
            tray::show_window(app);
            if let Err(error) = (OpenCall { call_id }).emit(app) {
                log::warn!("the window could not be told: {error}");
            }
        }
        // It comes from outside: not even its text is logged.
        _ => log::warn!("a link that is none of ours"),
    }
}

fn on_run_event(_: &AppHandle, event: RunEvent) {
    if let RunEvent::Exit = event {
        log::info!("quit");
    }
}
