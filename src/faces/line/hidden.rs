//! Secrets typed or pasted at a terminal that shows none of it.
//! Never keeps, prints or logs what was typed; the terminal's echo is put back on every way out.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::{Command, Stdio};

use inquire::{InquireError, Password, PasswordDisplayMode};

use crate::error::{Context, Error, Kind, Result};

/// End of transmission: Ctrl-D.
const END: u8 = 4;

/// One value, without echo.
pub fn value(name: &str) -> Result<String> {
    let prompt = format!("  {name} (not shown)");
    match Password::new(&prompt).without_confirmation().with_display_mode(PasswordDisplayMode::Hidden).prompt() {
        Ok(value) if value.is_empty() => {
            Err(Error::new(Kind::Input, format!("no value was given for {name}")).hint("give one, or leave --ask out for it"))
        }
        Ok(value) => Ok(value),
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => Err(stopped()),
        Err(error) => Err(Error::new(Kind::Input, format!("cannot ask for {name}: {error}"))
            .hint("run it in a terminal, or pipe the block: migrate-wizard secrets import < file")),
    }
}

/// Everything on standard input: from a pipe as it is; from a terminal without echo until Ctrl-D.
pub async fn block() -> Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).or_fail(Kind::Input, "cannot read standard input as UTF-8", "pipe the block as text")?;
        return Ok(text);
    }
    let _closed = writeln!(
        std::io::stderr(),
        "Paste Replit's block (Secrets, Edit as JSON; or NAME=value lines). Nothing of it is shown. Then press Ctrl-D."
    );
    let quiet = Quiet::begin()?;
    let mut ctrl_c = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).or_fail(
        Kind::Failed,
        "cannot listen for Ctrl-C",
        "pipe the block instead",
    )?;
    // A thread of its own: it may wait for ever, and the process ends without it.
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _gone = tell.send(until_end(&mut std::io::stdin().lock()));
    });
    let text = tokio::select! {
        text = told => text.map_err(|_| stopped())?,
        _ = ctrl_c.recv() => Err(stopped()),
    };
    drop(quiet);
    let _closed = writeln!(std::io::stderr());
    text
}

fn stopped() -> Error {
    Error::new(Kind::Interrupted, "stopped: nothing was stored").hint("run the same command again")
}

fn until_end(from: &mut impl BufRead) -> Result<String> {
    let mut bytes = Vec::new();
    for byte in from.bytes() {
        let byte = byte.or_fail(Kind::Input, "cannot read from the terminal", "pipe the block instead")?;
        if byte == END {
            break;
        }
        // what Enter and a paste send where the terminal does not translate it
        bytes.push(if byte == b'\r' { b'\n' } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| Error::new(Kind::Input, "the pasted text is not UTF-8").hint("copy it again, or use --file"))
}

/// The terminal without echo and without its limit of 4,095 characters in a line; dropping it puts everything back.
struct Quiet {
    before: String,
}

impl Quiet {
    fn begin() -> Result<Self> {
        let before = stty(&["-g"])?.trim().to_owned();
        let quiet = Self { before };
        stty(&["-echo", "-icanon", "min", "1"])?;
        Ok(quiet)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _gone = stty(&[&self.before]);
    }
}

fn stty(args: &[&str]) -> Result<String> {
    let hint = "pipe the block instead: migrate-wizard secrets import < file";
    let output = Command::new("stty").args(args).stdin(Stdio::inherit()).stderr(Stdio::null()).output().or_fail(
        Kind::Input,
        "cannot run stty",
        hint,
    )?;
    if !output.status.success() {
        return Err(Error::new(Kind::Input, "the terminal cannot be made to show nothing").hint(hint));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_ends_with_ctrl_d() {
        assert_eq!(until_end(&mut &b"{\r\n\"A\": \"1\"}\x04rest"[..]).unwrap(), "{\n\n\"A\": \"1\"}");
        assert_eq!(until_end(&mut &b"A=1"[..]).unwrap(), "A=1");
        assert!(until_end(&mut &b"\xff"[..]).is_err());
    }
}
