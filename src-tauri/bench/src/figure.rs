//! A measured figure, the table for people and the file for programs.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::error::BenchError;

/// One figure, measured in this run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    /// What the value counts.
    pub unit: &'static str,
    /// The conditions it was measured under.
    pub settings: Value,
}

pub fn write_json(figures: &[Figure], path: &Path) -> Result<(), BenchError> {
    let tried = || format!("write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(BenchError::system(tried()))?;
    }
    let mut text = serde_json::to_string_pretty(figures)
        .map_err(BenchError::unexpected("figures are JSON"))?;
    text.push('\n');
    std::fs::write(path, text).map_err(BenchError::system(tried()))
}

/// The figures as a table, one a line, the conditions below each.
pub fn table(figures: &[Figure]) -> String {
    let mut out = String::new();
    for figure in figures {
        let _ = writeln!(
            out,
            "{:<26} {:>10} {}",
            figure.name,
            rounded(figure.value),
            figure.unit
        );
        let _ = writeln!(out, "{:<26} {}", "", short(&figure.settings));
    }
    out
}

/// Three significant digits after the point are more than any of these figures holds.
pub fn rounded(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn short(settings: &Value) -> String {
    match settings {
        Value::Object(pairs) => pairs
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            })
            .collect::<Vec<_>>()
            .join(" · "),
        other => other.to_string(),
    }
}
