//! Records the views that the user interface's fake backend replays: `ui/src/fake/views.json`.
//! `UPDATE_FIXTURES=1` writes the file; without it a stale one fails.
//!
//! A *moment* is a view that the app may show. Some have names, for the scenes and tests to begin in. From
//! those that are explored, everything is done that a person can do there, and in each moment that this
//! leads to, until none is new. What the fake then pushes for a command is the view that the real session
//! was in after it.

mod stage;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use client::{ClientError, View};
use serde_json::{Map, Value, json};
use session::{Command, Failure};
use wire::{
    CallId, CallStatus, CoachMode, Code, Direction, List, Plan, RecordingStatus, Timestamp,
};

use crate::error::AppError;
use crate::place::{Local, Place};
use crate::presenter::Change;
use crate::view::{LocalService, LocalServiceStatus};
use stage::{Action, SOMEONE, Stage, Tape, id_of_call, place_call, user};

const FILE: &str = "ui/src/fake/views.json";
/// When the app of most moments was started, before the moment of the tape.
const STARTED: Duration = Duration::from_secs(150);
/// When the coach joined whose coaching is a moment of its own: two minutes have begun since.
const JOINED: Duration = Duration::from_secs(65);
const NOW: Duration = Duration::ZERO;
/// Between two things that a person does.
const STEP: Duration = Duration::from_secs(1);
/// How many random paths are walked, and how far at most.
const WALKS: usize = 60;
const WALK_STEPS: usize = 20;
/// More moments than this cannot all be wanted.
const MOMENTS_MAX: usize = 2_000;

/// A moment with a name, and how it comes about.
struct Root {
    name: String,
    /// Whether all that can be done there is recorded, too.
    is_explored: bool,
    set: Box<dyn Fn(&mut Stage)>,
}

fn root(name: &str, is_explored: bool, set: impl Fn(&mut Stage) + 'static) -> Root {
    Root {
        name: name.to_owned(),
        is_explored,
        set: Box::new(set),
    }
}

/// Signed in, with no call in progress.
fn home(stage: &mut Stage, who: &str) {
    stage.begin_ago(STARTED);
    stage.sign_in(who);
    stage.pass_to_ago(NOW);
}

/// Signed in, with three teammates on calls: one that can be joined, one that came in, and one that is
/// not answered yet.
fn team(stage: &mut Stage, who: &str) {
    begin_team(stage, who);
    end_team(stage, who);
}

fn begin_team(stage: &mut Stage, who: &str) {
    stage.begin_ago(STARTED);
    stage.sign_in(who);
    stage.pass_to_ago(Duration::from_secs(140));
    if who == "riley" {
        stage.command(Command::PlaceCall(place_call("globex")));
    } else {
        stage.places("riley", "globex");
    }
    let initech = stage.rings(unless(who, "sam"), "initech");
    stage.pass_to_ago(Duration::from_secs(133));
    stage.answered(&globex());
    stage.answered(&initech);
}

fn end_team(stage: &mut Stage, who: &str) {
    stage.pass_to_ago(Duration::from_secs(20));
    stage.places(unless(who, "taylor"), "hooli");
    stage.pass_to_ago(NOW);
}

/// That member, unless it is who looks: a call of theirs on another device is another story.
fn unless<'a>(who: &str, member: &'a str) -> &'a str {
    if who == member { "casey" } else { member }
}

fn globex() -> CallId {
    id_of_call("globex")
}

/// Coaches Riley's call for a while, in this mode.
fn coaching(stage: &mut Stage, who: &str, mode: CoachMode) {
    begin_team(stage, who);
    stage.pass_to_ago(JOINED);
    stage.command(join());
    if mode != CoachMode::Listen {
        stage.command(Command::SetMode(mode));
    }
    end_team(stage, who);
}

/// Riley on the call with Globex, which is recorded.
fn recorded(stage: &mut Stage) {
    begin_team(stage, "riley");
    stage.is_recorded(&globex());
    end_team(stage, "riley");
}

fn later(name: &str, who: &'static str, set: impl Fn(&mut Stage) + 'static) -> Root {
    root(name, false, move |stage| {
        team(stage, who);
        set(stage);
    })
}

fn join() -> Command {
    Command::Join {
        call_id: globex(),
        invitation_id: None,
    }
}

fn casey_calls(stage: &mut Stage) {
    let call = stage.places("casey", "hooli");
    stage.answered(&call);
}

/// The connection is lost, and being made again.
fn resuming(stage: &mut Stage) {
    stage.lose_connection();
    stage.pass(Duration::from_secs(2));
}

/// For longer than the service waits.
fn lost(stage: &mut Stage) {
    stage.lose_connection();
    stage.pass(Duration::from_secs(31));
}

fn roots(tape: &Tape) -> Vec<Root> {
    let mut roots = vec![
        root("sign-in", false, |_| {}),
        root("sign-in-resuming", false, |stage| {
            stage.is_cut_off = true;
            stage.command(Command::Resume);
        }),
    ];
    for who in [
        "riley", "morgan", "casey", "jordan", "taylor", "sam", "alex",
    ] {
        let set = move |stage: &mut Stage| home(stage, who);
        roots.push(root(&format!("{who}/home"), true, set));
    }
    for who in ["morgan", "taylor", "sam", "alex"] {
        let set = move |stage: &mut Stage| team(stage, who);
        roots.push(root(&format!("{who}/team"), true, set));
    }
    let listen = CoachMode::Listen;
    let [whisper, barge] = [CoachMode::Whisper, CoachMode::Barge];
    roots.extend([
        later("morgan/team-locked", "morgan", |stage| {
            stage.plan_is(Plan::Professional);
        }),
        root("morgan/team-without-funds", false, |stage| {
            stage.has_funds = false;
            team(stage, "morgan");
        }),
        root("morgan/team-not-kept", false, |stage| {
            stage.is_kept = false;
            team(stage, "morgan");
        }),
        later("morgan/team-offline", "morgan", Stage::lose_connection),
        later("morgan/team-resuming", "morgan", resuming),
        later("morgan/team-casey-calls", "morgan", casey_calls),
        later("morgan/team-casey-is-called", "morgan", |stage| {
            stage.rings("casey", "hooli");
        }),
        root("morgan/invitation", true, |stage| {
            team(stage, "morgan");
            stage.invites(&globex(), "morgan");
        }),
    ]);
    for (name, mode) in [("listen", listen), ("whisper", whisper), ("barge", barge)] {
        let set = move |stage: &mut Stage| coaching(stage, "morgan", mode);
        roots.push(root(&format!("morgan/{name}"), true, set));
    }
    roots.extend([
        root("morgan/muted", true, move |stage| {
            coaching(stage, "morgan", barge);
            stage.command(Command::Mute(true));
        }),
        root("morgan/whisper-a-minute-later", false, move |stage| {
            coaching(stage, "morgan", whisper);
            stage.pass(Duration::from_secs(60));
        }),
        root("morgan/whisper-resuming", false, move |stage| {
            coaching(stage, "morgan", whisper);
            resuming(stage);
        }),
        root("morgan/whisper-lost", false, move |stage| {
            coaching(stage, "morgan", whisper);
            lost(stage);
        }),
        root("morgan/whisper-rep-lost", false, move |stage| {
            coaching(stage, "morgan", whisper);
            stage.is_lost(&globex());
        }),
        root("morgan/whisper-in-trouble", false, move |stage| {
            coaching(stage, "morgan", whisper);
            // As the sound card says it.
            let trouble =
                "Your selected microphone isn't connected. Using Built-in microphone instead.";
            let message = trouble.to_owned();
            let is_silent = false;
            let fault = Some(sound::Fault { message, is_silent });
            stage.drawing.take(Change::MicrophoneTrouble(fault));
        }),
        root("morgan/whisper-unheard", false, move |stage| {
            coaching(stage, "morgan", whisper);
            stage.is_unheard("riley", &globex());
            stage.microphone_fails("No microphone found.");
        }),
        root("taylor/listen", true, move |stage| {
            coaching(stage, "taylor", listen);
        }),
        root("riley/rep", true, |stage| team(stage, "riley")),
        root("riley/rep-recorded", true, recorded),
        root("riley/rep-paused", true, |stage| {
            recorded(stage);
            stage.act(&Action::Command(Command::PauseRecording(true)));
        }),
        root("riley/rep-recorded-coached", true, move |stage| {
            recorded(stage);
            stage.coaches("morgan", &globex(), whisper);
            stage.coaches("casey", &globex(), barge);
        }),
        root("riley/rep-coached", true, move |stage| {
            team(stage, "riley");
            stage.coaches("morgan", &globex(), whisper);
            stage.coaches("casey", &globex(), barge);
            stage.coaches("taylor", &globex(), listen);
        }),
        root("riley/rep-unheard", false, move |stage| {
            team(stage, "riley");
            stage.coaches("morgan", &globex(), whisper);
            stage.coaches("casey", &globex(), barge);
            stage.coaches("taylor", &globex(), listen);
            stage.is_unheard("casey", &globex());
            stage.microphone_fails("No microphone found.");
        }),
        later("riley/rep-coached-later", "riley", move |stage| {
            stage.coaches("morgan", &globex(), whisper);
            stage.coaches("casey", &globex(), barge);
            stage.coaches("morgan", &globex(), barge);
            stage.leaves("casey", &globex());
        }),
        later("riley/rep-declined", "riley", |stage| {
            stage.command(Command::Invite(vec![user("morgan")]));
            stage.declines("morgan", &globex());
        }),
        later("riley/rep-is-called", "riley", |stage| {
            stage.rings("riley", "hooli");
        }),
        root("riley/rep-recorded-resuming", false, |stage| {
            recorded(stage);
            resuming(stage);
        }),
        root("riley/rep-coached-resuming", false, move |stage| {
            recorded(stage);
            stage.coaches("morgan", &globex(), whisper);
            resuming(stage);
        }),
        root("riley/rep-coached-lost", false, move |stage| {
            recorded(stage);
            stage.coaches("morgan", &globex(), whisper);
            lost(stage);
        }),
        root("riley/incoming", true, |stage| {
            home(stage, "riley");
            stage.rings("riley", "hooli");
        }),
        later("alex/team-casey-calls", "alex", casey_calls),
        later("alex/balance-low", "alex", |stage| {
            stage.balance_is(400_000)
        }),
        later("alex/balance-enough", "alex", |stage| {
            stage.balance_is(4_000_000)
        }),
        later("alex/balance-negative", "alex", |stage| {
            stage.balance_is(-12_000)
        }),
        later("alex/balance-empty", "alex", |stage| stage.balance_is(0)),
    ]);
    // What the admin wrote, as the tape has it, and who came by it.
    for state in tape.states() {
        for who in ["alex/home", "alex/team", "new1/home"] {
            if who.starts_with("new1") && !state.contains("/ACCEPT_INVITE ") {
                continue;
            }
            let after = state.clone();
            let set = move |stage: &mut Stage| match who {
                "alex/home" => {
                    home(stage, "alex");
                    stage.written(&after);
                }
                "alex/team" => {
                    team(stage, "alex");
                    stage.written(&after);
                }
                _ => {
                    stage.starts_after(&after);
                    home(stage, "new1");
                }
            };
            roots.push(root(&format!("{who}@{state}"), false, set));
        }
    }
    roots
}

/// What a person can do now that the fake is to answer.
fn actions(stage: &mut Stage) -> Vec<Action> {
    let is_key_down = stage.is_key_down;
    let view = stage.view();
    let can = |mode| {
        let mut modes = view.modes.iter();
        modes.any(|choice| choice.mode == mode && choice.refusal.is_none())
    };
    let view = &view.session;
    let has_call_of = |lead: &str| view.calls.contains_key(&id_of_call(lead));
    let mut all: Vec<Action> = Vec::new();
    let mut add = |command| all.push(Action::Command(command));
    if let Some(coaching) = &view.coaching {
        if is_key_down {
            add(Command::HoldToWhisper(false));
            return all;
        }
        for mode in [CoachMode::Listen, CoachMode::Whisper, CoachMode::Barge] {
            if can(mode) && coaching.mode() != mode {
                add(Command::SetMode(mode));
            }
        }
        // In Listen the microphone is closed (M4).
        if coaching.mode() != CoachMode::Listen || coaching.muted {
            add(Command::Mute(!coaching.muted));
        }
        if can(CoachMode::Whisper) {
            add(Command::HoldToWhisper(true));
        }
        add(Command::Leave);
    } else if let Some(my_call) = &view.my_call {
        let call = &my_call.call;
        add(Command::Mute(!my_call.muted));
        add(Command::HangUp);
        if call.status != CallStatus::InProgress {
            all.push(Action::Answered);
            return all;
        }
        add(Command::Hold(!call.held));
        let is_fresh = view.sent_invitations.is_empty() && call.coach_legs.is_empty();
        if is_fresh && call.id == globex() {
            add(Command::Invite(vec![user("morgan")]));
            add(Command::Invite(vec![user("morgan"), user("taylor")]));
        }
        if let Some(recording) = &call.recording {
            let is_paused = recording.status == RecordingStatus::Paused;
            all.push(Action::Command(Command::PauseRecording(!is_paused)));
        }
    } else if let Some(ringing) = rings_here(view) {
        add(Command::Answer(ringing.clone()));
        add(Command::DeclineCall(ringing));
    } else if let Some(invitation) = view.invitations.values().next() {
        add(Command::Decline(invitation.id.clone()));
        add(Command::Join {
            call_id: invitation.call_id.clone(),
            invitation_id: Some(invitation.id.clone()),
        });
    } else if !has_call_of(SOMEONE) {
        add(Command::PlaceCall(place_call(SOMEONE)));
        for call in view.calls.values().filter(|call| call.joinability.joinable) {
            add(Command::Join {
                call_id: call.id.clone(),
                invitation_id: None,
            });
        }
        if view.manages() {
            all.push(Action::Receive);
        }
    }
    all
}

fn rings_here(view: &View) -> Option<CallId> {
    let mut calls = view.calls.values();
    let ringing = calls.find(|call| {
        call.status == CallStatus::Ringing
            && call.direction == Direction::Inbound
            && Some(&call.user_id) == view.user_id.as_ref()
    });
    ringing.map(|call| call.id.clone())
}

/// What is recorded of a moment.
struct Moment {
    name: String,
    at: Timestamp,
    /// Its view, with calls by their ids, and whom the user may invite.
    whole: Map<String, Value>,
}

impl Moment {
    fn of(name: String, stage: &mut Stage) -> Self {
        let view = stage.view();
        let mut whole = as_object(serde_json::to_value(&view).unwrap());
        let calls = whole["calls"].as_array().unwrap().iter();
        let calls: Map<_, _> = calls.map(|call| (id(call), call.clone())).collect();
        if let Some(my_call) = whole.get_mut("my_call").filter(|call| !call.is_null()) {
            let call = my_call["call"].take();
            let id = id(&call);
            assert_eq!(calls[&id], call, "{name}: one call is shown in two ways");
            my_call["call"] = json!(id);
        }
        whole.insert("calls".into(), Value::Object(calls));
        let targets = json!(List::whole(stage.invitation_targets()));
        whole.insert("invitation_targets".into(), targets);
        Self {
            name,
            at: stage.now(),
            whole,
        }
    }

    /// What is to be said of it when `like` is known.
    fn change_of(&self, like: &Self) -> Value {
        let mut change = difference(&like.whole, &self.whole);
        if let Some(calls) = change.get_mut("calls") {
            let both = [like, self].map(|moment| as_object(moment.whole["calls"].clone()));
            *calls = Value::Object(difference(&both[0], &both[1]));
        }
        Value::Object(change)
    }

    fn who(&self) -> String {
        who_of(&self.name)
    }

    fn is_root(&self) -> bool {
        !self.name.contains(" > ")
    }
}

/// The fields that differ; null for those that are gone.
fn difference(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), Value::Null));
    let changed = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(*value));
    let changed = changed.map(|(key, value)| (key.clone(), value.clone()));
    changed.chain(gone).collect()
}

/// What two views that are the same for a person have in common: all but when things happened, and
/// coaches who have left, whom no page shows of a call in progress.
fn key(stage: &mut Stage) -> String {
    let mut value = serde_json::to_value(stage.view()).unwrap();
    value["is_key_down"] = json!(stage.is_key_down);
    timeless(&mut value);
    sorted(&value).to_string()
}

fn timeless(value: &mut Value) {
    match value {
        Value::String(_) if is_time(value) => *value = json!("some time"),
        Value::Array(items) => {
            items.retain(|item| item["status"] != "done");
            items.iter_mut().for_each(timeless);
        }
        Value::Object(fields) => {
            fields.remove("participation_history");
            fields.values_mut().for_each(timeless);
        }
        _ => {}
    }
}

fn is_time(value: &Value) -> bool {
    serde_json::from_value::<Timestamp>(value.clone()).is_ok()
}

/// Everything that is recorded.
struct Recording {
    tape: Rc<Tape>,
    roots: Vec<Root>,
    moments: Vec<Moment>,
    /// As which moment a later one is recorded that is the same for the same person.
    names: BTreeMap<(String, String), String>,
    lines: Vec<String>,
    steps: Vec<Value>,
}

impl Recording {
    fn make() -> Self {
        let tape = Rc::new(Tape::read());
        let mut recording = Self {
            roots: roots(&tape),
            tape,
            moments: Vec::new(),
            names: BTreeMap::new(),
            lines: Vec::new(),
            steps: Vec::new(),
        };
        let mut new = VecDeque::new();
        for at in 0..recording.roots.len() {
            let mut stage = recording.replay(at, &[]);
            let name = recording.roots[at].name.clone();
            let known = (who_of(&name), key(&mut stage));
            recording.names.entry(known).or_insert_with(|| name.clone());
            recording.add(Moment::of(name.clone(), &mut stage));
            if recording.roots[at].is_explored {
                new.push_back((name, at, Vec::new()));
            }
        }
        while let Some((name, root, path)) = new.pop_front() {
            for action in actions(&mut recording.replay(root, &path)) {
                if let Some((name, path)) = recording.explore(&name, root, &path, action) {
                    new.push_back((name, root, path));
                }
            }
        }
        recording
    }

    /// A stage on which this was done in the moment with a name.
    fn replay(&self, root: usize, path: &[Action]) -> Stage {
        let mut stage = Stage::new(&self.tape);
        (self.roots[root].set)(&mut stage);
        for action in path {
            stage.pass(STEP);
            stage.act(action);
        }
        stage
    }

    /// Records what an action does in a moment; the moment it leads to, when that is a new one.
    fn explore(
        &mut self,
        name: &str,
        root: usize,
        path: &[Action],
        action: Action,
    ) -> Option<(String, Vec<Action>)> {
        let mut stage = self.replay(root, path);
        stage.pass(STEP);
        stage.ask_for(&action);
        let (command, with) = action.asked();
        let then = format!("{name} > {command}{with}");
        let mut step = json!({"in": name, "do": command, "with": with});
        // What is shown as being under way.
        if let Action::Command(Command::SetMode(_) | Command::HangUp) = action {
            let meanwhile = format!("{then}…");
            step["meanwhile"] = json!(meanwhile);
            self.add(Moment::of(meanwhile, &mut stage));
        }
        step["answer"] = stage.answer(&action);
        let known = (who_of(name), key(&mut stage));
        let is_known = self.names.contains_key(&known);
        let then = self.names.entry(known).or_insert(then).clone();
        step["then"] = json!(then);
        self.steps.push(step);
        if is_known {
            return None;
        }
        self.add(Moment::of(then.clone(), &mut stage));
        let mut path = path.to_vec();
        path.push(action);
        Some((then, path))
    }

    /// Adds a moment, as little as can be said of it when another of the same person is known.
    fn add(&mut self, moment: Moment) {
        assert!(self.moments.len() < MOMENTS_MAX, "there is no end to it");
        let like = self.moments.iter().filter(|known| {
            if !moment.is_root() {
                return moment.name.starts_with(&format!("{} > ", known.name));
            }
            let is_plain = known.is_root() && !known.name.contains('@');
            is_plain && (known.who() == moment.who() || !known.name.contains('/'))
        });
        let change = like
            .map(|known| (moment.change_of(known), Some(known.name.clone())))
            .min_by_key(|(change, _)| change.to_string().len());
        let whole = || (Value::Object(moment.whole.clone()), None);
        let (view, like) = change.unwrap_or_else(whole);
        let line = json!({"name": moment.name, "at": moment.at, "like": like, "view": view});
        self.lines.push(sorted(&line).to_string());
        self.moments.push(moment);
    }

    fn text(&self) -> String {
        let steps: Vec<String> = self
            .steps
            .iter()
            .map(|step| sorted(step).to_string())
            .collect();
        let shells: Vec<String> = shells()
            .iter()
            .map(|shell| sorted(shell).to_string())
            .collect();
        let refused = AppError::from(ClientError::from(Failure::refused(
            Code::Unauthenticated,
            // As the service says it.
            "Incorrect email or password.",
        )));
        format!(
            "{{\"someone\":{},\n\"sign_in_refused\":{},\n\"shells\":[\n{}\n],\n\
             \"moments\":[\n{}\n],\n\"steps\":[\n{}\n]}}\n",
            sorted(&Stage::new(&self.tape).someone()),
            sorted(&json!(refused)),
            shells.join(",\n"),
            self.lines.join(",\n"),
            steps.join(",\n"),
        )
    }
}

/// What is drawn of the place in use and its service, whoever is signed in.
fn shells() -> Vec<Value> {
    let service = |of, status, message: Option<&str>| {
        let message = message.map(str::to_owned);
        Change::LocalService(of, LocalService { status, message })
    };
    let failed = |of| {
        let taken = "Another program is using port 8080. Close it, or start the app with another \
                     --local-port.";
        service(of, LocalServiceStatus::Failed, Some(taken))
    };
    let place = |place| Change::Place(Some(place));
    let url = "https://coaching.example.com".to_owned();
    let mut shells = Vec::new();
    for (name, changes) in [
        ("first", vec![Change::Place(None)]),
        ("demo", vec![]),
        ("demo-starting", vec![place(Place::Demo)]),
        ("demo-failed", vec![failed(Local::Demo)]),
        (
            "team",
            vec![
                place(Place::Team),
                service(Local::Team, LocalServiceStatus::Running, None),
            ],
        ),
        ("team-starting", vec![place(Place::Team)]),
        ("team-failed", vec![place(Place::Team), failed(Local::Team)]),
        ("elsewhere", vec![place(Place::Server { url })]),
    ] {
        let mut stage = Stage::new(&Rc::new(Tape::read()));
        changes
            .into_iter()
            .for_each(|change| stage.drawing.take(change));
        let view = serde_json::to_value(stage.view()).unwrap();
        let of_shell = ["place", "local_service", "demo_users"];
        let shell: Map<_, _> = of_shell
            .map(|field| (field.to_owned(), view[field].clone()))
            .into_iter()
            .collect();
        shells.push(json!({"name": name, "view": shell}));
    }
    shells
}

fn who_of(name: &str) -> String {
    name.split('/').next().unwrap_or_default().to_owned()
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

/// The same with its fields in one order, whatever the map keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

#[test]
fn the_views_that_the_fake_backend_replays_are_not_stale() {
    let new = Recording::make().text();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&file, &new).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let mut lines = kept.lines().zip(new.lines());
    let differs = lines.find(|(kept, new)| kept != new);
    assert!(
        kept == new,
        "{FILE} is stale: run UPDATE_FIXTURES=1 cargo test --lib the_views. The first difference: \
         {differs:?}"
    );
}

/// Moments that are taken for the same must be the same for whatever is done next.
#[test]
fn the_recorded_views_say_what_the_session_shows_on_any_path() {
    let seed = match std::env::var("SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => 7,
    };
    println!("SEED={seed}");
    let recording = Recording::make();
    let keys: BTreeMap<&String, &String> = recording
        .names
        .iter()
        .map(|((_, key), name)| (name, key))
        .collect();
    let explored: Vec<usize> = (0..recording.roots.len())
        .filter(|at| recording.roots[*at].is_explored)
        .collect();
    let mut chance = seed;
    let mut draw = |below: usize| {
        // A linear congruential generator (Knuth, MMIX).
        chance = u64::wrapping_add(
            u64::wrapping_mul(chance, 6_364_136_223_846_793_005),
            1_442_695_040_888_963_407,
        );
        (chance >> 33) as usize % below
    };
    for _ in 0..WALKS {
        let root = explored[draw(explored.len())];
        let mut stage = recording.replay(root, &[]);
        let mut path = vec![recording.roots[root].name.clone()];
        for _ in 0..WALK_STEPS {
            let choices = actions(&mut stage);
            if choices.is_empty() {
                break;
            }
            let action = &choices[draw(choices.len())];
            let (command, with) = action.asked();
            stage.pass(STEP);
            let answer = stage.act(action);
            let at = &path[path.len() - 1];
            let step = recording.steps.iter().find(|step| {
                step["in"] == json!(at) && step["do"] == command && step["with"] == with
            });
            let step = step.unwrap_or_else(|| panic!("{command}{with} is not recorded: {path:#?}"));
            let mut answers = [step["answer"].clone(), answer];
            answers.iter_mut().for_each(timeless);
            assert_eq!(answers[0], answers[1], "{path:#?}");
            let then = step["then"].as_str().unwrap().to_owned();
            assert_eq!(
                *keys[&then],
                key(&mut stage),
                "{command}{with} after {path:#?}"
            );
            path.push(then);
        }
    }
}
