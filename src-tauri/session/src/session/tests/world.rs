//! Values of the vocabulary, and a session with what it has said so far.

use std::time::Duration;

use mix::Mode;
use wire::{
    Call, CallId, CallStatus, ClientType, CoachLeg, CoachLegStatus, CoachMode, DeviceId, Direction,
    Invitation, InvitationId, InvitationStatus, Joinability, LeadBrief, LeadId, LegId, Me,
    Membership, MembershipId, Organization, OrganizationId, ParticipationAction,
    ParticipationEntry, Permission, PhoneNumberId, PhoneNumberKind, PlaceCallRequest, Plan,
    RecordingSettings, Role, RoleId, ServerMessage, SignInRequest, Timestamp, User, UserId,
};

use crate::*;

pub fn user(name: &str) -> UserId {
    UserId::from_suffix(name).unwrap()
}

pub fn device() -> DeviceId {
    DeviceId::from_suffix("mine").unwrap()
}

pub fn call_id() -> CallId {
    CallId::from_suffix("1").unwrap()
}

/// A coach's leg after `changes` lines of history, the last of them to this mode.
pub fn leg(mode: Mode, changes: usize) -> CoachLeg {
    let history = (0..=changes).map(|n| ParticipationEntry {
        action: ParticipationAction::Listen,
        timestamp: Timestamp(n as i64),
    });
    CoachLeg {
        id: LegId::from_suffix("1").unwrap(),
        user_id: user("me"),
        device_id: device(),
        status: CoachLegStatus::Connected,
        mode: mode.into(),
        muted: false,
        microphone_trouble: false,
        date_created: Timestamp(0),
        date_connected: None,
        date_done: None,
        end_reason: None,
        participation_history: history.collect(),
    }
}

/// What the service's clock shows as it says `welcome`.
pub const SERVICE_NOW: Timestamp = Timestamp(1_000_000);

/// The user, with a role that holds these permissions.
pub fn me(permissions: &[Permission]) -> Me {
    let (organization_id, role_id) = (
        OrganizationId::from_suffix("1").unwrap(),
        RoleId::from_suffix("1").unwrap(),
    );
    Me {
        user: User {
            id: user("me"),
            first_name: "Mona".into(),
            last_name: "Moss".into(),
            email: "me@demo.example".into(),
        },
        membership: Membership {
            id: MembershipId::from_suffix("1").unwrap(),
            organization_id: organization_id.clone(),
            role_id: role_id.clone(),
        },
        organization: Organization {
            id: organization_id,
            name: "Acme".into(),
            country: "US".into(),
            time_zone: "UTC".into(),
            plan: Plan::Enterprise,
            plan_change_allowed: false,
            coach_rate_micro_dollars_per_minute: 4_000,
            call_rate_micro_dollars_per_minute: 13_000,
            recording: RecordingSettings {
                enabled: false,
                announced: false,
                retention_days: 0,
            },
            second_factor_required: false,
        },
        role: Role {
            id: role_id,
            name: "Role".into(),
            permissions: permissions.to_vec(),
            built_in: false,
        },
    }
}

pub fn call(rep: &str, status: CallStatus, coach_legs: Vec<CoachLeg>) -> Call {
    Call {
        id: call_id(),
        user_id: user(rep),
        rep_leg_id: LegId::from_suffix("rep").unwrap(),
        lead: LeadBrief {
            id: LeadId::from_suffix("1").unwrap(),
            display_name: "Globex".into(),
        },
        contact_id: None,
        direction: Direction::Outbound,
        status,
        local_phone: "+15550001".into(),
        local_phone_type: PhoneNumberKind::Internal,
        remote_phone: "+15551000".into(),
        date_created: Timestamp(0),
        date_answered: None,
        date_ended: None,
        duration: 0,
        hangup_cause: None,
        held: false,
        muted: false,
        rep_reconnecting: false,
        microphone_trouble: false,
        recording_url: None,
        recording: None,
        outcome_id: None,
        disposition: None,
        note: String::new(),
        coach_legs,
        joinability: Joinability {
            joinable: true,
            code: None,
            message: None,
        },
    }
}

pub fn invitation(status: InvitationStatus) -> Invitation {
    Invitation {
        id: InvitationId::from_suffix("1").unwrap(),
        call_id: call_id(),
        lead: call("rep", CallStatus::InProgress, vec![]).lead,
        inviter_id: user("rep"),
        invitee_id: user("me"),
        status,
        date_created: Timestamp(1_000_000),
        date_expires: Timestamp(1_060_000),
    }
}

/// A session, and what its shell would know.
pub struct World {
    pub session: Session,
    pub now: Duration,
    pub outputs: Vec<Output>,
    pub stamp: Mode,
    pub open: bool,
    pub media: Option<MediaId>,
    pub wake_at: Option<Duration>,
    pub seq: u64,
    next_command: u64,
}

impl World {
    pub fn new() -> Self {
        Self {
            session: Session::new(ClientType::Native),
            now: Duration::from_secs(1),
            outputs: vec![],
            stamp: Mode::Listen,
            open: false,
            media: None,
            wake_at: None,
            seq: 0,
            next_command: 0,
        }
    }

    /// Signed in, online, with everything read.
    pub fn online() -> Self {
        let mut world = Self::new();
        world.command(Command::SignIn(SignInRequest {
            email: "me@demo.example".into(),
            password: "secret".into(),
            client_type: ClientType::Native,
            device_name: None,
        }));
        let (id, _) = world.asked(|request| matches!(request, Request::SignIn(_)));
        world.answer(
            id,
            Ok(Reply::SignedIn {
                user_id: user("me"),
                device_id: device(),
            }),
        );
        world.welcome(false);
        world.outputs.clear();
        world
    }

    /// A coach whose sound flows.
    pub fn coaching() -> Self {
        let mut world = Self::online();
        world.command(Command::Join {
            call_id: call_id(),
            invitation_id: None,
        });
        let (id, _) = world.asked(|request| matches!(request, Request::Join(..)));
        world.answer(id, Ok(Reply::CoachLeg(Box::new(leg(Mode::Listen, 0)))));
        world.connect_media();
        world.outputs.clear();
        world
    }

    /// A rep whose sound flows.
    pub fn calling() -> Self {
        let mut world = Self::online();
        world.command(Command::PlaceCall(PlaceCallRequest {
            local_phone_id: PhoneNumberId::from_suffix("1").unwrap(),
            lead_id: Some(LeadId::from_suffix("1").unwrap()),
            contact_id: None,
            remote_phone: None,
        }));
        let (id, _) = world.asked(|request| matches!(request, Request::PlaceCall(_)));
        let placed = call("me", CallStatus::Created, vec![]);
        world.answer(id, Ok(Reply::Call(Box::new(placed))));
        world.connect_media();
        world.outputs.clear();
        world
    }

    pub fn connect_media(&mut self) {
        let media = self.media.expect("media was started");
        self.input(Input::Media(media, MediaInput::Offered("offer".into())));
        let (id, _) = self.asked(|request| matches!(request, Request::Media(..)));
        self.answer(id, Ok(Reply::MediaAnswer("answer".into(), None)));
        self.input(Input::Media(media, MediaInput::Connected));
    }

    pub fn input(&mut self, input: Input) {
        self.session.handle(self.now, input);
        while let Some(output) = self.session.poll() {
            match &output {
                Output::Stamp(mode) => self.stamp = *mode,
                Output::Microphone { open } => self.open = *open,
                Output::MediaStart(id, _) => self.media = Some(*id),
                Output::MediaClose(_) => self.media = None,
                Output::WakeAt(at) => self.wake_at = Some(*at),
                _ => {}
            }
            self.outputs.push(output);
        }
    }

    pub fn command(&mut self, command: Command) -> CommandId {
        let id = CommandId(self.next_command);
        self.next_command += 1;
        self.input(Input::Command(id, command));
        id
    }

    pub fn mode(&mut self, mode: Mode) -> CommandId {
        self.command(Command::SetMode(CoachMode::from(mode)))
    }

    pub fn answer(&mut self, id: RequestId, result: Result<Reply, Failure>) {
        self.input(Input::Answer(id, result));
    }

    pub fn event(&mut self, event: wire::Event) {
        self.seq += 1;
        self.input(Input::Socket(Box::new(ServerMessage::Event {
            seq: self.seq,
            event: Box::new(event),
        })));
    }

    pub fn input_me(&mut self, me: Me) {
        self.event(wire::Event::MeChanged { me: Box::new(me) });
    }

    pub fn leg_event(&mut self, leg: CoachLeg) {
        self.event(wire::Event::CoachLegChanged {
            call_id: call_id(),
            coach_leg: Box::new(leg),
        });
    }

    pub fn welcome(&mut self, resumed: bool) {
        self.input(Input::Socket(Box::new(ServerMessage::Welcome {
            stream_id: "stream".into(),
            seq: self.seq,
            resumed,
            now: SERVICE_NOW,
            reconnect_ms: 30_000,
        })));
    }

    /// Time goes by, and the session is woken when it asked to be.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.wake_at.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.wake_at = None;
            self.input(Input::Wake);
        }
        self.now = end;
    }

    /// The newest request of a kind.
    pub fn asked(&self, is: impl Fn(&Request) -> bool) -> (RequestId, Request) {
        self.asked_all(is).pop().expect("a request of this kind")
    }

    pub fn asked_all(&self, is: impl Fn(&Request) -> bool) -> Vec<(RequestId, Request)> {
        let requests = self.outputs.iter().filter_map(|output| match output {
            Output::Http(id, request) if is(request) => Some((*id, request.clone())),
            _ => None,
        });
        requests.collect()
    }

    pub fn finished(&self, id: CommandId) -> Option<&Result<Reply, Failure>> {
        self.outputs.iter().find_map(|output| match output {
            Output::Finished(finished, result) if *finished == id => Some(result),
            _ => None,
        })
    }

    pub fn position(&self, is: impl Fn(&Output) -> bool) -> usize {
        self.outputs.iter().position(is).expect("such an output")
    }

    pub fn said(&self, is: impl Fn(&Notice) -> bool) -> bool {
        self.outputs
            .iter()
            .any(|output| matches!(output, Output::Notify(notice) if is(notice)))
    }
}
