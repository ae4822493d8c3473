//! The owner of every call: one loop, which holds each call's machine and does what that puts out.

use super::events::Events;
use super::hands::{Failed, Hands, Recorded, WORK_MAX, Work};
use super::news::News;
use super::placement::{Envelope, Message};
use super::request::{Answer, Reply, Request, RequestError, Snapshot};
use super::saves::{Saves, Thing};
use call::{
    Annotation, Authority, Input, LeadProgress, Limits, Machine, Output, REP_LEG, Refusal,
    annotate, recorded,
};
use media::{Dial, LeadEvent, LeadLine, Media, MediaEvent};
use recordings::Recordings;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::RecordingPlan;
use store::clock::now;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use wire::{
    ActiveCall, Call, CallId, CallRecording, ClientType, DeviceId, Invitation, InvitationId,
    LeadId, OrganizationId, Plan, ServerMessage, Timestamp, UserId,
};

/// Calls that ended lately and are remembered, until the store surely has them.
const RECENT_MAX: usize = 256;
/// How long a stop, or who forgets a lead, waits for the store.
const FLUSH_MAX: Duration = Duration::from_secs(3);

pub struct Owner {
    pub settings: CallsSettings,
    pub media: Media,
    pub line: Arc<dyn LeadLine>,
    pub events: Arc<dyn Events>,
    /// None when nothing is recorded.
    pub recordings: Option<Arc<Recordings>>,
    pub news: mpsc::Sender<News>,
    pub saves: Saves,
    pub lead_events: mpsc::Sender<LeadEvent>,
    pub failures: mpsc::Sender<Failed>,
    /// Counts changes of what anybody may do.
    pub facts: Arc<AtomicU64>,
    pub active: Arc<AtomicU64>,
    pub state: State,
}

#[derive(Default)]
pub struct State {
    live: HashMap<CallId, Live>,
    timers: BTreeSet<(Timestamp, CallId)>,
    recent: VecDeque<(OrganizationId, Snapshot)>,
    hands: TaskTracker,
}

/// A call in progress.
struct Live {
    organization: OrganizationId,
    client_type: ClientType,
    machine: Machine,
    work: mpsc::Sender<Work>,
    /// When it is to be woken; stands in `timers` too.
    wake: Option<Timestamp>,
}

/// Bounds of calls.
#[derive(Debug, Clone, Copy)]
pub struct CallsSettings {
    /// Of each call.
    pub limits: Limits,
    /// Calls in progress at once.
    pub calls_max: usize,
    /// Calls in progress of one rep.
    pub calls_per_rep_max: usize,
    /// Calls in progress of one organization.
    pub calls_per_organization_max: usize,
}

impl Default for CallsSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            calls_max: 10_000,
            calls_per_rep_max: 100,
            calls_per_organization_max: 1_000,
        }
    }
}

/// Where what happens comes from.
pub struct Sources {
    pub messages: mpsc::Receiver<Message>,
    pub media: mpsc::Receiver<MediaEvent>,
    pub lead: mpsc::Receiver<LeadEvent>,
    pub failures: mpsc::Receiver<Failed>,
}

/// Everything that may happen.
enum Happening {
    Message(Message),
    Media(MediaEvent),
    Lead(LeadEvent),
    Failed(Failed),
    Timer,
}

impl Owner {
    /// Runs until the service stops, or nobody can ask any more.
    pub async fn run(mut self, mut sources: Sources) {
        while let Some(event) = self.next(&mut sources).await {
            match event {
                Happening::Message(Message::Stop(reply)) => {
                    self.stop().await;
                    let _ = reply.send(());
                    return;
                }
                Happening::Message(Message::Asked(envelope)) => self.asked(envelope).await,
                Happening::Media(event) => self.media_said(event).await,
                Happening::Lead(event) => self.lead_said(event).await,
                Happening::Failed(failed) => self.failed(failed).await,
                Happening::Timer => self.timer().await,
            }
        }
    }

    async fn next(&self, sources: &mut Sources) -> Option<Happening> {
        let wake = self.state.timers.first().map(|(at, _)| *at);
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep(Duration::from_millis(at.millis_since(now()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = sources.messages.recv() => message.map(Happening::Message),
            Some(event) = sources.lead.recv() => Some(Happening::Lead(event)),
            Some(event) = sources.media.recv() => Some(Happening::Media(event)),
            Some(failed) = sources.failures.recv() => Some(Happening::Failed(failed)),
            () = wait => Some(Happening::Timer),
        }
    }

    async fn asked(&mut self, envelope: Envelope) {
        let Envelope {
            organization,
            request,
            reply,
        } = envelope;
        let answer = match request {
            Request::Place {
                client_type,
                at,
                placed,
                recording,
            } => {
                let machine = Machine::new(at, *placed, self.settings.limits);
                return self
                    .place(organization, client_type, machine, recording, reply)
                    .await;
            }
            Request::Give {
                call,
                input,
                facts_of,
            } => {
                if facts_of.is_none_or(|of| of == self.facts.load(Ordering::SeqCst)) {
                    return self.give(&organization, &call, input, reply).await;
                }
                Err(RequestError::StaleFacts)
            }
            Request::Decline { user, invitation } => {
                let found = self
                    .of(&organization)
                    .find(|live| live.machine.invitation(&invitation).is_some())
                    .map(|live| live.machine.id().clone());
                match found {
                    Some(call) => {
                        let input = Input::Decline { user, invitation };
                        return self.give(&organization, &call, input, reply).await;
                    }
                    None => Err(self
                        .closed_invitation(&organization, &user, &invitation)
                        .into()),
                }
            }
            Request::Room { rep } => self.room(&organization, &rep).map(|()| Answer::Done),
            Request::Look { call } => self.look(&organization, &call).map(Answer::Call),
            Request::MediaLeg { user, device, call } => self
                .media_leg(&organization, &user, &device, &call)
                .map(Answer::MediaLeg),
            Request::Known => Ok(Answer::Calls(self.known(&organization))),
            Request::Invitations { user } => {
                let open = self
                    .of(&organization)
                    .filter_map(|live| live.machine.open_invitation(&user).cloned());
                Ok(Answer::Invitations(open.collect()))
            }
            Request::Recording { call, recording } => {
                if self.recorded(&organization, &call, recording).await {
                    Ok(Answer::Done)
                } else {
                    Err(RequestError::UnknownCall)
                }
            }
            Request::Annotate { call, annotation } => {
                return self.annotate(organization, call, annotation, reply).await;
            }
            Request::Revised { record } => {
                self.say(News::Call(organization, record)).await;
                Ok(Answer::Done)
            }
            Request::AuthorityChanged { user, authority } => {
                let waits = self.authority_changed(organization, user, authority).await;
                return answer_after(waits, reply);
            }
            Request::PlanChanged { plan } => {
                let waits = self.plan_changed(organization, plan).await;
                return answer_after(waits, reply);
            }
            Request::FundsChanged => {
                self.funds_changed(&organization).await;
                Ok(Answer::Done)
            }
            Request::ForgetLead { lead } => match self.forget_lead(&organization, &lead) {
                Some(kept) => return answer_when_kept(kept, reply),
                None => Err(RequestError::LeadOnCall),
            },
        };
        // Who asked may be gone: an answer that nobody takes is no fault.
        let _ = reply.send(answer);
    }

    /// Whether one more call of this rep's fits.
    fn room(&self, organization: &OrganizationId, rep: &UserId) -> Result<(), RequestError> {
        let settings = &self.settings;
        let of_organization = self.of(organization).count();
        let of_rep = self.of(organization);
        let of_rep = of_rep.filter(|live| live.machine.rep() == rep).count();
        let full = if self.state.live.len() >= settings.calls_max {
            "The service can't take more calls right now. Try again shortly."
        } else if of_organization >= settings.calls_per_organization_max {
            "Your organization has as many calls in progress as it can have. Try again when one ends."
        } else if of_rep >= settings.calls_per_rep_max {
            "You have too many calls in progress. Hang one up first."
        } else {
            return Ok(());
        };
        Err(RequestError::Unavailable(full.to_owned()))
    }

    async fn place(
        &mut self,
        organization: OrganizationId,
        client_type: ClientType,
        machine: Machine,
        recording: Option<RecordingPlan>,
        reply: Reply,
    ) {
        if let Err(full) = self.room(&organization, machine.rep()) {
            let _ = reply.send(Err(full));
            return;
        }
        let record = machine.record();
        let call = machine.id().clone();
        let hands = Hands {
            dial: Dial {
                call: call.clone(),
                organization: organization.clone(),
                local_phone: record.local_phone,
                remote_phone: record.remote_phone,
            },
            media: self.media.clone(),
            line: self.line.clone(),
            lead_events: self.lead_events.clone(),
            failures: self.failures.clone(),
            recording: self
                .recordings
                .clone()
                .zip(recording)
                .map(|(by, plan)| Recorded {
                    by,
                    organization: organization.clone(),
                    plan,
                }),
            lead: None,
            failed: false,
        };
        let (work, works) = mpsc::channel(WORK_MAX);
        let span = tracing::info_span!("call", call_id = %call);
        self.state.hands.spawn(hands.run(works).instrument(span));
        tracing::info!(call_id = %call, "placed");
        self.state.live.insert(
            call.clone(),
            Live {
                organization,
                client_type,
                machine,
                work,
                wake: None,
            },
        );
        self.active
            .store(self.state.live.len() as u64, Ordering::Relaxed);
        self.tell_active(&call).await;
        self.settle(&call, Some(reply)).await;
    }

    async fn give(
        &mut self,
        organization: &OrganizationId,
        call: &CallId,
        input: Input,
        reply: Reply,
    ) {
        let live = self.state.live.get_mut(call);
        let Some(live) = live.filter(|live| live.organization == *organization) else {
            let refused = match self.recent(organization, call) {
                Some(_) => Refusal::over().into(),
                None => RequestError::UnknownCall,
            };
            let _ = reply.send(Err(refused));
            return;
        };
        match live.machine.handle(now(), input) {
            Ok(()) => self.settle(call, Some(reply)).await,
            Err(refusal) => {
                tracing::info!(call_id = %call, code = ?refusal.code, "refused");
                let _ = reply.send(Err(refusal.into()));
                self.settle(call, None).await;
            }
        }
    }

    /// Gives a call something that nobody waits for an answer to.
    async fn tell(&mut self, call: &CallId, input: Input) {
        let Some(live) = self.state.live.get_mut(call) else {
            return;
        };
        if let Err(refusal) = live.machine.handle(now(), input) {
            tracing::debug!(call_id = %call, code = ?refusal.code, "came too late");
        }
        self.settle(call, None).await;
    }

    /// Does what the machine put out, in its order, and answers when the hands are done with it.
    async fn settle(&mut self, call: &CallId, reply: Option<Reply>) {
        let Some(live) = self.state.live.get_mut(call) else {
            return;
        };
        let organization = live.organization.clone();
        let outputs: Vec<Output> = std::iter::from_fn(|| live.machine.poll()).collect();
        if outputs.is_empty() && reply.is_none() {
            self.schedule(call);
            return;
        }
        let snapshot = Snapshot::of(&live.machine);
        let record = &snapshot.record;
        let mut ended = None;
        for output in outputs {
            match &output {
                Output::CallChanged => {
                    tracing::info!(call_id = %call, status = ?record.status, held = record.held, "changed");
                    self.saves.save(&organization, Thing::Call(record.clone()));
                    self.say(News::Call(organization.clone(), record.clone()))
                        .await;
                }
                Output::CoachLegChanged(leg) => {
                    tracing::info!(call_id = %call, leg_id = %leg.id, status = ?leg.status, mode = ?leg.mode, reason = ?leg.end_reason, "coach leg changed");
                    self.saves
                        .save(&organization, Thing::Leg(call.clone(), leg.clone()));
                    self.events.coach_leg_changed(&organization, call, leg);
                    let news = News::Leg(organization.clone(), record.clone(), leg.clone());
                    self.say(news).await;
                }
                Output::InvitationChanged(invitation) => {
                    self.saves
                        .save(&organization, Thing::Invitation(invitation.clone()));
                    let news = News::Invitation(organization.clone(), invitation.clone());
                    self.say(news).await;
                }
                Output::Charge(charge) => {
                    let charge = Thing::Charge(call.clone(), charge.clone());
                    self.saves.save(&organization, charge);
                }
                Output::PickUp => self.tell_active(call).await,
                Output::SendDtmf(digits) => {
                    let rep = record.user_id.clone();
                    let news = News::Dtmf(organization.clone(), rep, call.clone(), digits.count());
                    self.say(news).await;
                }
                Output::Ended(cause) => ended = Some(*cause),
                _ => {}
            }
            self.work(call, Work::Do(output)).await;
        }
        if let Some(reply) = reply {
            self.work(call, Work::Answer(reply, snapshot.clone())).await;
        }
        match ended {
            Some(cause) => {
                tracing::info!(call_id = %call, ?cause, duration_s = record.duration, "ended");
                self.forget(call, snapshot).await;
            }
            None => self.schedule(call),
        }
    }

    /// Lets go of a call that ended; its hands finish by themselves.
    async fn forget(&mut self, call: &CallId, snapshot: Snapshot) {
        let Some(live) = self.state.live.remove(call) else {
            return;
        };
        if let Some(at) = live.wake {
            self.state.timers.remove(&(at, call.clone()));
        }
        self.active
            .store(self.state.live.len() as u64, Ordering::Relaxed);
        let rep = live.machine.rep().clone();
        self.say_active(live.organization.clone(), rep).await;
        if self.state.recent.len() >= RECENT_MAX {
            self.state.recent.pop_front();
        }
        self.state.recent.push_back((live.organization, snapshot));
    }

    /// Whether the call is in progress or ended lately; then its recording is kept and told.
    async fn recorded(
        &mut self,
        organization: &OrganizationId,
        call: &CallId,
        recording: CallRecording,
    ) -> bool {
        if let Some(live) = self.state.live.get(call) {
            if live.organization == *organization {
                self.tell(call, Input::Recording(recording)).await;
                return true;
            }
            return false;
        }
        self.revise(organization, call, |record| recorded(record, recording))
            .await
    }

    /// What came of a call: of one in progress its machine knows, of one that ended lately what is
    /// remembered here. So what else changes on it meanwhile is not written over.
    async fn annotate(
        &mut self,
        organization: OrganizationId,
        call: CallId,
        annotation: Annotation,
        reply: Reply,
    ) {
        let live = self.state.live.get_mut(&call);
        if let Some(live) = live.filter(|live| live.organization == organization) {
            let input = Input::Annotate(annotation.clone());
            if live.machine.handle(now(), input).is_ok() {
                return self.settle(&call, Some(reply)).await;
            }
            // It ended at this very moment, by time alone: from here on it is one that ended lately.
            self.settle(&call, None).await;
        }
        let change = |record: &mut Call| annotate(record, annotation);
        if self.revise(&organization, &call, change).await {
            answer_when_kept(self.saves.kept(), reply);
        } else {
            let _ = reply.send(Err(RequestError::UnknownCall));
        }
    }

    /// Changes, keeps and tells a call that ended lately; whether it is remembered.
    async fn revise(
        &mut self,
        organization: &OrganizationId,
        call: &CallId,
        change: impl FnOnce(&mut Call),
    ) -> bool {
        let mut recent = self.state.recent.iter_mut().rev();
        let found = recent.find(|(of, one)| of == organization && one.record.id == *call);
        let Some((_, snapshot)) = found else {
            return false;
        };
        change(Arc::make_mut(&mut snapshot.record));
        let record = snapshot.record.clone();
        self.saves.save(organization, Thing::Call(record.clone()));
        self.say(News::Call(organization.clone(), record)).await;
        true
    }

    async fn media_said(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Connected { call, leg } => {
                self.tell(&call, Input::MediaConnected(leg)).await;
            }
            MediaEvent::Lost { call, leg } => self.tell(&call, Input::MediaLost(leg)).await,
            MediaEvent::Levels { call, levels } => self.levels(&call, &levels),
        }
    }

    fn levels(&self, call: &CallId, levels: &[mix::LegLevel]) {
        let Some(live) = self.state.live.get(call) else {
            return;
        };
        for (user, levels) in live.machine.levels(levels) {
            let message = ServerMessage::Levels {
                call_id: call.clone(),
                levels,
            };
            self.events.unnumbered(&live.organization, &user, &message);
        }
    }

    async fn lead_said(&mut self, event: LeadEvent) {
        let LeadEvent { call, signal } = event;
        if let Some(signal) = lead_progress(signal) {
            self.tell(&call, Input::Lead(signal)).await;
            return;
        }
        let Some(live) = self.state.live.get(&call) else {
            return;
        };
        // Only the rep: a lead's keys are no coach's business.
        let message = match signal {
            media::LeadSignal::Key(key) => ServerMessage::LeadKey { call_id: call, key },
            media::LeadSignal::Quality(quality) => ServerMessage::LeadQuality {
                call_id: call,
                quality,
            },
            _ => return,
        };
        let rep = live.machine.rep();
        self.events.unnumbered(&live.organization, rep, &message);
    }

    /// A leg without media is a lost one. A call whose rep or lead cannot be heard at all is none.
    async fn failed(&mut self, failed: Failed) {
        let input = if failed.leg == REP_LEG || failed.leg == call::LEAD_LEG {
            Input::Lead(LeadProgress::Unreachable)
        } else {
            Input::MediaLost(failed.leg)
        };
        self.tell(&failed.call, input).await;
    }

    /// Sees to it that the call is woken when it wants to be.
    fn schedule(&mut self, call: &CallId) {
        let Some(live) = self.state.live.get_mut(call) else {
            return;
        };
        let wake = live.machine.wake_at();
        if wake != live.wake {
            if let Some(at) = live.wake {
                self.state.timers.remove(&(at, call.clone()));
            }
            if let Some(at) = wake {
                self.state.timers.insert((at, call.clone()));
            }
            live.wake = wake;
        }
    }

    /// Wakes every call whose moment has come.
    async fn timer(&mut self) {
        let now = now();
        let due: Vec<CallId> = self
            .state
            .timers
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, call)| call.clone())
            .collect();
        for call in due {
            self.tell(&call, Input::TimePassed).await;
        }
    }

    async fn authority_changed(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        authority: Authority,
    ) -> Vec<oneshot::Receiver<()>> {
        let input = |_: &Machine| Input::AuthorityChanged {
            user: user.clone(),
            authority,
        };
        let mut waits = self.tell_all(&organization, input).await;
        let records = self
            .of(&organization)
            .map(|live| Arc::new(live.machine.record()));
        let records = records.collect();
        self.say(News::Calls(organization, user, records)).await;
        waits.push(self.news_told().await);
        waits
    }

    async fn plan_changed(
        &mut self,
        organization: OrganizationId,
        plan: Plan,
    ) -> Vec<oneshot::Receiver<()>> {
        let mut waits = self
            .tell_all(&organization, |_| Input::PlanChanged(plan))
            .await;
        waits.push(self.news_told().await);
        waits
    }

    /// Whether a call can be joined changed for everybody; nobody is cut off for money (B3).
    async fn funds_changed(&self, organization: &OrganizationId) {
        let of = self.of(organization);
        let records: Vec<_> = of.map(|live| Arc::new(live.machine.record())).collect();
        for record in records {
            self.say(News::Call(organization.clone(), record)).await;
        }
    }

    /// Gives each call of an organization something; when each one's hands are done with it.
    async fn tell_all(
        &mut self,
        organization: &OrganizationId,
        input: impl Fn(&Machine) -> Input,
    ) -> Vec<oneshot::Receiver<()>> {
        let of = self.of(organization).map(|live| live.machine.id().clone());
        let calls: Vec<CallId> = of.collect();
        let mut waits = Vec::new();
        for call in calls {
            let Some(live) = self.state.live.get(&call) else {
                continue;
            };
            let input = input(&live.machine);
            let work = live.work.clone();
            self.tell(&call, input).await;
            let (reply, done) = oneshot::channel();
            if work.send(Work::Done(reply)).await.is_ok() {
                waits.push(done);
            }
        }
        waits
    }

    async fn news_told(&self) -> oneshot::Receiver<()> {
        let (reply, told) = oneshot::channel();
        self.say(News::Flush(reply)).await;
        told
    }

    /// Ends every call, and waits until the media has let go of them, it is told, and it is kept or
    /// took too long.
    async fn stop(&mut self) {
        let calls: Vec<CallId> = self.state.live.keys().cloned().collect();
        tracing::info!(
            calls = calls.len(),
            "ending all calls: the service is stopping"
        );
        for call in &calls {
            self.tell(call, Input::ServiceStopping).await;
        }
        self.state.hands.close();
        self.state.hands.wait().await;
        let _ = self.news_told().await.await;
        if tokio::time::timeout(FLUSH_MAX, self.saves.flush())
            .await
            .is_err()
        {
            tracing::error!("could not save everything in time");
        }
    }

    async fn tell_active(&self, call: &CallId) {
        if let Some(live) = self.state.live.get(call) {
            let rep = live.machine.rep().clone();
            self.say_active(live.organization.clone(), rep).await;
        }
    }

    async fn say_active(&self, organization: OrganizationId, rep: UserId) {
        let of_rep = self
            .of(&organization)
            .filter(|live| *live.machine.rep() == rep && !live.machine.rings_in());
        let mut calls: Vec<(ClientType, ActiveCall)> = of_rep
            .map(|live| {
                let call = ActiveCall {
                    id: live.machine.id().clone(),
                    lead: live.machine.lead_brief().clone(),
                };
                (live.client_type, call)
            })
            .collect();
        calls.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        self.say(News::Active(organization, rep, calls)).await;
    }

    /// What to wait for until all is kept; none while a call with the lead is in progress.
    fn forget_lead(
        &mut self,
        organization: &OrganizationId,
        lead: &LeadId,
    ) -> Option<oneshot::Receiver<()>> {
        if self
            .of(organization)
            .any(|live| live.machine.record().lead.id == *lead)
        {
            return None;
        }
        self.state
            .recent
            .retain(|(of, one)| of != organization || one.record.lead.id != *lead);
        Some(self.saves.kept())
    }

    fn look(&self, organization: &OrganizationId, call: &CallId) -> Result<Snapshot, RequestError> {
        let live = self.state.live.get(call);
        live.filter(|live| live.organization == *organization)
            .map(|live| Snapshot::of(&live.machine))
            .or_else(|| self.recent(organization, call).cloned())
            .ok_or(RequestError::UnknownCall)
    }

    fn media_leg(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        device: &DeviceId,
        call: &CallId,
    ) -> Result<mix::LegNumber, RequestError> {
        let live = self.state.live.get(call);
        match live.filter(|live| live.organization == *organization) {
            Some(live) => Ok(live.machine.media_leg(user, device)?),
            None if self.recent(organization, call).is_some() => Err(Refusal::over().into()),
            None => Err(RequestError::UnknownCall),
        }
    }

    fn known(&self, organization: &OrganizationId) -> Vec<Arc<Call>> {
        let live = self
            .of(organization)
            .map(|live| Arc::new(live.machine.record()));
        let recent = self.state.recent.iter();
        let recent = recent
            .filter(|(of, _)| of == organization)
            .map(|(_, snapshot)| snapshot.record.clone());
        live.chain(recent).collect()
    }

    fn recent(&self, organization: &OrganizationId, call: &CallId) -> Option<&Snapshot> {
        let mut recent = self.state.recent.iter();
        let found = recent.find(|(of, one)| of == organization && one.record.id == *call);
        found.map(|(_, snapshot)| snapshot)
    }

    /// Why an invitation that is not of a call in progress cannot be declined.
    fn closed_invitation(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        id: &InvitationId,
    ) -> Refusal {
        let recent = self.state.recent.iter();
        let mut recent = recent.filter(|(of, _)| of == organization);
        let theirs =
            |invitation: &Invitation| invitation.id == *id && invitation.invitee_id == *user;
        if recent.any(|(_, snapshot)| snapshot.invitations.iter().any(theirs)) {
            Refusal::invitation_closed()
        } else {
            Refusal::no_invitation()
        }
    }

    fn of(&self, organization: &OrganizationId) -> impl Iterator<Item = &Live> {
        let live = self.state.live.values();
        live.filter(move |live| live.organization == *organization)
    }

    async fn say(&self, news: News) {
        if self.news.send(news).await.is_err() {
            tracing::error!("nobody tells the news any more");
        }
    }

    async fn work(&self, call: &CallId, work: Work) {
        if let Some(live) = self.state.live.get(call)
            && live.work.send(work).await.is_err()
        {
            tracing::error!(call_id = %call, "the call has no hands any more");
        }
    }
}

/// Answers when all of these are done, without the owner waiting for them.
fn answer_after(waits: Vec<oneshot::Receiver<()>>, reply: Reply) {
    tokio::spawn(async move {
        for done in waits {
            // What is gone needs no waiting for.
            let _ = done.await;
        }
        let _ = reply.send(Ok(Answer::Done));
    });
}

fn answer_when_kept(kept: oneshot::Receiver<()>, reply: Reply) {
    tokio::spawn(async move {
        let too_much = "The service can't save changes right now. Try again shortly.";
        let kept = tokio::time::timeout(FLUSH_MAX, kept).await;
        let _ = reply.send(match kept {
            Ok(Ok(())) => Ok(Answer::Done),
            Ok(Err(_)) | Err(_) => Err(RequestError::Unavailable(too_much.to_owned())),
        });
    });
}

/// What of it the call's machine is told; none for what is told to the rep alone.
const fn lead_progress(signal: media::LeadSignal) -> Option<LeadProgress> {
    Some(match signal {
        media::LeadSignal::Ringing => LeadProgress::Ringing,
        media::LeadSignal::EarlyMedia => LeadProgress::EarlyMedia,
        media::LeadSignal::Answered => LeadProgress::Answered,
        media::LeadSignal::Busy => LeadProgress::Busy,
        media::LeadSignal::Declined => LeadProgress::Declined,
        media::LeadSignal::NoAnswer => LeadProgress::NoAnswer,
        media::LeadSignal::Unreachable => LeadProgress::Unreachable,
        media::LeadSignal::Failed => LeadProgress::Failed,
        media::LeadSignal::Unheard { ms_ago } => LeadProgress::Unheard { ms_ago },
        media::LeadSignal::Heard => LeadProgress::Heard,
        media::LeadSignal::Lost => LeadProgress::Lost,
        media::LeadSignal::HungUp => LeadProgress::HungUp,
        media::LeadSignal::Key(_) | media::LeadSignal::Quality(_) => return None,
    })
}
