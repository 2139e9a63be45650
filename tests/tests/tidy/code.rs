//! What the rules ask of masked Rust text: its paths, with `use` trees unfolded, and the items that only tests compile.
//! It is no parser: it knows what the rules need, on code that compiles and is formatted.

use std::path::Path;

/// The attribute that marks what only tests compile.
const CFG_TEST: &str = "#[cfg(test)]";

/// A path in the code: `std::fs::rename`, or `println!` with its mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodePath {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Its parts; the last of a macro ends in `!`.
    pub(crate) parts: Vec<String>,
}

/// Blanks out the items under `#[cfg(test)]`; newlines stay.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(from) = out.find(CFG_TEST) {
        let to = from + CFG_TEST.len() + item_length(&out[from + CFG_TEST.len()..]);
        let blank: String = out[from..to].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(from..to, &blank);
    }
    out
}

/// Length of the item that begins here: to the end of its first block, or to a `;` or `,` outside of brackets.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            // A block ends an item, but for the `;` after the braces of a `use`.
            '}' if depth == 1 => return at + 1 + usize::from(code[at + 1..].starts_with(';')),
            // The end of the block around a last field or arm.
            '}' | ')' | ']' if depth == 0 => return at,
            '}' | ')' | ']' => depth -= 1,
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Stems (`crates/a/src/engine/tests`) of the modules that only tests compile and that have a file of their own.
pub(crate) fn test_modules(path: &str, code: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let is_root = ["lib", "main", "mod"].iter().any(|name| stem.ends_with(&format!("/{name}")));
    let folder = if is_root { Path::new(stem).parent() } else { Some(Path::new(stem)) };
    let after = |part: &str| {
        let name = part.trim_start().trim_start_matches("pub(crate) ").strip_prefix("mod ")?;
        let (name, _) = name.split_once(';').filter(|(name, _)| is_identifier(name.trim()))?;
        Some(folder?.join(name.trim()).to_string_lossy().into_owned())
    };
    code.split(CFG_TEST).skip(1).filter_map(after).collect()
}

/// All paths of the code: those that stand there, and those that its `use` declarations spell.
pub(crate) fn paths(code: &str) -> Vec<CodePath> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (code, 1);
    // Counted on the way, or a long file would be read once for each of its words.
    let lines = |passed: &str| passed.matches('\n').count();
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        line += lines(&rest[..start]);
        rest = &rest[start..];
        let is_use = rest.strip_prefix("use").is_some_and(|after| after.starts_with(char::is_whitespace));
        if is_use {
            let end = rest.find(';').unwrap_or(rest.len());
            unfold(&rest["use".len()..end], &[], line, &mut found);
            line += lines(&rest[..end]);
            rest = &rest[end..];
        } else {
            let length = path_length(rest);
            let mut parts: Vec<String> = rest[..length].split("::").map(str::to_owned).collect();
            rest = &rest[length..];
            if rest.starts_with('!') && !rest.starts_with("!=") {
                parts.iter_mut().next_back().into_iter().for_each(|last| last.push('!'));
            }
            found.push(CodePath { line, parts });
        }
    }
    found
}

/// Length of the path that begins here.
fn path_length(rest: &str) -> usize {
    let mut at = 0;
    loop {
        at += rest[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - at);
        let next = rest[at..].strip_prefix("::").and_then(|after| after.chars().next());
        if !next.is_some_and(|c| c.is_alphabetic() || c == '_') {
            return at;
        }
        at += "::".len();
    }
}

/// Spells out a `use` tree: `a::{b, c::{self, d as e}}` is `a::b`, `a::c`, `a::c::d`.
fn unfold(tree: &str, prefix: &[String], line: usize, found: &mut Vec<CodePath>) {
    let line_of = |at: usize| line + tree[..at].matches('\n').count();
    let mut from = 0;
    for to in split_points(tree) {
        let begin = from + (tree[from..to].len() - tree[from..to].trim_start().len());
        let branch = tree[begin..to].trim_end().trim_start_matches("::");
        from = to + 1;
        let (head, group) =
            branch.split_once('{').map_or((branch, None), |(head, group)| (head, Some(group)));
        let head = head.split(" as ").next().unwrap_or(head);
        let mut parts = prefix.to_vec();
        parts.extend(
            head.split("::")
                .map(str::trim)
                .filter(|part| !part.is_empty() && *part != "*")
                .map(str::to_owned),
        );
        if let Some(group) = group {
            unfold(group.trim_end().trim_end_matches('}'), &parts, line_of(begin), found);
        } else if !branch.is_empty() {
            if parts.len() > 1 && parts.last().is_some_and(|part| part == "self") {
                parts.pop();
            }
            found.push(CodePath { line: line_of(begin), parts });
        }
    }
}

/// Where the branches of a `use` tree end: at each `,` outside of braces, and at the end.
fn split_points(tree: &str) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut points = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => points.push(at),
            _ => {}
        }
    }
    points.push(tree.len());
    points
}

/// Names and lines of the functions under a `#[test]`, `#[tokio::test]` or the like.
pub(crate) fn test_functions(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[").map(|at| from + at) {
        from = at + "#[".len();
        let attribute: String =
            code[from..].chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
        if attribute.rsplit("::").next() != Some("test") {
            continue;
        }
        // Further attributes may stand between; none of them holds the word `fn`.
        let Some(name_at) = code[from..].find("fn ").map(|at| from + at + "fn ".len()) else { break };
        let name: String = code[name_at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push((1 + code[..name_at].matches('\n').count(), name));
        from = name_at;
    }
    found
}

/// Whether it could be the name of a function.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit())
}

#[test]
fn paths_are_found_and_use_trees_unfolded() {
    let code =
        "use std::{fs, io::{self, Write as _}};\npub use crate::a::*;\nfn f() {\n  b::c(d);\n  print!();\n}";
    let found: Vec<String> =
        paths(code).iter().map(|path| format!("{}:{}", path.line, path.parts.join("::"))).collect();
    let want = "1:std::fs 1:std::io 1:std::io::Write 2:pub 2:crate::a 3:fn 3:f 4:b::c 4:d 5:print!";
    assert_eq!(found.join(" "), want);
    let code = "use a::{\n    b,\n    c::{d,\n e},\n};";
    let lines: Vec<usize> = paths(code).iter().map(|path| path.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn what_only_tests_compile_is_blanked_out() {
    let code = "a!();\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n  fn f() { b!() }\n}\nc!();\n#[cfg(test)] use d::{e};\nf!();";
    let left: Vec<&str> =
        without_tests(code).split_whitespace().map(str::to_owned).map(|s| &*s.leak()).collect();
    assert_eq!(left, ["a!();", "c!();", "f!();"]);
    assert_eq!(without_tests(code).matches('\n').count(), code.matches('\n').count());
}

#[test]
fn test_functions_are_found() {
    let code = "#[test]\nfn a() {}\n#[tokio::test]\n#[should_panic]\nasync fn b() {}\n#[testing]\nfn c() {}";
    assert_eq!(test_functions(code), [(2, "a".to_owned()), (5, "b".to_owned())]);
}
