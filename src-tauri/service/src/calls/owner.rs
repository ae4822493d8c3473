//! The loop that holds every call.

use super::handle::CallsSettings;
use super::hands::{Failed, Hands, Recorded, WORK_MAX, Work};
use super::news::News;
use super::question::{Question, Refused, Reply, Snapshot};
use super::saves::{Saves, Thing};
use super::{Notify, Recorder};
use crate::audit::Audit;
use crate::clock::now;
use call::{Input, Machine, Output, Refusal};
use media::{Dial, LeadEvent, LeadLine, Media, MediaEvent};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::RecordingPlan;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use wire::{CallId, ClientType, OrganizationId, Timestamp};

/// Calls that ended lately and are remembered, until the store surely has them.
const RECENT_MAX: usize = 256;

/// Everything that may happen.
enum Event {
    Asked(Question),
    Media(MediaEvent),
    Lead(LeadEvent),
    Failed(Failed),
    Timer,
}

/// Where events come from.
pub(super) struct Sources {
    pub(super) questions: mpsc::Receiver<Question>,
    pub(super) media: mpsc::Receiver<MediaEvent>,
    pub(super) lead: mpsc::Receiver<LeadEvent>,
    pub(super) failures: mpsc::Receiver<Failed>,
}

/// A call in progress.
pub(super) struct Live {
    pub(super) organization: OrganizationId,
    pub(super) client_type: ClientType,
    pub(super) machine: Machine,
    pub(super) work: mpsc::Sender<Work>,
    /// When it is to be woken; stands in `timers` too.
    pub(super) wake: Option<Timestamp>,
}

pub(super) struct Owner {
    pub(super) settings: CallsSettings,
    pub(super) media: Media,
    pub(super) line: Arc<dyn LeadLine>,
    pub(super) notify: Arc<dyn Notify>,
    pub(super) audit: Audit,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) news: mpsc::Sender<News>,
    pub(super) saves: Saves,
    pub(super) lead_events: mpsc::Sender<LeadEvent>,
    pub(super) failures: mpsc::Sender<Failed>,
    /// Counts changes of what anybody may do.
    pub(super) facts: Arc<AtomicU64>,
    pub(super) active: Arc<AtomicU64>,
    pub(super) state: State,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) live: HashMap<CallId, Live>,
    pub(super) timers: BTreeSet<(Timestamp, CallId)>,
    pub(super) recent: VecDeque<(OrganizationId, Snapshot)>,
    pub(super) hands: TaskTracker,
}

impl Owner {
    /// Runs until the service stops, or nobody can ask any more.
    pub(super) async fn run(mut self, mut sources: Sources) {
        while let Some(event) = self.next(&mut sources).await {
            match event {
                Event::Asked(Question::Stop(reply)) => {
                    self.stop().await;
                    let _ = reply.send(());
                    return;
                }
                Event::Asked(question) => self.asked(question).await,
                Event::Media(event) => self.media_said(event).await,
                Event::Lead(event) => self.lead_said(event).await,
                Event::Failed(failed) => self.failed(failed).await,
                Event::Timer => self.timer().await,
            }
        }
    }

    async fn next(&self, sources: &mut Sources) -> Option<Event> {
        let wake = self.state.timers.first().map(|(at, _)| *at);
        let wait = async {
            match wake {
                Some(at) => tokio::time::sleep(Duration::from_millis(at.millis_since(now()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            question = sources.questions.recv() => question.map(Event::Asked),
            Some(event) = sources.lead.recv() => Some(Event::Lead(event)),
            Some(event) = sources.media.recv() => Some(Event::Media(event)),
            Some(failed) = sources.failures.recv() => Some(Event::Failed(failed)),
            () = wait => Some(Event::Timer),
        }
    }

    async fn asked(&mut self, question: Question) {
        // Who asked may be gone: an answer that nobody takes is no fault.
        match question {
            Question::Place {
                organization,
                client_type,
                machine,
                recording,
                reply,
            } => {
                self.place(organization, client_type, *machine, recording, reply)
                    .await;
            }
            question @ (Question::Recorded { .. } | Question::Revised { .. }) => {
                self.asked_of_recording(question).await;
            }
            Question::Give {
                organization,
                call,
                input,
                facts_of,
                reply,
            } => {
                if facts_of.is_some_and(|of| of != self.facts.load(Ordering::SeqCst)) {
                    let _ = reply.send(Err(Refused::Stale));
                } else {
                    self.give(&organization, &call, input, reply).await;
                }
            }
            Question::Decline {
                caller,
                invitation,
                reply,
            } => {
                let of = self.of(&caller.organization_id);
                let call = of
                    .filter(|live| live.machine.invitation(&invitation).is_some())
                    .map(|live| live.machine.id().clone())
                    .next();
                let Some(call) = call else {
                    let _ = reply.send(Err(self.closed_invitation(&caller, &invitation).into()));
                    return;
                };
                let input = Input::Decline {
                    user: caller.user_id,
                    invitation,
                };
                self.give(&caller.organization_id, &call, input, reply)
                    .await;
            }
            Question::Look {
                organization,
                call,
                reply,
            } => {
                let _ = reply.send(self.look(&organization, &call));
            }
            Question::MediaLeg {
                caller,
                call,
                reply,
            } => {
                let _ = reply.send(self.media_leg(&caller, &call));
            }
            Question::Known {
                organization,
                reply,
            } => {
                let _ = reply.send(self.known(&organization));
            }
            Question::Invitations {
                organization,
                user,
                reply,
            } => {
                let open = self
                    .of(&organization)
                    .filter_map(|live| live.machine.open_invitation(&user).cloned());
                let _ = reply.send(open.collect());
            }
            Question::AuthorityChanged {
                organization,
                user,
                authority,
                reply,
            } => {
                let waits = self.authority_changed(organization, user, authority).await;
                let _ = reply.send(waits);
            }
            Question::PlanChanged {
                organization,
                plan,
                reply,
            } => {
                let _ = reply.send(self.plan_changed(organization, plan).await);
            }
            Question::FundsChanged {
                organization,
                reply,
            } => {
                self.funds_changed(&organization).await;
                let _ = reply.send(());
            }
            Question::ForgetLead {
                organization,
                lead,
                reply,
            } => {
                let _ = reply.send(self.forget_lead(&organization, &lead));
            }
            Question::Stop(_) => {}
        }
    }

    async fn place(
        &mut self,
        organization: OrganizationId,
        client_type: ClientType,
        machine: Machine,
        recording: Option<RecordingPlan>,
        reply: Reply,
    ) {
        let rep = machine.rep();
        let of_rep = self
            .of(&organization)
            .filter(|live| live.machine.rep() == rep)
            .count();
        let full = if self.state.live.len() >= self.settings.calls_max {
            Some("The service has as many calls as it can carry. Try again shortly.")
        } else if of_rep >= self.settings.calls_per_rep_max {
            Some("You have as many calls in progress as one person may. Hang one up first.")
        } else {
            None
        };
        if let Some(message) = full {
            let _ = reply.send(Err(Refused::Unavailable(message)));
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
            recording: recording.map(|plan| Recorded {
                recorder: self.recorder.clone(),
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
                Some(_) => Refused::Rule(Refusal::over()),
                None => Refused::Unknown,
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
    pub(super) async fn tell(&mut self, call: &CallId, input: Input) {
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
                    self.audit.coach_leg(&organization, call, leg);
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

    pub(super) async fn say(&self, news: News) {
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
