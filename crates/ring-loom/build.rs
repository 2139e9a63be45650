//! Lets the ring be compiled for a tool that tries out every order of steps.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=loom");
}
