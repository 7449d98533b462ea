//! Notes the commit, so that runs and bundles can say what made them. Whoever builds for tests calls it something else in
//! `FOIL_COMMIT`, and is spared building everything anew for every commit.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=FOIL_COMMIT");
    if std::env::var_os("FOIL_COMMIT").is_some() {
        return;
    }
    println!("cargo::rerun-if-changed=../.git/logs/HEAD");
    let commit = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    if let Ok(output) = commit
        && output.status.success()
    {
        println!("cargo::rustc-env=FOIL_COMMIT={}", String::from_utf8_lossy(&output.stdout).trim());
    }
}
