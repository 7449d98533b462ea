//! Notes the commit, so that runs and bundles can say what made them.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../.git/logs/HEAD");
    let commit = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    if let Ok(output) = commit
        && output.status.success()
    {
        println!("cargo::rustc-env=FOIL_COMMIT={}", String::from_utf8_lossy(&output.stdout).trim());
    }
}
