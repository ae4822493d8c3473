//! What README and `docs` promise: short, with links that lead somewhere and commands that exist.

use super::HOUSE;
use std::fs;
use std::path::{Path, PathBuf};

const README_WORDS_MAX: usize = 900;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The README and every page beside it and in `docs`.
fn pages() -> Vec<PathBuf> {
    let of = |folder: PathBuf| {
        let entries = fs::read_dir(folder).expect("the directory is there");
        entries.map(|entry| entry.expect("its entries are readable").path())
    };
    let mut pages: Vec<_> = of(root().into()).chain(of(root().join("docs"))).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(pages.len() >= 9, "{pages:?}");
    pages
}

/// Where the links and pictures of a page lead, code left out.
fn links(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose
        .flat_map(|text| text.split("](").skip(1))
        .filter_map(|rest| rest.split(')').next())
        .collect()
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().chars();
    let kept = letters.filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The targets that a text tells people to run, as `make …`.
fn targets(text: &str) -> Vec<&str> {
    let starts = ["`make ", "\nmake ", "\"make "];
    starts
        .iter()
        .flat_map(|start| text.split(start).skip(1))
        .filter_map(|rest| {
            rest.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-')
                .next()
        })
        .collect()
}

#[test]
fn the_readme_is_short() {
    let words = read(&root().join("README.md")).split_whitespace().count();
    assert!(words <= README_WORDS_MAX, "it has {words} words");
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        for link in links(&text)
            .into_iter()
            .filter(|link| !link.contains("://"))
        {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let there = match file {
                "" => page.clone(),
                file => page.with_file_name("").join(file),
            };
            assert!(there.is_file(), "{}: {link}", page.display());
            let found = heading.is_empty()
                || read(&there)
                    .lines()
                    .any(|line| line.starts_with('#') && anchor(line) == heading);
            assert!(found, "{}: {link}", page.display());
        }
    }
}

#[test]
fn every_make_target_in_the_documents_exists() {
    let makefile = read(&root().join("Makefile"));
    let exists = |target: &str| {
        let rule = format!("{target}:");
        makefile.lines().any(|line| line.starts_with(&rule))
    };
    let mut texts: Vec<_> = pages().iter().map(|page| read(page)).collect();
    texts.push(makefile.clone());
    for text in &texts {
        for target in targets(text) {
            assert!(exists(target), "there is no `make {target}`");
        }
    }
}

#[test]
fn the_documents_explain_every_command_that_make_help_lists() {
    let makefile = read(&root().join("Makefile"));
    let help = makefile.lines().filter(|line| line.contains("@echo"));
    let listed: Vec<&str> = help.flat_map(targets).collect();
    assert!(listed.len() >= 7, "{listed:?}");
    let texts: Vec<_> = pages().iter().map(|page| read(page)).collect();
    for target in listed {
        let explained = texts.iter().any(|text| targets(text).contains(&target));
        assert!(explained, "no document mentions `make {target}`");
    }
}

#[test]
fn the_code_map_has_every_crate() {
    let map = read(&root().join("docs/architecture.md"));
    for name in HOUSE.iter().map(|(name, ..)| *name).chain(["desktop"]) {
        assert!(
            map.contains(&format!("\n| `{name}` (")),
            "{name} is missing"
        );
    }
}
