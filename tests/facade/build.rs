//! Takes the tests of tracing-appender out of its published source, which `tests` depends on: each as it stands there, but for
//! those that look at what is private to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Item, ItemFn, ItemMod};

/// What the original's tests use that no program can: whoever names one of these is left out.
const PRIVATE: [&str; 8] = [
    "Inner",
    "clock",
    "join_date",
    "next_date",
    "round_date",
    "date_format",
    "parse_date_from_filename",
    "from_builder",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let source = source();
    for module in ["non_blocking", "rolling"] {
        let text = fs::read_to_string(source.join(format!("{module}.rs"))).expect("its source is there");
        let file = syn::parse_file(&text).expect("it is Rust");
        let tests = file.items.into_iter().find_map(test_module).expect("it has tests");
        fs::write(out.join(format!("{module}.rs")), kept(tests)).expect("OUT_DIR can be written");
    }
}

/// Where cargo keeps the source of tracing-appender.
fn source() -> PathBuf {
    let cargo = env::var_os("CARGO").expect("set by cargo");
    let output = Command::new(cargo).args(["metadata", "--format-version", "1", "--locked"]).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let original = packages.iter().find(|package| package["name"] == "tracing-appender");
    let manifest =
        original.expect("`tests` depends on it")["manifest_path"].as_str().expect("a path").to_owned();
    Path::new(&manifest).with_file_name("src")
}

fn test_module(item: Item) -> Option<Vec<Item>> {
    match item {
        Item::Mod(ItemMod { ident, content: Some((_, items)), .. }) if ident == "test" => Some(items),
        _ => None,
    }
}

/// What is left without tests of private things, and without what those alone use.
fn kept(items: Vec<Item>) -> String {
    let has =
        |function: &ItemFn, name| function.attrs.iter().any(|attribute| attribute.path().is_ident(name));
    let names = |item: &Item| {
        let mut names = Names(BTreeSet::new());
        names.visit_item(item);
        names.0
    };
    let is_public = |item: &Item| names(item).iter().all(|name| !PRIVATE.contains(&name.as_str()));
    // What the original itself does not run is not asked of us.
    let is_run = |item: &Item| !matches!(item, Item::Fn(function) if has(function, "ignore"));
    let mut kept: Vec<Item> = items.into_iter().filter(|item| is_public(item) && is_run(item)).collect();
    let used: BTreeSet<String> = kept.iter().flat_map(names).collect();
    kept.retain(|item| match item {
        Item::Fn(function) => has(function, "test") || used.contains(&function.sig.ident.to_string()),
        _ => true,
    });
    kept.iter().map(|item| item.to_token_stream().to_string() + "\n").collect()
}

/// Every name that is used.
struct Names(BTreeSet<String>);

impl Visit<'_> for Names {
    fn visit_item_fn(&mut self, function: &ItemFn) {
        // Its own name is no use.
        visit::visit_block(self, &function.block);
        function.sig.inputs.iter().for_each(|input| self.visit_fn_arg(input));
    }

    fn visit_ident(&mut self, ident: &syn::Ident) {
        self.0.insert(ident.to_string());
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        let words = call.tokens.to_string();
        let words = words.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        self.0.extend(words.map(str::to_owned));
    }
}
