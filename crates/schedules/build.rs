//! Lets the spool be compiled for a scheduler that tries out orders of steps.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=shuttle");
}
