//! The table «who heard whom»: what the product promises beside what was measured.

use crate::trace::Trace;
use serde::Serialize;
use std::fmt;
use wire::CoachMode;

/// Who speaks or listens in a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Rep,
    Lead,
    Coach(&'static str, CoachMode),
    Recording,
}

impl Part {
    #[must_use]
    pub const fn mode(self) -> Option<CoachMode> {
        match self {
            Self::Coach(_, mode) => Some(mode),
            Self::Rep | Self::Lead | Self::Recording => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rep => "rep",
            Self::Lead => "lead",
            Self::Coach(name, _) => name,
            Self::Recording => "recording",
        })
    }
}

/// The word for a mode in the tables.
#[must_use]
pub const fn mode_name(mode: CoachMode) -> &'static str {
    match mode {
        CoachMode::Listen => "listen",
        CoachMode::Whisper => "whisper",
        CoachMode::Barge => "barge",
    }
}

/// Whether the product's table lets this listener hear this speaker.
///
/// It is written out here on purpose, and not taken from the mixer that is being measured.
#[must_use]
pub fn expected(speaker: Part, listener: Part) -> bool {
    if speaker == listener {
        return false; // Nobody hears themselves.
    }
    match speaker {
        Part::Rep | Part::Lead | Part::Coach(_, CoachMode::Barge) => true,
        Part::Coach(_, CoachMode::Whisper) => listener == Part::Rep,
        Part::Coach(_, CoachMode::Listen) | Part::Recording => false,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// Which scene of the demonstration it was measured in.
    pub scene: &'static str,
    pub speaker: String,
    /// The speaker's mode; null for rep and lead.
    pub mode: Option<CoachMode>,
    pub listener: String,
    /// The listener's mode; null for rep, lead and recording.
    pub listener_mode: Option<CoachMode>,
    /// What the product promises.
    pub expected: bool,
    /// Whether any piece of the speaker's speech was found in what the listener received.
    pub heard: bool,
    /// How loud it was there, in dBov; -127 when there was no trace.
    pub level_dbov: f64,
    /// Pieces of speech that were searched for, and that were found.
    pub pieces: usize,
    pub found: usize,
    /// Whether promise and measurement agree: no trace at all, or at least three pieces of four.
    pub ok: bool,
}

impl Cell {
    /// Holds a measurement against the promise.
    #[must_use]
    pub fn judge(scene: &'static str, speaker: Part, listener: Part, trace: Trace) -> Self {
        let expected = expected(speaker, listener);
        // With nothing to search for, nothing was shown, neither hearing nor silence.
        let ok = trace.pieces > 0
            && if expected {
                trace.heard_well()
            } else {
                !trace.heard()
            };
        Self {
            scene,
            speaker: speaker.to_string(),
            mode: speaker.mode(),
            listener: listener.to_string(),
            listener_mode: listener.mode(),
            expected,
            heard: trace.heard(),
            level_dbov: (trace.level_dbov * 10.0).round() / 10.0,
            pieces: trace.pieces,
            found: trace.found,
            ok,
        }
    }
}

/// The whole result, as it goes to `target/demo.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether every cell agrees.
    pub ok: bool,
    /// Where the speech came from: `recorded` or `synthesized`.
    pub speech: &'static str,
    /// Every speaker and listener of every scene.
    pub cells: Vec<Cell>,
}

impl Verdict {
    /// Sums up.
    #[must_use]
    pub fn new(speech: &'static str, cells: Vec<Cell>) -> Self {
        Self {
            ok: !cells.is_empty() && cells.iter().all(|cell| cell.ok),
            speech,
            cells,
        }
    }

    /// The tables for people, one a scene: a row a speaker, a column a listener.
    #[must_use]
    pub fn tables(&self) -> String {
        let mut scenes: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !scenes.contains(&cell.scene) {
                scenes.push(cell.scene);
            }
        }
        scenes
            .into_iter()
            .map(|scene| self.table(scene))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn table(&self, scene: &str) -> String {
        let cells: Vec<&Cell> = self
            .cells
            .iter()
            .filter(|cell| cell.scene == scene)
            .collect();
        let mut listeners: Vec<String> = Vec::new();
        let mut speakers: Vec<String> = Vec::new();
        for cell in &cells {
            push_new(&mut listeners, title(&cell.listener, cell.listener_mode));
            push_new(&mut speakers, title(&cell.speaker, cell.mode));
        }
        let mut lines = vec![format!("Who heard whom — {scene}"), String::new()];
        lines.push(row(
            "speaks ↓  hears →",
            listeners.iter().map(String::as_str),
        ));
        for speaker in &speakers {
            let marks: Vec<String> = cells
                .iter()
                .filter(|cell| title(&cell.speaker, cell.mode) == *speaker)
                .map(|cell| mark(cell))
                .collect();
            lines.push(row(speaker, marks.iter().map(String::as_str)));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

fn push_new(titles: &mut Vec<String>, title: String) {
    if !titles.contains(&title) {
        titles.push(title);
    }
}

fn title(name: &str, mode: Option<CoachMode>) -> String {
    mode.map_or_else(
        || name.to_owned(),
        |mode| format!("{name} ({})", mode_name(mode)),
    )
}

fn mark(cell: &Cell) -> String {
    let heard = if cell.heard {
        format!("{:.0} dBov", cell.level_dbov)
    } else {
        "–".to_owned()
    };
    let verdict = if cell.ok { "✓" } else { "✗ DIFFERS" };
    format!("{heard} {verdict}")
}

fn row<'a>(first: &str, rest: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("  {first:<18}");
    for column in rest {
        line.push_str(&format!("{column:<18}"));
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAST: [Part; 6] = [
        Part::Rep,
        Part::Lead,
        Part::Coach("casey", CoachMode::Listen),
        Part::Coach("morgan", CoachMode::Whisper),
        Part::Coach("jordan", CoachMode::Barge),
        Part::Recording,
    ];

    #[test]
    fn the_promise_is_the_table_of_the_product() {
        let heard_by = |listener: Part| -> Vec<String> {
            CAST.iter()
                .filter(|speaker| expected(**speaker, listener))
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(heard_by(Part::Lead), ["rep", "jordan"]);
        assert_eq!(heard_by(Part::Rep), ["lead", "morgan", "jordan"]);
        assert_eq!(heard_by(CAST[2]), ["rep", "lead", "jordan"]);
        assert_eq!(heard_by(CAST[3]), ["rep", "lead", "jordan"]);
        assert_eq!(heard_by(CAST[4]), ["rep", "lead"]);
        assert_eq!(heard_by(Part::Recording), ["rep", "lead", "jordan"]);
    }

    #[test]
    fn m2_one_piece_of_a_whisper_at_the_lead_fails_the_verdict() {
        let leak = Trace {
            pieces: 6,
            found: 1,
            level_dbov: -60.0,
        };
        let cell = Cell::judge("scene", CAST[3], Part::Lead, leak);
        assert!(cell.heard && !cell.expected && !cell.ok);
        assert!(!Verdict::new("recorded", vec![cell]).ok);
    }

    #[test]
    fn hearing_half_is_not_enough_and_silence_proves_nothing() {
        let half = Trace {
            pieces: 6,
            found: 3,
            level_dbov: -30.0,
        };
        assert!(!Cell::judge("scene", Part::Rep, Part::Lead, half).ok);
        let nothing = Trace {
            pieces: 0,
            found: 0,
            level_dbov: -127.0,
        };
        assert!(!Cell::judge("scene", CAST[2], Part::Lead, nothing).ok);
        assert!(!Verdict::new("recorded", Vec::new()).ok);
    }
}
