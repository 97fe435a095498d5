//! Tells Cargo to look at the embedded folders again when a file in them comes or goes; the embedding macro
//! itself notices changed files only.

fn main() {
    println!("cargo:rerun-if-changed=assets");
    println!("cargo:rerun-if-changed=templates");
}
