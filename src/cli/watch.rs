//! What `watch` is asked for.
//! Decides nothing: it says what was asked for.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// For how long: 30m, 1h, 1d (default: as the playbook says)
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    pub length: Option<String>,
}

fn length(text: &str) -> Result<String, String> {
    let good = looks_like_a_time(text);
    good.then(|| text.to_owned()).ok_or_else(|| "write it like 90s, 30m or 1h30m".to_owned())
}

/// Digits and the letters of units, in turns. What exactly they mean the effect says.
fn looks_like_a_time(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_lowercase())
}
