//! What the WebSocket says.

use std::time::Duration;

use wire::{
    Call, CallId, ClientMessage, CoachLeg, CoachLegStatus, Code, Event, Invitation,
    InvitationStatus, LegEndReason, ServerMessage,
};

use crate::link::{LinkAction, Order};
use crate::{Coaching, EndReason, Failure, MediaRole, Notice, Output, Request};

use super::{Purpose, Session, TOUCHED_MAX};

impl Session {
    pub(super) fn connect(&mut self, now: Duration) {
        let action = self.link.connect(now);
        self.link_action(now, action);
    }

    pub(super) fn link_action(&mut self, now: Duration, action: LinkAction) {
        match action {
            LinkAction::Connect(resume) => self.outputs.push_back(Output::SocketConnect(resume)),
            LinkAction::Refresh => {
                self.request(Request::Refresh, Purpose::Refresh);
            }
            LinkAction::Heartbeat => self
                .outputs
                .push_back(Output::SocketSend(ClientMessage::Heartbeat {})),
            LinkAction::Dead => {
                self.outputs.push_back(Output::SocketClose);
                self.socket_closed(now, 1.0);
            }
        }
    }

    pub(super) fn heard(&mut self, now: Duration, message: ServerMessage) {
        self.link.heard();
        match message {
            ServerMessage::Welcome {
                stream_id,
                seq,
                resumed,
                now: service_now,
            } => {
                self.clock.set(now, service_now);
                self.link.welcomed(now, stream_id, seq, resumed);
                if let Some(wall) = self.wall {
                    self.view.clock_offset_ms = service_now.0.saturating_sub(wall.0);
                }
                if !resumed || self.stale {
                    self.reload();
                }
                if self.view.coaching.as_ref().is_some_and(Coaching::in_doubt) {
                    self.reread_at = Some(now);
                }
            }
            ServerMessage::Event { seq, event } => match self.link.numbered(seq) {
                Order::Old => {}
                Order::Next => self.event(now, *event),
                Order::Gap => {
                    self.event(now, *event);
                    self.reload();
                }
            },
            ServerMessage::Levels { call_id, levels } => {
                self.notify(Notice::Levels(call_id, levels));
            }
            // The service tells each device of the rep; only the one that is on the call shows it.
            ServerMessage::LeadKey { call_id, key } => {
                if self.is_my_call(&call_id) {
                    self.notify(Notice::LeadKey(call_id, key));
                }
            }
            ServerMessage::LeadQuality { call_id, quality } => {
                if self.is_my_call(&call_id) {
                    self.notify(Notice::LeadQuality(call_id, quality));
                }
            }
            ServerMessage::HeartbeatAck {} | ServerMessage::GoingAway {} => {}
            ServerMessage::Error { code, message } => {
                if code == Code::Unauthenticated {
                    self.link.token_refused();
                } else {
                    self.notify(Notice::Trouble(Failure::refused(code, message)));
                }
            }
        }
    }

    /// Whether it is the call that this device is on as its rep.
    fn is_my_call(&self, call_id: &CallId) -> bool {
        let my_call = self.view.my_call.as_ref();
        my_call.is_some_and(|my| my.call.id == *call_id)
    }

    pub(super) fn event(&mut self, now: Duration, event: Event) {
        match event {
            Event::AvailabilityChanged { user } => {
                self.view
                    .availability
                    .insert(user.user_id.clone(), user.clone());
                self.notify(Notice::Availability(user));
            }
            Event::CallChanged { call } => self.call_seen(&call),
            Event::CoachLegChanged { call_id, coach_leg } => {
                self.other_leg_seen(&call_id, &coach_leg);
                let mine = |coaching: &&mut Coaching| coaching.leg.id == coach_leg.id;
                if let Some(coaching) = self.view.coaching.as_mut().filter(mine) {
                    coaching.seen((*coach_leg).clone());
                    self.leg_seen(&coach_leg);
                }
            }
            Event::InvitationChanged { invitation } => self.invitation_seen(now, *invitation),
            Event::DtmfSent { .. } => {}
            Event::MeChanged { me } => {
                self.view.me = Some(*me);
                self.notify(Notice::MeChanged);
            }
            Event::DirectoryChanged {} => {
                self.view.directory_version = self.view.directory_version.wrapping_add(1);
                self.request(Request::Users, Purpose::Load);
                self.notify(Notice::Refreshed);
            }
            Event::BalanceChanged { balance } => self.view.balance = Some(balance),
        }
    }

    pub(super) fn call_seen(&mut self, call: &Call) {
        if self.touched.len() < TOUCHED_MAX {
            self.touched.insert(call.id.clone());
        }
        if call.status.is_over() {
            self.view.calls.remove(&call.id);
        } else {
            self.view.calls.insert(call.id.clone(), call.clone());
        }
        self.notify(Notice::Call(Box::new(call.clone())));
        if let Some(my_call) = self
            .view
            .my_call
            .as_mut()
            .filter(|my| my.call.id == call.id)
        {
            my_call.call = call.clone();
            if call.status.is_over() {
                self.view.my_call = None;
                self.end_sound_of(MediaRole::Rep);
                self.notify(Notice::MyCallEnded(Box::new(call.clone())));
            } else {
                let notice = Notice::MyCall(Box::new(my_call.clone()));
                self.notify(notice);
            }
        }
        let coached = self.view.coaching.as_ref().map(|c| &c.call_id) == Some(&call.id);
        if coached && call.status.is_over() {
            self.end_coaching(EndReason::Leg(LegEndReason::CallEnded));
        }
    }

    /// Any coach's leg, for those who are shown the call.
    pub(super) fn other_leg_seen(&mut self, call_id: &CallId, leg: &CoachLeg) {
        let put =
            |call: &mut Call| match call.coach_legs.iter_mut().find(|known| known.id == leg.id) {
                Some(known) => *known = leg.clone(),
                None => call.coach_legs.push(leg.clone()),
            };
        if let Some(call) = self.view.calls.get_mut(call_id) {
            put(call);
            let notice = Notice::Call(Box::new(call.clone()));
            self.notify(notice);
        }
        if let Some(my_call) = self
            .view
            .my_call
            .as_mut()
            .filter(|my| my.call.id == *call_id)
        {
            put(&mut my_call.call);
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.notify(notice);
        }
    }

    /// The user's own leg, after `coaching` has taken it in.
    pub(super) fn leg_seen(&mut self, leg: &CoachLeg) {
        self.restamp();
        if self.view.device_id.as_ref() != Some(&leg.device_id) {
            self.end_coaching(EndReason::MovedDevice);
        } else if leg.status == CoachLegStatus::Done {
            let reason = leg.end_reason.map_or(EndReason::Gone, EndReason::Leg);
            self.end_coaching(reason);
        } else {
            self.notify_coaching();
        }
    }

    pub(super) fn invitation_seen(&mut self, now: Duration, invitation: Invitation) {
        if Some(&invitation.invitee_id) != self.view.user_id.as_ref() {
            self.notify(Notice::InvitationSent(Box::new(invitation)));
            return;
        }
        if invitation.status == InvitationStatus::Open {
            self.expiries.add(now, self.clock, &invitation);
            self.view
                .invitations
                .insert(invitation.id.clone(), invitation.clone());
            self.notify(Notice::Invited(Box::new(invitation)));
        } else {
            self.expiries.remove(&invitation.id);
            self.view.invitations.remove(&invitation.id);
            self.notify(Notice::InvitationEnded(Box::new(invitation)));
        }
    }

    pub(super) fn socket_closed(&mut self, now: Duration, jitter: f32) {
        let action = self.link.closed(now, jitter);
        self.stale |= self.reload_at.take().is_some();
        self.doubt();
        if let Some(action) = action {
            self.link_action(now, action);
        }
    }

    pub(super) fn reload(&mut self) {
        self.touched.clear();
        self.reload_at = None;
        self.stale = false;
        for request in [
            Request::Me,
            Request::Users,
            Request::Availability,
            Request::ActiveCalls,
            Request::Invitations,
        ] {
            self.request(request, Purpose::Load);
        }
        if let Some(my_call) = &self.view.my_call {
            let call_id = my_call.call.id.clone();
            self.request(Request::Call(call_id), Purpose::MyCall);
        }
        if self.view.coaching.is_some() {
            self.reread_at = Some(Duration::ZERO);
        }
    }
}
