//! One person's app, and as much of the service as that app can tell: the real session, the real state
//! machines of the calls, and what the real service was recorded to answer, on a clock that is moved by
//! hand.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use call::{Authority, Invitee, Join, LeadProgress, Limits, Machine, Placed, REP_LEG, Viewer};
use client::ClientError;
use mix::LegNumber;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use session::{
    Command, CommandId, Failure, Input, MediaId, MediaInput, Output, Reply, Request, RequestId,
    Session,
};
use wire::{
    ActiveCall, Balance, Call, CallId, CallRecording, ClientAvailability, ClientType, CoachMode,
    Code, ContactId, DeviceId, Direction, Event, InvitationId, InvitationTarget, Lead, LeadBrief,
    LeadId, LegId, List, Me, Member, MicroDollars, Permission, PhoneNumber, PhoneNumberId,
    PhoneNumberKind, PlaceCallRequest, Plan, PresenceStatus, RecordingStatus, Role, ServerMessage,
    SignInRequest, Timestamp, User, UserAvailability, UserId,
};

use crate::error::AppError;
use crate::place::{Local, Place};
use crate::presenter::{Change, Drawing};
use crate::view::{AppView, LocalService, LocalServiceStatus};

/// Stands for whichever lead is called or calls: the fake puts another in its place.
pub const SOMEONE: &str = "someone";
/// Stands for that lead's number.
const SOMEONES_PHONE: &str = "+15557009999";
/// Stands for whichever number is called from.
const SOME_NUMBER: &str = "+15550009999";
/// The organization's number that leads call, and whose desk it rings at.
const MAIN_LINE: &str = "phon_main";
/// Who may read all of the tape.
const ADMIN: &str = "user_alex";
/// Members who are not online with the desktop app, unless they are signed in here.
const AWAY: &[(&str, Option<ClientType>)] =
    &[("user_alex", None), ("user_jordan", Some(ClientType::Web))];
/// How long before the moment of the tape the app begins to run.
const EARLIER: Duration = Duration::from_secs(3_600);

/// What calls are decided by, after some writes.
struct Directory {
    /// Every active member, with what their role lets them do.
    members: Vec<(UserId, Vec<Permission>)>,
    inactive: Vec<UserId>,
    plan: Plan,
    leads: Vec<Lead>,
    main_line: String,
}

/// What the service was recorded to answer: `ui/src/fake/tape.json`.
pub struct Tape {
    all: Value,
    directories: RefCell<BTreeMap<String, Rc<Directory>>>,
    /// The moment that everything is dated by.
    pub now: Timestamp,
}

impl Tape {
    pub fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/fake/tape.json");
        let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let now = serde_json::from_value(all["now"].clone()).unwrap();
        Self {
            all,
            directories: RefCell::default(),
            now,
        }
    }

    fn directory(&self, state: &str) -> Rc<Directory> {
        if let Some(known) = self.directories.borrow().get(state) {
            return Rc::clone(known);
        }
        let members: List<Member> = self.ask(state, ADMIN, "LIST_MEMBERS").unwrap();
        let roles: List<Role> = self.ask(state, ADMIN, "LIST_ROLES").unwrap();
        let me: Me = self.ask(state, ADMIN, "ME").unwrap();
        let leads: List<Lead> = self.ask(state, ADMIN, "LIST_LEADS").unwrap();
        let numbers: List<PhoneNumber> = self.ask(state, ADMIN, "LIST_PHONE_NUMBERS").unwrap();
        let main_line = |number: &PhoneNumber| number.id.as_str() == MAIN_LINE;
        let permissions_of = |member: &Member| {
            let role = roles.data.iter().find(|role| role.id == member.role_id);
            role.expect("a role of the organization")
                .permissions
                .clone()
        };
        let (active, inactive): (Vec<_>, Vec<_>) =
            members.data.into_iter().partition(|member| member.active);
        let directory = Rc::new(Directory {
            members: active
                .iter()
                .map(|member| (member.user.id.clone(), permissions_of(member)))
                .collect(),
            inactive: inactive.into_iter().map(|member| member.user.id).collect(),
            plan: me.organization.plan,
            leads: leads.data,
            main_line: numbers.data.into_iter().find(main_line).unwrap().number,
        });
        let mut directories = self.directories.borrow_mut();
        directories.insert(state.to_owned(), Rc::clone(&directory));
        directory
    }

    /// Every state after some write.
    pub fn states(&self) -> impl Iterator<Item = &String> {
        self.all["after"].as_object().unwrap().keys()
    }

    /// The states that lead to this one, which comes last.
    pub fn path(&self, state: &str) -> Vec<String> {
        let before = self.all["after"][state].as_str();
        let mut path = before.map_or_else(Vec::new, |before| self.path(before));
        if state != "start" {
            path.push(state.to_owned());
        }
        path
    }

    fn ask<T: DeserializeOwned>(&self, state: &str, who: &str, route: &str) -> Result<T, Failure> {
        let reads = self.all["reads"].as_array().unwrap();
        let read = reads.iter().find(|read| {
            let is_plain = read["id"].is_null() && read["input"] == json!({});
            read["in"] == state && read["route"] == route && is_plain
        });
        let told = read.and_then(|read| read["as"].get(who).or_else(|| read["as"].get("*")));
        let Some(told) = told else {
            let before = self.all["after"][state].as_str();
            let before = before.unwrap_or_else(|| panic!("{route} is not on the tape for {who}"));
            return self.ask(before, who, route);
        };
        if let Some(answer) = told.get("ok") {
            return Ok(serde_json::from_value(answer.clone()).unwrap());
        }
        let code: Code = serde_json::from_value(told["error"]["code"].clone()).unwrap();
        let message = told["error"]["message"].as_str().unwrap();
        Err(Failure::refused(code, message))
    }
}

/// What a person does, or the lead.
#[derive(Debug, Clone)]
pub enum Action {
    /// Something that the session is told.
    Command(Command),
    /// The lead whom this person calls answers.
    Answered,
    /// An admin has the simulated lead call in.
    Receive,
}

impl Action {
    /// As the fake is asked for it: the name of the command or route, and what it is given.
    pub fn asked(&self) -> (&'static str, Value) {
        match self {
            Self::Answered => ("answered", json!([])),
            Self::Receive => (
                "RECEIVE_SIMULATED_CALL",
                json!([{"local_phone_id": MAIN_LINE}]),
            ),
            Self::Command(command) => match command {
                // To whomever, from whichever number: those are put in.
                Command::PlaceCall(_) => ("placeCall", json!([])),
                Command::Answer(call) => ("answer", json!([call])),
                Command::DeclineCall(call) => ("declineCall", json!([call])),
                Command::HangUp => ("hangUp", json!([])),
                Command::Hold(held) => ("hold", json!([held])),
                Command::PauseRecording(paused) => ("pauseRecording", json!([paused])),
                Command::Invite(users) => ("invite", json!([users])),
                Command::Join {
                    call_id,
                    invitation_id,
                } => ("join", json!([call_id, invitation_id])),
                Command::Decline(invitation) => ("decline", json!([invitation])),
                Command::SetMode(mode) => ("setMode", json!([mode])),
                Command::HoldToWhisper(held) => ("holdToWhisper", json!([held])),
                Command::Mute(muted) => ("mute", json!([muted])),
                Command::Leave => ("leave", json!([])),
                other => panic!("{other:?} is no step"),
            },
        }
    }
}

pub struct Stage {
    tape: Rc<Tape>,
    /// After which writes it is.
    state: String,
    clock: Duration,
    calls: BTreeMap<CallId, Machine>,
    me: Option<UserId>,
    pub session: Session,
    pub drawing: Drawing,
    /// Whether the balance pays for coaching.
    pub has_funds: bool,
    /// Whether the next run can resume the sign-in.
    pub is_kept: bool,
    /// Another plan than the tape's.
    pub plan: Option<Plan>,
    /// Whether the key for whispering is down.
    pub is_key_down: bool,
    /// Nothing gets through to the service.
    pub is_cut_off: bool,
    is_online: bool,
    /// Requests wait for their answers.
    withholds: bool,
    requests: VecDeque<(RequestId, Request)>,
    finished: Option<Result<Reply, Failure>>,
    media: Option<MediaId>,
    leg: Option<(CallId, LegNumber)>,
    wake_at: Option<Duration>,
    seq: u64,
    next_command: u64,
}

impl Stage {
    /// The app as it is with demo data, the bundled service running, and nobody signed in.
    pub fn new(tape: &Rc<Tape>) -> Self {
        let mut drawing = Drawing::new(AppView {
            profile: "default".into(),
            version: "0.1.0".into(),
            ..AppView::default()
        });
        drawing.take(Change::Place(Some(Place::Demo)));
        let running = LocalService {
            status: LocalServiceStatus::Running,
            message: None,
        };
        drawing.take(Change::LocalService(Local::Demo, running));
        Self {
            tape: Rc::clone(tape),
            state: "start".into(),
            clock: EARLIER,
            calls: BTreeMap::new(),
            me: None,
            session: Session::new(ClientType::Native),
            drawing,
            has_funds: true,
            is_kept: true,
            plan: None,
            is_key_down: false,
            is_cut_off: false,
            is_online: false,
            withholds: false,
            requests: VecDeque::new(),
            finished: None,
            media: None,
            leg: None,
            wake_at: None,
            seq: 0,
            next_command: 0,
        }
    }

    // The clock.

    /// What the service's clock shows.
    pub fn now(&self) -> Timestamp {
        self.at(self.clock)
    }

    fn at(&self, clock: Duration) -> Timestamp {
        let since = clock.as_millis() as i64 - EARLIER.as_millis() as i64;
        self.tape.now.plus_millis(since)
    }

    /// Moves the clock to so long before the moment of the tape, while nothing runs yet.
    pub fn begin_ago(&mut self, ago: Duration) {
        self.clock = EARLIER - ago;
    }

    /// Time goes by until so long before the moment of the tape.
    pub fn pass_to_ago(&mut self, ago: Duration) {
        self.pass(EARLIER - ago - self.clock);
    }

    /// Time goes by, and whoever asked to be woken is.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock + time;
        while let Some(at) = self.wake_at.filter(|at| *at <= end) {
            self.clock = self.clock.max(at);
            self.wake_at = None;
            self.input(Input::Wake);
        }
        self.clock = end;
        let ids: Vec<CallId> = self.calls.keys().cloned().collect();
        for id in ids {
            // A call that is over has nothing to wait for.
            let _ = self.change(&id, call::Input::TimePassed);
        }
        self.settle();
    }

    // What is drawn.

    pub fn view(&mut self) -> AppView {
        let session = Arc::new(self.session.view().clone());
        self.drawing.take(Change::Session(session));
        self.drawing.view()
    }

    /// Whom this user may invite now; none without a call of their own.
    pub fn invitation_targets(&self) -> Vec<InvitationTarget> {
        let Some(my_call) = &self.session.view().my_call else {
            return Vec::new();
        };
        let record = self.calls[&my_call.call.id].record();
        let directory = self.directory();
        let members = directory.members.iter().map(|(user, _)| user);
        let online = members.filter(|user| self.client_of(user) == Some(ClientType::Native));
        let viewers = online.map(|user| self.viewer(user));
        call::invitation_targets(&record, &Limits::default(), viewers)
    }

    /// What stands for a lead and a number, wherever it is recorded.
    pub fn someone(&self) -> Value {
        let placed = self.placed(user(SOMEONE), SOMEONE, Direction::Outbound);
        json!({
            "lead_id": placed.lead.id,
            "display_name": placed.lead.display_name,
            "contact_id": placed.contact,
            "remote_phone": placed.remote_phone,
            "local_phone": placed.local_phone,
        })
    }

    // What the person does.

    /// Signs this member in.
    pub fn sign_in(&mut self, who: &str) {
        self.me = Some(user(who));
        self.input(Input::SignInKept(self.is_kept));
        self.command(Command::SignIn(SignInRequest {
            email: String::new(),
            password: String::new(),
            client_type: ClientType::Native,
            device_name: None,
        }));
    }

    pub fn command(&mut self, command: Command) {
        self.next_command += 1;
        if let Command::HoldToWhisper(held) = command {
            self.is_key_down = held;
        }
        self.input(Input::Command(CommandId(self.next_command), command));
        self.is_key_down &= self.session.view().coaching.is_some();
    }

    /// Does it; gives what it is answered, as a command of the shell is.
    pub fn act(&mut self, action: &Action) -> Value {
        self.ask_for(action);
        self.answer(action)
    }

    /// Does it, up to where the service would answer.
    pub fn ask_for(&mut self, action: &Action) {
        self.finished = None;
        self.withholds = true;
        if let Action::Command(command) = action {
            self.command(command.clone());
        }
    }

    /// The service does its part of it.
    pub fn answer(&mut self, action: &Action) -> Value {
        self.withholds = false;
        let done = match action {
            Action::Command(_) => Ok(Value::Null),
            Action::Answered => {
                let call = self.my_call();
                let input = call::Input::Lead(LeadProgress::Answered);
                self.change(&call, input).map(|()| Value::Null)
            }
            Action::Receive => {
                let id = self.rings("riley", SOMEONE);
                self.shown(&id).map(|call| json!(call))
            }
        };
        self.settle();
        self.is_key_down &= self.session.view().coaching.is_some();
        let result = match self.finished.take() {
            Some(result) => result.map(|reply| as_answered(action, reply)),
            None => done,
        };
        match result {
            Ok(answer) => json!({"ok": answer}),
            Err(failure) => json!({"error": AppError::from(ClientError::from(failure))}),
        }
    }

    fn me(&self) -> UserId {
        self.me.clone().expect("somebody is signed in")
    }

    fn my_call(&self) -> CallId {
        let my_call = self.session.view().my_call.as_ref();
        my_call.expect("a call of one's own").call.id.clone()
    }

    /// The sound and the WebSocket are lost.
    pub fn lose_connection(&mut self) {
        self.is_cut_off = true;
        self.is_online = false;
        self.input(Input::SocketClosed { jitter: 0.0 });
        if let Some(media) = self.media {
            self.input(Input::Media(media, MediaInput::Lost { jitter: 0.0 }));
        }
    }

    // What others do.

    /// Nothing is heard of the call's rep.
    pub fn is_lost(&mut self, id: &CallId) {
        self.happens(id, call::Input::MediaConnected(REP_LEG));
        self.happens(id, call::Input::MediaLost(REP_LEG));
    }

    /// A member calls a lead, from a device of theirs that is not this one.
    pub fn places(&mut self, rep: &str, lead: &str) -> CallId {
        self.begins(user(rep), lead, Direction::Outbound)
    }

    /// A lead calls a member.
    pub fn rings(&mut self, rep: &str, lead: &str) -> CallId {
        self.begins(user(rep), lead, Direction::Inbound)
    }

    fn begins(&mut self, rep: UserId, lead: &str, direction: Direction) -> CallId {
        let placed = self.placed(rep, lead, direction);
        let id = placed.id.clone();
        self.begin(placed);
        self.settle();
        id
    }

    /// The other side of a call takes it.
    pub fn answered(&mut self, id: &CallId) {
        let machine = &self.calls[id];
        let input = if machine.rings_in() {
            call::Input::Answer {
                user: machine.rep().clone(),
            }
        } else {
            call::Input::Lead(LeadProgress::Answered)
        };
        self.happens(id, input);
    }

    /// A member coaches a call from now on, or switches to that mode.
    pub fn coaches(&mut self, coach: &str, id: &CallId, mode: CoachMode) {
        let (user, device) = (user(coach), device(coach));
        let authority = self.authority(&user);
        if self.calls[id].coach_leg(&user).is_none() {
            let join = Join {
                user: user.clone(),
                device: device.clone(),
                authority,
                leg: leg_of(&user),
                invitation: None,
            };
            self.happens(id, call::Input::Join(join));
            let leg = self.calls[id].media_leg(&user, &device).unwrap();
            self.happens(id, call::Input::MediaConnected(leg));
        }
        let switch = call::Input::SetMode {
            user,
            device,
            mode,
            authority,
        };
        self.happens(id, switch);
    }

    /// The microphone of somebody on that call does not work.
    pub fn is_unheard(&mut self, who: &str, id: &CallId) {
        let (user, device) = (user(who), device(who));
        if *self.calls[id].rep() == user {
            let offered = call::Input::MediaOffered {
                leg: REP_LEG,
                device: device.clone(),
                widest: mix::Mode::Barge,
            };
            self.happens(id, offered);
        }
        let trouble = call::Input::SetMicrophoneTrouble {
            user,
            device,
            trouble: true,
        };
        self.happens(id, trouble);
    }

    /// This user's microphone does not work.
    pub fn microphone_fails(&mut self, message: &str) {
        let message = message.to_owned();
        self.input(Input::Microphone(Some(message.clone())));
        let is_silent = true;
        self.drawing
            .take(Change::MicrophoneTrouble(Some(sound::Fault {
                message,
                is_silent,
            })));
        self.settle();
    }

    pub fn leaves(&mut self, coach: &str, id: &CallId) {
        let (user, device) = (user(coach), device(coach));
        self.happens(id, call::Input::Leave { user, device });
    }

    /// The rep of that call invites a teammate.
    pub fn invites(&mut self, id: &CallId, invitee: &str) {
        let rep = self.calls[id].rep().clone();
        self.invite(id, rep, &[user(invitee)]).unwrap();
        self.settle();
    }

    pub fn declines(&mut self, invitee: &str, id: &CallId) {
        let user = user(invitee);
        let open = self.calls[id].open_invitation(&user).unwrap();
        let invitation = open.id.clone();
        self.happens(id, call::Input::Decline { user, invitation });
    }

    /// The call's recording has begun.
    pub fn is_recorded(&mut self, id: &CallId) {
        let recording = CallRecording {
            status: RecordingStatus::Recording,
            date_started: self.now(),
            duration_ms: 0,
            bytes: 0,
            gaps: Vec::new(),
        };
        self.happens(id, call::Input::Recording(recording));
    }

    fn happens(&mut self, id: &CallId, input: call::Input) {
        self.change(id, input).unwrap();
        self.settle();
    }

    /// The app is started after what was written up to this state of the tape.
    pub fn starts_after(&mut self, state: &str) {
        self.state = state.to_owned();
    }

    /// The balance is another now.
    pub fn balance_is(&mut self, micro_dollars: i64) {
        let balance: Balance = self.ask("BALANCE").unwrap();
        let low = balance.low_balance_micro_dollars;
        let balance = Balance {
            balance_micro_dollars: MicroDollars(micro_dollars),
            low_balance_micro_dollars: low,
            is_low: micro_dollars < low.0,
        };
        self.tell(Event::BalanceChanged { balance });
        self.settle();
    }

    /// The organization has another plan from now on.
    pub fn plan_is(&mut self, plan: Plan) {
        self.plan = Some(plan);
        self.plan_changed(plan);
        self.settle();
    }

    /// What was written up to this state of the tape happens, and is told.
    pub fn written(&mut self, state: &str) {
        for next in self.tape.path(state) {
            self.step(next);
        }
    }

    fn step(&mut self, state: String) {
        let before = std::mem::replace(&mut self.state, state);
        let tape = Rc::clone(&self.tape);
        let me = self.me();
        let differs = |who: &str, route: &str| {
            let then = tape.ask::<Value>(&before, who, route).ok();
            then != tape.ask::<Value>(&self.state, who, route).ok()
        };
        let me_changed = differs(me.as_str(), "ME");
        let balance_changed = differs(me.as_str(), "BALANCE");
        let directory_changed = [
            "LIST_USERS",
            "LIST_MEMBERS",
            "LIST_ROLES",
            "LIST_GROUPS",
            "LIST_PHONE_NUMBERS",
        ]
        .into_iter()
        .any(|route| differs(ADMIN, route));
        let (then, now) = (tape.directory(&before), self.directory());
        if then.plan != now.plan {
            self.plan_changed(now.plan);
        }
        // As calls are told: of each member, what they may do now.
        let ids: Vec<CallId> = self.calls.keys().cloned().collect();
        let active = now.members.iter().map(|(user, _)| user);
        for user in active.chain(&now.inactive) {
            let authority = self.authority(user);
            for id in &ids {
                let user = user.clone();
                let _ = self.change(id, call::Input::AuthorityChanged { user, authority });
            }
        }
        if me_changed {
            let me = Box::new(self.me_now().unwrap());
            self.tell(Event::MeChanged { me });
        }
        if directory_changed {
            self.tell(Event::DirectoryChanged {});
        }
        if balance_changed {
            let balance = self.ask("BALANCE").unwrap();
            self.tell(Event::BalanceChanged { balance });
        }
        self.settle();
    }

    fn plan_changed(&mut self, plan: Plan) {
        let ids: Vec<CallId> = self.calls.keys().cloned().collect();
        for id in ids {
            let _ = self.change(&id, call::Input::PlanChanged(plan));
        }
        let me = Box::new(self.me_now().unwrap());
        self.tell(Event::MeChanged { me });
    }

    // The session's shell.

    fn input(&mut self, input: Input) {
        self.session.handle(self.clock, input);
        self.settle();
    }

    /// Carries out what the session says, and answers what it asks, until there is nothing.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.session.poll() {
                self.carry_out(output);
            }
            if self.withholds || self.is_cut_off {
                return;
            }
            let Some((id, request)) = self.requests.pop_front() else {
                return;
            };
            let answer = self.serve(request);
            self.session.handle(self.clock, Input::Answer(id, answer));
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Http(id, request) => self.requests.push_back((id, request)),
            Output::SocketConnect(resume) if !self.is_cut_off => {
                self.is_online = true;
                let now = self.now();
                self.session.handle(self.clock, Input::WallClock(now));
                let welcome = ServerMessage::Welcome {
                    stream_id: "stream".into(),
                    seq: self.seq,
                    resumed: resume.is_some(),
                    now,
                    reconnect_ms: Limits::default().reconnect_ms.unsigned_abs(),
                };
                self.hear(welcome);
            }
            Output::SocketSend(_) => self.hear(ServerMessage::HeartbeatAck {}),
            Output::SocketClose => self.is_online = false,
            Output::MediaStart(id, _) if !self.is_cut_off => {
                self.media = Some(id);
                let offered = MediaInput::Offered("offer".into());
                self.session.handle(self.clock, Input::Media(id, offered));
            }
            Output::MediaAnswer(id, _) => {
                let connected = Input::Media(id, MediaInput::Connected);
                self.session.handle(self.clock, connected);
                if let Some((call, leg)) = self.leg.clone() {
                    let _ = self.change(&call, call::Input::MediaConnected(leg));
                }
            }
            Output::MediaClose(_) => self.media = None,
            Output::Finished(_, result) => self.finished = Some(result),
            Output::WakeAt(at) => self.wake_at = Some(at),
            Output::SocketConnect(_)
            | Output::MediaStart(..)
            | Output::MediaEnd
            | Output::Stamp(_)
            | Output::Microphone { .. }
            | Output::Notify(_) => {}
        }
    }

    fn hear(&mut self, message: ServerMessage) {
        if self.is_online {
            let heard = Input::Socket(Box::new(message));
            self.session.handle(self.clock, heard);
        }
    }

    fn tell(&mut self, event: Event) {
        if self.is_online {
            self.seq += 1;
            let (seq, event) = (self.seq, Box::new(event));
            self.hear(ServerMessage::Event { seq, event });
        }
    }

    // The service.

    fn serve(&mut self, request: Request) -> Result<Reply, Failure> {
        let me = self.me();
        match request {
            Request::SignIn(_) | Request::AcceptInvite(_) | Request::Resume => {
                return Ok(Reply::SignedIn {
                    device_id: device_of(&me),
                    user_id: me,
                });
            }
            Request::SignOut | Request::Refresh => {}
            Request::Me => return Ok(Reply::Me(Box::new(self.me_now()?))),
            Request::Users => {
                return Ok(Reply::Users(self.ask::<List<User>>("LIST_USERS")?.data));
            }
            Request::Availability => {
                let directory = self.directory();
                let members = directory.members.iter();
                let all = members.map(|(user, _)| self.availability(user));
                return Ok(Reply::Availability(all.collect()));
            }
            Request::ActiveCalls => {
                let active = self.calls.iter().filter(|(_, machine)| !machine.is_over());
                let shown = active.map(|(id, _)| self.shown(id));
                return Ok(Reply::ActiveCalls(shown.collect::<Result<_, _>>()?));
            }
            Request::Invitations => {
                let machines = self.calls.values();
                let open = machines.filter_map(|machine| machine.open_invitation(&me));
                return Ok(Reply::Invitations(open.cloned().collect()));
            }
            Request::Balance => return Ok(Reply::Balance(self.ask("BALANCE")?)),
            Request::Call(id) => return Ok(Reply::Call(Box::new(self.shown(&id)?))),
            Request::PlaceCall(request) => {
                let lead = request.lead_id.as_ref().unwrap().as_str();
                let lead = lead.trim_start_matches(LeadId::PREFIX);
                let placed = self.placed(me, lead, Direction::Outbound);
                let id = placed.id.clone();
                self.begin(placed);
                return Ok(Reply::Call(Box::new(self.shown(&id)?)));
            }
            Request::Answer(id) => {
                self.change(&id, call::Input::Answer { user: me })?;
                return Ok(Reply::Call(Box::new(self.shown(&id)?)));
            }
            Request::HangUp(id) => self.change(&id, call::Input::HangUp { user: me })?,
            Request::Hold(id, held) => {
                self.change(&id, call::Input::SetHeld { user: me, held })?;
            }
            Request::Mute(id, muted) => {
                let device = device_of(&me);
                let input = call::Input::SetMuted {
                    user: me,
                    device,
                    muted,
                };
                self.change(&id, input)?;
            }
            Request::PauseRecording(id, paused) => {
                self.change(&id, call::Input::SetRecordingPaused { user: me, paused })?;
            }
            Request::MicrophoneTrouble(id, trouble) => {
                let device = device_of(&me);
                let input = call::Input::SetMicrophoneTrouble {
                    user: me,
                    device,
                    trouble,
                };
                self.change(&id, input)?;
            }
            Request::Dtmf(..) => {}
            Request::Media(id, _) => {
                let machine = self.machine(&id)?;
                let leg = machine.media_leg(&me, &device_of(&me)).map_err(refused)?;
                // The app stamps its packets.
                let widest = mix::Mode::Barge;
                let device = device_of(&me);
                let input = call::Input::MediaOffered {
                    leg,
                    device,
                    widest,
                };
                self.change(&id, input)?;
                let coach_leg = self.machine(&id)?.coach_leg(&me).cloned();
                self.leg = Some((id, leg));
                return Ok(Reply::MediaAnswer("answer".into(), coach_leg.map(Box::new)));
            }
            Request::Join(id, request) => {
                let join = Join {
                    user: me.clone(),
                    device: device_of(&me),
                    authority: self.authority(&me),
                    leg: leg_of(&me),
                    invitation: request.invitation_id,
                };
                self.change(&id, call::Input::Join(join))?;
                return self.coach_leg(&id);
            }
            Request::Mode(id, mode) => {
                let input = call::Input::SetMode {
                    device: device_of(&me),
                    authority: self.authority(&me),
                    user: me,
                    mode,
                };
                self.change(&id, input)?;
                return self.coach_leg(&id);
            }
            Request::Leave(id) => {
                let device = device_of(&me);
                self.change(&id, call::Input::Leave { user: me, device })?;
            }
            Request::Invite(id, request) => {
                self.invite(&id, me, &request.user_ids)?;
                let open = self.machine(&id)?.open_invitations();
                let asked = open.filter(|one| request.user_ids.contains(&one.invitee_id));
                return Ok(Reply::Invitations(asked.cloned().collect()));
            }
            Request::Decline(invitation) => {
                let mut calls = self.calls.iter();
                let of = calls.find(|(_, call)| call.invitation(&invitation).is_some());
                let id = of.expect("an invitation of a call").0.clone();
                let user = me;
                self.change(&id, call::Input::Decline { user, invitation })?;
            }
        }
        Ok(Reply::Done)
    }

    fn ask<T: DeserializeOwned>(&self, route: &str) -> Result<T, Failure> {
        let me = self.me.as_ref().map_or(ADMIN, UserId::as_str);
        self.tape.ask(&self.state, me, route)
    }

    fn me_now(&self) -> Result<Me, Failure> {
        let mut me: Me = self.ask("ME")?;
        me.organization.plan = self.plan.unwrap_or(me.organization.plan);
        Ok(me)
    }

    fn directory(&self) -> Rc<Directory> {
        self.tape.directory(&self.state)
    }

    fn organization_plan(&self) -> Plan {
        self.plan.unwrap_or(self.directory().plan)
    }

    fn authority(&self, user: &UserId) -> Authority {
        let directory = self.directory();
        let found = directory.members.iter().find(|(member, _)| member == user);
        let Some((_, permissions)) = found else {
            return Authority::none(false);
        };
        Authority::new(true, permissions, self.organization_plan()).with_funds(self.has_funds)
    }

    fn viewer(&self, user: &UserId) -> Viewer {
        Viewer {
            user: user.clone(),
            authority: self.authority(user),
        }
    }

    fn client_of(&self, user: &UserId) -> Option<ClientType> {
        let away = AWAY.iter().find(|(id, _)| *id == user.as_str());
        match away {
            Some((_, client)) if self.me.as_ref() != Some(user) => *client,
            _ => Some(ClientType::Native),
        }
    }

    /// As the service lists it: one line for each type of client.
    fn availability(&self, user: &UserId) -> UserAvailability {
        let online = self.client_of(user);
        let of_user = self
            .calls
            .values()
            .filter(|machine| machine.rep() == user && !machine.is_over() && !machine.rings_in());
        let active: Vec<ActiveCall> = of_user
            .map(|machine| ActiveCall {
                id: machine.id().clone(),
                lead: machine.lead_brief().clone(),
            })
            .collect();
        let line = |client_type| ClientAvailability {
            client_type,
            status: match online == Some(client_type) {
                true => PresenceStatus::Online,
                false => PresenceStatus::Offline,
            },
            active_calls: match client_type {
                ClientType::Native => active.clone(),
                _ => Vec::new(),
            },
        };
        UserAvailability {
            user_id: user.clone(),
            availability: [ClientType::Native, ClientType::Web, ClientType::Mobile]
                .map(line)
                .into(),
        }
    }

    fn machine(&self, id: &CallId) -> Result<&Machine, Failure> {
        let none = || Failure::refused(Code::NotFound, "There's no such call.");
        self.calls.get(id).ok_or_else(none)
    }

    /// The call as this user may see it.
    fn shown(&self, id: &CallId) -> Result<Call, Failure> {
        Ok(self.machine(id)?.view(&self.viewer(&self.me())))
    }

    fn coach_leg(&self, id: &CallId) -> Result<Reply, Failure> {
        let leg = self.machine(id)?.coach_leg(&self.me()).cloned();
        Ok(Reply::CoachLeg(Box::new(leg.expect("the coach is let in"))))
    }

    fn placed(&self, rep: UserId, lead: &str, direction: Direction) -> Placed {
        let directory = self.directory();
        let (brief, contact, remote_phone) = if lead == SOMEONE {
            let brief = LeadBrief {
                id: LeadId::from_suffix(lead).unwrap(),
                display_name: "Someone".into(),
            };
            let contact = ContactId::from_suffix(lead).unwrap();
            (brief, contact, SOMEONES_PHONE.to_owned())
        } else {
            let id = LeadId::from_suffix(lead).unwrap();
            let mut leads = directory.leads.iter();
            let lead = leads.find(|lead| lead.id == id).unwrap();
            let contact = lead.contacts.first().unwrap();
            let phone = contact.phones.first().unwrap().phone.clone();
            let brief = LeadBrief {
                id,
                display_name: lead.display_name.clone(),
            };
            (brief, contact.id.clone(), phone)
        };
        // A second call with the same lead.
        let is_taken = |id: &CallId| self.calls.get(id).is_some_and(|call| !call.is_over());
        let suffix = match is_taken(&id_of_call(lead)) {
            true => format!("{lead}2"),
            false => lead.to_owned(),
        };
        Placed {
            id: id_of_call(&suffix),
            rep,
            rep_leg: LegId::from_suffix(&format!("rep_{suffix}")).unwrap(),
            lead: brief,
            contact: Some(contact),
            direction,
            local_phone: match direction {
                Direction::Outbound if lead == SOMEONE => SOME_NUMBER.into(),
                _ => directory.main_line.clone(),
            },
            local_phone_type: PhoneNumberKind::Internal,
            remote_phone,
        }
    }

    fn begin(&mut self, placed: Placed) {
        let (id, rep) = (placed.id.clone(), placed.rep.clone());
        let outbound = placed.direction == Direction::Outbound;
        let machine = Machine::new(self.now(), placed, Limits::default());
        self.calls.insert(id.clone(), machine);
        self.told(&id);
        if outbound {
            self.change(&id, call::Input::Lead(LeadProgress::Ringing))
                .unwrap();
        }
        if self.me.as_ref() != Some(&rep) {
            self.change(&id, call::Input::MediaConnected(REP_LEG))
                .unwrap();
        }
    }

    fn invite(&mut self, id: &CallId, rep: UserId, users: &[UserId]) -> Result<(), Failure> {
        let invitees = users.iter().map(|user| Invitee {
            user: user.clone(),
            authority: self.authority(user),
            native_online: self.client_of(user) == Some(ClientType::Native),
            invitation: InvitationId::from_suffix(name_of(user)).unwrap(),
        });
        let invitees = invitees.collect();
        let user = rep;
        self.change(id, call::Input::Invite { user, invitees })
    }

    /// Tells a call's machine, and whoever may know what came of it.
    fn change(&mut self, id: &CallId, input: call::Input) -> Result<(), Failure> {
        let now = self.now();
        let none = || Failure::refused(Code::NotFound, "There's no such call.");
        let machine = self.calls.get_mut(id).ok_or_else(none)?;
        let result = machine.handle(now, input).map_err(refused);
        self.told(id);
        result
    }

    /// Tells this user what they may see of what happened on a call, as `calls` tells everybody.
    fn told(&mut self, id: &CallId) {
        let mut outputs = Vec::new();
        while let Some(output) = self.calls.get_mut(id).and_then(Machine::poll) {
            outputs.push(output);
        }
        let Some(me) = self.me.clone() else {
            return;
        };
        for output in outputs {
            match output {
                call::Output::CallChanged => {
                    let call = Box::new(self.shown(id).unwrap());
                    let user = self.availability(&call.user_id);
                    self.tell(Event::CallChanged { call });
                    self.tell(Event::AvailabilityChanged { user });
                }
                call::Output::CoachLegChanged(coach_leg) => {
                    let record = self.calls[id].record();
                    if coach_leg.user_id == me
                        || call::may_see_coach_legs(&record, &self.viewer(&me))
                    {
                        let call_id = id.clone();
                        self.tell(Event::CoachLegChanged { call_id, coach_leg });
                    }
                }
                call::Output::InvitationChanged(invitation)
                    if [&invitation.inviter_id, &invitation.invitee_id].contains(&&me) =>
                {
                    self.tell(Event::InvitationChanged { invitation });
                }
                _ => {}
            }
        }
    }
}

/// What a command of the shell answers, of what the session does.
fn as_answered(action: &Action, reply: Reply) -> Value {
    match (action, reply) {
        (Action::Command(Command::PlaceCall(_)), Reply::Call(call)) => json!(call),
        (_, Reply::Invitations(invitations)) => json!(invitations),
        _ => Value::Null,
    }
}

pub fn place_call(lead: &str) -> PlaceCallRequest {
    PlaceCallRequest {
        local_phone_id: PhoneNumberId::parse(MAIN_LINE).unwrap(),
        lead_id: Some(LeadId::from_suffix(lead).unwrap()),
        contact_id: None,
        remote_phone: None,
    }
}

pub fn id_of_call(lead: &str) -> CallId {
    CallId::from_suffix(lead).unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::from_suffix(name).unwrap()
}

fn name_of(user: &UserId) -> &str {
    user.as_str().trim_start_matches(UserId::PREFIX)
}

fn device(name: &str) -> DeviceId {
    DeviceId::from_suffix(name).unwrap()
}

fn device_of(user: &UserId) -> DeviceId {
    device(name_of(user))
}

fn leg_of(user: &UserId) -> LegId {
    LegId::from_suffix(name_of(user)).unwrap()
}

fn refused(refusal: call::Refusal) -> Failure {
    Failure::refused(refusal.code, refusal.message)
}
