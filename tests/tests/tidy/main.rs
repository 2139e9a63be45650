//! The house rules, as tests that read the source: one test for each rule, one line for each offence.
//! What clippy already checks (length of functions, banned methods) is not repeated, but for who may lift a ban.

mod code;
mod guarantees;
mod layers;
mod links;
mod mask;
mod messages;
mod owners;
mod prose;
mod settings;
mod shape;
mod tree;

use tree::Tree;

/// Fails with all offences against one rule, each on a line of its own.
#[track_caller]
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "\n{rule}\n  {}\n", offences.join("\n  "));
}

#[test]
fn the_tree_is_read() {
    let tree = Tree::read();
    for path in ["Cargo.toml", "crates/fileset/src/lib.rs", "crates/spool/src/lib.rs", "tests/src/lib.rs"] {
        assert!(tree.file(path).is_some(), "{path} was not read: every other rule would pass for nothing");
    }
}

#[test]
fn files_are_short() {
    let rule = "A source file has at most 450 lines: beyond that it hides a second subject.";
    none(rule, &shape::long_files(Tree::read()));
}

#[test]
fn structs_are_narrow() {
    let rule = "A struct has at most 16 fields, but for settings and counters.";
    none(rule, &shape::wide_structs(Tree::read()));
}

#[test]
fn files_say_what_they_own() {
    let rule = "A source file begins with a `//!` line of at least three words that says what it owns.";
    none(rule, &shape::silent_files(Tree::read()));
}

#[test]
fn nothing_is_put_off() {
    let rule = "What is not done is an issue, not a comment; a test that cannot run calls `skip`.";
    none(rule, &shape::put_off(Tree::read()));
}

#[test]
fn exceptions_are_expected() {
    let rule = "An exception from a lint is `#[expect(lint, reason = ...)]`: it complains when it is no longer needed.";
    none(rule, &shape::allowed_lints(Tree::read()));
}

#[test]
fn the_outside_world_has_owners() {
    let rule = "Files, clocks, threads and printing belong to the few files in the table of tests/tests/tidy/owners.rs.";
    none(rule, &owners::trespasses(Tree::read()));
}

#[test]
fn owners_exist() {
    let rule = "The table in tests/tests/tidy/owners.rs names files that are not there.";
    none(rule, &owners::absent(Tree::read()));
}

#[test]
fn rooms_import_one_way() {
    let rule = "Imports point one way: a room imports only those that stand before it in the table of tests/tests/tidy/layers.rs.";
    none(rule, &layers::imports_upward(Tree::read()));
}

#[test]
fn no_two_files_need_each_other() {
    let rule = "Two files of a package that import each other are one file, or there is a third in them.";
    none(rule, &layers::circles(Tree::read()));
}

#[test]
fn the_top_of_a_package_is_seen_at_a_glance() {
    let rule = "At most twelve entries stand at the top of a package's sources.";
    none(rule, &layers::crowded(Tree::read()));
}

#[test]
fn guarantees_name_their_tests() {
    let rule = "Each G-NN of docs/guarantees.md names at least one test, and each test that it names exists: a row\n\
                in its last cell, a section after the word `Test:` or `Tests:`; as `name` or `module::name`.";
    none(rule, &guarantees::unheld(Tree::read()));
}

#[test]
fn each_difference_from_tracing_appender_has_a_test() {
    let rule = "Each row of the table in crates/appender/README.md names tests that exist.";
    none(rule, &guarantees::differences(Tree::read()));
}

#[test]
fn tests_of_the_museum_are_unique() {
    let rule =
        "A museum test is called `museum_<row>_<what>`, its row r, d, i or t with a number, and only one is.";
    none(rule, &guarantees::museum_names(Tree::read()));
}

#[test]
fn the_museum_is_complete() {
    let rule = "docs/museum.md names every museum test, and names no other.";
    none(rule, &guarantees::museum_page(Tree::read()));
}

#[test]
fn the_page_of_settings_is_true() {
    let rule = "docs/manual/settings.md has the table of settings: `TRACING_SPOOL_WRITE_PAGES=1 cargo test --test tidy` writes it.";
    none(rule, &settings::judge(Tree::read()));
}

#[test]
fn links_lead_somewhere() {
    none("A relative link in a document leads to a file that is there.", &links::broken(Tree::read()));
}

#[test]
fn pages_are_short() {
    none(
        "A reader decides in one screen: pages that are read, and not looked up in, are short.",
        &prose::too_long(Tree::read()),
    );
}

#[test]
fn mended_phrases_do_not_come_back() {
    none("Documents and comments read as if born in English.", &prose::mended_phrases(Tree::read()));
}

#[test]
fn words_are_spelled_right() {
    none("No word of a document or a comment is a known misspelling.", &prose::misspelled(Tree::read()));
}

#[test]
fn the_manual_leads_to_its_pages() {
    let rule = "Each page of docs/manual is a module of crates/spool/src/manual.rs, and each of its links leads to the same page as in\n\
                crates/spool/src/manual/links.md.";
    none(rule, &links::strays_of_the_manual(Tree::read()));
}

#[test]
fn the_manual_quotes_what_is_said() {
    let rule = "Messages that docs/manual/troubleshooting.md quotes stand in the sources, and each trouble and each reason has its row.";
    none(rule, &messages::misquoted(Tree::read()));
}
