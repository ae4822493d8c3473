//! What Criterion measured of `mix` and of a telephone alone, read from its files when they are there.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// How deep Criterion's folders go.
const DEPTH_MAX: usize = 6;

#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Group, function and parameter.
    pub name: String,
    /// The mean of a run, in nanoseconds.
    pub mean_ns: f64,
}

/// All newest results below a target folder, by name; none when there are none.
pub fn estimates(target: &Path) -> Vec<Estimate> {
    let root = target.join("criterion");
    let mut found = Vec::new();
    collect(&root, &root, 0, &mut found);
    found.sort_by_key(|estimate| natural(&estimate.name));
    found
}

/// Them as a table, or where they come from.
pub fn table(estimates: &[Estimate]) -> String {
    if estimates.is_empty() {
        return "one tick alone: no results; they come from `cargo bench -p mix` and `cargo bench -p trunk --bench phone`\n".into();
    }
    let mut out =
        String::from("one tick alone, of the mixer and of a telephone (Criterion, mean)\n");
    for estimate in estimates {
        let _ = writeln!(
            out,
            "  {:<40} {:>10.2} µs",
            estimate.name,
            estimate.mean_ns / 1000.0
        );
    }
    out
}

fn collect(root: &Path, folder: &Path, depth: usize, found: &mut Vec<Estimate>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
    {
        if path.ends_with("new") {
            found.extend(read(root, &path));
        } else if depth < DEPTH_MAX {
            collect(root, &path, depth + 1, found);
        }
    }
}

fn read(root: &Path, folder: &Path) -> Option<Estimate> {
    let text = std::fs::read_to_string(folder.join("estimates.json")).ok()?;
    let mean_ns = mean_ns(&text)?;
    let name = folder
        .parent()?
        .strip_prefix(root)
        .ok()?
        .to_string_lossy()
        .into_owned();
    Some(Estimate { name, mean_ns })
}

fn mean_ns(estimates: &str) -> Option<f64> {
    let estimates: Value = serde_json::from_str(estimates).ok()?;
    estimates["mean"]["point_estimate"].as_f64()
}

/// Splits a name so that 9 comes before 10.
fn natural(name: &str) -> Vec<(String, u64)> {
    name.split('/')
        .map(|part| {
            (
                part.trim_matches(char::is_numeric).into(),
                part.parse().unwrap_or(0),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_found_in_criterions_folders_and_sorted_by_number() {
        let target = tempfile::tempdir().unwrap();
        for (name, mean) in [("mix/100", 9000.5), ("mix/3", 400.0)] {
            let folder = target.path().join("criterion").join(name).join("new");
            std::fs::create_dir_all(&folder).unwrap();
            let text = format!(
                r#"{{"mean":{{"point_estimate":{mean}}},"median":{{"point_estimate":1.0}}}}"#
            );
            std::fs::write(folder.join("estimates.json"), text).unwrap();
        }
        let found = estimates(target.path());
        let names: Vec<&str> = found
            .iter()
            .map(|estimate| estimate.name.as_str())
            .collect();
        assert_eq!(names, ["mix/3", "mix/100"]);
        assert_eq!(found[1].mean_ns, 9000.5);
        assert!(table(&found).contains("9.00"));
    }

    #[test]
    fn without_results_the_table_says_where_they_come_from() {
        let target = tempfile::tempdir().unwrap();
        assert!(table(&estimates(target.path())).contains("cargo bench"));
        assert_eq!(mean_ns("{}"), None);
    }
}
