//! The handle by which the rest of the service works with calls.

use super::news;
use super::owner::{Owner, Sources, State};
use super::question::{Question, Refused, Reply, Snapshot};
use super::saves::{Counters, SaveCounts, Saves};
use super::{Directory, Notify, Recorder, abandoned};
use crate::audit::Audit;
use crate::balances::BalanceNews;
use crate::clock::now;
use call::{Authority, Input, Limits, Refusal, Viewer, view};
use media::{LeadLine, Media, MediaEvent};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::random::id_suffix;
use store::{Database, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use wire::{Call, CallId, ClientType, Code, DeviceId, ErrorBody, OrganizationId, Plan, UserId};

/// Questions that wait for the owner. Who asks waits when there are more.
const QUESTIONS_MAX: usize = 1024;
const LEAD_EVENTS_MAX: usize = 1024;
const FAILURES_MAX: usize = 1024;
/// How often facts are looked up again when they changed meanwhile.
pub(super) const LOOKUPS_MAX: usize = 5;

/// Bounds of calls.
#[derive(Debug, Clone, Copy)]
pub struct CallsSettings {
    /// Of each call.
    pub limits: Limits,
    /// Calls in progress at once.
    pub calls_max: usize,
    /// Calls in progress of one rep.
    pub calls_per_rep_max: usize,
}

impl Default for CallsSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            calls_max: 10_000,
            calls_per_rep_max: 100,
        }
    }
}

/// What calls work with.
pub struct CallsParts {
    /// Bounds.
    pub settings: CallsSettings,
    /// Who may do what.
    pub directory: Arc<dyn Directory>,
    /// Where calls are kept.
    pub repository: Database,
    /// How users are told.
    pub notify: Arc<dyn Notify>,
    /// The media workers.
    pub media: Media,
    /// What those say.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// How leads are reached.
    pub line: Arc<dyn LeadLine>,
    /// Where it is told what happens to coaches without their asking (A4).
    pub audit: Audit,
    /// Who records.
    pub recorder: Arc<dyn Recorder>,
    /// Who is told of charges.
    pub balances: Arc<BalanceNews>,
}

/// Who asks, as their token proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user_id: UserId,
    /// Their organization: of no other anything is there (A3).
    pub organization_id: OrganizationId,
    /// The device that asks.
    pub device_id: DeviceId,
    /// What kind of client it is.
    pub client_type: ClientType,
}

/// All calls. A handle, cheap to clone. Errors are as HTTP gives them; each method says what else
/// than `not_found`, `call_ended` and `unavailable` it may be.
#[derive(Clone)]
pub struct Calls {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) questions: mpsc::Sender<Question>,
    pub(super) settings: CallsSettings,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) repository: Database,
    pub(super) recorder: Arc<dyn Recorder>,
    pub(super) media: Media,
    pub(super) facts: Arc<AtomicU64>,
    pub(super) active: Arc<AtomicU64>,
    pub(super) counters: Arc<Counters>,
    // Held from the look-up of a changed authority until the owner has it, so that of two changes
    // the later is also the later to arrive.
    pub(super) changing: Mutex<()>,
}

pub(super) type Result<T> = std::result::Result<T, ErrorBody>;

impl Calls {
    /// Closes what a service that died left behind, and starts the owner. To be called within a
    /// runtime.
    pub async fn start(parts: CallsParts) -> Self {
        let minute_ms = parts.settings.limits.minute_ms;
        if let Err(error) = abandoned::close(&parts.repository, minute_ms).await {
            tracing::error!(%error, "calls that were cut off earlier could not be closed");
        }
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let (lead_events, lead) = mpsc::channel(LEAD_EVENTS_MAX);
        let (failures, failed) = mpsc::channel(FAILURES_MAX);
        let counters = Arc::new(Counters::default());
        let facts = Arc::new(AtomicU64::new(0));
        let active = Arc::new(AtomicU64::new(0));
        let owner = Owner {
            settings: parts.settings,
            media: parts.media.clone(),
            line: parts.line,
            notify: parts.notify.clone(),
            audit: parts.audit,
            recorder: parts.recorder.clone(),
            news: news::start(parts.directory.clone(), parts.notify, parts.settings.limits),
            saves: Saves::start(parts.repository.clone(), counters.clone(), parts.balances),
            lead_events,
            failures,
            facts: facts.clone(),
            active: active.clone(),
            state: State::default(),
        };
        tokio::spawn(abandoned::keep_alive(
            parts.repository.clone(),
            active.clone(),
        ));
        tokio::spawn(owner.run(Sources {
            questions: asked,
            media: parts.media_events,
            lead,
            failures: failed,
        }));
        Self {
            shared: Arc::new(Shared {
                questions,
                settings: parts.settings,
                directory: parts.directory,
                repository: parts.repository,
                recorder: parts.recorder,
                media: parts.media,
                facts,
                active,
                counters,
                changing: Mutex::new(()),
            }),
        }
    }

    /// What a member may do changed. When this returns it holds on every call, and whom it put out is
    /// told (A2).
    pub async fn authority_changed(&self, organization: &OrganizationId, user: &UserId) {
        let in_turn = self.shared.changing.lock().await;
        self.shared.facts.fetch_add(1, Ordering::SeqCst);
        let authority = match self.member(organization, user).await {
            Ok(Some(authority)) => authority,
            Ok(None) => Authority::none(false),
            // What cannot be known is not allowed.
            Err(_) => Authority::none(true),
        };
        let waits = self
            .put(|reply| Question::AuthorityChanged {
                organization: organization.clone(),
                user: user.clone(),
                authority,
                reply,
            })
            .await;
        drop(in_turn);
        wait(waits).await;
    }

    /// The organization's plan changed. When this returns it holds on every call, and whom it put out
    /// is told (A2, J3).
    pub async fn plan_changed(&self, organization: &OrganizationId, plan: Plan) {
        let in_turn = self.shared.changing.lock().await;
        self.shared.facts.fetch_add(1, Ordering::SeqCst);
        let waits = self
            .put(|reply| Question::PlanChanged {
                organization: organization.clone(),
                plan,
                reply,
            })
            .await;
        drop(in_turn);
        wait(waits).await;
    }

    /// The balance pays for a coach's first minute now, or no longer does (B3): everybody's Listen
    /// buttons are told.
    pub async fn funds_changed(&self, organization: &OrganizationId) {
        self.shared.facts.fetch_add(1, Ordering::SeqCst);
        // When the service stops there is nobody to tell.
        let _ = self
            .put(|reply| Question::FundsChanged {
                organization: organization.clone(),
                reply,
            })
            .await;
    }

    /// Ends every call: everybody is told, and it is kept. Afterwards everything is `unavailable`.
    pub async fn stop(&self) {
        // Stopped twice is stopped.
        let _ = self.put(Question::Stop).await;
    }

    /// Calls in progress.
    #[must_use]
    pub fn active_count(&self) -> u64 {
        self.shared.active.load(Ordering::Relaxed)
    }

    /// How keeping what changed on calls went.
    #[must_use]
    pub fn save_counts(&self) -> SaveCounts {
        self.shared.counters.read()
    }

    pub(super) async fn change(
        &self,
        caller: &Caller,
        call: &CallId,
        input: Input,
    ) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let snapshot = self.give(caller, call, input, None).await?;
        Ok(self.shown(&snapshot.record, &viewer))
    }

    /// Gives a call an input that depends on what the caller may do at the very moment (A2): when
    /// that changes between look-up and decision, it is looked up again.
    pub(super) async fn decide(
        &self,
        caller: &Caller,
        call: &CallId,
        input: impl Fn(Authority) -> Input,
    ) -> Result<Snapshot> {
        for _ in 0..LOOKUPS_MAX {
            let facts_of = self.shared.facts.load(Ordering::SeqCst);
            let viewer = self.viewer(caller).await?;
            let given = self
                .try_give(caller, call, input(viewer.authority), Some(facts_of))
                .await;
            match given {
                Err(Refused::Stale) => {}
                Err(refused) => return Err(self.explain(caller, call, refused).await),
                Ok(snapshot) => return Ok(snapshot),
            }
        }
        Err(Refused::Stale.into())
    }

    pub(super) async fn give(
        &self,
        caller: &Caller,
        call: &CallId,
        input: Input,
        facts_of: Option<u64>,
    ) -> Result<Snapshot> {
        match self.try_give(caller, call, input, facts_of).await {
            Ok(snapshot) => Ok(snapshot),
            Err(refused) => Err(self.explain(caller, call, refused).await),
        }
    }

    pub(super) async fn try_give(
        &self,
        caller: &Caller,
        call: &CallId,
        input: Input,
        facts_of: Option<u64>,
    ) -> std::result::Result<Snapshot, Refused> {
        self.ask(|reply| Question::Give {
            organization: caller.organization_id.clone(),
            call: call.clone(),
            input,
            facts_of,
            reply,
        })
        .await
    }

    /// A call that the owner does not remember may be one of long ago.
    pub(super) async fn explain(
        &self,
        caller: &Caller,
        call: &CallId,
        refused: Refused,
    ) -> ErrorBody {
        if !matches!(refused, Refused::Unknown) {
            return refused.into();
        }
        let kept = self.shared.repository.call(&caller.organization_id, call);
        match kept.await {
            Ok(Some(_)) => Refusal::over().into(),
            Ok(None) => refused.into(),
            Err(error) => stored(error),
        }
    }

    pub(super) async fn record(&self, caller: &Caller, call: &CallId) -> Result<Arc<Call>> {
        let (organization, id) = (caller.organization_id.clone(), call.clone());
        let looked = self
            .put(|reply| Question::Look {
                organization,
                call: id,
                reply,
            })
            .await?;
        match looked {
            Ok(snapshot) => return Ok(snapshot.record),
            Err(Refused::Unknown) => {}
            Err(refused) => return Err(refused.into()),
        }
        let kept = self.shared.repository.call(&caller.organization_id, call);
        let kept = kept.await.map_err(stored)?;
        kept.map(Arc::new).ok_or_else(|| Refused::Unknown.into())
    }

    pub(super) fn shown(&self, record: &Call, viewer: &Viewer) -> Call {
        view(record, &self.shared.settings.limits, viewer)
    }

    pub(super) async fn viewer(&self, caller: &Caller) -> Result<Viewer> {
        let authority = self
            .member(&caller.organization_id, &caller.user_id)
            .await?;
        Ok(Viewer {
            user: caller.user_id.clone(),
            authority: authority.unwrap_or(Authority::none(false)),
        })
    }

    /// What a member may do now; none when they are not an active member.
    pub(super) async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Authority>> {
        let member = self.shared.directory.member(organization, user).await;
        Ok(member.map_err(stored)?.map(|member| member.authority))
    }

    pub(super) async fn ask(
        &self,
        question: impl FnOnce(Reply) -> Question,
    ) -> std::result::Result<Snapshot, Refused> {
        let answer = self.put(question).await;
        answer.unwrap_or(Err(Refused::Unavailable(STOPPING)))
    }

    pub(super) async fn put<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Question,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let stopping = || error(Code::Unavailable, STOPPING);
        let sent = self.shared.questions.send(question(reply)).await;
        sent.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

pub(super) const STOPPING: &str = "The service is being stopped. Try again shortly.";

async fn wait(waits: Result<Vec<oneshot::Receiver<()>>>) {
    for done in waits.unwrap_or_default() {
        // What is gone needs no waiting for.
        let _ = done.await;
    }
}

pub(super) fn fresh<T>(make: impl Fn(&str) -> std::result::Result<T, wire::IdError>) -> Result<T> {
    make(&id_suffix(now())).map_err(|failed| {
        tracing::error!(%failed, "a new id is none");
        error(
            Code::Internal,
            "A fault of the service's own. Its log tells more.",
        )
    })
}

pub(super) fn error(code: Code, message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(code, message)
}

pub(super) fn stored(failed: StoreError) -> ErrorBody {
    tracing::error!(error = %failed, "the store refused");
    failed.into()
}
