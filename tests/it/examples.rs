//! Nothing runs examples in comments, since there are none: rustdoc would take every crate in hand to find
//! that out. Who writes the first one takes `--lib --bins --tests` out of the Makefile, and this test away.

use std::fs;
use std::path::Path;

/// What a block of a comment may be besides Rust, which rustdoc would run.
const LANGUAGES: &[&str] = &["json", "sh", "text", "toml"];

/// The first words of blocks in the documentation of one file.
fn blocks(text: &str) -> Vec<String> {
    let comments = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("//!").or(line.strip_prefix("///"))
    });
    let fences = comments.filter_map(|line| line.trim().strip_prefix("```"));
    // Every second one ends a block.
    fences.step_by(2).map(str::to_owned).collect()
}

fn look(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            look(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("a text");
            let others = blocks(&text);
            let rust = others.iter().filter(|it| !LANGUAGES.contains(&&***it));
            found.extend(rust.map(|_| path.display().to_string()));
        }
    }
}

#[test]
fn no_comment_holds_an_example_that_nothing_runs() {
    let mut found = Vec::new();
    look(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri"),
        &mut found,
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_block_is_known_by_its_first_word() {
    let text = "//! ```text\n//! a\n//! ```\nfn f() {}\n/// ```\n/// f();\n/// ```\n";
    assert_eq!(blocks(text), ["text", ""]);
}
