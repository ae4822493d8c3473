//! The half of a phone that goes to the worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use media::{LeadMedia, LeadMix};
use voice::Codec;

use super::control::{Change, Link, Shared};
use super::inbound::{Arrival, Inbound};
use super::outbound::{Content, Outbound};
use super::reports::Reports;
use super::socket::Incoming;
use super::{HoldSound, PhoneError, PortPair};
use crate::rtp::is_rtcp;
use crate::sdp::Negotiated;

/// Datagrams of RTP that are read in a tick; a flood of more waits in the kernel, or is lost there.
const RTP_MAX: usize = 32;
/// Datagrams of RTCP that are read at once, and the ticks from one time to the next. When they came
/// the kernel tells.
const RTCP_MAX: usize = 8;
const RTCP_TICKS: u64 = 10;
/// Digits that are taken in a tick.
const DIGITS_MAX: usize = 64;
/// Negotiations that are taken in a tick.
const NEGOTIATIONS_MAX: usize = 16;

/// The half of a phone that goes to the worker. When it is dropped, the peer is told goodbye.
pub struct PhoneMedia {
    pair: PortPair,
    hold: Arc<HoldSound>,
    link: Link,
    incoming: Incoming,
    outbound: Outbound,
    reports: Reports,
    /// What was negotiated, and what comes since.
    session: Option<(Negotiated, Inbound)>,
    ticks: u64,
    now: Duration,
    has_ended: bool,
}

impl PhoneMedia {
    pub(super) fn new(
        pair: PortPair,
        hold: Arc<HoldSound>,
        link: Link,
    ) -> Result<Self, PhoneError> {
        Ok(Self {
            pair,
            hold,
            link,
            incoming: Incoming::new(),
            outbound: Outbound::new()?,
            reports: Reports::new()?,
            session: None,
            ticks: 0,
            now: Duration::ZERO,
            has_ended: false,
        })
    }

    /// Takes in what the leg told.
    fn take_in(&mut self) {
        for _ in 0..NEGOTIATIONS_MAX {
            let Ok(told) = self.link.negotiations.pop() else {
                break;
            };
            let negotiated = told.negotiated;
            self.outbound.negotiate(&negotiated, told.start);
            if let Change::Set(sender) = told.sender {
                self.outbound.sender = sender;
            }
            let inbound = match self.session.take() {
                Some((_, mut inbound)) => {
                    inbound.stream.describe(&negotiated);
                    inbound
                }
                None => {
                    let now_ms = self.now.as_millis() as u64;
                    self.link
                        .shared
                        .heard_at_ms
                        .store(now_ms, Ordering::Release);
                    self.reports.begin(self.now);
                    Inbound::new(&negotiated)
                }
            };
            let (_, inbound) = self.session.insert((negotiated, inbound));
            if let Change::Set(receiver) = told.receiver {
                inbound.receiver = receiver;
            }
        }
        for _ in 0..DIGITS_MAX {
            let Ok(digit) = self.link.digits.pop() else {
                break;
            };
            let session = self.session.as_ref();
            if session.is_some_and(|(negotiated, _)| negotiated.sends) {
                // What is no key, or one too many, is ignored.
                self.outbound.keys.push(digit);
            }
        }
    }

    /// Takes in what came.
    fn receive(&mut self, speak: &mut dyn FnMut(&voice::Packet<'_>)) {
        let Some((negotiated, inbound)) = &mut self.session else {
            return;
        };
        let (now, link, own) = (self.now, &mut self.link, self.outbound.ssrc());
        for _ in 0..RTP_MAX {
            let Some(datagram) = self.incoming.receive(&self.pair.rtp) else {
                break;
            };
            let (from, age) = (datagram.source, datagram.age);
            let arrival = Arrival { now, age };
            if negotiated.rtcp_mux && is_rtcp(datagram.bytes) {
                inbound.rtcp(from, datagram.bytes, arrival, own, link);
            } else {
                inbound.rtp(from, datagram.bytes, arrival, negotiated, link, speak);
            }
        }
        if !self.ticks.is_multiple_of(RTCP_TICKS) {
            return;
        }
        for _ in 0..RTCP_MAX {
            let Some(datagram) = self.incoming.receive(&self.pair.rtcp) else {
                break;
            };
            let (from, age) = (datagram.source, datagram.age);
            inbound.rtcp(from, datagram.bytes, Arrival { now, age }, own, link);
        }
    }

    fn send(&mut self, heard: &LeadMix<'_>) {
        let Some((negotiated, inbound)) = &mut self.session else {
            return;
        };
        self.outbound.begin(heard.tick);
        if !negotiated.sends {
            self.outbound.pause();
            return;
        }
        let content = content(&self.link.shared);
        let (pair, destination) = (&self.pair, inbound.stream.source.destination());
        let is_sent = self
            .outbound
            .tick(negotiated, content, heard, &self.hold, |packet| {
                pair.send_rtp(destination, packet)
            });
        if is_sent {
            Shared::add(&self.link.shared.sent);
        }
    }

    fn report(&mut self, goodbye: bool) {
        let Some((negotiated, inbound)) = &mut self.session else {
            return;
        };
        let source = &inbound.stream.source;
        let (pair, is_shared) = (&self.pair, negotiated.rtcp_mux);
        let destination = if is_shared {
            source.destination()
        } else {
            source.destination_rtcp()
        };
        // While the peer holds in the old way no one knows where to.
        if destination.ip().is_unspecified() {
            return;
        }
        let (stream, outbound) = (&mut inbound.stream, &mut self.outbound);
        self.reports
            .send(self.now, goodbye, stream, outbound, |packet| {
                if is_shared {
                    pair.send_rtp(destination, packet)
                } else {
                    pair.send_rtcp(destination, packet)
                }
            });
    }

    fn end(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.report(true);
        }
    }
}

fn content(shared: &Shared) -> Content {
    if !shared.answered.load(Ordering::Acquire) {
        Content::Nothing
    } else if shared.held.load(Ordering::Acquire) {
        Content::Held
    } else {
        Content::Voice
    }
}

impl LeadMedia for PhoneMedia {
    fn hears_opus(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|(negotiated, _)| {
            negotiated.sends
                && negotiated.send.1 == Codec::Opus
                && content(&self.link.shared) == Content::Voice
        })
    }

    fn take_reported_loss(&mut self) -> Option<f32> {
        let (_, inbound) = self.session.as_mut()?;
        inbound.stream.reported_loss.take()
    }

    fn tick(
        &mut self,
        now: Duration,
        heard: LeadMix<'_>,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    ) {
        self.now = now;
        if self.link.shared.ended.load(Ordering::Acquire) {
            self.end();
            return;
        }
        let now_ms = now.as_millis() as u64;
        self.link.shared.now_ms.store(now_ms, Ordering::Release);
        self.take_in();
        self.receive(speak);
        self.send(&heard);
        self.ticks += 1;
        if self.reports.is_due(now) {
            self.report(false);
        }
        if let Some((_, inbound)) = &self.session
            && let Some(quality) = self.reports.quality(now, &inbound.stream)
        {
            self.link.shared.tell(quality);
        }
    }
}

impl Drop for PhoneMedia {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for PhoneMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneMedia")
            .field("port", &self.pair.rtp_port())
            .finish_non_exhaustive()
    }
}
