//! Lets the ring be compiled for a scheduler that draws orders of steps.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=shuttle");
}
