//! The 20 ms tick of one call: from jitter buffers to packets.
//!
//! 1. **Pull** each leg that has sent anything lately. What a coach said passes their [`mix::Gate`],
//!    which decides how far it may reach. Idle legs are not mixed.
//! 2. **Mix** into the distinct mixes ([`mix::Mixer`]).
//! 3. **Encode** each mix that anyone hears, once. The recording and the lead get their packets here.
//! 4. **Write** the packet to each listener, with their own SSRC, sequence number, timestamp and key.
//!
//! Datagrams collect in [`Outgoing`] and leave together with those of other calls that are due at the
//! same time, 128 to a system call.
//!
//! Nothing of ours allocates, locks or blocks here. str0m does allocate: it takes its payload as an
//! `Arc<[u8]>`, which is one allocation for each mix, and makes a new buffer for each encrypted packet.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::{LegNumber, MAX_PARTIES, Mix, MixKey, Mode, Role, SILENCE, Spoken};
use slab::Slab;
use voice::{MAX_PACKET_BYTES, level_dbov, packet_has_lbrr};

use crate::call::{Call, Leg};
use crate::connection::{Connection, Happening};
use crate::encoders::EncoderPool;
use crate::lead::LeadMix;
use crate::metrics::{Stage, WorkerMetrics};
use crate::socket::Outgoing;
use crate::track::TRACKS_MAX;

/// The most frames in one tick: each party's, on each track.
const FRAMES_MAX: usize = MAX_PARTIES * TRACKS_MAX;

/// The parts of the worker that a tick uses.
pub(crate) struct Means<'a> {
    pub(crate) connections: &'a mut Slab<Connection>,
    pub(crate) pool: &'a mut EncoderPool,
    pub(crate) socket: &'a UdpSocket,
    pub(crate) outgoing: &'a mut Outgoing,
    pub(crate) metrics: &'a WorkerMetrics,
}

/// Time spent in each stage of one tick.
#[derive(Default)]
struct Spent {
    encode: Duration,
    write: Duration,
}

/// Runs one tick of the call. `elapsed` is the worker's clock.
pub(crate) fn run(call: &mut Call, now: Instant, elapsed: Duration, means: &mut Means<'_>) {
    let Call {
        tick,
        routes,
        legs,
        mixer,
        encoders,
        recording,
        ..
    } = call;
    let tick_number = *tick;
    *tick += 1;

    let mut spoken = [Spoken {
        leg: LegNumber(0),
        reach: Mode::Listen,
        frame: &SILENCE,
    }; FRAMES_MAX];
    let mut reaches = [(LegNumber(0), Mode::Listen, 0_i8); FRAMES_MAX];
    let mut speakers = 0;
    for said in legs.iter_mut().flat_map(|leg| pull(leg, elapsed)) {
        means.metrics.decodes.add(1);
        let heard = said.reach > Mode::Listen
            && !routes.muted(said.leg)
            && !(routes.held() && routes.role(said.leg) == Some(Role::Lead));
        if let (true, Some(slot)) = (heard, reaches.get_mut(speakers)) {
            *slot = (said.leg, said.reach, level_dbov(said.frame));
        }
        if let Some(slot) = spoken.get_mut(speakers) {
            *slot = said;
            speakers += 1;
        }
    }
    let pulled = Instant::now();
    let mixes = mixer.mix(routes, spoken.get(..speakers).unwrap_or_default());
    let mixed = Instant::now();
    means.metrics.record(Stage::Pull, pulled - now);
    means.metrics.record(Stage::Mix, mixed - pulled);
    for (id, reach, level) in reaches.iter().take(speakers) {
        if *reach > Mode::Listen
            && let Some(leg) = find(legs, *id)
        {
            leg.note_level(*reach, *level);
        }
    }

    // While the lead is on hold there is no public mix to record.
    let is_recorded = recording.is_some() && !routes.held();
    if let Some(recording) = recording
        && routes.held()
    {
        recording.gap(tick_number);
    }
    // All encoders first: a new one continues from the state its source had before this tick.
    for mix in mixes.iter() {
        if is_wanted(&mix, legs, is_recorded) && is_encoded(&mix, legs) {
            let source = source(&mix, legs);
            let lost_percent = worst_loss_percent(&mix, legs);
            if !encoders.want(means.pool, tick_number, mix.key, source, lost_percent) {
                means.metrics.encodes_missed.add(1);
            }
        }
    }
    let mut spent = Spent::default();
    let mut packet = [0_u8; MAX_PACKET_BYTES];
    let mut lead_served = false;
    for mix in mixes.iter() {
        if !is_wanted(&mix, legs, is_recorded) {
            continue;
        }
        let started = Instant::now();
        let opus = if is_encoded(&mix, legs) {
            match encoders.encode(mix.key, mix.frame, &mut packet) {
                Some(Ok(len)) => {
                    let opus = packet.get(..len).unwrap_or_default();
                    means.metrics.encodes.add(1);
                    means.metrics.encodes_lbrr.add(packet_has_lbrr(opus).into());
                    opus
                }
                Some(Err(_)) => {
                    means.metrics.encodes_missed.add(1);
                    continue;
                }
                // Already counted.
                None => continue,
            }
        } else {
            &[]
        };
        if mix.recorded
            && let Some(recording) = recording
        {
            let samples = mix.frame.iter().map(|sample| sample.unsigned_abs());
            recording.peak(samples.max().unwrap_or(0).min(i16::MAX as u16));
            recording.packet(tick_number, opus);
        }
        if mix.key == MixKey::Lead {
            let heard = LeadMix {
                tick: tick_number,
                frame: mix.frame,
                opus,
            };
            lead_served |= tick_lead(legs, elapsed, heard);
        }
        let encoded = Instant::now();
        spent.encode += encoded - started;
        write(&mix, opus, tick_number, encoded, legs, means);
        spent.write += encoded.elapsed();
    }
    if !lead_served {
        let heard = LeadMix {
            tick: tick_number,
            frame: &SILENCE,
            opus: &[],
        };
        tick_lead(legs, elapsed, heard);
    }
    encoders.release(means.pool, tick_number);
    let sending = means.outgoing.take_spent();
    means.metrics.record(Stage::Encode, spent.encode);
    let writing = spent.write.saturating_sub(sending);
    means.metrics.record(Stage::Write, writing);
    means.metrics.record(Stage::Tick, now.elapsed());
    means.metrics.ticks.add(1);
}

/// What a leg says in this tick, and how far it reaches.
fn pull(leg: &mut Leg, elapsed: Duration) -> impl Iterator<Item = Spoken<'_>> {
    let Leg {
        id,
        role,
        lead,
        playing,
        tracks,
        ..
    } = leg;
    let (id, role, attached) = (*id, *role, lead.is_some());
    let is_playing = playing.is_some();
    let played = playing.as_mut().and_then(|playing| playing.next());
    let sent = tracks
        .iter_mut()
        .filter(move |_| !is_playing)
        .filter_map(move |track| track.pull(elapsed, role, attached));
    let played = played.map(|frame| (Mode::Barge, frame));
    played
        .into_iter()
        .chain(sent)
        .map(move |(reach, frame)| Spoken {
            leg: id,
            reach,
            frame,
        })
}

/// Whether anyone hears the mix.
fn is_wanted(mix: &Mix<'_>, legs: &[Leg], recorded: bool) -> bool {
    (mix.recorded && recorded)
        || mix
            .listeners
            .iter()
            .any(|id| leg_of(legs, *id).is_some_and(Leg::is_served))
}

/// Whether anyone hears the mix as Opus. A lead whose phone speaks another codec does not.
fn is_encoded(mix: &Mix<'_>, legs: &[Leg]) -> bool {
    mix.key != MixKey::Lead
        || mix.recorded
        || mix.listeners.iter().any(|id| {
            let lead = leg_of(legs, *id).and_then(|leg| leg.lead.as_ref());
            lead.is_none_or(|lead| lead.hears_opus())
        })
}

/// What the listener loses who loses most.
fn worst_loss_percent(mix: &Mix<'_>, legs: &[Leg]) -> u8 {
    let listeners = mix.listeners.iter().filter_map(|id| leg_of(legs, *id));
    let lost = listeners.map(|leg| leg.lost_percent);
    lost.max().unwrap_or(0)
}

/// The mix whose encoder a new one continues from: the one its listeners have heard so far, if they
/// alone hear the new one or all of them heard it. Never into the lead's mix or the public one, which
/// is recorded: an encoder remembers.
fn source(mix: &Mix<'_>, legs: &[Leg]) -> Option<MixKey> {
    match mix.key {
        MixKey::Public | MixKey::Lead | MixKey::Rep => None,
        MixKey::Held => Some(MixKey::Public),
        MixKey::Coach(id) => leg_of(legs, id)?.served,
    }
}

/// Lets the lead hear and speak. True if there is a lead.
fn tick_lead(legs: &mut [Leg], elapsed: Duration, heard: LeadMix<'_>) -> bool {
    let Some(leg) = legs.iter_mut().find(|leg| leg.role == Role::Lead) else {
        return false;
    };
    let Some((lead, buffer)) = leg.lead_media() else {
        return false;
    };
    lead.tick(elapsed, heard, &mut |packet| buffer.push(elapsed, packet));
    true
}

/// Writes one mix's packet to each connected listener.
fn write(
    mix: &Mix<'_>,
    opus: &[u8],
    tick: u64,
    now: Instant,
    legs: &mut [Leg],
    means: &mut Means<'_>,
) {
    let mut packet: Option<(Arc<[u8]>, i8)> = None;
    for id in mix.listeners {
        let Some(leg) = find(legs, *id) else {
            continue;
        };
        leg.served = Some(mix.key);
        let Some(key) = leg.current.filter(|_| !leg.lost) else {
            continue;
        };
        let Some(connection) = means.connections.get_mut(key) else {
            continue;
        };
        let (payload, level_dbov) =
            packet.get_or_insert_with(|| (Arc::from(opus), level_dbov(mix.frame)));
        connection.write(now, tick, Arc::clone(payload), *level_dbov);
        let (socket, metrics) = (means.socket, means.metrics);
        let outgoing = &mut *means.outgoing;
        let mut reachable = leg.reachable;
        connection.drain(
            now,
            |destination, datagram| outgoing.push(socket, metrics, destination, datagram),
            |happening| {
                // Packets are handled as they arrive; here only time has passed.
                if let Happening::Reachable(now) = happening {
                    reachable = now;
                }
            },
        );
        leg.reachable = reachable;
        metrics.rtp_out.add(1);
    }
}

fn find(legs: &mut [Leg], id: LegNumber) -> Option<&mut Leg> {
    let at = legs.binary_search_by_key(&id, |leg| leg.id).ok()?;
    legs.get_mut(at)
}

fn leg_of(legs: &[Leg], id: LegNumber) -> Option<&Leg> {
    let at = legs.binary_search_by_key(&id, |leg| leg.id).ok()?;
    legs.get(at)
}
