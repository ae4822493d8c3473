//! The sound of one session: its connection, its voice, how good both are.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use session::{MediaId, MediaRole};
use tokio::sync::watch;

use super::{Loop, MEDIA_WAIT, Media, Report};
use crate::session_loop::handle::{Quality, SessionEvent};
use crate::{Peer, PeerSettings, PeerStats, Voice};

impl Loop {
    pub(super) fn start_media(&mut self, id: MediaId, role: MediaRole) {
        self.close_media();
        if let Some(devices) = self.devices.take() {
            self.voice = Voice::start(devices, &self.settings.voice)
                .inspect_err(|error| tracing::warn!(%error, "no voice"))
                .ok();
            self.trouble = Some(self.voice.as_ref().map_or_else(
                // Its sender is gone, which says that there is no voice.
                || watch::channel(None).1,
                Voice::trouble,
            ));
        }
        self.media = Some(Media {
            id,
            peer: None,
            events: None,
            deadline: Some(Instant::now() + MEDIA_WAIT),
        });
        let bind = self.settings.bind.unwrap_or_else(|| self.default_bind());
        let reports = self.reports.clone();
        tokio::spawn(async move {
            let offered = Peer::offer(PeerSettings { role, bind }).await;
            let _ = reports.send(Report::Offered(id, offered)).await;
        });
    }

    /// Loopback reaches only loopback, and everything else never does.
    fn default_bind(&self) -> IpAddr {
        let host = self.api.base().host_str().unwrap_or_default();
        let local = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        if local {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }
    }

    pub(super) fn accept(&mut self, id: MediaId, sdp: String) {
        let media = self.media.as_ref().filter(|media| media.id == id);
        if let Some(peer) = media.and_then(|media| media.peer.clone()) {
            let reports = self.reports.clone();
            tokio::spawn(async move {
                let accepted = peer.accept(sdp).await;
                let _ = reports.send(Report::Accepted(id, accepted)).await;
            });
        }
    }

    pub(super) fn close_media(&mut self) {
        if let Some(voice) = &self.voice {
            voice.disconnect();
        }
        self.counted = (0, 0);
        if let Some(peer) = self.media.take().and_then(|media| media.peer) {
            tokio::spawn(async move { peer.close().await });
        }
    }

    pub(super) fn measure(&self) {
        let Some(media) = self.media.as_ref().filter(|media| media.deadline.is_none()) else {
            return;
        };
        if let Some(peer) = media.peer.clone() {
            let (id, reports) = (media.id, self.reports.clone());
            tokio::spawn(async move {
                let stats = peer.stats().await;
                let _ = reports.send(Report::Stats(id, stats)).await;
            });
        }
    }

    pub(super) fn tell_quality(&mut self, stats: PeerStats) {
        let Some(voice) = self.voice.as_ref().map(Voice::stats) else {
            return;
        };
        let (received, lost) = (voice.jitter.received, voice.jitter.lost);
        let new_lost = lost.saturating_sub(self.counted.1);
        let new = received.saturating_sub(self.counted.0) + new_lost;
        self.counted = (received, lost);
        let quality = Quality {
            lost_percent: 100.0 * new_lost as f32 / new.max(1) as f32,
            jitter_ms: voice.jitter.jitter_ms,
            round_trip_ms: stats.round_trip.map(|time| time.as_secs_f32() * 1000.0),
            voice,
        };
        let _ = self.events.send(SessionEvent::Quality(quality));
    }
}
