//! What happens, as JSON lines on standard output.

use std::io::Write;
use std::time::Instant;

use client::{Audience, Connection, EndReason, MediaStatus, Notice, SessionEvent, SignedOutReason};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Prints each event as it comes.
pub(crate) struct Printer {
    task: JoinHandle<()>,
}

impl Printer {
    pub(crate) fn start(mut events: broadcast::Receiver<SessionEvent>) -> Self {
        let start = Instant::now();
        let task = tokio::spawn(async move {
            loop {
                let value = match events.recv().await {
                    Ok(event) => to_json(&event),
                    Err(broadcast::error::RecvError::Lagged(count)) => {
                        Some(json!({"event": "missed", "count": count}))
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                let Some(Value::Object(fields)) = value else {
                    continue;
                };
                let at_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                let mut line = serde_json::Map::new();
                line.insert("at_ms".into(), at_ms.into());
                line.extend(fields);
                let mut out = std::io::stdout().lock();
                // A reader that is gone does not end the call.
                let _ = writeln!(out, "{}", Value::Object(line));
            }
        });
        Self { task }
    }

    /// Prints what is left. Nothing may hold the session any more.
    pub(crate) async fn finish(self) {
        let _ = self.task.await;
    }
}

/// `None` for what only a window has a use for.
fn to_json(event: &SessionEvent) -> Option<Value> {
    Some(match event {
        SessionEvent::Quality(quality) => json!({
            "event": "quality",
            "lost_percent": quality.lost_percent,
            "jitter_ms": quality.jitter_ms,
            "round_trip_ms": quality.round_trip_ms,
            "packets_sent": quality.voice.packets_sent,
            "packets_received": quality.voice.jitter.received,
            "input_level_dbov": quality.voice.input_level_dbov,
        }),
        SessionEvent::Notice(notice) => match notice {
            Notice::SignedIn => json!({"event": "signed_in"}),
            Notice::SignedOut(reason) => json!({"event": "signed_out", "reason": match reason {
                SignedOutReason::Asked => "asked",
                SignedOutReason::Expired => "expired",
            }}),
            Notice::SignInLost => json!({"event": "sign_in_lost"}),
            Notice::Connection(connection) => {
                json!({"event": "connection", "status": match connection {
                    Connection::SignedOut => "signed_out",
                    Connection::Connecting => "connecting",
                    Connection::Online => "online",
                    Connection::Resuming => "resuming",
                    Connection::Offline => "offline",
                }})
            }
            Notice::Media(status) => json!({"event": "media", "status": match status {
                MediaStatus::Idle => "idle",
                MediaStatus::Connecting => "connecting",
                MediaStatus::Connected => "connected",
                MediaStatus::Reconnecting => "reconnecting",
                MediaStatus::Lost => "lost",
            }}),
            Notice::Microphone(trouble) => json!({"event": "microphone", "trouble": trouble}),
            Notice::MyCall(my_call) => json!({
                "event": "my_call",
                "call": &my_call.call,
                "muted": my_call.muted,
            }),
            Notice::MyCallEnded(call) => json!({"event": "my_call_ended", "call": call}),
            Notice::Coaching(coaching) => json!({
                "event": "coaching",
                "call_id": &coaching.call_id,
                "mode": coaching.mode(),
                "mode_under_way": coaching.mode_under_way(),
                "audience": match coaching.audience() {
                    Audience::Nobody => "nobody",
                    Audience::Rep => "rep",
                    Audience::Everybody => "everybody",
                },
                "muted": coaching.muted,
                "status": coaching.leg.status,
            }),
            Notice::CoachingEnded(call_id, reason) => json!({
                "event": "coaching_ended",
                "call_id": call_id,
                "reason": match reason {
                    EndReason::Call(_) => json!("call_ended"),
                    EndReason::Leg(reason) => json!(reason),
                    EndReason::MovedDevice => json!("moved_device"),
                    EndReason::SignedOut => json!("signed_out"),
                    EndReason::Gone => json!("gone"),
                },
            }),
            Notice::Invited(invitation) => json!({"event": "invited", "invitation": invitation}),
            Notice::InvitationSent(invitation) => {
                json!({"event": "invitation_sent", "invitation": invitation})
            }
            Notice::InvitationEnded(invitation) => {
                json!({"event": "invitation_ended", "invitation": invitation})
            }
            Notice::Levels(call_id, levels) => {
                json!({"event": "levels", "call_id": call_id, "levels": levels})
            }
            Notice::LeadKey(call_id, key) => {
                json!({"event": "lead_key", "call_id": call_id, "key": key})
            }
            Notice::LeadQuality(call_id, quality) => {
                json!({"event": "lead_quality", "call_id": call_id, "quality": quality})
            }
            // Its command is still under way.
            Notice::Postponed(_) => json!({"event": "postponed"}),
            Notice::Trouble(failure) => {
                json!({"event": "trouble", "code": failure.code, "message": failure.message})
            }
            Notice::MeChanged
            | Notice::SignInKept(_)
            | Notice::Refreshed
            | Notice::Availability(_)
            | Notice::Call(_) => return None,
        },
    })
}
