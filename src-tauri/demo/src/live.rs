//! The call as it is shown in the terminal while it goes on.

use crate::verdict::mode_name;
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use wire::CoachMode;

/// The width of a level's bar, in characters.
const BAR_CHARS: usize = 20;
/// The level at which a bar is empty, in dBov.
const BAR_DBOV_MIN: f64 = -60.0;
/// Louder than this is speech, in dBov.
const SPEAKS_DBOV_MIN: f64 = -45.0;
/// A shorter pause than this is a breath, in seconds.
const BREATH_S: f64 = 1.0;

#[derive(Debug, Clone, PartialEq)]
pub struct PartyLine {
    /// `rep`, `lead`, `coach` or `recording`.
    pub part: &'static str,
    pub name: String,
    /// The mode granted, for a coach.
    pub mode: Option<CoachMode>,
    /// How loud they speak, in dBov; `None` when they do not.
    pub speaks_dbov: Option<f64>,
    /// How loud it is that they hear, in dBov.
    pub hears_dbov: f64,
}

/// The whole call at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Where the call stands, in words.
    pub status: String,
    /// Seconds since the demonstration began.
    pub elapsed_s: f64,
    /// What is shown just now.
    pub scene: String,
    pub parties: Vec<PartyLine>,
}

#[must_use]
pub fn lines(picture: &Picture) -> Vec<String> {
    let mut lines = vec![
        format!(
            "  {:>5.1} s  {}  ·  {}",
            picture.elapsed_s, picture.status, picture.scene
        ),
        format!(
            "  {:<10}{:<10}{:<9}{:<27}{}",
            "", "", "mode", "speaks", "hears"
        ),
    ];
    for party in &picture.parties {
        let mode = party.mode.map_or("", mode_name);
        let speaks = party
            .speaks_dbov
            .map_or_else(|| " ".repeat(BAR_CHARS + 5), bar);
        lines.push(format!(
            "  {:<10}{:<10}{:<9}{speaks}  {}",
            party.part,
            party.name,
            mode,
            bar(party.hears_dbov)
        ));
    }
    lines
}

fn bar(dbov: f64) -> String {
    let share = ((dbov - BAR_DBOV_MIN) / -BAR_DBOV_MIN).clamp(0.0, 1.0);
    let full = (share * BAR_CHARS as f64).round() as usize;
    format!(
        "{}{} {dbov:>4.0}",
        "█".repeat(full),
        "·".repeat(BAR_CHARS - full)
    )
}

/// A terminal that shows pictures: drawn over each other on a real one, else one line at each change.
#[derive(Debug)]
pub struct Screen {
    terminal: bool,
    drawn: usize,
    last: String,
    /// When each party spoke last, so that a pause for breath is no news.
    spoke_s: HashMap<String, f64>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            terminal: std::io::stdout().is_terminal(),
            drawn: 0,
            last: String::new(),
            spoke_s: HashMap::new(),
        }
    }
}

impl Screen {
    /// Shows this picture in place of the one before.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show(&mut self, picture: &Picture) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.terminal {
            if self.drawn > 0 {
                write!(out, "\x1b[{}A", self.drawn)?;
            }
            let lines = lines(picture);
            for line in &lines {
                writeln!(out, "\x1b[2K{line}")?;
            }
            // A party who left would leave a line behind.
            write!(out, "\x1b[J")?;
            self.drawn = lines.len();
        } else {
            for party in &picture.parties {
                if party.speaks_dbov.is_some_and(|dbov| dbov > SPEAKS_DBOV_MIN) {
                    self.spoke_s.insert(party.name.clone(), picture.elapsed_s);
                }
            }
            let line = summary(picture, |name| {
                self.spoke_s
                    .get(name)
                    .is_some_and(|at| picture.elapsed_s - at < BREATH_S)
            });
            if line != self.last {
                writeln!(out, "  {:>5.1} s  {line}", picture.elapsed_s)?;
                self.last = line;
            }
        }
        out.flush()
    }

    /// Writes a line that stays.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.drawn = 0;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }
}

/// A picture in one line without levels that always move: who is in, in which mode, who speaks.
#[must_use]
pub fn summary(picture: &Picture, speaks: impl Fn(&str) -> bool) -> String {
    let parties: Vec<String> = picture
        .parties
        .iter()
        .filter(|party| !party.name.is_empty())
        .map(|party| {
            let mode = party
                .mode
                .map_or_else(String::new, |mode| format!(" ({})", mode_name(mode)));
            let speaks = if speaks(&party.name) { " speaks" } else { "" };
            format!("{}{mode}{speaks}", party.name)
        })
        .collect();
    format!(
        "{}  ·  {}  ·  {}",
        picture.status,
        picture.scene,
        parties.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture {
            status: "in progress".into(),
            elapsed_s: 3.25,
            scene: "all listen".into(),
            parties: vec![PartyLine {
                part: "coach",
                name: "morgan".into(),
                mode: Some(CoachMode::Whisper),
                speaks_dbov: Some(-30.0),
                hears_dbov: -127.0,
            }],
        }
    }

    #[test]
    fn a_party_is_shown_with_mode_and_levels() {
        let shown = lines(&picture()).join("\n");
        assert!(
            shown.contains("morgan") && shown.contains("whisper"),
            "{shown}"
        );
        assert!(shown.contains("██████████·········· "), "{shown}");
        assert!(shown.contains("-127"), "{shown}");
    }

    #[test]
    fn a_line_changes_only_when_someone_does_something() {
        let mut later = picture();
        later.elapsed_s = 9.0;
        later.parties[0].hears_dbov = -20.0;
        assert_eq!(summary(&picture(), |_| true), summary(&later, |_| true));
        assert_ne!(summary(&picture(), |_| true), summary(&later, |_| false));
    }
}
