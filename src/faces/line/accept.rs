//! Changed files shown one by one, each taken or kept as it is by the person.
//! Never decides, and never writes a file.

use std::io::Write;

use inquire::{InquireError, Select};

use crate::error::{Error, Kind, Result};

/// A file with all that would change in it.
#[derive(Debug, Clone)]
pub struct Offer {
    pub path: String,
    pub reasons: Vec<String>,
    pub diff: String,
}

const TAKE: &str = "take the changes to this file";
const KEEP: &str = "keep this file as it is";
const ALL: &str = "take these and all others";
const STOP: &str = "stop, change nothing";

/// The paths that are taken.
///
/// # Errors
/// `Interrupted` when the person stops.
pub fn files(offers: &[Offer]) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    for (place, offer) in offers.iter().enumerate() {
        let mut out = std::io::stderr().lock();
        let _closed = writeln!(out, "\n{} ({} of {})", offer.path, place + 1, offers.len());
        for reason in &offer.reasons {
            let _closed = writeln!(out, "  because: {reason}");
        }
        let _closed = writeln!(out, "{}", offer.diff.trim_end_matches('\n'));
        drop(out);
        match Select::new(&offer.path, vec![TAKE, KEEP, ALL, STOP]).prompt() {
            Ok(TAKE) => taken.push(offer.path.clone()),
            Ok(ALL) => {
                taken.extend(offers.iter().skip(place).map(|offer| offer.path.clone()));
                break;
            }
            Ok(KEEP) => {}
            Ok(_) | Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
                return Err(Error::new(Kind::Interrupted, "stopped: nothing was changed").hint("the same command begins again"));
            }
            Err(error) => {
                return Err(Error::new(Kind::Input, format!("cannot ask about {}: {error}", offer.path))
                    .hint("run it in a terminal, or take all with --yes"));
            }
        }
    }
    Ok(taken)
}
