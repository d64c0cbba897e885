//! Rust source as tokens: without comments, with strings emptied, tests left out on demand.

use std::collections::BTreeSet;

/// A word, a mark (`::` is one), or a literal, and the lines on which it begins and ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'s> {
    /// Of a string, character or number its first character alone: what it says is no name.
    pub(crate) text: &'s str,
    pub(crate) line: usize,
    pub(crate) last_line: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// The tokens of a source text.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (length, text) = token(rest, first);
        let lines = rest[..length].matches('\n').count();
        if let Some(text) = text {
            tokens.push(Token { text, line, last_line: line + lines });
        }
        at += length;
        line += lines;
    }
    tokens
}

/// The length of what stands at the beginning of `rest`, and what to keep of it: nothing of spaces and comments.
fn token(rest: &str, first: char) -> (usize, Option<&str>) {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let run = |from: usize, of: &dyn Fn(char) -> bool| {
        from + rest[from..].find(|c: char| !of(c)).unwrap_or(rest.len() - from)
    };
    if first.is_whitespace() {
        return (run(0, &char::is_whitespace), None);
    }
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if let Some(length) = string(rest) {
        return (length, Some("\""));
    }
    if first == '\'' {
        // `'a'` and `'\n'` are characters, `'a` is a lifetime
        let inner = rest[1..].chars().next().unwrap_or(' ');
        let after = 1 + inner.len_utf8();
        if inner == '\\' {
            return (after + 1 + rest[after + 1..].find('\'').map_or(0, |i| i + 1), Some("'"));
        }
        let length = if rest[after..].starts_with('\'') { after + 1 } else { run(1, &word) };
        return (length, Some("'"));
    }
    if first.is_ascii_digit() {
        return (run(0, &word), Some(&rest[..1]));
    }
    if word(first) {
        let from = if rest.starts_with("r#") { 2 } else { 0 };
        let length = run(from, &word);
        return (length, Some(&rest[from..length]));
    }
    let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
    (length, Some(&rest[..length]))
}

/// The length of a comment between `/*` and `*/`, which may hold others.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of a string literal of any kind, if there is one.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let body = rest.strip_prefix(prefix).map(|body| body.trim_start_matches('#'));
        body.is_some_and(|body| body.starts_with('"'))
    })?;
    let hashes = rest[prefix.len()..].find('"')?;
    let start = prefix.len() + hashes + 1;
    if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(rest[start..].find(&end).map_or(rest.len(), |i| start + i + end.len()));
    }
    if hashes > 0 {
        return None; // `#"…"` is a mark and a string
    }
    let mut escaped = false;
    for (i, c) in rest[start..].char_indices() {
        match c {
            '"' if !escaped => return Some(start + i + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Some(rest.len())
}

/// The index after the bracket that closes the one at `open`.
pub(crate) fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// The index of the `[` of an attribute that begins at `i`.
fn attribute(tokens: &[Token<'_>], i: usize) -> Option<usize> {
    let is = |i: usize, text| tokens.get(i).is_some_and(|token| token.text == text);
    match is(i, "#") {
        true if is(i + 1, "[") => Some(i + 1),
        true if is(i + 1, "!") && is(i + 2, "[") => Some(i + 2),
        _ => None,
    }
}

/// The index after the item that begins at `i`.
fn item_end(tokens: &[Token<'_>], mut i: usize) -> usize {
    while let Some(open) = attribute(tokens, i) {
        i = close(tokens, open);
    }
    let ends_at_semicolon = |word: &str| ["use", "const", "static", "type"].contains(&word);
    let mut semicolon = false;
    let mut has_body = false; // the `const` of a generic argument ends nothing
    while i < tokens.len() {
        match tokens[i].text {
            ";" => return i + 1,
            "{" if !semicolon => return close(tokens, i),
            "{" | "(" | "[" => i = close(tokens, i),
            "fn" | "impl" | "unsafe" => {
                semicolon = false;
                has_body = true;
                i += 1;
            }
            word => {
                semicolon |= !has_body && ends_at_semicolon(word);
                i += 1;
            }
        }
    }
    i
}

/// Without items that only tests see: those under `#[cfg(test)]`, `#[cfg(all(test, ..))]` and `#[cfg(doctest)]`.
pub(crate) fn without_tests<'s>(tokens: &[Token<'s>]) -> Vec<Token<'s>> {
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        if let Some(open) = attribute(tokens, i) {
            let end = close(tokens, open);
            let words: Vec<_> = tokens[open..end].iter().map(|token| token.text).collect();
            let only_tests = ["cfg", "(", "test"] == words[1..].get(..3).unwrap_or(&[])
                || ["cfg", "(", "doctest"] == words[1..].get(..3).unwrap_or(&[])
                || ["cfg", "(", "all", "(", "test"] == words[1..].get(..5).unwrap_or(&[]);
            if only_tests {
                i = item_end(tokens, end);
                continue;
            }
            kept.extend_from_slice(&tokens[i..end]);
            i = end;
        } else {
            kept.push(tokens[i]);
            i += 1;
        }
    }
    kept
}

/// Without `#[..]` and `#![..]`.
pub(crate) fn without_attributes<'s>(tokens: &[Token<'s>]) -> Vec<Token<'s>> {
    let mut kept = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match attribute(tokens, i) {
            Some(open) => i = close(tokens, open),
            None => {
                kept.push(tokens[i]);
                i += 1;
            }
        }
    }
    kept
}

/// How many lines hold a token.
pub(crate) fn lines(tokens: &[Token<'_>]) -> usize {
    tokens.iter().flat_map(|token| token.line..=token.last_line).collect::<BTreeSet<_>>().len()
}

/// Every function's name and its lines from `fn` to the closing brace, but for tables:
/// `#[expect(clippy::too_many_lines, reason = ..)]`.
pub(crate) fn functions<'s>(tokens: &[Token<'s>]) -> Vec<(&'s str, usize)> {
    let mut found = Vec::new();
    let mut table = false;
    let mut i = 0;
    while i + 1 < tokens.len() {
        if let Some(open) = attribute(tokens, i) {
            let end = close(tokens, open);
            table |= tokens[open..end].iter().any(|token| token.text == "too_many_lines");
            i = end;
            continue;
        }
        if tokens[i].text == "fn" && tokens[i + 1].is_word() {
            let end = item_end(tokens, i);
            if !table && tokens[end - 1].text == "}" {
                found.push((tokens[i + 1].text, lines(&tokens[i..end])));
            }
            table = false;
        }
        i += 1;
    }
    found
}

/// Line number and width of every line in a fenced block of the documentation of a source, or of a page of Markdown.
pub(crate) fn example_lines(text: &str, markdown: bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (i, line) in text.lines().enumerate() {
        let doc = ["///", "//!"].iter().find_map(|mark| line.trim_start().strip_prefix(mark));
        let shown = match doc.map(|doc| doc.strip_prefix(' ').unwrap_or(doc)) {
            _ if markdown => line,
            Some(doc) => doc,
            None => {
                inside = false;
                continue;
            }
        };
        if shown.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            found.push((i + 1, shown.chars().count()));
        }
    }
    found
}

/// A type or an `impl` block: the names in its head, and its lines.
#[derive(Debug)]
pub(crate) struct Item<'s> {
    pub(crate) names: Vec<&'s str>,
    pub(crate) first_line: usize,
    pub(crate) last_line: usize,
}

/// The types and `impl` blocks that stand at the outermost level, with their attributes.
pub(crate) fn items<'s>(tokens: &[Token<'s>]) -> Vec<Item<'s>> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let end = item_end(tokens, i);
        let mut begin = i;
        while let Some(open) = attribute(tokens, begin) {
            begin = close(tokens, open);
        }
        let head = tokens[begin..end].iter().take_while(|token| token.text != "{");
        let words: Vec<_> = head.map(|token| token.text).collect();
        let names = match words.iter().position(|word| ["struct", "enum", "impl"].contains(word)) {
            Some(at) if words[at] == "impl" => {
                let after = words.iter().position(|word| *word == "for").map_or(at, |at| at);
                words[after + 1..].to_vec()
            }
            Some(at) => vec![words[at + 1]],
            None => Vec::new(),
        };
        found.push(Item { names, first_line: tokens[i].line, last_line: tokens[end - 1].last_line });
        i = end;
    }
    found
}
