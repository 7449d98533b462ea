//! Which file of a crate imports which, read from the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::root;

/// The files of a crate and their imports, by their paths in `src`.
pub struct Crate {
    /// The module of each file, as path segments; none for `lib.rs` and programs.
    modules: BTreeMap<String, Vec<String>>,
    imports: BTreeSet<(String, String)>,
}

impl Crate {
    /// Reads the sources of a crate. Test modules are left out, and so is what a module takes from those that it is part of.
    pub fn read(name: &str) -> Self {
        let folder = root().join(name).join("src");
        let mut texts = BTreeMap::new();
        for path in sources(&folder) {
            let file =
                path.strip_prefix(&folder).expect("a file of the crate").to_string_lossy().replace('\\', "/");
            if !file.ends_with("tests.rs") {
                texts.insert(file, std::fs::read_to_string(&path).expect("a source file"));
            }
        }
        let mut found = Crate {
            modules: texts.keys().map(|file| (file.clone(), module(file))).collect(),
            imports: BTreeSet::new(),
        };
        for (file, text) in &texts {
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
            let children: Vec<&str> = found.children(&found.modules[file]).collect();
            for path in paths(code, &children) {
                let target = found.resolve(&found.modules[file], &path);
                if let Some(target) = target.filter(|target| !found.is_inside(file, target)) {
                    found.imports.insert((file.clone(), target));
                }
            }
        }
        found
    }

    /// Every import between two files: who imports, and what.
    pub fn imports(&self) -> impl Iterator<Item = (String, String)> {
        self.imports.iter().cloned()
    }

    /// Sets of files that import each other, directly or through others.
    pub fn circles(&self) -> Vec<BTreeSet<String>> {
        let reached: BTreeMap<&String, BTreeSet<&String>> =
            self.modules.keys().map(|file| (file, self.reached(file))).collect();
        let circle = |file: &String| {
            let both = reached[file].iter().filter(|other| reached[**other].contains(file));
            both.map(|other| (*other).clone()).collect::<BTreeSet<String>>()
        };
        let circles: BTreeSet<_> =
            self.modules.keys().map(circle).filter(|circle| circle.len() > 1).collect();
        circles.into_iter().collect()
    }

    /// The names of the modules directly inside a module.
    fn children(&self, of: &[String]) -> impl Iterator<Item = &str> {
        let inside = self
            .modules
            .values()
            .filter(move |module| module.len() == of.len() + 1 && module.starts_with(of));
        inside.filter_map(|module| module.last()).map(String::as_str)
    }

    fn reached(&self, from: &String) -> BTreeSet<&String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from];
        while let Some(file) = open.pop() {
            for (_, to) in self.imports.iter().filter(|(importer, _)| importer == file) {
                if reached.insert(to) {
                    open.push(to);
                }
            }
        }
        reached
    }

    /// The file of the innermost module that a path names.
    fn resolve(&self, from: &[String], path: &[String]) -> Option<String> {
        let mut module: Vec<String> = match path.first()?.as_str() {
            "crate" => Vec::new(),
            _ => from.to_vec(),
        };
        for segment in path {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => _ = module.pop(),
                name => {
                    module.push(name.to_owned());
                    if !self.modules.values().any(|known| *known == module) {
                        module.pop();
                        break;
                    }
                }
            }
        }
        self.modules.iter().find(|(_, known)| **known == module).map(|(file, _)| file.clone())
    }

    /// Whether a file is part of the module of another.
    fn is_inside(&self, file: &str, other: &str) -> bool {
        self.modules[file].starts_with(&self.modules[other])
    }
}

/// The module of a file: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The source files under a folder, in order.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every path that begins with `crate`, `super`, `self` or the name of a child module, one for each name in braces.
fn paths(code: &str, children: &[&str]) -> Vec<Vec<String>> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["crate", "super", "self"].iter().chain(children) {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back();
            // `super::super::x` begins once.
            if before.is_none_or(|letter| !letter.is_alphanumeric() && !['_', ':', '$'].contains(&letter)) {
                branches(&code[at..], Vec::new(), &mut found);
            }
        }
    }
    found
}

/// The paths of one `use`, or of an expression. Returns what follows them.
fn branches<'c>(code: &'c str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'c str {
    let mut rest = code;
    loop {
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(behind) if behind.starts_with('{') => {
                rest = &behind[1..];
                while !rest.starts_with('}') {
                    rest = branches(rest.trim_start(), path.clone(), found);
                    rest = rest.trim_start_matches(|letter: char| {
                        letter.is_whitespace() || letter == ',' || letter == '*'
                    });
                    if rest.is_empty() {
                        return rest;
                    }
                }
                return &rest[1..];
            }
            Some(behind) => rest = behind,
            None => {
                found.push(path);
                return rest;
            }
        }
        if end == 0 && !rest.starts_with(char::is_alphanumeric) {
            found.push(path);
            return rest;
        }
    }
}

#[test]
fn paths_are_read_with_their_braces() {
    let code = "use crate::a::{self, b::C, d};\n// use crate::no;\nfn f() { super::g::h(1) + child::i() }\n";
    let read: Vec<String> = paths(code, &["child"]).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(read, ["crate::a::self", "crate::a::b::C", "crate::a::d", "super::g::h", "child::i"]);
    assert_eq!(module("model/mod.rs"), ["model"]);
}
