//! Tells Cargo to look at the embedded folder again when a file in it comes or goes; the embedding macro
//! itself notices changed files only.

fn main() {
    println!("cargo:rerun-if-changed=templates");
}
