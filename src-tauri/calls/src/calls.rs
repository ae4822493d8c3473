//! The handle by which the rest of the service works with calls: what each request needs to know is
//! looked up here, and what it does is decided by the owner.

use super::abandoned;
use super::directory::Directory;
use super::events::Events;
use super::news;
use super::owner::{CallsSettings, Owner, Sources, State};
use super::placement::{Envelope, InProcess, Message, Placement};
use super::policy::CallPolicy;
use super::request::{Answer, Request, RequestError, Snapshot};
use super::saves::{Counters, SaveCounts, Saves, Thing, write};
use call::{
    Annotation, Authority, Digits, Input, Invitee, Join, Machine, Placed, REP_LEG, Refusal, Viewer,
    annotate, invitation_targets, recorded, seen_from, view,
};
use media::{Answered, LeadLine, Media, MediaError, MediaEvent};
use recordings::Recordings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::clock::now;
use store::random::id_suffix;
use store::{Database, LeadWhoCalls, RecordingPlan, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};
use wire::{
    Call, CallId, CallPatch, CallRecording, ClientType, CoachLeg, Code, DeviceId, Direction,
    ErrorBody, InboundCallRequest, Invitation, InvitationId, InvitationRequest, InvitationStatus,
    InvitationTarget, JoinRequest, Lead, LeadBrief, LeadId, LegId, List, ListQuery, MediaAnswer,
    MediaOffer, ModeRequest, NumberLookup, OrganizationId, PhoneNumber, PhoneNumberKind,
    PlaceCallRequest, Plan, Timestamp, UserId,
};

/// Requests that wait for the owner. Who asks waits when there are more.
const REQUESTS_MAX: usize = 1024;
const LEAD_EVENTS_MAX: usize = 1024;
const FAILURES_MAX: usize = 1024;
/// How often facts are looked up again when they changed meanwhile.
const LOOKUPS_MAX: usize = 5;
/// How long the store may take to take a new call in.
const PLACE_MAX: Duration = Duration::from_secs(3);
/// How many users one request may invite.
const INVITEES_MAX: usize = 100;

type Result<T> = std::result::Result<T, ErrorBody>;

/// All calls. A handle, cheap to clone. Errors are as HTTP gives them; each method says what else
/// than `not_found`, `call_ended` and `unavailable` it may be.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
}

struct Shared {
    placement: Box<dyn Placement>,
    /// The owner in this process.
    owner: mpsc::Sender<Message>,
    settings: CallsSettings,
    policy: CallPolicy,
    directory: Arc<dyn Directory>,
    database: Database,
    recordings: Option<Arc<Recordings>>,
    media: Media,
    facts: Arc<AtomicU64>,
    active: Arc<AtomicU64>,
    counters: Arc<Counters>,
    // Held from the look-up of a changed authority until the owner has it, so that of two changes
    // the later is also the later to arrive.
    changing: Mutex<()>,
}

impl Calls {
    /// Closes what a service that died left behind, and starts the owner. To be called within a
    /// runtime.
    pub async fn start(parts: CallsParts) -> Self {
        let minute_ms = parts.settings.limits.minute_ms;
        if let Err(error) = abandoned::close(&parts.database, minute_ms).await {
            tracing::error!(%error, "could not close calls that were cut off earlier");
        }
        let (messages_in, messages) = mpsc::channel(REQUESTS_MAX);
        let (lead_events, lead) = mpsc::channel(LEAD_EVENTS_MAX);
        let (failures, failed) = mpsc::channel(FAILURES_MAX);
        let counters = Arc::new(Counters::default());
        let facts = Arc::new(AtomicU64::new(0));
        let active = Arc::new(AtomicU64::new(0));
        let owner = Owner {
            settings: parts.settings,
            media: parts.media.clone(),
            line: parts.line,
            events: parts.events.clone(),
            recordings: parts.recordings.clone(),
            news: news::start(
                parts.directory.clone(),
                parts.events.clone(),
                parts.settings.limits,
            ),
            saves: Saves::start(parts.database.clone(), counters.clone(), parts.events),
            lead_events,
            failures,
            facts: facts.clone(),
            active: active.clone(),
            state: State::default(),
        };
        tokio::spawn(abandoned::keep_alive(
            parts.database.clone(),
            active.clone(),
        ));
        tokio::spawn(owner.run(Sources {
            messages,
            media: parts.media_events,
            lead,
            failures: failed,
        }));
        Self {
            shared: Arc::new(Shared {
                placement: Box::new(InProcess(messages_in.clone())),
                owner: messages_in,
                settings: parts.settings,
                policy: parts.policy,
                directory: parts.directory,
                database: parts.database,
                recordings: parts.recordings,
                media: parts.media,
                facts,
                active,
                counters,
                changing: Mutex::new(()),
            }),
        }
    }

    /// Places a call to a lead, or to any number (L4). It is not placed when the store cannot take it in.
    ///
    /// # Errors
    /// `not_found` for lead, contact or number; `permission_required` for a number that is others';
    /// `invalid_request` for what is no number, and a phone that is not the contact's; `conflict` when the
    /// lead has no phone; `number_refused` for one that may not be called; `insufficient_balance` when the
    /// balance does not pay for the first minute.
    pub async fn place(&self, caller: &Caller, request: &PlaceCallRequest) -> Result<Call> {
        let organization = &caller.organization_id;
        let directory = &self.shared.directory;
        let member = directory.member(organization, &caller.user_id).await;
        let member = member.map_err(stored)?.ok_or_else(|| {
            error(
                Code::PermissionRequired,
                "Your account is deactivated. An admin can reactivate it.",
            )
        })?;
        let viewer = Viewer {
            user: caller.user_id.clone(),
            authority: member.authority,
        };
        if !viewer.authority.active {
            return Err(error(
                Code::PermissionRequired,
                "Your account is deactivated. An admin can reactivate it.",
            ));
        }
        let number = directory
            .phone_number(organization, &request.local_phone_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There's no such phone number."))?;
        if !number.user_ids.is_empty() && !number.user_ids.contains(&caller.user_id) {
            return Err(error(
                Code::PermissionRequired,
                "You can't call from this number. Choose another one. An admin can change who \
                 uses it.",
            ));
        }
        let country = directory.country(organization).await.map_err(stored)?;
        let whom = self.whom(organization, &country, request).await?;
        self.shared.policy.permit(whom.phone(), &country)?;
        if !member.call_funds {
            return Err(error(
                Code::InsufficientBalance,
                "Your organization's balance is too low for the first minute of a call. An admin can \
                 add credit.",
            ));
        }
        // Before an unknown number becomes a lead: of a call that is not placed, nothing is left.
        let rep = caller.user_id.clone();
        self.ask(organization, Request::Room { rep }).await?;
        let (who, remote_phone) = match whom {
            Whom::Lead(who, phone) => (who, phone),
            Whom::Number(phone) => {
                let name = numbers::shown(&phone, None, &country);
                let lead = directory.lead_to_call(organization, &phone, &name).await;
                (lead.map_err(stored)?, phone)
            }
        };
        let at = now();
        let placed = Placed {
            id: fresh(CallId::from_suffix)?,
            rep: caller.user_id.clone(),
            rep_leg: fresh(LegId::from_suffix)?,
            lead: who.lead,
            contact: who.contact,
            direction: Direction::Outbound,
            local_phone: number.number,
            local_phone_type: number.kind,
            remote_phone,
        };
        let record = self
            .begin(organization, caller.client_type, at, placed)
            .await?;
        Ok(self.shown(&record, &viewer, caller))
    }

    /// A number as it would be called, and why it would not be (L4).
    ///
    /// # Errors
    /// `invalid_request` for what is no number.
    pub async fn look_up(&self, caller: &Caller, text: &str) -> Result<NumberLookup> {
        let organization = &caller.organization_id;
        let directory = &self.shared.directory;
        let country = directory.country(organization).await.map_err(stored)?;
        let number = match CallPolicy::read(text, &country) {
            Ok(number) => number.e164,
            Err(refused) if refused.error.code == Code::NumberRefused => {
                let number: String = text.chars().filter(char::is_ascii_digit).collect();
                return Ok(NumberLookup {
                    display_number: number.clone(),
                    number,
                    country: Some(country),
                    lead: None,
                    refusal: Some(refused.error.message),
                });
            }
            Err(unreadable) => return Err(unreadable),
        };
        let lead = directory.lead_with_phone(organization, &number).await;
        let permitted = self.shared.policy.permit(&number, &country);
        Ok(NumberLookup {
            display_number: numbers::shown(&number, None, &country),
            country: numbers::country(&number),
            lead: lead.map_err(stored)?.map(|known| known.lead),
            refusal: permitted.err().map(|refused| refused.error.message),
            number,
        })
    }

    /// Whom a request wants to call.
    async fn whom(
        &self,
        organization: &OrganizationId,
        country: &str,
        request: &PlaceCallRequest,
    ) -> Result<Whom> {
        let Some(lead) = &request.lead_id else {
            if request.contact_id.is_some() {
                let message = "To call a contact, name their lead as well.";
                return Err(error(Code::InvalidRequest, message));
            }
            let text = request.remote_phone.as_deref().unwrap_or_default();
            let number = CallPolicy::read(text, country)?;
            return Ok(Whom::Number(number.e164));
        };
        let lead = self.shared.directory.lead(organization, lead).await;
        let lead = lead
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There's no such lead."))?;
        let (contact, phone) = contact_of(&lead, request)?;
        let who = LeadWhoCalls {
            lead: LeadBrief {
                id: lead.id,
                display_name: lead.display_name,
            },
            contact: Some(contact),
        };
        Ok(Whom::Lead(who, phone))
    }

    /// Keeps a new call and lets it begin; not when the store cannot take it in.
    async fn begin(
        &self,
        organization: &OrganizationId,
        client_type: ClientType,
        at: Timestamp,
        placed: Placed,
    ) -> Result<Arc<Call>> {
        let recording = self.recording_plan(organization, &placed.rep).await?;
        // The owner makes it anew, of the same facts.
        let machine = Machine::new(at, placed.clone(), self.shared.settings.limits);
        let record = Arc::new(machine.record());
        let thing = Thing::Call(record.clone());
        let save = write(&self.shared.database, organization, &thing);
        let saved = tokio::time::timeout(PLACE_MAX, save).await;
        if !matches!(saved, Ok(Ok(()))) {
            tracing::error!(call_id = %record.id, ?saved, "could not save a new call, so it isn't placed");
            return Err(error(
                Code::Unavailable,
                "The call couldn't be saved, so it wasn't placed. Try again shortly.",
            ));
        }
        let place = Request::Place {
            client_type,
            at,
            placed: Box::new(placed),
            recording,
        };
        let answer = self.ask(organization, place).await;
        match answer.and_then(Answer::call) {
            Ok(snapshot) => Ok(snapshot.record),
            Err(refused) => {
                // It was written and never was.
                let never = Thing::Call(Arc::new(call::abandoned((*record).clone(), at)));
                if let Err(error) = write(&self.shared.database, organization, &never).await {
                    tracing::error!(call_id = %record.id, %error, "a call that wasn't placed stays in progress until the next start");
                }
                Err(refused.into())
            }
        }
    }

    /// One call, in progress or past.
    ///
    /// # Errors
    /// None but those of all.
    pub async fn get(&self, caller: &Caller, call: &CallId) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let record = self.record(caller, call).await?;
        Ok(self.shown(&record, &viewer, caller))
    }

    /// Calls, newest first; those of one lead when it is given, those in progress only when `active`.
    ///
    /// # Errors
    /// None but those of all.
    pub async fn list(
        &self,
        caller: &Caller,
        lead: Option<&LeadId>,
        active: bool,
        page: &ListQuery,
    ) -> Result<List<Call>> {
        let viewer = self.viewer(caller).await?;
        let known = self.ask(&caller.organization_id, Request::Known).await;
        let known = known.and_then(Answer::calls)?;
        let shown = |records: Vec<Arc<Call>>| {
            let calls = records.iter();
            calls
                .map(|record| self.shown(record, &viewer, caller))
                .collect()
        };
        if active {
            let mut live: Vec<Arc<Call>> = known
                .into_iter()
                .filter(|call| !call.status.is_over())
                .filter(|call| lead.is_none_or(|lead| call.lead.id == *lead))
                .collect();
            live.sort_by(|one, other| {
                (other.date_created, &other.id).cmp(&(one.date_created, &one.id))
            });
            live.drain(..live.len().min(page.skip() as usize));
            let has_more = live.len() > page.limit() as usize;
            live.truncate(page.limit() as usize);
            return Ok(List {
                data: shown(live),
                has_more,
                cursor: None,
            });
        }
        let kept = self
            .shared
            .database
            .calls(&caller.organization_id, lead, page)
            .await
            .map_err(stored)?;
        // What is in memory is newer than what the store has by now.
        let newest = kept.data.into_iter().map(|kept| {
            let newer = known.iter().find(|known| known.id == kept.id);
            newer.cloned().unwrap_or_else(|| Arc::new(kept))
        });
        Ok(List {
            data: shown(newest.collect()),
            has_more: kept.has_more,
            cursor: kept.cursor,
        })
    }

    /// The rep hangs up: the call ends (J5).
    ///
    /// # Errors
    /// `permission_required` for others.
    pub async fn hang_up(&self, caller: &Caller, call: &CallId) -> Result<Call> {
        let user = caller.user_id.clone();
        self.change(caller, call, Input::HangUp { user }).await
    }

    /// The rep holds the lead, or takes them off hold.
    ///
    /// # Errors
    /// `permission_required` for others.
    pub async fn set_held(&self, caller: &Caller, call: &CallId, held: bool) -> Result<Call> {
        let user = caller.user_id.clone();
        self.change(caller, call, Input::SetHeld { user, held })
            .await
    }

    /// The rep or a coach mutes themself, or takes the mute off.
    ///
    /// # Errors
    /// `not_found` for who is not on the call, `conflict` for a coach on another device than the one
    /// with the audio.
    pub async fn set_muted(&self, caller: &Caller, call: &CallId, muted: bool) -> Result<Call> {
        let input = Input::SetMuted {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            muted,
        };
        self.change(caller, call, input).await
    }

    /// The microphone of the rep or a coach doesn't work, or works again.
    ///
    /// # Errors
    /// `not_found` for who is not on the call, `conflict` for another device than the one with the
    /// audio.
    pub async fn set_microphone_trouble(
        &self,
        caller: &Caller,
        call: &CallId,
        trouble: bool,
    ) -> Result<Call> {
        let input = Input::SetMicrophoneTrouble {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            trouble,
        };
        self.change(caller, call, input).await
    }

    /// The rep presses keys.
    ///
    /// # Errors
    /// `invalid_request` for what is no key, `permission_required` for others.
    pub async fn send_dtmf(&self, caller: &Caller, call: &CallId, digits: &str) -> Result<()> {
        let input = Input::Dtmf {
            user: caller.user_id.clone(),
            digits: Digits::parse(digits)?,
        };
        self.give(caller, call, input, None).await.map(|_| ())
    }

    /// Connects the device's audio to the caller's leg. A coach is in Listen afterwards.
    ///
    /// # Errors
    /// `not_found` for who is not on the call, `conflict` when another device of the coach has the
    /// audio, `invalid_request` and `too_large` for the offer.
    pub async fn media_offer(
        &self,
        caller: &Caller,
        call: &CallId,
        offer: &MediaOffer,
    ) -> Result<MediaAnswer> {
        let which = Request::MediaLeg {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            call: call.clone(),
        };
        let leg = self.ask(&caller.organization_id, which).await;
        let leg = match leg.and_then(Answer::media_leg) {
            Ok(leg) => leg,
            Err(refused) => return Err(self.explain(caller, call, refused).await),
        };
        if offer.tracks.is_some() && leg == REP_LEG {
            return Err(error(
                Code::InvalidRequest,
                "The rep's audio has no modes. Offer one section, without `tracks`.",
            ));
        }
        let answered = self.shared.media.connect(call, leg, offer).await;
        let Answered { sdp, widest } = answered.map_err(|error| media_error(call, &error))?;
        let input = Input::MediaOffered {
            leg,
            device: caller.device_id.clone(),
            widest,
        };
        let offered = self.give(caller, call, input, None);
        // None of the rep.
        let coach_leg = leg_of(&offered.await?, &caller.user_id).ok();
        Ok(MediaAnswer { sdp, coach_leg })
    }

    /// A lead calls one of the organization's numbers: it rings with whose number it is, on each of
    /// their desktop apps.
    ///
    /// # Errors
    /// `not_found` for lead or number; `conflict` for a number that takes no calls, which is one that
    /// is nobody's or not internal, and for a lead without a phone; `user_offline` when nobody would
    /// hear it ring.
    pub async fn receive(&self, caller: &Caller, request: &InboundCallRequest) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let organization: &OrganizationId = &caller.organization_id;
        let directory = &self.shared.directory;
        let number = directory
            .phone_number(organization, &request.local_phone_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There's no such phone number."))?;
        let lead = directory
            .lead(organization, &request.lead_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There's no such lead."))?;
        let owner = self.who_answers(organization, &number).await?.user;
        let mut contacts = lead.contacts.iter();
        let found = contacts.find_map(|contact| Some((contact, contact.phones.first()?)));
        let (contact, phone) = found.ok_or_else(|| {
            error(
                Code::Conflict,
                "The lead has no phone number. Add one to a contact.",
            )
        })?;
        let (contact, phone) = (contact.id.clone(), phone.phone.clone());
        let who_calls = LeadWhoCalls {
            lead: LeadBrief {
                id: lead.id,
                display_name: lead.display_name,
            },
            contact: Some(contact),
        };
        let call = fresh(CallId::from_suffix)?;
        let rung = self.ring(organization, call, owner, number, who_calls, phone);
        Ok(self.shown(&*rung.await?, &viewer, caller))
    }

    /// Somebody calls one of the numbers over a trunk, which lets them wait under `call`: it rings with
    /// whose number it is. Without `organization` the number alone says whose call it is. An unknown
    /// caller becomes a lead; `remote_phone` is none when it is withheld.
    ///
    /// # Errors
    /// `not_found` for a number that is not the organization's; `conflict` for one that takes no calls;
    /// `user_offline` when nobody would hear it ring; `unavailable` when it cannot be kept. Then nothing
    /// of the call is left, but who called may be known from then on.
    pub async fn receive_from_trunk(
        &self,
        call: CallId,
        organization: Option<&OrganizationId>,
        local_phone: &str,
        remote_phone: Option<&str>,
    ) -> Result<Call> {
        let directory = &self.shared.directory;
        let (organization, number) = directory
            .number_called(organization, local_phone)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There's no such phone number."))?;
        let owner = self.who_answers(&organization, &number).await?;
        // Only now: a caller whom nobody would hear becomes no lead.
        let who_calls = directory
            .lead_who_calls(&organization, remote_phone)
            .await
            .map_err(stored)?;
        let phone = remote_phone.unwrap_or_default().to_owned();
        let rep = owner.user.clone();
        let rung = self.ring(&organization, call, rep, number, who_calls, phone);
        Ok(view(&*rung.await?, &self.shared.settings.limits, &owner))
    }

    /// Begins a call that rings with this rep.
    async fn ring(
        &self,
        organization: &OrganizationId,
        call: CallId,
        rep: UserId,
        number: PhoneNumber,
        who_calls: LeadWhoCalls,
        remote_phone: String,
    ) -> Result<Arc<Call>> {
        let placed = Placed {
            id: call,
            rep,
            rep_leg: fresh(LegId::from_suffix)?,
            lead: who_calls.lead,
            contact: who_calls.contact,
            direction: Direction::Inbound,
            local_phone: number.number,
            local_phone_type: number.kind,
            remote_phone,
        };
        self.begin(organization, ClientType::Native, now(), placed)
            .await
    }

    /// With whom a call to this number rings.
    async fn who_answers(
        &self,
        organization: &OrganizationId,
        number: &PhoneNumber,
    ) -> Result<Viewer> {
        let owner = number
            .user_id
            .as_ref()
            .filter(|_| number.kind == PhoneNumberKind::Internal)
            .ok_or_else(|| {
                error(
                    Code::Conflict,
                    "No one takes calls to this number. Choose an internal number that's assigned to someone.",
                )
            })?;
        let member = self.member(organization, owner).await?;
        let online = self.shared.directory.is_native_online(owner);
        let authority = member.filter(|_| online).ok_or_else(|| {
            error(
                Code::UserOffline,
                "No one assigned to this number is online, so no one would hear it ring.",
            )
        })?;
        Ok(Viewer {
            user: owner.clone(),
            authority,
        })
    }

    /// The rep takes a call that came in.
    ///
    /// # Errors
    /// `permission_required` for others, `conflict` when it was taken already.
    pub async fn answer(&self, caller: &Caller, call: &CallId) -> Result<Call> {
        let user = caller.user_id.clone();
        self.change(caller, call, Input::Answer { user }).await
    }

    /// Joins a call in Listen, or moves the audio of a coach to this device (J1 to J4, M1).
    ///
    /// # Errors
    /// `inbound_call`, `external_number`, `plan_required`, `permission_required`, `own_call`,
    /// `call_full`, `invite_expired`; `user_offline` for another client than the desktop app.
    pub async fn join(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &JoinRequest,
    ) -> Result<CoachLeg> {
        if caller.client_type != ClientType::Native {
            return Err(Refusal::desktop_only().into());
        }
        let leg = fresh(LegId::from_suffix)?;
        let input = |authority| {
            Input::Join(Join {
                user: caller.user_id.clone(),
                device: caller.device_id.clone(),
                authority,
                leg: leg.clone(),
                invitation: request.invitation_id.clone(),
            })
        };
        let snapshot = self.decide(caller, call, input).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// A coach leaves; nothing else ends (J5). The leg is done.
    ///
    /// # Errors
    /// `not_found` for who does not coach, `conflict` when another device has the audio.
    pub async fn leave(&self, caller: &Caller, call: &CallId) -> Result<CoachLeg> {
        let input = Input::Leave {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
        };
        let snapshot = self.give(caller, call, input, None).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// A coach switches the mode (M1, A2). It holds when this returns.
    ///
    /// # Errors
    /// `permission_required`, `plan_required`; `conflict` when another device has the audio, or it is
    /// being reconnected; `not_found` for who does not coach.
    pub async fn set_mode(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &ModeRequest,
    ) -> Result<CoachLeg> {
        let input = |authority| Input::SetMode {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            mode: request.mode,
            authority,
        };
        let snapshot = self.decide(caller, call, input).await?;
        leg_of(&snapshot, &caller.user_id)
    }

    /// The rep invites teammates: all of them, or on an error nobody (W3). Who has an open invitation
    /// keeps that one.
    ///
    /// # Errors
    /// `invalid_request` for none or more than 100, `not_found` for who is no teammate, `user_offline`
    /// for who has no desktop app online, and whatever would refuse an invited teammate's join.
    pub async fn invite(
        &self,
        caller: &Caller,
        call: &CallId,
        request: &InvitationRequest,
    ) -> Result<List<Invitation>> {
        let users = &request.user_ids;
        if users.is_empty() || users.len() > INVITEES_MAX {
            return Err(error(
                Code::InvalidRequest,
                format!("Invite 1 to {INVITEES_MAX} teammates at a time."),
            ));
        }
        for _ in 0..LOOKUPS_MAX {
            let facts_of = self.shared.facts.load(Ordering::SeqCst);
            let mut invitees = Vec::with_capacity(users.len());
            for user in users {
                let member = self.member(&caller.organization_id, user).await?;
                let authority =
                    member.ok_or_else(|| error(Code::NotFound, "There's no such teammate."))?;
                invitees.push(Invitee {
                    user: user.clone(),
                    authority,
                    native_online: self.shared.directory.is_native_online(user),
                    invitation: fresh(InvitationId::from_suffix)?,
                });
            }
            let user = caller.user_id.clone();
            let input = Input::Invite { user, invitees };
            match self.try_give(caller, call, input, Some(facts_of)).await {
                Err(RequestError::StaleFacts) => {}
                Err(refused) => return Err(self.explain(caller, call, refused).await),
                Ok(snapshot) => return Ok(open_of(&snapshot, users)),
            }
        }
        Err(RequestError::StaleFacts.into())
    }

    /// Whom the rep may invite now: teammates with a desktop app online who are not on the call, and
    /// whether they could join (W3).
    ///
    /// # Errors
    /// `permission_required` for others than the rep.
    pub async fn invitation_targets(
        &self,
        caller: &Caller,
        call: &CallId,
    ) -> Result<List<InvitationTarget>> {
        let record = self.record(caller, call).await?;
        if record.user_id != caller.user_id {
            return Err(Refusal::rep_only("invite teammates").into());
        }
        let directory = &self.shared.directory;
        let members = directory.members(&caller.organization_id).await;
        let online = members
            .map_err(stored)?
            .into_iter()
            .filter(|member| directory.is_native_online(&member.user_id))
            .map(|member| Viewer {
                user: member.user_id,
                authority: member.authority,
            });
        let data = invitation_targets(&record, &self.shared.settings.limits, online);
        Ok(List::whole(data))
    }

    /// The caller's own open invitations.
    ///
    /// # Errors
    /// None but those of all.
    pub async fn open_invitations(&self, caller: &Caller) -> Result<List<Invitation>> {
        let user = caller.user_id.clone();
        let open = self
            .ask(&caller.organization_id, Request::Invitations { user })
            .await;
        let mut data = open.and_then(Answer::invitations)?;
        data.sort_by(|one, other| {
            (one.date_created, &one.id).cmp(&(other.date_created, &other.id))
        });
        Ok(List::whole(data))
    }

    /// The invited teammate declines.
    ///
    /// # Errors
    /// `not_found` for others, `invite_expired` when it is no longer open.
    pub async fn decline(&self, caller: &Caller, invitation: &InvitationId) -> Result<Invitation> {
        let decline = Request::Decline {
            user: caller.user_id.clone(),
            invitation: invitation.clone(),
        };
        let answer = self.ask(&caller.organization_id, decline).await;
        let snapshot = answer.and_then(Answer::call)?;
        let mut invitations = snapshot.invitations.iter();
        let found = invitations.find(|one| one.id == *invitation);
        found
            .cloned()
            .ok_or_else(|| Refusal::no_invitation().into())
    }

    /// How the calls of a member are recorded now.
    ///
    /// # Errors
    /// None but those of all.
    async fn recording_plan(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<RecordingPlan>> {
        if self.shared.recordings.is_none() {
            return Ok(None);
        }
        let plan = self.shared.database.recording_plan(organization, user);
        plan.await.map_err(stored)
    }

    /// The rep pauses the recording of their call, or lets it go on.
    ///
    /// # Errors
    /// `not_found` when it is not recorded, `permission_required` for others.
    pub async fn set_recording_paused(
        &self,
        caller: &Caller,
        call: &CallId,
        paused: bool,
    ) -> Result<Call> {
        let user = caller.user_id.clone();
        let input = Input::SetRecordingPaused { user, paused };
        self.change(caller, call, input).await
    }

    /// A call's recording stands otherwise than it did: kept on the call, and told, whether the call
    /// is in progress or over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn recording_changed(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        recording: &CallRecording,
    ) -> Result<()> {
        let changed = Request::Recording {
            call: call.clone(),
            recording: recording.clone(),
        };
        if self.ask(organization, changed).await.is_ok() {
            return Ok(());
        }
        let change = |record: &mut Call| recorded(record, recording.clone());
        self.revise(organization, call, change).await.map(drop)
    }

    /// What came of a call, in progress or past (L5): what the request names. Whoever may `manage` says it
    /// also of others' calls.
    ///
    /// # Errors
    /// `permission_required` for others than the rep and those who manage; `not_found` for an outcome that
    /// the organization doesn't have.
    pub async fn annotate(
        &self,
        caller: &Caller,
        manages: bool,
        call: &CallId,
        patch: CallPatch,
    ) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let record = self.record(caller, call).await?;
        if record.user_id != caller.user_id && !manages {
            return Err(error(
                Code::PermissionRequired,
                "Only the rep on the call can set its outcome and note. An admin can, too.",
            ));
        }
        let organization = &caller.organization_id;
        let outcome = match patch.outcome_id {
            Some(Some(id)) => {
                let found = self.shared.database.outcome(organization, &id).await;
                let found = found.map_err(stored)?;
                let unknown = || error(Code::NotFound, "There's no such outcome.");
                Some(Some(found.ok_or_else(unknown)?))
            }
            Some(None) => Some(None),
            None => None,
        };
        let note = patch.note;
        let annotation = Annotation { outcome, note };
        let request = Request::Annotate {
            call: call.clone(),
            annotation: annotation.clone(),
        };
        let record = match self.ask(organization, request).await {
            Ok(Answer::Call(snapshot)) => snapshot.record,
            Ok(_) => self.record(caller, call).await?,
            Err(RequestError::UnknownCall) => {
                let change = |record: &mut Call| annotate(record, annotation);
                let revised = self.revise(organization, call, change).await?;
                revised.ok_or(RequestError::UnknownCall)?
            }
            Err(refused) => return Err(refused.into()),
        };
        Ok(self.shown(&record, &viewer, caller))
    }

    /// Changes and tells a call of long ago, which is the store's alone.
    async fn revise(
        &self,
        organization: &OrganizationId,
        call: &CallId,
        change: impl FnOnce(&mut Call) + Send,
    ) -> Result<Option<Arc<Call>>> {
        let database = &self.shared.database;
        let revised = database.revise_call(organization, call, change).await;
        let Some(record) = revised.map_err(stored)?.map(Arc::new) else {
            return Ok(None);
        };
        let told = Request::Revised {
            record: record.clone(),
        };
        // Of a service that stops nobody is told any more.
        let _ = self.ask(organization, told).await;
        Ok(Some(record))
    }

    /// Forgets the calls with a lead that are over. When this returns, nothing of them waits to be
    /// kept any more.
    ///
    /// # Errors
    /// `conflict` while a call with the lead is in progress.
    pub async fn forget_lead(&self, organization: &OrganizationId, lead: &LeadId) -> Result<()> {
        let lead = lead.clone();
        self.ask(organization, Request::ForgetLead { lead }).await?;
        Ok(())
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
        let user = user.clone();
        let changed = Request::AuthorityChanged { user, authority };
        let done = self.send(organization, changed).await;
        drop(in_turn);
        // When the service stops it holds nowhere any more.
        let _ = done.await;
    }

    /// The organization's plan changed. When this returns it holds on every call, and whom it put out
    /// is told (A2, J3).
    pub async fn plan_changed(&self, organization: &OrganizationId, plan: Plan) {
        let in_turn = self.shared.changing.lock().await;
        self.shared.facts.fetch_add(1, Ordering::SeqCst);
        let done = self.send(organization, Request::PlanChanged { plan }).await;
        drop(in_turn);
        let _ = done.await;
    }

    /// The balance pays for a coach's first minute now, or no longer does (B3): everybody's Listen
    /// buttons are told.
    pub async fn funds_changed(&self, organization: &OrganizationId) {
        self.shared.facts.fetch_add(1, Ordering::SeqCst);
        // When the service stops there is nobody to tell.
        let _ = self.ask(organization, Request::FundsChanged).await;
    }

    /// Ends every call: everybody is told, and it is kept. Afterwards everything is `unavailable`.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        // Stopped twice is stopped.
        if self.shared.owner.send(Message::Stop(reply)).await.is_ok() {
            let _ = stopped.await;
        }
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

    async fn change(&self, caller: &Caller, call: &CallId, input: Input) -> Result<Call> {
        let viewer = self.viewer(caller).await?;
        let snapshot = self.give(caller, call, input, None).await?;
        Ok(self.shown(&snapshot.record, &viewer, caller))
    }

    /// Gives a call an input that depends on what the caller may do at the very moment (A2): when
    /// that changes between look-up and decision, it is looked up again.
    async fn decide(
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
                Err(RequestError::StaleFacts) => {}
                Err(refused) => return Err(self.explain(caller, call, refused).await),
                Ok(snapshot) => return Ok(snapshot),
            }
        }
        Err(RequestError::StaleFacts.into())
    }

    async fn give(
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

    async fn try_give(
        &self,
        caller: &Caller,
        call: &CallId,
        input: Input,
        facts_of: Option<u64>,
    ) -> std::result::Result<Snapshot, RequestError> {
        let give = Request::Give {
            call: call.clone(),
            input,
            facts_of,
        };
        let answer = self.ask(&caller.organization_id, give).await;
        answer.and_then(Answer::call)
    }

    /// A call that the owner does not remember may be one of long ago.
    async fn explain(&self, caller: &Caller, call: &CallId, refused: RequestError) -> ErrorBody {
        if !matches!(refused, RequestError::UnknownCall) {
            return refused.into();
        }
        let kept = self.shared.database.call(&caller.organization_id, call);
        match kept.await {
            Ok(Some(_)) => Refusal::over().into(),
            Ok(None) => refused.into(),
            Err(error) => stored(error),
        }
    }

    async fn record(&self, caller: &Caller, call: &CallId) -> Result<Arc<Call>> {
        let look = Request::Look { call: call.clone() };
        let looked = self.ask(&caller.organization_id, look).await;
        match looked.and_then(Answer::call) {
            Ok(snapshot) => return Ok(snapshot.record),
            Err(RequestError::UnknownCall) => {}
            Err(refused) => return Err(refused.into()),
        }
        let kept = self.shared.database.call(&caller.organization_id, call);
        let kept = kept.await.map_err(stored)?;
        kept.map(Arc::new)
            .ok_or_else(|| RequestError::UnknownCall.into())
    }

    fn shown(&self, record: &Call, viewer: &Viewer, caller: &Caller) -> Call {
        let call = view(record, &self.shared.settings.limits, viewer);
        seen_from(caller.client_type, call)
    }

    async fn viewer(&self, caller: &Caller) -> Result<Viewer> {
        let authority = self
            .member(&caller.organization_id, &caller.user_id)
            .await?;
        Ok(Viewer {
            user: caller.user_id.clone(),
            authority: authority.unwrap_or(Authority::none(false)),
        })
    }

    /// What a member may do now; none when they are not an active member.
    async fn member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Authority>> {
        let member = self.shared.directory.member(organization, user).await;
        Ok(member.map_err(stored)?.map(|member| member.authority))
    }

    async fn ask(
        &self,
        organization: &OrganizationId,
        request: Request,
    ) -> std::result::Result<Answer, RequestError> {
        let answer = self.send(organization, request).await.await;
        answer.unwrap_or_else(|_| Err(RequestError::stopping()))
    }

    /// Returns when the request has its turn; what gives the answer.
    async fn send(
        &self,
        organization: &OrganizationId,
        request: Request,
    ) -> oneshot::Receiver<std::result::Result<Answer, RequestError>> {
        let (reply, answer) = oneshot::channel();
        let organization = organization.clone();
        let envelope = Envelope {
            organization,
            request,
            reply,
        };
        self.shared.placement.send(envelope).await;
        answer
    }
}

/// What calls work with.
pub struct CallsParts {
    /// Bounds.
    pub settings: CallsSettings,
    /// Which numbers may be called.
    pub policy: CallPolicy,
    /// Who may do what.
    pub directory: Arc<dyn Directory>,
    /// Where calls are kept.
    pub database: Database,
    /// How users are told, and who else is to know.
    pub events: Arc<dyn Events>,
    /// The media workers.
    pub media: Media,
    /// What those say.
    pub media_events: mpsc::Receiver<MediaEvent>,
    /// How leads are reached.
    pub line: Arc<dyn LeadLine>,
    /// Where calls are recorded; none when the store is only read.
    pub recordings: Option<Arc<Recordings>>,
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

/// Whom somebody wants to call.
enum Whom {
    /// A lead's contact, on this phone.
    Lead(LeadWhoCalls, String),
    /// Whoever has this number.
    Number(String),
}

impl Whom {
    fn phone(&self) -> &str {
        match self {
            Self::Lead(_, phone) | Self::Number(phone) => phone,
        }
    }
}

/// Which contact of the lead is called, and on which of their phones.
fn contact_of(lead: &Lead, request: &PlaceCallRequest) -> Result<(wire::ContactId, String)> {
    let mut contacts = lead.contacts.iter();
    let contact = match &request.contact_id {
        Some(id) => contacts.find(|contact| contact.id == *id).ok_or_else(|| {
            error(
                Code::NotFound,
                "That contact doesn't belong to this lead. Choose one of the lead's contacts.",
            )
        })?,
        None => contacts
            .find(|contact| !contact.phones.is_empty())
            .ok_or_else(no_phone)?,
    };
    let phone = match &request.remote_phone {
        Some(phone) => contact
            .phones
            .iter()
            .find(|one| one.phone == *phone)
            .ok_or_else(|| {
                error(
                    Code::InvalidRequest,
                    "That phone number doesn't belong to this contact. Choose one of theirs.",
                )
            })?,
        None => contact.phones.first().ok_or_else(no_phone)?,
    };
    Ok((contact.id.clone(), phone.phone.clone()))
}

fn no_phone() -> ErrorBody {
    error(
        Code::Conflict,
        "There's no phone number to call. Add one to the contact first.",
    )
}

fn media_error(call: &CallId, failed: &MediaError) -> ErrorBody {
    match failed {
        MediaError::OfferTooLong => error(Code::TooLarge, sentence(failed)),
        MediaError::OfferMalformed(_)
        | MediaError::NoAudio
        | MediaError::Undeclared
        | MediaError::NoOpus => error(Code::InvalidRequest, sentence(failed)),
        MediaError::UnknownCall | MediaError::UnknownLeg => Refusal::over().into(),
        MediaError::Stopped => RequestError::stopping().into(),
        other => {
            tracing::error!(call_id = %call, error = %other, "the media refused an offer");
            error(
                Code::Internal,
                "Something went wrong in the service. Try again, or see its log.",
            )
        }
    }
}

fn sentence(failed: &MediaError) -> String {
    let text = failed.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Whether a teammate could join, said to the rep.
fn leg_of(snapshot: &Snapshot, user: &UserId) -> Result<CoachLeg> {
    let mut legs = snapshot.record.coach_legs.iter().rev();
    let leg = legs.find(|leg| leg.user_id == *user);
    leg.cloned().ok_or_else(|| Refusal::not_on_call().into())
}

fn open_of(snapshot: &Snapshot, users: &[UserId]) -> List<Invitation> {
    let open = snapshot.invitations.iter().filter(|invitation| {
        invitation.status == InvitationStatus::Open && users.contains(&invitation.invitee_id)
    });
    List::whole(open.cloned().collect())
}

fn fresh<T>(make: impl Fn(&str) -> std::result::Result<T, wire::IdError>) -> Result<T> {
    make(&id_suffix(now())).map_err(|failed| {
        tracing::error!(%failed, "a new id isn't valid");
        error(
            Code::Internal,
            "Something went wrong in the service. Try again, or see its log.",
        )
    })
}

fn error(code: Code, message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(code, message)
}

fn stored(failed: StoreError) -> ErrorBody {
    tracing::error!(error = %failed, "the store refused");
    failed.into()
}
