//! The whole story between three people, checked by what comes out of each loudspeaker.

use std::sync::Arc;

use client::Api;
pub use demo::phone::{self, Phone};
use demo::tape::{Recording, TapedLine, Track};
use media::{SimulatedLine, SimulatedLineSettings};
use service::{Config, Hooks, PhoneCodec, Running};
use wire::{ClientType, SignInRequest};

use crate::common::config;
use crate::desk::Desk;
use crate::room::sounding_desk;
use crate::slow::judged;
use crate::tones::{CASEY_HZ, Ear, LEAD_HZ, MORGAN_HZ, RILEY_HZ, TONES, speech};
use crate::window::{Start, Window};

/// The service, with a lead who says a tone, and what the lead and the recording receive.
pub struct Stage {
    pub service: Running,
    pub server: String,
    pub lead: Ear,
    pub recording: Ear,
    /// The lead's, where it is a real one.
    pub phone: Option<Phone>,
    folder: tempfile::TempDir,
}

impl Stage {
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start(folder, |_| {}).await
    }

    /// The service stops; its store is left.
    pub async fn stop(self) -> tempfile::TempDir {
        self.service.stop().await;
        self.folder
    }

    /// The same with a real SIP phone for the lead, beyond a trunk.
    pub async fn set_with_phone(codec: PhoneCodec) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = Recording::default();
        let hooks = Hooks {
            lead_line: None,
            recording: Some(Arc::new(recording.clone())),
        };
        let port = phone::free_port().expect("a port");
        let config = Config {
            data: folder.path().to_owned(),
            telephony: phone::trunk_to(port, codec),
            ..config()
        };
        let service = service::start(config, hooks)
            .await
            .expect("the service starts");
        let mut stage = Self {
            server: format!("http://{}", service.http_addr),
            service,
            lead: Ear::Line(Track::default()),
            recording: Ear::Line(recording.0),
            phone: None,
            folder,
        };
        let api = stage.api_of("riley").await;
        let phone = Phone::of_lead(&api, "Globex", port, codec, &speech(LEAD_HZ)).await;
        let phone = phone.expect("the lead's phone");
        stage.lead = Ear::Line(phone.heard.clone());
        stage.phone = Some(phone);
        stage
    }

    /// On this store, with these settings.
    pub async fn start(folder: tempfile::TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let line = SimulatedLine::new(SimulatedLineSettings {
            sentences: vec![speech(LEAD_HZ)],
            talks_over: true,
            ear: None,
        });
        let (heard, recording) = (Track::default(), Recording::default());
        let line = TapedLine::new(line.expect("a line"), Track::default(), heard.clone());
        let hooks = Hooks {
            lead_line: Some(Arc::new(line)),
            recording: Some(Arc::new(recording.clone())),
        };
        let mut config = Config {
            data: folder.path().to_owned(),
            ..config()
        };
        change(&mut config);
        let service = service::start(config, hooks)
            .await
            .expect("the service starts");
        Self {
            server: format!("http://{}", service.http_addr),
            service,
            lead: Ear::Line(heard),
            recording: Ear::Line(recording.0),
            phone: None,
            folder,
        }
    }

    /// The service's API for one of the demonstration's people, beside their window.
    pub async fn api_of(&self, name: &str) -> Api {
        let api = Api::new(&self.server).expect("an address");
        let request = SignInRequest {
            email: format!("{name}@demo.example"),
            password: "demo-password".into(),
            client_type: ClientType::Web,
            device_name: None,
        };
        api.sign_in(&request).await.expect("they sign in");
        api
    }

    /// An app for one of the demonstration's people, signed in.
    pub async fn window(&self, desk: &Desk, name: &'static str, profile: &str) -> Window {
        Self::window_at(&self.server, desk, name, profile).await
    }

    /// The same where the app finds the service at another address.
    pub async fn window_at(server: &str, desk: &Desk, name: &'static str, profile: &str) -> Window {
        let window = Self::signed_out_window_at(server, desk, name, profile).await;
        sign_in(&window, &format!("{name}@demo.example")).await;
        window
    }

    /// The app of somebody who had it open before, with what they set and kept then.
    pub async fn window_again(&self, desk: &Desk, name: &'static str, profile: &str) -> Window {
        let arguments = ["--server", &*self.server];
        let start = Start {
            name,
            profile,
            arguments: &arguments,
        };
        Window::reopen(desk, start).await
    }

    /// An app in which nobody is signed in.
    pub async fn signed_out_window(
        &self,
        desk: &Desk,
        name: &'static str,
        profile: &str,
    ) -> Window {
        Self::signed_out_window_at(&self.server, desk, name, profile).await
    }

    async fn signed_out_window_at(
        server: &str,
        desk: &Desk,
        name: &'static str,
        profile: &str,
    ) -> Window {
        let arguments = ["--server", server];
        let start = Start {
            name,
            profile,
            arguments: &arguments,
        };
        Window::open(desk, start).await
    }
}

/// Signs in with the form.
pub async fn sign_in(window: &Window, email: &str) {
    window.types("sign-in-email", email).await;
    window.types("sign-in-password", "demo-password").await;
    window.click("sign-in-submit").await;
    window.see("nav-leads").await;
}

/// Calls a lead from its page.
pub async fn call(window: &Window, lead: &str) {
    window.click("nav-leads").await;
    window.click(&format!("lead-row-{lead}")).await;
    window.click("lead-call").await;
    window.see("call-bar").await;
}

/// A desk for riley, morgan and casey.
pub fn desk_for_three() -> Desk {
    Desk::set(
        &["mic_riley", "mic_morgan", "mic_casey"],
        &["spk_riley", "spk_morgan", "spk_casey"],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_w5_m1_m4_three_people_hear_what_their_modes_let_through() {
    let _place = sounding_desk().await;
    judged(async { tell(Stage::set().await).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_with_a_real_phone_in_g711_everybody_hears_what_the_modes_let_through() {
    let _place = sounding_desk().await;
    judged(async { tell(Stage::set_with_phone(PhoneCodec::Pcma).await).await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_with_a_real_phone_in_opus_everybody_hears_what_the_modes_let_through() {
    let _place = sounding_desk().await;
    judged(async { tell(Stage::set_with_phone(PhoneCodec::Opus).await).await }).await;
}

/// The story, from the first call to its end. With a real phone the windows look the same: there are no
/// pictures then.
async fn tell(stage: Stage) {
    let picture = async |window: &Window, name| {
        if stage.phone.is_none() {
            window.shots(name).await;
        }
    };
    let desk = desk_for_three();
    let riley = stage.window(&desk, "riley", "default").await;
    let morgan = stage.window(&desk, "morgan", "second").await;
    let casey = stage.window(&desk, "casey", "third").await;
    let _speakers = [
        ("riley", RILEY_HZ),
        ("morgan", MORGAN_HZ),
        ("casey", CASEY_HZ),
    ]
    .map(|(name, hz)| desk.pulse.play_into(&format!("mic_{name}"), &speech(hz)));
    let ears =
        ["riley", "morgan", "casey"].map(|name| Ear::Loudspeaker(desk.ear(&format!("spk_{name}"))));
    let [riley_ear, morgan_ear, casey_ear] = &ears;

    // Nobody is on a call: no microphone is open anywhere.
    for name in ["riley", "morgan", "casey"] {
        assert_eq!(
            desk.pulse.captures(&format!("mic_{name}")),
            0,
            "{name}'s microphone is closed"
        );
    }
    call(&riley, "Globex").await;
    riley.sees("call-bar", "data-status", "in-progress").await;
    tokio::join!(
        stage.lead.hears("the lead", &[RILEY_HZ]),
        riley_ear.hears("riley", &[LEAD_HZ]),
    );

    // W1: from the Team page. M1: always in Listen. M4: no microphone.
    morgan.click("nav-team").await;
    picture(&morgan, "team-a-call-in-progress").await;
    morgan.click("team-listen-riley").await;
    morgan.sees("coaching-bar", "data-mode", "listen").await;
    morgan.sees("coaching-bar", "data-audience", "nobody").await;
    riley.sees("call-coach-morgan", "data-mode", "listen").await;
    tokio::join!(
        morgan_ear.hears("morgan in Listen", &[LEAD_HZ, RILEY_HZ]),
        stage
            .lead
            .hears("the lead of a listened-to call", &[RILEY_HZ]),
        riley_ear.hears("riley listened to", &[LEAD_HZ]),
        stage
            .recording
            .hears("the recording of a listened-to call", &[RILEY_HZ, LEAD_HZ]),
    );
    assert_eq!(
        desk.pulse.captures("mic_morgan"),
        0,
        "M4: in Listen the microphone is closed"
    );
    picture(&morgan, "coaching-listen").await;

    // Hold to whisper, from any window: released is Listen.
    desk.keys("keydown", "ctrl+alt+m");
    morgan.sees("coaching-bar", "data-mode", "whisper").await;
    desk.keys("keyup", "ctrl+alt+m");
    morgan.sees("coaching-bar", "data-mode", "listen").await;
    crate::pulse::until("morgan's microphone closes", || {
        desk.pulse.captures("mic_morgan") == 0
    });

    // M2: a whisper is heard by the rep only.
    morgan.click("mode-whisper").await;
    morgan.sees("coaching-bar", "data-mode", "whisper").await;
    morgan.sees("coaching-bar", "data-audience", "rep").await;
    morgan.reads("coaching-audience", "only riley").await;
    riley
        .sees("call-coach-morgan", "data-mode", "whisper")
        .await;
    riley_ear
        .hears("riley whispered to", &[LEAD_HZ, MORGAN_HZ])
        .await;
    tokio::join!(
        stage.lead.hears("the lead during a whisper", &[RILEY_HZ]),
        stage
            .recording
            .hears("the recording during a whisper", &[RILEY_HZ, LEAD_HZ]),
        morgan_ear.hears("morgan whispering", &[LEAD_HZ, RILEY_HZ]),
    );
    picture(&morgan, "coaching-whisper").await;
    picture(&riley, "call-whispered-to").await;

    // W3: the rep invites a second teammate, who joins from the card and hears no whisper.
    riley.click("call-invite").await;
    riley.see("invite-option-casey").await;
    picture(&riley, "call-invite").await;
    // The zoom of the pictures has moved the menu: as a person would, close it and open it again.
    riley.click("call-invite").await;
    riley.gone("invite-send").await;
    riley.click("call-invite").await;
    riley.click("invite-option-casey").await;
    riley
        .sees("invite-option-casey", "data-state", "checked")
        .await;
    riley.click("invite-send").await;
    casey.see("invitation-card").await;
    picture(&casey, "invitation").await;
    casey.click("invitation-join").await;
    casey.sees("coaching-bar", "data-mode", "listen").await;
    casey_ear
        .hears("casey while morgan whispers", &[LEAD_HZ, RILEY_HZ])
        .await;
    casey.gone("invitation-card").await;

    // Barge, by its keys. One key alone lets no lead hear anybody.
    morgan.presses("b").await;
    morgan.reads("toast", "Press Alt B to barge").await;
    morgan.sees("coaching-bar", "data-mode", "whisper").await;
    morgan.presses("\u{E00A}b").await;
    morgan.sees("coaching-bar", "data-mode", "barge").await;
    morgan
        .sees("coaching-bar", "data-audience", "everybody")
        .await;
    riley.sees("call-coach-morgan", "data-mode", "barge").await;
    tokio::join!(
        stage
            .lead
            .hears("the lead barged in on", &[RILEY_HZ, MORGAN_HZ]),
        riley_ear.hears("riley barged in on", &[LEAD_HZ, MORGAN_HZ]),
        casey_ear.hears("casey while morgan barges", &[LEAD_HZ, RILEY_HZ, MORGAN_HZ]),
        morgan_ear.hears("morgan barging", &[LEAD_HZ, RILEY_HZ]),
        stage
            .recording
            .hears("the recording", &[RILEY_HZ, LEAD_HZ, MORGAN_HZ]),
    );
    picture(&morgan, "coaching-barge").await;
    picture(&riley, "call-barged").await;

    // Back to Listen at once, and out.
    morgan.presses("l").await;
    morgan.sees("coaching-bar", "data-mode", "listen").await;
    stage
        .lead
        .hears("the lead after the barge", &[RILEY_HZ])
        .await;
    let name = "mic_morgan";
    crate::pulse::until("morgan's microphone closes", || {
        desk.pulse.captures(name) == 0
    });
    morgan.click("coaching-leave").await;
    morgan.gone("coaching-bar").await;
    tokio::join!(
        morgan_ear.hears("morgan who left", &[]),
        riley_ear.hears("riley, whose call goes on", &[LEAD_HZ]),
    );

    // J5: the rep hangs up, and the coaching that is left ends.
    riley.click("call-hangup").await;
    riley.gone("call-bar").await;
    casey.gone("coaching-bar").await;
    tokio::join!(
        riley_ear.hears("riley, when all is over", &[]),
        morgan_ear.hears("morgan, when all is over", &[]),
        casey_ear.hears("casey, when all is over", &[]),
    );
    for name in ["riley", "morgan", "casey"] {
        assert_eq!(
            desk.pulse.captures(&format!("mic_{name}")),
            0,
            "{name}'s microphone is closed"
        );
    }
    assert!(!stage.lead.ever_heard(CASEY_HZ), "casey only listened");
    assert!(!morgan_ear.ever_heard(MORGAN_HZ), "nobody hears themselves");
    assert_eq!(TONES.len(), 4);
    riley.click("nav-leads").await;
    riley.click("lead-row-Globex").await;
    riley.reads("lead-activity", "Completed").await;
    picture(&riley, "lead-with-activity").await;
    stage.stop().await;
}
