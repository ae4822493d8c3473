//! A call to try things on: ids by number, a clock that is set by hand, and all outputs so far.

use call::{
    Authority, Digits, Input, Invitee, Join, LeadProgress, Limits, Machine, Output, Placed,
    Refusal, Viewer,
};
use wire::{
    CoachLeg, CoachMode, Code, DeviceId, Direction, InvitationId, LeadBrief, LeadId, LegId,
    PhoneNumberKind, Plan, Timestamp, UserId,
};

pub const REP: u32 = 0;
pub const MORGAN: u32 = 1;
pub const CASEY: u32 = 2;
pub const SAM: u32 = 3;

pub const START_MS: i64 = 1_000_000;

pub fn user(n: u32) -> UserId {
    UserId::from_suffix(&n.to_string()).unwrap()
}

pub fn device(n: u32) -> DeviceId {
    DeviceId::from_suffix(&n.to_string()).unwrap()
}

pub fn invitation(n: u32) -> InvitationId {
    InvitationId::from_suffix(&n.to_string()).unwrap()
}

pub fn manager() -> Authority {
    Authority {
        active: true,
        listen: true,
        barge: true,
        plan: Plan::Enterprise,
        funds: true,
    }
}

pub fn trainee() -> Authority {
    Authority {
        barge: false,
        ..manager()
    }
}

pub fn nobody() -> Authority {
    Authority {
        listen: false,
        ..trainee()
    }
}

pub fn placed() -> Placed {
    Placed {
        id: wire::CallId::from_suffix("1").unwrap(),
        rep: user(REP),
        rep_leg: LegId::from_suffix("rep").unwrap(),
        lead: LeadBrief {
            id: LeadId::from_suffix("globex").unwrap(),
            display_name: "Globex".into(),
        },
        contact: None,
        direction: Direction::Outbound,
        local_phone: "+15550001".into(),
        local_phone_type: PhoneNumberKind::Internal,
        remote_phone: "+15551200".into(),
    }
}

#[derive(Clone)]
pub struct World {
    pub machine: Machine,
    pub now: Timestamp,
    pub outputs: Vec<Output>,
    next_leg: u32,
}

impl World {
    /// A call that was placed just now.
    pub fn placed(placed: Placed, limits: Limits) -> Self {
        let now = Timestamp(START_MS);
        let mut world = Self {
            machine: Machine::new(now, placed, limits),
            now,
            outputs: Vec::new(),
            next_leg: 0,
        };
        world.drain();
        world
    }

    /// A call in progress whose rep is connected.
    pub fn answered() -> Self {
        Self::answered_with(placed(), Limits::default())
    }

    pub fn answered_with(placed: Placed, limits: Limits) -> Self {
        let mut world = Self::placed(placed, limits);
        world.ok(Input::MediaConnected(call::REP_LEG));
        world.ok(Input::Lead(LeadProgress::Ringing));
        world.ok(Input::Lead(LeadProgress::Answered));
        world
    }

    fn drain(&mut self) -> Vec<Output> {
        let mut new = Vec::new();
        while let Some(output) = self.machine.poll() {
            new.push(output);
        }
        self.outputs.extend(new.iter().cloned());
        new
    }

    /// Handles an input now; what it put out.
    pub fn give(&mut self, input: Input) -> Result<Vec<Output>, Refusal> {
        let result = self.machine.handle(self.now, input);
        let outputs = self.drain();
        result.map(|()| outputs)
    }

    pub fn ok(&mut self, input: Input) -> Vec<Output> {
        self.give(input).unwrap()
    }

    /// The code with which an input is refused.
    pub fn refused(&mut self, input: Input) -> Code {
        let before = self.machine.record();
        let refusal = self.give(input).unwrap_err();
        assert_eq!(self.machine.record(), before, "a refusal changes nothing");
        assert!(refusal.message.ends_with('.'), "{}", refusal.message);
        refusal.code
    }

    /// Lets time pass, and the machine see it.
    pub fn pass(&mut self, millis: i64) -> Vec<Output> {
        self.now = self.now.plus_millis(millis);
        self.give(Input::TimePassed).unwrap_or_default()
    }

    pub fn join_input(&mut self, who: u32, on: u32, authority: Authority) -> Input {
        self.next_leg += 1;
        Input::Join(Join {
            user: user(who),
            device: device(on),
            authority,
            leg: LegId::from_suffix(&self.next_leg.to_string()).unwrap(),
            invitation: None,
        })
    }

    /// A manager joins on the device with their number, and connects; their leg in the media.
    pub fn coach(&mut self, who: u32) -> mix::LegNumber {
        let join = self.join_input(who, who, manager());
        self.ok(join);
        let leg = self.media_leg(who);
        self.ok(Input::MediaConnected(leg));
        leg
    }

    pub fn media_leg(&self, who: u32) -> mix::LegNumber {
        let on = self.leg(who).device_id.clone();
        self.machine.media_leg(&user(who), &on).unwrap()
    }

    pub fn leg(&self, who: u32) -> &CoachLeg {
        self.machine.coach_leg(&user(who)).unwrap()
    }

    pub fn last_leg(&self, who: u32) -> &CoachLeg {
        self.machine.last_coach_leg(&user(who)).unwrap()
    }

    pub fn actions(&self, who: u32) -> Vec<wire::ParticipationAction> {
        let history = &self.last_leg(who).participation_history;
        history.iter().map(|entry| entry.action).collect()
    }
}

pub fn mode(who: u32, mode: CoachMode) -> Input {
    mode_on(who, who, mode, manager())
}

pub fn mode_on(who: u32, on: u32, mode: CoachMode, authority: Authority) -> Input {
    Input::SetMode {
        user: user(who),
        device: device(on),
        mode,
        authority,
    }
}

pub fn leave(who: u32) -> Input {
    leave_on(who, who)
}

pub fn leave_on(who: u32, on: u32) -> Input {
    Input::Leave {
        user: user(who),
        device: device(on),
    }
}

pub fn invite(who: &[(u32, u32)]) -> Input {
    Input::Invite {
        user: user(REP),
        invitees: who.iter().map(|&(who, id)| invitee(who, id)).collect(),
    }
}

pub fn invitee(who: u32, id: u32) -> Invitee {
    Invitee {
        user: user(who),
        authority: manager(),
        native_online: true,
        invitation: invitation(id),
    }
}

pub fn viewer(who: u32, authority: Authority) -> Viewer {
    Viewer {
        user: user(who),
        authority,
    }
}

pub fn hang_up(who: u32) -> Input {
    Input::HangUp { user: user(who) }
}

pub fn dtmf(who: u32, digits: &str) -> Input {
    Input::Dtmf {
        user: user(who),
        digits: Digits::parse(digits).unwrap(),
    }
}
