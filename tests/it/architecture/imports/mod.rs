//! Which file imports from which: read from the text of a crate's Rust files and of the user interface's
//! TypeScript and Svelte files, without compiling them.
//!
//! A `mod` line is no import, and neither is a re-export: a name is followed to the file that declares
//! it. Test modules are left out.

use std::collections::{BTreeMap, BTreeSet};

/// Text of each file by its path, with `/` between its parts.
pub type Files = BTreeMap<String, String>;

/// For each file those that it imports from.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The largest set of files that may import each other in a circle.
const CYCLE_FILES_MAX: usize = 4;

/// What is wrong with a graph: cycles of more than four files, and cycles that go through a folder.
///
/// A folder is one thing to whoever is beside it: its files and the folders next to it, its own `mod.rs`
/// included, may use it or be used by it, but not both. That covers arrows that point up, for an arrow
/// points up when it leads to somebody who depends on where it comes from.
pub fn faults(graph: &Graph) -> Vec<String> {
    let mut faults: Vec<String> = cycles(graph)
        .into_iter()
        .filter(|cycle| cycle.len() > CYCLE_FILES_MAX)
        .map(|cycle| format!("{} files in a cycle: {}", cycle.len(), list(&cycle)))
        .collect();
    let folders: BTreeSet<&str> = graph.keys().flat_map(|file| folders_of(file)).collect();
    for folder in folders.iter().copied().chain([""]) {
        let beside = units(graph, folder);
        for cycle in cycles(&beside) {
            let is_folder = |unit: &&String| unit.ends_with('/');
            if cycle.iter().any(|unit| is_folder(&unit)) {
                faults.push(format!("folders in a cycle: {}", list(&cycle)));
            }
        }
    }
    faults
}

/// The folders that a file lies in, the innermost last.
fn folders_of(file: &str) -> impl Iterator<Item = &str> {
    file.match_indices('/').map(|(at, _)| &file[..=at])
}

/// What lies directly in a folder, a folder in it being one thing, with the arrows between those.
fn units(graph: &Graph, folder: &str) -> Graph {
    let unit = |file: &str| {
        let within = file.strip_prefix(folder)?;
        let end = within.find('/').map_or(within.len(), |at| at + 1);
        Some(format!("{folder}{}", &within[..end]))
    };
    let mut units = Graph::new();
    for (from, targets) in graph {
        let Some(from) = unit(from) else { continue };
        let targets = targets.iter().filter_map(|to| unit(to));
        let targets: Vec<String> = targets.filter(|to| *to != from).collect();
        units.entry(from).or_default().extend(targets);
    }
    units
}

/// Sets of files of which each leads to every other one.
fn cycles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = graph
        .keys()
        .map(|from| {
            let mut reached = BTreeSet::new();
            let mut open: Vec<&String> = graph[from].iter().collect();
            while let Some(next) = open.pop() {
                if reached.insert(next) {
                    open.extend(graph.get(next).into_iter().flatten());
                }
            }
            (from, reached)
        })
        .collect();
    let mut cycles: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for (from, reached) in &reach {
        let back = |to: &&&String| reach.get(**to).is_some_and(|back| back.contains(from));
        let cycle: BTreeSet<String> = reached
            .iter()
            .filter(back)
            .map(|to| (**to).clone())
            .collect();
        if cycle.len() > 1 {
            cycles.insert(cycle);
        }
    }
    cycles.into_iter().collect()
}

fn list(files: &BTreeSet<String>) -> String {
    files.iter().cloned().collect::<Vec<_>>().join(", ")
}

/// The imports between the files of one crate. Paths are those within its `src` folder.
pub fn of_rust(crate_name: &str, files: &Files) -> Graph {
    let mut modules = Modules::default();
    for root in ["lib.rs", "main.rs"] {
        if files.contains_key(root) {
            modules.add(files, root, None);
        }
    }
    let mut graph = Graph::new();
    for at in 0..modules.all.len() {
        let module = &modules.all[at];
        let imports = modules.imports(at, crate_name);
        let imports = imports.into_iter().map(|to| modules.place(to));
        let own = modules.place(at);
        let imports: Vec<String> = imports.filter(|to| *to != own).collect();
        assert!(files.contains_key(&module.file), "{} is read", module.file);
        graph.entry(own).or_default().extend(imports);
    }
    graph
}

/// The modules of a crate, each of them a file.
#[derive(Default)]
struct Modules {
    all: Vec<Module>,
}

struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names that are declared here.
    declared: BTreeSet<String>,
    uses: Vec<Use>,
    /// Paths in the code besides those of `use`, and single words of it.
    paths: Vec<Vec<String>>,
    words: BTreeSet<String>,
}

/// One leaf of a `use`.
#[derive(Debug)]
struct Use {
    path: Vec<String>,
    /// What it is called here; `*` for all names.
    name: String,
    is_public: bool,
}

impl Modules {
    fn add(&mut self, files: &Files, file: &str, parent: Option<usize>) -> usize {
        let source = Source::read(&files[file]);
        let at = self.all.len();
        self.all.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            declared: source.declared,
            uses: source.uses,
            paths: source.paths,
            words: source.words,
        });
        let folder = match file.strip_suffix(".rs") {
            Some("lib" | "main") | None => String::new(),
            Some(path) => format!("{}/", path.strip_suffix("/mod").unwrap_or(path)),
        };
        for name in source.modules {
            let found = [
                format!("{folder}{name}.rs"),
                format!("{folder}{name}/mod.rs"),
            ]
            .into_iter()
            .find(|path| files.contains_key(path));
            if let Some(path) = found {
                let child = self.add(files, &path, Some(at));
                self.all[at].children.insert(name, child);
            }
        }
        at
    }

    /// Where a module stands among folders: one that has a folder of its own stands in that.
    fn place(&self, at: usize) -> String {
        let module = &self.all[at];
        let path = module.file.strip_suffix(".rs").unwrap_or(&module.file);
        if module.parent.is_none() || module.children.is_empty() || path.ends_with("/mod") {
            module.file.clone()
        } else {
            format!("{path}/mod.rs")
        }
    }

    /// The modules that one imports from.
    fn imports(&self, at: usize, crate_name: &str) -> BTreeSet<usize> {
        let module = &self.all[at];
        let mut imports = BTreeSet::new();
        let paths = module.paths.iter();
        let paths: Vec<Found> = paths
            .filter_map(|path| self.resolve(at, path, crate_name, 0))
            .collect();
        imports.extend(paths.iter().map(|found| found.module));
        for one in &module.uses {
            let Some(found) = self.resolve(at, &one.path, crate_name, 0) else {
                continue;
            };
            let is_prefix = module.paths.iter().any(|path| path[0] == one.name);
            // What is passed on, or names a module whose names are written out where they are used.
            let passed_on = one.is_public && !module.words.contains(&one.name);
            if !(passed_on || found.is_module && is_prefix) {
                imports.insert(found.module);
            }
        }
        imports.remove(&at);
        imports
    }

    /// The module that a path leads to, or that declares what it leads to. None outside the crate.
    fn resolve(
        &self,
        from: usize,
        path: &[String],
        crate_name: &str,
        depth: usize,
    ) -> Option<Found> {
        // No name is passed on so often.
        if depth > 16 {
            return None;
        }
        let (mut at, mut rest) = (from, path);
        let mut is_within = false;
        let (first, more) = loop {
            let Some((first, more)) = rest.split_first() else {
                return Some(Found {
                    module: at,
                    is_module: true,
                });
            };
            let module = &self.all[at];
            at = match (first.as_str(), module.children.get(first)) {
                (_, Some(&child)) => child,
                ("crate", _) => self.root_of(at),
                ("self", _) => at,
                ("super", _) => module.parent?,
                // A program names its own library.
                (name, _) if !is_within && name == crate_name && self.root_of(at) != 0 => 0,
                _ => break (first, more),
            };
            (rest, is_within) = (more, true);
        };
        let module = &self.all[at];
        let item = Found {
            module: at,
            is_module: false,
        };
        if module.declared.contains(first) {
            return Some(item);
        }
        if let Some(passed_on) = module.uses.iter().find(|one| one.name == *first) {
            let path: Vec<String> = passed_on.path.iter().chain(more).cloned().collect();
            return self.resolve(at, &path, crate_name, depth + 1);
        }
        if !is_within {
            return None;
        }
        let all_of = module.uses.iter().filter(|one| one.name == "*");
        let declaring = all_of
            .filter_map(|one| self.resolve(at, &one.path, crate_name, depth + 1))
            .find(|found| found.is_module && self.all[found.module].declared.contains(first));
        // What nobody declares in so many words is made by a macro.
        Some(declaring.map_or(item, |found| Found {
            is_module: false,
            ..found
        }))
    }

    fn root_of(&self, mut at: usize) -> usize {
        while let Some(parent) = self.all[at].parent {
            at = parent;
        }
        at
    }
}

struct Found {
    module: usize,
    /// Whether the path leads to the module itself.
    is_module: bool,
}

/// What a Rust file says, as far as it is looked at.
#[derive(Default)]
struct Source {
    modules: Vec<String>,
    declared: BTreeSet<String>,
    uses: Vec<Use>,
    paths: Vec<Vec<String>>,
    words: BTreeSet<String>,
}

const DECLARING: &[&str] = &[
    "const",
    "enum",
    "fn",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "union",
];

impl Source {
    fn read(text: &str) -> Self {
        let words = without_tests(&words(text));
        let mut source = Self::default();
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_str();
            let next = words.get(at + 1).map_or("", String::as_str);
            if word == "use" && next != "<" {
                let is_public = at > 0 && (words[at - 1] == "pub" || words[at - 1] == ")");
                let end = at + words[at..].iter().position(|word| word == ";").unwrap_or(0);
                leaves(&words[at + 1..end], &[], &mut |path, name| {
                    source.uses.push(Use {
                        path,
                        name,
                        is_public,
                    });
                });
                at = end.max(at) + 1;
                continue;
            }
            if word == "mod" && words.get(at + 2).is_some_and(|word| word == ";") {
                source.modules.push(next.to_owned());
                at += 3;
                continue;
            }
            if DECLARING.contains(&word) {
                let name = if next == "!" {
                    words.get(at + 2)
                } else {
                    words.get(at + 1)
                };
                source.declared.extend(name.cloned());
            }
            if is_name(word) {
                let mut path = vec![word.to_owned()];
                while words.get(at + 1).is_some_and(|word| word == "::")
                    && words.get(at + 2).is_some_and(|word| is_name(word))
                {
                    path.push(words[at + 2].clone());
                    at += 2;
                }
                source.words.insert(path[0].clone());
                if path.len() > 1 {
                    source.paths.push(path);
                }
            }
            at += 1;
        }
        source
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Each leaf of the tree behind `use`: its path and the name that it has here.
fn leaves(words: &[String], before: &[String], take: &mut impl FnMut(Vec<String>, String)) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            "::" => {}
            "{" => {
                let mut depth = 0;
                let mut start = at + 1;
                for end in at..words.len() {
                    match words[end].as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        _ => {}
                    }
                    let is_end = depth == 0;
                    if is_end || depth == 1 && words[end] == "," {
                        if start < end {
                            leaves(&words[start..end], &path, take);
                        }
                        start = end + 1;
                    }
                    if is_end {
                        return;
                    }
                }
                return;
            }
            "*" => return take(path, "*".to_owned()),
            "as" => {
                let name = words.get(at + 1).cloned().unwrap_or_default();
                return take(path, name);
            }
            "self" if !path.is_empty() => {}
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    let name = path.last().cloned().unwrap_or_default();
    take(path, name);
}

/// The words and signs of Rust code, without comments and texts.
fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let is_of_name = |at: usize| {
        letters
            .get(at)
            .is_some_and(|letter| letter.is_alphanumeric() || *letter == '_')
    };
    let starts = |at: usize, sign: &str| {
        sign.chars()
            .enumerate()
            .all(|(n, letter)| letters.get(at + n) == Some(&letter))
    };
    let mut words = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        if starts(at, "//") {
            while letters.get(at).is_some_and(|letter| *letter != '\n') {
                at += 1;
            }
        } else if starts(at, "/*") {
            while at < letters.len() && !starts(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if letter == '"' {
            at += 1;
            while at < letters.len() && letters[at] != '"' {
                at += if letters[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if letter == 'r' && (starts(at, "r\"") || starts(at, "r#\"") || starts(at, "r##\""))
        {
            let hashes = (1..)
                .take_while(|n| letters.get(at + n) == Some(&'#'))
                .count();
            let end = format!("\"{}", "#".repeat(hashes));
            at += hashes + 2;
            while at < letters.len() && !starts(at, &end) {
                at += 1;
            }
            at += end.len();
        } else if letter == '\'' {
            // A letter in quotes, or a lifetime.
            if letters.get(at + 1) == Some(&'\\') {
                at += 3;
                while letters.get(at).is_some_and(|letter| *letter != '\'') {
                    at += 1;
                }
                at += 1;
            } else if letters.get(at + 2) == Some(&'\'') {
                at += 3;
            } else {
                at += 1;
                while is_of_name(at) {
                    at += 1;
                }
            }
        } else if is_of_name(at) {
            let start = at;
            while is_of_name(at) {
                at += 1;
            }
            words.push(letters[start..at].iter().collect());
        } else if starts(at, "::") {
            words.push("::".to_owned());
            at += 2;
        } else {
            if !letter.is_whitespace() {
                words.push(letter.to_string());
            }
            at += 1;
        }
    }
    words
}

/// Leaves out every item that is for tests only.
fn without_tests(words: &[String]) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        if words.len() - at < MARK.len() || words[at..at + MARK.len()] != MARK {
            kept.push(words[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        at += MARK.len();
        while at < words.len() {
            let word = words[at].as_str();
            at += 1;
            match word {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (word == ";" || word == "}") {
                break;
            }
        }
    }
    kept
}

/// The imports between files of the user interface. Paths are those within its source folder.
pub fn of_scripts(files: &Files) -> Graph {
    files
        .iter()
        .filter(|(path, _)| path.ends_with(".ts") || path.ends_with(".svelte"))
        .map(|(path, text)| {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let imports = imported(text).into_iter();
            let imports = imports.filter_map(|name| found(files, folder, name));
            (path.clone(), imports.collect())
        })
        .collect()
}

/// What is named in quotes behind `from` or `import`, within the project.
fn imported(text: &str) -> Vec<&str> {
    let behind = ["from", "import"]
        .into_iter()
        .flat_map(|word| text.split(word).skip(1));
    behind
        .filter_map(|rest| {
            let rest = rest.trim_start().trim_start_matches('(');
            let quote = rest
                .chars()
                .next()
                .filter(|letter| "'\"".contains(*letter))?;
            let name = rest[1..].split(quote).next()?;
            name.starts_with('.').then_some(name)
        })
        .collect()
}

fn found(files: &Files, folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    ["", ".ts", ".svelte", "/index.ts"]
        .into_iter()
        .map(|end| format!("{path}{end}"))
        .find(|path| files.contains_key(path))
}
