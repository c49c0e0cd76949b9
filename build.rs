//! Tells cargo that the binary is also made of data: a playbook or an asset that is added or removed is a change of the program.
//! Never generates anything.

fn main() {
    for folder in ["playbooks", "assets"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
