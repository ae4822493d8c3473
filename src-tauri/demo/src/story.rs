//! The story: a rep calls a lead, three coaches listen, one whispers, one barges.

use crate::DemoError;
use crate::actor::{Actor, in_time};
use crate::live::{PartyLine, Picture, Screen};
use crate::phone::{self, Phone};
use crate::scene::Scene;
use crate::script::Script;
use crate::tape::{Recording, TapedLine, Track};
use crate::trace::track_dbov;
use crate::verdict::{Part, Verdict};
use client::read_recording;
use media::lead::{LeadLine, SimulatedLine, SimulatedLineSettings};
use service::{Config, Hooks, PhoneCodec, Running};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::{
    CallStatus, CoachMode, LeadQuery, ListQuery, PlaceCallRequest, RecordingQuery, RecordingStatus,
    route,
};

/// How often the picture is drawn.
const DRAW: Duration = Duration::from_millis(100);
/// How long after the last word one waits before a scene is over: longer than mouth to ear.
const SETTLE: Duration = Duration::from_millis(800);
/// How long a real phone pauses between two sentences: 1.5 s.
const PAUSE_SAMPLES: usize = 72_000;
/// How far the recording's file may be ahead of its tape, 100 ms: it leaves out what the codec looks ahead.
const FILE_AHEAD_SAMPLES: usize = 4_800;
/// How much of a track its level is taken from: 100 ms.
const METER_SAMPLES: usize = 4_800;

/// Plays the whole story on a service of its own, and measures it. The lead is simulated, or a real SIP
/// phone that speaks this codec over a trunk.
///
/// # Errors
/// [`DemoError`] when something could not be done at all; a cell that differs is no error but in the
/// verdict.
pub async fn run(
    screen: &mut Screen,
    data: &std::path::Path,
    phone: Option<PhoneCodec>,
) -> Result<Verdict, DemoError> {
    let script = Script::load();
    let mut stage = Stage::set(&script, data, phone).await?;
    screen.say(&format!(
        "The service runs at http://{}; riley calls {}.",
        stage.service.http_addr, stage.lead_name
    ))?;
    let mut scenes = stage.play(screen, &script).await?;
    // As people play it: the file that the service kept, not what was meant to go into it.
    let file = stage.strike().await?;
    for (scene, recorded) in &mut scenes {
        let end = recorded.end.min(file.len());
        let part = file.get(recorded.start..end).unwrap_or_default();
        scene.heard.push((Part::Recording, part.to_vec()));
    }
    screen.say("  The call has ended. Checking whose voice everyone heard…")?;
    let cells = scenes.iter().flat_map(|(scene, _)| scene.cells()).collect();
    Ok(Verdict::new(script.source, cells))
}

/// Everyone who takes part, and the service.
struct Stage {
    service: Running,
    rep: Actor,
    /// Three coaches: the first stays in Listen, the second goes to Whisper, the third to Barge.
    coaches: [Actor; 3],
    modes: [CoachMode; 3],
    lead_name: String,
    /// The real phone, when there is one.
    _phone: Option<Phone>,
    lead_said: Track,
    lead_heard: Track,
    recording: Track,
    began: Instant,
}

/// How far each track was at one moment.
struct Marks {
    rep: usize,
    lead_said: usize,
    lead_heard: usize,
    coaches: [usize; 3],
    recording: usize,
}

impl Stage {
    async fn set(
        script: &Script,
        data: &std::path::Path,
        codec: Option<PhoneCodec>,
    ) -> Result<Self, DemoError> {
        let (said, heard) = (Track::default(), Track::default());
        let recording = Recording::default();
        let with_port = |codec| phone::free_port().map(|port| (port, codec));
        let trunk = codec.map(with_port).transpose()?;
        // The trunk of the settings is the line where no other is given.
        let lead_line: Option<Arc<dyn LeadLine>> = match trunk {
            Some(_) => None,
            None => {
                let line = SimulatedLine::new(SimulatedLineSettings {
                    sentences: script.lead.clone(),
                    talks_over: false,
                    ear: None,
                })?;
                Some(Arc::new(TapedLine::new(line, said.clone(), heard.clone())))
            }
        };
        let hooks = Hooks {
            lead_line,
            recording: Some(Arc::new(recording.clone())),
        };
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            media_bind: [127, 0, 0, 1].into(),
            data: data.to_owned(),
            demo: true,
            demo_password: Some("demo-password".into()),
            telephony: trunk
                .map(|(port, codec)| phone::trunk_to(port, codec))
                .unwrap_or_default(),
            ..Config::default()
        };
        let service = service::start(config, hooks).await?;
        let server = format!("http://{}", service.http_addr);
        let rep = Actor::sign_in(&server, "riley").await?;
        let coaches = [
            Actor::sign_in(&server, "casey").await?,
            Actor::sign_in(&server, "morgan").await?,
            Actor::sign_in(&server, "jordan").await?,
        ];
        let lead_name = "Globex".to_owned();
        let phone = match trunk {
            Some((port, codec)) => {
                // As people do, it lets the other speak first, and breathes between sentences.
                let mut says = vec![0; 2 * PAUSE_SAMPLES];
                for sentence in &script.lead {
                    says.extend(sentence);
                    says.extend([0; PAUSE_SAMPLES]);
                }
                let api = rep.session.api();
                Some(Phone::of_lead(api, &lead_name, port, codec, &says).await?)
            }
            None => None,
        };
        let (lead_said, lead_heard) = match &phone {
            Some(phone) => (phone.said.clone(), phone.heard.clone()),
            None => (said, heard),
        };
        Ok(Self {
            service,
            rep,
            coaches,
            modes: [CoachMode::Listen; 3],
            lead_name,
            _phone: phone,
            lead_said,
            lead_heard,
            recording: recording.0,
            began: Instant::now(),
        })
    }

    async fn play(
        &mut self,
        screen: &mut Screen,
        script: &Script,
    ) -> Result<Vec<(Scene, Range<usize>)>, DemoError> {
        self.call(screen).await?;
        self.join(screen).await?;

        let scene = "three coaches listen";
        let marks = self.marks();
        for (coach, words) in self.coaches.iter().zip(&script.coaches_listening) {
            coach.mouth.say(words); // Their microphones are closed: nobody may hear it.
        }
        self.rep.mouth.say(&script.rep_first);
        self.watch(screen, scene, Stage::rep_is_speaking).await?;
        self.hear_the_lead(screen, scene, script.lead_turn).await?;
        if let Some(coach) = self
            .coaches
            .iter()
            .find(|coach| coach.mouth.captured_frames() > 0)
        {
            return Err(DemoError::MicrophoneOpen(coach.name));
        }
        for coach in &self.coaches {
            coach.mouth.hush();
        }
        let listening = self.record(
            scene,
            &marks,
            &script.rep_first,
            script.coaches_listening.each_ref().map(Vec::as_slice),
        );

        self.switch(1, CoachMode::Whisper).await?;
        self.switch(2, CoachMode::Barge).await?;
        let scene = "one whispers, one barges";
        let marks = self.marks();
        self.coaches[0].mouth.say(&script.coaches_speaking[0]); // Listens: a closed microphone.
        self.coaches[1].mouth.say(&script.coaches_speaking[1]);
        self.watch(screen, scene, |stage| stage.coaches[1].mouth.speaking())
            .await?;
        self.coaches[2].mouth.say(&script.coaches_speaking[2]);
        self.watch(screen, scene, |stage| stage.coaches[2].mouth.speaking())
            .await?;
        self.rep.mouth.say(&script.rep_second);
        self.watch(screen, scene, Stage::rep_is_speaking).await?;
        self.hear_the_lead(screen, scene, script.lead_turn).await?;
        let speaking = self.record(
            scene,
            &marks,
            &script.rep_second,
            script.coaches_speaking.each_ref().map(Vec::as_slice),
        );
        Ok(vec![listening, speaking])
    }

    async fn call(&mut self, screen: &mut Screen) -> Result<(), DemoError> {
        let api = self.rep.session.api();
        let named = LeadQuery::named(&self.lead_name);
        let leads = api.list(&route::LIST_LEADS, &named).await?;
        let lead = leads
            .first()
            .ok_or(DemoError::Missing("the demo organization's lead"))?;
        let numbers = api
            .list(&route::LIST_PHONE_NUMBERS, &ListQuery::default())
            .await?;
        let number = numbers
            .iter()
            .find(|number| number.kind == wire::PhoneNumberKind::Internal)
            .ok_or(DemoError::Missing("an internal number"))?;
        let request = PlaceCallRequest {
            local_phone_id: number.id.clone(),
            lead_id: Some(lead.id.clone()),
            contact_id: None,
            remote_phone: None,
        };
        self.rep
            .session
            .place_call(request, self.rep.devices())
            .await?;
        self.watch(screen, "the lead's phone rings", |stage| {
            stage.began.elapsed() < crate::actor::PATIENCE
                && stage.status() != Some(CallStatus::InProgress)
        })
        .await?;
        self.rep.connected().await
    }

    async fn join(&mut self, screen: &mut Screen) -> Result<(), DemoError> {
        let call = self.rep.session.view().my_call.clone();
        let call_id = call.ok_or(DemoError::Missing("the call"))?.call.id;
        for coach in &self.coaches {
            let id = call_id.clone();
            let known = coach
                .session
                .wait_until(move |view| view.calls.contains_key(&id));
            in_time("a coach to see the call", known).await??;
            coach
                .session
                .join(call_id.clone(), None, coach.devices())
                .await?;
            coach.connected().await?;
            self.show(screen, "coaches join")?;
        }
        Ok(())
    }

    async fn switch(&mut self, coach: usize, mode: CoachMode) -> Result<(), DemoError> {
        self.coaches[coach].session.set_mode(mode).await?;
        self.modes[coach] = mode;
        Ok(())
    }

    /// The rep is silent, so that the lead takes the turn.
    async fn hear_the_lead(
        &self,
        screen: &mut Screen,
        scene: &str,
        turn: Duration,
    ) -> Result<(), DemoError> {
        let until = Instant::now() + turn;
        self.watch(screen, scene, |_| Instant::now() < until).await
    }

    /// Draws while something holds, and a little longer, for what is still under way.
    async fn watch(
        &self,
        screen: &mut Screen,
        scene: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), DemoError> {
        let mut settle_until = None;
        loop {
            self.show(screen, scene)?;
            let now = Instant::now();
            if holds(self) {
                settle_until = None;
            } else if now >= *settle_until.get_or_insert(now + SETTLE) {
                return Ok(());
            }
            tokio::time::sleep(DRAW).await;
        }
    }

    fn rep_is_speaking(&self) -> bool {
        self.rep.mouth.speaking()
    }

    fn status(&self) -> Option<CallStatus> {
        self.rep
            .session
            .view()
            .my_call
            .as_ref()
            .map(|mine| mine.call.status)
    }

    fn show(&self, screen: &mut Screen, scene: &str) -> Result<(), DemoError> {
        let meter = |track: &Track| track_dbov(&track.newest(METER_SAMPLES));
        let mut parties = vec![
            PartyLine {
                part: "rep",
                name: self.rep.name.to_owned(),
                mode: None,
                speaks_dbov: Some(f64::from(self.rep.mouth.level_dbov())),
                hears_dbov: meter(&self.rep.heard),
            },
            PartyLine {
                part: "lead",
                name: self.lead_name.clone(),
                mode: None,
                speaks_dbov: Some(meter(&self.lead_said)),
                hears_dbov: meter(&self.lead_heard),
            },
        ];
        for coach in &self.coaches {
            let Some(coaching) = coach.session.coaching() else {
                continue;
            };
            let mode = coaching.mode();
            parties.push(PartyLine {
                part: "coach",
                name: coach.name.to_owned(),
                mode: Some(mode),
                speaks_dbov: (mode != CoachMode::Listen)
                    .then(|| f64::from(coach.mouth.level_dbov())),
                hears_dbov: meter(&coach.heard),
            });
        }
        parties.push(PartyLine {
            part: "recording",
            name: String::new(),
            mode: None,
            speaks_dbov: None,
            hears_dbov: meter(&self.recording),
        });
        let status = match self.status() {
            Some(CallStatus::InProgress) => "in progress",
            Some(CallStatus::Created | CallStatus::Ringing) => "ringing",
            _ => "no call",
        };
        screen.show(&Picture {
            status: status.to_owned(),
            elapsed_s: self.began.elapsed().as_secs_f64(),
            scene: scene.to_owned(),
            parties,
        })?;
        Ok(())
    }

    fn marks(&self) -> Marks {
        Marks {
            rep: self.rep.heard.len(),
            lead_said: self.lead_said.len(),
            lead_heard: self.lead_heard.len(),
            coaches: std::array::from_fn(|index| self.coaches[index].heard.len()),
            recording: self.recording.len(),
        }
    }

    /// What everyone said and received between the marks and now, and which part of the recording
    /// that is.
    fn record(
        &self,
        name: &'static str,
        from: &Marks,
        said_by_rep: &[i16],
        said_by_coaches: [&[i16]; 3],
    ) -> (Scene, Range<usize>) {
        let now = self.marks();
        // What the lead says in the last moment is still under way to the others.
        let settle = SETTLE.as_millis() as usize * 48;
        let said_by_lead = self
            .lead_said
            .between(from.lead_said, now.lead_said.saturating_sub(settle));
        let coach = |index: usize| Part::Coach(self.coaches[index].name, self.modes[index]);
        let mut said = vec![
            (Part::Rep, said_by_rep.to_vec()),
            (Part::Lead, said_by_lead),
        ];
        let mut heard = vec![
            (Part::Rep, self.rep.heard.between(from.rep, now.rep)),
            (
                Part::Lead,
                self.lead_heard.between(from.lead_heard, now.lead_heard),
            ),
        ];
        for (index, words) in said_by_coaches.into_iter().enumerate() {
            let track = &self.coaches[index].heard;
            said.push((coach(index), words.to_vec()));
            heard.push((
                coach(index),
                track.between(from.coaches[index], now.coaches[index]),
            ));
        }
        let recorded = from.recording.saturating_sub(FILE_AHEAD_SAMPLES)..now.recording;
        (Scene { name, said, heard }, recorded)
    }

    /// Everyone goes home; what is left is the call's recording.
    async fn strike(self) -> Result<Vec<i16>, DemoError> {
        let call = self.rep.session.view().my_call.clone();
        let call_id = call.ok_or(DemoError::Missing("the call"))?.call.id;
        for coach in &self.coaches {
            coach.session.leave().await?;
        }
        self.rep.session.hang_up().await?;
        let api = self.rep.session.api();
        let stored = async {
            loop {
                let call = api.call(&route::GET_CALL, &call_id, &()).await?;
                match call.recording.map(|recording| recording.status) {
                    Some(RecordingStatus::Stored) => return Ok(()),
                    Some(RecordingStatus::Recording | RecordingStatus::Paused) => {
                        tokio::time::sleep(DRAW).await;
                    }
                    _ => return Err(DemoError::Missing("the call's recording")),
                }
            }
        };
        in_time("the recording to be stored", stored).await??;
        let whole = RecordingQuery {
            download: Some(true),
        };
        let file = api
            .download(&route::GET_RECORDING, &call_id, &whole)
            .await?;
        let file = read_recording(&file)?;
        self.service.stop().await;
        Ok(file)
    }
}
