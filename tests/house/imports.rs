//! Who leans on whom: every name a file uses, followed to the file that defines it, through `lib.rs` and any `pub use`.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Token, close, tokens, without_attributes, without_tests};

/// What a name stands for in a module.
#[derive(Debug, Clone)]
enum Meaning {
    /// An item that this module defines.
    Item,
    /// A module: an index.
    Module(usize),
    /// Another name for this path.
    Alias(Vec<String>),
}

#[derive(Debug)]
struct Module<'s> {
    file: usize,
    parent: Option<usize>,
    names: BTreeMap<String, Vec<Meaning>>,
    /// Paths of `use path::*`.
    globs: Vec<Vec<String>>,
    /// Paths of private `use`: who writes one leans on what it names. A `pub use` only opens a door.
    imports: Vec<Vec<String>>,
    /// What is neither `use` nor `mod`.
    code: Vec<Token<'s>>,
}

/// Which file, or room, uses which names of which other.
pub(crate) type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

/// Paths, and the modules they were read in.
type Seen = BTreeSet<(usize, Vec<String>)>;

/// A crate's modules; the files' names are relative to `src`, with `/`.
#[derive(Debug)]
pub(crate) struct Imports<'s> {
    files: &'s [(String, String)],
    modules: Vec<Module<'s>>,
}

impl<'s> Imports<'s> {
    /// Reads `(name, text)` of every file under `src`.
    pub(crate) fn read(files: &'s [(String, String)]) -> Self {
        let mut imports = Self { files, modules: Vec::new() };
        if let Some(root) = imports.file("lib.rs") {
            imports.read_file(root, None);
        }
        imports
    }

    fn file(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|(file, _)| file == name)
    }

    fn read_file(&mut self, file: usize, parent: Option<usize>) -> usize {
        let module = self.add(file, parent);
        let tokens = without_attributes(&without_tests(&tokens(&self.files[file].1)));
        self.scan(module, &tokens);
        module
    }

    fn add(&mut self, file: usize, parent: Option<usize>) -> usize {
        let (names, globs, imports, code) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
        self.modules.push(Module { file, parent, names, globs, imports, code });
        self.modules.len() - 1
    }

    /// Items, declarations and code of a module; a `use` inside of a function counts as the module's.
    fn scan(&mut self, module: usize, tokens: &[Token<'s>]) {
        let mut depth = 0;
        let mut i = 0;
        while i < tokens.len() {
            let word = tokens[i].text;
            let next = tokens.get(i + 1).filter(|next| next.is_word());
            match (word, next) {
                ("{" | "(" | "[", _) => depth += 1,
                ("}" | ")" | "]", _) => depth -= 1,
                ("mod", Some(name)) => {
                    i = self.child(module, name.text, tokens, i + 2);
                    continue;
                }
                ("use", _) if tokens[i + 1].text != "<" => {
                    let open = i > 0 && (tokens[i - 1].text == "pub" || tokens[i - 1].text == ")");
                    i = self.declare(module, open, tokens, i + 1);
                    continue;
                }
                ("macro_rules", _) => self.define(module, tokens[i + 2].text, Meaning::Item),
                ("struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static", Some(name))
                    if depth == 0 =>
                {
                    self.define(module, name.text, Meaning::Item);
                }
                _ => {}
            }
            self.modules[module].code.push(tokens[i]);
            i += 1;
        }
    }

    fn define(&mut self, module: usize, name: &str, meaning: Meaning) {
        self.modules[module].names.entry(name.to_owned()).or_default().push(meaning);
    }

    /// `mod name;` or `mod name { .. }`, whose third token stands at `i`; returns the index after it.
    fn child(&mut self, parent: usize, name: &str, tokens: &[Token<'s>], i: usize) -> usize {
        if tokens[i].text == "{" {
            let end = close(tokens, i);
            let child = self.add(self.modules[parent].file, Some(parent));
            self.define(parent, name, Meaning::Module(child));
            self.scan(child, &tokens[i + 1..end - 1]);
            return end;
        }
        let of = self.files[self.modules[parent].file].0.trim_end_matches(".rs");
        let folder = if of == "lib" { String::new() } else { format!("{}/", of.trim_end_matches("/mod")) };
        let files = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
        let file = files.iter().find_map(|file| self.file(file));
        let child = self.read_file(file.unwrap_or_else(|| panic!("no {}", files[0])), Some(parent));
        self.define(parent, name, Meaning::Module(child));
        i + 1
    }

    /// The tree of a `use` that begins at `i`; returns the index after its semicolon.
    fn declare(&mut self, module: usize, open: bool, tokens: &[Token<'s>], i: usize) -> usize {
        let end = i + tokens[i..].iter().position(|token| token.text == ";").unwrap_or(tokens.len() - i);
        let mut leaves = Vec::new();
        leaves_of(&tokens[i..end], &[], &mut leaves);
        for (path, name) in leaves {
            if name == "*" {
                self.modules[module].globs.push(path);
                continue;
            }
            if !open {
                self.modules[module].imports.push(path.clone());
            }
            self.define(module, &name, Meaning::Alias(path));
        }
        end + 1
    }

    /// The modules in which the item at the end of `path`, read in `module`, is defined; where a module does not define
    /// what it is asked for (a macro does), that module.
    fn definitions(&self, module: usize, path: &[String], seen: &mut Seen) -> BTreeSet<usize> {
        if !seen.insert((module, path.to_vec())) {
            return BTreeSet::new();
        }
        let (at, rest) = match path.first().map(String::as_str) {
            Some("crate") => (0, &path[1..]),
            Some("self") => (module, &path[1..]),
            Some("super") => (self.modules[module].parent.unwrap_or(0), &path[1..]),
            _ => (module, path),
        };
        let began = rest.len() < path.len();
        match rest {
            [] => BTreeSet::new(),
            [first, ..] if first == "super" => self.definitions(at, rest, seen),
            [name] => self.item(at, name, began, seen),
            [first, then @ ..] => match self.module(at, first, &mut Seen::new()) {
                Some(next) => {
                    let inside: Vec<_> =
                        std::iter::once("self".to_owned()).chain(then.iter().cloned()).collect();
                    self.definitions(next, &inside, seen)
                }
                // `Type::member`: the type decides
                None => self.item(at, first, began, seen),
            },
        }
    }

    fn item(&self, at: usize, name: &str, began: bool, seen: &mut Seen) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let meanings = self.modules[at].names.get(name);
        for meaning in meanings.into_iter().flatten() {
            match meaning {
                Meaning::Item => _ = found.insert(at),
                Meaning::Module(_) => {}
                Meaning::Alias(path) => found.extend(self.definitions(at, path, seen)),
            }
        }
        if meanings.is_none() {
            for glob in &self.modules[at].globs {
                let path: Vec<_> = glob.iter().cloned().chain([name.to_owned()]).collect();
                let of = self.module_of(at, glob, &mut Seen::new());
                if of.is_some_and(|module| self.modules[module].names.contains_key(name)) {
                    found.extend(self.definitions(at, &path, seen));
                }
            }
        }
        if found.is_empty() && meanings.is_none() && began && at != 0 {
            found.insert(at);
        }
        found
    }

    /// The module that `name` stands for in `at`; `seen` holds the aliases on the way, for names that stand for each
    /// other.
    fn module(&self, at: usize, name: &str, seen: &mut Seen) -> Option<usize> {
        let mut meanings = self.modules[at].names.get(name).into_iter().flatten();
        meanings.find_map(|meaning| match meaning {
            Meaning::Module(module) => Some(*module),
            Meaning::Alias(path) if seen.insert((at, path.clone())) => {
                let found = self.module_of(at, path, seen);
                seen.remove(&(at, path.clone()));
                found
            }
            _ => None,
        })
    }

    /// The module at the end of `path`, read in `module`.
    fn module_of(&self, module: usize, path: &[String], seen: &mut Seen) -> Option<usize> {
        path.iter().enumerate().try_fold(module, |at, (i, name)| match name.as_str() {
            "crate" if i == 0 => Some(0),
            "self" if i == 0 => Some(at),
            "super" => self.modules[at].parent,
            _ => self.module(at, name, seen),
        })
    }

    /// File to file, but for `lib.rs`, which only names the rooms.
    pub(crate) fn between_files(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (index, module) in self.modules.iter().enumerate() {
            let mut paths: Vec<_> = module.imports.clone();
            paths.extend(paths_in(&module.code));
            for path in paths {
                for definition in self.definitions(index, &path, &mut Seen::new()) {
                    let (from, to) = (module.file, self.modules[definition].file);
                    let [from, to] = [from, to].map(|file| self.files[file].0.clone());
                    if from != to && from != "lib.rs" && to != "lib.rs" {
                        arrows.entry((from, to)).or_default().insert(path[path.len() - 1].clone());
                    }
                }
            }
        }
        arrows
    }
}

/// Every leaf of a `use` tree: its path, and the name it brings (`*` for all).
fn leaves_of(tokens: &[Token<'_>], before: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    let mut i = 0;
    while i < tokens.len() {
        match tokens[i].text {
            "{" => {
                let inner = &tokens[i + 1..close(tokens, i) - 1];
                let mut begin = 0;
                while begin < inner.len() {
                    let mut end = begin;
                    while end < inner.len() && inner[end].text != "," {
                        end = if inner[end].text == "{" { close(inner, end) } else { end + 1 };
                    }
                    leaves_of(&inner[begin..end], &path, leaves);
                    begin = end + 1;
                }
                return;
            }
            "*" => {
                leaves.push((path, "*".to_owned()));
                return;
            }
            "as" => {
                leaves.push((path, tokens[i + 1].text.to_owned()));
                return;
            }
            "self" if !path.is_empty() => {}
            "::" => {}
            word => path.push(word.to_owned()),
        }
        i += 1;
    }
    if let Some(name) = path.last().cloned() {
        leaves.push((path, name));
    }
}

/// The paths that code names. A single word counts where it can be no variable: in capitals, called, or a macro.
fn paths_in(code: &[Token<'_>]) -> Vec<Vec<String>> {
    const DEFINERS: [&str; 10] =
        ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "let", "macro_rules"];
    let text = |i: usize| code.get(i).map_or("", |token| token.text);
    let mut paths = Vec::new();
    let mut i = 0;
    while i < code.len() {
        let before = if i == 0 { "" } else { text(i - 1) };
        let member = before == "." && (i < 2 || text(i - 2) != ".");
        if !code[i].is_word() || member || before == "::" || DEFINERS.contains(&before) {
            i += 1;
            continue;
        }
        let mut path = vec![code[i].text.to_owned()];
        i += 1;
        while text(i) == "::" && code.get(i + 1).is_some_and(Token::is_word) {
            path.push(text(i + 1).to_owned());
            i += 2;
        }
        let capital = path[0].starts_with(char::is_uppercase);
        if path.len() > 1 || capital || ["(", "!", "::"].contains(&text(i)) {
            paths.push(path);
        }
    }
    paths
}

/// The room of a file: the first part of its name.
pub(crate) fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Room to room.
pub(crate) fn between_rooms(files: &Arrows) -> Arrows {
    let mut rooms = Arrows::new();
    for ((from, to), names) in files {
        let (from, to) = (room(from), room(to));
        if from != to {
            rooms.entry((from.into(), to.into())).or_default().extend(names.iter().cloned());
        }
    }
    rooms
}

/// Sets of more than one node in which each is reached from each, in order of their names.
pub(crate) fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let nodes: BTreeSet<&String> = arrows.keys().flat_map(|(from, to)| [from, to]).collect();
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        nodes.iter().map(|node| (*node, reach(arrows, node))).collect();
    let mut found = BTreeSet::new();
    for (node, beyond) in &reached {
        let circle: Vec<_> = beyond
            .iter()
            .filter(|other| reached[*other].contains(node))
            .map(|other| (*other).clone())
            .collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// What one arrives at from `node` along one arrow or more.
fn reach<'a>(arrows: &'a Arrows, node: &str) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut front = vec![node];
    while let Some(at) = front.pop() {
        for (from, to) in arrows.keys() {
            if from == at && found.insert(to) {
                front.push(to);
            }
        }
    }
    found
}
