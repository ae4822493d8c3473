//! What a rep asks of calls, and how calls are looked at.

use super::handle::{Caller, Calls, Result, STOPPING, error, fresh, stored};
use super::question::Question;
use super::saves::{Thing, write};
use crate::clock::now;
use call::{Digits, Input, Machine, Placed, Refusal, abandoned};
use media::MediaError;
use std::sync::Arc;
use std::time::Duration;
use wire::{
    Call, CallId, ClientType, Code, Direction, ErrorBody, Lead, LeadBrief, LeadId, LegId, List,
    ListQuery, MediaAnswer, MediaOffer, OrganizationId, PlaceCallRequest, Timestamp,
};

/// How long the store may take to take a new call in.
const PLACE_MAX: Duration = Duration::from_secs(3);

impl Calls {
    /// Places a call. It is not placed when the store cannot take it in.
    ///
    /// # Errors
    /// `not_found` for lead, contact or number; `permission_required` for a number that is others'; `invalid_request` for a phone that is not the
    /// contact's; `conflict` when the lead has no phone.
    pub async fn place(&self, caller: &Caller, request: &PlaceCallRequest) -> Result<Call> {
        let organization = &caller.organization_id;
        let directory = &self.shared.directory;
        let viewer = self.viewer(caller).await?;
        if !viewer.authority.active {
            return Err(error(
                Code::PermissionRequired,
                "You are not an active member. Ask an admin.",
            ));
        }
        let number = directory
            .phone_number(organization, &request.local_phone_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There is no such phone number."))?;
        if !number.user_ids.is_empty() && !number.user_ids.contains(&caller.user_id) {
            return Err(error(
                Code::PermissionRequired,
                "You may not call from this number. Choose another one, or ask an admin.",
            ));
        }
        let lead = directory
            .lead(organization, &request.lead_id)
            .await
            .map_err(stored)?
            .ok_or_else(|| error(Code::NotFound, "There is no such lead."))?;
        let (contact, remote_phone) = whom(&lead, request)?;
        let at = now();
        let placed = Placed {
            id: fresh(CallId::from_suffix)?,
            rep: caller.user_id.clone(),
            rep_leg: fresh(LegId::from_suffix)?,
            lead: LeadBrief {
                id: lead.id,
                display_name: lead.display_name,
            },
            contact: Some(contact),
            direction: Direction::Outbound,
            local_phone: number.number,
            local_phone_type: number.kind,
            remote_phone,
        };
        let record = self
            .begin(organization, caller.client_type, at, placed)
            .await?;
        Ok(self.shown(&record, &viewer))
    }

    /// Keeps a new call and lets it begin; not when the store cannot take it in.
    pub(super) async fn begin(
        &self,
        organization: &OrganizationId,
        client_type: ClientType,
        at: Timestamp,
        placed: Placed,
    ) -> Result<Arc<Call>> {
        let recording = self.recording_plan(organization, &placed.rep).await?;
        let machine = Machine::new(at, placed, self.shared.settings.limits);
        let record = Arc::new(machine.record());
        let thing = Thing::Call(record.clone());
        let save = write(&self.shared.repository, organization, &thing);
        let saved = tokio::time::timeout(PLACE_MAX, save).await;
        if !matches!(saved, Ok(Ok(()))) {
            tracing::error!(call_id = %record.id, ?saved, "the call is not placed: it cannot be kept");
            return Err(error(
                Code::Unavailable,
                "The call cannot be kept just now, so it was not placed. Try again shortly.",
            ));
        }
        let answer = self
            .ask(|reply| Question::Place {
                organization: organization.clone(),
                client_type,
                machine: Box::new(machine),
                recording,
                reply,
            })
            .await;
        match answer {
            Ok(snapshot) => Ok(snapshot.record),
            Err(refused) => {
                // It was written and never was.
                let never = Thing::Call(Arc::new(abandoned((*record).clone(), at)));
                if let Err(error) = write(&self.shared.repository, organization, &never).await {
                    tracing::error!(call_id = %record.id, %error, "a call that was not placed stays as one in progress until the next start");
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
        Ok(self.shown(&record, &viewer))
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
        let organization = caller.organization_id.clone();
        let viewer = self.viewer(caller).await?;
        let known = self
            .put(|reply| Question::Known {
                organization,
                reply,
            })
            .await?;
        let shown = |records: Vec<Arc<Call>>| {
            let calls = records.iter();
            calls.map(|record| self.shown(record, &viewer)).collect()
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
            .repository
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
    /// `not_found` for who is not on the call, `conflict` for a coach who unmutes on another device
    /// than the one with the audio.
    pub async fn set_muted(&self, caller: &Caller, call: &CallId, muted: bool) -> Result<Call> {
        let input = Input::SetMuted {
            user: caller.user_id.clone(),
            device: caller.device_id.clone(),
            muted,
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
        let of = (caller.clone(), call.clone());
        let leg = self
            .put(|reply| Question::MediaLeg {
                caller: of.0,
                call: of.1,
                reply,
            })
            .await?;
        let leg = match leg {
            Ok(leg) => leg,
            Err(refused) => return Err(self.explain(caller, call, refused).await),
        };
        let answer = self.shared.media.connect(call, leg, &offer.sdp).await;
        let sdp = answer.map_err(|error| media_error(call, &error))?;
        self.give(caller, call, Input::MediaOffered(leg), None)
            .await?;
        Ok(MediaAnswer { sdp })
    }
}

/// Which contact of the lead is called, and on which of their phones.
fn whom(lead: &Lead, request: &PlaceCallRequest) -> Result<(wire::ContactId, String)> {
    let mut contacts = lead.contacts.iter();
    let contact = match &request.contact_id {
        Some(id) => contacts
            .find(|contact| contact.id == *id)
            .ok_or_else(|| error(Code::NotFound, "The lead has no such contact."))?,
        None => contacts
            .find(|contact| !contact.phones.is_empty())
            .ok_or_else(no_phone)?,
    };
    let phone = match &request.remote_phone {
        Some(phone) => contact
            .phones
            .iter()
            .find(|one| *one == phone)
            .ok_or_else(|| {
                error(
                    Code::InvalidRequest,
                    "That phone number is not one of the contact's. Choose one of theirs.",
                )
            })?,
        None => contact.phones.first().ok_or_else(no_phone)?,
    };
    Ok((contact.id.clone(), phone.clone()))
}

fn no_phone() -> ErrorBody {
    error(
        Code::Conflict,
        "There is no phone number to call. Add one to the contact first.",
    )
}

fn media_error(call: &CallId, failed: &MediaError) -> ErrorBody {
    match failed {
        MediaError::OfferTooLong => error(Code::TooLarge, sentence(failed)),
        MediaError::OfferMalformed(_) | MediaError::NoAudio | MediaError::NoOpus => {
            error(Code::InvalidRequest, sentence(failed))
        }
        MediaError::UnknownCall | MediaError::UnknownLeg => Refusal::over().into(),
        MediaError::Stopped => error(Code::Unavailable, STOPPING),
        other => {
            tracing::error!(call_id = %call, error = %other, "the media refused an offer");
            error(
                Code::Internal,
                "A fault of the service's own. Its log tells more.",
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
