//! What a worker does for single calls, legs and connections, between ticks.

use std::net::SocketAddr;
use std::time::Instant;

use mix::{LegLevel, LegNumber};
use str0m::rtp::RtpPacket;
use wire::CallId;

use crate::MediaError;
use crate::call::{Call, Leg};
use crate::command::Change;
use crate::connection::{Connection, Happening, SETUP_MAX};
use crate::demux::{is_stun, stun_transaction};
use crate::negotiation::Negotiated;
use crate::recording::RecordingTap;
use crate::stamp::Stamp;
use crate::worker::Worker;

impl Worker {
    /// Applies a change.
    pub(crate) fn apply(&mut self, call: CallId, change: Change) -> Result<(), MediaError> {
        if let Change::Open(recording) = change {
            return self.open_call(call, recording);
        }
        let now = Instant::now();
        let elapsed = self.elapsed(now);
        let key = *self.by_id.get(&call).ok_or(MediaError::UnknownCall)?;
        let call = self.calls.get_mut(key).ok_or(MediaError::UnknownCall)?;
        match change {
            Change::Open(_) => return Err(MediaError::DuplicateCall),
            Change::Close => self.close_call(key),
            Change::AddLeg(leg, role) => {
                call.add_leg(leg, role)?;
                self.metrics.legs.set(self.metrics.legs.get() + 1);
            }
            Change::RemoveLeg(leg) => {
                let leg = call.remove_leg(leg)?;
                self.drop_leg(leg);
            }
            Change::Connect(leg, negotiated) => self.connect(key, leg, *negotiated, now)?,
            Change::Mode(leg, mode, cause) => call.set_mode(elapsed, leg, mode, cause)?,
            Change::Muted(leg, muted) => {
                if !call.routes.set_muted(leg, muted) {
                    return Err(MediaError::UnknownLeg);
                }
            }
            Change::Held(held) => call.routes.set_held(held),
            Change::AttachLead(lead) => call.attach_lead(lead)?,
            Change::Announce(announcement) => {
                if call.announce(announcement)? {
                    self.metrics.legs.set(self.metrics.legs.get() + 1);
                }
            }
        }
        Ok(())
    }

    fn open_call(
        &mut self,
        id: CallId,
        recording: Option<Box<dyn RecordingTap>>,
    ) -> Result<(), MediaError> {
        if self.by_id.contains_key(&id) {
            return Err(MediaError::DuplicateCall);
        }
        let (phase, due) = self.next_phase(Instant::now());
        self.serial += 1;
        let call = Call::new(id.clone(), self.serial, phase, due, recording);
        let key = self.calls.insert(call);
        self.by_id.insert(id, key);
        if let Some(count) = self.phases.get_mut(phase) {
            *count += 1;
        }
        self.metrics.calls.set(self.calls.len() as u64);
        self.schedule_call(key);
        Ok(())
    }

    pub(crate) fn close_call(&mut self, key: usize) {
        let Some(call) = self.calls.try_remove(key) else {
            return;
        };
        self.by_id.remove(&call.id);
        self.outbox.forget(&call.id);
        if let Some(count) = self.phases.get_mut(call.phase) {
            *count = count.saturating_sub(1);
        }
        for leg in call.legs {
            self.drop_leg(leg);
        }
        self.metrics.calls.set(self.calls.len() as u64);
    }

    fn drop_leg(&mut self, mut leg: Leg) {
        leg.count(&self.metrics);
        for key in [leg.current, leg.pending].into_iter().flatten() {
            self.close_connection(key);
        }
        self.metrics
            .legs
            .set(self.metrics.legs.get().saturating_sub(1));
    }

    fn connect(
        &mut self,
        call_key: usize,
        id: LegNumber,
        negotiated: Negotiated,
        now: Instant,
    ) -> Result<(), MediaError> {
        let call = self
            .calls
            .get_mut(call_key)
            .ok_or(MediaError::UnknownCall)?;
        let leg = call.leg(id)?;
        let ufrag = negotiated.ufrag.clone();
        let connection = Connection::new(negotiated, call_key, id, self.candidate, now);
        let key = self.connections.insert(connection);
        let given_up = leg.offered(key);
        self.demux.insert(key, &ufrag);
        if let Some(given_up) = given_up {
            self.close_connection(given_up);
        }
        self.metrics.connections.set(self.connections.len() as u64);
        self.drain(key, now);
        Ok(())
    }

    /// Takes one datagram, from whomever it is.
    pub(crate) fn take_datagram(&mut self, source: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        let owner = if is_stun(datagram) {
            self.checked(now, source, datagram)
        } else {
            self.demux.by_address(source)
        };
        let Some(key) = owner else {
            self.metrics.dropped_unknown.add(1);
            return;
        };
        let Some(connection) = self.connections.get_mut(key) else {
            self.metrics.dropped_unknown.add(1);
            return;
        };
        if !connection.receive(now, source, datagram) {
            self.metrics.dropped_malformed.add(1);
        }
        self.drain(key, now);
    }

    /// Whose connectivity check this is. It names its connection, so that a new connection may come
    /// from the address of an old one, and a connection from a new address; it is believed when it
    /// was made with the right password, and, from a new address, when it was not seen before: a
    /// replay from elsewhere must not draw sound there.
    fn checked(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> Option<usize> {
        let named = self.demux.by_ufrag(datagram)?;
        let connection = self.connections.get_mut(named)?;
        if !connection.accepts(now, source, datagram) {
            return None;
        }
        let is_new = connection.note_check(stun_transaction(datagram)?);
        if self.demux.by_address(source) != Some(named) {
            if !is_new {
                return None;
            }
            self.demux.learn(named, source);
        }
        Some(named)
    }

    /// Takes what a connection has to say: sends, hands on sound, and follows its state.
    pub(crate) fn drain(&mut self, key: usize, now: Instant) {
        let elapsed = self.elapsed(now);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let (call_key, id) = (connection.call, connection.leg);
        let (socket, outgoing, metrics) = (&self.socket, &mut self.outgoing, &*self.metrics);
        let mut call = self.calls.get_mut(call_key);
        let tick = call.as_ref().map_or(0, |call| call.tick);
        let mut leg = call.as_mut().and_then(|call| call.leg(id).ok());
        let mut up = false;
        connection.drain(
            now,
            |destination, datagram| outgoing.push(socket, metrics, destination, datagram),
            |happening| match happening {
                Happening::Packet(packet) => {
                    metrics.rtp_in.add(1);
                    if let Some(leg) = leg.as_mut().filter(|leg| leg.hears_from(key)) {
                        push(leg, elapsed, tick, packet);
                    }
                }
                Happening::Up => up = true,
                Happening::Reachable(reachable) => {
                    if let Some(leg) = leg.as_mut().filter(|leg| leg.current == Some(key)) {
                        leg.reachable = reachable;
                    }
                }
            },
        );
        if up {
            self.connection_up(key, call_key, id);
        }
        self.schedule(key);
        self.bury(key);
    }

    fn connection_up(&mut self, key: usize, call_key: usize, id: LegNumber) {
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        let Ok(leg) = call.leg(id) else {
            return;
        };
        let replaced = leg.connected(key);
        if leg.current == Some(key) {
            self.outbox.connected(&call.id, id);
        }
        if let Some(replaced) = replaced {
            self.close_connection(replaced);
        }
    }

    /// Drops a connection that has come to its end, and tells of it.
    fn bury(&mut self, key: usize) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        if connection.is_alive() {
            return;
        }
        let (call_key, id) = (connection.call, connection.leg);
        if connection.panicked {
            self.metrics.panics.add(1);
            tracing::error!("a connection was given up after a panic in the WebRTC stack");
        }
        self.forget_connection(key);
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        let Ok(leg) = call.leg(id) else {
            return;
        };
        if leg.pending == Some(key) {
            leg.pending = None;
        }
        if leg.current == Some(key) {
            leg.current = None;
            if !std::mem::replace(&mut leg.lost, true) {
                self.outbox.lost(&call.id, id);
            }
        }
    }

    /// Says good-bye to a connection and drops it.
    fn close_connection(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.close();
            let (socket, outgoing, metrics) = (&self.socket, &mut self.outgoing, &*self.metrics);
            connection.drain(
                Instant::now(),
                |destination, datagram| outgoing.push(socket, metrics, destination, datagram),
                |_| {},
            );
        }
        self.forget_connection(key);
    }

    fn forget_connection(&mut self, key: usize) {
        self.connections.try_remove(key);
        self.demux.remove(key);
        self.metrics.connections.set(self.connections.len() as u64);
    }

    /// Every 200 ms of a call: who is lost or back, who did not connect in time, how loud everybody
    /// was.
    pub(crate) fn review(&mut self, call_key: usize, now: Instant) {
        let Some(call) = self.calls.get_mut(call_key) else {
            return;
        };
        call.settle_buffers(&self.metrics);
        let mut levels = Vec::new();
        let mut ended = Vec::new();
        for leg in &mut call.legs {
            if let Some((reach, level_dbov)) = leg.loudest.take() {
                levels.push(LegLevel {
                    leg: leg.id,
                    reach,
                    level_dbov,
                });
            }
            let pending = leg
                .pending
                .and_then(|key| Some((key, self.connections.get(key)?)));
            if let Some((key, connection)) = pending
                && now.saturating_duration_since(connection.born) > SETUP_MAX
            {
                leg.pending = None;
                ended.push(key);
            }
            let current = leg.current.and_then(|key| self.connections.get(key));
            let Some(connection) = current else {
                continue;
            };
            if !connection.is_alive() {
                ended.extend(leg.current);
                continue;
            }
            let lost = !leg.reachable || !connection.is_heard(now);
            if lost != leg.lost {
                leg.lost = lost;
                if lost {
                    self.outbox.lost(&call.id, leg.id);
                } else {
                    self.outbox.connected(&call.id, leg.id);
                }
            }
        }
        if !levels.is_empty() || call.levels_told {
            call.levels_told = !levels.is_empty();
            self.outbox.levels(&call.id, levels, &self.metrics);
        }
        if let Some(announced) = call.take_announced() {
            self.drop_leg(announced);
        }
        for key in ended {
            self.bury(key);
            // One that did not come up in time is alive.
            self.close_connection(key);
        }
    }
}

fn push(leg: &mut Leg, elapsed: std::time::Duration, tick: u64, packet: &RtpPacket) {
    let header = &packet.header;
    let stamp = header.ext_vals.user_values.get::<Stamp>();
    let packet = voice::Packet {
        codec: voice::Codec::Opus,
        sequence: header.sequence_number,
        timestamp: header.timestamp,
        mode: stamp.map(|stamp| stamp.0),
        payload: &packet.payload,
    };
    leg.push(elapsed, tick, *header.ssrc, &packet);
}
