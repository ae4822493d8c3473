//! Which tests prove which rule of the product: a table in the output, and `target/rules.json`.
//!
//! A test says by its name which rules it is of: `fn m2_a_whisper_…` or `fn a2_j3_…` in Rust,
//! `it("w5: …")` or `describe("b1 and b2: …")` in the user interface. A rule without a test fails.

#![expect(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Every numbered rule: who hears whom, the ways in, joining, permissions, recording, money,
/// the organization and its accounts, its leads.
const RULES: [(char, u8, u8); 8] = [
    ('M', 1, 7),
    ('W', 1, 5),
    ('J', 1, 5),
    ('A', 1, 4),
    ('R', 1, 3),
    ('B', 1, 4),
    ('O', 1, 5),
    ('L', 1, 5),
];

fn rules() -> BTreeMap<String, Vec<String>> {
    let ids = RULES
        .iter()
        .flat_map(|(letter, first, last)| (*first..=*last).map(move |n| format!("{letter}{n}")));
    ids.map(|id| (id, Vec::new())).collect()
}

fn is_rule(word: &str) -> Option<String> {
    let mut chars = word.chars();
    let letter = chars.next()?.to_ascii_uppercase();
    let number: u8 = chars.as_str().parse().ok()?;
    let known = RULES
        .iter()
        .any(|(of, first, last)| *of == letter && (*first..=*last).contains(&number));
    known.then(|| format!("{letter}{number}"))
}

/// The rules that a Rust test is of: the leading words of its name.
fn of_function(name: &str) -> Vec<String> {
    name.split('_').map_while(is_rule).collect()
}

/// The rules that a test of the user interface is of: those before the colon.
fn of_title(title: &str) -> Vec<String> {
    let Some((head, _)) = title.split_once(':') else {
        return Vec::new();
    };
    let words = head.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !matches!(*word, "" | "and")).collect();
    let rules: Vec<String> = words.iter().filter_map(|word| is_rule(word)).collect();
    // Any other word before a colon is not about rules.
    if rules.len() == words.len() {
        rules
    } else {
        Vec::new()
    }
}

/// The tests of one Rust file: functions with an attribute that says so, and none that says to ignore.
fn tests_of_rust(text: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let mut attributes = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some(name) = function_of(line) {
            let is_test = attributes.contains("test]") || attributes.contains("test(");
            if is_test && !attributes.contains("ignore") {
                tests.push(name.to_owned());
            }
            attributes.clear();
        } else if !line.starts_with("//") && !line.is_empty() && !attributes_go_on(&attributes) {
            attributes.clear();
        }
    }
    tests
}

/// Whether an attribute that began on an earlier line has not ended.
fn attributes_go_on(attributes: &str) -> bool {
    attributes.matches('[').count() > attributes.matches(']').count()
}

fn function_of(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn titles_of_script(text: &str) -> Vec<String> {
    let mut titles = Vec::new();
    for line in text.lines().map(str::trim) {
        let starts = ["it(\"", "test(\"", "describe(\""];
        let title = starts.iter().find_map(|start| line.strip_prefix(start));
        if let Some((title, _)) = title.and_then(|rest| rest.split_once('"')) {
            titles.push(title.to_owned());
        }
    }
    titles
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !["node_modules", "dist", "target"].contains(&&*name) {
                files(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_rule_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src-tauri", "tests", "ui/src"] {
        files(&root.join(folder), &mut found);
    }
    found.sort();
    let mut table = rules();
    for path in found {
        let name = path
            .strip_prefix(root)
            .expect("below the root")
            .display()
            .to_string();
        let read = |path: &Path| std::fs::read_to_string(path).expect("a text");
        let tests: Vec<(Vec<String>, String)> = if name.ends_with(".rs") {
            let tests = tests_of_rust(&read(&path)).into_iter();
            tests.map(|test| (of_function(&test), test)).collect()
        } else if name.ends_with(".test.ts") {
            let titles = titles_of_script(&read(&path)).into_iter();
            titles.map(|title| (of_title(&title), title)).collect()
        } else {
            continue;
        };
        for (rules, test) in tests {
            for rule in rules {
                let of = table.get_mut(&rule).expect("a known rule");
                of.push(format!("{name}: {test}"));
            }
        }
    }
    let json = serde_json::to_string_pretty(&table).expect("a table");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    std::fs::create_dir_all(&target).expect("the folder of what is built");
    std::fs::write(target.join("rules.json"), json).expect("rules.json");
    let mut text = String::from("\nWhich tests prove which rule\n");
    for (rule, tests) in &table {
        text.push_str(&format!("  {rule}  {} tests\n", tests.len()));
        for test in tests {
            text.push_str(&format!("        {test}\n"));
        }
    }
    // Not by `println!`: of a test that passes, that would be kept back.
    std::io::stdout()
        .write_all(text.as_bytes())
        .expect("an output");
    let without: Vec<&String> = table
        .iter()
        .filter(|(_, tests)| tests.is_empty())
        .map(|(rule, _)| rule)
        .collect();
    assert!(without.is_empty(), "rules without a test: {without:?}");
}

#[test]
fn names_are_read_as_they_are_written() {
    assert_eq!(of_function("a2_j3_a_plan_that_is_lost"), ["A2", "J3"]);
    assert!(of_function("g722_is_decoded").is_empty());
    assert!(of_function("m8_there_is_no_such_rule").is_empty());
    assert_eq!(
        of_title("a1, j1 and j3: what is refused"),
        ["A1", "J1", "J3"]
    );
    assert!(of_title("the page of w1: leads").is_empty());
    let text = "#[tokio::test(flavor = \"multi_thread\")]\nasync fn m1_one() {}\nfn m2_no_test() {}\n\
                #[test]\n#[ignore = \"slow\"]\nfn m3_ignored() {}\n#[test]\n/// Says.\nfn m4_two() {}";
    assert_eq!(tests_of_rust(text), ["m1_one", "m4_two"]);
}
