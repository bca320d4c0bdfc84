//! What the tests need from the system besides a Rust toolchain.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Debian packages that the tests need, each with a command that succeeds where what it brings is there, however it came.
///
/// There is no C code to compile, protobuf code is committed (its test compiles the definitions with a compiler written in Rust), and
/// the tests drive the binary itself over HTTP. But the payment service is called by a SOAP client that was not written here, in
/// Python; the test installs it from the package index.
const NEEDED: &[(&str, &[&str])] =
    &[("python3-venv", &["python3", "-c", "import ensurepip, venv"])];

/// Installs what is missing; does nothing, and needs no rights, when nothing is.
pub(crate) fn install_missing() -> anyhow::Result<()> {
    let missing = NEEDED.iter().filter(|(_, probe)| !succeeds(probe));
    let missing: Vec<&str> = missing.map(|(package, _)| *package).collect();
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

fn succeeds(command: &[&str]) -> bool {
    Command::new(command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
