//! What the tests need from the system besides a Rust toolchain.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Debian packages that the tests need.
///
/// Empty on purpose: there is no C code to compile, protobuf code is committed (its test compiles the definitions
/// with a compiler written in Rust), and the tests drive the binary itself over HTTP.
const NEEDED: &[&str] = &[];

/// Installs what is missing; does nothing, and needs no rights, when nothing is.
pub(crate) fn install_missing() -> anyhow::Result<()> {
    let missing: Vec<&str> = NEEDED.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(", "));
    let status = Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("apt-get does not start; install the packages by hand")?;
    if !status.success() {
        bail!("apt-get could not install {}; install them by hand", missing.join(", "));
    }
    Ok(())
}

fn installed(package: &str) -> bool {
    Command::new("dpkg")
        .args(["--status", package])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
