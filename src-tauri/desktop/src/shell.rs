//! The start and the end of the program: plugins, the window, and what runs behind it.

use std::process::ExitCode;

use clap::Parser as _;
use log::LevelFilter;
use tauri::{AppHandle, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_deep_link::DeepLinkExt;
use tauri_plugin_log::{RotationStrategy, Target, TargetKind};
use tauri_plugin_window_state::StateFlags;
use tokio::sync::watch;

use crate::app::{App, Parts};
use crate::args::Args;
use crate::disk::{self, PageFolder};
use crate::error::AppError;
use crate::leaving::Leaving;
use crate::link::Link;
use crate::local_service::{self, LocalSettings};
use crate::presenter::{About, Change, Presenter};
use crate::settings::SettingsFile;
use crate::view::{AppView, LocalService, WINDOW};
use crate::{bindings, exit, kept_sign_in, native, pump, shortcut, tray};

/// The log is a few files of this size at most.
const LOG_BYTES_MAX: u128 = 2 * 1024 * 1024;
const LOG_FILES_MAX: usize = 3;
/// Turns off the cache of Mesa, which draws the page.
#[cfg(target_os = "linux")]
const NO_SHADER_CACHE: &str = "MESA_SHADER_CACHE_DISABLE";

/// Runs the app until it is quit.
pub fn run(args: Args) -> ExitCode {
    #[cfg(target_os = "linux")]
    spare_the_disk();
    let mut context = tauri::generate_context!();
    let base = context.config().identifier.clone();
    context.config_mut().identifier = args.profile.identifier(&base);
    let bindings = bindings::builder();
    let built = tauri::Builder::default()
        // First, so that a second start of this profile does nothing but show the window.
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| {
            started_again(app, arguments);
        }))
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_global_shortcut::Builder::new().build())
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .arg("--hidden")
                .build(),
        )
        .plugin(tauri_plugin_deep_link::init())
        .plugin(
            // Whether the window is to be seen is this program's to say: it would be shown at once.
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::all() - StateFlags::VISIBLE)
                .build(),
        )
        .invoke_handler(bindings.invoke_handler())
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event
                && exit::leave(window.app_handle(), Leaving::Close)
            {
                api.prevent_close();
            }
        })
        .setup(move |app| {
            bindings.mount_events(app);
            if let Err(error) = set_up(app.handle(), &base, args) {
                // Given back, it would be a panic.
                say_it_cannot_start(&error.message);
                app.cleanup_before_exit();
                std::process::exit(1);
            }
            Ok(())
        })
        .build(context);
    match built {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(on_run_event)).unwrap_or(1)),
        Err(error) => {
            say_it_cannot_start(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// In the terminal, and in a box for whoever has none.
fn say_it_cannot_start(why: &str) {
    eprintln!("call-coaching: {why}");
    native::say_and_wait(&format!("Call Coaching couldn't start. {why}"));
}

/// Mesa maps its cache into memory: on a full disk, the page's process would be killed for it, now or
/// whenever the disk fills up. What it keeps there is drawn anew in no time.
#[cfg(target_os = "linux")]
fn spare_the_disk() {
    if std::env::var_os(NO_SHADER_CACHE).is_none() {
        #[expect(unsafe_code, reason = "no other thread runs yet")]
        unsafe {
            std::env::set_var(NO_SHADER_CACHE, "true");
        }
    }
}

/// Starts the log, in a file too where that can be written.
fn start_log(app: &AppHandle, in_file: bool) -> Result<(), AppError> {
    let stderr = || Target::new(TargetKind::Stderr);
    let file = Target::new(TargetKind::LogDir { file_name: None });
    if in_file && app.plugin(log_plugin([file, stderr()])).is_ok() {
        return Ok(());
    }
    Ok(app.plugin(log_plugin([stderr()]))?)
}

fn log_plugin(targets: impl IntoIterator<Item = Target>) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let mut log = tauri_plugin_log::Builder::new()
        .targets(targets)
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
    let folder = disk::try_folder(&paths.app_local_data_dir()?);
    start_log(app, folder.is_ok())?;
    let folder_trouble = folder.as_ref().err().map(|error| {
        log::warn!("the app's folder can't be written: {error}");
        let why = disk::reason(error);
        format!(
            "Couldn't write to the app's data folder: {why}. Calls work, but nothing is logged."
        )
    });
    let mut file = SettingsFile::new(&paths.app_config_dir()?);
    let (kept, settings_trouble) = file.load();
    let place = args.place(kept.place.as_ref())?;
    let local = LocalSettings {
        port: args.local_port,
        program: args.service,
        // Every profile talks to the same one.
        folder: paths.data_dir()?.join(base).join("service"),
    };
    let first = AppView {
        profile: args.profile.to_string(),
        version: app.package_info().version.to_string(),
        local_service: LocalService::at_first(place.as_ref()),
        place: place.clone(),
        ..AppView::default()
    };
    let presenter = Presenter::start(app.clone(), first);
    let card = sound::SoundCard::start()?;
    let (wanted, is_wanted) = watch::channel(None);
    let parts = Parts {
        profile: args.profile,
        presenter: presenter.clone(),
        card: card.clone(),
        local,
        wanted,
        kept,
        file,
    };
    app.manage(App::new(app, parts, place)?);
    tauri::async_runtime::spawn(local_service::keep_running(is_wanted, presenter.clone()));
    let started = app.clone();
    tauri::async_runtime::spawn(async move { started.state::<App>().want_local_service().await });
    tauri::async_runtime::spawn(pump::sound(app.clone(), presenter.clone(), card));
    tauri::async_runtime::spawn(async move {
        let notices = [
            (About::Folder, folder_trouble),
            (About::SettingsRead, settings_trouble),
        ];
        for (about, notice) in notices {
            presenter.tell(Change::Notice(about, notice)).await;
        }
    });
    let shell = app.state::<App>();
    if shell.place().is_some() {
        let session = shell.session();
        tauri::async_runtime::spawn(async move { kept_sign_in::take_up(&session).await });
    }
    if let Err(error) = tray::build(app, exit::quit) {
        log::warn!("no tray: {error}");
    }
    let shortcut = app.state::<App>().settings().hold_to_whisper;
    // A key that is taken is said on the Settings page.
    let _ = shortcut::register(app, shortcut.as_deref());
    let page_folder = PageFolder::choose(folder);
    let is_visible = !args.hidden || args.link.is_some();
    open_window(app, is_visible, &page_folder)?;
    app.manage(page_folder);
    follow_links(app, args.link.as_deref());
    Ok(())
}

fn open_window(app: &AppHandle, visible: bool, folder: &PageFolder) -> tauri::Result<()> {
    let mut window = WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::default())
        .title("Call Coaching")
        .inner_size(1180.0, 780.0)
        .min_inner_size(720.0, 560.0)
        .visible(visible)
        .zoom_hotkeys_enabled(true);
    if let Some(folder) = folder.elsewhere() {
        window = window.data_directory(folder);
    }
    let window = window.build()?;
    // Elsewhere the shell is not told of it.
    #[cfg(target_os = "linux")]
    crate::page::keep(&window)?;
    #[cfg(not(target_os = "linux"))]
    drop(window);
    Ok(())
}

/// Links that the program is started with, and those that the system passes on while it runs.
fn follow_links(app: &AppHandle, first: Option<&str>) {
    // An installed package registers the scheme; a program that was only built does not.
    let target = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            open_link(&target, url.as_str());
        }
    });
    if let Some(link) = first {
        open_link(app, link);
    }
}

/// The program was started once more: the other start ends, and this one does what it was asked.
fn started_again(app: &AppHandle, arguments: Vec<String>) {
    // The other start has read them already; it may be of another version.
    let Ok(args) = Args::try_parse_from(arguments) else {
        return tray::show_window(app);
    };
    match args.link {
        Some(link) => open_link(app, &link),
        None if args.hidden => {}
        None => tray::show_window(app),
    }
}

/// The window follows it when it can: once it's there, and somebody is signed in.
fn open_link(app: &AppHandle, link: &str) {
    let link = Link::read(link);
    if link == Link::Unknown {
        // It comes from outside: not even its text is logged.
        log::warn!("a link that is none of ours");
    }
    tray::show_window(app);
    if let Some(shell) = app.try_state::<App>() {
        let presenter = shell.presenter.clone();
        tauri::async_runtime::spawn(async move { presenter.tell(Change::Link(link)).await });
    }
}

fn on_run_event(app: &AppHandle, event: RunEvent) {
    if let RunEvent::Exit = event {
        log::info!("quit");
        let folder = app.try_state::<PageFolder>();
        if let Some(folder) = folder.and_then(|folder| folder.elsewhere()) {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
