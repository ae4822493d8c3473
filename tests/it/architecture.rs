//! The house, held to its plan: arrows point down, between crates and between files, and the lower floors
//! stay pure.

#![expect(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

mod documents;
mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imports::Files;
use serde_json::Value;

/// Every crate with its floor, and the crates of this workspace that it may name.
const HOUSE: &[(&str, u8, &[&str])] = &[
    ("mix", 0, &[]),
    ("numbers", 0, &[]),
    ("wire-macros", 0, &[]),
    ("wire", 0, &["mix", "wire-macros"]),
    ("usage", 0, &["wire"]),
    ("strength", 0, &[]),
    ("call", 1, &["wire", "mix", "usage"]),
    ("session", 1, &["wire", "mix", "usage"]),
    ("voice", 1, &["mix"]),
    ("import", 1, &["wire"]),
    ("client", 2, &["wire", "session", "voice", "mix"]),
    ("media", 2, &["wire", "voice", "mix"]),
    ("store", 2, &["wire", "usage", "import", "numbers"]),
    ("recordings", 2, &["wire", "media", "store"]),
    (
        "calls",
        2,
        &[
            "wire",
            "mix",
            "usage",
            "call",
            "media",
            "store",
            "recordings",
            "numbers",
        ],
    ),
    (
        "service",
        2,
        &[
            "wire",
            "mix",
            "numbers",
            "usage",
            "call",
            "import",
            "voice",
            "media",
            "trunk",
            "store",
            "strength",
            "recordings",
            "calls",
        ],
    ),
    ("trunk", 2, &["wire", "mix", "voice", "media"]),
    ("sound", 2, &["client", "voice", "mix"]),
    (
        "demo",
        3,
        &["client", "service", "media", "voice", "mix", "wire"],
    ),
    (
        "bench",
        3,
        &[
            "demo", "client", "service", "trunk", "media", "session", "call", "voice", "mix",
            "wire",
        ],
    ),
];

/// The app's package, which holds the whole-product tests too: what it is linked with. The service runs
/// beside it, as a process of its own.
const APP: &[&str] = &["client", "sound", "strength", "wire"];

/// The arrows that stay on their floor; each runs one way.
const SIDEWAYS: &[(&str, &str)] = &[
    ("wire", "mix"),
    ("wire", "wire-macros"),
    ("usage", "wire"),
    ("recordings", "media"),
    ("recordings", "store"),
    ("calls", "media"),
    ("calls", "store"),
    ("calls", "recordings"),
    ("service", "calls"),
    ("service", "recordings"),
    ("service", "store"),
    ("service", "media"),
    ("service", "trunk"),
    ("trunk", "media"),
    ("sound", "client"),
    ("bench", "demo"),
];

/// The floors that hold no async, sockets, files, clock reads, locks or randomness.
const PURE_FLOORS: std::ops::RangeInclusive<u8> = 0..=1;
const IMPURE_PATHS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "std::fs",
    "std::net",
    "std::thread",
];
const IMPURE_WORDS: &[&str] = &["tokio", "async", "Mutex", "RwLock", "rand"];
const IMPURE_DEPENDENCIES: &[&str] = &[
    "axum", "hyper", "rand", "reqwest", "sqlx", "str0m", "tokio", "webrtc",
];

/// One dependency of a crate of this workspace, as its manifest says.
struct Dependency {
    name: String,
    is_normal: bool,
    is_local: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The crates of the workspace, without the app's package.
fn crates() -> BTreeMap<String, Vec<Dependency>> {
    let mut packages = packages();
    packages.remove(env!("CARGO_PKG_NAME"));
    packages
}

/// Every package with what it depends on.
fn packages() -> BTreeMap<String, Vec<Dependency>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version=1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo answers in JSON");
    let text = |value: &Value| value.as_str().map(str::to_owned).expect("a name");
    let list = |value: &Value| value.as_array().cloned().expect("a list");
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"])
                .iter()
                .map(|dependency| Dependency {
                    name: text(&dependency["name"]),
                    is_normal: dependency["kind"].is_null(),
                    is_local: dependency["path"].is_string(),
                })
                .collect();
            (text(&package["name"]), dependencies)
        })
        .collect()
}

fn floor(name: &str) -> Option<u8> {
    HOUSE
        .iter()
        .find(|(crate_name, ..)| *crate_name == name)
        .map(|(_, floor, _)| *floor)
}

fn pure_crates() -> impl Iterator<Item = &'static str> {
    HOUSE
        .iter()
        .filter(|(_, floor, _)| PURE_FLOORS.contains(floor))
        .map(|(name, ..)| *name)
}

/// Every Rust file below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("its entries are readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file without its comments and its test modules.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let item = lines.next().unwrap_or_default();
            if item.ends_with('{') {
                lines.by_ref().find(|line| *line == "}");
            }
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

fn is_test(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// What of the impure a file names.
fn impurities(text: &str) -> Vec<String> {
    let code = code(text);
    let has_word = |text: &str, word: &str| {
        text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .any(|found| found == word)
    };
    let mut found: Vec<String> = IMPURE_PATHS
        .iter()
        .filter(|path| code.contains(*path))
        .chain(IMPURE_WORDS.iter().filter(|word| has_word(&code, word)))
        .map(ToString::to_string)
        .collect();
    // `use std::{fs, net::IpAddr};` names them too.
    for group in code.split("use std::{").skip(1) {
        let group = group.split(';').next().unwrap_or_default();
        let modules = ["fs", "net", "thread"];
        found.extend(
            modules
                .iter()
                .filter(|word| has_word(group, word))
                .map(ToString::to_string),
        );
    }
    found
}

#[test]
fn every_arrow_between_crates_points_down_and_is_allowed() {
    let crates = crates();
    let known: Vec<&str> = crates.keys().map(String::as_str).collect();
    let mut planned: Vec<&str> = HOUSE.iter().map(|(name, ..)| *name).collect();
    planned.sort_unstable();
    assert_eq!(known, planned, "the workspace has the crates of the plan");

    for (name, at, allowed) in HOUSE {
        for below in *allowed {
            let below_at = floor(below).expect("the plan names its own crates");
            assert!(
                below_at < *at || SIDEWAYS.contains(&(*name, *below)) && below_at == *at,
                "the plan itself points up: {name} → {below}"
            );
        }
        for dependency in crates[*name]
            .iter()
            .filter(|dependency| dependency.is_local)
        {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "{name} → {} is not in the plan",
                dependency.name
            );
        }
    }
}

#[test]
fn the_app_is_never_linked_with_the_service() {
    let packages = packages();
    let linked: Vec<&str> = packages[env!("CARGO_PKG_NAME")]
        .iter()
        .filter(|dependency| dependency.is_normal && dependency.is_local)
        .map(|dependency| dependency.name.as_str())
        .collect();
    assert_eq!(linked, APP);
}

#[test]
fn one_file_of_the_user_interface_talks_to_the_shell() {
    let mut files = vec![root().join("ui/src")];
    let mut talk = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the directory is there");
            files.extend(entries.map(|entry| entry.expect("it is readable").path()));
        } else if read(&path).contains("@tauri-apps/api") {
            let within = path.strip_prefix(root()).expect("it lies in the checkout");
            talk.push(within.display().to_string());
        }
    }
    talk.sort_unstable();
    assert_eq!(talk, ["ui/src/backend.ts", "ui/src/bindings.ts"]);
}

#[test]
fn the_lower_floors_depend_on_nothing_impure() {
    let crates = crates();
    for name in pure_crates() {
        for dependency in crates[name]
            .iter()
            .filter(|dependency| dependency.is_normal)
        {
            assert!(
                !IMPURE_DEPENDENCIES.contains(&dependency.name.as_str()),
                "{name} depends on {}",
                dependency.name
            );
        }
    }
}

#[test]
fn the_lower_floors_name_no_clock_file_socket_thread_lock_or_chance() {
    for name in pure_crates() {
        for path in sources(&root().join("src-tauri").join(name).join("src")) {
            let within = path.strip_prefix(root()).expect("it lies in the checkout");
            if !is_test(within.strip_prefix("src-tauri").unwrap_or(within)) {
                let found = impurities(&read(&path));
                assert!(found.is_empty(), "{} names {found:?}", within.display());
            }
        }
    }
}

#[test]
fn the_search_for_the_impure_finds_it_and_spares_comments_and_tests() {
    let impure = "use std::{\n    fmt,\n    net::IpAddr,\n};\nlet now = Instant::now();\n\
                  static LOCK: Mutex<u8>;\n";
    assert_eq!(impurities(impure), ["Instant::now", "Mutex", "net"]);
    let pure = "/// Like `tokio`.\nlet operand = brand;\n#[cfg(test)]\nmod tests {\n    use \
                std::fs;\n}\n";
    assert_eq!(impurities(pure), Vec::<String>::new());
    assert_eq!(
        impurities(&format!("{pure}use std::thread;\n")),
        ["std::thread"]
    );
}

#[test]
fn every_crate_says_first_what_it_knows_nothing_of() {
    for name in HOUSE.iter().map(|(name, ..)| *name).chain(["desktop"]) {
        let source = root().join("src-tauri").join(name).join("src");
        let main = ["lib.rs", "main.rs"].map(|file| source.join(file));
        let text = read(main.iter().find(|path| path.exists()).unwrap_or(&main[0]));
        let docs: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| line.trim_start_matches("//!").trim())
            .collect();
        assert!(
            docs.join(" ").contains("knows nothing of"),
            "{name} does not"
        );
    }
}

/// Every file below a folder with one of these extensions, by its path within it.
fn files(folder: &Path, extensions: &[&str]) -> Files {
    let mut files = Files::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the directory is there");
            open.extend(entries.map(|entry| entry.expect("it is readable").path()));
        } else if path
            .extension()
            .is_some_and(|of| extensions.iter().any(|one| of == *one))
        {
            let within = path.strip_prefix(folder).expect("it lies in the folder");
            files.insert(within.display().to_string(), read(&path));
        }
    }
    files
}

#[test]
fn imports_between_files_run_one_way() {
    let mut faults = Vec::new();
    for name in HOUSE.iter().map(|(name, ..)| *name).chain(["desktop"]) {
        let files = files(&root().join("src-tauri").join(name).join("src"), &["rs"]);
        let found = imports::faults(&imports::of_rust(name, &files));
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    let scripts = files(&root().join("ui/src"), &["ts", "svelte"]);
    let found = imports::faults(&imports::of_scripts(&scripts));
    faults.extend(found.into_iter().map(|fault| format!("ui: {fault}")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn invented(files: &[(&str, &str)]) -> Files {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

fn edges(graph: &imports::Graph) -> Vec<String> {
    let edges = graph
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| format!("{from} → {to}")));
    edges.collect()
}

#[test]
fn an_import_is_followed_to_the_file_that_declares_the_name() {
    let files = invented(&[
        (
            "lib.rs",
            "mod hub;\nmod clock;\nmod app;\npub use hub::Hub;\n",
        ),
        (
            "hub/mod.rs",
            "//! use crate::app::App;\nmod seat;\nmod hub;\npub use hub::Hub;\npub use seat::*;\n",
        ),
        (
            "hub/hub.rs",
            "use super::Seat;\npub struct Hub(Seat, crate::Clock);\n",
        ),
        (
            "hub/seat.rs",
            "use crate::clock::{self as time, Clock as C};\npub struct Seat(C);\n\
             fn now() { time::now(\"crate::app::App\") }\n\
             #[cfg(test)]\nmod tests { use crate::app::App; fn a() { App } }\n",
        ),
        (
            "clock.rs",
            "pub struct Clock;\npub fn now(_: &'static str) {}\n",
        ),
        (
            "app.rs",
            "use crate::hub;\nuse std::{fs, net::Shutdown};\nfn f() -> hub::Hub { fs::x() }\n",
        ),
        (
            "main.rs",
            "mod args;\nuse house::Hub;\nfn main() { args::read::<Hub>() }\n",
        ),
        ("args.rs", "pub fn read<T>() {}\n"),
    ]);
    let graph = imports::of_rust("house", &files);
    assert_eq!(
        edges(&graph),
        [
            "app.rs → hub/hub.rs",
            "hub/hub.rs → hub/seat.rs",
            "hub/hub.rs → lib.rs",
            "hub/seat.rs → clock.rs",
            "main.rs → args.rs",
            "main.rs → hub/hub.rs",
        ]
    );
    assert_eq!(imports::faults(&graph), Vec::<String>::new());
}

#[test]
fn cycles_of_five_files_and_cycles_of_folders_are_found() {
    let circle = |names: &[&str]| {
        let texts = names.iter().enumerate().map(|(at, name)| {
            let next = names[(at + 1) % names.len()];
            (
                format!("{name}.rs"),
                format!("use crate::{next}::X;\npub struct X;\n"),
            )
        });
        let mut files: Files = texts.collect();
        let modules = names.iter().map(|name| format!("mod {name};\n"));
        files.insert("lib.rs".to_owned(), modules.collect());
        imports::faults(&imports::of_rust("house", &files))
    };
    assert_eq!(circle(&["a", "b", "c", "d"]), Vec::<String>::new());
    assert_eq!(
        circle(&["a", "b", "c", "d", "e"]),
        ["5 files in a cycle: a.rs, b.rs, c.rs, d.rs, e.rs"]
    );

    let folders = invented(&[
        ("lib.rs", "mod low;\nmod high;\n"),
        ("low/mod.rs", "mod one;\nmod two;\n"),
        ("low/one.rs", "pub struct One;\n"),
        ("low/two.rs", "use crate::high::High;\n"),
        (
            "high.rs",
            "mod deep;\nuse crate::low::one::One;\npub struct High;\n",
        ),
        ("high/deep.rs", "use super::High;\n"),
    ]);
    assert_eq!(
        imports::faults(&imports::of_rust("house", &folders)),
        ["folders in a cycle: high/, low/"]
    );

    let up = invented(&[
        (
            "state.ts",
            "import { words } from './lib/words';\nimport type { X } from \"svelte\";",
        ),
        ("lib/words.ts", "import { x } from\n  \"./people\";"),
        ("lib/people.ts", "const late = () => import('../state');"),
        (
            "App.svelte",
            "<script>import Page from './lib/Page.svelte';</script> don't",
        ),
        ("lib/Page.svelte", "<p>it's from \"./words\"</p>"),
    ]);
    let graph = imports::of_scripts(&up);
    assert_eq!(
        imports::faults(&graph),
        ["folders in a cycle: lib/, state.ts"]
    );
}

#[test]
fn nothing_is_left_to_be_written() {
    let marks = ["todo", "unimplemented"].map(|name| format!("{name}!"));
    for directory in ["src-tauri", "tests"] {
        for path in sources(&root().join(directory)) {
            let text = read(&path);
            for mark in &marks {
                assert!(!text.contains(mark), "{} says {mark}", path.display());
            }
        }
    }
}
