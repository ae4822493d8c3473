//! A company of its own: from an empty server to its first real call, and what came of it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use service::PhoneCodec;

use crate::desk::{Desk, free_port};
use crate::local::service as program;
use crate::pulse::until;
use crate::room::sounding_desk;
use crate::slow::judged;
use crate::story::{Phone, desk_for_three, phone};
use crate::tones::{Ear, LEAD_HZ, MORGAN_HZ, RILEY_HZ, speech};
use crate::window::{Start, Window};

const PASSWORD: &str = "five-otters-juggle";
/// The company's, from which it calls.
const OUR_NUMBER: &str = "+4930901820";
const LEADS: usize = 1_000;
/// The lead that is called, and the number as it stands in the file and in a link.
const CALLED: usize = 500;

/// A server as whoever runs it has it: the program, its settings, and a folder that was empty.
struct Server {
    child: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Server {
    fn start(phone_port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let settings = format!(
            "listen = \"127.0.0.1:{port}\"\n\
             data = \"{}\"\n\
             workers = 1\n\
             [[telephony.trunks]]\n\
             name = \"main\"\n\
             host = \"127.0.0.1\"\n\
             port = {phone_port}\n\
             codecs = [\"pcma\"]\n\
             options_s = 0\n",
            folder.path().join("data").display()
        );
        std::fs::write(folder.path().join("service.toml"), settings).expect("settings");
        let mut server = Self {
            child: Command::new(program())
                .arg("--config")
                .arg(folder.path().join("service.toml"))
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the service starts"),
            folder,
            url: format!("http://127.0.0.1:{port}"),
        };
        let mut line = String::new();
        let output = server.child.stdout.take().expect("it was asked for");
        let read = BufReader::new(output).read_line(&mut line);
        assert!(read.is_ok() && line.contains("ready"), "it says: {line}");
        server
    }

    /// What its operator does beside it; what that prints.
    fn operate(&self, task: &[&str]) -> String {
        let output = Command::new(program())
            .args(task)
            .arg("--config")
            .arg(self.folder.path().join("service.toml"))
            .output()
            .expect("the program runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{task:?}: {error}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The file of leads, as somebody exports it from a spreadsheet.
fn leads_file(desk: &Desk) -> PathBuf {
    let mut rows = String::from("Company,Contact,Phone,Email\r\n");
    for at in 0..LEADS {
        let row = format!("Lead {at:03} GmbH,Kim {at:03},030 9018{at:04},kim{at}@lead{at}.example");
        writeln!(rows, "{row}\r").expect("a row");
    }
    let path = desk.path("leads.csv");
    std::fs::write(&path, rows).expect("a file");
    path
}

/// An app in which nothing was chosen.
async fn open(desk: &Desk, name: &'static str, profile: &str) -> Window {
    let arguments = &[];
    let start = Start {
        name,
        profile,
        arguments,
    };
    Window::open(desk, start).await
}

/// The link by which somebody can join the company.
async fn invite(admin: &Window, role: &str) -> String {
    admin.click("nav-members").await;
    admin.click("member-invite").await;
    admin.click("member-invite-role").await;
    admin.click(&format!("member-invite-role-{role}")).await;
    admin.click("dialog-save").await;
    let link = admin.see("member-invite-link").await;
    let link = link.prop("value").await.expect("a field").expect("a link");
    admin.click("dialog-cancel").await;
    link
}

/// Follows a link that was pasted.
async fn paste(window: &Window, link: &str) {
    window.click("join-open").await;
    window.types("join-link", link).await;
    window.click("join-look-up").await;
}

async fn join(window: &Window, link: &str, (first, last): (&str, &str)) {
    paste(window, link).await;
    window.reads("join-offer", "Ada & Co").await;
    window.types("join-first-name", first).await;
    window.types("join-last-name", last).await;
    let email = format!("{}@co.example", first.to_lowercase());
    window.types("join-email", &email).await;
    window.types("join-password", PASSWORD).await;
    window.click("join-accept").await;
    window.reads("me", &format!("{first} {last}")).await;
}

async fn set_up(admin: &Window, link: &str) {
    paste(admin, link).await;
    admin.types("set-up-company", "Ada & Co").await;
    admin.click("set-up-country").await;
    admin.click("set-up-country-DE").await;
    admin.types("set-up-first-name", "Ada").await;
    admin.types("set-up-last-name", "Lo").await;
    admin.types("set-up-email", "ada@co.example").await;
    admin.types("set-up-password", PASSWORD).await;
    admin.click("set-up-submit").await;
    admin.reads("me", "Ada & Co").await;
}

async fn import(admin: &Window, desk: &Desk) {
    admin.click("nav-leads").await;
    admin.shots("company-no-leads").await;
    admin.click("leads-import").await;
    admin.see("import-choose").await;
    admin.shots("company-import").await;
    admin.chooses_file("import-input", &leads_file(desk)).await;
    admin.sees("import-now", "data-state", "ready").await;
    admin.reads("import-plan", "1000 new leads").await;
    admin.shots("company-import-ready").await;
    admin.click("import-start").await;
    admin.sees("import-now", "data-state", "done").await;
    admin.reads("import-result", "1000 new leads").await;
    admin.shots("company-import-done").await;
}

/// Has links to call open in the rep's app, as its package does.
fn takes_calls(desk: &Desk) {
    let entry = include_str!("../../src-tauri/desktop/call-coaching.desktop")
        .replace("{{exec}}", env!("CARGO_BIN_EXE_call-coaching"))
        .replace("{{mime_type}}", "x-scheme-handler/tel");
    let folder = desk.path("data").join("applications");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("call-coaching.desktop"), entry).expect("an entry");
    desk.says(
        "gio",
        &["mime", "x-scheme-handler/tel", "call-coaching.desktop"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_l2_l4_l5_from_an_empty_server_to_the_first_real_call_and_its_outcome() {
    let _place = sounding_desk().await;
    judged(tell()).await;
}

async fn tell() {
    let desk = desk_for_three();
    let phone_port = phone::free_port().expect("a port");
    let number = format!("+49309018{CALLED:04}");
    let phone = Phone::start(&number, phone_port, PhoneCodec::Pcma, &speech(LEAD_HZ));
    let phone = phone.expect("the lead's phone");
    let lead_ear = Ear::Line(phone.heard.clone());

    // The server is empty, and its operator makes a link for the first admin.
    let server = Server::start(phone_port);
    let link = server.operate(&["setup-link"]);
    assert!(link.starts_with(&server.url), "the link leads to it");
    let admin = open(&desk, "casey", "third").await;
    set_up(&admin, &link).await;

    // A number, and credit to call with.
    let list = server.operate(&["organization", "list"]);
    let company: serde_json::Value = serde_json::from_str(&list).expect("one organization");
    let id = company["id"].as_str().expect("its id");
    server.operate(&["number", "assign", id, OUR_NUMBER]);
    server.operate(&["credit", "add", id, "25", "--note", "Invoice 1"]);
    admin.click("nav-numbers").await;
    admin.see(&format!("number-row-{OUR_NUMBER}")).await;

    // Its people and its leads.
    let (rep_link, manager_link) = (
        invite(&admin, "user").await,
        invite(&admin, "manager").await,
    );
    let rep = open(&desk, "riley", "default").await;
    join(&rep, &rep_link, ("Bo", "Berg")).await;
    let manager = open(&desk, "morgan", "second").await;
    join(&manager, &manager_link, ("Mia", "Moor")).await;
    import(&admin, &desk).await;

    let _speakers = [("riley", RILEY_HZ), ("morgan", MORGAN_HZ)]
        .map(|(name, hz)| desk.pulse.play_into(&format!("mic_{name}"), &speech(hz)));
    let ears = ["riley", "morgan"].map(|name| Ear::Loudspeaker(desk.ear(&format!("spk_{name}"))));
    let [rep_ear, manager_ear] = &ears;

    // A link in another program asks to call, and says whom. Nobody is called before the rep says so.
    takes_calls(&desk);
    desk.says("gio", &["open", &format!("tel:+49-30-9018{CALLED:04}")]);
    rep.see("dial-link").await;
    rep.reads("dial-lookup", &format!("Lead {CALLED} GmbH"))
        .await;
    rep.shots("company-dial-link").await;
    rep.gone("call-bar").await;
    rep.click("dialog-call").await;
    rep.sees("call-bar", "data-status", "in-progress").await;
    tokio::join!(
        lead_ear.hears("the lead", &[RILEY_HZ]),
        rep_ear.hears("the rep", &[LEAD_HZ]),
    );

    // The manager listens, whispers and barges.
    manager.click("nav-team").await;
    manager.click("team-listen-bo").await;
    manager.sees("coaching-bar", "data-mode", "listen").await;
    rep.sees("call-coach-mia", "data-mode", "listen").await;
    tokio::join!(
        manager_ear.hears("the manager", &[LEAD_HZ, RILEY_HZ]),
        lead_ear.hears("the lead of a listened-to call", &[RILEY_HZ]),
    );
    manager.click("mode-whisper").await;
    manager.sees("coaching-bar", "data-mode", "whisper").await;
    rep_ear
        .hears("the rep whispered to", &[LEAD_HZ, MORGAN_HZ])
        .await;
    lead_ear
        .hears("the lead during a whisper", &[RILEY_HZ])
        .await;
    manager.presses("\u{E00A}b").await;
    manager.sees("coaching-bar", "data-mode", "barge").await;
    tokio::join!(
        lead_ear.hears("the lead barged in on", &[RILEY_HZ, MORGAN_HZ]),
        rep_ear.hears("the rep barged in on", &[LEAD_HZ, MORGAN_HZ]),
    );
    manager.click("coaching-leave").await;
    manager.gone("coaching-bar").await;

    // What came of it, without leaving the page.
    rep.click("call-hangup").await;
    rep.see("wrap-up").await;
    rep.click_chip("outcome-connected").await;
    rep.types("outcome-note", "Wants an offer by Friday.").await;
    rep.reads("wrap-up-saved", "Saved").await;
    rep.shots("company-wrap-up").await;
    rep.click("wrap-up-done").await;
    rep.gone("wrap-up").await;

    // It stands in the lead's activity, for everybody.
    for window in [&rep, &admin] {
        window.click("nav-leads").await;
        window.types("lead-search", &format!("Lead {CALLED}")).await;
        window.click(&format!("lead-row-Lead {CALLED} GmbH")).await;
        window.reads("past-call-outcome", "Connected").await;
        window
            .reads("past-call-note", "Wants an offer by Friday.")
            .await;
    }
    admin.shots("company-activity").await;
    until("the microphones are closed", || {
        ["mic_riley", "mic_morgan"]
            .iter()
            .all(|name| desk.pulse.captures(name) == 0)
    });
    assert!(
        !manager_ear.ever_heard(MORGAN_HZ),
        "nobody hears themselves"
    );
}
