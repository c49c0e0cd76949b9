//! Secrets typed or pasted at a terminal that shows none of it.
//! Never keeps, prints or logs what was typed; the terminal's echo is put back on every way out.

use std::io::{BufRead, IsTerminal, Read, Write};

use inquire::{InquireError, Password, PasswordDisplayMode};

use crate::error::{Context, Error, Kind, Result};
use crate::faces::tui;

/// End of text: Ctrl-C, which a raw terminal gives as a byte and not as a signal.
const INTERRUPT: u8 = 3;
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

/// Everything on standard input: from a pipe as it is; from a terminal without echo until Ctrl-D. The future, dropped, leaves the
/// terminal as it was.
pub async fn block() -> Result<String> {
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        let _closed = writeln!(
            std::io::stderr(),
            "Paste Replit's block (Secrets, Edit as JSON; or NAME=value lines). Nothing of it is shown. Then press Ctrl-D."
        );
    }
    let quiet = terminal.then(Quiet::begin).transpose()?;
    // A thread of its own: it may wait for ever, and the process ends without it.
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let text = if terminal { until_end(&mut input) } else { whole(input) };
        let _gone = tell.send(text);
    });
    let text = told.await.unwrap_or_else(|_| Err(stopped()));
    if quiet.is_some() {
        drop(quiet);
        let _closed = writeln!(std::io::stderr());
    }
    text
}

/// The person or a signal ended it.
pub fn stopped() -> Error {
    Error::new(Kind::Interrupted, "stopped: nothing was stored").hint("run the same command again")
}

fn whole(from: impl Read) -> Result<String> {
    std::io::read_to_string(from).or_fail(Kind::Input, "cannot read standard input as UTF-8", "pipe the block as text")
}

fn until_end(from: &mut impl BufRead) -> Result<String> {
    let mut bytes = Vec::new();
    for byte in from.bytes() {
        let byte = byte.or_fail(Kind::Input, "cannot read from the terminal", "pipe the block instead")?;
        match byte {
            END => break,
            INTERRUPT => return Err(stopped()),
            _ => {}
        }
        // what Enter and a paste send where the terminal does not translate it
        bytes.push(if byte == b'\r' { b'\n' } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| Error::new(Kind::Input, "the pasted text is not UTF-8").hint("copy it again, or use --file"))
}

/// The raw terminal: no echo, and no limit of 4,095 characters in a line; dropping it puts everything back.
struct Quiet;

impl Quiet {
    fn begin() -> Result<Self> {
        tui::raw().map_err(|error| error.hint("pipe the block instead: migrate-wizard secrets import < file"))?;
        Ok(Self)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        tui::cooked();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_ends_with_ctrl_d() {
        assert_eq!(until_end(&mut &b"{\r\n\"A\": \"1\"}\x04rest"[..]).unwrap(), "{\n\n\"A\": \"1\"}");
        assert_eq!(until_end(&mut &b"A=1"[..]).unwrap(), "A=1");
        assert!(until_end(&mut &b"\xff"[..]).is_err());
        assert_eq!(until_end(&mut &b"{\"A\": \x03"[..]).unwrap_err().kind, Kind::Interrupted);
    }
}
