//! A SOAP client that was not written here: zeep, which knows nothing but the service's description.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

use crate::bank::{Bank, PATIENCE};

/// What is installed; pinned, so that the test is the same tomorrow.
const WHAT: &str = "zeep==4.3.1";

/// How long installing may take: a few megabytes, at times over a slow line.
const INSTALL_WITHIN: Duration = Duration::from_secs(900);

/// Runs a command; it must succeed. What it said is its output.
async fn run(command: &mut Command, within: Duration) -> String {
    let output = timeout(within, command.stdin(Stdio::null()).kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} takes too long"));
    let output = output.unwrap_or_else(|error| {
        panic!("{command:?} does not start: {error}; this test needs Python 3")
    });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed; it needs the package index.\n{said}\n{errors}"
    );
    said
}

/// Python with the client in it: made once beside the build, and used again as long as it is whole.
async fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stock-client-{WHAT}"));
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    if !ready.exists() {
        // A run that was cut off may have left half of one.
        let _ = std::fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder), INSTALL_WITHIN).await;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--retries", "5", "--timeout", "60", WHAT]);
        run(&mut pip, INSTALL_WITHIN).await;
        std::fs::write(&ready, "").unwrap();
    }
    python
}

#[tokio::test]
async fn a_stock_client_pays_by_the_description_alone() {
    let bank = Bank::generous().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payment/stock_client.py");
    let said = run(Command::new(python().await).arg(script).arg(&bank.address), PATIENCE).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    let paid = json!(["approved", "captured", null, "12.50", "paid"]);
    let expected = json!({
        "operations": ["Authorize", "Capture", "ListOpen", "Lookup", "ProcessTransaction", "Void"],
        "paid": paid,
        "again": paid,
        "held": ["approved", "authorized", "0.07"],
        "open": [["held", "0.07"]],
        "captured": ["captured", "0.07"],
        "barred": "voided",
        "looked up": "captured",
        "unknown": "unknown",
        "faults": [
            ["s:Client", "invalid_card", "card_number"],
            ["s:Client", "key_reused", null],
            ["s:Client", "voided", null],
            ["s:Client", "captured", null],
            ["s:Client", "unknown_key", null],
        ],
    });
    assert_eq!(told, expected);
}
